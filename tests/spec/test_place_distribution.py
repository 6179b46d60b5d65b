"""How counts scatter around what a place model expects: against SciPy, and against counts drawn from it."""

import json

import numpy as np
import pytest
from scipy import stats

from crisisrisk.errors import ModelError
from crisisrisk.models.count_kernels import around, intervals
from crisisrisk.models.place_distribution import LEVELS, PlaceDistribution, beside_usual

MEANS = np.array([1e-9, 0.003, 0.05, 0.9, 1.0, 7.7, 40.0, 1_500.0])
DISPERSIONS = np.array([0.0, 1e-14, 0.02, 0.4, 3.0])


def scipy_of(mean: float, dispersion: float) -> stats.rv_discrete:
    if dispersion < 1e-9:
        return stats.poisson(mean)
    return stats.nbinom(1 / dispersion, 1 / (1 + dispersion * mean))


@pytest.mark.parametrize("dispersion", DISPERSIONS)
@pytest.mark.parametrize("mean", MEANS)
def test_quantiles_and_chances_are_those_of_scipy(mean: float, dispersion: float) -> None:
    """A dispersion too small for SciPy's own formula is held against Poisson, which it is within 1e-7."""
    law, tails = scipy_of(mean, dispersion), np.array([0.25, 0.1, 0.025, 0.4])
    lower, upper, inside = intervals(np.full(4, mean), np.full(4, dispersion), tails)
    assert lower.tolist() == law.ppf(tails).tolist()
    assert upper.tolist() == law.ppf(1 - tails).tolist()
    assert inside == pytest.approx(law.cdf(upper) - law.cdf(lower - 1), abs=1e-7)
    counts = np.array([0, 1, int(mean), int(mean + 3 * mean**0.5 + 2)])
    below, up_to = around(np.full(4, mean), np.full(4, dispersion), counts)
    assert below == pytest.approx(law.cdf(counts - 1), abs=1e-7)
    assert up_to == pytest.approx(law.cdf(counts), abs=1e-7)


def two_kinds(**changes: object) -> PlaceDistribution:
    """Nights scatter more than other shifts, and more where more is expected."""
    made = {
        "kinds": ("other", "night"), "density_edges": (), "expected_edges": (1.0,),
        "dispersion": (0.0, 0.1, 0.0, 0.1, 0.3, 0.5, 0.3, 0.5), "shared_dispersion": 0.05,
        "tails": tuple(((1 - level) / 2,) * 8 for level in LEVELS),
        "area_tails": tuple(((1 - level) / 2,) * 2 for level in LEVELS),
    }  # fmt: skip
    return PlaceDistribution(**{**made, **changes})  # type: ignore[arg-type]


NOT_KNOWN = np.array([np.nan, np.nan])


@pytest.mark.parametrize(
    ("name", "expected", "dispersion"),
    [("night", 0.5, 0.3), ("night", 1.0, 0.5), ("day", 2.0, 0.1), ("day", 0.5, 0.05), ("never seen", 2.0, 0.1)],
)
def test_a_cell_has_the_dispersion_of_its_stratum_and_never_less_than_all_share(
    name: str, expected: float, dispersion: float
) -> None:
    spread = two_kinds()
    strata = spread.strata(spread.kind_numbers([name]), NOT_KNOWN, np.full((1, 2), expected))
    assert spread.dispersions(strata).tolist() == [[dispersion, dispersion]]


def test_the_class_of_density_goes_by_residents_and_apart_where_not_known() -> None:
    spread = PlaceDistribution(
        density_edges=(100.0, 1000.0), dispersion=(9.0, 1.0, 2.0, 3.0),
        tails=tuple(((1 - level) / 2,) * 4 for level in LEVELS),
    )  # fmt: skip
    density = np.array([np.nan, 0.0, 99.9, 100.0, 1000.0])
    strata = spread.strata(np.zeros(1, dtype=np.int64), density, np.ones((1, 5)))
    assert spread.dispersions(strata).tolist() == [[9.0, 1.0, 1.0, 2.0, 3.0]]


