"""Rosters of whole areas many weeks ahead: what they are made of, how they are judged, and the command."""

import csv
import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.lib.place_sites import NORTH, Row, answering, calls, place_site, small_recipe

from crisisrisk.cli import run
from crisisrisk.commands.roster import forecast_roster, weeks_of_text
from crisisrisk.errors import DataError, UsageError
from crisisrisk.features.place import place_counts
from crisisrisk.features.place_roster import history_of_areas, past_origins, roster_table
from crisisrisk.models.champions import champion
from crisisrisk.models.roster import LAST_WEEKS, RosterModel, fit_roster, span_of
from crisisrisk.scoring.roster import roster
from crisisrisk.tables.larger_places import Area, areas_or_whole
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Store
from crisisrisk.training.place_data import PlaceData, place_data
from crisisrisk.training.place_roster import judge_roster, roster_text
from crisisrisk.training.recipe import TrainingRecipe

RECIPE = small_recipe(split={"validation_days": 21, "origins": 2})
DAYS = 430


def scattered_calls() -> list[Row]:
    """Calls of two streets 40 km apart (two areas), by chance alone: about two a day of one, one a day of the other."""
    chance = np.random.default_rng(7)
    return [
        {**one, "id": f"{name} {number} {one['id']}"}
        for name, north, each in (("a", NORTH, 4), ("b", NORTH + 0.4, 2))
        for one in calls(DAYS, each=each, north=north)
        for number in range(chance.poisson(0.5))
    ]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("roster")
    made = place_site(folder, scattered_calls())
    (folder / "small.toml").write_text(RECIPE, encoding="utf-8")
    answering(made, folder / "small.toml")
    return made


@pytest.fixture(scope="module")
def data(site: Site) -> PlaceData:
    recipe = TrainingRecipe.from_json(champion(site.models, "place").training_recipe)
    return place_data(recipe, None, Store(site).snapshot(), site, held_out_days=14)


def areas_of_site(site: Site, data: PlaceData) -> tuple[Area, ...]:
    return areas_or_whole(data.cells, Store(site).snapshot().table("places"))


def test_events_of_cells_are_those_of_their_areas_latest_first(site: Site, data: PlaceData) -> None:
    areas = areas_of_site(site, data)
    found = history_of_areas(data.history, areas)
    sizes = [sum(int(data.history.starts[c + 1] - data.history.starts[c]) for c in one.cells.tolist()) for one in areas]
    assert np.diff(found.starts).tolist() == sizes
    for start, end in zip(found.starts[:-1], found.starts[1:], strict=True):
        assert (np.diff(found.occurred_at[start:end]) <= 0).all()
    assert sorted(found.row.tolist()) == sorted(data.history.row.tolist())


def test_cells_without_an_area_are_one_more(data: PlaceData, site: Site) -> None:
    from dataclasses import replace

    areas = areas_or_whole(replace(data.cells, parents=()), Store(site).snapshot().table("places"))
    assert [(one.id, len(one.cells)) for one in areas] == [("", len(data.cells))]


def test_nothing_that_becomes_known_after_the_day_of_issue_changes_a_roster(site: Site, data: PlaceData) -> None:
    areas, moment = areas_of_site(site, data), data.shifts[600].start
    history = history_of_areas(data.history, areas)
    whole = roster_table(history, areas, site, [moment])
    known = history.only(history.known_at < int(moment.timestamp() * 1e6))
    before = roster_table(known, areas, site, [moment])
    assert len(known) < len(history)
    assert np.array_equal(whole.steady, before.steady)
    assert np.array_equal(whole.log_level, before.log_level)
    assert sorted(set(whole.week.tolist())) == list(range(1, 13))


def test_what_a_level_is_worth_and_how_unsure_a_roster_is_comes_from_earlier_origins(
    site: Site, data: PlaceData
) -> None:
    areas, complete = areas_of_site(site, data), data.shifts[-1].end
    history = history_of_areas(data.history, areas)
    origins = past_origins(history, site, complete, complete_to=complete, warm_up_days=28)
    assert all(one + timedelta(weeks=12) <= complete for one in origins)
    table = roster_table(history, areas, site, origins)
    counts = place_counts(history, table.rows, cut_off=data.cut_off_us)
    fitted = fit_roster(table, counts)
    assert fitted.origins == len(origins)
    assert all(0 <= one <= 1 for one in fitted.hold)
    assert list(fitted.whole) == sorted(fitted.whole)
    assert all(area >= whole for area, whole in zip(fitted.areas, fitted.whole, strict=True))
    with pytest.raises(DataError, match="too short for a roster"):
        fit_roster(table.only(table.origin < 7), counts[table.origin < 7])


