"""`replay` on a small site whose nights can be worked out by hand: two places, a base far away, a point near each."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import h3
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.lib.place_sites import EAST, EVENTS, FIRST, NORTH, Row, answering, place_site, small_recipe
from tests.lib.table_sites import write_csv, write_mapping

from crisisrisk.cli import run
from crisisrisk.commands import replay_page
from crisisrisk.commands.data import load_files
from crisisrisk.commands.replay import TRUTH, Request, replay
from crisisrisk.commands.replay_page import page
from crisisrisk.commands.replay_report import beside_forecast
from crisisrisk.positioning.past_plans import FIXED, FORECAST, FORESIGHT, LAST_MONTH, NEVER_BUSY, RESIDENTS, TRUE
from crisisrisk.positioning.replay import Played
from crisisrisk.tables.site import CONFIGURATION, Site, read_site
from crisisrisk.tables.store import Store
from crisisrisk.timeline import Window, shifts_starting_in
from crisisrisk.training.past_forecasts import Days, trained_before
from crisisrisk.training.progress import FOLDER

DAYS = 150
ELSEWHERE = NORTH + 0.1  # eleven kilometres: 24 minutes at night
ROUTE = {"here": (0, NORTH, ("00:10", "06:10", "12:10", "18:10")), "there": (1, ELSEWHERE, ("03:00",))}
CARE = """table = "sites_of_care"
[columns]
site_id = "site"
kind = "kind"
latitude = "lat"
longitude = "lon"
opens = "opens"
closes = "closes"
"""
SITES: tuple[Row, ...] = (
    {"site": "far", "kind": "base", "lat": NORTH + 0.3, "lon": EAST, "opens": "", "closes": ""},
    {"site": "near-here", "kind": "standby_point", "lat": NORTH, "lon": EAST, "opens": "", "closes": ""},
    {"site": "near-there", "kind": "standby_point", "lat": ELSEWHERE, "lon": EAST, "opens": "", "closes": ""},
)
COLUMNS = """dispatched_at = { column = "at", zone = "Europe/London", ambiguous = "first" }
arrived_at = { column = "arrived", zone = "Europe/London", ambiguous = "first" }
cleared_at = { column = "cleared", zone = "Europe/London", ambiguous = "first" }
team_id = "team"
[coordinates]"""
NIGHTS = ("--from", "2025-05-01", "--to", "2025-05-14", "--shift", "night")


def contacts(days: int = DAYS) -> list[Row]:
    """Each attended ten minutes later by a team that is free again after half an hour more."""
    rows = []
    for day in range(days):
        for name, (_, north, clock) in ROUTE.items():
            for hour in clock:
                at = datetime.fromisoformat(f"{FIRST + timedelta(days=day):%Y-%m-%d}T{hour}")
                rows.append(
                    {
                        "id": f"{name} {day} {hour}", "source": "crisis_line", "north": north, "east": EAST,
                        "at": at.isoformat(), "arrived": (at + timedelta(minutes=10)).isoformat(),
                        "cleared": (at + timedelta(minutes=40)).isoformat(), "team": "t1",
                    }
                )  # fmt: skip
    return rows


def site_of(parent: Path, rows: list[Row], *, care: bool = True) -> Site:
    site = place_site(parent, [])
    mapping = write_mapping(site, EVENTS.replace("[coordinates]", COLUMNS))
    load_files(site, [write_csv(parent / "calls.csv", rows)], mapping, create_key=True)
    if care:
        load_files(site, [write_csv(parent / "sites.csv", SITES)], write_mapping(site, CARE, "care"))
    (site.path / "training").mkdir()
    recipe = small_recipe(grid={"issue_hours": 1})
    (site.path / "training" / "place_crisis_shift.toml").write_text(recipe, encoding="utf-8")
    return read_site(site.path)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return site_of(tmp_path_factory.mktemp("replay"), contacts())


def asked(site: Site, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    assert run(["replay", "--site", str(site.path), *NIGHTS, "--json", *more]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def shares(found: Mapping[str, Any], minutes: int) -> dict[str, float]:
    return {name: round(one[f"covered_{minutes}"], 3) for name, one in found["plans"].items()}


def test_a_night_that_can_be_worked_out_by_hand(small: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """One team: of three calls a night it reaches the two here at once, and that there in 26 minutes."""
    found = asked(small, capsys, "--teams", "1")
    assert (found["shifts"], found["contacts"], found["shifts_left_out"]) == (14, 42, 0)
    plans = (FORECAST, NEVER_BUSY, LAST_MONTH, FORESIGHT)
    assert shares(found, 15) == {**dict.fromkeys(plans, 0.667), FIXED: 0.0}
    assert shares(found, 30) == {**dict.fromkeys(plans, 1.0), FIXED: 0.0}
    assert found["plans"][FORECAST]["mean_travel"] == pytest.approx((2 + 2 + 26.4) / 3, abs=0.1)  # 24.5 by night
    assert found["plans"][FORECAST]["moves_a_night"] == 1.0
    assert found["plans"][FORECAST]["queued"] == 0
    beside = found["forecast_less"][FIXED]["covered_15"]
    assert beside == {"mean": pytest.approx(2 / 3), "lower": None, "upper": None}  # of three weeks no interval is told
    assert found["forecast_less"][LAST_MONTH]["covered_15"]["mean"] == 0.0
    assert found["reachable"] == {"covered_15": 1.0, "covered_30": 1.0}
    assert found["service"] == "times at the scene drawn from the records of teams known before each shift"
    assert {text.partition(":")[0] for text in found["not_compared"]} == {RESIDENTS, TRUE}
    assert found["forecast_by"].startswith("2 models of the recipe small, 1 week each")
    with_two = asked(small, capsys, "--teams", "2", "--refit", "2")
    assert shares(with_two, 15)[FORECAST] == 1.0
    assert with_two["forecast_by"].startswith("1 model of the recipe small, 2 weeks each")
    assert shares(asked(small, capsys, "--teams", "1", "--base", "near-there"), 15)[FIXED] == 0.333


def truth_of(site: Site, folder: Path, *, here: float, there: float) -> Path:
    """What the small city is made with: so many contacts a shift expected here and there."""
    window = Window(datetime(2025, 1, 6, tzinfo=UTC), datetime(2025, 6, 1, tzinfo=UTC))
    shifts = [one.id for one in shifts_starting_in(site.shifts, window, site.time_zone)]
    cells = {"here": here, "there": there}
    rows = [(one, h3.latlng_to_cell(ROUTE[name][1], EAST, 8), much) for one in shifts for name, much in cells.items()]
    shift, cell, expected = zip(*rows, strict=True)
    folder.mkdir()
    pq.write_table(pa.table({"shift_id": shift, "place_id": cell, "expected": expected}), folder / TRUTH)
    return folder


def test_nights_of_an_invented_city_are_drawn_again(
    small: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As many contacts come as the truth says, of which two thirds are here: by chance more or fewer."""
    truth = truth_of(small, tmp_path / "truth", here=2.0, there=1.0)
    told = ("--teams", "1", "--refit", "2", "--truth", str(truth))
    found = asked(small, capsys, *told)
    again = found["drawn_again"]
    assert (again["draws"], again["share_of_true"]) == (20, 1.0)
    assert set(again["plans"]) == set(found["plans"]) - {FORESIGHT}
    forecast, fixed = (again["plans"][name]["covered_15"] for name in (FORECAST, FIXED))
    assert fixed < 0.02  # on its way home a team may be near
    assert forecast == pytest.approx(0.667, abs=0.1)
    assert forecast != found["plans"][FORECAST]["covered_15"]
    assert again["forecast_less"][FIXED]["covered_15"]["mean"] == pytest.approx(forecast - fixed)
    assert asked(small, capsys, *told)["drawn_again"] == again
    assert asked(small, capsys, *told, "--draws", "1")["drawn_again"] != again
    without = asked(small, capsys, *told, "--draws", "0")
    assert without["drawn_again"] is None
    assert without["plans"] == found["plans"]
    assert "20 times" in page([found])


