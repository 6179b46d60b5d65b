"""Invented histories by the thousand: each person is one, with its own few moments to ask about.

Drawn by a seeded generator rather than by hypothesis: nothing is shrunk, and a run of any length can be repeated. The
choices are the same kind: ties, edges of windows, the nights on which clocks change, corrections of any content.
"""

from datetime import datetime, timedelta
from typing import Any

import numpy as np

from tests.lib.histories import BASE, SOURCES, CaseloadVersion, EventVersion, History, PersonVersion

_NUDGES_US = (0, 0, 0, 1, -1, 3_600_000_000, -3_600_000_000, 64_800_000_000, 84_600_000_000)
_DELAYS = (0, 0, 0, 1, 2, 8, 40, -9)
_STAYS = (None, None, None, 0.0, 1.25, 7.0, 60.0)


class HistoryMaker:
    """Histories from one seed."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def batch(self, people: int) -> History:
        """So many people with up to twelve contacts each, and one to three moments each, not all even."""
        names = [f"p{number:05}" for number in range(people)]
        events = [version for name in names for version in self._contacts(name)]
        as_of = {name: tuple({self._moment(-20, 45) for _ in range(self._random.integers(1, 4))}) for name in names}
        return History(
            tuple(events),
            tuple(version for name in names for version in self._states(name)),
            as_of,
            tuple(version for name in names for version in self._teams(name)),
        )

    def _one_of(self, *choices: Any) -> Any:
        return choices[self._random.integers(len(choices))]

    def _moment(self, first_day: int, last_day: int) -> datetime:
        day = BASE + timedelta(days=int(self._random.integers(first_day, last_day + 1)))
        return day + timedelta(microseconds=self._one_of(*_NUDGES_US))

    def _contacts(self, person: str) -> list[EventVersion]:
        versions = []
        for number in range(self._random.integers(0, 13)):
            known_at = None
            for _ in range(self._one_of(1, 1, 1, 2, 3)):
                version = self._version(f"{person}-{number}", person, known_at)
                versions.append(version)
                known_at = version.known_at + timedelta(days=self._one_of(1, 2, 8), microseconds=self._one_of(0, 1))
        return versions

    def _version(self, event_id: str, person: str, known_at: datetime | None) -> EventVersion:
        occurred_at = self._moment(-60, 40)
        lasts = self._one_of(*_STAYS)
        return EventVersion(
            event_id=event_id,
            person_id=person,
            occurred_at=occurred_at,
            known_at=known_at or occurred_at + timedelta(days=self._one_of(*_DELAYS)),
            ended_at=None if lasts is None else occurred_at + timedelta(days=lasts),
            source=self._one_of(*SOURCES, "unheard_of"),
            code=self._one_of("call", "visit"),
            outcome=self._one_of(None, "missed", "attended"),
            is_crisis=self._one_of(True, True, False, None),
            premises=self._one_of(None, "public", "private"),
            place_id=self._one_of(None, None, "here"),
            value=self._one_of(None, 0.0, 2.5, -1.0005, 1e9),
            latitude=self._one_of(None, 52.48, 52.4899, -0.0001),
            longitude=self._one_of(None, -1.89, -1.8901),
        )

    def _states(self, person: str) -> list[PersonVersion]:
        known = {self._moment(-60, 40) for _ in range(self._random.integers(0, 3))}
        return [
            PersonVersion(
                person_id=person,
                known_at=moment,
                birth_year=self._one_of(None, 1950, 1999),
                deprivation_decile=self._one_of(None, 1, 10),
                sex=self._one_of(None, "female", "male", "other", "unknown"),
            )
            for moment in sorted(known)
        ]

    def _teams(self, person: str) -> list[CaseloadVersion]:
        known = {self._moment(-60, 40) for _ in range(self._random.integers(0, 3))}
        begins = [BASE + timedelta(days=days) for days in (-40, -8, 0, 3)]
        return [
            CaseloadVersion(
                person_id=person,
                team_id=self._one_of("north", "south"),
                valid_from=(start := self._one_of(*begins)),
                known_at=moment,
                valid_to=self._one_of(None, start + timedelta(days=20)),
            )
            for moment in sorted(known)
        ]