def test_levels_that_last_are_held_and_ones_that_do_not_are_not(site: Site, data: PlaceData) -> None:
    """Counts drawn around the level itself, then around none: half is believed with two stretches of twelve weeks."""
    from dataclasses import replace

    areas = areas_of_site(site, data)
    history, first = history_of_areas(data.history, areas), data.shifts[60].start
    table = roster_table(history, areas, site, [first + timedelta(weeks=number) for number in range(24)])
    drawn = np.random.default_rng(3)
    table = replace(
        table, log_level=drawn.normal(scale=0.4, size=24)[table.origin], steady=np.full(table.steady.shape, 4.0)
    )
    for truth, held in ((1.0, 0.5), (0.0, 0.0)):
        counts = drawn.poisson(table.steady * np.exp(truth * table.log_level)[:, None]).astype(np.int32)
        assert fit_roster(table, counts).hold == pytest.approx([held] * len(LAST_WEEKS), abs=0.06)


def test_the_further_ahead_the_wider() -> None:
    assert span_of(np.array([1, 2, 3, 6, 7, 9, 10, 12])).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_rosters_are_judged_beside_eight_and_fifty_two_weeks_by_how_far_ahead(site: Site, data: PlaceData) -> None:
    recipe = TrainingRecipe.from_json(champion(site.models, "place").training_recipe)
    found = judge_roster(recipe, data, Store(site).snapshot().table("places"), site)
    assert set(found["levels"]) == {"whole", "areas"}
    for spans in found["levels"].values():
        assert list(spans) == ["43-84 days", "43-63 days", "64-84 days"]
        for one in spans.values():
            assert set(one["baselines"]) == {"same_shift_mean_8_weeks", "same_shift_mean_52_weeks"} == set(one["gains"])
            assert one["deviance"] < one["baselines"]["same_shift_mean_8_weeks"]  # nothing but chance is in eight weeks
            assert one["cover"]["inside"] == pytest.approx(one["cover"]["exact"], abs=0.06)
            assert one["calibration_ratio"] == pytest.approx(1.0, abs=0.1)
    assert found["levels"]["whole"]["43-84 days"]["shifts"] == 42 * 2 * found["origins"]
    assert f"from {found['origins']} Mondays" in "\n".join(roster_text(found))
    assert "not judged" in roster_text({"reason": "too short"})[1]
    assert roster_text(None) == []


