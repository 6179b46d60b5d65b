from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from tests.lib.gate_site import make_gate_site
from tests.lib.histories import BASE, EventVersion, event_table, rows_of
from tests.lib.reference_labels import PersonState, state_table

from crisisrisk.cohorts import PersonRows
from crisisrisk.commands.train import train
from crisisrisk.episodes import EpisodeRule
from crisisrisk.errors import RecipeError
from crisisrisk.evaluation.baselines import (
    NEVER_DAYS,
    CrisisHistory,
    crisis_history,
    fit_five_factors,
    frequent_attender,
    one_year_count,
    person_baselines,
    recent_first,
)
from crisisrisk.evaluation.metrics import auroc
from crisisrisk.shipped import shipped
from crisisrisk.tables.store import Store
from crisisrisk.training.attender_rule import attender_clauses, unheard_sources
from crisisrisk.training.declarations import read_recipes
from crisisrisk.training.person_data import person_data

DAY = timedelta(days=1)
RULE = EpisodeRule(sources=("crisis_line",))


def _events(person: str, days: list[float], *, source: str = "crisis_line", late: float = 0.001) -> list[EventVersion]:
    return [
        EventVersion(
            event_id=f"{person}{source}{day}",
            person_id=person,
            source=source,
            occurred_at=BASE + day * DAY,
            known_at=BASE + (day + late) * DAY,
        )
        for day in days
    ]


def _history(events: list[EventVersion], rows: PersonRows) -> CrisisHistory:
    born = PersonState(person_id="a", valid_from=BASE - 900 * DAY, known_at=BASE - 900 * DAY, birth_year=1985)
    return crisis_history(RULE, event_table(events), state_table([born]), rows)


def test_the_five_factors_see_what_was_known() -> None:
    events = [*_events("a", [-400, -300, -299, -20, -3]), *_events("a", [-1], late=5), *_events("b", [3])]
    history = _history(events, rows_of({"a": [BASE, BASE + 10 * DAY], "b": [BASE]}))
    assert history.crises_in_365_days.tolist() == [4, 5, 0]
    assert history.crises_in_28_days.tolist() == [2, 2, 0]
    assert history.days_since_last_crisis.tolist() == [3, 11, NEVER_DAYS]
    assert history.episodes_ever.tolist() == [4, 4, 0]
    assert history.age[:2].tolist() == [40, 40]
    assert np.isnan(history.age[2])


def test_nobody_has_no_history() -> None:
    rows = rows_of({})
    assert len(_history(_events("a", [-3]), rows).age) == 0
    assert len(frequent_attender(event_table(_events("a", [-3])), rows, ())) == 0


def test_orderings() -> None:
    rows = rows_of({"a": [BASE], "b": [BASE], "c": [BASE]})
    history = _history([*_events("a", [-3]), *_events("b", [-200, -100])], rows)
    assert np.argsort(-one_year_count(history)).tolist() == [1, 0, 2]
    assert np.argsort(-recent_first(history)).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("days", "source", "holds"),
    [
        ([-1, -2, -3, -4, -5], "ed_attendance", False),
        ([-1, -2, -3, -4, -5, -6], "ed_attendance", True),
        ([-10.0 * visit for visit in range(1, 21)], "ed_attendance", False),
        ([-10.0 * visit for visit in range(1, 22)], "ed_attendance", True),
        ([-1, -2, -3, -4], "ambulance_999", False),
        ([-1, -2, -3, -4, -5], "ambulance_999", True),
        ([-7.0 * call for call in range(1, 12)], "ambulance_999", False),
        ([-7.0 * call for call in range(1, 13)], "ambulance_999", True),
        ([-1, -2, -3, -4, -5, -6], "mh_contact", False),
    ],
)
def test_the_frequent_attender_rule(days: list[float], source: str, holds: bool) -> None:
    clauses = attender_clauses(shipped("training") / "baselines.toml")
    nearness = frequent_attender(event_table(_events("a", days, source=source)), rows_of({"a": [BASE]}), clauses)
    assert (nearness >= 1).tolist() == [holds]


OWN = """
features = "baselines.toml"
[frequent_attender_rule]
meaning = "three crisis-line calls in a week"
combine = "greatest"
terms = [{ column = "crisis_line_count_in_7_days", weight = 0.3333333333333333 }]
"""


