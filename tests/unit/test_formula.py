"""Simple rules as models: exact to the last term, refused where damaged, fitted as the baselines of a report are."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from tests.lib.histories import BASE, EventVersion, PersonVersion, event_table, people_table, rows_of
from tests.lib.tiny_models import NAMES, bundle, sample

from crisisrisk.episodes import EpisodeRule
from crisisrisk.errors import DataError, ModelError, RecipeError, UsageError
from crisisrisk.evaluation.baselines import crisis_history, fit_five_factors, frequent_attender
from crisisrisk.features.person import person_features
from crisisrisk.features.recipe import read_feature_recipe, select_features
from crisisrisk.models.bundle import load_bundle, write_bundle
from crisisrisk.models.calibration import Calibration
from crisisrisk.models.formula import GREATEST, Formula, Term
from crisisrisk.models.risk_model import RiskModel
from crisisrisk.training.attender_rule import attender_clauses
from crisisrisk.training.baseline_recipe import read_baselines
from crisisrisk.training.formula_fitting import fit_formula

ROOT = Path(__file__).parents[2]
SOURCES = ("crisis_line", "ed_attendance", "ambulance_999")
LINEAR = Formula(
    (Term(column=NAMES[0], weight=0.8, mean=1.0), Term(column=NAMES[1], logarithm=True, weight=-0.3, mean=0.9)),
    intercept=-2.0,
)
RULE = Formula((Term(column=NAMES[0], weight=0.2), Term(column=NAMES[1], weight=0.5)), combine=GREATEST)


@pytest.mark.parametrize("formula", [LINEAR, RULE])
def test_contributions_sum_to_the_score(formula):
    features, _ = sample(200)
    parts = formula.contributions(features, NAMES)
    assert parts.shape == (200, len(formula.terms) + 1)
    assert parts.sum(axis=1) == pytest.approx(formula.raw_score(features, NAMES), abs=1e-12)


def test_a_sum_is_worked_out_by_hand():
    row = np.array([[3.0, 4.0, 50.0]], dtype=np.float32)
    assert LINEAR.contributions(row, NAMES)[0] == pytest.approx([0.8 * 2, -0.3 * (np.log(5) - 0.9), -2.0])


def test_what_is_not_known_adds_nothing():
    row = np.array([[np.nan, 4.0, 50.0]], dtype=np.float32)
    assert LINEAR.contributions(row, NAMES)[0, 0] == 0


def test_of_a_rule_the_nearest_clause_has_all_of_it():
    rows = np.array([[10.0, 2.0, 0], [1.0, 2.0, 0], [0, 0, 0], [5.0, np.nan, 0]], dtype=np.float32)
    assert RULE.contributions(rows, NAMES).tolist() == [[2, 0, 0], [0, 1, 0], [0, 0, 0], [1, 0, 0]]


def test_columns_are_found_by_name():
    features, _ = sample(50)
    turned = features[:, ::-1]
    assert (LINEAR.raw_score(turned, NAMES[::-1]) == LINEAR.raw_score(features, NAMES)).all()
    with pytest.raises(ModelError) as caught:
        LINEAR.raw_score(features[:, 1:], NAMES[1:])
    assert (caught.value.code, caught.value.wanted) == ("CR-MODEL-003", NAMES[0])


@pytest.mark.parametrize("formula", [LINEAR, RULE])
def test_a_formula_comes_back_as_it_was_written(formula):
    assert Formula.from_json(formula.to_json()) == formula


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"combine": "product"}, '"combine" is neither "sum" nor "greatest"'),
        ({"terms": []}, "each term needs a column of its own"),
        ({"terms": [{"column": "a", "logarithm": False, "weight": 1, "mean": 0}] * 2}, "each term needs"),
        ({"intercept": float("nan")}, "a number in it is not finite"),
        ({"terms": [{"column": "a", "logarithm": 1, "weight": 1, "mean": 0}]}, '"logarithm" is neither'),
        ({"combine": "greatest"}, "the greatest of several terms has no means"),
        ({"trees": 3}, "cannot be read"),
        ({"terms": "many"}, "cannot be read"),
    ],
)
def test_an_impossible_formula_is_refused(change, problem):
    text = json.dumps({**json.loads(LINEAR.to_json()), **change})
    with pytest.raises(ModelError, match=re.escape(problem)) as caught:
        Formula.from_json(text)
    assert caught.value.code == "CR-MODEL-002"


# In a bundle


def of_formula(formula: Formula = LINEAR):
    made = bundle()
    manifest = replace(made.manifest, baseline="test_rule", trees=0, feature_names=formula.feature_names)
    columns = select_features(made.features, formula.feature_names)
    model = RiskModel(formula, Calibration(kind="platt", slope=0.9, intercept=0.1))
    return replace(made, manifest=manifest, model=model, features=columns)


def test_a_bundle_carries_a_formula(tmp_path):
    written = of_formula()
    read = load_bundle(write_bundle(tmp_path / "v1", written))
    assert read == written
    assert {path.name for path in (tmp_path / "v1").iterdir()} >= {"formula.json", "calibration.json"}
    features, _ = sample(20)
    assert (read.risk_model.probability(features, NAMES) == written.risk_model.probability(features, NAMES)).all()


def test_a_changed_formula_is_refused(tmp_path):
    folder = write_bundle(tmp_path / "v1", of_formula())
    path = folder / "formula.json"
    path.write_text(path.read_text().replace("0.8", "0.9"))
    with pytest.raises(ModelError, match="its digest differs"):
        load_bundle(folder)


def test_a_formula_of_other_columns_is_refused(tmp_path):
    made = of_formula()
    other = replace(made, model=replace(made.risk_model, scorer=RULE))
    swapped = replace(made.manifest, feature_names=made.manifest.feature_names[::-1])
    broken = replace(other, manifest=swapped, features=select_features(made.features, swapped.feature_names))
    with pytest.raises(ModelError, match="its columns are not the manifest's"):
        load_bundle(write_bundle(tmp_path / "v1", broken))


# The shipped rules


@pytest.fixture(scope="module")
def shipped():
    rules = read_baselines(ROOT / "training" / "baselines.toml")
    return rules, read_feature_recipe(ROOT / "features" / rules.features, sources=SOURCES)


@pytest.fixture(scope="module")
def histories():
    """Invented people with crises, attendances and calls, as events of the store."""
    random = np.random.default_rng(4)
    events, people, asked = [], [], {}
    for number in range(60):
        name = f"p{number:02}"
        born = None if number % 10 == 0 else 1950 + number % 50
        people.append(PersonVersion(person_id=name, known_at=BASE - timedelta(days=900), birth_year=born))
        asked[name] = [BASE + timedelta(days=28 * step) for step in range(4)]
        for source in SOURCES:
            for place, day in enumerate(random.uniform(-700, 100, random.poisson(number % 13))):
                at = BASE + timedelta(days=float(day))
                events.append(
                    EventVersion(
                        event_id=f"{name}{source}{place}", person_id=name, source=source, occurred_at=at,
                        known_at=at + timedelta(hours=3), is_crisis=source == "crisis_line",
                    )
                )  # fmt: skip
    return event_table(events), people_table(people), rows_of(asked)


def fitted(shipped, histories, name, happened):
    rules, columns = shipped
    rule = rules.named(name)
    recipe = select_features(columns, rule.columns)
    matrix = person_features(recipe, *histories, zone=ZoneInfo("Europe/London"))
    return fit_formula(rule, matrix, recipe.names, happened), matrix, recipe.names


def test_the_shipped_rules_order_people_as_the_baselines_of_a_report_do(shipped, histories):
    events, people, rows = histories
    history = crisis_history(EpisodeRule(crisis_flag=True), events, people, rows)
    clauses = attender_clauses(ROOT / "training" / "baselines.toml")
    happened = np.random.default_rng(1).random(len(rows)) < 1 / (1 + np.exp(2 - 0.4 * history.crises_in_365_days))
    wanted = {
        "one_year_count": np.log1p(history.crises_in_365_days),
        "days_since_last": -np.log1p(history.days_since_last_crisis),
        "frequent_attender_rule": frequent_attender(events, rows, clauses),
    }
    for name, risk in wanted.items():
        formula, matrix, names = fitted(shipped, histories, name, happened)
        found = formula.raw_score(matrix, names)
        assert found - found[0] == pytest.approx(risk - risk[0], abs=1e-5)
    formula, matrix, names = fitted(shipped, histories, "five_factor_regression", happened)
    probability = RiskModel(formula, Calibration(kind="platt")).probability(matrix, names)
    assert probability == pytest.approx(fit_five_factors(history, happened).predict(history), abs=1e-5)


def test_a_fit_of_one_class_is_refused(shipped, histories):
    with pytest.raises(DataError) as caught:
        fitted(shipped, histories, "five_factor_regression", np.zeros(240, dtype=bool))
    assert caught.value.code == "CR-TRAIN-002"


def test_an_unknown_rule_names_the_nearest(shipped):
    with pytest.raises(UsageError) as caught:
        shipped[0].named("one_year_cuont")
    assert caught.value.hint == 'did you mean "one_year_count"?'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "features: is missing"),
        ('features = "a"\nrule = 3', "rule: unknown key"),
        ('features = "a"\n[r]\nterms = [{ column = "x" }]', "r.meaning: is missing"),
        ('features = "a"\n[r]\nmeaning = "m"', "r.terms: are missing"),
        ('features = "a"\n[r]\nmeaning = "m"\nterms = [{ colum = "x" }]', 'did you mean "column"?'),
        ('features = "a"\n[r]\nmeaning = "m"\nterms = [{ column = "x", weight = true }]', "weight: is True"),
        (
            'features = "a"\n[r]\nmeaning = "m"\nterms = [{ column = "x" }, { column = "y", weight = 1 }]',
            "have a weight here and none there",
        ),
        ('features = "a"\n[r]\nmeaning = "m"\ncombine = "greatest"\nterms = [{ column = "x" }]', "are not plain"),
        ("features = ", "is not valid TOML"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(tmp_path, text, problem):
    path = tmp_path / "baselines.toml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=re.escape(problem)):
        read_baselines(path)
