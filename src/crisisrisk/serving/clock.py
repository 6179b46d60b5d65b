"""The machine's clock, watched: a clock that is set back must not make an old answer new again."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock

ALLOWED = timedelta(seconds=5)
"""What daily corrections of a clock come to; more is said."""


def _wall() -> datetime:
    return datetime.now(UTC)


class WatchedClock:
    """Time that never goes back: where the wall clock does, it goes on by the machine's own count of seconds."""

    def __init__(self, wall: Callable[[], datetime] = _wall, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._steady = wall, steady
        self._latest, self._at = wall(), steady()
        self._lock = Lock()

    def not_before(self, moment: datetime) -> None:
        """Something was made at that moment, so it is not earlier now: the clock may have gone back in between."""
        with self._lock:
            steady = self._steady()
            if moment > self._latest + timedelta(seconds=steady - self._at):
                self._latest, self._at = moment, steady

    def now(self) -> datetime:
        """The wall clock, or the latest that it showed and the seconds that have passed since, if that is later."""
        return self._now_and_behind()[0]

    def behind(self) -> timedelta:
        """How far the wall clock is behind the time that must have passed; zero within what is allowed."""
        behind = self._now_and_behind()[1]
        return behind if behind > ALLOWED else timedelta()

    def _now_and_behind(self) -> tuple[datetime, timedelta]:
        with self._lock:
            wall, steady = self._wall(), self._steady()
            expected = self._latest + timedelta(seconds=steady - self._at)
            behind = expected - wall
            if behind > ALLOWED:
                return expected, behind
            if wall >= self._latest:
                self._latest, self._at = wall, steady
            return max(wall, self._latest), timedelta()
