"""A table of dated events of a shape that the code has never seen, from its CSV to scores, by files alone.

A housing charity's ledger: one row a spell, whole days with the last one included, dates written the German way. What
is predicted is one kind of row with a flag. People in prison leave the lists while they are there; lists are monthly.
Nobody in it exists.
"""

import csv
import sqlite3
import subprocess
import sys
import tomllib
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from tests.acceptance.commands import command
from tests.lib.operational import with_new_database

pytestmark = pytest.mark.slow

FILES = Path(__file__).parent / "unseen"
FIRST, DAYS, PEOPLE = date(2023, 1, 1), 1000, 240
AS_OF = "2025-09-01"


def _ledger(folder: Path) -> None:
    """Spells by day: nights in a shelter, worse stretches in which emergency nights follow, and prison."""
    random = np.random.default_rng(3)
    rows: list[tuple[str, ...]] = []
    for person in range(PEOPLE):
        bad_until, away_until, often = 0, 0, random.gamma(1.2, 1 / 1.2)
        for day in range(DAYS):
            if day < away_until:
                continue
            bad = day < bad_until
            if not bad and random.random() < 0.0025 * often:
                bad_until = day + int(random.integers(30, 150))
            if random.random() < (0.05 if bad else 0.012):
                rows.append(_row(len(rows), person, "stay", day, int(random.integers(1, 5)), "no"))
            if random.random() < 0.06 * bad:
                rows.append(_row(len(rows), person, "visit", day, 0, "no"))
            if random.random() < (0.025 if bad else 0.001):
                rows.append(_row(len(rows), person, "intake", day, 0, "yes" if random.random() < 0.8 else "no"))
            if random.random() < 0.0006 * often:
                away_until = day + int(random.integers(20, 200))
                rows.append(_row(len(rows), person, "prison", day, away_until - day, "no"))
    with (folder / "ledger.csv").open("w", newline="") as file:
        csv.writer(file, delimiter=";").writerows([("entry", "client", "what", "from", "until", "night alarm"), *rows])


def _row(number: int, person: int, what: str, day: int, length: int, alarm: str) -> tuple[str, ...]:
    began, last = (FIRST + timedelta(days=one) for one in (day, day + length))
    return (f"L{number}", f"client {person}", what, f"{began:%d.%m.%Y}", f"{last:%d.%m.%Y}", alarm)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site as `init` makes it, with the charity's files in place of the shipped ones, and its ledger loaded."""
    folder = tmp_path_factory.mktemp("unseen")
    _ledger(folder)
    command("init", str(folder / "site"))
    for name, kept in (
        ("crisisrisk.toml", "crisisrisk.toml"), ("ledger.toml", "mappings/ledger.toml"),
        ("features.toml", "features/ledger_person.toml"), ("recipe.toml", "training/night_intake.toml"),
        ("service.toml", "serving/service.toml"),
    ):  # fmt: skip
        (folder / "site" / kept).write_text((FILES / name).read_text())
    with_new_database(folder / "site")
    at = ("--site", str(folder / "site"))
    mapping = str(folder / "site" / "mappings" / "ledger.toml")
    loaded = command("data", "load", str(folder / "ledger.csv"), "--mapping", mapping, *at)
    assert loaded["rows_quarantined"] == 0
    return folder / "site"


@pytest.fixture(scope="module")
def recipe(site: Path) -> str:
    return str(site / "training" / "night_intake.toml")


@pytest.fixture(scope="module")
def trained(site: Path, recipe: str) -> dict[str, Any]:
    return command("train", "person", "--recipe", recipe, "--site", str(site))


@pytest.fixture(scope="module")
def ledger(site: Path) -> pd.DataFrame:
    table = pd.read_csv(site.parent / "ledger.csv", sep=";")
    days = {name: pd.to_datetime(table[name], format="%d.%m.%Y") for name in ("from", "until")}
    table["began"] = days["from"].dt.tz_localize("Europe/Berlin")
    table["over"] = (days["until"] + pd.Timedelta(days=1)).dt.tz_localize("Europe/Berlin")  # its last day is included
    table["alarm"] = (table["what"] == "intake") & (table["night alarm"] == "yes")
    return table


def test_the_blocks_are_drawn_before_anything_trains(site: Path, recipe: str) -> None:
    drawn = command("train", "person", "--recipe", recipe, "--show-splits", "--site", str(site))
    blocks = drawn["splits"][0]["blocks"]
    assert (blocks[0]["name"], blocks[-1]["name"]) == ("train", "judge")
    assert all(earlier["label_windows_end"] <= later["first"] for earlier, later in pairwise(blocks))
    berlin = [datetime.fromisoformat(one["first"]).astimezone(ZoneInfo("Europe/Berlin")) for one in blocks]
    assert {f"{moment:%d %H:%M}" for moment in berlin} == {"01 06:00"}


def test_it_trains_and_beats_the_count(trained: dict[str, Any]) -> None:
    best = max(one["auprc"] for one in trained["baselines"].values())
    assert trained["metrics"]["auprc"] > best
    assert 0.55 < trained["metrics"]["auroc"] < 0.93


