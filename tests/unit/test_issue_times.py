"""The set of issue times of a place model: how each is fitted and judged, and which answers."""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from tests.lib.answering_models import let_answer
from tests.lib.place_sites import EVENTS, Row, answering, calls, place_site, small_recipe
from tests.lib.service_site import SERVICE, ServiceSite
from tests.lib.table_sites import write_csv, write_mapping

from crisisrisk.cli import run
from crisisrisk.commands.card import site_facts
from crisisrisk.commands.data import load_files
from crisisrisk.commands.evaluate import stored_report
from crisisrisk.commands.forecast import forecast, shifts_from
from crisisrisk.database.scores import save_place_forecast
from crisisrisk.database.totals import issued_totals
from crisisrisk.database.upgrade import current_engine
from crisisrisk.errors import ModelError, RecipeError
from crisisrisk.evaluation.issue_time_rows import hours_in_words, issue_times_text, row_of_time
from crisisrisk.models.bundle import ISSUE_TIMES, Bundle, load_bundle, write_bundle
from crisisrisk.models.champions import bundle_folder
from crisisrisk.models.holding import share_that_holds
from crisisrisk.models.issue_time import IssueTime, issue_time_for, issue_times_from_json, issue_times_to_json
from crisisrisk.models.place_distribution import PlaceDistribution
from crisisrisk.models.scattered_forecast import ScatteredForecast
from crisisrisk.scoring.places import forecast_shifts
from crisisrisk.scoring.totals import totals_frame
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Store
from crisisrisk.training.declarations import read_recipes
from crisisrisk.training.finished_files import keep_finished, kept_finished
from crisisrisk.training.keeping import Finished, SheetSettings
from crisisrisk.training.late_feeds import DAYS, held_back
from crisisrisk.training.place import expected_for, last_split
from crisisrisk.training.place_data import PlaceData, issued_at, place_data
from crisisrisk.training.progress import Progress
from crisisrisk.training.recipe import TrainingRecipe, parse_training_recipe

RECIPE = small_recipe(grid={"issue_hours": [24, 1, 168]}, split={"validation_days": 21, "origins": 2})
MEANS = {"model": 2.0, "good": 2.1, "bad": 9.0}
TIMES = (IssueTime(hours=24), IssueTime(hours=1), IssueTime(hours=168))


@pytest.mark.parametrize(
    ("ahead", "answers"), [(0, 1), (1, 1), (1.01, 24), (10, 24), (24, 24), (25, 168), (168, 168), (200, 168)]
)
def test_the_shortest_issue_time_answers_that_needs_nothing_later_than_now(ahead: float, answers: int) -> None:
    assert issue_time_for(TIMES, ahead).hours == answers


def test_issue_times_are_kept_as_numbers() -> None:
    times = (IssueTime(hours=168, hold=0.4, distribution=PlaceDistribution(shared_dispersion=0.2)),)
    assert issue_times_from_json(issue_times_to_json(times)) == times


@pytest.mark.parametrize(
    "text", ["{}x", "[1]", '[{"hours": -1, "hold": 1, "distribution": {}}]', '[{"hours": 1, "hold": 2}]', '{"a": 1}']
)
def test_issue_times_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(ModelError):
        issue_times_from_json(text)


@pytest.mark.parametrize("hold", [-0.1, 1.1, float("nan")])
def test_a_share_that_holds_lies_between_none_and_all(hold: float) -> None:
    with pytest.raises(ModelError):
        IssueTime(hours=1, hold=hold)


def test_what_trees_add_holds_as_far_as_the_counts_bear_it_out() -> None:
    random = np.random.default_rng(3)
    simple, added = np.full(40_000, 0.5), random.normal(scale=0.6, size=40_000)
    for truth in (0.0, 0.4, 1.0, 1.5):
        counts = random.poisson(simple * np.exp(truth * added)).astype(np.int32)
        assert share_that_holds(simple, added, counts) == pytest.approx(min(truth, 1.0), abs=0.04)
    assert share_that_holds(simple, np.zeros(40_000), counts) == 1.0


