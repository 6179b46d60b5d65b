"""Who is on which team's caseload at a moment, from the dated versions of the `caseloads` table."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from crisisrisk.timeline import FOREVER

_COLUMNS = ("team_id", "person_id", "known_at", "valid_from", "valid_to", "worker_id")


@dataclass(frozen=True)
class _Version:
    """One version of one spell of care."""

    known_at: datetime
    valid_from: datetime
    valid_to: datetime
    worker: str | None


@dataclass(frozen=True)
class OpenCare:
    """A spell of care that is open: which team, who in it, since when."""

    team: str
    worker: str | None
    since: datetime


# For each person the spells of care (by start), each with its versions in the order in which they became known.
_Spells = Mapping[str, Mapping[datetime, list[_Version]]]


class Caseloads:
    """All dated versions of who cares for whom. Built once from a snapshot, asked for any moment."""

    def __init__(self, table: pa.Table) -> None:
        teams: dict[str, dict[str, dict[datetime, list[_Version]]]] = defaultdict(lambda: defaultdict(dict))
        columns = [table[name].to_pylist() for name in _COLUMNS]
        for team, person, known_at, valid_from, valid_to, worker in sorted(
            zip(*columns, strict=True), key=lambda row: (row[0], row[1], row[3], row[2])
        ):
            version = _Version(known_at, valid_from, valid_to or FOREVER, worker)
            teams[team][person].setdefault(valid_from, []).append(version)
        self._teams: Mapping[str, _Spells] = teams

    def has(self, team: str, person_id: str, now: datetime) -> bool:
        """Whether a person is on a team's caseload now, as known now."""
        spells = self._spells(team).get(person_id, {})
        return any(_is_open(versions, now) for versions in spells.values())

    def knows(self, person_id: str, now: datetime) -> bool:
        """Whether a person is, or was, on any caseload, as known now."""
        spells = (self._spells(team).get(person_id, {}) for team in self._teams)
        return any(version.known_at < now for one in spells for versions in one.values() for version in versions)

    def people(self, team: str, now: datetime) -> tuple[str, ...]:
        """Everyone on a team's caseload now, as known now, in order of id."""
        return tuple(sorted(person for person in self._spells(team) if self.has(team, person, now)))

    def open_to(self, person_id: str, now: datetime) -> tuple[OpenCare, ...]:
        """Every team that cares for a person now, as known now, in order of id; of one team the spell begun last."""
        found = (self._care_of(team, person_id, now) for team in sorted(self._teams))
        return tuple(one for one in found if one is not None)

    def _care_of(self, team: str, person_id: str, now: datetime) -> OpenCare | None:
        """The care of one team that is open now; of several spells the one begun last."""
        spells = self._spells(team).get(person_id, {})
        open_since = max((since for since, versions in spells.items() if _is_open(versions, now)), default=None)
        if open_since is None:
            return None
        newest = [version for version in spells[open_since] if version.known_at < now][-1]
        return OpenCare(team, newest.worker, open_since)

    def worker_of(self, team: str, person_id: str, now: datetime) -> str | None:
        """The care coordinator of a person who is on a team's caseload now, as known now; None where none is named."""
        found = self._care_of(team, person_id, now)
        return None if found is None else found.worker

    def without_team(self, people: Iterable[str], now: datetime) -> frozenset[str]:
        """Those of some people who are on no caseload now, as known now."""
        cared_for = {person for team in self._teams for person in self.people(team, now)}
        return frozenset(people) - cared_for

    def last_team(self, person_id: str, now: datetime) -> tuple[str, datetime] | None:
        """Which team's care of a person ended last before a moment, and when, as known then; None without any."""
        ended = []
        for team in self._teams:
            for versions in self._spells(team).get(person_id, {}).values():
                known = [version for version in versions if version.known_at < now]
                if known and known[-1].valid_from < known[-1].valid_to <= now:
                    ended.append((known[-1].valid_to, team))
        return None if not ended else (max(ended)[1], max(ended)[0])

    def _spells(self, team: str) -> _Spells:
        return self._teams.get(team, {}) if team in self._teams else {}


def _is_open(versions: list[_Version], now: datetime) -> bool:
    """The latest version known before now decides: an end that was corrected away does not count."""
    known = [version for version in versions if version.known_at < now]
    return bool(known) and known[-1].valid_from <= now < known[-1].valid_to
