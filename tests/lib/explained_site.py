"""A small site with two real models that answered one after the other, for tests of explanations."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import lightgbm
import numpy as np

from crisisrisk.cohorts import CohortRule
from crisisrisk.features.recipe import read_feature_recipe
from crisisrisk.features.specs import Phrases
from crisisrisk.models.band import Band
from crisisrisk.models.bundle import Bundle
from crisisrisk.models.calibration import Calibration
from crisisrisk.models.risk_model import RiskModel
from crisisrisk.models.trees import trees_of
from crisisrisk.tables.pseudonyms import pseudonym, read_pseudonym_key
from tests.lib.answering_models import let_answer
from tests.lib.service_site import EVENTS_MAPPING, ServiceSite, load_rows, make_site
from tests.lib.tiny_models import PARAMETERS, bundle

NAME = "person_crisis_28d"
THEN, SECOND_MODEL_AT = datetime(2026, 11, 2, tzinfo=UTC), "2026-11-10T00:00:00+00:00"

RECIPE = """
[recipe]
name = "person"
subject = "person"
[[group]]
name = "calls"
sources = ["crisis_line"]
aggregations = ["count", "days_since_last"]
lookback_days = [28, "ever"]
[[group]]
name = "police"
sources = ["police_999"]
aggregations = ["count", "distinct_days"]
lookback_days = [28, 91]
[[group]]
name = "who"
aggregations = ["age"]
"""

PHRASES = {
    "crisis_line": Phrases("crisis-line call", "crisis-line calls"),
    "police_999": Phrases("999 call", "999 calls"),
}

EVENTS = """id,at,known,source,person
x1,2026-10-05 10:00:00,2026-10-05 11:00:00,crisis_line,cat
x2,2026-10-09 10:00:00,2026-10-09 11:00:00,crisis_line,cat
x3,2026-10-20 10:00:00,2026-10-20 11:00:00,police_999,cat
x4,2026-11-18 10:00:00,2026-11-18 11:00:00,police_999,cat
x5,2026-11-20 10:00:00,2026-11-20 11:00:00,police_999,cat
x6,2026-10-30 10:00:00,2026-11-15 11:00:00,police_999,cat
"""


def explained_site(folder: Path) -> ServiceSite:
    """Its clock stands at 22 November 2026, 06:00; the second model answers from 10 November on."""
    made = make_site(folder)
    load_rows(made.site, "more", EVENTS, EVENTS_MAPPING)
    for version, at in ((5, "2026-10-01T00:00:00+00:00"), (6, SECOND_MODEL_AT)):
        model = trained(version)
        let_answer(made.site, model, at=at)
    return made


def pid(made: ServiceSite, name: str) -> str:
    return str(pseudonym(read_pseudonym_key(made.site), "study_id", name))


def trained(seed: int) -> Bundle:
    """A model of the recipe, different for each seed."""
    recipe = read_feature_recipe(RECIPE, sources=("crisis_line", "police_999"))
    random, names = np.random.default_rng(seed), recipe.names
    features = random.integers(0, 4, (2000, len(names))).astype(float)
    features[:, names.index("age")] = np.where(random.random(2000) < 0.2, np.nan, random.integers(18, 90, 2000))
    features[random.random(2000) < 0.3, 2] = np.nan
    signal = features[:, 0] + 0.7 * features[:, 3] + 0.3 * features[:, 4] - 4
    happened = random.random(2000) < 1 / (1 + np.exp(-signal))
    data = lightgbm.Dataset(features, happened.astype(int), feature_name=list(names))
    trees = trees_of(lightgbm.train({**PARAMETERS, "objective": "binary"}, data, 30), 30)
    made = bundle()
    line = Calibration(kind="platt", slope=0.9, intercept=0.1 * seed, band=_band(0.1 * seed))
    return replace(
        made, features=recipe, model=RiskModel(trees, line),
        phrases=replace(made.phrases, sources=PHRASES),
        task=replace(made.task, name=NAME, cohort=CohortRule(seen_within_days=365, unknown_age="keep")),
        manifest=replace(made.manifest, name=NAME, version=seed, feature_names=names, trees=30),
    )  # fmt: skip


def _band(intercept: float) -> Band:
    """A range of a fifth around the probability, and of a half where a history is thin."""
    scores = np.linspace(-6, 6, 25)
    chance = 1 / (1 + np.exp(-(0.9 * scores + intercept)))
    ends = {"lower": 0.8 * chance, "upper": 1.2 * chance, "thin_lower": 0.5 * chance, "thin_upper": 1.5 * chance}
    curves = {name: tuple(np.minimum(end, 1.0).tolist()) for name, end in ends.items()}
    return Band(level=0.9, scores=tuple(scores.tolist()), **curves)
