"""The forecast by kinds of week: its slow definition, nothing of the future, one shift as among many; and its fit."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.lib.reference_place_profiles import reference_log_expected
from tests.lib.reference_place_rules import SITE, InventedPast

from crisisrisk.errors import ModelError
from crisisrisk.features.place import PlaceHistory, PlaceRows
from crisisrisk.features.place_profiles import WeekProfiles, factorised, fit_profiles

PASTS = [
    InventedPast(seed=seed, issue_hours=issue_hours, latency_hours=latency_hours, days=90, events=150)
    for seed, (issue_hours, latency_hours) in enumerate([(1, 0), (24, 48), (168, 0)])
]
EVERY_PAST = pytest.mark.parametrize("invented", PASTS, ids=lambda one: f"{one.issue_hours}h+{one.latency_hours}h")


def profiles_of() -> WeekProfiles:
    """Two kinds of week over the rota's shifts but one, which a site may have added since."""
    kinds = [(one.name, weekday) for one in SITE.shifts for weekday in one.weekdays][:-1]
    random = np.random.default_rng(7)
    return WeekProfiles(
        names=tuple(name for name, _ in kinds),
        weekdays=tuple(weekday for _, weekday in kinds),
        rates=tuple(tuple(one) for one in random.uniform(0, 2, (2, len(kinds))).tolist()),
        usual=(0.01, 0.003),
        level=1.1,
    )


def forecast(history: PlaceHistory, rows: PlaceRows, invented: InventedPast) -> NDArray[np.float64]:
    """By the profiles above."""
    return profiles_of().log_expected(history, rows, SITE, latency_hours=invented.latency_hours)


@EVERY_PAST
def test_the_forecast_is_its_definition(invented: InventedPast) -> None:
    numbers, rows = profiles_of(), invented.rows
    found = forecast(invented.history, rows, invented)
    wanted = [
        reference_log_expected(numbers, invented, shift, issued)
        for shift, issued in zip(rows.shifts, rows.issued_at.tolist(), strict=True)
    ]
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)
    assert np.ptp(found) > 0.5  # cells differ: something was learned of them


@EVERY_PAST
def test_one_shift_is_forecast_to_the_bit_as_among_many(invented: InventedPast) -> None:
    together = forecast(invented.history, invented.rows, invented)
    for place, shift in enumerate(invented.rows.shifts):
        alone = forecast(invented.history, invented.rows_of([shift]), invented)
        assert alone[0].tobytes() == together[place].tobytes()


@EVERY_PAST
def test_nothing_known_from_the_issue_time_on_changes_a_forecast(invented: InventedPast) -> None:
    together, random, history = (
        forecast(invented.history, invented.rows, invented),
        np.random.default_rng(3),
        invented.history,
    )
    for place, issued in enumerate(invented.rows.issued_at.tolist()):
        later = history.known_at >= issued
        gone = np.where(history.superseded_at >= issued, issued + 5, history.superseded_at)
        keep = ~later | (random.random(len(later)) < 0.5)
        other = PlaceHistory(history.starts, history.row, history.occurred_at, history.known_at, gone).only(keep)
        row = invented.rows_of([invented.rows.shifts[place]])
        assert forecast(other, row, invented)[0].tobytes() == together[place].tobytes()


def test_two_kinds_of_week_are_found_again() -> None:
    """Cells of nights, cells of days, and cells of both: as many events in each kind as such mixtures bring."""
    random, hours = np.random.default_rng(1), np.array([700.0, 700.0, 1000.0])
    rates = np.array([[2.0, 1.0, 0.0], [0.0, 0.4, 2.12]])
    rates /= (rates @ hours)[:, None] / hours.sum()
    weights = random.gamma(1.0, 0.05, (300, 2)) * (random.random((300, 2)) < 0.7)
    seen = random.poisson(weights @ rates * hours).astype(np.float64)
    found, learned = factorised(seen, hours, profiles=2, seed=0)
    order = np.argsort(-learned[:, 0])
    assert learned[order] == pytest.approx(rates, abs=0.2)
    assert np.corrcoef(found[:, order[0]], weights[:, 0])[0, 1] > 0.95
    assert (found @ learned * hours).sum() == pytest.approx(seen.sum(), rel=0.02)


def test_the_level_makes_as_many_expected_as_came() -> None:
    invented = PASTS[0]
    rows = invented.rows_of(list(invented.shifts))
    counts = np.random.default_rng(2).poisson(0.4, (len(rows), len(rows.cells)))
    found = fit_profiles(invented.history, rows, SITE, counts, latency_hours=0, profiles=2)
    assert found is not None
    expected = found.log_expected(invented.history, rows, SITE, latency_hours=0)
    assert np.exp(expected).sum() == pytest.approx(counts.sum())
    assert fit_profiles(invented.history, rows, SITE, counts * 0, latency_hours=0, profiles=2) is None


def test_damaged_profiles_are_refused() -> None:
    good = profiles_of()
    for bad in (
        {"rates": ()},
        {"rates": good.rates[:1]},
        {"rates": (good.rates[0], good.rates[1][:-1])},
        {"rates": (good.rates[0], (-0.1, *good.rates[1][1:]))},
        {"usual": (0.01, 0.0)},
        {"level": float("nan")},
    ):
        with pytest.raises(ModelError):
            replace(good, **bad)
