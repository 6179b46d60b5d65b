"""Contacts that bring contacts: a map × clock, and on top of it what recent events here and near by still bring.

expected = a × map × clock + sum over scales of b × what is still to come of each event known, where an event's echo
halves every `half-life` and lands in its own cell or, evenly, in the first or second ring around. The weights are those
of a mixture, fitted by expectation–maximisation (Mohler and others 2011; Lewis and Mohler 2011): b is the number of
contacts that one contact brings at its scale, and how far and how long echoes reach is learned.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import ModelError
from crisisrisk.features.place_kernels import Numbers
from crisisrisk.features.place_past import FULL_WEIGHT, PlacePast, weights_by_hour
from crisisrisk.features.place_past_kernels import spread_to
from crisisrisk.models.place_rules.maps import (
    YEAR,
    clock_part,
    history_part,
    map_and_clock_unit,
    shrunken_rate_times_factor,
)
from crisisrisk.models.place_rules.parts import Fitted, Part, log_ratio, of_targets, raised
from crisisrisk.tables.cells import Neighbours
from crisisrisk.timeline import MICROSECONDS_PER_DAY

HALF_LIVES = (2, 7, 28)
"""Days."""
REACHES = ("here", "ring_1", "ring_2")
MAP = "map"
FITTED_DAYS = 182

_HALF_LIVES_SEEN = 10
_STEPS, _CONVERGED = 200, 1e-8


def scale_name(reach: str, half_life: int) -> str:
    """The name of the weight of a scale."""
    return f"{reach}_{half_life}_days"


SCALES = tuple(scale_name(reach, half_life) for half_life in HALF_LIVES for reach in REACHES)


def self_exciting(past: PlacePast, fitted: Fitted) -> Numbers:
    """The map × clock and the echoes of everything known. Shape (targets, cells)."""
    return raised(still_to_come(past, fitted, onto=fitted[MAP] * shrunken_rate_times_factor(past)))


def still_to_come(past: PlacePast, fitted: Fitted, *, onto: Numbers | None = None) -> Numbers:
    """What known events are still to bring during each target, added to `onto` or to nothing. Shape (targets, cells).

    `fitted`: the weight of every scale. This sum alone is the feature whose decay and reach are learned.
    """
    expected = np.zeros((len(past.rows), len(past.cells))) if onto is None else onto
    for half_life in HALF_LIVES:
        wanted = [reach for reach in REACHES if fitted[scale_name(reach, half_life)] > 0]
        for reach, echo in _echoes(past, half_life, wanted).items():
            expected = expected + fitted[scale_name(reach, half_life)] * echo
    return expected


@dataclass(frozen=True)
class EchoWeights:
    """How many contacts one contact brings at each of `SCALES`: how far and how long echoes reach, as learned."""

    weights: tuple[float, ...] = (0.0,) * len(SCALES)

    def __post_init__(self) -> None:
        if len(self.weights) != len(SCALES) or not all(isfinite(one) and one >= 0 for one in self.weights):
            raise ModelError("CR-MODEL-002", "the weights of echoes cannot be used", where="task.json")

    def column(self, past: PlacePast) -> Numbers:
        """The feature of each target and cell. Shape (targets, cells)."""
        return still_to_come(past, dict(zip(SCALES, self.weights, strict=True)))


def fit_echoes(past: PlacePast, counts: NDArray[Any]) -> EchoWeights:
    """The weights of the echoes beside the map and the clock; none of any where no target has a past."""
    known = np.flatnonzero(past.rows.issued_at > past.began[past.moment])
    if not len(known):
        return EchoWeights()
    fitted = fit_self_exciting(past.only(known), counts[known])
    return EchoWeights(tuple(fitted[name] for name in SCALES))


def _echoes(past: PlacePast, half_life: int, reaches: Sequence[str]) -> dict[str, Numbers]:
    """For each reach what events are still to bring during each target if each brings one in all."""
    if not reaches:
        return {}
    table = past.decayed(weights_by_hour(half_life, half_lives=_HALF_LIVES_SEEN), in_shifts=False) / FULL_WEIGHT
    during = _share_during(past, half_life)[:, None]
    found = {}
    for reach in reaches:
        if reach == "here":
            found[reach] = of_targets(past, table) * during
            continue
        ring = past.cells.neighbours_1 if reach == "ring_1" else past.cells.neighbours_2
        found[reach] = of_targets(past, _mean_of(table, ring)) * during
    return found


def _mean_of(table: Numbers, ring: Neighbours) -> Numbers:
    """Of the neighbours of each cell; 0 for one that has none. Shape as the table's."""
    sizes = np.diff(ring.offsets)
    weights = np.repeat(1.0 / np.maximum(sizes, 1), sizes)
    return spread_to(table, ring.offsets.astype(np.int64), ring.indices.astype(np.int64), weights)


