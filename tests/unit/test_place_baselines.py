"""The panel of simple rules on a small invented city whose true intensity is known."""

import json
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import h3
import numpy as np
import pytest
from tests.lib.reference_place_features import MIDDLE, hexagons, site_of

from crisisrisk.errors import DataError, ModelError, UsageError
from crisisrisk.evaluation.place_baselines import Fold, place_baselines
from crisisrisk.evaluation.place_metrics import deviance_floor, poisson_deviance
from crisisrisk.features.place import PlaceHistory
from crisisrisk.features.place_past import PlacePast, issued_before, place_past
from crisisrisk.models.place_rules.maps import shift_factor
from crisisrisk.models.place_rules.parts import MINIMUM_EXPECTED
from crisisrisk.models.place_rules.rules import PLACE_RULES, PlaceRule, fitted_rule
from crisisrisk.timeline import FOREVER_US, ShiftPattern, Window, microseconds, shifts_starting_in

LONDON = ZoneInfo("Europe/London")
PATTERNS = (
    ShiftPattern(name="day", starts=time(8), ends=time(16)),
    ShiftPattern(name="evening", starts=time(16), ends=time(0)),
    ShiftPattern(name="night", starts=time(0), ends=time(8)),
)
SITE = replace(site_of(), shifts=PATTERNS)
TWO_YEARS = Window(datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 12, 29, tzinfo=UTC))
SHIFTS = shifts_starting_in(PATTERNS, TWO_YEARS, LONDON)
PLACES = hexagons(*h3.grid_disk(MIDDLE, 2))
CELLS = replace(
    PLACES, population=np.arange(len(PLACES)) * 100.0 + 50, deprivation_decile=np.arange(len(PLACES)) % 10 + 1.0
)
CLOCK = np.array([{"day": 1.0, "evening": 1.5, "night": 0.5}[shift.name] for shift in SHIFTS])
MAP = np.random.default_rng(1).gamma(0.7, 0.3, len(CELLS))
TRUTH = CLOCK[:, None] * MAP
COUNTS = np.random.default_rng(2).poisson(TRUTH)
LAST = np.arange(len(SHIFTS) - 84, len(SHIFTS))
FOLD = Fold(np.arange(900, LAST[0]), np.arange(LAST[0] - 252, LAST[0]), LAST)


