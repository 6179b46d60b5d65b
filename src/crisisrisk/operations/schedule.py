"""When a job is due. Local times follow the clock on the wall, also over the two nights on which it is changed."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from crisisrisk.timeline import Rhythm, ShiftPattern, Window, grid, shifts_starting_in

FURTHEST = timedelta(days=9)
"""A shift of some weekdays comes once in seven days at least, and is forecast up to another seven before."""
_MOMENT = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Schedule(Protocol):
    """Moments at which a job is due."""

    def last(self, now: datetime) -> datetime | None:
        """The newest that is not after `now`."""

    def following(self, now: datetime) -> datetime | None:
        """The first after `now`."""


@dataclass(frozen=True)
class Every:
    """Every so many minutes."""

    minutes: int

    def last(self, now: datetime) -> datetime:
        """The newest that is not after `now`."""
        step = timedelta(minutes=self.minutes)
        return _EPOCH + (now - _EPOCH) // step * step

    def following(self, now: datetime) -> datetime:
        """The first after `now`."""
        return self.last(now) + timedelta(minutes=self.minutes)


class _Dated(ABC):
    """Moments that a calendar gives."""

    def last(self, now: datetime) -> datetime | None:
        """The newest that is not after `now`."""
        return max(self.moments(Window(now - 2 * FURTHEST, now + _MOMENT)), default=None)

    def following(self, now: datetime) -> datetime | None:
        """The first after `now`."""
        return min(self.moments(Window(now + _MOMENT, now + 2 * FURTHEST)), default=None)

    @abstractmethod
    def moments(self, window: Window) -> Iterator[datetime]:
        """Those in a window, in any order."""


@dataclass(frozen=True)
class Daily(_Dated):
    """Every day at some local times. One inside the hour that is skipped is due at the change, one in the hour that
    happens twice at the first of the two."""

    at: tuple[time, ...]
    zone: ZoneInfo

    def moments(self, window: Window) -> Iterator[datetime]:
        """Those in a window."""
        for one in self.at:
            yield from grid(window, self.zone, Rhythm(days=1, at=one))


@dataclass(frozen=True)
class BeforeShifts(_Dated):
    """So many hours before each shift of a rota."""

    hours: tuple[float, ...]
    patterns: tuple[ShiftPattern, ...]
    zone: ZoneInfo

    def moments(self, window: Window) -> Iterator[datetime]:
        """Those in a window."""
        for before in (timedelta(hours=one) for one in self.hours):
            starts = Window(window.start + before, window.end + before)
            for shift in shifts_starting_in(self.patterns, starts, self.zone):
                yield shift.start - before