def test_the_rule_is_that_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "baselines.toml").write_text(OWN)
    clauses = attender_clauses(tmp_path / "baselines.toml")
    assert [(one.source, one.days) for one in clauses] == [("crisis_line", 7)]
    events = event_table([*_events("a", [-1, -2, -3]), *_events("b", [-1, -2, -9])])
    nearness = frequent_attender(events, rows_of({"a": [BASE], "b": [BASE]}), clauses)
    assert nearness == pytest.approx([1, 2 / 3])
    assert unheard_sources(clauses, ["crisis_line", "s136"]) is None
    said = unheard_sources(clauses, ["s136"])
    assert said is not None
    assert said.startswith("frequent_attender_rule counts crisis_line, of which no data are loaded")


@pytest.mark.parametrize(
    ("old", "new"),
    [('"greatest"', '"sum"'), ("crisis_line_count_in_7_days", "any_crisis_days_since_last"), ("0.33", "-0.33")],
)
def test_a_rule_that_cannot_be_counted_is_refused(tmp_path: Path, old: str, new: str) -> None:
    (tmp_path / "baselines.toml").write_text(OWN.replace(old, new))
    with pytest.raises(RecipeError) as caught:
        attender_clauses(tmp_path / "baselines.toml")
    assert caught.value.problem == "a clause of the rule cannot be counted"


def test_a_file_without_the_rule_is_said(tmp_path: Path) -> None:
    (tmp_path / "baselines.toml").write_text(OWN.replace("frequent_attender_rule", "calls"))
    assert attender_clauses(tmp_path / "baselines.toml") == ()
    assert "declares no frequent_attender_rule" in str(unheard_sources((), ["s136"]))


@pytest.mark.slow
def test_reports_count_by_the_sites_own_rule_and_training_warns_of_sources_that_sent_nothing(tmp_path: Path) -> None:
    site = make_gate_site(tmp_path / "site", people=60)
    recipes = read_recipes(site, "person", None)
    snapshot = Store(site).snapshot()

    def attendance() -> np.ndarray:
        return person_data(recipes.training, recipes.features, snapshot, site).attendance

    shipped_rule = attendance()
    (site.path / "training" / "baselines.toml").write_text(OWN.replace("in_7_days", "in_365_days"))
    own = attendance()
    assert own.max() > 1
    assert own.tolist() != shipped_rule.tolist()
    told: list[str] = []
    (site.path / "training" / "baselines.toml").write_text(OWN.replace("crisis_line", "police_999"))
    train(site, "person", None, baseline=None, tell=told.append)
    assert not attendance().any()
    assert any(one.startswith("warning: frequent_attender_rule counts police_999") for one in told)


def _invented(rows: int) -> tuple[CrisisHistory, np.ndarray]:
    random = np.random.default_rng(3)
    year = random.poisson(1.0, rows).astype(float)
    age = np.where(random.random(rows) < 0.1, np.nan, random.integers(18, 90, rows))
    since = np.where(year > 0, random.exponential(100, rows), NEVER_DAYS)
    happened = random.random(rows) < 1 / (1 + np.exp(3 - year))
    return CrisisHistory(year, np.minimum(year, 1), since, year, age), happened


def test_five_factor_regression_beats_its_parts_and_says_probabilities() -> None:
    history, happened = _invented(4000)
    model = fit_five_factors(history, happened)
    risk = model.predict(history)
    assert risk.mean() == pytest.approx(happened.mean(), abs=0.005)
    assert auroc(risk, happened) >= auroc(recent_first(history), happened)
    assert set(model.as_json()["coefficients"]) == {
        "crises_in_365_days", "crises_in_28_days", "days_since_last_crisis", "episodes_ever", "age",
    }  # fmt: skip


def test_a_factor_that_never_varies_and_an_unknown_age_do_no_harm() -> None:
    history, happened = _invented(400)
    flat = replace(history, crises_in_28_days=np.zeros(400), age=np.full(400, np.nan))
    assert np.isfinite(fit_five_factors(flat, happened).predict(flat)).all()


def test_one_class_alone_gives_no_probability() -> None:
    history, happened = _invented(50)
    assert np.isnan(fit_five_factors(history, np.zeros_like(happened)).predict(history)).all()


def test_baselines_by_name_and_joined_buckets() -> None:
    history, happened = _invented(60)
    model = fit_five_factors(history, happened)
    halves = [history.where(np.arange(30)), history.where(np.arange(60) >= 30)]
    joined = person_baselines(CrisisHistory.joined(halves), np.zeros(60), model)
    for name, risk in person_baselines(history, np.zeros(60), model).items():
        assert joined[name].tolist() == risk.tolist()
    assert list(joined) == [
        "crisis_contacts_in_365_days", "days_since_last_crisis", "five_factor_regression", "frequent_attender_rule",
    ]  # fmt: skip