MINUTES = """site_id,place_id,minutes
near-here,{here},9
near-here,{there},9
"""


def test_ways_are_those_of_the_rules_that_hold_for_plans(
    small: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One team: all three calls by the site's file, two of three where a river without a bridge lies between."""
    for name, rule in (("file", 'travel = "minutes.csv"'), ("river", 'barriers = "river.geojson"')):
        shutil.copytree(small.path, tmp_path / name)
        with (tmp_path / name / CONFIGURATION).open("a", encoding="utf-8") as file:
            file.write(f"[positions]\n{rule}\n")
    cells = {name: h3.latlng_to_cell(north, EAST, 8) for name, (_, north, _) in ROUTE.items()}
    (tmp_path / "file" / "minutes.csv").write_text(MINUTES.format(**cells), encoding="utf-8")
    line = {"type": "LineString", "coordinates": [[EAST - 1, NORTH + 0.05], [EAST + 1, NORTH + 0.05]]}
    (tmp_path / "river" / "river.geojson").write_text(json.dumps(line), encoding="utf-8")
    by_file, by_river = (
        asked(read_site(tmp_path / name), capsys, "--teams", "1", "--refit", "2") for name in ("file", "river")
    )
    assert shares(by_file, 15)[FORECAST] == 1.0
    assert by_file["travel"].startswith("travel times of minutes.csv over the hours of the shift")
    assert (shares(by_river, 15)[FORECAST], shares(by_river, 30)[FORECAST]) == (0.667, 0.667)
    assert by_river["reachable"] == {"covered_15": 1.0, "covered_30": 1.0}
    assert "around 1 barriers by 0 crossings" in by_river["travel"]


def test_what_became_known_later_changes_no_plan(small: Site, tmp_path: Path) -> None:
    """From an hour before the last night on every contact is elsewhere: its plan and all before are the same."""
    night = datetime(2025, 5, 14, 19)
    other = [
        row if datetime.fromisoformat(str(row["at"])) < night else {**row, "north": ELSEWHERE} for row in contacts()
    ]
    changed = site_of(tmp_path, other)
    request = Request(first="2025-05-08", last="2025-05-14", shift="night", teams=1)
    before, after = (replay(site, request, tell=lambda _: None) for site in (small, changed))
    stood = [{name: one["moves_a_night"] for name, one in each.told.plans.items()} for each in (before, after)]
    assert stood[0][FORECAST] == stood[1][FORECAST] == 1.0
    # Six nights as before; on the last all three calls are elsewhere, and no team that planned ahead is there.
    assert before.told.plans[FORECAST]["covered_15"] == pytest.approx(14 / 21)
    assert after.told.plans[FORECAST]["covered_15"] == pytest.approx(12 / 21)
    assert after.told.plans[LAST_MONTH]["covered_15"] == pytest.approx(12 / 21)
    assert after.told.plans[FORESIGHT]["covered_15"] == pytest.approx(15 / 21)


def test_a_model_that_was_trained_before_answers_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = site_of(tmp_path, contacts(100)).path
    site = read_site(folder)
    bundle = answering(site, folder / "training" / "place_crisis_shift.toml")
    new = [row for row in contacts() if row not in contacts(100)]
    load_files(site, [write_csv(tmp_path / "new.csv", new)], folder / "mapping.toml")
    own = asked(site, capsys, "--teams", "1")
    assert own["forecast_by"].startswith(
        "the model that answers (small v1), trained on what was known before 2025-04-15"
    )
    assert shares(own, 15)[FORECAST] == 0.667
    later = Request(first="2025-04-10", last="2025-04-20", shift="night", teams=1)
    assert replay(site, later, tell=lambda _: None).by.startswith("2 models of the recipe small")
    # What counts is when this model would have forecast them, not when the site's recipe would today.
    cut_off = datetime.fromisoformat(bundle.manifest.training_cut_off).date()
    own_recipe = json.loads(bundle.training_recipe)
    longer = {**own_recipe, "grid": {**own_recipe["grid"], "issue_hours": [72]}}
    days = Days(first=cut_off + timedelta(days=2), last=cut_off + timedelta(days=9))
    assert trained_before(bundle, days, site)
    assert not trained_before(replace(bundle, training_recipe=json.dumps(longer)), days, site)


def test_the_same_replay_goes_on_where_it_stopped(small: Site, tmp_path: Path) -> None:
    shutil.copytree(small.path, tmp_path / "site")
    site, heard = read_site(tmp_path / "site"), []
    request = Request(first="2025-05-01", last="2025-05-14", shift="night", teams=1)

    def stopped(text: str) -> None:
        heard.append(text)
        if text.startswith("planned"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replay(site, request, tell=stopped)
    assert list((site.path / FOLDER).glob("replay-*"))
    heard.clear()
    again = replay(site, request, tell=heard.append)
    assert any("fitted before" in text for text in heard)
    assert again.released() == replay(small, request, tell=lambda _: None).released()
    assert not list((site.path / FOLDER).glob("replay-*"))


def test_what_is_written_holds_no_small_count(small: Site) -> None:
    few = replay(small, Request(first="2025-05-01", last="2025-05-02", shift="night", teams=1), tell=lambda _: None)
    assert few.told.contacts == 6
    released = few.released()
    assert released["contacts"] == "under 8"
    assert {one["covered_15"] for one in released["plans"].values()} <= {None, 0.0, 1.0}
    assert (released["forecast_less"], released["plans"][FORECAST]["mean_travel"]) == ({}, None)
    many = replay(small, Request(first="2025-04-01", last="2025-05-02", shift="night", teams=1), tell=lambda _: None)
    assert many.released()["contacts"] == 95
    written = json.loads(Path(many.files[0]).read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(many.released()))


def test_an_interval_is_told_of_eight_weeks_and_not_of_fewer() -> None:
    """One contact a week: the forecast plan reaches that of every other week, the other plan none."""
    weeks = np.arange(8)
    reached, missed = (
        Played(night=weeks, waited=np.zeros(8), travelled=minutes, moves=0, nights=8)
        for minutes in (np.where(weeks % 2, 5.0, 60.0), np.full(8, 60.0))
    )
    told = beside_forecast(reached, missed, 15.0, weeks)
    assert told["mean"] == 0.5
    lower, upper = told["lower"], told["upper"]
    assert lower is not None
    assert upper is not None
    assert 0.0 < lower < 0.5 < upper < 1.0
    assert beside_forecast(reached, missed, 15.0, weeks // 2) == {"mean": 0.5, "lower": None, "upper": None}


def test_the_page_is_written_of_what_every_run_would_find(
    small: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept beside the page says no file of the machine and no time, and has the fields of the shipped one."""
    shipped = json.loads((replay_page.repository() / replay_page.CONTENT).read_text(encoding="utf-8"))
    (tmp_path / replay_page.CONTENT).parent.mkdir(parents=True)
    monkeypatch.setattr(replay_page, "repository", lambda: tmp_path)
    for teams in (2, 1, 2):
        report = replay(small, Request(first="2025-05-13", last="2025-05-14", shift="night", teams=teams), tell=str)
        assert report.files
        assert replay_page.write_page(report) == tmp_path / replay_page.PAGE
    runs = json.loads((tmp_path / replay_page.CONTENT).read_text(encoding="utf-8"))
    assert [one["teams"] for one in runs] == [{"night": 1}, {"night": 2}]
    assert all(list(one) == list(runs[0]) for one in shipped)
    assert (tmp_path / replay_page.PAGE).read_text(encoding="utf-8") == page(runs)


def test_the_page_is_made_of_what_was_found(small: Site) -> None:
    request = Request(first="2025-05-01", last="2025-05-14", shift="night", teams=1)
    content = replay(small, request, tell=lambda _: None).as_json()
    text = page([content])
    assert all(f"| {name} |" in text for name in (FIXED, LAST_MONTH, NEVER_BUSY, FORESIGHT))
    assert "| above fixed bases, the interval without 0 | +66.67 (too few weeks for a range) | **no** |" in text
    better = {**content, "forecast_less": {FIXED: {"covered_15": {"mean": 0.5, "lower": 0.4, "upper": 0.6}}}}
    assert "| above fixed bases, the interval without 0 | +50.00 (+40.00 to +60.00) | yes |" in page([better])
    worse = {**content, "forecast_less": {FIXED: {"covered_15": {"mean": 0.0, "lower": -0.1, "upper": 0.1}}}}
    assert "| above fixed bases, the interval without 0 | +0.00 (-10.00 to +10.00) | **no** |" in page([worse])


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (("--teams", "0"), "there is no team to place"),
        ((), "nobody says how many teams are on duty"),
        (("--teams", "1", "--to", "2025-04-01"), "the last day is before the first"),
        (("--teams", "1", "--from", "May"), "not a date"),
        (("--teams", "1", "--shift", "evening"), 'there is no shift "evening"'),
        (("--teams", "1", "--from", "2026-01-01", "--to", "2026-01-02"), "there is not one shift to replay"),
        (("--teams", "1", "--from", "2025-01-07", "--to", "2025-01-09"), "there is not one shift to replay"),
        (("--teams", "1", "--base", "nowhere"), 'there is no site "nowhere" to stand at'),
        (("--teams", "1", "--travel", "absent.csv"), "the matrix of travel times cannot be read"),
        (("--teams", "1", "--truth", "absent"), "the folder holds no truth of places"),
    ],
)
def test_what_cannot_be_replayed_is_said(
    small: Site, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], problem: str
) -> None:
    assert run(["replay", "--site", str(small.path), *NIGHTS, *more]) != 0
    assert problem in capsys.readouterr().err


def test_a_site_without_a_place_to_stand_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = site_of(tmp_path, contacts(), care=False)
    assert len(Store(site).snapshot().table("sites_of_care")) == 0
    assert run(["replay", "--site", str(site.path), *NIGHTS, "--teams", "1"]) != 0
    assert "the site has nowhere for a team to stand" in capsys.readouterr().err