def test_the_total_of_a_shift_is_the_sum_of_its_cells_and_scatters_as_counts_drawn_together_do() -> None:
    """40 cells: mean and variance exactly by the formula, quantiles within one of those drawn."""
    spread, expected = two_kinds(), np.geomspace(0.05, 4.0, 40)[None, :]
    kinds = spread.kind_numbers(["night"])
    strata = spread.strata(kinds, np.full(40, np.nan), expected)
    drawn = spread.samples(expected[0], strata[0], draws=40_000, seed=3).sum(axis=1)
    mean, dispersion = expected.sum(), spread.total_dispersion(expected, strata)[0]
    assert drawn.mean() == pytest.approx(mean, rel=0.01)
    assert drawn.var() == pytest.approx(mean + dispersion * mean**2, rel=0.05)
    for level in LEVELS:
        found = spread.total_interval(expected, strata, kinds, level=level)
        ends = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], method="inverted_cdf")
        assert np.abs(ends - [found.lower[0], found.upper[0]]).max() <= 1
        inside = np.mean((found.lower[0] <= drawn) & (drawn <= found.upper[0]))
        assert inside == pytest.approx(found.chance[0], abs=0.01)


def test_counts_drawn_together_have_the_cells_own_distribution_and_rise_together() -> None:
    spread, expected = two_kinds(), np.array([0.5, 3.0])
    strata = spread.strata(spread.kind_numbers(["night"]), NOT_KNOWN, expected[None, :])
    drawn = spread.samples(expected, strata[0], draws=60_000, seed=3)
    assert drawn.mean(axis=0) == pytest.approx(expected, rel=0.02)
    dispersion = spread.dispersions(strata)[0]
    assert drawn.var(axis=0) == pytest.approx(expected + dispersion * expected**2, rel=0.05)
    assert np.cov(drawn.T)[0, 1] == pytest.approx(0.05 * 0.5 * 3.0, rel=0.3)
    again = spread.samples(expected, strata[0], draws=60_000, seed=3)
    assert (drawn == again).all()


def test_a_smaller_tail_makes_a_wider_interval() -> None:
    narrow = two_kinds()
    wide = two_kinds(tails=((0.1,) * 8, *narrow.tails[1:]), area_tails=((0.1,) * 2, *narrow.area_tails[1:]))
    expected = np.full((1, 2), 6.0)
    kinds = narrow.kind_numbers(["night"])
    strata = narrow.strata(kinds, NOT_KNOWN, expected)
    of_cells = [one.interval(expected, strata, level=0.5) for one in (narrow, wide)]
    of_area = [one.total_interval(expected, strata, kinds, level=0.5) for one in (narrow, wide)]
    for before, after in (of_cells, of_area):
        assert after.lower.max() < before.lower.min()
        assert after.upper.min() > before.upper.max()


@pytest.mark.parametrize(
    ("expected", "usual", "low", "high", "quieter", "busier"),
    [
        (4.0, 4.0, 3, 5, stats.poisson(4).cdf(2), stats.poisson(4).sf(5)),
        (9.0, 4.0, 3, 5, stats.poisson(9).cdf(2), stats.poisson(9).sf(5)),
        (0.05, 0.05, 0, 0, 0.0, stats.poisson(0.05).sf(0)),
        (1e-12, 0.0, 0, 0, 0.0, 0.0),
    ],
)
def test_busier_is_above_the_middle_half_of_what_usually_comes(
    expected: float, usual: float, low: int, high: int, quieter: float, busier: float
) -> None:
    found = beside_usual(*(np.array([value]) for value in (expected, usual, 0.0)))
    assert (found.low[0], found.high[0]) == (low, high)
    assert [found.quieter[0], found.busier[0]] == pytest.approx([quieter, busier], abs=1e-8)


# As a file


@pytest.mark.parametrize("spread", [PlaceDistribution(), two_kinds()])
def test_what_was_written_is_read_back(spread: PlaceDistribution) -> None:
    assert PlaceDistribution.from_json(spread.to_json()) == spread


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dispersion", [0.1]), ("dispersion", [-0.1] + [0.0] * 7), ("tails", [[0.1] * 8] * 2), ("kinds", []),
        ("tails", [[0.5] * 8] * 3), ("tails", [[0.0] * 8] * 3), ("expected_edges", [2.0, 1.0]), ("kinds", ["a", "a"]),
        ("shared_dispersion", -1.0), ("shared_dispersion", "much"), ("area_tails", 3), ("surprise", [1.0]),
    ],
)  # fmt: skip
def test_numbers_that_are_no_distribution_are_refused(name: str, value: object) -> None:
    content = {**json.loads(two_kinds().to_json()), name: value}
    with pytest.raises(ModelError, match="the distribution of the model"):
        PlaceDistribution.from_json(json.dumps(content))
