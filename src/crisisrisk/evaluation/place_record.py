"""How often each place has been right: what a report may show of one place, fit to leave the site.

No count of 1 to 7 is in it, nor anything that gives one away: what happened is told to the nearest 5 or as "under 8";
whether that is more or fewer than expected only where it is told; and of shifts outside their range as many. What was
expected is told in the same way: over all shifts the map of a year is the count of that year, many times over.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.disclosure import SMALLEST, Released, released_count
from crisisrisk.evaluation.place_ranking import chosen_cells
from crisisrisk.models.count_kernels import around
from crisisrisk.models.place_distribution import LEAST_EXPECTED, Interval
from crisisrisk.models.scattered_forecast import ScatteredForecast
from crisisrisk.tables.cells import Cells

MORE, FEWER, AS_EXPECTED, TOO_FEW = "more than expected", "fewer than expected", "as expected", "too few to say"
ALARM = 0.025
"""A place has had more (or fewer) when chance alone would bring so many (or so few) this rarely."""
CHOSEN_COVERAGE = 0.05
"""A place was among the highest of a shift where this share of the area held it."""


@dataclass(frozen=True, kw_only=True)
class PlaceRecord:
    """One place over all judged shifts."""

    place_id: str
    place_name: str
    latitude: float
    longitude: float
    expected: Released
    """Contacts that were expected over all shifts."""
    happened: Released
    says: str
    """`MORE`, `FEWER`, `AS_EXPECTED`, or `TOO_FEW` where the count may not be told."""
    outside: Released
    """Shifts whose count lay outside its range …"""
    outside_expected: Released
    """… and in how many that is expected of ranges that are exactly right."""
    highest: int
    """Shifts in which it was among the highest …"""
    highest_with_contact: Released
    """… in how many of these a contact came …"""
    highest_expected: Released
    """… and in how many one was expected to."""


def place_records(
    cells: Cells, forecast: ScatteredForecast, interval: Interval, counts: NDArray[Any]
) -> tuple[PlaceRecord, ...]:
    """One for each cell, in their order. `interval`: the range that is shown; arrays of shape (shifts, cells)."""
    happened = counts.sum(axis=0).astype(np.int64)
    outside = ((counts < interval.lower) | (counts > interval.upper)).sum(axis=0)
    chosen = chosen_cells(forecast.expected, coverage=CHOSEN_COVERAGE, area=_areas(cells))
    none, _ = around(
        np.maximum(forecast.expected, LEAST_EXPECTED).ravel(), forecast.dispersion.ravel(),
        np.ones(counts.size, dtype=np.int64),
    )  # fmt: skip
    some = 1 - none.reshape(counts.shape)
    says, total = _says(forecast, happened), forecast.expected.sum(axis=0)
    return tuple(
        PlaceRecord(
            place_id=cells.ids[cell],
            place_name=cells.names[cell],
            latitude=round(float(cells.latitude[cell]), 5),
            longitude=round(float(cells.longitude[cell]), 5),
            expected=_nearest(total[cell]),
            happened=released_count(int(happened[cell])),
            says=says[cell],
            outside=released_count(int(outside[cell])),
            outside_expected=_nearest((1 - interval.chance[:, cell]).sum()),
            highest=int(chosen[:, cell].sum()),
            highest_with_contact=released_count(int((chosen[:, cell] & (counts[:, cell] > 0)).sum())),
            highest_expected=_nearest(some[chosen[:, cell], cell].sum()),
        )
        for cell in range(len(cells))
    )


def _nearest(expected: float) -> Released:
    """An expected number as a released count; what rounds to none is told as little, not as none."""
    return released_count(max(round(float(expected)), 1 if expected > 0 else 0))


def _says(forecast: ScatteredForecast, happened: NDArray[np.int64]) -> list[str]:
    """Beside what the forecast's own scatter allows over all shifts; a count that may not be told says nothing."""
    mean, dispersion = forecast.over_shifts()
    fewer, up_to = around(np.maximum(mean, LEAST_EXPECTED), dispersion, happened)
    said = np.where(1 - fewer < ALARM, MORE, np.where(up_to < ALARM, FEWER, AS_EXPECTED))
    told: list[str] = np.where(happened < SMALLEST, TOO_FEW, said).tolist()
    return told


def _areas(cells: Cells) -> NDArray[np.float64] | None:
    return cells.area_km2 if np.isfinite(cells.area_km2).all() else None


def records_json(records: tuple[PlaceRecord, ...]) -> list[dict[str, Any]]:
    """As plain values."""
    return [asdict(one) for one in records]
