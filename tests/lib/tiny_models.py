"""Tiny trained models and bundles for tests of everything that carries them."""

import lightgbm
import numpy as np

from crisisrisk.cohorts import CohortRule
from crisisrisk.episodes import EpisodeRule
from crisisrisk.features.specs import FeatureRecipe, FeatureSpec, Phrases
from crisisrisk.models.bundle import Bundle, Manifest, software_versions
from crisisrisk.models.calibration import Calibration
from crisisrisk.models.phrases import PhraseBook
from crisisrisk.models.risk_model import PlaceModel, RiskModel
from crisisrisk.models.task import Task
from crisisrisk.models.trees import Trees, trees_of

NAMES = ("mh_missed_count_in_28_days", "crisis_line_count_in_91_days", "age")
PARAMETERS = {
    "verbose": -1, "seed": 3, "deterministic": True, "force_row_wise": True, "num_threads": 1, "num_leaves": 7,
    "min_data_in_leaf": 20,
}  # fmt: skip


def spec(name: str, group: str, aggregation: str = "count", **changes: object) -> FeatureSpec:
    reason = {"count": "{count} {plural} in the last 28 days", "age": "age {count}"}[aggregation]
    values = {
        "name": name, "group": group, "aggregation": aggregation, "sources": (group,) if aggregation == "count" else (),
        "lookback_days": 28 if aggregation == "count" else None, "if_none": 0.0, "meaning": "A feature.",
        "reason": reason,
    }  # fmt: skip
    return FeatureSpec(**{**values, **changes})


def feature_recipe(subject: str = "person") -> FeatureRecipe:
    specs = (spec(NAMES[0], "mh_missed"), spec(NAMES[1], "crisis_line"), spec(NAMES[2], "age", "age"))
    return FeatureRecipe(name=subject, subject=subject, specs=specs)


def sample(rows: int = 3000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    features = np.stack([random.poisson(1, rows), random.poisson(2, rows), random.integers(18, 90, rows)], axis=1)
    log_odds = 0.8 * features[:, 0] - 0.3 * features[:, 1] - 2
    return features.astype(np.float32), random.random(rows) < 1 / (1 + np.exp(-log_odds))


def person_trees(rounds: int = 12) -> Trees:
    features, happened = sample()
    data = lightgbm.Dataset(features, happened.astype(int), feature_name=list(NAMES))
    return trees_of(lightgbm.train({**PARAMETERS, "objective": "binary"}, data, rounds), rounds)


def place_trees(rounds: int = 12) -> tuple[Trees, np.ndarray]:
    """Trees of counts, and the offset that they were trained on. Shape (3000,)."""
    features, happened = sample()
    offset = np.full(len(features), -1.5)
    data = lightgbm.Dataset(features, happened.astype(int), feature_name=list(NAMES), init_score=offset)
    return trees_of(lightgbm.train({**PARAMETERS, "objective": "poisson"}, data, rounds), rounds), offset


def phrase_book() -> PhraseBook:
    named = {
        "mh_missed": Phrases("missed appointment", "missed appointments"),
        "crisis_line": Phrases("call to the crisis line", "calls to the crisis line"),
    }
    states = {name: name for name in ("scored", "in_crisis_episode", "in_hospital", "no_data")}
    usual = {"more": "more {plural} than usual {where} {window}", "fewer": "fewer {plural} than usual {where} {window}",
             "same": "about as many {plural} as usual {where} {window}"}  # fmt: skip
    caveats = {
        "interval": "The range is not known: how far off a number may be was not worked out.",
        "range": "range, {level} in 100",
        "count_range": "count range, {level} in 100",
        "thin_history": "thin history",
        "outcome": "contact only",
        "late": "late: {source} {since}",
    }
    not_known = {"late": "{plural} since {since}: the feed is late", "fact": "{what}: not recorded"}
    return PhraseBook(sources=named, states=states, caveats=caveats, usual=usual, not_known=not_known)


def bundle(subject: str = "person", trees: Trees | None = None) -> Bundle:
    if subject == "person":
        model = RiskModel(trees or person_trees(), Calibration(kind="platt", slope=0.9, intercept=0.1))
    else:
        model = PlaceModel(trees or place_trees()[0])
    task = Task(
        name=f"{subject}_test", subject=subject, outcome="contact with a crisis service",
        crisis=EpisodeRule(sources=("s136",), codes=(("ed_attendance", ("F99",)),), crisis_flag=True),
        cohort=CohortRule(seen_within_days=365, unknown_age="keep"), horizon_days=28 if subject == "person" else None,
    )  # fmt: skip
    manifest = Manifest(
        name=task.name, subject=subject, version=0, run_id="r1", recipe_fingerprint="f1", feature_names=NAMES,
        trees=model.scorer.count, training_cut_off="2026-01-01T00:00:00+00:00", data_digest="d1",
        made_at="2026-01-02T00:00:00+00:00", versions=software_versions(),
    )  # fmt: skip
    return Bundle(
        manifest=manifest, model=model, task=task, features=feature_recipe(subject), training_recipe="{}",
        phrases=phrase_book(),
    )  # fmt: skip
