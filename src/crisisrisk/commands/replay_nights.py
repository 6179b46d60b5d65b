"""Nights of the past as a replay meets them: what was expected before, where teams could stand, and what then came."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from crisisrisk.errors import UsageError
from crisisrisk.features.place import live_counts, shift_bounds
from crisisrisk.models.place_distribution import joint_counts
from crisisrisk.positioning.care import STANDING
from crisisrisk.positioning.ground import Ground
from crisisrisk.positioning.past_plans import LAST_MONTH, RESIDENTS, Expected, NightToPlan, SitesOfShift
from crisisrisk.positioning.question import CODE, Counts, Numbers
from crisisrisk.positioning.replay import Night, Ways
from crisisrisk.positioning.service_times import HOURS_EACH, TRAVEL_HOURS, ServiceRecords
from crisisrisk.positioning.tonight import DRAWS, SEED, Tonight
from crisisrisk.positioning.travel import Barriers, Points, Roads, straight_line_times
from crisisrisk.scoring.demand import ShiftDemand
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot
from crisisrisk.timeline import MICROSECONDS_PER_DAY, MICROSECONDS_PER_HOUR, Instants, Shift, microseconds
from crisisrisk.training.past_forecasts import PastForecasts

MONTH_DAYS = 28


@dataclass(frozen=True, kw_only=True, eq=False)
class Asked:
    """What a replay is asked of each night. `teams`: by the name of the shift; `travel`: a file of minutes, or None."""

    teams: dict[str, int]
    bases: tuple[str, ...] = ()
    travel: Path | None = None
    seed: int = SEED


@dataclass(frozen=True, kw_only=True, eq=False)
class PastNights:
    """The nights of some past forecasts, by their number from 0. `true`: true intensities, shape (nights, cells)."""

    site: Site
    snapshot: Snapshot
    past: PastForecasts
    records: ServiceRecords
    asked: Asked
    true: Numbers | None = None
    _places: dict[tuple[object, ...], "_Places"] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.past.shifts)

    def shift(self, number: int) -> Shift:
        """The shift of a night."""
        return self.past.data.shifts[int(self.past.shifts[number])]

    @cached_property
    def issued(self) -> Instants:
        """When each night was forecast and planned. Shape (nights,)."""
        starts = shift_bounds(tuple(self.shift(one) for one in range(len(self))))[0]
        return starts - round(self.past.issue_hours * MICROSECONDS_PER_HOUR)

    def prepare(self, some: Sequence[int]) -> None:
        """Make what several of these nights share, before they are planned at once."""
        _ = self._month
        for number in some:
            self.place(number)

    # Before the night

    def to_plan(self, number: int) -> NightToPlan:
        """What was known and expected when the night was planned."""
        told = self.past.forecast.at(np.array([number]))
        shared = float(told.shared[0])
        own = np.maximum(told.dispersion[0] - shared, 0.0) / (1.0 + shared)
        return NightToPlan(
            sites=self.place(number).sites,
            forecast=_drawn(told.expected[0], own, shared),
            hours_each=self.records.hours_each(int(self.issued[number])),
            maps=self._maps(number),
            true=None if self.true is None else _drawn(self.true[number], np.zeros(self.true.shape[1]), 0.0),
        )

    def _maps(self, number: int) -> dict[str, Numbers]:
        """Contacts of each cell by its residents, and by the last month's, as many in all as in like shifts of it."""
        counts, like = self._month[:, number].astype(np.float64), self._like(number)
        residents = np.nan_to_num(self.past.data.cells.population)
        maps = {LAST_MONTH: counts, RESIDENTS: residents}
        return {name: one / one.sum() * like for name, one in maps.items() if one.sum() > 0}

    @cached_property
    def _month(self) -> Counts:
        """Contacts of the last 28 days as known when each night was planned. Shape (cells, nights)."""
        times, of_night = np.unique(self.issued, return_inverse=True)
        return live_counts(self.past.data.history, times.astype(np.int64), MONTH_DAYS)[:, of_night].astype(np.int64)

    def _like(self, number: int) -> float:
        """The mean number of contacts in the shifts of the same name that began and ended in the last 28 days."""
        issued, history, name = int(self.issued[number]), self.past.data.history, self.shift(number).name
        like = tuple(one for one in self.past.data.shifts if one.name == name)
        start, end = shift_bounds(like)
        inside = (start >= issued - MONTH_DAYS * MICROSECONDS_PER_DAY) & (end <= issued)
        live = (history.known_at < issued) & (issued <= history.superseded_at)
        occurred = np.sort(history.occurred_at[live])
        found = np.searchsorted(occurred, end[inside]) - np.searchsorted(occurred, start[inside])
        return float(found.mean()) if len(found) else 0.0

    def place(self, number: int) -> "_Places":
        """Where teams could stand and how far that is, the same for shifts at the same hours of the clock."""
        shift = self.shift(number)
        start, end = (moment.astimezone(self.site.time_zone) for moment in (shift.start, shift.end))
        key = (shift.name, start.time(), end.time(), shift.hours)
        if key not in self._places:
            self._places[key] = self._place(shift)
        return self._places[key]

    def _place(self, shift: Shift) -> "_Places":
        teams, care = self.asked.teams[shift.name], self.snapshot.table("sites_of_care")
        rules = self.site.positions
        tonight = Tonight(
            care, self.past.data.cells, shift, self.site.time_zone, travel=self.asked.travel or rules.travel,
            settings=rules,
        )  # fmt: skip
        ground = tonight.ground(self._nothing(shift), teams=teams, hours_each=1.0)
        kinds = dict(zip(tonight.standing.points.ids, tonight.standing.kinds, strict=True))
        bases = _bases(ground, kinds, teams, self.asked.bases)
        middle = shift.start + (shift.end - shift.start) / 2
        return _Places(
            sites=SitesOfShift(minutes=ground.minutes, room=ground.room, bases=bases, hours=float(shift.hours)),
            cells=ground.cells,
            hour=middle.astimezone(self.site.time_zone).hour,
            barriers=tonight.barriers,
            travel_said=ground.travel_said,
        )

    def _nothing(self, shift: Shift) -> ShiftDemand:
        cells, none = self.past.data.cells, np.zeros(len(self.past.data.cells))
        return ShiftDemand(shift.id, cells.ids, cells.latitude, cells.longitude, none, none, 0.0, np.ones(1))

    # The night itself

    def night(self, number: int) -> Night:
        """The contacts that came, each with a time at the scene drawn for it once, whatever the plan."""
        start = microseconds(self.shift(number).start)
        occurred, cell = (values[self._within(number)] for values in self._final)
        chances = np.random.default_rng([self.asked.seed, start // MICROSECONDS_PER_HOUR]).random(len(occurred))
        return Night(
            minute=(occurred - start) / MICROSECONDS_PER_HOUR * 60.0,
            cell=np.unique(cell, return_inverse=True)[1].astype(np.int64),
            service=self.records.minutes(int(self.issued[number]), chances),
        )

    def drawn_again(self, number: int, draw: int) -> tuple[Night, Ways]:
        """The same night of an invented city as it might have come: as many contacts in each cell as its truth draws.

        Each cell by itself (Poisson), at minutes at which contacts of such nights came. ValueError without the truth.
        """
        if self.true is None:
            raise ValueError("nobody knows the truth of these nights")
        start = microseconds(self.shift(number).start)
        random = np.random.default_rng([self.asked.seed, start // MICROSECONDS_PER_HOUR, 1 + draw])
        cell = random.permutation(np.repeat(np.arange(self.true.shape[1]), random.poisson(self.true[number])))
        used, among = np.unique(cell, return_inverse=True)
        night = Night(
            minute=np.sort(random.choice(self._minutes[self.shift(number).name], len(cell))),
            cell=among.astype(np.int64),
            service=self.records.minutes(int(self.issued[number]), random.random(len(cell))),
        )
        return night, self._ways(number, used)

    @cached_property
    def _minutes(self) -> dict[str, Numbers]:
        """How many minutes after the start of a shift contacts came, by its name; the start alone where none did."""
        found: dict[str, list[Numbers]] = {}
        for number in range(len(self)):
            found.setdefault(self.shift(number).name, []).append(self.night(number).minute)
        return {
            name: np.concatenate([*some, *([] if any(map(len, some)) else [np.zeros(1)])])
            for name, some in found.items()
        }

    @cached_property
    def _final(self) -> tuple[Instants, Counts]:
        """When and in which cell the contacts happened that count in the end, as they are counted; in order of time."""
        history, cut_off = self.past.data.history, self.past.data.cut_off_us
        cell = np.repeat(np.arange(len(history.starts) - 1), np.diff(history.starts))
        final = (history.known_at < cut_off) & (cut_off <= history.superseded_at)
        order = np.argsort(history.occurred_at[final], kind="stable")
        return history.occurred_at[final][order], cell[final][order].astype(np.int64)

    def ways(self, number: int) -> Ways:
        """Minutes between sites and the cells in which the night has contacts, ascending: what `Night.cell` counts."""
        return self._ways(number, np.unique(self._final[1][self._within(number)]))

    def _ways(self, number: int, used: Counts) -> Ways:
        """Of some cells alone: what a night looks up must fit into the fastest memory."""
        place = self.place(number)
        cells, sites = _only(place.cells, used), len(place.sites.room)
        return Ways(
            site_to_cell=np.ascontiguousarray(place.sites.minutes[:, used]),
            cell_to_cell=straight_line_times(cells, cells, Roads(), hour=place.hour, barriers=place.barriers).minutes,
            site_to_site=np.zeros((sites, sites)),
        )

    def _within(self, number: int) -> slice:
        """Which of the contacts that count in the end are of a night."""
        shift = self.shift(number)
        first, last = np.searchsorted(self._final[0], [microseconds(shift.start), microseconds(shift.end)]).tolist()
        return slice(first, last)

    # All nights together

    def reachable(self, target: float) -> float:
        """The share of contacts that a team at some open site would reach in time if it were free; NaN without one."""
        every = np.concatenate([
            self.place(one).sites.reach(target)[self._final[1][self._within(one)]] for one in range(len(self))
        ])  # fmt: skip
        return float(every.mean()) if len(every) else float("nan")

    @property
    def travel_said(self) -> str:
        """Which travel times the plans rest on, of the first night."""
        return self.place(0).travel_said

    @property
    def service_said(self) -> str:
        """Where the times at the scene come from."""
        known = sum(self.records.says(int(one)) for one in self.issued)
        assumed = f"drawn from an exponential distribution of {60 * (HOURS_EACH - TRAVEL_HOURS):.0f} minutes"
        learned = "times at the scene drawn from the records of teams known before each shift"
        if known == len(self):
            return learned
        if not known:
            return f"too few records of teams say how long they were away: times at the scene {assumed}"
        return f"{learned}; in {len(self) - known} shifts with too few of them {assumed}"

    def local_day(self, number: int) -> str:
        """The local date on which a night begins."""
        return f"{self.shift(number).start.astimezone(self.site.time_zone):%Y-%m-%d}"

    def weeks(self) -> Counts:
        """The local week of each night, as a number. Shape (nights,)."""
        days = [self.shift(one).start.astimezone(self.site.time_zone).date().toordinal() for one in range(len(self))]
        return (np.array(days, dtype=np.int64) - 1) // 7


@dataclass(frozen=True, kw_only=True, eq=False)
class _Places:
    """Where teams can stand in shifts at the same hours. `hour`: local, in the middle, of which travel times are."""

    sites: SitesOfShift
    cells: Points
    hour: int
    barriers: Barriers
    travel_said: str


def _drawn(expected: Numbers, own: Numbers, shared: float) -> Expected:
    samples = joint_counts(expected, own, shared, draws=DRAWS, seed=SEED)
    return Expected(contacts=expected, samples=samples.astype(np.float64))


def _only(points: Points, some: Counts) -> Points:
    return Points(
        ids=tuple(points.ids[one] for one in some.tolist()), latitude=points.latitude[some],
        longitude=points.longitude[some], urban=points.urban[some],
    )  # fmt: skip


def _bases(ground: Ground, kinds: dict[str, str], teams: int, named: Sequence[str]) -> Counts:
    """The sites of teams at the bases named, and of the others at the site's own in turn; only where it is open.

    Shape (teams,).
    """
    usable = [name for number, name in enumerate(ground.sites.ids) if ground.room[number] > 0]
    if len(named) > teams:
        raise UsageError(CODE, "more bases than teams", found=f"{len(named)} bases", wanted=f"{teams} at most")
    if unknown := [name for name in named if name not in usable]:
        raise UsageError(
            CODE, f'there is no site "{unknown[0]}" to stand at all shift', found=unknown[0], wanted=", ".join(usable)
        )  # fmt: skip
    own = [name for name in usable if kinds[name] == STANDING[0]] or usable
    usual = [*named, *islice(cycle(own), teams - len(named))]
    return np.array([ground.sites.ids.index(name) for name in usual], dtype=np.int64)