def _history(counts: np.ndarray, seed: int = 3) -> PlaceHistory:
    """Events anywhere in their shifts, known at once."""
    random = np.random.default_rng(seed)
    shift, cell = np.nonzero(counts)
    shift, cell = (np.repeat(one, counts[shift, cell]) for one in (shift, cell))
    start = np.array([microseconds(one.start) for one in SHIFTS])[shift]
    length = np.array([(one.end - one.start) // timedelta(microseconds=1) for one in SHIFTS])[shift]
    occurred = start + (random.random(len(shift)) * length).astype(np.int64)
    order = np.lexsort((-occurred, cell))
    starts = np.searchsorted(cell[order], np.arange(len(CELLS) + 1)).astype(np.int64)
    occurred = occurred[order]
    return PlaceHistory(starts, order.astype(np.int64), occurred, occurred, np.full(len(order), FOREVER_US))


def _past(counts: np.ndarray = COUNTS, *, issue_hours: float = 24) -> PlacePast:
    return place_past(_history(counts), issued_before(CELLS, SHIFTS, issue_hours=issue_hours), SITE)


PAST = _past()


def test_every_baseline_forecasts_every_target_and_the_clock_helps() -> None:
    panel = place_baselines(PAST, COUNTS, [FOLD])
    deviance = {name: poisson_deviance(one.expected, COUNTS[LAST]) for name, one in panel.forecasts.items()}
    floor = deviance_floor(TRUTH[LAST], seed=1)
    assert set(panel.forecasts) == set(PLACE_RULES)
    assert panel.left_out == {}
    assert {forecast.expected.shape for forecast in panel.forecasts.values()} == {(84, len(CELLS))}
    assert deviance["trailing_365_days_times_shift_factor"] < deviance["trailing_365_days"] - 0.01
    assert deviance["kernel_density_times_shift_factor"] < deviance["kernel_density"] - 0.01
    assert deviance["shrunken_rate_times_shift_factor"] < deviance["same_shift_mean_52_weeks"]
    assert deviance["same_shift_mean_52_weeks"] < deviance["same_shift_mean_8_weeks"] < deviance["seasonal_naive"]
    # Nothing here is contagious, seasonal or about residents: the fitted rules find that out.
    assert deviance["self_exciting"] == pytest.approx(deviance["shrunken_rate_times_shift_factor"], abs=0.005)
    assert deviance["calendar_glm"] == pytest.approx(deviance["shrunken_rate_times_shift_factor"], abs=0.005)
    assert deviance["residents_and_deprivation"] > deviance["trailing_365_days"]
    assert min(deviance.values()) > floor.mean - 4 * floor.spread


def test_a_fold_of_its_own_is_forecast_as_among_others() -> None:
    halves = [Fold(FOLD.fit, FOLD.scatter, LAST[:42]), Fold(np.arange(900, LAST[42]), FOLD.scatter + 42, LAST[42:])]
    together = place_baselines(PAST, COUNTS, halves)
    first = place_baselines(PAST, COUNTS, halves[:1])
    for name, forecast in first.forecasts.items():
        both = together.forecasts[name].at(np.arange(42))
        assert forecast.expected.tobytes() == both.expected.tobytes()
        assert forecast.dispersion.tobytes() == both.dispersion.tobytes()
        assert forecast.shared.tobytes() == both.shared.tobytes()


def test_factors_find_the_clock() -> None:
    found = shift_factor(PAST.only(LAST))
    for name, factor in (("day", 1.0), ("evening", 1.5), ("night", 0.5)):
        mine = [place for place, index in enumerate(LAST) if SHIFTS[index].name == name]
        assert found[mine].mean() == pytest.approx(factor, abs=0.08)


def test_medic_recalls_the_same_shift_across_clock_changes() -> None:
    # All counts are 0 but those of Sunday nights, so every recalled shift must have been a Sunday night.
    nights = np.array([shift.name == "night" and shift.weekday == 6 for shift in SHIFTS])
    counts = np.repeat(nights[:, None], len(CELLS), axis=1).astype(int)
    targets = np.flatnonzero(nights)[8:]
    forecast = PlaceRule("medic").expected(_past(counts, issue_hours=1).only(targets))
    assert forecast == pytest.approx(np.ones((len(targets), len(CELLS))))


def test_a_week_ahead_the_shift_a_week_before_is_not_known() -> None:
    counts = np.zeros_like(COUNTS)
    counts[:, 0] = np.random.default_rng(6).integers(1, 5, len(SHIFTS))
    for issue_hours, weeks_back in ((24, 1), (7 * 24, 2)):
        naive = PlaceRule("seasonal_naive").expected(_past(counts, issue_hours=issue_hours).only(LAST))
        assert naive[:, 0].tolist() == counts[LAST - 21 * weeks_back, 0].tolist()


def test_no_past_is_refused_and_nowhere_is_impossible() -> None:
    alone = np.zeros_like(COUNTS)
    alone[0, 0] = 1
    past = _past(alone)
    for name, kind in PLACE_RULES.items():
        numbers = {} if kind.fit is None else kind.fit(past.only(FOLD.fit), alone[FOLD.fit])
        rule = PlaceRule(name, numbers)
        assert (rule.expected(past.only(LAST)) >= MINIMUM_EXPECTED).all()
        with pytest.raises(DataError, match="there is no past to forecast from"):
            rule.expected(past.only(np.array([0])))


def test_a_rule_is_as_it_was_after_a_journey_as_json() -> None:
    for name in PLACE_RULES:
        rule = fitted_rule(name, PAST.only(FOLD.fit), COUNTS[FOLD.fit])
        again = PlaceRule.from_json(rule.to_json())
        assert again == rule
        assert (again.expected(PAST.only(LAST)) == rule.expected(PAST.only(LAST))).all()


def test_contacts_that_bring_contacts_are_learned() -> None:
    random = np.random.default_rng(7)
    counts = np.zeros_like(COUNTS)
    for shift in range(len(SHIFTS)):
        echo = 0.5 * counts[max(shift - 12, 0) : max(shift - 3, 0)].sum(axis=0) / 9
        counts[shift] = random.poisson(0.6 * TRUTH[shift] + echo)
    past = _past(counts)
    rule = fitted_rule("self_exciting", past.only(FOLD.fit), counts[FOLD.fit])
    brought = {reach: sum(rule.numbers[f"{reach}_{days}_days"] for days in (2, 7)) for reach in ("here", "ring_1")}
    assert brought["here"] > 0.2
    assert brought["ring_1"] < 0.1
    steady = poisson_deviance(PlaceRule("shrunken_rate_times_shift_factor").expected(past.only(LAST)), counts[LAST])
    assert poisson_deviance(rule.expected(past.only(LAST)), counts[LAST]) < steady


def test_events_spread_over_neighbours_where_cells_have_no_coordinates() -> None:
    nowhere = replace(CELLS, latitude=np.full(len(CELLS), np.nan), longitude=np.full(len(CELLS), np.nan))
    past = place_past(_history(COUNTS), issued_before(nowhere, SHIFTS, issue_hours=24), SITE)
    rule = fitted_rule("kernel_density", past.only(FOLD.fit), COUNTS[FOLD.fit])
    assert set(rule.numbers) == {"to_neighbours"}
    assert np.isfinite(rule.expected(past.only(LAST))).all()


def test_places_without_residents_have_no_rule_of_residents() -> None:
    bare = replace(CELLS, population=np.full(len(CELLS), np.nan))
    past = place_past(_history(COUNTS), issued_before(bare, SHIFTS, issue_hours=24), SITE)
    panel = place_baselines(past, COUNTS, [FOLD])
    assert panel.left_out == {"residents_and_deprivation": "the places table has no population"}
    with pytest.raises(DataError, match="cannot be made: the places table has no population"):
        fitted_rule("residents_and_deprivation", past.only(FOLD.fit), COUNTS[FOLD.fit])


def test_rules_that_mean_nothing_are_refused() -> None:
    with pytest.raises(UsageError, match="no such baseline of places"):
        fitted_rule("trailing_356_days", PAST, COUNTS)
    for text in ("{}", "[]", "no", json.dumps({"name": "medic", "numbers": {"a": "b"}, "latency_hours": 0})):
        with pytest.raises(ModelError):
            PlaceRule.from_json(text)
    for wrong in ({"name": "other"}, {"name": "self_exciting"}, {"name": "medic", "latency_hours": -1.0}):
        with pytest.raises(ModelError, match="the rule cannot be used"):
            PlaceRule(**wrong)


def test_a_city_of_one_cell_has_the_whole_panel() -> None:
    city = replace(hexagons(MIDDLE), population=np.array([900.0]))
    counts = COUNTS.sum(axis=1, keepdims=True)
    shift, _ = np.nonzero(counts)
    occurred = np.array([microseconds(one.start) for one in SHIFTS])[np.repeat(shift, counts[shift, 0])][::-1]
    forever = np.full(len(occurred), FOREVER_US)
    history = PlaceHistory(np.array([0, len(occurred)]), np.arange(len(occurred)), occurred, occurred, forever)
    past = place_past(history, issued_before(city, SHIFTS, issue_hours=24), SITE)
    panel = place_baselines(past, counts, [FOLD])
    assert set(panel.forecasts) == set(PLACE_RULES)
    for forecast in panel.forecasts.values():
        assert forecast.expected.sum() == pytest.approx(counts[LAST].sum(), rel=0.5)


def test_no_events_at_all_is_said() -> None:
    nothing = np.empty(0, dtype=np.int64)
    history = PlaceHistory(np.zeros(len(CELLS) + 1, dtype=np.int64), nothing, nothing, nothing, nothing)
    past = place_past(history, issued_before(CELLS, SHIFTS, issue_hours=24), SITE)
    with pytest.raises(DataError, match="no shift has a past"):
        place_baselines(past, np.zeros_like(COUNTS), [FOLD])
