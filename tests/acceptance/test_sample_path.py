"""The whole path on the invented sample: load, train both models, promote, score, forecast. Nobody in it exists."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crisisrisk.commands.card import card
from crisisrisk.commands.demo import DemoResult, demo
from crisisrisk.commands.evaluate import evaluate
from crisisrisk.commands.fairness import fairness
from crisisrisk.commands.forecast import forecast
from crisisrisk.commands.model import list_models
from crisisrisk.commands.promotion import read_candidate, run_checks
from crisisrisk.commands.score import score
from crisisrisk.commands.train import train
from crisisrisk.commands.workload import workload_of
from crisisrisk.database.plans import plan_in_use
from crisisrisk.database.upgrade import current_engine
from crisisrisk.errors import ModelError, UsageError
from crisisrisk.models.bundle import load_bundle
from crisisrisk.models.champions import champion, champion_folder
from crisisrisk.models.registry import BUNDLE, run_artifacts
from crisisrisk.scoring.people import score_people
from crisisrisk.scoring.places import forecast_shifts
from crisisrisk.scoring.sheet import SHEET_TEXT, sheet
from crisisrisk.tables.cells import assign, cells_of
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Store
from crisisrisk.timeline import Window
from crisisrisk.training.declarations import read_recipes
from crisisrisk.training.place import past_of
from crisisrisk.training.place_data import place_data

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Told:
    """What the demo said on the way, and what it came to."""

    lines: list[str]
    result: DemoResult


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    lines: list[str] = []
    return Told(lines, demo(tmp_path_factory.mktemp("demo") / "site", tell=lines.append))


@pytest.fixture(scope="module")
def made(told: Told) -> DemoResult:
    return told.result


# Training


def test_the_person_model_beats_every_baseline_and_is_not_too_good_to_be_true(made: DemoResult) -> None:
    metrics, baselines = made.person.metrics, made.person.baselines
    assert set(baselines) == {
        "crisis_contacts_in_365_days", "days_since_last_crisis", "five_factor_regression", "frequent_attender_rule",
    }  # fmt: skip
    assert all(metrics["auprc"] > values["auprc"] for values in baselines.values())
    assert all(metrics["auroc"] > values["auroc"] for values in baselines.values())
    assert 0.7 < metrics["auroc"] < 0.93  # above that something of the future has leaked
    assert 0.7 < metrics["calibration_slope"] < 1.4
    assert made.person.report["slices"] >= 8


def test_the_place_model_beats_the_map_by_a_believable_margin(made: DemoResult) -> None:
    deviance = made.place.metrics["deviance"]
    best = min(values["deviance"] for values in made.place.baselines.values())
    assert 0.90 * best < deviance < 1.002 * best
    assert deviance < made.place.baselines["trailing_365_days_times_shift_factor"]["deviance"]
    assert 0.8 < made.place.metrics["calibration_ratio"] < 1.25


def test_what_training_says_as_json(made: DemoResult) -> None:
    wanted = {
        "run_id", "model", "recipe_fingerprint", "rows", "features", "prevalence", "metrics", "baselines",
        "seconds", "peak_memory_mb",
    }  # fmt: skip
    for run in (made.person, made.place):
        content = json.loads(json.dumps(run.as_json(), allow_nan=False))
        assert wanted <= set(content)
        assert content["rows"] > 10_000


def test_attrition_adds_up(made: DemoResult) -> None:
    rows = made.person.attrition
    assert rows[-1]["rows_left"] == made.person.rows
    left = rows[0]["rows_left"]
    for row in rows[1:]:
        left -= row["rows"]
        assert row["rows_left"] == left


def test_a_run_keeps_recipes_report_attrition_plot_and_bundle(made: DemoResult) -> None:
    for run in (made.person, made.place):
        with run_artifacts(made.site.mlflow_tracking_uri, run.run_id, "") as folder:
            files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
            assert (folder / "shap_summary.png").stat().st_size > 10_000
        named = {
            "report.json",
            "attrition.txt",
            "recipes/training.json",
            "recipes/features.json",
            "bundle/manifest.json",
        }
        assert named <= files
        assert [name for name in files if name.endswith((".pkl", ".pickle", ".joblib"))] == []


def test_no_person_is_named_in_what_a_run_keeps(made: DemoResult) -> None:
    ids = set(made.scores.scores.frame["person_id"])
    pseudonym = re.compile(r"k1_[0-9A-Z]{16}")
    with run_artifacts(made.site.mlflow_tracking_uri, made.person.run_id, "") as folder:
        texts = [path.read_bytes().decode("utf-8", "replace") for path in folder.rglob("*") if path.is_file()]
        assert (folder / "judged.parquet").is_file()
    assert ids
    assert all(pseudonym.fullmatch(person) for person in ids)
    assert [found for text in texts for found in pseudonym.findall(text)] == []


def test_a_run_is_shown_again_without_the_data(made: DemoResult) -> None:
    shown = evaluate(made.site, made.person.run_id[:8]).as_json()
    assert shown["report"]["model"]["auprc"] == pytest.approx(made.person.metrics["auprc"])
    # Every number comes again from the rows that the run left behind.
    assert evaluate(made.site, made.person.run_id, again=True).as_json() == shown


def test_subgroups_and_workload_of_a_run(made: DemoResult) -> None:
    found = fairness(made.site, made.person.run_id)
    assert [one["group"] for one in found.subgroups] == [
        "sex", "age_band", "ethnicity", "deprivation", "record_density", "known_for", "team",
    ]  # fmt: skip
    assert [one["group"] for one in fairness(made.site, made.person.run_id, subgroup="age").subgroups] == ["age_band"]
    lists = workload_of(made.site, made.person.run_id, per_team=10).model
    assert {team.team for team in lists.teams} >= {"north", "south", "east", "west"}
    assert lists.everybody.names_a_week == 40
    assert 0 < lists.everybody.listed_first < lists.everybody.crises


def test_the_trust_sheet_is_kept_with_the_run_and_comes_again(made: DemoResult, tmp_path: Path) -> None:
    page, *others = made.card.files
    assert [path.suffix for path in (page, *others)] == [".html", ".md", ".json"]
    with run_artifacts(made.site.mlflow_tracking_uri, made.person.run_id, "") as folder:
        assert (folder / "card.html").read_bytes() == page.read_bytes()
        assert (folder / "card.json").read_bytes() == others[1].read_bytes()
    card(made.site, made.person.run_id[:8], out=tmp_path / "sheet.html")
    assert (tmp_path / "sheet.html").read_bytes() == page.read_bytes()
    content = json.loads(others[1].read_text(encoding="utf-8"))
    assert content["features"]
    assert {one["source"] for one in content["freshness"]} >= {"s136", "crisis_line"}
    with pytest.raises(UsageError, match="--out is of no kind"):
        card(made.site, made.person.run_id, out=tmp_path / "sheet.docx")


def test_the_model_of_places_has_its_trust_sheet_too(made: DemoResult) -> None:
    assert [path.suffix for path in made.place_card.files] == [".html", ".json"]
    assert all(path.is_file() for path in made.place_card.files)


@pytest.mark.parametrize("command", [fairness, workload_of, partial(evaluate, again=True)])
def test_what_is_about_people_refuses_a_run_of_places(made: DemoResult, command: Callable[[Site, str], object]) -> None:
    with pytest.raises(UsageError, match="the run is about places"):
        command(made.site, made.place.run_id)


def test_training_again_gives_the_same_model_to_the_byte(made: DemoResult) -> None:
    again = train(made.site, "place", None, tell=lambda line: None)
    texts = []
    for run_id in (made.place.run_id, again.run_id):
        with run_artifacts(made.site.mlflow_tracking_uri, run_id, "bundle") as folder:
            texts.append((folder / "model.txt").read_bytes())
    assert texts[0] == texts[1]


def test_both_models_answer(made: DemoResult) -> None:
    listed = {(line.model, line.version, line.run_id) for line in list_models(made.site) if line.answers}
    assert {run_id for _, _, run_id in listed} == {made.person.run_id, made.place.run_id}


# Who


def test_everyone_has_a_probability_or_a_state_that_says_why_not(made: DemoResult) -> None:
    frame = made.scores.scores.frame
    scored = frame["state"] == "scored"
    assert scored.sum() > 1_000
    assert frame.loc[scored, "probability"].between(0, 1, inclusive="neither").all()
    assert frame.loc[~scored, "probability"].isna().all()
    assert {"in_crisis_episode", "in_hospital", "opted_out", "under_18"} <= set(frame.loc[~scored, "state"])
    assert frame["person_id"].is_unique
    assert frame.loc[scored, "probability"].is_monotonic_decreasing
    assert (frame.loc[scored, "lower"] <= frame.loc[scored, "probability"]).all()
    assert (frame.loc[scored, "probability"] <= frame.loc[scored, "upper"]).all()
    assert frame.loc[~scored, ["lower", "upper"]].isna().all(axis=None)
    thin = scored & frame["thin_history"]
    assert 0 < thin.sum() < scored.sum() / 4
    assert any(caveat.startswith("In brackets the range") for caveat in made.scores.caveats)


def test_reasons_are_tied_to_counts_and_dates(made: DemoResult) -> None:
    top = made.scores.scores.top(10)
    for row in top:
        up = [reason for reason in row["reasons"] if reason["direction"] == "up"]
        down = [reason for reason in row["reasons"] if reason["direction"] == "down"]
        assert 1 <= len(up) <= 3
        assert len(down) <= 2
        assert all(0 < reason["share"] <= 1 for reason in up + down)
        gaps = [reason for reason in row["reasons"] if reason["direction"] == "not_known"]
        assert len(up) + len(down) + len(gaps) == len(row["reasons"])
        assert all(gap["share"] == 0 and gap["events"] == [] for gap in gaps)  # what nobody knows moves nothing
        assert any(re.search(r"\d.*\(.*\d+ [A-Z][a-z]{2}", reason["text"]) and reason["events"] for reason in up)


def test_the_words_hold_no_blank_and_no_band(made: DemoResult) -> None:
    texts = [reason["text"] for reasons in made.scores.scores.frame["reasons"] for reason in reasons]
    assert len(texts) > 3_000
    assert [text for text in texts if re.search(r"[{}]|\bnan\b|\b(low|medium|high) risk\b", text)] == []


def test_scores_come_from_the_bundle_and_not_from_the_sites_recipes(made: DemoResult, tmp_path: Path) -> None:
    recipe = made.site.path / "features" / "person.toml"
    kept = recipe.read_text(encoding="utf-8")
    recipe.write_text("changed", encoding="utf-8")
    try:
        again = score(made.site, as_of=None, out=tmp_path / "scores.parquet")
    finally:
        recipe.write_text(kept, encoding="utf-8")
    pd.testing.assert_frame_equal(again.scores.frame, made.scores.scores.frame)
    table = pd.read_parquet(tmp_path / "scores.parquet")
    named = ["person_id", "probability", "lower", "upper", "state", "thin_history", "model_version", "reason_1"]
    assert list(table.columns[:8]) == named


def test_what_changed_since_monday_is_told_of_somebody_listed(made: DemoResult) -> None:
    assert made.changed is not None
    person, moved = made.changed
    row = made.scores.scores.frame.set_index("person_id").loc[person]
    assert person in {one["person_id"] for one in made.scores.scores.top(10)}
    assert moved.after == pytest.approx(row["probability"])
    assert sum(part.points for part in moved.parts) == moved.points
    assert sum(part.log_odds for part in moved.parts) == pytest.approx(moved.log_odds)


def test_people_were_scored_as_of_each_of_24_weeks_in_order(made: DemoResult) -> None:
    every = [*made.history, made.scores]
    moments = [one.scores.meta.as_of for one in every]
    assert [after - before for before, after in pairwise(moments)] == [timedelta(days=7)] * 23
    assert [after.run - before.run for before, after in pairwise(every)] == [1] * 23
    assert min(one.scores.scored for one in every) > 1_000


def test_shifts_that_are_over_were_forecast_at_each_issue_time_and_how_contacts_are_made_is_known(
    made: DemoResult,
) -> None:
    now, hours = made.forecast.forecast.meta.as_of, made.site.work.forecast_hours_before
    issued = [one.forecast.meta.as_of for one in made.forecasts]
    assert issued == sorted(issued)
    assert len(issued) == 2 * 3 * len(hours)
    assert now - timedelta(days=2) <= issued[0] < issued[-1] < now
    ends = [set(one.forecast.frame["end"]) for one in made.forecasts]
    assert len({end for found in ends for end in found if end <= now}) >= 4
    modes = made.forecast.forecast.outlooks[0].modes
    assert {"attendance", "telephone_advice", "s136", "not_recorded"} <= set(modes)
    assert modes["not_recorded"] < 0.3 * sum(modes.values())


def test_a_score_of_the_past_does_not_know_what_came_later(made: DemoResult) -> None:
    model, snapshot = champion(made.site.models, "person"), Store(made.site).snapshot()
    as_of = snapshot.as_of_now() - timedelta(days=60)
    earlier = score_people(model, snapshot, made.site, as_of=as_of)
    known: dict[tuple[str, str], pd.Timestamp] = {}
    for bucket in range(snapshot.buckets):
        events = snapshot.person_events(bucket, ["event_id", "person_id", "known_at"]).to_pandas()
        firsts = events.groupby(["person_id", "event_id"], observed=True)["known_at"].min()
        known.update(firsts.to_dict())
    behind = [
        known[(person, event)]
        for person, reasons in zip(earlier.frame["person_id"], earlier.frame["reasons"], strict=True)
        for reason in reasons
        for event in reason["events"]
    ]
    assert len(behind) > 1_000
    assert max(behind) < as_of
    # The control: there were events for it to know, had it looked.
    assert max(known.values()) > as_of


def test_a_moment_that_has_not_come_is_refused(made: DemoResult) -> None:
    with pytest.raises(UsageError) as caught:
        score(made.site, as_of=Store(made.site).snapshot().as_of_now() + timedelta(days=1), out=None)
    assert caught.value.problem == "the moment lies after the site's clock"


# Where


def test_every_cell_has_a_forecast_and_a_rank_in_every_shift(made: DemoResult) -> None:
    frame = made.forecast.forecast.frame
    assert [len(part) for _, part in frame.groupby("shift_id")] == [146] * 3
    for _, part in frame.groupby("shift_id", sort=False):
        assert part["rank"].tolist() == list(range(1, 147))
        assert part["expected"].is_monotonic_decreasing
    assert (frame["expected"] > 0).all()
    assert np.isfinite(frame["usual"]).all()
    assert (frame["issued_at"] < frame["start"]).all()


def test_every_cell_and_every_shift_has_an_interval_and_the_cells_add_up(made: DemoResult) -> None:
    made_now = made.forecast.forecast
    frame = made_now.frame
    assert ((frame["lower"] >= 0) & (frame["lower"] <= frame["upper"])).all()
    assert (frame["quieter"] + frame["busier"]).between(0, 1).all()
    for outlook, (shift_id, part) in zip(made_now.outlooks, frame.groupby("shift_id", sort=False), strict=True):
        assert outlook.shift_id == shift_id
        assert outlook.expected == pytest.approx(part["expected"].sum())
        assert outlook.lower <= outlook.expected <= outlook.upper
        assert outlook.text() in made.forecast.as_text()


def test_the_file_of_a_forecast_is_a_release_without_counts(made: DemoResult, tmp_path: Path) -> None:
    out = tmp_path / "tonight.geojson"
    forecast(made.site, start=None, hours=24, out=out)
    collection = json.loads(out.read_text(encoding="utf-8"))
    assert collection["type"] == "FeatureCollection"
    assert len(collection["features"]) == 3 * 146
    assert [set(one) for one in collection["shifts"]] == [
        {"shift_id", "issue_hours", "hours_ahead", "expected", "lower", "upper", "quieter_in_100", "busier_in_100",
         "outlook", "modes"}
    ] * 3  # fmt: skip
    for one in collection["features"]:
        ring = one["geometry"]["coordinates"][0]
        assert (one["geometry"]["type"], len(ring), ring[0]) == ("Polygon", 7, ring[-1])
        assert {"place_id", "expected", "lower", "upper", "rank", "usual", "reasons"} <= set(one["properties"])
        for reason in one["properties"]["reasons"]:
            assert not any(character.isdigit() for character in reason["text"]), reason["text"]
            assert set(reason) == {"direction", "text"}


def test_each_forecast_of_the_coming_shifts_prints_a_sheet_of_what_is_released(made: DemoResult) -> None:
    (made.site.reports / SHEET_TEXT).unlink()
    result = forecast(made.site, start=None, hours=24, out=None)
    printed = (made.site.reports / SHEET_TEXT).read_text(encoding="utf-8")
    caveat = champion(made.site.models, "place").phrases.caveats["outcome"]
    assert printed == sheet(result.released, caveat=caveat, zone=made.site.time_zone)
    assert len(printed.splitlines()) < 120
    before = made.forecast.forecast.meta.as_of - timedelta(days=30)
    forecast(made.site, start=before, hours=24, out=None)
    assert (made.site.reports / SHEET_TEXT).read_text(encoding="utf-8") == printed, "not of the past"


def test_no_person_is_in_a_forecast(made: DemoResult) -> None:
    content = made.forecast.forecast.frame.to_json(date_format="iso") + json.dumps(made.forecast.released)
    assert "k1_" not in content
    # "missing-person report" is what a source is called; no column is about a person.
    assert '"person' not in content


def test_a_shift_that_does_not_exist_and_a_file_of_another_kind_are_refused(made: DemoResult, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="CR-USE-001"):
        forecast(made.site, start=None, hours=0.1, out=None)
    with pytest.raises(UsageError, match="CR-USE-001"):
        forecast(made.site, start=None, hours=24, out=tmp_path / "tonight.xlsx")


# The bundle


def test_one_changed_byte_and_nobody_is_scored(made: DemoResult) -> None:
    folder = champion_folder(made.site.models, made.person.model)
    kept = folder.with_name("kept")
    shutil.copytree(folder, kept)
    text = folder / "model.txt"
    content = bytearray(text.read_bytes())
    content[len(content) // 2] ^= 1
    text.write_bytes(bytes(content))
    try:
        with pytest.raises(ModelError) as caught:
            score(made.site, as_of=None, out=None)
    finally:
        shutil.rmtree(folder)
        kept.rename(folder)
    assert (caught.value.code, caught.value.problem) == ("CR-MODEL-001", "model.txt: its digest differs")


def test_progress_is_told_and_is_about_nobody(told: Told) -> None:
    assert any(line.startswith("fitting on") for line in told.lines)
    assert [line for line in told.lines if "k1_" in line] == []


@pytest.mark.parametrize("days", [-3650, 60])
def test_shifts_out_of_reach_are_not_forecast(made: DemoResult, days: int) -> None:
    start = Store(made.site).snapshot().as_of_now() + timedelta(days=days)
    with pytest.raises(UsageError, match="these shifts cannot be forecast"):
        forecast(made.site, start=start, hours=24.0, out=None)


def test_the_shift_on_which_the_board_opens_and_the_next_one_have_a_plan_of_their_newest_forecast(
    made: DemoResult,
) -> None:
    assert made.running is not None, "the demo's clock stands at six in the morning, within the night"
    running, coming, now = made.running.shift, made.positions.shift, Store(made.site).snapshot().as_of_now()
    assert running.start <= now < running.end <= coming.start
    engine = current_engine(made.site.database_url)
    for result, run in ((made.running, made.forecasts[-1].run), (made.positions, made.forecast.run)):
        used = plan_in_use(engine, result.shift.id)
        assert used is not None
        assert result.kept is not None
        assert (f"P-{used.plan.number}", used.plan.run) == (result.kept.reference, run)
        assert {post.team for post in used.plan.posts} == {team.name for team in made.site.mobile_teams}
    engine.dispose()


def test_nobody_is_scored_before_anything_was_known(made: DemoResult) -> None:
    with pytest.raises(UsageError, match="nobody was known at that moment"):
        score(made.site, as_of=Store(made.site).snapshot().as_of_now() - timedelta(days=36_500), out=None)


def test_a_released_week_does_not_give_small_counts_back(made: DemoResult) -> None:
    """Expected and usual are functions of a cell's own count: cells of 1 to 7 are told with others, without reasons."""
    week = [
        feature["properties"] for feature in forecast(made.site, start=None, hours=168.0, out=None).released["features"]
    ]
    counts = crisis_contacts_of_a_year(made)
    small = {place for place, count in counts.items() if 1 <= count <= 7}
    assert len(small) >= 5
    for one in week:
        if one["place_id"] in small and not one["reasons"]:
            alike = [other for other in week if other["shift_id"] == one["shift_id"] and other["rank"] == one["rank"]]
            assert len(alike) >= 2
    assert sum(not one["reasons"] for one in week if one["place_id"] in small) > len(week) / len(counts)
    words = " ".join(reason["text"] for one in week for reason in one["reasons"])
    assert re.search(r"\d", words) is None


