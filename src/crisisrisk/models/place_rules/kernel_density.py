"""Where events were, spread over the places near by, recent ones counting more."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.features.place_kernels import Integers, Numbers
from crisisrisk.features.place_past import FULL_WEIGHT, PlacePast, weights_by_hour
from crisisrisk.features.place_past_kernels import spread_to
from crisisrisk.models.place_rules.maps import clock_part, shift_factor
from crisisrisk.models.place_rules.parts import NOTHING_FITTED, Fitted, Part, divided, log_ratio, of_targets, raised
from crisisrisk.tables.cells import Cells

HALF_LIFE_DAYS = 180
BANDWIDTHS = (0.5, 1.0, 2.0)
"""Tried, in multiples of the usual distance between a cell and its nearest one."""
SHARES = (0.1, 0.25, 0.5)
"""Tried where cells have no coordinates: the part of an event that goes to the neighbours."""
FITTED_DAYS = 91
"""Of the targets that a bandwidth is chosen on: their pasts go back much further."""
BANDWIDTH, SHARE = "bandwidth_km", "to_neighbours"

_REACH = 3.0
_DEGREE_KM = 111.195


@dataclass(frozen=True, eq=False)
class Near:
    """For each cell those near it, itself among them, and the part of each one's events that it gets.

    Those of cell `c` are `offsets[c]:offsets[c + 1]`. Every event is handed out whole: nothing is lost at an edge.
    """

    offsets: Integers
    indices: Integers
    weights: Numbers


def near(cells: Cells, fitted: Fitted) -> Near:
    """By distance where the numbers name a bandwidth, else by neighbours."""
    if BANDWIDTH in fitted:
        return _by_distance(cells, fitted[BANDWIDTH])
    return _by_neighbours(cells, fitted[SHARE])


@lru_cache(maxsize=2 * len(BANDWIDTHS))
def _by_distance(cells: Cells, bandwidth_km: float) -> Near:
    """A normal kernel, cut at three bandwidths, over the centres of cells (Silverman 1986).

    Quadratic in cells, and kept: a backtest asks for the same few with every fold.
    """
    found, sizes, given = [], [], np.zeros(len(cells))
    for cell in range(len(cells)):
        away = _distances(cells, cell)
        inside = np.flatnonzero(away <= _REACH * bandwidth_km)
        parts = np.exp(-0.5 * (away[inside] / bandwidth_km) ** 2)
        given[cell] = parts.sum()  # the kernel is symmetric: what a cell gets is what it gives
        found.append((inside, parts))
        sizes.append(len(inside))
    indices = np.concatenate([inside for inside, _ in found]).astype(np.int64)
    weights = np.concatenate([parts for _, parts in found]) / given[indices]
    return Near(np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64), indices, weights)


def _by_neighbours(cells: Cells, share: float) -> Near:
    offsets, indices = cells.neighbours_1.offsets.astype(np.int64), cells.neighbours_1.indices.astype(np.int64)
    gives = np.bincount(indices, minlength=len(cells))
    kept = np.where(gives > 0, 1.0 - share, 1.0)
    rows = np.repeat(np.arange(len(cells)), np.diff(offsets))
    order = np.argsort(np.concatenate([np.arange(len(cells)), rows]), kind="stable")
    everyone = np.concatenate([np.arange(len(cells)), indices])[order]
    weights = np.concatenate([kept, share / gives[indices]])[order]
    return Near(offsets + np.arange(len(offsets)), everyone, weights)


def _distances(cells: Cells, cell: int) -> Numbers:
    north = cells.latitude - cells.latitude[cell]
    scale = np.cos(np.radians((cells.latitude + cells.latitude[cell]) / 2))
    return np.asarray(np.hypot(north, (cells.longitude - cells.longitude[cell]) * scale) * _DEGREE_KM)


@lru_cache(maxsize=2)
def usual_distance(cells: Cells) -> float:
    """Median over cells of the distance to the nearest other one, km; NaN where a cell has no coordinates."""
    if len(cells) < 2 or not np.isfinite(cells.latitude + cells.longitude).all():
        return float("nan")
    closest = np.empty(len(cells))
    for cell in range(len(cells)):
        away = _distances(cells, cell)
        away[cell] = np.inf
        closest[cell] = away.min()
    return float(np.median(closest))


def density_rates(past: PlacePast, fitted: Fitted) -> Numbers:
    """Events an hour, each counting by its age and spread over the cells near it. Shape (targets, cells)."""
    return of_targets(past, _spread(weighted_rates(past), past.cells, fitted))


def weighted_rates(past: PlacePast) -> Numbers:
    """Events an hour, each and every hour counting by its age, NaN without a past. Shape (cells, moments)."""
    weights = weights_by_hour(HALF_LIFE_DAYS)
    events, hours = past.decayed(weights, in_shifts=True), past.decayed_hours(weights)
    return divided(events / FULL_WEIGHT, (hours / FULL_WEIGHT)[None, :])


def _spread(rates: Numbers, cells: Cells, fitted: Fitted) -> Numbers:
    found = near(cells, fitted)
    return spread_to(rates, found.offsets, found.indices, found.weights)


def kernel_density(past: PlacePast, fitted: Fitted) -> Numbers:
    """`density_rates` × hours of the shift."""
    return raised(density_rates(past, fitted) * past.hours[:, None])


def kernel_density_times_factor(past: PlacePast, fitted: Fitted) -> Numbers:
    """`density_rates` × hours × the factor of the shift of the week."""
    return raised(density_rates(past, fitted) * (past.hours * shift_factor(past))[:, None])


def fit_kernel_density(past: PlacePast, counts: NDArray[Any]) -> Fitted:
    """The bandwidth under which the last quarter of a year of the targets had the least Poisson deviance."""
    last = past.rows.issued_at.max() - FITTED_DAYS * 86_400_000_000
    recent = np.flatnonzero(past.rows.issued_at > last)
    shown, came = past.only(recent), counts[recent]
    usual = usual_distance(past.cells)
    tried = [{BANDWIDTH: usual * one} for one in BANDWIDTHS] if usual > 0 else [{SHARE: one} for one in SHARES]
    rates, times = weighted_rates(shown), (shown.hours * shift_factor(shown))[:, None]
    losses = [_loss(raised(of_targets(shown, _spread(rates, past.cells, one)) * times), came) for one in tried]
    return tried[int(np.argmin(losses))]


def _loss(expected: Numbers, counts: NDArray[Any]) -> float:
    known = np.isfinite(expected).all(axis=1)
    return float(expected[known].sum() - (counts[known] * np.log(expected[known])).sum())


# What one contact more adds


def density_unit(past: PlacePast, _: Fitted = NOTHING_FITTED) -> Numbers:
    """To the density: a contact of this moment that spreads nowhere."""
    hours = past.decayed_hours(weights_by_hour(HALF_LIFE_DAYS)) / FULL_WEIGHT
    return (1.0 / np.maximum(hours, 1.0))[past.moment] * past.hours


def density_and_clock_unit(past: PlacePast, fitted: Fitted = NOTHING_FITTED) -> Numbers:
    """To the density × the clock."""
    return density_unit(past, fitted) * shift_factor(past)


# Why


def density_parts(past: PlacePast, fitted: Fitted) -> Sequence[Part]:
    """Of the density alone."""
    rates = density_rates(past, fitted)
    average = rates.mean(axis=1, keepdims=True)
    times = divided(rates, average)

    def live(target: int, cell: int) -> str:
        return f"{times[target, cell]:.1f} times an average place's crisis contacts here and near by, recent ones more"

    def released(target: int, cell: int) -> str:
        more = "more" if times[target, cell] > 1 else "fewer"
        return f"{more} crisis contacts here and near by than in an average place, recent ones counting more"

    return [Part(log_ratio(times, np.ones_like(times)), live, released)]


def density_and_clock_parts(past: PlacePast, fitted: Fitted) -> Sequence[Part]:
    """Of the density × the clock."""
    return [*density_parts(past, fitted), clock_part(past)]
