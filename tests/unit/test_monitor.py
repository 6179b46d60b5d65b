"""Scores that were given beside what came: only matured runs, by the same labels, nobody named."""

import csv
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from tests.lib.answering_models import let_answer
from tests.lib.database import person_run, scores
from tests.lib.gate_site import BEGINS, EVENTS_MAPPING, make_gate_site
from tests.lib.service_site import load_rows
from tests.lib.tiny_models import NAMES, bundle

from crisisrisk.cli import run
from crisisrisk.cli.monitoring import HIGHER
from crisisrisk.commands.monitor import Monitoring, monitor
from crisisrisk.database.scores import save_person_scores
from crisisrisk.database.upgrade import current_engine
from crisisrisk.episodes import EpisodeRule
from crisisrisk.errors import CrisisRiskError
from crisisrisk.evaluation.bootstrap import Interval
from crisisrisk.evaluation.monitoring import Shift, checks, population_shift, shift_by_chance
from crisisrisk.evaluation.monitoring_limits import MonitoringLimits
from crisisrisk.models.trees import NO_TREES, Trees
from crisisrisk.tables.checked_people import keep_checked_people, today_of
from crisisrisk.tables.opt_out_settings import NationalOptOut
from crisisrisk.tables.pseudonyms import pseudonym, pseudonyms, read_pseudonym_key
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Store

PEOPLE, FIRST, LAST = 120, 40, 90
WEEK = timedelta(days=7)
NAME = "person_crisis_28d"
OTHERS = ("in_crisis_episode", "in_hospital", "no_data")
EXPOSURES = """
table = "exposures"
[columns]
person_id = { column = "person", kind = "study_id" }
shown_at = { column = "shown", zone = "UTC" }
known_at = { column = "shown", zone = "UTC" }
action = "action"
"""
OPT_OUTS = """
table = "opt_outs"
[columns]
person_id = { column = "person", kind = "study_id" }
valid_from = { column = "from", zone = "UTC" }
known_at = { column = "from", zone = "UTC" }
"""


def monday(week: int) -> datetime:
    return (BEGINS + week * WEEK).replace(tzinfo=UTC)


def make(folder: Path) -> Site:
    """Loaded tables and a promoted model; nobody is scored yet."""
    site = make_gate_site(folder, people=PEOPLE)
    made = bundle("person", Trees(NO_TREES, NAMES, 0))
    task = replace(made.task, name=NAME, crisis=EpisodeRule(sources=("crisis_line",)))
    learned = monday(FIRST - 1).isoformat()
    named = replace(made, manifest=replace(made.manifest, name=NAME, version=4, training_cut_off=learned), task=task)
    let_answer(site, named, at=monday(FIRST - 1).isoformat())
    return site


def crises(site: Site) -> dict[str, list[datetime]]:
    """By study id when crisis-line calls began an episode: seven days without one before. A slow count."""
    calls: dict[str, list[datetime]] = {}
    with (site.path / "events.csv").open() as file:
        for row in csv.DictReader(file):
            if row["source"] == "crisis_line":
                calls.setdefault(row["person"], []).append(datetime.fromisoformat(row["at"]).replace(tzinfo=UTC))
    found: dict[str, list[datetime]] = {}
    for person, times in calls.items():
        times.sort()
        found[person] = [
            at for place, at in enumerate(times) if place == 0 or at - times[place - 1] >= timedelta(days=7)
        ]
    return found


def given_scores(site: Site, week: int, *, factor: float = 1.0) -> pd.DataFrame:
    """What a week's scoring said: calibrated, and knowing a little of what comes. Every seventh person has no score."""
    key, onsets, random = read_pseudonym_key(site), crises(site), np.random.default_rng(week)
    rows = []
    for number in range(PEOPLE):
        name = f"p{number}"
        if (number + week) % 7 == 0:
            rows.append((name, OTHERS[number % 3], float("nan")))
            continue
        soon = any(monday(week) <= at < monday(week) + timedelta(days=28) for at in onsets.get(name, []))
        log_odds = np.log(0.15 / 0.85) + 1.2 * (1.2 * soon + random.normal() - 0.6)  # by Bayes' rule
        rows.append((name, "scored", min(factor / (1 + np.exp(-log_odds)), 0.99)))
    frame = pd.DataFrame(rows, columns=["study_id", "state", "probability"])
    frame["person_id"] = [str(pseudonym(key, "study_id", one)) for one in frame["study_id"]]
    return frame.assign(lower=None, upper=None, reasons="[]")


