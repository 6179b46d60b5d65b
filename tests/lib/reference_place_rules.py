"""What the simple rules of places are, said as plainly as possible and slowly: each target, shift and event in turn.

`InventedPast` makes event versions in cells, some late, some corrected; shifts overlap and differ in length.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from crisisrisk.features.place import PlaceHistory, PlaceRows
from crisisrisk.features.place_past import PlacePast, place_past
from crisisrisk.tables.cells import Cells
from crisisrisk.timeline import FOREVER_US, Shift, Window, instant, microseconds, shift_on, shifts_starting_in
from tests.lib.reference_place_features import DAY, FAR, MIDDLE, NEIGHBOUR, SECOND, hexagons, site_of

SITE = site_of()
CELLS = hexagons(MIDDLE, NEIGHBOUR, SECOND, FAR)
FIRST = datetime(2024, 1, 3, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class InventedPast:
    """`days` of events from `FIRST` on, and targets among the last shifts."""

    seed: int
    days: int = 420
    events: int = 300
    issue_hours: float = 24
    latency_hours: float = 48
    targets: int = 4

    @cached_property
    def versions(self) -> list[tuple[int, int, int, int]]:
        """Cell, occurred_at, known_at and superseded_at of each version, in microseconds."""
        random = np.random.default_rng(self.seed)
        found = []
        for _ in range(self.events):
            occurred = FIRST + random.random() * self.days * DAY
            lag = HOUR * random.choice([0, 1, 30, 400], p=[0.3, 0.4, 0.2, 0.1])
            known, corrected = microseconds(occurred + lag), microseconds(occurred + lag + 5 * DAY)
            cell, other = random.choice(len(CELLS), 2, p=[0.5, 0.3, 0.2, 0.0]).tolist()
            again = random.random() < 0.15
            found.append((cell, microseconds(occurred), known, corrected if again else FOREVER_US))
            if again:
                found.append((other, microseconds(occurred), corrected, FOREVER_US))
        return found

    @cached_property
    def history(self) -> PlaceHistory:
        """The versions as the rules read them."""
        ordered = sorted(self.versions, key=lambda one: (one[0], -one[1]))
        cell, occurred, known, superseded = (np.array(column, dtype=np.int64) for column in zip(*ordered, strict=True))
        starts = np.searchsorted(cell, np.arange(len(CELLS) + 1)).astype(np.int64)
        return PlaceHistory(starts, np.arange(len(cell)), occurred, known, superseded)

    @cached_property
    def shifts(self) -> tuple[Shift, ...]:
        """Those after 400 days."""
        last = Window(FIRST + (self.days - 20) * DAY, FIRST + self.days * DAY)
        return shifts_starting_in(SITE.shifts, last, SITE.time_zone)

    @cached_property
    def rows(self) -> PlaceRows:
        """Some of the last shifts."""
        chosen = np.random.default_rng(self.seed + 1).choice(len(self.shifts), self.targets, replace=False)
        return self.rows_of([self.shifts[one] for one in np.sort(chosen)])

    def rows_of(self, shifts: Sequence[Shift], cells: Cells = CELLS) -> PlaceRows:
        """Rows with issue times."""
        issued = [microseconds(one.start - self.issue_hours * HOUR) for one in shifts]
        return PlaceRows(cells, tuple(shifts), np.array(issued, dtype=np.int64))

    @cached_property
    def past(self) -> PlacePast:
        """What the rules read."""
        return place_past(self.history, self.rows, SITE, latency_hours=self.latency_hours)


@dataclass(frozen=True)
class SlowPast:
    """The past of one target."""

    invented: InventedPast
    shift: Shift
    issued: datetime
    seen: dict[Shift, list[int]] = field(default_factory=dict)

    @cached_property
    def events(self) -> list[tuple[int, datetime]]:
        """Cell and time of the events known at the issue time."""
        at = microseconds(self.issued)
        return [
            (cell, instant(occurred)) for cell, occurred, known, gone in self.invented.versions if known < at <= gone
        ]

    @cached_property
    def began(self) -> datetime:
        """The first occurrence known among prompt records."""
        at = microseconds(self.issued)
        prompt = [
            occurred for _, occurred, known, _ in self.invented.versions
            if known < at and known - occurred <= 14 * 86_400_000_000
        ]  # fmt: skip
        return instant(min(prompt))

    @cached_property
    def known(self) -> list[Shift]:
        """The shifts that may be looked at, by end."""
        seen_to = self.issued - self.invented.latency_hours * HOUR
        found = []
        for pattern in SITE.shifts:
            day = self.began.date() - 3 * DAY
            while day <= seen_to.date():
                if day.weekday() in pattern.weekdays:
                    one = shift_on(pattern, day, SITE.time_zone)
                    if self.began <= one.start and one.end <= seen_to:
                        found.append(one)
                day += DAY
        return sorted(found, key=lambda one: (one.end, one.start))

    def like(self) -> list[Shift]:
        """Those of the target's name and weekday."""
        return [one for one in self.known if (one.name, one.weekday) == (self.shift.name, self.shift.weekday)]

    def recent(self, days: int | None) -> list[Shift]:
        """Those that ended in the last days before what may be looked at."""
        seen_to = self.issued - self.invented.latency_hours * HOUR
        return [one for one in self.known if days is None or one.end > seen_to - days * DAY]

    def counts(self, shifts: Sequence[Shift]) -> NDArray[np.int64]:
        """Events of each cell in the shifts; one in two of them counts twice."""
        found = np.zeros(len(CELLS), dtype=np.int64)
        for one in shifts:
            for cell in self.inside(one):
                found[cell] += 1
        return found

    def inside(self, shift: Shift) -> list[int]:
        """The cell of each event in a shift."""
        if shift not in self.seen:
            self.seen[shift] = [cell for cell, occurred in self.events if shift.start <= occurred < shift.end]
        return self.seen[shift]

    # The rules

    def map(self, days: int | None) -> NDArray[np.float64]:
        """Rate × hours of the target."""
        shifts = self.recent(days)
        return self.counts(shifts) / sum(one.hours for one in shifts) * self.shift.hours

    def factor(self) -> float:
        """Of the target's kind."""
        shifts = self.recent(365)
        like = [one for one in shifts if (one.name, one.weekday) == (self.shift.name, self.shift.weekday)]
        rate = self.counts(shifts).sum() / sum(one.hours for one in shifts)
        return (self.counts(like).sum() + 10) / (rate * sum(one.hours for one in like) + 10)

    def shrunken(self) -> NDArray[np.float64]:
        """Rate an hour."""
        shifts = self.recent(365)
        counts = self.counts(shifts)
        own = max(counts.var() - counts.mean(), 0) / counts.var()
        return (own * counts + (1 - own) * counts.mean()) / sum(one.hours for one in shifts)

    def same_shift(self, weeks: int) -> NDArray[np.float64]:
        """Mean of the last like shifts."""
        like = self.like()[-weeks:]
        return self.counts(like) / len(like) if like else self.map(None)

    def medic(self) -> NDArray[np.float64]:
        """Mean of the recalled shifts."""
        lags = [364 * year + 7 * week for year in range(5) for week in range(1, 5)]
        recalled = [
            one for one in self.like() for lag in lags if abs((self.shift.start - lag * DAY) - one.start) <= 2 * HOUR
        ]
        return self.counts(recalled) / len(recalled) if recalled else self.map(None)

    def volume(self) -> float:
        """Of the whole area."""
        return float(self.same_shift(8).sum())

    def volume_times_share(self) -> NDArray[np.float64]:
        """Volume × share."""
        counts = self.counts(self.recent(365))
        return self.volume() * counts / counts.sum()

    def density(self, bandwidth_km: float) -> NDArray[np.float64]:
        """Rate an hour: every event weighed by age and handed out to all cells near its own."""

        def weight(one: Shift) -> float:
            age = (self.issued - (one.start + (one.end - one.start) / 2)) // HOUR
            return float(0.5 ** (age / 24 / 180))

        given = [_parts(cell, bandwidth_km) for cell in range(len(CELLS))]
        found = np.zeros(len(CELLS))
        for one in self.known:
            for cell in self.inside(one):
                found += weight(one) * given[cell]
        return found / sum(weight(one) * one.hours for one in self.known)

    def residents(self) -> NDArray[np.float64]:
        """Residents × rate × hours × factor, where no deprivation is known."""
        people = np.where(np.isnan(CELLS.population), np.nanmedian(CELLS.population), CELLS.population)
        shifts = self.recent(365)
        rate = self.counts(shifts).sum() / sum(one.hours for one in shifts)
        return people / people.sum() * rate * self.shift.hours * self.factor()

    def echo(self, half_life: int, cells: Sequence[int]) -> float:
        """What each event of the cells is still to bring during the target, added up."""
        total = 0.0
        for cell, occurred in self.events:
            age = (self.issued - occurred) // HOUR
            if cell in cells and age < 10 * half_life * 24:
                ahead = (self.shift.start - self.issued) / DAY
                strength = 0.5 ** (age / 24 / half_life)
                ends = ahead + self.shift.hours / 24
                total += strength * (0.5 ** (ahead / half_life) - 0.5 ** (ends / half_life))
        return total


def slow_pasts(invented: InventedPast) -> list[SlowPast]:
    """Of every target."""
    issued = [instant(one) for one in invented.rows.issued_at.tolist()]
    return [SlowPast(invented, shift, at) for shift, at in zip(invented.rows.shifts, issued, strict=True)]


def _parts(cell: int, bandwidth_km: float) -> NDArray[np.float64]:
    """The parts of an event of a cell that all cells get."""
    parts = np.zeros(len(CELLS))
    for other in range(len(CELLS)):
        north = (CELLS.latitude[other] - CELLS.latitude[cell]) * 111.195
        middle = math.radians((CELLS.latitude[other] + CELLS.latitude[cell]) / 2)
        east = (CELLS.longitude[other] - CELLS.longitude[cell]) * math.cos(middle) * 111.195
        away = math.hypot(north, east)
        if away <= 3 * bandwidth_km:
            parts[other] = math.exp(-0.5 * (away / bandwidth_km) ** 2)
    return parts / parts.sum()
