"""Dispersion and interval tails as they are fitted on validation shifts."""

import numpy as np
import pytest
from numpy.typing import NDArray

from crisisrisk.evaluation.place_coverage import PlaceIntervals, coverage_report, joined
from crisisrisk.models.place_distribution import LEVELS, PlaceDistribution
from crisisrisk.models.place_scatter import density_class, fit_distribution

SHIFTS, CELLS = 600, 60
NAMES = ["day", "night"] * (SHIFTS // 2)
NOWHERE = np.full(CELLS, np.nan)

Numbers = NDArray[np.float64]


def forecast(most: float = 3.0) -> Numbers:
    random = np.random.default_rng(1)
    return random.uniform(0.5, 1.5, (SHIFTS, 1)) * np.geomspace(0.01, most, CELLS)


def counts_of(expected: Numbers, *, own: float = 0.0, shared: float = 0.0, seed: int = 2) -> NDArray[np.int32]:
    random = np.random.default_rng(seed)
    lift = random.gamma(1 / shared, shared, (SHIFTS, 1)) if shared else 1.0
    jitter = random.gamma(1 / own, own, expected.shape) if own else 1.0
    return random.poisson(expected * lift * jitter).astype(np.int32)


def intervals_of(spread: PlaceDistribution, expected: Numbers, names: list[str] = NAMES) -> PlaceIntervals:
    kinds = spread.kind_numbers(names)
    strata = spread.strata(kinds, NOWHERE, expected)
    return PlaceIntervals(
        {level: spread.interval(expected, strata, level=level) for level in LEVELS},
        {level: spread.total_interval(expected, strata, kinds, level=level) for level in LEVELS},
    )


def test_poisson_counts_are_left_as_poisson() -> None:
    expected = forecast()
    spread = fit_distribution(expected, counts_of(expected), NAMES, NOWHERE)
    assert spread.shared_dispersion < 0.003
    busy = spread.strata(spread.kind_numbers(["day"]), NOWHERE[:1], np.array([[2.0]]))
    assert spread.dispersions(busy)[0, 0] < 0.05


def test_own_and_shared_dispersion_are_told_apart() -> None:
    expected = forecast()
    spread = fit_distribution(expected, counts_of(expected, own=0.4, shared=0.1), NAMES, NOWHERE)
    assert spread.shared_dispersion == pytest.approx(0.1, rel=0.25)
    busy = spread.strata(spread.kind_numbers(["night"]), NOWHERE[:1], np.array([[2.0]]))
    assert spread.dispersions(busy)[0, 0] == pytest.approx(0.4 + 0.1 + 0.04, rel=0.3)
    assert spread.own_dispersions(busy)[0, 0] == pytest.approx(0.4, rel=0.35)


@pytest.mark.parametrize(("own", "shared"), [(0.0, 0.0), (0.5, 0.0), (0.0, 0.1), (0.3, 0.05)])
def test_intervals_hold_on_other_shifts_in_every_stratum(own: float, shared: float) -> None:
    """Within four points of the exact chance, cells and totals; drawn as the fit assumes."""
    expected = forecast()
    spread = fit_distribution(expected, counts_of(expected, own=own, shared=shared), NAMES, NOWHERE)
    fresh = counts_of(expected, own=own, shared=shared, seed=7)
    report = coverage_report(
        intervals_of(spread, expected), expected, fresh, kinds=NAMES, density_class=np.zeros(CELLS, dtype=np.int64)
    )
    assert len(report["cells"]) > 10
    assert report["worst"]["cells"] < 0.04
    for level in ("50", "80", "95"):
        assert report["all_shifts"][level]["inside"] == pytest.approx(report["all_shifts"][level]["exact"], abs=0.07)


def bursts(expected: Numbers, seed: int) -> NDArray[np.int32]:
    """No negative-binomial count: mostly fewer than expected, now and then far more, by night alone."""
    random = np.random.default_rng(seed)
    lift = np.where(random.random(expected.shape) < 0.06, 6.0, (1 - 0.36) / 0.94)
    night = np.arange(SHIFTS)[:, None] % 2 == 1
    return random.poisson(np.where(night, expected * lift, expected)).astype(np.int32)


def test_conformal_tails_mend_what_the_negative_binomial_gets_wrong() -> None:
    expected = np.full((SHIFTS, CELLS), 5.0)
    fitted = fit_distribution(expected, bursts(expected, 2), NAMES, NOWHERE)
    plain = PlaceDistribution(
        kinds=fitted.kinds, density_edges=fitted.density_edges, expected_edges=fitted.expected_edges,
        dispersion=fitted.dispersion, shared_dispersion=fitted.shared_dispersion,
        tails=tuple(((1 - level) / 2,) * len(fitted.dispersion) for level in LEVELS),
        area_tails=tuple(((1 - level) / 2,) * len(fitted.kinds) for level in LEVELS),
    )  # fmt: skip
    fresh, strata = bursts(expected, 7), fitted.strata(fitted.kind_numbers(NAMES), NOWHERE, expected)
    night = np.arange(SHIFTS) % 2 == 1
    off = {}
    for name, spread in (("plain", plain), ("fitted", fitted)):
        claimed = plain.interval(expected, strata, level=0.5).chance
        found = spread.interval(expected, strata, level=0.5)
        inside = (found.lower <= fresh) & (fresh <= found.upper)
        off[name] = abs(inside[night].mean() - claimed[night].mean())
    assert off["plain"] > 0.1
    assert off["fitted"] < 0.06 < off["plain"]


def test_a_kind_with_few_rows_takes_the_tails_of_all() -> None:
    expected = np.full((SHIFTS, 1), 5.0)
    names = ["rare"] * 3 + ["night"] * (SHIFTS - 3)
    spread = fit_distribution(expected, bursts(expected, 2), names, np.array([np.nan]))
    rare, never = (
        spread.strata(spread.kind_numbers([name]), np.array([np.nan]), np.array([[5.0]]))[0, 0]
        for name in ("rare", "never seen")
    )
    assert [tails[rare] for tails in spread.tails] == [tails[never] for tails in spread.tails]


def test_a_single_cell_shares_with_none_and_nothing_at_all_is_poisson() -> None:
    one = np.full((SHIFTS, 1), 2.0)
    assert fit_distribution(one, counts_of(one, own=0.5), NAMES, np.array([5.0])).shared_dispersion == 0
    none = fit_distribution(forecast(0.5), np.zeros((SHIFTS, CELLS), dtype=np.int32), NAMES, NOWHERE)
    assert set(none.dispersion) == {0.0}


def test_cells_are_cut_into_thirds_by_their_residents_and_unknown_ones_stand_apart() -> None:
    density = np.array([np.nan, 1.0, 2.0, 10.0, 20.0, 300.0, 400.0])
    assert density_class(density).tolist() == [0, 1, 1, 2, 2, 3, 3]
    assert density_class(np.array([np.nan])).tolist() == [0]


# The report


def test_the_report_counts_what_lay_inside_and_leaves_small_strata_out() -> None:
    expected, spread = np.full((SHIFTS, CELLS), 0.3), PlaceDistribution()
    counts = np.zeros((SHIFTS, CELLS), dtype=np.int32)
    counts[:, 0] = 9
    names = ["rare"] * 8 + ["night"] * (SHIFTS - 8)
    report = coverage_report(
        intervals_of(spread, expected, names), expected, counts, kinds=names,
        density_class=np.zeros(CELLS, dtype=np.int64),
    )  # fmt: skip
    [stratum] = report["cells"]
    assert (stratum["kind"], stratum["from"], stratum["to"], stratum["rows"]) == ("night", 0.2, 0.4, 592 * 60)
    assert stratum["50"]["inside"] == pytest.approx(59 / 60)
    assert stratum["50"]["exact"] == pytest.approx(np.exp(-0.3) * 1.3)
    assert stratum["50"]["width"] == 1
    assert [one["kind"] for one in report["area"]] == ["night"]
    gaps = [abs(59 / 60 - stratum[level]["exact"]) for level in ("50", "80", "95")]
    assert report["worst"]["cells"] == pytest.approx(max(gaps))


def test_runs_are_put_one_after_the_other() -> None:
    spread, expected = PlaceDistribution(), np.full((SHIFTS, CELLS), 0.3)
    parts = [intervals_of(spread, expected[:part], NAMES[:part]) for part in (200, 400)]
    together = joined(parts)
    assert together.cells[0.8].upper.shape == (600, CELLS)
    assert together.area[0.8].chance.shape == (600,)
