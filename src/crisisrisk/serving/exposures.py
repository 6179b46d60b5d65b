"""Which scores were shown, to which team, on which day: kept once a day, before the answer that shows them leaves."""

import threading
from collections import OrderedDict
from collections.abc import Collection
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from crisisrisk.database.runs import StoredRun
from crisisrisk.database.shown import keep_shown

REMEMBERED = 64
"""How many teams' days the service knows to be kept; of others it asks the database again."""


class Looking(Protocol):
    """Who looks."""

    @property
    def key_id(self) -> str:
        """By which key."""

    @property
    def team(self) -> str | None:
        """For which team."""


class ShownScores:
    """Keeps what was shown. What is known to be kept is not written again, so that most looks write nothing here."""

    def __init__(self, engine: Engine, zone: ZoneInfo) -> None:
        self._engine = engine
        self._zone = zone
        self._kept: OrderedDict[tuple[int, str, str], set[str]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, run: StoredRun, people: Collection[str], *, viewer: Looking, now: datetime) -> None:
        """Keep that scores of a run are shown to a team now."""
        team, day = viewer.team or "", now.astimezone(self._zone).date().isoformat()
        key = (run.number, team, day)
        with self._lock:
            fresh = set(people) - self._kept.get(key, set())
        if not fresh:
            return
        keep_shown(
            self._engine, fresh, run_id=run.number, team_id=team, day=day, shown_at=now, made_by=viewer.key_id
        )  # fmt: skip
        with self._lock:
            self._kept.setdefault(key, set()).update(fresh)
            self._kept.move_to_end(key)
            while len(self._kept) > REMEMBERED:
                self._kept.popitem(last=False)