def crisis_contacts_of_a_year(made: DemoResult) -> dict[str, int]:
    snapshot = Store(made.site).snapshot()
    now = snapshot.as_of_now()
    events = snapshot.place_events(Window(now - timedelta(days=365), now))
    cells = cells_of(made.site, snapshot.table("places"), events)
    frame = events.select(["is_crisis", "origin", "superseded_at"]).to_pandas()
    final = frame["superseded_at"].dt.year.to_numpy() > 9000
    counted = final & frame["is_crisis"].to_numpy(dtype=bool) & frame["origin"].isin(["public", "partner"]).to_numpy()
    where = assign(events, cells, made.site.cells)
    found = np.bincount(where[counted & (where >= 0)], minlength=len(cells))
    return dict(zip(cells.ids, found.tolist(), strict=True))


# A simple rule of places as the model


def test_a_simple_rule_of_places_answers_live_what_its_backtest_said(made: DemoResult) -> None:
    rule = "trailing_365_days_times_shift_factor"
    run = train(made.site, "place", None, baseline=rule, tell=lambda line: None)
    judged, beside = ({name: one for name, one in found.items() if not name.startswith("coverage")} for found in (
        run.metrics, run.baselines[rule],
    ))  # fmt: skip
    assert judged == beside  # judged as the model it is what it was beside the others, but for its honest intervals
    with run_artifacts(made.site.mlflow_tracking_uri, run.run_id, BUNDLE) as folder:
        bundle = load_bundle(folder)
    assert (bundle.manifest.baseline, bundle.manifest.trees, bundle.manifest.feature_names) == (rule, 0, ())
    found = run_checks(made.site, read_candidate(made.site, run.run_id), recipe=None, tell=lambda line: None)
    checks = {check.name: check for check in found}
    assert all(checks[name].passed for name in ("baselines", "recipe", "freshness", "reproduction"))
    assert "is itself a simple rule" in checks["baselines"].found
    recipes = read_recipes(made.site, "place", None)
    snapshot = Store(made.site).snapshot()
    data = place_data(recipes.training, None, snapshot, made.site, held_out_days=recipes.training.split.test_days)
    shift = data.shifts[data.usable[-1]]
    backtest = bundle.place_model.rule.expected(past_of(recipes.training, data, made.site).only(data.usable[-1:]))[0]
    issued = shift.start - timedelta(hours=recipes.training.grid.issue_hours[0])
    live = forecast_shifts(bundle, snapshot, made.site, shifts=[shift], issued_at=issued)
    of_place = dict(zip(live.frame["place_id"], live.frame["expected"], strict=True))
    assert [of_place[place] for place in data.cells.ids] == backtest.tolist()
    assert backtest.max() > 10 * np.median(backtest)
    texts = [reason["text"] for reasons in live.frame["reasons"] for reason in reasons]
    counted = re.compile(r"[\d,]+ crisis contacts here in the last 365 days \(an average place: \d+\)")
    assert any(counted.fullmatch(one) for one in texts)
    for reasons in live.frame["released_reasons"]:
        assert not any(re.search(r"\d+ crisis", reason["text"]) for reason in reasons)


def test_there_is_no_such_rule_of_places(made: DemoResult) -> None:
    with pytest.raises(UsageError, match="no such baseline of places"):
        train(made.site, "place", None, baseline="trailing_356_days", tell=lambda line: None)
