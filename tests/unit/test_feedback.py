"""A forecast must not send the team where it went before for that alone: the urn, with our own pipeline inside."""

import re
from pathlib import Path

import numpy as np
import pytest
from tests.lib.urn import Urn

from crisisrisk.features.counting import CountingRule

SHIPPED = {"most_per_person": 2, "duplicate_minutes": 30, "duplicate_metres": 300, "most_times_usual": 3.0}
MOST_DRIFT = 0.05
ROUNDS = 1000
PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "feedback.md"


def on_the_page(line: str) -> float:
    """The figure of a line of the page's table."""
    [found] = re.findall(rf"^\| {line}.* \| [\d,]+ \| ([\d.]+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return float(found)


@pytest.mark.parametrize(("guard", "line"), [("exclude", "left out"), ("weight", "weighted")])
def test_places_of_equal_true_rates_keep_equal_shares_of_the_forecast_for_a_thousand_rounds(
    guard: str, line: str
) -> None:
    shares = Urn(counting=CountingRule(**SHIPPED, team_initiated=guard)).shares(ROUNDS)  # type: ignore[arg-type]
    drift = np.abs(shares - 0.5).max()
    assert drift <= MOST_DRIFT
    assert on_the_page(line) == pytest.approx(drift, abs=0.0006)


def test_without_the_guard_the_place_that_was_ahead_by_chance_runs_away() -> None:
    """What a team finds is recorded as if the public had reported it: the same pipeline, with nothing to tell by."""
    shares = Urn(counting=CountingRule(**SHIPPED), found_are="public").shares(350)  # type: ignore[arg-type]
    drift = np.abs(shares - 0.5).max()
    assert drift > 2 * MOST_DRIFT
    assert on_the_page("recorded as if") == pytest.approx(drift, abs=0.0006)
    assert np.abs(shares[-50:] - 0.5).min() > 2 * MOST_DRIFT
