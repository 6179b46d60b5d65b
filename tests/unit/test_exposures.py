"""Whose labels a service has changed: which rows follow a score, what is left out, and what is said of it."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from tests.lib.gate_site import BEGINS, make_gate_site
from tests.lib.service_site import load_rows
from tests.lib.updating import PAGE, results, written

from crisisrisk.commands.train import train
from crisisrisk.tables.core import EXPOSURES
from crisisrisk.timeline import MICROSECONDS_PER_DAY
from crisisrisk.training.exposures import exposed_rows, exposure_report, exposures_in_words

DAY = MICROSECONDS_PER_DAY
IDS = np.array(["a", "b"], dtype=object)
MAPPING = """
table = "exposures"
[columns]
person_id = { column = "person", kind = "study_id" }
shown_at = { column = "shown", zone = "UTC" }
known_at = { column = "shown", zone = "UTC" }
action = "action"
"""


def exposures(*rows: tuple[str, float, str]) -> pa.Table:
    """Person, day, action."""
    content = [
        {"person_id": who, "shown_at": int(day * DAY), "known_at": int(day * DAY), "run_id": None, "action": action,
         "team_id": None}
        for who, day, action in rows
    ]  # fmt: skip
    columns = {
        field.name: pa.array([row[field.name] for row in content]).cast(
            pa.int64() if pa.types.is_timestamp(field.type) else pa.string()
        )
        for field in EXPOSURES.arrow_schema
    }
    return pa.table(columns).cast(EXPOSURES.arrow_schema)


def found(
    *rows: tuple[str, float, str], days: list[float], lasts_days: int = 28, reach_days: int = 28,
    first_onset: list[float] | None = None,
):  # fmt: skip
    """Rows of person a on some days."""
    as_of = (np.array(days) * DAY).astype(np.int64)
    return exposed_rows(
        exposures(*rows), IDS, np.zeros(len(as_of), dtype=np.int64), as_of, lasts_days=lasts_days,
        reach_days=reach_days, actions=("acted_on",),
        first_onset=None if first_onset is None else (np.array(first_onset) * DAY).astype(np.int64),
    )  # fmt: skip


def test_help_changes_the_rows_around_it_and_no_others():
    # Helped on day 100: from 28 days before the end of a label window to 28 days after the help.
    exposed = found(("a", 100, "acted_on"), days=[71, 72, 73, 100, 128, 129])
    assert exposed.helped.tolist() == [False, False, True, True, True, False]
    assert exposed.first_us == 100 * DAY


def test_help_after_the_onset_changed_no_label():
    # Rows of day 80 and 90 whose first onset came on day 95; helped on day 100, because of it.
    row = {"days": [80, 90, 90], "first_onset": [95, 95, 101]}
    assert found(("a", 100, "acted_on"), **row).helped.tolist() == [False, False, True]
    assert found(("a", 95, "acted_on"), **row).helped.tolist() == [False, False, True]  # at the onset itself
    assert found(("a", 94, "acted_on"), **row).helped.tolist() == [True, True, True]
    assert found(("a", 100, "acted_on"), **row).shown.tolist() == [True, True, True]  # shown it was


def test_being_shown_is_not_being_helped():
    exposed = found(("a", 100, "listed"), ("a", 101, "dismissed"), days=[100])
    assert (exposed.shown.tolist(), exposed.helped.tolist()) == ([True], [False])


def test_other_people_are_not_touched():
    exposed = found(("b", 100, "acted_on"), ("unknown", 100, "acted_on"), days=[100])
    assert not exposed.shown.any()
    assert exposed.first_us is not None


def test_without_exposures_nothing_is_said():
    exposed = found(days=[100])
    assert not exposed.shown.any()
    assert exposure_report(exposed, np.array([0]), np.array([True]), np.array([0])) == {"first_shown": None}


def test_the_report_counts_the_training_rows_after_the_first_score():
    days, happened = [10, 100, 105, 500], np.array([True, False, True, False])
    exposed = found(("a", 100, "acted_on"), days=days)
    report = exposure_report(exposed, (np.array(days) * DAY).astype(np.int64), happened, np.arange(4))
    assert report["training_rows_after"] == 0.75
    assert (report["training_rows_shown"], report["training_rows_helped"]) == (2, 2)
    assert (report["outcome_among_shown"], report["outcome_among_not_shown"]) == (0.5, 0.0)
    assert "75 of 100 training rows follow the first score shown (1970-04-11)" in exposures_in_words(report)
    assert "50.0 in 100 shown and 0.0 in 100 not shown" in exposures_in_words(report)


@pytest.mark.slow
def test_training_leaves_helped_rows_out_and_says_what_it_followed(tmp_path):
    site = make_gate_site(tmp_path / "site", people=80)
    told: list[str] = []
    before = train(site, "person", None, baseline="one_year_count", tell=told.append)
    assert not any("follow the first score" in one for one in told)
    shown = BEGINS + timedelta(days=200)
    rows = [f"p{number},{shown:%Y-%m-%d %H:%M:%S},{action}" for number, action in enumerate(["acted_on"] * 20)]
    load_rows(site, "exposures", "\n".join(["person,shown,action", *rows, ""]), MAPPING)
    after = train(site, "person", None, baseline="one_year_count", tell=told.append)
    exposures = after.report["fitting"]["exposures"]
    assert 0 < exposures["training_rows_helped"] < exposures["training_rows_shown"]  # some had had their crisis
    fitted_on = [int(run.report["fitting"]["fitted_on"].split()[1].replace(",", "")) for run in (before, after)]
    assert fitted_on[0] - fitted_on[1] == exposures["training_rows_helped"]
    assert any(one.startswith("warning: ") and "follow the first score shown" in one for one in told)
    assert "follow the first score shown" in after.as_text()
    # The test block keeps every row: it says how lists do now.
    assert after.report["rows"] == before.report["rows"]


# An effective service


@pytest.fixture(scope="module")
def updated():
    return results()


@pytest.mark.slow
def test_a_naive_refit_makes_reached_people_look_safe(updated):
    naive = updated["naive: refitted on the served year"]
    assert naive.said_over_true < 0.5
    assert naive.recall < 0.75 * updated["the first model, as it was"].recall


@pytest.mark.slow
def test_the_remedy_does_not(updated):
    remedy, first = updated["both years without reached rows"], updated["the first model, as it was"]
    assert 0.9 < remedy.said_over_true < 1.1
    assert remedy.recall > 0.95 * first.recall
    assert remedy.auprc > 0.95 * first.auprc


@pytest.mark.slow
def test_help_that_follows_a_crisis_is_no_reason_to_leave_the_crisis_out(updated):
    # The rows that training leaves out are those reached beforehand, whoever is helped after a crisis as well.
    assert updated["the same, where crises are followed by help too"] == updated["served year without reached rows"]
    wrong = updated["the same, leaving out rows helped after their crisis"]
    assert wrong.said_over_true < 0.5 * updated["served year without reached rows"].said_over_true


@pytest.mark.slow
def test_the_page_shows_what_comes_out(updated):
    text = PAGE.read_text(encoding="utf-8")
    assert written(text, updated) == text, "run: python -m tests.lib.updating"
