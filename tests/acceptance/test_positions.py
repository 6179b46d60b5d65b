"""Plans on the invented sample, as a coordinator asks for them."""

import json
from pathlib import Path

import pytest

from crisisrisk.cli import run

pytestmark = pytest.mark.slow


def asked(site: Path, capsys: pytest.CaptureFixture[str], *more: str) -> dict:
    assert run(["positions", "--site", str(site), "--json", *more]) == 0
    return json.loads(capsys.readouterr().out)


def test_plans_name_a_site_for_every_team_and_what_that_covers(
    demo_site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = asked(demo_site, capsys, "--teams", "3")
    assert (found["teams"], len(found["plan"])) == (3, 3)
    best, usual = found["plans"][0], found["plans"][-1]
    assert best["optimal"] is True
    assert 0 < best["share"]["15"] <= best["share"]["30"] <= 1
    assert best["covered"]["15"] >= usual["covered"]["15"]
    assert best["worst_decile"] <= best["share"]["15"]
    assert {one["away"] for one in best["if_called_away"]} == {"team 1", "team 2", "team 3"}
    assert found["expected_coverage"] == best["share"]["15"]
    assert [one["change"] for one in found["marginal"]][:2] == ["one more team", "one more hour"]
    assert {refuge["kind"] for refuge in found["near"]["team 1"]} >= {"place_of_safety", "emergency_department"}
    assert found["travel"].startswith("straight line × 1.35")
    more = asked(demo_site, capsys, "--teams", "4")
    assert more["plans"][0]["covered"]["15"] >= best["covered"]["15"]


def test_a_floor_costs_cover_and_the_greedy_plan_says_its_gap(
    demo_site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fair = asked(demo_site, capsys, "--teams", "2", "--floor", "most deprived fifth", "1")
    shares = {plan["name"]: plan["share"]["15"] for plan in fair["plans"]}
    assert shares.get("covers fairly", 0.0) <= shares["covers most"]
    at_once = asked(demo_site, capsys, "--teams", "2", "--seconds", "0")
    assert 0 <= at_once["gap"] < 1


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (("--teams", "0"), "there is no team to place"),
        (("--teams", "2", "--base", "nowhere"), 'there is no site "nowhere" to stand at'),
        (("--teams", "2", "--floor", "poets", "1"), 'no cells are known to be "poets"'),
    ],
)
def test_what_cannot_be_planned_is_said(
    demo_site: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], problem: str
) -> None:
    assert run(["positions", "--site", str(demo_site), *more]) != 0
    assert problem in capsys.readouterr().err