def _share_during(past: PlacePast, half_life: int) -> Numbers:
    """The part of an echo of the issue time's strength that lands between start and end of each target."""
    days = (past.starts - past.rows.issued_at) / MICROSECONDS_PER_DAY
    return np.asarray(np.exp2(-days / half_life) - np.exp2(-(days + past.hours / 24.0) / half_life))


def fit_self_exciting(past: PlacePast, counts: NDArray[Any]) -> Fitted:
    """Weights from the last half year of the targets: the likelihood rises with every step.

    Only where something happened does the fit need each value; of the rest it needs the sums.
    """
    last = past.rows.issued_at.max() - FITTED_DAYS * MICROSECONDS_PER_DAY
    recent = np.flatnonzero((past.rows.issued_at > last) & (past.rows.issued_at > past.began[past.moment]))
    shown, came = past.only(recent), counts[recent]
    where = np.nonzero(came)
    columns, sums = [], []

    def take(table: Numbers) -> None:
        known = np.nan_to_num(table)
        columns.append(known[where])
        sums.append(float(known.sum()))

    take(shrunken_rate_times_factor(shown))
    for half_life in HALF_LIVES:
        for echo in _echoes(shown, half_life, REACHES).values():
            take(echo)
    weights = mixture_weights(np.stack(columns, axis=1), np.array(sums), came[where].astype(np.float64))
    return dict(zip((MAP, *SCALES), weights.tolist(), strict=True))


def mixture_weights(columns: Numbers, sums: Numbers, counts: Numbers) -> Numbers:
    """Weights w of 0 or more that make `columns @ w` most likely under Poisson, by expectation–maximisation.

    `columns`: shape (rows with events, components); `sums`: each component over all rows; `counts`: events of the rows.
    The first component starts with most of it; a component without any sum gets 0, and without events all is 0 but 1
    for the first. Shape (components,).
    """
    weights = np.where(sums > 0, 0.02 * counts.sum() / np.where(sums > 0, sums, 1.0), 0.0)
    weights[0] = 1.0 if sums[0] <= 0 or counts.sum() == 0 else 0.8 * counts.sum() / sums[0]
    if counts.sum() == 0:
        return np.concatenate([[1.0], np.zeros(len(sums) - 1)])
    before = -np.inf
    for _ in range(_STEPS):
        expected = np.maximum(columns @ weights, 1e-300)
        likelihood = float((counts * np.log(expected)).sum() - weights @ sums)
        if likelihood - before < _CONVERGED * abs(likelihood):
            break
        before = likelihood
        weights = np.where(sums > 0, weights * (columns.T @ (counts / expected)) / np.where(sums > 0, sums, 1.0), 0.0)
    weights[weights < 1e-6] = 0.0
    return weights


# What one contact more adds


def self_exciting_unit(past: PlacePast, fitted: Fitted) -> Numbers:
    """To the map × clock, and what a contact of this moment still brings."""
    echo = sum(
        (fitted[scale_name("here", half_life)] * _share_during(past, half_life) for half_life in HALF_LIVES),
        start=np.zeros(len(past.rows)),
    )
    return np.maximum(fitted[MAP] * map_and_clock_unit(past) + echo, 1e-9)


# Why


def self_exciting_parts(past: PlacePast, fitted: Fitted) -> Sequence[Part]:
    """The map, the clock, and what came lately."""
    steady = fitted[MAP] * shrunken_rate_times_factor(past)
    whole = self_exciting(past, fitted)
    week = _in_the_last_days(past, 7)
    ring = past.cells.neighbours_1

    def live(target: int, cell: int) -> str:
        moment = past.moment[target]
        here, near = int(week[cell, moment]), int(week[ring.of(cell), moment].sum())
        return (
            f"{here or 'no'} crisis contact{'' if here == 1 else 's'} here in the last 7 days, {near or 'none'} around"
        )

    return [
        history_part(past, YEAR),
        clock_part(past),
        Part(log_ratio(whole, steady), live, lambda *_: "recent crisis contacts here or near by"),
    ]


def _in_the_last_days(past: PlacePast, days: int) -> NDArray[np.int64]:
    """Events of each cell, all that were known. Shape (cells, moments)."""
    return past.decayed(np.ones(days * 24, dtype=np.int64), in_shifts=False)
