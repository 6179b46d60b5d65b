"""How counts scatter around what a place model expects: kept as numbers in JSON, by stratum.

A count of a cell is negative-binomial around its expected count. What all cells of a shift share (a night is busier
than the forecast everywhere) has a dispersion of its own, so that totals scatter more than independent cells would.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import ModelError
from crisisrisk.models.count_kernels import around, intervals

Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]

LEVELS = (0.5, 0.8, 0.95)
"""How often an interval is to hold the count."""
SHOWN_LEVEL = 0.8
OTHER = "other"
"""The kind of a shift that the model was not fitted on."""
LEAST_EXPECTED = 1e-9
FEW_EXPECTED = 30.0
"""Counts of cells where more may be expected are drawn one by one; below, the chance of none is still a number."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Ends of the interval of each row, both inside, and the exact chance that the distribution gives to it."""

    lower: Integers
    upper: Integers
    chance: Numbers

    def holding(self, other: "Interval") -> "Interval":
        """From the lower of both lower ends to the higher of both upper ends; its chance is that or more."""
        return Interval(
            lower=np.minimum(self.lower, other.lower), upper=np.maximum(self.upper, other.upper),
            chance=np.maximum(self.chance, other.chance),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class PlaceDistribution:
    """Dispersion and interval tails of each stratum: kind of shift × residents per km² × expected count.

    `dispersion` has an entry for each stratum, kinds first, then densities, then expected counts; `tails` as many
    for each of `LEVELS`, `area_tails` one for each kind. A tail is the chance left out below and above; where
    counts lay within their intervals as often as they should, it is (1 - level) / 2.
    """

    kinds: tuple[str, ...] = (OTHER,)
    """Names of shifts; the first stands for all others."""
    density_edges: tuple[float, ...] = ()
    """Residents per km². Cells where that is not known are a class of their own, the first."""
    expected_edges: tuple[float, ...] = ()
    """Expected contacts in a cell and shift."""
    dispersion: tuple[float, ...] = (0.0, 0.0)
    tails: tuple[tuple[float, ...], ...] = tuple(((1 - level) / 2,) * 2 for level in LEVELS)
    shared_dispersion: float = 0.0
    """That of what all cells of a shift share."""
    area_tails: tuple[tuple[float, ...], ...] = tuple(((1 - level) / 2,) for level in LEVELS)

    def __post_init__(self) -> None:
        if problem := _problem(self):
            raise ModelError("CR-MODEL-002", f"the distribution of the model cannot be used: {problem}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Kinds, densities (not known first) and expected counts."""
        return len(self.kinds), len(self.density_edges) + 2, len(self.expected_edges) + 1

    def kind_numbers(self, names: Sequence[str]) -> Integers:
        """The number of each name of a shift."""
        numbers = {name: number for number, name in enumerate(self.kinds)}
        return np.array([numbers.get(name, 0) for name in names], dtype=np.int64)

    def strata(self, kinds: Integers, density: Numbers, expected: Numbers) -> Integers:
        """The stratum of each cell in each shift. Shape (shifts, cells).

        `kinds`: shape (shifts,). `density`: residents per km², shape (cells,), NaN where not known.
        `expected`: shape (shifts, cells).
        """
        _, densities, sizes = self.shape
        dense = np.where(np.isnan(density), 0, np.searchsorted(self.density_edges, density, side="right") + 1)
        size = np.searchsorted(self.expected_edges, expected, side="right")
        return np.asarray((kinds[:, None] * densities + dense[None, :]) * sizes + size, dtype=np.int64)

    @cached_property
    def _dispersion(self) -> Numbers:
        return np.array(self.dispersion)

    def dispersions(self, strata: Integers) -> Numbers:
        """The dispersion of each count, at least what all cells share. Same shape."""
        return np.maximum(self._dispersion[strata], self.shared_dispersion)

    def interval(self, expected: Numbers, strata: Integers, *, level: float) -> Interval:
        """Of each cell in each shift. `level`: one of `LEVELS`."""
        tails = np.array(self.tails[LEVELS.index(level)])[strata]
        return _intervals(expected, self.dispersions(strata), tails)

    # Totals of cells

    def total_dispersion(self, expected: Numbers, strata: Integers) -> Numbers:
        """The dispersion of the total of the cells of each shift. `expected`, `strata`: shape (shifts, cells)."""
        own = self.own_dispersions(strata)
        total = np.maximum(expected.sum(axis=1), LEAST_EXPECTED)
        spread = (np.square(expected) * own).sum(axis=1) / np.square(total)
        return np.asarray(self.shared_dispersion + (1 + self.shared_dispersion) * spread, dtype=np.float64)

    def own_dispersions(self, strata: Integers) -> Numbers:
        """What is left of each cell's dispersion beside what all cells share. Same shape."""
        beyond = np.maximum(self._dispersion[strata] - self.shared_dispersion, 0.0)
        return np.asarray(beyond / (1 + self.shared_dispersion), dtype=np.float64)

    def total_interval(self, expected: Numbers, strata: Integers, kinds: Integers, *, level: float) -> Interval:
        """Of the total of the cells of each shift: its mean is the sum of theirs. Arrays of shape (shifts,)."""
        tails = np.array(self.area_tails[LEVELS.index(level)])[kinds]
        return _intervals(expected.sum(axis=1), self.total_dispersion(expected, strata), tails)

    def part_interval(self, expected: Numbers, strata: Integers, *, level: float) -> Interval:
        """Of the total of some of the cells, such as those of an area: with the tails of `level` as they are."""
        tails = np.full(len(expected), (1 - level) / 2)
        return _intervals(expected.sum(axis=1), self.total_dispersion(expected, strata), tails)

    def widened(self, *, shared: float, own: float) -> "PlaceDistribution":
        """The same where all cells share, and each has, so much more dispersion: independent factors around the count.

        `shared`, `own`: dispersions that are added, 0 or more. With 0 and 0 it is this distribution to the bit.
        """
        if not shared and not own:
            return self
        wider = self.shared_dispersion + (1 + self.shared_dispersion) * shared
        beyond = np.maximum(self._dispersion - self.shared_dispersion, 0.0) / (1 + self.shared_dispersion)
        each = wider + (1 + wider) * (beyond + (1 + beyond) * own)
        return replace(self, shared_dispersion=wider, dispersion=tuple(each.tolist()))

    def samples(self, expected: Numbers, strata: Integers, *, draws: int, seed: int) -> NDArray[np.int32]:
        """Counts of all cells of one shift drawn together. Shape (draws, cells); those given have shape (cells,)."""
        return joint_counts(expected, self.own_dispersions(strata), self.shared_dispersion, draws=draws, seed=seed)

    # As a file

    def to_json(self) -> str:
        """Numbers only."""
        return json.dumps({one.name: getattr(self, one.name) for one in fields(self)}, sort_keys=True, allow_nan=False)

    @staticmethod
    def from_json(text: str) -> "PlaceDistribution":
        """What `to_json` wrote. Raises ModelError when it is something else."""
        try:
            content = json.loads(text)
            if set(content) != {one.name for one in fields(PlaceDistribution)}:
                raise ValueError("the keys are not those of a distribution")
            return PlaceDistribution(
                kinds=tuple(map(str, content["kinds"])),
                density_edges=tuple(map(float, content["density_edges"])),
                expected_edges=tuple(map(float, content["expected_edges"])),
                dispersion=tuple(map(float, content["dispersion"])),
                tails=tuple(tuple(map(float, one)) for one in content["tails"]),
                shared_dispersion=float(content["shared_dispersion"]),
                area_tails=tuple(tuple(map(float, one)) for one in content["area_tails"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ModelError("CR-MODEL-002", "the distribution of the model cannot be read") from None


@dataclass(frozen=True, kw_only=True)
class BesideUsual:
    """The chances that a count is below, within or above what is usual: from `low` to `high`, both inside.

    Usual is the middle half of the counts that would come if as much were expected as usually is.
    """

    low: Integers
    high: Integers
    quieter: Numbers
    busier: Numbers


def beside_usual(
    expected: Numbers, usual: Numbers, dispersion: Numbers, *, of_usual: Numbers | None = None
) -> BesideUsual:
    """How likely each count is quieter or busier than usual. All of one shape; `usual` in contacts a shift.

    `of_usual`: the dispersion of what usually comes, where what is expected now scatters more than that.
    """
    middle = _intervals(usual, dispersion if of_usual is None else of_usual, np.full(np.shape(usual), 0.25))
    means = np.maximum(expected, LEAST_EXPECTED).ravel()
    quieter, _ = around(means, dispersion.ravel(), middle.lower.ravel())
    _, up_to = around(means, dispersion.ravel(), middle.upper.ravel())
    shape = np.shape(expected)
    return BesideUsual(
        low=middle.lower, high=middle.upper, quieter=quieter.reshape(shape), busier=(1 - up_to).reshape(shape)
    )


def joint_counts(
    expected: Numbers, own_dispersion: Numbers, shared_dispersion: float, *, draws: int, seed: int
) -> NDArray[np.int32]:
    """Counts of all cells of one shift drawn together. Shape (draws, cells).

    `expected`, `own_dispersion`: shape (cells,), the latter what is left beside what all cells share. Most counts are
    0: of cells where few are expected only those draws are worked out that are not 0 even in the busiest night drawn.
    """
    random = np.random.default_rng(seed)
    means = np.maximum(expected, LEAST_EXPECTED)
    lift = _lifts(random, np.array(shared_dispersion), (draws, 1))
    most = means * lift.max(initial=0.0)
    many = np.flatnonzero(most > FEW_EXPECTED)
    counts = np.zeros((draws, len(means)), dtype=np.int32)
    if len(many):
        own = _lifts(random, own_dispersion[many], (draws, len(many)))
        counts[:, many] = random.poisson(means[many] * lift * own)
    few = np.flatnonzero(most <= FEW_EXPECTED)
    chance = random.random((draws, len(few)))
    row, column = np.nonzero(chance > _chance_of_none(most[few], own_dispersion[few]))
    cell = few[column]
    counts[row, cell] = _least_count(chance[row, column], means[cell] * lift[row, 0], own_dispersion[cell])
    return counts


def _chance_of_none(means: Numbers, dispersion: Numbers) -> Numbers:
    """Of a count with mean m and variance m + dispersion × m²."""
    some = np.maximum(dispersion, 1e-12)
    return np.asarray(np.exp(-np.where(dispersion > 0, np.log1p(some * means) / some, means)))


def _least_count(chance: Numbers, means: Numbers, dispersion: Numbers) -> Integers:
    """The least count whose distribution function reaches each chance. All of one shape."""
    counts = np.zeros(len(chance), dtype=np.int64)
    mass = _chance_of_none(means, dispersion)
    reached = mass.copy()
    left = np.flatnonzero(chance > reached)
    while len(left):
        before, mean, own = counts[left], means[left], dispersion[left]
        mass[left] *= (1 + own * before) * mean / ((before + 1) * (1 + own * mean))
        reached[left] += mass[left]
        counts[left] += 1
        left = left[(chance[left] > reached[left]) & (mass[left] > 0)]
    return counts


def _intervals(expected: Numbers, dispersion: Numbers, tails: Numbers) -> Interval:
    means = np.maximum(np.asarray(expected, dtype=np.float64), LEAST_EXPECTED)
    shape = means.shape
    lower, upper, chance = intervals(means.ravel(), np.ravel(dispersion), np.ravel(tails))
    return Interval(lower=lower.reshape(shape), upper=upper.reshape(shape), chance=chance.reshape(shape))


def _lifts(random: np.random.Generator, dispersion: Numbers, shape: tuple[int, int]) -> Numbers:
    """Gamma factors of mean 1 and this variance; exactly 1 where it is 0."""
    some = np.maximum(dispersion, 1e-12)
    return np.where(dispersion > 0, random.gamma(1 / some, some, size=shape), 1.0)


def _problem(distribution: PlaceDistribution) -> str | None:
    strata, kinds = int(np.prod(distribution.shape)), len(distribution.kinds)
    edges = (distribution.density_edges, distribution.expected_edges)
    if not kinds or len(set(distribution.kinds)) != kinds:
        return "it needs at least one kind of shift, each once"
    if any(low >= high for one in edges for low, high in pairwise(one)):
        return "edges must rise"
    sizes: Mapping[str, Any] = {"tails": distribution.tails, "area_tails": distribution.area_tails}
    wanted = {"tails": strata, "area_tails": kinds}
    if len(distribution.dispersion) != strata or any(
        [len(one) for one in values] != [wanted[name]] * len(LEVELS) for name, values in sizes.items()
    ):
        return "every stratum needs its numbers"
    flat = [tail for values in sizes.values() for one in values for tail in one]
    spread = [*distribution.dispersion, distribution.shared_dispersion]
    finite = np.isfinite([*flat, *spread, *edges[0], *edges[1]]).all()
    if not finite or min(spread) < 0 or min(flat) <= 0 or max(flat) >= 0.5:
        return "dispersions must be 0 or more, tails above 0 and below 0.5"
    return None