def test_the_report_of_a_backtest_shows_rosters(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = site.path.parent / "small.toml"
    assert run(["backtest", "place", "--site", str(site.path), "--recipe", str(recipe), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found["roster"]["levels"]) == ["whole", "areas"]
    [page] = (site.path / "reports").glob("small-backtest-*.html")
    text = page.read_text(encoding="utf-8")
    assert "Rosters, six to twelve weeks ahead" in text
    assert '<span class="label" aria-hidden="true">Ahead</span>43-63 days</td>' in text


def test_a_roster_adds_up_and_leaves_the_site_without_a_count(site: Site, tmp_path: Path) -> None:
    snapshot = Store(site).snapshot()
    made = roster(champion(site.models, "place"), snapshot, site, weeks=(6, 12), issued_at=snapshot.as_of_now())
    frame = made.frame
    assert set(frame["weeks_ahead"]) == set(range(7, 13))
    assert frame["start"].min() >= snapshot.as_of_now() + timedelta(weeks=6)
    assert frame["start"].max() < snapshot.as_of_now() + timedelta(weeks=12)
    whole, areas = frame[frame["area_id"] == ""], frame[frame["area_id"] != ""]
    assert len(areas) == 2 * len(whole) == 2 * 84
    sums = areas.groupby("shift_id")["expected"].sum()
    assert whole.set_index("shift_id")["expected"].to_dict() == pytest.approx(sums.to_dict())
    assert ((frame["lower"] <= frame["expected"]) & (frame["expected"] <= frame["upper"])).all()
    told = pd.DataFrame(made.released()["shifts"])
    assert "usual" not in told.columns
    wholes, parts = told[told["area_id"] == ""], told[told["area_id"] != ""]
    of_areas = parts.groupby("shift_id")["expected"].sum()
    assert wholes.set_index("shift_id")["expected"].to_dict() == pytest.approx(of_areas.to_dict())
    assert (told["expected"] - frame["expected"]).abs().max() < 0.05


def test_an_area_of_few_contacts_is_told_together_with_another(tmp_path: Path) -> None:
    """Five in a year of the second street: alone, what is expected of it would tell how many there were."""
    few = [row for row in calls(400, each=1, north=NORTH + 0.4) if row["at"] > "2025-06" and "01T" in str(row["at"])][
        :5
    ]
    site = place_site(tmp_path, [*calls(400), *[{**row, "id": f"few {row['id']}"} for row in few]])
    (tmp_path / "small.toml").write_text(RECIPE, encoding="utf-8")
    answering(site, tmp_path / "small.toml")
    made = forecast_roster(site, weeks="6..7", out=None).roster
    for column, together in (("expected", False), ("released_expected", True)):
        areas = made.frame[made.frame["area_id"] != ""].groupby("shift_id")[column]
        assert (areas.nunique() == 1).all() == together


def test_the_command_prints_and_writes_a_roster(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["forecast", "--roster", "--site", str(site.path)]
    assert run([*asked, "--weeks", "6..8", "--out", str(tmp_path / "rota.csv")]) == 0
    text = capsys.readouterr().out
    assert "of what is still to come nothing is" in text
    assert len([line for line in text.splitlines() if " day " in line and " to " in line]) in (14, 15)
    rows = list(csv.DictReader((tmp_path / "rota.csv").open()))
    assert {row["weeks_ahead"] for row in rows} == {"7", "8"}
    assert "usual" not in rows[0]
    assert run([*asked, "--json", "--out", str(tmp_path / "rota.json")]) == 0
    told = json.loads(capsys.readouterr().out)
    written = json.loads((tmp_path / "rota.json").read_text())
    assert told["shifts"] == written["shifts"]
    assert (written["model"]["name"], len(written["caveats"])) == ("small", 1)


@pytest.mark.parametrize("weeks", ["6", "12..6", "6..13", "6..6", "a..b", "6-12", ""])
def test_weeks_that_make_no_sense_are_refused(weeks: str) -> None:
    with pytest.raises(UsageError, match="not a stretch of weeks"):
        weeks_of_text(weeks)


def test_a_roster_of_a_shift_or_in_another_kind_of_file_is_refused(site: Site, tmp_path: Path) -> None:
    asked = ["forecast", "--roster", "--site", str(site.path)]
    assert run([*asked, "--shift", "2026-03-01T20:00"]) == 2
    with pytest.raises(UsageError):
        forecast_roster(site, weeks="6..12", out=tmp_path / "rota.xlsx")


def test_too_short_a_history_says_so(tmp_path: Path) -> None:
    site = place_site(tmp_path, calls(150))
    (tmp_path / "small.toml").write_text(RECIPE, encoding="utf-8")
    answering(site, tmp_path / "small.toml")
    with pytest.raises(DataError) as caught:
        forecast_roster(site, weeks="6..12", out=None)
    assert caught.value.problem == "the data are too short for a roster"
    recipe = TrainingRecipe.from_json(champion(site.models, "place").training_recipe)
    snapshot = Store(site).snapshot()
    found = place_data(recipe, None, snapshot, site, held_out_days=14)
    assert "Mondays with 12 weeks after each" in judge_roster(recipe, found, snapshot.table("places"), site)["reason"]


def test_a_model_of_a_roster_is_numbers_by_span() -> None:
    fitted = RosterModel(hold=(1.0, 0.5, 0.2, 0.0), whole=(0.0,) * 4, areas=(0.1,) * 4, origins=30)
    assert len(fitted.hold) == len(LAST_WEEKS)
