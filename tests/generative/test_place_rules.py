"""The simple rules of places equal their slow definitions, see nothing of the future, and answer alike one by one."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.linear_model import PoissonRegressor
from tests.lib.reference_place_rules import CELLS, SITE, InventedPast, slow_pasts

from crisisrisk.features.place import PlaceHistory
from crisisrisk.features.place_past import place_past
from crisisrisk.models.place_rules import kernel_density, self_exciting
from crisisrisk.models.place_rules.calendar_glm import fit_poisson
from crisisrisk.models.place_rules.maps import shift_factor, shrunken_rates
from crisisrisk.models.place_rules.parts import MINIMUM_EXPECTED
from crisisrisk.models.place_rules.rules import PLACE_RULES, PlaceRule

NUMBERS = {
    "kernel_density": {"bandwidth_km": 0.9},
    "kernel_density_times_shift_factor": {"bandwidth_km": 0.9},
    "calendar_glm": {
        "intercept": 0.1,
        "trend_a_year": 0.2,
        "trend_from_day": 19800.0,
        "bank_holiday": 0.3,
        "shift night 4": 0.4,
    },
    "self_exciting": {"map": 0.7, **{name: 0.01 * (place + 1) for place, name in enumerate(self_exciting.SCALES)}},
}

PASTS = [
    InventedPast(seed=seed, issue_hours=issue_hours, latency_hours=latency_hours)
    for seed, (issue_hours, latency_hours) in enumerate([(1, 0), (24, 48), (168, 0), (24, 0), (1, 48)])
]
EVERY_PAST = pytest.mark.parametrize("invented", PASTS, ids=lambda one: f"{one.issue_hours}h+{one.latency_hours}h")
EVERY_RULE = pytest.mark.parametrize("name", sorted(PLACE_RULES))


def _rule(name: str) -> PlaceRule:
    return PlaceRule(name, NUMBERS.get(name, {}))


@EVERY_PAST
def test_maps_and_the_same_shift_are_their_definitions(invented: InventedPast) -> None:
    slow = slow_pasts(invented)
    definitions = {
        "all_history_mean": [one.map(None) for one in slow],
        "trailing_365_days": [one.map(365) for one in slow],
        "trailing_365_days_times_shift_factor": [one.map(365) * one.factor() for one in slow],
        "shrunken_rate_times_shift_factor": [one.shrunken() * one.shift.hours * one.factor() for one in slow],
        "same_shift_mean_4_weeks": [one.same_shift(4) for one in slow],
        "same_shift_mean_52_weeks": [one.same_shift(52) for one in slow],
        "seasonal_naive": [one.same_shift(1) for one in slow],
        "medic": [one.medic() for one in slow],
        "volume_times_share": [one.volume_times_share() for one in slow],
        "residents_and_deprivation": [one.residents() for one in slow],
    }
    for name, definition in definitions.items():
        found = _rule(name).expected(invented.past)
        assert found == pytest.approx(np.maximum(definition, MINIMUM_EXPECTED)), name


@EVERY_PAST
@pytest.mark.parametrize("bandwidth_km", [0.3, 0.9, 3.0])
def test_the_density_is_its_definition(invented: InventedPast, bandwidth_km: float) -> None:
    found = kernel_density.density_rates(invented.past, {"bandwidth_km": bandwidth_km})
    assert found == pytest.approx(np.array([one.density(bandwidth_km) for one in slow_pasts(invented)]), rel=1e-5)


@EVERY_PAST
def test_echoes_are_their_definition(invented: InventedPast) -> None:
    numbers = NUMBERS["self_exciting"]
    definition = []
    for one in slow_pasts(invented):
        expected = numbers["map"] * np.maximum(one.shrunken() * one.shift.hours * one.factor(), MINIMUM_EXPECTED)
        for half_life in self_exciting.HALF_LIVES:
            for cell in range(len(CELLS)):
                for reach, ring in (("ring_1", CELLS.neighbours_1), ("ring_2", CELLS.neighbours_2)):
                    near = ring.of(cell).tolist()
                    weight = numbers[f"{reach}_{half_life}_days"] / max(len(near), 1)
                    expected[cell] += weight * one.echo(half_life, near)
                expected[cell] += numbers[f"here_{half_life}_days"] * one.echo(half_life, [cell])
        definition.append(expected)
    assert self_exciting.self_exciting(invented.past, numbers) == pytest.approx(np.array(definition), rel=1e-5)


@EVERY_PAST
@EVERY_RULE
def test_nothing_known_from_the_issue_time_on_changes_a_forecast(invented: InventedPast, name: str) -> None:
    forecast = _rule(name).expected(invented.past)
    random, history = np.random.default_rng(invented.seed), invented.history
    for place, issued in enumerate(invented.rows.issued_at.tolist()):
        later = history.known_at >= issued
        other_end = issued + random.integers(0, 10**12, len(later))
        gone = np.where(history.superseded_at >= issued, other_end, history.superseded_at)
        keep = ~later | (random.random(len(later)) < 0.5)
        other = PlaceHistory(history.starts, history.row, history.occurred_at, history.known_at, gone).only(keep)
        row = invented.rows_of([invented.rows.shifts[place]])
        past = place_past(other, row, SITE, latency_hours=invented.latency_hours)
        assert (_rule(name).expected(past)[0] == forecast[place]).all()


@EVERY_PAST
@EVERY_RULE
def test_one_shift_is_forecast_to_the_bit_as_among_many(invented: InventedPast, name: str) -> None:
    together = _rule(name).expected(invented.past)
    for place, shift in enumerate(invented.rows.shifts):
        alone = place_past(invented.history, invented.rows_of([shift]), SITE, latency_hours=invented.latency_hours)
        assert _rule(name).expected(alone)[0].tobytes() == together[place].tobytes()


@EVERY_PAST
@EVERY_RULE
def test_parts_say_how_the_forecast_differs_from_an_average_place(invented: InventedPast, name: str) -> None:
    past = invented.past
    for part in _rule(name).parts(past):
        assert part.effect.shape == (len(past.rows), len(CELLS))
        assert np.isfinite(part.effect).all()
        for target in range(len(past.rows)):
            for cell in range(len(CELLS)):
                live, released = part.live(target, cell), part.released(target, cell)
                assert live
                assert released
                assert "nan" not in live + released
                assert not re.search(r"\b(0 crisis|1 crisis contacts|1 shifts|1 residents)\b", live), live
                assert not re.search(r"\d", released.replace("365 days", "")), "a file says no number of a reason"


def test_the_analysts_map_and_the_clock_make_up_their_product() -> None:
    past = InventedPast(seed=3).past
    rule = _rule("trailing_365_days_times_shift_factor")
    history, clock = rule.parts(past)
    average = rule.expected(past).mean(axis=1, keepdims=True) / shift_factor(past)[:, None]
    made = average * np.exp(history.effect + clock.effect)
    assert made[:, :3] == pytest.approx(rule.expected(past)[:, :3], rel=0.01)  # in the last cell nothing ever happened


# Fits


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_the_regression_is_that_of_scikit_learn(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows, ridge = 300, 3.0
    design, offset = random.normal(size=(rows, 4)), np.log(random.gamma(2, 0.7, rows) + 0.05)
    counts = random.poisson(np.exp(offset + design @ [0.4, -0.2, 0.0, 0.1] - 0.3)).astype(float)
    found = fit_poisson(np.column_stack([np.ones(rows), design]), counts, offset, ridge=ridge)
    weight = np.exp(offset)
    theirs = PoissonRegressor(alpha=ridge / weight.sum(), tol=1e-10, max_iter=5000)
    theirs.fit(design, counts / weight, sample_weight=weight)
    assert found == pytest.approx([theirs.intercept_, *theirs.coef_], abs=1e-4)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_no_other_weights_of_echoes_are_more_likely(seed: int) -> None:
    random = np.random.default_rng(seed)
    table = random.gamma(0.5, 0.3, (4000, 3)) + 0.001
    counts = random.poisson(table @ [0.8, 0.3, 0.0])
    some = counts > 0
    found = self_exciting.mixture_weights(table[some], table.sum(axis=0), counts[some].astype(float))

    def loss(weights: np.ndarray) -> float:
        return float(weights @ table.sum(axis=0) - (counts[some] * np.log(table[some] @ weights + 1e-300)).sum())

    best = minimize(loss, [0.5, 0.3, 0.3], bounds=[(0, None)] * 3, method="L-BFGS-B")
    assert loss(found) <= best.fun + 1e-3 * abs(best.fun)
    assert found @ table.sum(axis=0) == pytest.approx(counts.sum(), rel=1e-6)


def test_without_events_there_are_no_echoes() -> None:
    weights = self_exciting.mixture_weights(np.empty((0, 3)), np.array([1.0, 2.0, 0.0]), np.empty(0))
    assert weights.tolist() == [1.0, 0.0, 0.0]


def test_events_are_handed_out_whole() -> None:
    for numbers in ({"bandwidth_km": 1.0}, {"to_neighbours": 0.3}):
        near = kernel_density.near(CELLS, numbers)
        got = np.bincount(near.indices, weights=near.weights, minlength=len(CELLS))
        assert got == pytest.approx(np.ones(len(CELLS)))


def test_drawn_rates_keep_the_total() -> None:
    past = InventedPast(seed=5).past
    total = shrunken_rates(past).sum(axis=1)
    counts, hours = past.counts(365), past.total_hours(365)
    assert total == pytest.approx((counts.sum(axis=0) / hours)[past.moment])
