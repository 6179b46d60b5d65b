"""Plans on the invented sample, as a coordinator asks for them."""

import json
import shutil
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from crisisrisk.cli import run
from crisisrisk.database.plans import plans_of
from crisisrisk.database.site_status import StoredStatus, set_status
from crisisrisk.database.upgrade import current_engine
from crisisrisk.tables.site import read_site
from crisisrisk.tables.store import Store

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


def test_without_a_number_the_declared_teams_are_placed_from_when_to_when(
    demo_site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = asked(demo_site, capsys, "--periods", "2", "--move-cost", "0")
    assert {post["team"] for post in found["plan"]} == {"triage-1", "triage-2"}
    for team in ("triage-1", "triage-2"):
        posts = [post for post in found["plan"] if post["team"] == team]
        assert posts[0]["from"] == min(post["from"] for post in found["plan"])
        assert all(one["to"] == other["from"] for one, other in pairwise(posts))
        assert posts[-1]["to"] == max(post["to"] for post in found["plan"])
    best = found["plans"][0]
    assert len({one["from"] for one in best["busy"]}) == 2
    assert {one["away"] for one in best["if_called_away"]} == {"triage-1", "triage-2"}
    still = asked(demo_site, capsys, "--periods", "2", "--move-cost", "9")["plans"][0]
    assert still["moves"] == 0
    assert best["covered"]["15"] >= still["covered"]["15"] - 1e-9
    assert {one["kind"] for one in found["taken"]} >= {"place_of_safety", "emergency_department"}
    assert all(one["minutes"] > 0 and 0 < one["share"] <= 1 for one in found["taken"])
    assert found["amhp"]["teams"] == ["triage-2"]
    assert 0 < found["amhp"]["covered"] < best["share"]["15"]
    assert found["advice"]["share"] is None or 0 <= found["advice"]["share"] <= 1


def test_the_text_says_where_from_when_and_what_else(demo_site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["positions", "--site", str(demo_site), "--floor", "country", "1"]) == 0
    said = capsys.readouterr().out
    for words in ("contacts expected", "  triage-1 ", "people would be taken, on average: place of safety",
                  "control-room advice alone", "AMHP cover:", "teams are away", "keeping the floors costs",
                  "travel: straight line", "A place not listed is not therefore safe."):  # fmt: skip
        assert words in said


def test_a_floor_costs_cover_and_the_greedy_plan_says_what_it_is(
    demo_site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    floor = ("--teams", "2", "--floor", "most deprived fifth", "1")
    fair = asked(demo_site, capsys, *floor)["plans"]
    kept = [plan for plan in fair if plan["floors_kept"]]
    assert kept
    assert fair[0] in kept
    assert all(plan["share"]["15"] <= max(one["share"]["15"] for one in fair) + 1e-9 for plan in kept)
    at_once = asked(demo_site, capsys, "--teams", "2", "--seconds", "0")["plans"][0]
    exact = asked(demo_site, capsys, "--teams", "2")["plans"][0]
    assert (at_once["method"], exact["method"]) == ("greedy", "exact")
    assert at_once["covered"]["15"] <= exact["covered"]["15"] + 1e-9
    assert exact["covered"]["15"] <= at_once["covered"]["15"] / (1 - at_once["gap"]) + 1e-9


def test_nobody_stands_at_or_is_taken_to_a_site_that_is_full(
    demo_site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = asked(demo_site, capsys, "--teams", "1")
    site, taken = before["plan"][0]["site_id"], before["near"]["team 1"][0]["site"]
    after = asked(demo_site, capsys, "--teams", "1", "--full", site, "--full", taken)
    assert site not in {at for plan in after["plans"] for at in plan["at"]}
    assert taken not in {refuge["site"] for refuge in after["near"]["team 1"]}
    assert after["near"]["team 1"]


def test_a_site_that_a_coordinator_closed_is_left_out_and_named_until_when(
    demo_site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Path(shutil.copytree(demo_site, tmp_path / "site"))
    before = asked(copy, capsys, "--teams", "1")
    site = read_site(copy)
    closed, now = before["plan"][0]["site_id"], Store(site).snapshot().as_of_now()
    called = before["plan"][0]["site_name"]
    assert called not in (None, closed)
    said = StoredStatus(
        site_id=closed, state="closed", reason="a burst pipe", starts=now, ends=now + timedelta(days=1), set_at=now,
        set_by="7f3a90c1", role="crisis_team",
    )  # fmt: skip
    engine = current_engine(site.database_url)
    set_status(engine, said)
    after = asked(copy, capsys, "--teams", "1")
    assert closed not in {at for plan in after["plans"] for at in plan["at"]}
    assert [(one["site_id"], one["state"], one["reason"]) for one in after["left_out"]] == [
        (closed, "closed", "a burst pipe")
    ]
    assert run(["positions", "--site", str(copy), "--teams", "1"]) == 0
    assert f"left out: {called} ({closed}), closed since " in capsys.readouterr().out
    kept = plans_of(engine, before["shift"])[:3]  # the newest; the copied site may have had plans before
    assert [[post.site_id for post in one.posts] for one in kept[1:]] == [
        [post["site_id"] for post in one["plan"]] for one in (after, before)
    ]
    assert {one.made_by for one in kept} == {"command"}
    # Without a shift it is the page of the one that runs; plans were made of the next.
    assert run(["brief", "--site", str(copy), "--shift", "2026-11-22T08:00"]) == 0
    page = capsys.readouterr().out
    assert f"{called}, closed from" in page
    assert f"P-{kept[0].number}" in page


def test_travel_times_of_a_file_decide_where_a_team_stands_and_are_named(
    demo_site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "minutes.csv"
    near = "".join(f"site-05,{place},5\n" for place in places_of(demo_site))
    file.write_text(f"site_id,place_id,minutes\n{near}", encoding="utf-8")
    found = asked(demo_site, capsys, "--teams", "1", "--travel", str(file))
    assert found["plan"][0]["site_id"] == "site-05"
    assert found["travel"].startswith("travel times of minutes.csv over the hours of the shift")
    assert "pairs are not in it: straight line" in found["travel"]


def places_of(site: Path) -> list[str]:
    snapshot = Store(read_site(site)).snapshot()
    return [str(place) for place in snapshot.table("places")["place_id"].to_pylist()]


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (("--teams", "0"), "there is no team to place"),
        (("--teams", "2", "--base", "nowhere"), 'there is no site "nowhere" to stand at'),
        (("--teams", "2", "--floor", "poets", "1"), 'no cells are known to be "poets"'),
        (("--teams", "2", "--full", "nowhere"), 'there is no site "nowhere" to be full'),
        (("--teams", "2", "--travel", "absent.csv"), "the matrix of travel times cannot be read"),
        (("--teams", "2", "--shift", "2026-11-22T09:30"), "no shift starts then"),
        (("--periods", "3"), "a shift has one period or two"),
        (("--base", "site-01"), "teams that are declared have their own bases"),
    ],
)
def test_what_cannot_be_planned_is_said(
    demo_site: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], problem: str
) -> None:
    assert run(["positions", "--site", str(demo_site), *more]) != 0
    assert problem in capsys.readouterr().err
