"""How often counts of places lay inside their intervals, beside the exact chance that the intervals themselves claim.

Counts are discrete: the interval of a perfect forecast at a mean of 0.05 holds 95 of 100 counts whether it is asked
to hold 50 or 95, so a share is judged beside the chance of its own interval, never beside its level.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.models.place_distribution import LEVELS, Interval

FEWEST_ROWS = 500
"""A stratum with fewer cells and shifts says too little to be shown."""
EXPECTED_EDGES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8)
_AREA_SHIFTS = 100
ENDS = ("lower", "upper", "chance")

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class PlaceIntervals:
    """Intervals by level of each cell, arrays of shape (shifts, cells), and of the area, arrays of shape (shifts,)."""

    cells: Mapping[float, Interval]
    area: Mapping[float, Interval]


def joined(parts: Sequence[PlaceIntervals]) -> PlaceIntervals:
    """Those of several runs of shifts, one after the other."""
    return PlaceIntervals(
        {level: _joined([part.cells[level] for part in parts]) for level in LEVELS},
        {level: _joined([part.area[level] for part in parts]) for level in LEVELS},
    )


def arrays_of(intervals: PlaceIntervals) -> dict[str, NDArray[Any]]:
    """Every array by a name of its own, as a file holds them: ends, which are counts, in 32 bits."""
    return {
        f"{where}.{level:g}.{end}": getattr(by_level[level], end).astype(np.float64 if end == "chance" else np.int32)
        for where, by_level in {"cells": intervals.cells, "area": intervals.area}.items()
        for level in LEVELS
        for end in ENDS
    }


def intervals_of(arrays: Mapping[str, Any]) -> PlaceIntervals:
    """The intervals whose arrays `arrays_of` named."""
    cells, area = (
        {level: Interval(**{end: arrays[f"{where}.{level:g}.{end}"] for end in ENDS}) for level in LEVELS}
        for where in ("cells", "area")
    )
    return PlaceIntervals(cells, area)


def _joined(parts: Sequence[Interval]) -> Interval:
    return Interval(**{name: np.concatenate([getattr(one, name) for one in parts]) for name in ENDS})


def coverage_report(
    intervals: PlaceIntervals,
    expected: Numbers,
    counts: NDArray[Any],
    *,
    kinds: Sequence[str],
    density_class: NDArray[np.int64],
) -> dict[str, Any]:
    """Plain values: `cells` and `area`, lists of strata with `rows` and, by level, `inside`, `exact` and `width`.

    A stratum is a kind of shift, a class of density (`density_class`, shape (cells,); 0: not known) and a span of
    the expected count, with at least 500 cells and shifts; of the area, a kind with at least 100 shifts. `worst`:
    the greatest difference between `inside` and `exact` over the strata of each.
    """
    strata = [
        {**named, **_shares(intervals.cells, counts, rows)}
        for named, rows in _strata(expected, kinds, density_class)
    ]  # fmt: skip
    total, of_shift = counts.sum(axis=1), np.asarray(kinds)
    everywhere = [
        {"kind": kind, **_shares(intervals.area, total, of_shift == kind)}
        for kind in sorted(set(kinds)) if np.count_nonzero(of_shift == kind) >= _AREA_SHIFTS
    ]  # fmt: skip
    everything = np.ones(counts.shape, dtype=bool)
    return {
        "cells": strata,
        "area": everywhere,
        "all_cells": _shares(intervals.cells, counts, everything),
        "all_shifts": _shares(intervals.area, total, np.ones(len(total), dtype=bool)),
        "worst": {"cells": _worst(strata), "area": _worst(everywhere)},
    }


def _strata(
    expected: Numbers, kinds: Sequence[str], density_class: NDArray[np.int64]
) -> Iterator[tuple[dict[str, Any], NDArray[np.bool_]]]:
    size = np.searchsorted(EXPECTED_EDGES, expected, side="right")
    of_shift = np.asarray(kinds)[:, None]
    edges = (0.0, *EXPECTED_EDGES, None)
    for kind in sorted(set(kinds)):
        for dense in np.unique(density_class).tolist():
            for number in range(len(EXPECTED_EDGES) + 1):
                rows = (of_shift == kind) & (density_class == dense)[None, :] & (size == number)
                if np.count_nonzero(rows) >= FEWEST_ROWS:
                    yield {"kind": kind, "density": dense, "from": edges[number], "to": edges[number + 1]}, rows


def _shares(intervals: Mapping[float, Interval], counts: NDArray[Any], rows: NDArray[np.bool_]) -> dict[str, Any]:
    found: dict[str, Any] = {"rows": int(np.count_nonzero(rows))}
    for level, interval in intervals.items():
        inside = (interval.lower <= counts) & (counts <= interval.upper)
        found[f"{level:.0%}".rstrip("%")] = {
            "inside": float(inside[rows].mean()),
            "exact": float(interval.chance[rows].mean()),
            "width": float((interval.upper - interval.lower)[rows].mean()),
        }
    return found


def _worst(strata: Sequence[Mapping[str, Any]]) -> float | None:
    off = [
        abs(shares["inside"] - shares["exact"])
        for stratum in strata for shares in stratum.values() if isinstance(shares, dict)
    ]  # fmt: skip
    return max(off) if off else None