def test_rows_of_a_report_compare_the_model_with_every_baseline() -> None:
    random = np.random.default_rng(4)
    counts = random.poisson(2.0, size=(70, 5))
    told = {name: ScatteredForecast.poisson(np.full((70, 5), mean)) for name, mean in MEANS.items()}
    model = told.pop("model")
    held = {"all_cells": {"80": {"inside": 0.85, "exact": 0.84}}, "all_shifts": {}, "worst": {}}
    row = row_of_time(
        168, model, counts, told, np.repeat(np.arange(10), 7), held, area=None, seed=1, resamples=50
    )  # fmt: skip
    assert (row["hours"], row["best_baseline"], row["cells"]) == (168, "good", 5)
    assert row["gain"]["value"] == pytest.approx(row["baselines"]["good"] - row["deviance"])
    assert row["gain"]["lower"] <= row["gain"]["value"] <= row["gain"]["upper"]
    assert row["skill"] == pytest.approx(1 - row["deviance"] / row["baselines"]["good"])
    assert set(row["totals"]) == {"model", "good", "bad"}
    [head, line] = issue_times_text([row, row]).splitlines()[:2]
    assert "by issue time" in head
    assert line.startswith("7 days before")
    assert issue_times_text([row]) == ""


def test_hours_are_said_in_words() -> None:
    assert [hours_in_words(one) for one in (1, 24, 36, 168)] == [
        "1 hour before", "24 hours before", "36 hours before", "7 days before",
    ]  # fmt: skip


# In a recipe


def recipe_of(issue_hours: object) -> TrainingRecipe:
    content = {"name": "small", "subject": "place", "features": "place.toml", "outcome": {"crisis_flag": True}}
    return parse_training_recipe({**content, "grid": {"issue_hours": issue_hours}}, sources=(), where="test")


def test_a_recipe_names_one_issue_time_or_a_set() -> None:
    assert recipe_of(6).grid.issue_hours == (6,)
    many = recipe_of([24, 1, 168])
    assert (many.grid.issue_hours, many.grid.longest_issue_hours) == ((24, 1, 168), 168)
    assert TrainingRecipe.from_json(many.to_json()) == many


def test_the_stored_recipe_of_before_names_a_single_issue_time() -> None:
    one = recipe_of(6)
    before = json.loads(one.to_json())
    before["grid"]["issue_hours"] = 6
    assert TrainingRecipe.from_json(json.dumps(before)) == one


@pytest.mark.parametrize("issue_hours", [[], [24, 24], [1, "24"], -1, [24, 700], 1.5, True])
def test_issue_times_that_make_no_sense_are_refused(issue_hours: object) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_of(issue_hours)
    assert "grid.issue_hours" in caught.value.rendered()


# From training to the answer


@dataclass(frozen=True)
class Made:
    site: Site
    bundle: Bundle
    recipe: Path


ALL_CALLS = [*calls(150), *({**row, "id": f"b {row['id']}"} for row in calls(30, first=120))]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """150 days of one cell, twice as many calls in the last thirty, and a model of three issue times that answers."""
    folder = tmp_path_factory.mktemp("issue")
    site = place_site(folder, ALL_CALLS)
    recipe = folder / "small.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    return Made(site, answering(site, recipe), recipe)


def rows_of(made: Made) -> PlaceData:
    recipe = TrainingRecipe.from_json(made.bundle.training_recipe)
    return place_data(recipe, made.bundle.features, Store(made.site).snapshot(), made.site, held_out_days=14)


def test_a_bundle_says_how_it_answers_at_each_issue_time(made: Made) -> None:
    assert made.bundle.manifest.other_issue_hours == (1, 168)
    assert [one.hours for one in made.bundle.issue_times] == [24, 1, 168]
    assert load_bundle(bundle_folder(made.site.models, "small", 1)).issue_times == made.bundle.issue_times


def test_changed_issue_times_are_not_loaded(made: Made, tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "copy", made.bundle)
    (folder / ISSUE_TIMES).write_text("[]", encoding="utf-8")
    with pytest.raises(ModelError, match="its digest differs"):
        load_bundle(folder)
    with pytest.raises(ModelError, match="its issue times are not the manifest's"):
        load_bundle(write_bundle(tmp_path / "fewer", _of_times(made.bundle, made.bundle.place_model.other_times[:1])))