def keep(site: Site, week: int, *, factor: float = 1.0, hours: float = 0, former: tuple[int, ...] = ()) -> None:
    as_of = monday(week) + timedelta(hours=hours)
    meta = person_run(as_of=as_of, made_at=as_of, valid_until=as_of + WEEK, former_versions=former)
    save_person_scores(current_engine(site.database_url), given_scores(site, week, factor=factor), meta)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = make(tmp_path_factory.mktemp("monitor") / "site")
    for week in range(FIRST, LAST):
        keep(made, week)
    keep(made, 50, hours=30)  # that week was scored twice: on Tuesday too
    return made


@pytest.fixture(scope="module")
def found(site: Site) -> Monitoring:
    return monitor(site)


def test_only_runs_whose_horizon_and_records_are_over_are_reported(site: Site, found: Monitoring) -> None:
    ended = Store(site).snapshot().as_of_now()
    open_weeks = [week for week in range(FIRST, LAST) if monday(week) + timedelta(days=28) > ended]
    assert len(open_weeks) >= 3
    assert (found.status, found.stored, found.not_matured, found.same_week) == (
        "matured", LAST - FIRST + 1, len(open_weeks), 1,
    )  # fmt: skip
    assert [week.as_of for week in found.weeks if week.as_of != monday(50) + timedelta(hours=30)] == [
        monday(week) for week in range(FIRST, open_weeks[0]) if week != 50
    ]
    assert found.next_horizon_ends == monday(open_weeks[0]) + timedelta(days=28)


def test_what_came_and_how_it_ranked_are_those_of_a_slow_count(site: Site, found: Monitoring) -> None:
    onsets = crises(site)
    for week in (41, 60, 77):
        said = given_scores(site, week)
        scored = said[said["state"] == "scored"]
        until = monday(week) + timedelta(days=28)
        came = np.array([any(monday(week) <= at < until for at in onsets.get(p, [])) for p in scored["study_id"]])
        (one,) = (one for one in found.weeks if one.as_of == monday(week))
        figures = one.figures
        assert (figures["people"], figures["outcomes"], one.unknown) == (len(scored), came.sum(), 0)
        assert figures["expected"] == pytest.approx(scored["probability"].sum())
        assert figures["auroc"] == pytest.approx(roc_auc_score(came, scored["probability"]))
        team = scored["study_id"].str[1:].astype(int) % 2  # as the site's caseloads have it; five names each
        listed = scored.groupby(team)["probability"].rank(ascending=False) <= 5
        assert (figures["listed"], figures["precision_at_list_length"]) == (10, pytest.approx(came[listed].mean()))
        shares = said["state"].value_counts(normalize=True)
        assert one.states == pytest.approx(shares.to_dict())


def test_later_records_mature_later_runs_and_change_no_earlier_one(tmp_path: Path) -> None:
    made = make(tmp_path / "site")
    for week in (80, 88):
        keep(made, week)
    before = monitor(made)
    assert [one.as_of for one in before.weeks] == [monday(80)]
    late = f"{monday(100):%Y-%m-%d %H:%M:%S}"
    rows = ["id,person,source,at,known,crisis"]
    rows += [f"late{number},p{number},crisis_line,{late},{late},yes" for number in range(3)]
    # Until then the other records go on, or the source would be taken for silent.
    for week in range(90, 100):
        at = f"{monday(week):%Y-%m-%d %H:%M:%S}"
        rows += [f"on{week}-{number},p{number},crisis_line,{at},{at},yes" for number in range(40, 60)]
    load_rows(made, "late", "\n".join([*rows, ""]), EVENTS_MAPPING)
    after = monitor(made)
    assert [one.as_of for one in after.weeks] == [monday(80), monday(88)]
    assert after.weeks[0].figures == before.weeks[0].figures
    assert after.not_matured == 0


