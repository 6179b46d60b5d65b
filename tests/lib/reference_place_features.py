"""What place features, counts, usual values and the offset are, said as plainly as possible and slowly.

Everything asks each event in turn: what was said of it last before the issue time, was it inside?
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import h3
import numpy as np
from numpy.typing import NDArray

from crisisrisk.features.place import PlaceRows
from crisisrisk.features.specs import FeatureRecipe, FeatureSpec
from crisisrisk.tables.cell_settings import CellSettings
from crisisrisk.tables.cells import Cells, Neighbours
from crisisrisk.tables.site import Site, Source
from crisisrisk.timeline import Shift, instant, microseconds, shift_on, shift_pattern
from tests.lib.histories import SOURCES, EventVersion

LONDON = ZoneInfo("Europe/London")
MIDDLE = h3.latlng_to_cell(52.48, -1.9, 8)
NEIGHBOUR, SECOND = h3.grid_ring(MIDDLE, 1)[0], h3.grid_ring(MIDDLE, 2)[0]
FAR = h3.grid_ring(MIDDLE, 5)[0]
DAY = timedelta(days=1)

Kind = TypeVar("Kind")


@dataclass(frozen=True, kw_only=True)
class PlacedVersion(EventVersion):
    """What an agency said of one contact, and where it was."""

    place_id: str | None = None
    latitude: float | None = None
    longitude: float | None = None


def site_of(*, kind: str = "h3", zone: ZoneInfo = LONDON) -> Site:
    """A site with overlapping and uneven shifts."""
    return Site(
        path=Path("nowhere"),
        name="Invented",
        time_zone=zone,
        shifts=(
            shift_pattern("day", "08:00", "15:00"),
            shift_pattern("night", "22:00", "08:00"),
            shift_pattern("car", "10:00", "03:00", ("fri", "sat", "sun")),
        ),
        sources={name: Source(name=name, agency="x", singular=name, plural=name) for name in SOURCES},
        cells=CellSettings(kind=kind),
        subdivision="ENG",
    )


def hexagons(*ids: str) -> Cells:
    """These hexagons and no others."""
    listed = sorted(ids)
    centres = np.array([h3.cell_to_latlng(cell) for cell in listed])

    def ring(distance: int) -> Neighbours:
        near = [
            [place for place, other in enumerate(listed) if h3.grid_distance(cell, other) == distance]
            for cell in listed
        ]
        offsets = np.cumsum([0, *map(len, near)]).astype(np.int32)
        return Neighbours(offsets, np.array([place for one in near for place in one], dtype=np.int32))

    return Cells(
        ids=tuple(listed),
        names=tuple(listed),
        latitude=centres[:, 0],
        longitude=centres[:, 1],
        area_km2=np.array([h3.cell_area(cell) for cell in listed]),
        population=np.array([math.nan, *range(1, len(listed))]),
        deprivation_decile=np.full(len(listed), math.nan),
        neighbours_1=ring(1),
        neighbours_2=ring(2),
        parents=tuple(h3.cell_to_parent(cell, 5) for cell in listed),
    )


def rows_of_shifts(cells: Cells, shifts: Sequence[Shift], issued_at: Sequence[datetime]) -> PlaceRows:
    """Rows for shifts and the moments at which their forecasts are made."""
    return PlaceRows(cells, tuple(shifts), np.array([microseconds(one) for one in issued_at], dtype=np.int64))


def cell_of(version: EventVersion) -> str | None:
    """The hexagon of an event: the one it names, else the one of its coordinates."""
    if getattr(version, "place_id", None) is not None:
        return version.place_id
    if getattr(version, "latitude", None) is None or version.longitude is None:
        return None
    if not (abs(version.latitude) <= 90 and abs(version.longitude) <= 180):
        return None
    return h3.latlng_to_cell(version.latitude, version.longitude, 8)


def said_before(versions: Sequence[EventVersion], moment: datetime) -> Iterator[EventVersion]:
    """Of each event its last version known before a moment, where it had occurred by then."""
    by_event: dict[str, list[EventVersion]] = {}
    for version in versions:
        if version.known_at < moment:
            by_event.setdefault(version.event_id, []).append(version)
    for of_event in by_event.values():
        last = sorted(of_event, key=lambda version: version.known_at)[-1]
        if last.occurred_at < moment:
            yield last


def belongs(version: EventVersion, spec: FeatureSpec) -> bool:
    """Whether an event is one that a spec is about."""
    return version.source in spec.sources and all(
        getattr(version, column) is not None and getattr(version, column) in accepted for column, accepted in spec.where
    )


def shift_around(site: Site, name: str, moment: datetime) -> Shift | None:
    """The shift of a name that a moment lies in."""
    for pattern in site.shifts:
        first = moment.astimezone(site.time_zone).date() - 2 * DAY
        for day in (first + number * DAY for number in range(4)):
            if pattern.name == name and day.weekday() in pattern.weekdays:
                shift = shift_on(pattern, day, site.time_zone)
                if shift.start <= moment < shift.end:
                    return shift
    return None


def in_earlier_shift(site: Site, version: EventVersion, like: Shift, moment: datetime) -> Shift | None:
    """The ended shift of the same name and weekday that an event lies in."""
    shift = shift_around(site, like.name, version.occurred_at)
    return shift if shift and shift.weekday == like.weekday and shift.end <= moment else None


def reference_place_features(
    recipe: FeatureRecipe, versions: Sequence[EventVersion], rows: PlaceRows, *, site: Site
) -> NDArray[np.float32]:
    """Features, one by one. Shape (shifts, cells, features)."""
    return np.array(
        [
            [
                [_value(spec, versions, rows.cells, cell, shift, instant(issued), site) for spec in recipe.specs]
                for cell in range(len(rows.cells))
            ]
            for shift, issued in zip(rows.shifts, rows.issued_at.tolist(), strict=True)
        ],
        dtype=np.float32,
    ).reshape(len(rows), len(rows.cells), len(recipe.specs))


def _value(
    spec: FeatureSpec,
    versions: Sequence[EventVersion],
    cells: Cells,
    cell: int,
    shift: Shift,
    moment: datetime,
    site: Site,
) -> float:
    seen = [one for one in said_before(versions, moment) if belongs(one, spec) and cell_of(one) in cells.ids]
    here = [one for one in seen if cell_of(one) == cells.ids[cell]]
    rings = {distance: _at_distance(seen, cells.ids[cell], distance) for distance in (1, 2)}
    days = spec.lookback_days
    match spec.aggregation:
        case "count":
            return len(_within(here, moment, days)) or spec.if_none
        case "neighbours_1_count" | "neighbours_2_count":
            return len(_within(rings[int(spec.aggregation[11])], moment, days)) or spec.if_none
        case "area_count":
            return len(_within(seen, moment, days)) or spec.if_none
        case "same_shift_count":
            like = [one for one in here if in_earlier_shift(site, one, shift, moment)]
            return len(_within(like, moment, days)) or spec.if_none
        case "trend":
            short, long = (len(_within(here, moment, one)) for one in (spec.short_days, days))
            return (short * days) / (long * spec.short_days) if long else spec.if_none
        case "days_since_last":
            return min(((moment - one.occurred_at) / DAY for one in here), default=spec.if_none)
        case "decayed_count":
            return sum(_weight(moment - one.occurred_at, days) for one in here) / 2**20 if here else spec.if_none
        case "population" | "deprivation_decile" | "area_km2":
            value = getattr(cells, spec.aggregation)[cell]
            return spec.if_none if math.isnan(value) else value
    raise AssertionError(spec.aggregation)


def _at_distance(events: Sequence[EventVersion], cell: str, distance: int) -> list[EventVersion]:
    return [one for one in events if h3.grid_distance(cell_of(one), cell) == distance]


def _within(events: Sequence[EventVersion], moment: datetime, days: int | None) -> list[EventVersion]:
    return [one for one in events if days is None or moment - days * DAY <= one.occurred_at]


def _weight(age: timedelta, half_life_days: int) -> int:
    hours = age // timedelta(hours=1)
    return round(2**20 * 0.5 ** (hours / (24 * half_life_days)))


def reference_counts(versions: Sequence[EventVersion], rows: PlaceRows, *, cut_off: datetime) -> NDArray[np.int32]:
    """Outcome events inside each shift, by what was known before the cut-off. Shape (shifts, cells)."""
    by_event: dict[str, EventVersion] = {}
    for version in sorted(versions, key=lambda one: one.known_at):
        if version.known_at < cut_off:
            by_event[version.event_id] = version
    counts = np.zeros((len(rows), len(rows.cells)), dtype=np.int32)
    for row, shift in enumerate(rows.shifts):
        for one in by_event.values():
            if shift.start <= one.occurred_at < shift.end and cell_of(one) in rows.cells.ids:
                counts[row, rows.cells.ids.index(str(cell_of(one)))] += 1
    return counts


# The offset and the usual value


def observed_since(versions: Sequence[EventVersion], moment: datetime) -> datetime:
    """The first occurrence among prompt records known by then; without any, among all; else the moment itself."""
    known = [one for one in versions if max(one.known_at, one.occurred_at) < moment and cell_of(one)]
    prompt = [one for one in known if one.known_at - one.occurred_at <= 14 * DAY]
    return min((one.occurred_at for one in prompt or known), default=moment)


def _shifts_seen(site: Site, name: str, weekday: int, since: datetime, moment: datetime) -> list[Shift]:
    pattern = next((one for one in site.shifts if one.name == name), None)
    if pattern is None or weekday not in pattern.weekdays:
        return []
    first, last = since.date() - 2 * DAY, moment.date() + 2 * DAY
    days = (first + number * DAY for number in range((last - first).days))
    shifts = [shift_on(pattern, day, site.time_zone) for day in days if day.weekday() == weekday]
    return [shift for shift in shifts if since <= shift.start and shift.end <= moment]


def reference_usual(
    versions: Sequence[EventVersion], rows: PlaceRows, site: Site, *, lookback_days: int
) -> NDArray[np.float64]:
    """Mean count of the earlier shifts of the kind. Shape (shifts, cells)."""
    usual = np.full((len(rows), len(rows.cells)), math.nan)
    known = [one for one in versions if cell_of(one) in rows.cells.ids]
    for row, (shift, issued) in enumerate(zip(rows.shifts, rows.issued_at.tolist(), strict=True)):
        moment = instant(issued)
        since = max(observed_since(known, moment), moment - lookback_days * DAY)
        seen = _shifts_seen(site, shift.name, shift.weekday, since, moment)
        for cell, place in enumerate(rows.cells.ids):
            here = [one for one in said_before(versions, moment) if cell_of(one) == place]
            inside = sum(one.start <= event.occurred_at < one.end for one in seen for event in here)
            usual[row, cell] = inside / len(seen) if seen else math.nan
    return usual


def reference_offset(
    versions: Sequence[EventVersion],
    rows: PlaceRows,
    site: Site,
    *,
    lookback_days: int,
    prior_events: float | None,
    latency_hours: float = 0.0,
) -> NDArray[np.float64]:
    """Log of share × mean rate × level × factor × hours. Shape (shifts, cells)."""
    known = [one for one in versions if cell_of(one) in rows.cells.ids]
    log = np.empty((len(rows), len(rows.cells)))
    for row, (shift, issued) in enumerate(zip(rows.shifts, rows.issued_at.tolist(), strict=True)):
        moment = instant(issued)
        seen_to = moment - timedelta(hours=latency_hours)
        began = min(observed_since(known, moment), seen_to)
        since = max(began, seen_to - lookback_days * DAY)
        settled = [one for one in said_before(versions, moment) if began <= one.occurred_at < seen_to]
        settled = [one for one in settled if cell_of(one) in rows.cells.ids]
        live = [one for one in settled if since <= one.occurred_at]
        hours = max(seen_to - since, DAY) / timedelta(hours=1)
        rate = (len(live) + 0.5) / hours
        level = _level(settled, began, seen_to, lookback_days, rate)
        factor = _factors(site, live, since, seen_to, rate).get((shift.name, shift.weekday), 1.0)
        shares = _shares(settled, rows.cells, seen_to, lookback_days, prior_events)
        names = {pattern.name: pattern.weekdays for pattern in site.shifts}
        if shift.name in names:
            kinds = [(shift.name, weekday) for weekday in names[shift.name]]
            inside = [
                event for event in live
                for kind in kinds for one in _shifts_seen(site, *kind, since, seen_to)
                if one.start <= event.occurred_at < one.end
            ]  # fmt: skip
            counts = _counted(inside, rows.cells, lambda event: 1.0)
            due = [sum(counts) / len(counts) * share for share in shares]
            drawn = _drawn_by(counts, due, prior_events)
            shares = _mean_one([share * one for share, one in zip(shares, drawn, strict=True)])
        for cell, share in enumerate(shares):
            log[row, cell] = math.log(share * rate / len(shares) * level * factor * shift.hours)
    return log


def _counted(live: Sequence[EventVersion], cells: Cells, weight: Callable[[EventVersion], float]) -> list[float]:
    return [sum(weight(one) for one in live if cell_of(one) == place) for place in cells.ids]


def _mean_one(values: Sequence[float]) -> list[float]:
    return [value * len(values) / sum(values) for value in values]


def _shares(
    live: Sequence[EventVersion], cells: Cells, moment: datetime, lookback_days: int, prior_events: float | None
) -> list[float]:
    """What the first share of each cell is: drawn to its parent's, and that to the mean."""

    def weight(event: EventVersion) -> float:
        younger = 0
        for older in (lookback_days // 2, lookback_days, 2 * lookback_days, 4 * lookback_days):
            if event.occurred_at >= moment - older * DAY:
                return float(0.5 ** ((younger + older) / 2 / lookback_days))
            younger = older
        return 0.0

    counts = _counted(live, cells, weight)
    mean = (sum(counts) + 0.5) / len(counts)
    parents = list(cells.parents or [None] * len(cells))
    of_parent = {
        parent: [count for count, its in zip(counts, parents, strict=True) if its == parent] for parent in set(parents)
    }
    level = _drawn_to_one(
        {parent: sum(its) for parent, its in of_parent.items()},
        {parent: mean * len(its) for parent, its in of_parent.items()},
        corrected=True,
    )
    of_cell = [mean * level[parent] for parent in parents]
    drawn = _drawn_by(counts, of_cell, prior_events)
    return _mean_one([level[parent] * one for parent, one in zip(parents, drawn, strict=True)])


def _drawn_by(counts: Sequence[float], due: Sequence[float], prior_events: float | None) -> list[float]:
    if prior_events:
        return [(one + prior_events) / (expected + prior_events) for one, expected in zip(counts, due, strict=True)]
    found = _drawn_to_one(dict(enumerate(counts)), dict(enumerate(due)), corrected=True)
    return [found[cell] for cell in range(len(counts))]


def _level(live: Sequence[EventVersion], began: datetime, moment: datetime, lookback_days: int, rate: float) -> float:
    """The last eight weeks beside the lookback, told from chance by how such blocks differ."""
    blocks = lookback_days // 56
    if blocks < 2:
        return 1.0
    seen, due = {}, {}
    for block in range(blocks):
        start, end = moment - 56 * (block + 1) * DAY, moment - 56 * block * DAY
        seen[block] = sum(start <= one.occurred_at < end for one in live)
        due[block] = max((end - max(start, began)) / timedelta(hours=1), 0.0) * rate
    return _drawn_to_one(seen, due)[0]


def _factors(
    site: Site, live: Sequence[EventVersion], since: datetime, moment: datetime, rate: float
) -> dict[tuple[str, int], float]:
    kinds = [(pattern.name, weekday) for pattern in site.shifts for weekday in pattern.weekdays]
    shifts = {kind: _shifts_seen(site, *kind, since, moment) for kind in kinds}
    seen = {
        kind: sum(one.start <= event.occurred_at < one.end for one in shifts[kind] for event in live) for kind in kinds
    }
    due = {kind: sum(one.hours for one in shifts[kind]) * rate for kind in kinds}
    names = [pattern.name for pattern in site.shifts]
    of_name = _drawn_to_one(
        {name: sum(seen[kind] for kind in kinds if kind[0] == name) for name in names},
        {name: sum(due[kind] for kind in kinds if kind[0] == name) for name in names},
    )
    beside = _drawn_to_one(seen, {kind: due[kind] * of_name[kind[0]] for kind in kinds})
    return {kind: of_name[kind[0]] * beside[kind] for kind in kinds}


def _drawn_to_one(
    seen: Mapping[Kind, float], due: Mapping[Kind, float], *, corrected: bool = False
) -> dict[Kind, float]:
    """Seen ÷ due, drawn to 1. `corrected`: the mean was taken from the same units, which costs one of them."""
    if corrected and len(seen) == 1:
        return dict.fromkeys(seen, 1.0)
    times = len(seen) / (len(seen) - 1) if corrected else 1.0
    beyond = sum((seen[kind] - due[kind]) ** 2 * times - due[kind] for kind in seen)
    weight = sum(due[kind] ** 2 for kind in seen)
    spread = max(0.0, beyond / weight) if weight else 0.0
    return {kind: (seen[kind] * spread + 1) / (due[kind] * spread + 1) for kind in seen}