def _of_times(bundle: Bundle, times: tuple[IssueTime, ...]) -> Bundle:
    return replace(bundle, model=replace(bundle.place_model, other_times=times))


def test_nothing_known_within_the_longest_issue_time_shapes_what_is_judged(made: Made) -> None:
    data = rows_of(made)
    split = last_split(TrainingRecipe.from_json(made.bundle.training_recipe), data, made.site)
    week = timedelta(hours=168)
    first_judged = min(data.shifts[one].start for one in split.test)
    assert max(data.shifts[one].end for one in split.validation) <= first_judged - week
    assert data.cells_known_before <= first_judged - week


@pytest.mark.parametrize("hours", [1, 24, 168])
def test_a_forecast_is_what_the_model_was_judged_by_at_that_issue_time(made: Made, hours: int) -> None:
    """Live and in training: the same numbers to the bit, from what was known so many hours before the shift."""
    data, bundle = rows_of(made), made.bundle
    recipe = TrainingRecipe.from_json(bundle.training_recipe)
    last = data.usable[-1:]
    [time] = [one for one in bundle.issue_times if one.hours == hours]
    then = issued_at(data, recipe, bundle.features, made.site, hours=hours, shifts=last)
    judged = expected_for(bundle.place_model, bundle.features, then, last, hold=time.hold)
    shift = data.shifts[last[0]]
    snapshot = Store(made.site).snapshot()
    live = forecast_shifts(
        bundle, snapshot, made.site, shifts=[shift], issued_at=shift.start - timedelta(hours=hours)
    )  # fmt: skip
    assert live.frame["expected"].tolist() == judged[0].tolist()
    assert set(live.frame["issue_hours"]) == {hours}
    assert live.spread.times == (time,)


def test_training_judges_every_issue_time_beside_the_baselines_as_known_then(made: Made) -> None:
    report = stored_report(made.site, made.bundle.manifest.run_id)["report"]
    rows = report["issue_times"]
    assert [row["hours"] for row in rows] == [1, 24, 168]
    assert rows[1]["deviance"] == report["model"]["deviance"]
    assert rows[1]["baselines"] == {name: one["deviance"] for name, one in report["baselines"].items()}
    map_of_a_year = [row["baselines"]["trailing_365_days"] for row in rows]
    assert map_of_a_year[0] < map_of_a_year[2]  # a week ahead it has heard of a week less of the busier month
    assert all({"80", "95"} <= set(row["cover"]["all_cells"]) for row in rows)


