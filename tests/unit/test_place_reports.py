"""Reports of places: the outcome with and without what a team's presence changes, and several levels of cells."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.lib.place_sites import CONFIGURATION, NORTH, SHIFTS, calls, place_recipe, place_site, small_recipe

from crisisrisk.cli import run
from crisisrisk.commands.backtest import backtest
from crisisrisk.commands.card import card
from crisisrisk.commands.evaluate import evaluate
from crisisrisk.commands.forecast import shifts_from
from crisisrisk.commands.model import Decision, promote
from crisisrisk.commands.promotion import read_candidate
from crisisrisk.commands.train import train
from crisisrisk.errors import ModelError, NotPromotedError, UsageError
from crisisrisk.evaluation.card.rule_words import in_words, rule_words
from crisisrisk.evaluation.place_affected import affected_outcome, affected_text
from crisisrisk.evaluation.place_levels import level_of, levels_text, spread_of
from crisisrisk.models.champions import champion
from crisisrisk.models.registry import find_run, run_artifacts
from crisisrisk.scoring.places import forecast_shifts
from crisisrisk.scoring.release import forecast_geojson
from crisisrisk.tables.site import Site, read_site
from crisisrisk.tables.store import Store
from crisisrisk.training.place_data import place_data


def test_a_ranking_is_shown_with_and_without_what_presence_changes() -> None:
    """Ten cells: the first is forecast highest. It has 6 of 10 events, but 2 of the 4 that presence does not change."""
    expected = np.tile(np.arange(10.0, 0.0, -1.0), (2, 1))
    counts, unaffected = np.zeros((2, 10), dtype=int), np.zeros((2, 10), dtype=int)
    counts[:, 0], counts[:, 9] = 3, 2
    unaffected[:, 0], unaffected[:, 9] = 1, 1
    found = affected_outcome(expected, counts, unaffected, sources=("s136",), area=None)
    assert (found["with"]["events"], found["without"]["events"], found["share_affected"]) == (10, 4, 0.6)
    assert (found["with"]["hit_rate"]["10"], found["without"]["hit_rate"]["10"]) == (0.6, 0.5)
    assert (found["with"]["pai"]["10"], found["without"]["pai"]["10"]) == pytest.approx((6, 5))
    assert found["by_presence"] is None
    text = "\n".join(affected_text(found))
    assert "the number of s136 contacts changes with the team's own presence" in text
    assert affected_text(None) == []


def test_shifts_with_a_team_out_are_set_beside_shifts_without_one() -> None:
    """Of six events with a team out one is of a source that presence changes; of four without, three are."""
    counts, unaffected = np.array([[4, 2], [3, 1], [0, 0]]), np.array([[4, 1], [0, 1], [0, 0]])
    found = affected_outcome(
        np.full((3, 2), 1.5), counts, unaffected, sources=("s136",), area=None, team_out=[True, False, False]
    )
    present, absent = found["by_presence"]["team_out"], found["by_presence"]["no_team_out"]
    assert (present["shifts"], present["events"], present["affected"], present["expected"]) == (1, 6, 1, 3.0)
    assert (absent["shifts"], absent["events"], absent["share_affected"], absent["expected"]) == (2, 4, 0.75, 6.0)
    text = affected_text(found)
    assert "  a team out        1 shifts         6 events, of these such a source's 0.167" in text


def test_an_outcome_of_nothing_but_what_presence_changes_has_no_ranking_without_it() -> None:
    counts = np.array([[1, 0, 2]])
    found = affected_outcome([[3.0, 1.0, 2.0]], counts, 0 * counts, sources=("s136",), area=None)
    assert (found["share_affected"], found["without"]["hit_rate"]["5"]) == (1.0, None)
    nothing = affected_outcome([[3.0, 1.0, 2.0]], 0 * counts, 0 * counts, sources=("s136",), area=None)
    assert nothing["share_affected"] is None


def test_place_data_count_the_outcome_without_the_sources_that_the_recipe_names(tmp_path: Path) -> None:
    site = place_site(tmp_path, [*calls(90), *calls(90, each=2, source="police_999")])
    recipe = place_recipe(site, sources=["crisis_line", "police_999"], treatment_affected=["police_999"])
    data = place_data(recipe, None, Store(site).snapshot(), site, held_out_days=14)
    assert data.counts_unaffected is not None
    assert (data.counts.sum(), data.counts_unaffected.sum()) == (534, 356)
    plain = place_data(place_recipe(site), None, Store(site).snapshot(), site, held_out_days=14)
    assert plain.counts_unaffected is None


def report(skill: float, hit: float | None, cells: int) -> dict[str, object]:
    by_coverage = dict.fromkeys(("1", "5", "10"), hit)
    model = {"deviance": 0.5, "hit_rate": by_coverage, "pai": by_coverage}
    return {
        "cells": cells,
        "events": 9,
        "skill": skill,
        "best_baseline": "map",
        "model": model,
        "baselines": {"map": model},
    }


def test_levels_are_set_side_by_side_with_their_spread() -> None:
    reports = {"h3:8": (0.02, 0.3, 146), "squares:1000": (-0.01, 0.5, 125), "h3:7": (0.0, None, 33)}
    levels = {name: level_of(report(*values)) for name, values in reports.items()}
    spread = spread_of(levels)
    assert spread["skill"] == {"least": -0.01, "mean": pytest.approx(0.01 / 3), "greatest": 0.02}
    assert spread["hit_rate"]["5"] == {"least": 0.3, "mean": 0.4, "greatest": 0.5}
    lines = levels_text(levels).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["h3:8", "squares:1000", "h3:7", "spread"]
    assert lines[-1].split()[1:] == ["0.030", "0.200", "0.200", "0.200"]


def test_people_have_no_cells(tmp_path: Path) -> None:
    site = place_site(tmp_path, calls(2))
    with pytest.raises(UsageError) as caught:
        backtest(site, "person", None, start=None, end=None, every="1w", cells=("h3:7",), tell=lambda _: None)
    assert caught.value.problem == "people have no cells"


RECIPE = small_recipe(
    outcome={"treatment_affected": ["crisis_line"], "most_times_usual": 3.0},
    grid={"issue_hours": 1, "cells": ["h3:7"]},
    split={"origins": 1},
)


def test_a_backtest_judges_every_level_of_cells_that_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two streets 1.5 km apart: two squares, one large hexagon; the command goes before the recipe's own levels."""
    other = [{**row, "id": f"b {row['id']}"} for row in calls(90, each=2, north=NORTH + 0.0135)]
    site = place_site(tmp_path, [*calls(90), *other])
    recipe = tmp_path / "small.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    asked = ["backtest", "place", "--site", str(site.path), "--recipe", str(recipe), "--cells", "squares:1000"]
    assert run([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found["levels"]) == ["h3:8", "squares:1000"]
    assert [level["cells"] for level in found["levels"].values()] == [2, 2]
    assert {level["events"] for level in found["levels"].values()} == {42}
    assert set(found["spread"]) == {"skill", "hit_rate", "pai"}
    assert (found["origins_told"], [one["hours"] for one in found["issue_times"]]) == ("1 origin", [1])
    page, plain = (Path(name).read_text(encoding="utf-8") for name in found["files"])
    verdict = in_words(found["verdict"])
    assert f"<strong>{verdict[0].upper()}{verdict[1:]}.</strong>" in page.replace("&#39;", "'")
    assert [one["happened"] for one in json.loads(plain)["places"]] == [15, 30]
    assert (found["flagged_days"], found["treatment_affected"]["share_affected"]) == ([], 1.0)
    _require_kept_in_mlflow(read_site(site.path), found)


def _require_kept_in_mlflow(site: Site, found: Mapping[str, Any]) -> None:
    """The run is there with its figures and its report, is shown like any other, and cannot be promoted."""
    kept = find_run(site.mlflow_tracking_uri, found["run_id"][:8])
    assert (kept.tags["kind"], kept.tags["task"], kept.tags["verdict"]) == ("backtest", "small", found["verdict"])
    assert kept.metrics["model.deviance"] == found["model"]["deviance"]
    assert kept.metrics[f"{found['best_baseline']}.deviance"] >= 0
    assert (kept.metrics["origins"], kept.parameters["split.origins"]) == (1, "1")
    with run_artifacts(site.mlflow_tracking_uri, kept.run_id, "") as folder:
        content = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        pages = [(folder / name).read_text(encoding="utf-8") for name in ("card.html", "card.json")]
    assert content["report"]["levels"] == found["levels"]
    assert pages == [Path(name).read_text(encoding="utf-8") for name in found["files"]]
    assert found["verdict"] in evaluate(site, kept.run_id).as_text()
    with pytest.raises(UsageError) as caught:
        promote(site, kept.run_id, Decision(by="A. Nowak", reason="a try"))
    assert caught.value.code == "CR-TRAIN-003"


def test_a_store_that_cannot_be_used_is_said_before_a_backtest_begins(tmp_path: Path) -> None:
    site = place_site(tmp_path, calls(2))
    (site.path / "mlruns").write_text("where the store's folder should be", encoding="utf-8")
    told: list[str] = []
    with pytest.raises(ModelError) as caught:
        backtest(site, "place", None, start=None, end=None, every="1w", tell=told.append)
    assert (caught.value.code, told) == ("CR-TRAIN-005", [])


def test_people_are_fitted_one_origin_after_the_other(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        backtest(
            place_site(tmp_path, calls(2)), "person", None, start=None, end=None, every="1w", workers=2, tell=print
        )
    assert (caught.value.where, caught.value.found) == ("--workers", "2")


def test_a_level_that_is_none_is_refused_by_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = place_site(tmp_path, calls(2))
    recipe = tmp_path / "small.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    asked = ["backtest", "place", "--site", str(site.path), "--recipe", str(recipe), "--cells", "hexagons:8"]
    assert run(asked) == 2
    assert "error[CR-SITE-002]: not a kind and size of cells" in capsys.readouterr().err


SQUARES = CONFIGURATION.format(shifts=SHIFTS).replace('kind = "h3"', 'kind = "squares"')


def test_squares_go_the_whole_way_to_a_map_of_polygons_and_a_model_keeps_its_cells(tmp_path: Path) -> None:
    """Train on squares and forecast; then the site turns to hexagons, and the model still answers for squares."""
    site = place_site(tmp_path, calls(90))
    (site.path / "crisisrisk.toml").write_text(SQUARES, encoding="utf-8")
    site = read_site(site.path)
    recipe = tmp_path / "small.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    trained = train(site, "place", recipe, tell=lambda _: None)
    bundle = read_candidate(site, trained.run_id).bundle
    snapshot = Store(site).snapshot()
    now = snapshot.as_of_now()
    for asked in (site, replace(site, cells=site.cells.at("h3:8"))):
        made = forecast_shifts(bundle, snapshot, asked, shifts=shifts_from(site, now, 24), issued_at=now)
        [feature, _] = forecast_geojson(made, caveats=bundle.phrases.caveats)["features"]
        assert feature["properties"]["place_id"].startswith("SQ1000-E")
        assert feature["properties"]["place_name"].startswith("SP ")
        assert (feature["geometry"]["type"], len(feature["geometry"]["coordinates"][0])) == ("Polygon", 5)


def test_where_trees_earn_nothing_the_gate_names_the_rule_the_report_says_so_first_and_the_rule_is_served(
    tmp_path: Path,
) -> None:
    """Four calls a day at the same hours from one point: every like shift has as many, and no tree can add to that."""
    site = place_site(tmp_path, [*calls(90), {**calls(1)[0], "id": "away", "north": NORTH + 0.05}])
    recipe = site.path / "training" / "small.toml"
    recipe.parent.mkdir()
    recipe.write_text(RECIPE, encoding="utf-8")
    trees = train(site, "place", recipe, tell=lambda _: None)
    rule = trees.report["best_baseline"]
    assert f"the model earns nothing over the simple rule {rule}" in trees.report["verdict"]
    with pytest.raises(NotPromotedError) as refused:
        promote(site, trees.run_id, Decision(by="A. Nowak", reason="a try"))
    assert f"crisisrisk train place --baseline {rule}" in str(refused.value)
    written = card(site, trees.run_id).files[0].read_text(encoding="utf-8")
    summary = written.split('<h2 id="summary">')[1]
    said = f"The model earns nothing over the simple rule “{rule_words(rule)}”: deviance"
    assert summary.split("<strong>")[1].startswith(said)
    with run_artifacts(site.mlflow_tracking_uri, trees.run_id, "") as folder:
        assert (folder / "card.html").read_text(encoding="utf-8") == written

    served = train(site, "place", recipe, baseline=rule, tell=lambda _: None)
    as_model, as_rule = ({name: one for name, one in found.items() if not name.startswith("coverage")} for found in (
        served.metrics, served.baselines[rule],
    ))  # fmt: skip
    assert as_model == as_rule  # the same scatter, fitted on the same shifts
    promote(site, served.run_id, Decision(by="A. Nowak", reason="trees earn nothing here"))
    answers = champion(site.models, "place")
    assert (answers.manifest.run_id, answers.manifest.baseline) == (served.run_id, rule)
    now = Store(site).snapshot().as_of_now()
    made = forecast_shifts(answers, Store(site).snapshot(), site, shifts=shifts_from(site, now, 24), issued_at=now)
    assert made.frame["expected"].max() > 1
    own = card(site, served.run_id, out=tmp_path / "rule.html").files[0].read_text(encoding="utf-8")
    assert f"<strong>The model is the simple rule “{rule_words(rule)}”, the best of" in own