def test_rows_outcomes_and_who_was_away_are_those_of_a_slow_count(
    trained: dict[str, Any], ledger: pd.DataFrame
) -> None:
    months = (pd.date_range("2023-09-01", "2025-08-01", freq="MS") + pd.Timedelta(hours=6)).tz_localize("Europe/Berlin")
    rows = outcomes = away = 0
    for _, own in ledger.groupby("client"):
        for month in months:
            row, outcome, gone = _slow(own, month)
            rows, outcomes, away = rows + row, outcomes + outcome, away + gone
    steps = {step["step"]: step for step in trained["attrition"]}
    assert (trained["rows"], steps["while_in_prison"]["rows"]) == (rows, away)
    assert trained["prevalence"] == pytest.approx(outcomes / rows)
    assert [(door["door"], door["rows"]) for door in trained["outcome"]["doors"]] == [("night_alarm", outcomes)]


def _slow(own: pd.DataFrame, month: pd.Timestamp) -> tuple[bool, bool, bool]:
    """Whether the row of a person and month trains, has the outcome, and was lost to prison."""
    day = pd.Timedelta(days=1)
    known = own[own["began"] + day < month]
    if known.empty or (known["alarm"] & (known["began"] > month - 7 * day)).any():
        return False, False, False
    if ((known["what"] == "prison") & (known["over"] >= month)).any():
        return False, False, True
    alarms = own[own["alarm"]]["began"].sort_values()
    onsets = alarms[alarms.diff().isna() | (alarms.diff() >= 7 * day)]
    return True, bool(((onsets >= month) & (onsets < month + 30 * day)).any()), False


def test_it_is_evaluated_promoted_and_scores(site: Path, trained: dict[str, Any], ledger: pd.DataFrame) -> None:
    at = ("--site", str(site))
    shown = command("evaluate", trained["run_id"][:8], *at)
    assert shown["report"]["model"]["auprc"] == pytest.approx(trained["metrics"]["auprc"])
    command("model", "promote", trained["run_id"], "--reason", "acceptance", "--by", "Test", *at)
    scored = command("score", "--as-of", AS_OF, *at)
    moment, day = pd.Timestamp(AS_OF, tz="Europe/Berlin"), pd.Timedelta(days=1)
    prison = ledger[ledger["what"] == "prison"]
    inside = prison[(prison["began"] + day < moment) & (prison["over"] >= moment)]
    assert scored["states"]["scored"] > 0.5 * PEOPLE
    assert scored["states"]["out_of_scope"] >= inside["client"].nunique() > 0


def test_a_search_for_settings_writes_a_recipe_that_training_takes(site: Path, recipe: str) -> None:
    slow = site / "training" / "slow.toml"
    slow.write_text(Path(recipe).read_text().replace("rounds = 60", "rounds = 60\nlearning_rate = 0.0005"))
    tuned = command("tune", "person", "--recipe", str(slow), "--trials", "2", "--site", str(site))
    assert tuned["trials"] == 2
    assert tuned["loss"] < tuned["own_loss"]
    assert tuned["recipe"] == str(site / "training" / "slow.tuned.toml")
    written = tomllib.loads(Path(tuned["recipe"]).read_text())
    asked = tomllib.loads(slow.read_text())
    assert written["model"] == {**asked["model"], **tuned["settings"]}
    assert {**written, "model": None} == {**asked, "model": None}
    assert command("train", "person", "--recipe", tuned["recipe"], "--show-splits", "--site", str(site))["splits"]


@pytest.mark.parametrize(
    ("words", "others", "code", "problem"),
    [
        ("horizon_days = 30", "horizon_days = 2000", "CR-TRAIN-002", "the data are too short for one date of the grid"),
        ("crisis_flag = true", 'codes = { intake = ["never"] }', "CR-TRAIN-002", "there is nothing to tell apart"),
        ("test_days = 150", "test_days = 600", "CR-EVAL-002", "the dates are too few for a temporal split"),
        ('sources = ["prison"]', 'sources = ["gaol"]', "CR-TRAIN-001", "unknown source"),
        ('at = "06:00"', 'hour = "06:00"', "CR-TRAIN-001", "grid.hour: unknown key"),
    ],
)
def test_a_recipe_that_cannot_work_says_so_and_keeps_nothing(
    site: Path, recipe: str, words: str, others: str, code: str, problem: str
) -> None:
    wrong = site / "training" / "wrong.toml"
    wrong.write_text(Path(recipe).read_text().replace(words, others))
    before = _stored_runs(site)
    with pytest.raises(AssertionError) as caught:
        command("train", "person", "--recipe", str(wrong), "--site", str(site))
    assert f"error[{code}]" in str(caught.value)
    assert problem in str(caught.value)
    assert _stored_runs(site) == before


def _stored_runs(site: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(site / "mlruns" / "mlflow.db") as database:
        return database.execute("select run_uuid, status from runs order by run_uuid").fetchall()


def test_training_that_is_killed_leaves_nothing_that_could_be_promoted(site: Path, recipe: str) -> None:
    """Killed while the run is being kept: no version, no candidate; the next training is whole."""
    process = subprocess.Popen(
        [sys.executable, "-m", "crisisrisk", "train", "person", "--recipe", recipe, "--site", str(site)],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("keeping the run"):
            break
    process.kill()
    process.wait()
    before = command("model", "list", "--site", str(site))
    again = command("train", "person", "--recipe", recipe, "--site", str(site))
    assert command("model", "list", "--site", str(site)) == before
    assert command("evaluate", again["run_id"], "--site", str(site))["report"]["model"] == again["metrics"]