def test_scorings_of_a_time_that_the_model_has_learned_from_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As where a new site scores the weeks before: the model had seen what came, and would look better than it is."""
    site = make(tmp_path / "site")
    for week in (FIRST - 3, FIRST - 2, FIRST - 1, FIRST):
        keep(site, week)
    found = monitor(site)
    assert ([week.as_of for week in found.weeks], found.afterwards) == ([monday(FIRST - 1), monday(FIRST)], 2)
    assert np.isnan(found.weeks[0].score_shift), "the first that counts: nothing is beside it"
    assert found.as_json()["runs"]["made_afterwards"] == 2
    assert run(["monitor", "--site", str(site.path)]) == 0
    assert "2 made afterwards by a model that had seen what came, left out" in capsys.readouterr().out


def test_nothing_matured_and_nobody_scored_are_said_and_are_no_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = make(tmp_path / "site")
    at = ["--site", str(made.path)]
    assert run(["monitor", *at, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["status"], said["weeks"], said["checks"], said["passed"]) == ("no_runs", [], [], True)
    assert run(["monitor", *at]) == 0
    assert "nobody has been scored yet" in capsys.readouterr().out
    keep(made, 89)
    assert run(["monitor", *at, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["status"], said["runs"]["not_matured"], said["weeks"]) == ("nothing_matured", 1, [])
    assert said["runs"]["next_horizon_ends"] == (monday(89) + timedelta(days=28)).isoformat()
    assert run(["monitor", *at]) == 0
    assert "1 scorings, 0 matured weeks, 1 not matured, left out; the next horizon ends on" in capsys.readouterr().out


def test_good_scores_pass_and_nobody_is_named(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    at = ["--site", str(site.path)]
    assert run(["monitor", *at, "--json"]) == 0
    printed = capsys.readouterr().out
    assert run(["monitor", *at]) == 0
    printed += (text := capsys.readouterr().out)
    people = {*given_scores(site, 41)["person_id"]}
    assert not any(one in printed or one[:7] in printed for one in people)
    assert "no exposures are loaded" in text
    assert "no limit is crossed" in text
    said = json.loads(printed.splitlines()[0])
    assert said["recent"]["weeks"] == 12
    assert {check["name"]: check["passed"] for check in said["checks"]} == dict.fromkeys(
        ("auroc", "calibration_slope", "expected_over_observed", "score_shift"), True
    )


def test_scores_that_say_too_little_cross_a_limit_and_exit_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = make(tmp_path / "site")
    for week in range(60, 80):
        keep(made, week, factor=1.0 if week < 66 else 0.35)
    at = ["--site", str(made.path)]
    assert run(["monitor", *at, "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    failed = {check["name"] for check in said["checks"] if check["passed"] is False}
    assert failed == {"expected_over_observed", "score_shift"}
    assert said["passed"] is False
    assert run(["monitor", *at]) == 1
    text = capsys.readouterr().out
    assert "expected over observed: CROSSED" in text
    assert "A LIMIT IS CROSSED" in text
    (made.path / "serving").mkdir(exist_ok=True)
    (made.path / "serving" / "service.toml").write_text(
        "[monitoring]\nexpected_over_observed = [0.1, 9]\nscore_shift_at_most = 9\n"
    )
    assert run(["monitor", *at]) == 0


def test_the_higher_of_two_answers_is_marked_and_held_to_no_limit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = make(tmp_path / "site")
    for week in range(60, 76):
        keep(site, week)
    before = monitor(site)
    for week in range(76, 84):
        keep(site, week, factor=1.6, former=(3,))  # the higher of two: 1.6 times what one would say
    found = monitor(site)
    assert [week.former_versions for week in found.weeks] == [()] * 16 + [(3,)] * 8
    assert found.as_json()["weeks"][-1]["higher_of"] == [4, 3]
    ratios = [week.figures["expected_over_observed"] for week in found.weeks]
    assert np.mean(ratios[-8:]) > 1.4 * np.mean(ratios[:16])
    # What is held to limits, and the shift, are those of one model's own numbers.
    assert (found.recent, found.recent_weeks) == (before.recent, before.recent_weeks)
    assert np.isnan(found.weeks[16].score_shift)  # the first of its kind
    assert found.passed
    assert run(["monitor", "--site", str(site.path)]) == 0
    text = capsys.readouterr().out
    assert "v4/v3" in text
    assert HIGHER in text


def test_nothing_is_held_to_limits_where_every_week_compared_two(tmp_path: Path) -> None:
    site = make(tmp_path / "site")
    for week in range(60, 70):
        keep(site, week, factor=3, former=(3,))
    found = monitor(site)
    assert (found.recent_weeks, found.recent_outcomes) == (0, 0)
    assert [check.passed for check in found.checks][:3] == [None] * 3
    assert json.loads(json.dumps(found.as_json()))["passed"] is True


def test_who_was_shown_and_who_objects_now(tmp_path: Path) -> None:
    made = make(tmp_path / "site")
    keep(made, 60)
    shown = [f"p{number},{monday(60) + timedelta(days=3):%Y-%m-%d %H:%M:%S},listed" for number in range(20)]
    early = [f"p{number},{monday(60) - timedelta(days=1):%Y-%m-%d %H:%M:%S},listed" for number in range(20, 40)]
    late = [f"p{number},{monday(64):%Y-%m-%d %H:%M:%S},listed" for number in range(40, 60)]
    load_rows(made, "exposures", "\n".join(["person,shown,action", *shown, *early, *late, ""]), EXPOSURES)
    said = given_scores(made, 60).set_index("study_id")
    scored = [name for name, state in said["state"].items() if state == "scored"]
    before = monitor(made)
    assert before.shown is not None
    assert before.shown["shown"]["people"] == sum(int(name[1:]) < 20 for name in scored)
    assert before.shown["shown"]["people"] + before.shown["not_shown"]["people"] == len(scored)
    load_rows(made, "opt_outs", f"person,from\n{scored[0]},{monday(70):%Y-%m-%d %H:%M:%S}\n", OPT_OUTS)
    after = monitor(made).weeks[0]
    assert (after.unknown, after.figures["people"]) == (1, len(scored) - 1)
    # Of the others one is not on the list of those without a national opt-out.
    named = [one for one in pseudonyms(read_pseudonym_key(made), "study_id", scored[2:]) if one is not None]
    keep_checked_people(made, named, today_of(made))
    checked = monitor(replace(made, national_opt_out=NationalOptOut(applies=True))).weeks[0]
    assert (checked.unknown, checked.figures["people"]) == (2, len(scored) - 2)


def test_too_few_outcomes_say_nothing_and_an_interval_must_lie_outside() -> None:
    limits = MonitoringLimits(fewest_outcomes=50)
    bad = Interval(0.3, 0.2, 0.4, 10)
    recent = {"auroc": bad, "calibration_slope": bad, "expected_over_observed": Interval(0.69, 0.6, 0.8, 10)}
    few = checks(recent, outcomes=49, shift=Shift(float("nan"), float("nan")), limits=limits)
    assert [one.passed for one in few] == [None, None, None, None]
    enough = checks(recent, outcomes=50, shift=Shift(0.26, 0.1), limits=limits)
    assert [one.passed for one in enough] == [False, False, True, False]
    by_chance = checks(recent, outcomes=50, shift=Shift(0.26, 0.3), limits=limits)
    assert (by_chance[3].passed, by_chance[3].wanted) == (True, "at most 0.3")
    assert str(enough[0]) == "auroc: CROSSED: 0.30 (0.20 to 0.40) (wanted at least 0.65)"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("weeks = 0", "monitoring.weeks is 0, wanted a number above 0"),
        ("calibration_slope = [1.2, 0.8]", "monitoring.calibration_slope is [1.2, 0.8], wanted two numbers"),
        ("calibration_slope = 1", "monitoring.calibration_slope is 1, wanted two numbers"),
        ("auroc = 0.7", 'unknown key "monitoring.auroc"'),
    ],
)
def test_limits_that_cannot_be_kept_to_are_refused(tmp_path: Path, text: str, problem: str) -> None:
    from crisisrisk.serving.declarations import read_service

    (tmp_path / "service.toml").write_text(f"[monitoring]\n{text}\n")
    with pytest.raises(CrisisRiskError, match="monitoring") as caught:
        read_service(tmp_path / "service.toml")
    assert problem in caught.value.problem


# How far scores moved

samples = st.lists(st.floats(0, 1), min_size=1, max_size=60)


@given(samples, samples)
def test_a_shift_is_never_below_0_and_0_for_the_same_scores(before, now) -> None:
    assert population_shift(np.array(before), np.array(before)) == 0
    assert population_shift(np.array(before), np.array(now)) >= 0


def test_a_shift_is_that_of_a_sum_by_hand() -> None:
    before = np.repeat([0.1, 0.9], 50)
    now = np.repeat([0.1, 0.9], [80, 20])
    assert population_shift(before, now) == pytest.approx(0.3 * np.log(0.8 / 0.5) - 0.3 * np.log(0.2 / 0.5))
    assert np.isnan(population_shift(before, np.empty(0)))


def test_so_few_people_move_by_chance_that_far_once_in_a_hundred_times() -> None:
    random = np.random.default_rng(4)
    shifts = [population_shift(random.random(400), random.random(300)) for _ in range(2000)]
    assert 0.002 < np.mean(np.array(shifts) > shift_by_chance(400, 300)) < 0.03
    assert np.isnan(shift_by_chance(0, 9))


def test_scores_kept_by_another_name_are_another_models(site: Site) -> None:
    save_person_scores(
        current_engine(site.database_url),
        scores(),
        person_run(model_name="other", as_of=monday(45), made_at=monday(45)),
    )
    assert monitor(site).stored == LAST - FIRST + 1