def test_a_backtest_judges_every_issue_time(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["backtest", "place", "--site", str(made.site.path), "--recipe", str(made.recipe)]
    assert run([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["hours"] for row in found["issue_times"]] == [1, 24, 168]
    assert {row["events"] for row in found["issue_times"]} == {found["events"]}
    assert run(asked) == 0
    assert "by issue time" in capsys.readouterr().out


def test_every_forecast_of_a_shift_stays_as_it_was_issued(made: Made) -> None:
    """A week, a day and an hour before the same shift: three rows, none changed by those that follow."""
    site, now = made.site, Store(made.site).snapshot().as_of_now()
    [shift] = shifts_from(site, now - timedelta(hours=12), 12)
    engine = current_engine(site.database_url)
    for ahead in (168.0, 30.0, 0.5):
        snapshot = Store(site).snapshot()
        found = forecast_shifts(
            made.bundle, snapshot, site, shifts=[shift], issued_at=shift.start - timedelta(hours=ahead)
        )  # fmt: skip
        save_place_forecast(engine, found.frame, found.meta, totals=totals_frame(found))
    issued = issued_totals(engine, shift.id, model_name="small")
    assert [(one.total.issue_hours, one.total.hours_ahead) for one in issued] == [(168, 168.0), (168, 30.0), (1, 0.5)]
    assert len({one.run.number for one in issued}) == 3
    assert issued[0].total.expected != issued[2].total.expected
    before = issued_totals(engine, shift.id, at=shift.start - timedelta(hours=29))
    assert [one.run.number for one in before] == [one.run.number for one in issued[:2]]


def test_an_answer_says_which_issue_time_it_has(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["forecast", "--site", str(made.site.path), "--hours", "240"]) == 0
    text = capsys.readouterr().out
    assert "judged as forecasts of 24 hours before are" in text
    assert "judged as forecasts of 168 hours before are" in text
    assert "Made further ahead than the 168 hours at which such forecasts were judged" in text
    released = forecast(made.site, start=None, hours=24, out=None).released
    assert {one["issue_hours"] for one in released["shifts"]} <= {1, 24}
    assert not [said for said in released["caveats"] if "further ahead" in said]
    assert [said for said in forecast(made.site, start=None, hours=240, out=None).released["caveats"] if "168" in said]


def test_a_forecast_of_the_past_knows_what_was_known_then_and_says_that_it_was_made_afterwards(made: Made) -> None:
    """Of a shift that is over: as of its start, and no proof of anything, for the model has learned from it."""
    now = Store(made.site).snapshot().as_of_now()
    [shift] = shifts_from(made.site, now - timedelta(days=20), 12)
    found = forecast(made.site, start=shift.start, hours=12, out=None)
    assert set(found.forecast.frame["issued_at"]) == {shift.start}
    assert set(found.forecast.frame["hours_ahead"]) == {0.0}
    said = f"Made afterwards, as of {shift.start:%Y-%m-%d %H:%M} UTC."
    assert said in found.released["caveats"][-1]
    assert said in found.as_text()
    assert "Made afterwards" not in forecast(made.site, start=None, hours=24, out=None).as_text()


# A feed that is late


def test_a_bundle_says_what_late_feeds_add(made: Made) -> None:
    found, kept = made.bundle.task.late_feeds, load_bundle(bundle_folder(made.site.models, "small", 1)).task.late_feeds
    assert found is not None
    assert found == kept
    assert found.days == DAYS
    assert 0 < found.outcome_shared[2] < found.outcome_shared[-1]
    assert found.signals_shared == ()  # no other source sent anything
    report = stored_report(made.site, made.bundle.manifest.run_id)["report"]
    assert report["late_feeds"] == found.as_json()


def test_a_training_that_was_cut_off_keeps_what_late_feeds_add(made: Made, tmp_path: Path) -> None:
    bundle, progress = made.bundle, Progress(tmp_path)
    sheet = SheetSettings(site=site_facts(made.site), zone=made.site.time_zone)
    finished = Finished(
        model=bundle.model, report={}, attrition=(), attrition_text="", judged_on="", rows=1, prevalence=0.1,
        cut_off_us=0, data_digest="", shown=np.zeros((1, 1), dtype=np.float32), late_feeds=bundle.task.late_feeds,
    )  # fmt: skip
    keep_finished(progress, read_recipes(made.site, "place", made.recipe), finished)
    kept = kept_finished(progress, sheet)
    assert kept is not None
    assert kept.late_feeds == bundle.task.late_feeds


def known_by(rows: list[Row], moment: datetime, site: Site) -> list[Row]:
    return [row for row in rows if datetime.fromisoformat(str(row["at"])).replace(tzinfo=site.time_zone) < moment]


def test_a_feed_held_back_in_training_is_a_feed_that_is_late(made: Made, tmp_path: Path) -> None:
    """Of records that come 14 days later training makes what a site without these days forecasts, to the bit."""
    data, bundle = rows_of(made), made.bundle
    recipe, last = TrainingRecipe.from_json(bundle.training_recipe), data.usable[-1:]
    shift = data.shifts[last[0]]
    issued, late = shift.start - timedelta(hours=24), timedelta(days=14)
    trained = held_back(
        bundle.place_model, recipe, bundle.features, data, made.site, last, sources={"crisis_line"}, days=14.0
    )  # fmt: skip
    without = place_site(tmp_path, known_by(ALL_CALLS, issued - late, made.site))
    live = forecast_shifts(bundle, Store(without).snapshot(), without, shifts=[shift], issued_at=issued)
    on_time = forecast_shifts(bundle, Store(made.site).snapshot(), made.site, shifts=[shift], issued_at=issued)
    assert live.frame["expected"].tolist() == trained[0].tolist()
    assert live.spread.widening.by == ("crisis_line",)
    assert live.spread.widening.shared > 0.01
    assert not on_time.spread.widening
    assert on_time.meta.widened_by == ()


@dataclass(frozen=True)
class Held:
    """A site whose crisis line has sent nothing for two weeks, while the police have; and the shift that comes."""

    site: Site
    shift_id: str
    printed: str
    file: dict[str, object]


@pytest.fixture(scope="module")
def held(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Held:
    """The model of `made`, and a forecast of a shift before and after its only feed fell silent."""
    folder = tmp_path_factory.mktemp("held")
    site = place_site(folder, calls(136, each=24))
    let_answer(site, made.bundle, at="")
    engine, silent = current_engine(site.database_url), Store(site).snapshot().as_of_now()
    load_files(site, [write_csv(folder / "police.csv", calls(1, first=150, each=1, source="police_999"))],
               write_mapping(site, EVENTS))  # fmt: skip
    [shift] = shifts_from(site, Store(site).snapshot().as_of_now(), 12)
    before = forecast_shifts(made.bundle, Store(site).snapshot(), site, shifts=[shift], issued_at=silent)
    save_place_forecast(engine, before.frame, before.meta, totals=totals_frame(before))
    found = forecast(site, start=None, hours=12, out=None)
    (site.path / "serving").mkdir(exist_ok=True)
    (site.path / "serving" / "service.toml").write_text(SERVICE.replace("place_crisis_shift", "small"))
    return Held(site, shift.id, found.as_text(), found.released)


WIDER = "Ranges are wider: crisis calls are complete only to "


def test_the_terminal_and_the_file_say_why_ranges_are_wider(held: Held) -> None:
    assert f"{WIDER}Wed 21 May 23:10. What came since is not counted: expected numbers may be too low." in held.printed
    assert held.file["widened_by"] == ["crisis_line"]
    assert [one for one in held.file["caveats"] if one.startswith(f"{WIDER}2025-05-21T22:10Z")]  # type: ignore[attr-defined]
    assert f"{WIDER}2025-05-21T22:10Z" in (held.site.reports / "last-board.txt").read_text()


def test_board_answers_files_and_paper_say_why_ranges_are_wider(held: Held) -> None:
    client = ServiceSite(held.site, current_engine(held.site.database_url), {}).client("crisis_team")
    shift = client.get(f"/api/v1/shifts/{held.shift_id}").json()
    assert shift["forecast"]["widened_by"] == [{"source": "crisis_line", "complete_to": "2025-05-21T22:10:00Z"}]
    assert [one["widened_by"] for one in shift["issued"]] == [[], shift["forecast"]["widened_by"]]
    assert any(one.startswith(WIDER) for one in shift["forecast"]["caveats"])
    for query in ("", "?f=csv", "?f=geojson"):
        assert WIDER in client.get(f"/api/v1/shifts/{held.shift_id}/hotspots{query}").text
    assert f"{WIDER}Wed 21 May 23:10" in client.get(f"/api/v1/shifts/{held.shift_id}/briefing?f=text").text
    said = f"{WIDER}Wed 21 May 23:10"
    assert client.get(f"/shifts/{held.shift_id}/print").text.count(said) == 1
    board = client.get(f"/shifts/{held.shift_id}").text
    on_paper, live = board.split('<div class="cr-live">')
    assert (on_paper.count(said), live.count(said)) == (1, 1)


def test_a_handover_blames_late_records_for_wider_ranges_and_no_place(held: Held) -> None:
    client = ServiceSite(held.site, current_engine(held.site.database_url), {}).client("crisis_team")
    text = client.get(f"/shifts/{held.shift_id}/changes").text
    assert (
        "Ranges are wider because of late records, not because of any place: crisis calls are complete only to "
        "Wed 21 May 23:10."
    ) in text
