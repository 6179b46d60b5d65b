"""A whole caseload explained, from features to worded reasons with their dates, beside LightGBM's `pred_contrib` alone.

`python -m benchmarks.explanations [--scale PART] [--without-peers]`

The people, their contacts and the recipe are those of `full_person_set`, at one moment; the outcome is invented.
Ours is everything after the features: contributions, groups, choice of reasons, the contacts behind them, words. The
peers give contributions alone, and say nothing. They may be measured on fewer people, and are scaled by rows.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.full_person_set import (
    BUCKETS,
    EVENTS,
    LONDON,
    invented_bucket,
    moments,
    people_table,
    rows_of,
    shipped_recipe,
)
from benchmarks.full_person_set import PEOPLE as CITY
from benchmarks.peers.environments import run_peer
from benchmarks.report import Figure, Outcome, lines
from crisisrisk.cohorts import CohortRule, PersonRows
from crisisrisk.episodes import EpisodeRule
from crisisrisk.features.person import person_features
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.models.bundle import Bundle, Manifest
from crisisrisk.models.calibration import Calibration
from crisisrisk.models.phrases import read_phrases
from crisisrisk.models.reasons import reasons_for
from crisisrisk.models.risk_model import RiskModel
from crisisrisk.models.task import Task
from crisisrisk.models.trees import Trees, trees_of
from crisisrisk.scoring.evidence import evidence_of_bucket
from crisisrisk.scoring.telling import Teller
from crisisrisk.shipped import shipped
from crisisrisk.timeline import instant

PEOPLE, TREES, LEAVES, SEED = 60_000, 400, (15, 31), 22
TRAINING_ROWS, PEER_ROWS = 20_000, 6_000
BAR, EXACT = 5.0, 1e-4
FEW_TREES = 40


@dataclass(frozen=True)
class Part:
    """One bucket of people, their contacts and their features."""

    events: pa.Table
    rows: PersonRows
    features: NDArray[np.float32]


def invented_parts(recipe: FeatureRecipe, people: int) -> list[Part]:
    """Everybody at the last moment of the city, bucket by bucket."""
    found = []
    for bucket in range(BUCKETS):
        members = np.arange(bucket, people, BUCKETS)
        events = invented_bucket(members, EVENTS * len(members) // CITY, recipe, bucket)
        events = events.append_column("event_id", pa.array([f"e{number}" for number in range(events.num_rows)]))
        rows = rows_of(members, moments()[-1:])
        features = person_features(recipe, events, people_table(members), rows, zone=LONDON)
        found.append(Part(events, rows, features))
    return found


def trained(features: NDArray[np.float32], names: tuple[str, ...], leaves: int, trees: int) -> Trees:
    """As the recipe fits, on an invented outcome that a tenth of the columns move."""
    generator = np.random.default_rng(SEED)
    known = np.nan_to_num(features)
    weight = generator.normal(size=len(names)) * (generator.random(len(names)) < 0.1)
    signal = (known - known.mean(axis=0)) / np.maximum(known.std(axis=0), 1e-9) @ weight
    happened = generator.random(len(features)) < 1 / (1 + np.exp(2.5 - signal / signal.std()))
    options = {"objective": "binary", "num_leaves": leaves, "learning_rate": 0.05, "feature_fraction": 0.7,
               "max_bin": 63, "min_data_in_leaf": 20, "verbose": -1, "num_threads": 2, "seed": SEED}  # fmt: skip
    data = lightgbm.Dataset(features, happened.astype(int), feature_name=list(names))
    return trees_of(lightgbm.train(options, data, trees), trees)


def bundle_of(recipe: FeatureRecipe, trees: Trees) -> Bundle:
    """What scoring is given."""
    manifest = Manifest(
        name="benchmark", subject="person", version=1, run_id="", recipe_fingerprint="", feature_names=recipe.names,
        trees=trees.count, training_cut_off="", data_digest="", made_at="", versions={},
    )  # fmt: skip
    task = Task(
        name="benchmark", subject="person", outcome="contact with a crisis service",
        crisis=EpisodeRule(crisis_flag=True), cohort=CohortRule(), horizon_days=28,
    )  # fmt: skip
    model = RiskModel(trees, Calibration(kind="platt"))
    phrases = read_phrases(shipped("serving") / "phrases.toml", {})
    return Bundle(manifest=manifest, model=model, task=task, features=recipe, training_recipe="{}", phrases=phrases)


def explained(model: Bundle, parts: list[Part]) -> int:
    """Every person's reasons in words, as `score` makes them. Returns how many were said."""
    as_of = int(moments()[-1])
    teller = Teller(model, instant(as_of), LONDON, {"nhs_111": instant(as_of) - timedelta(days=3)})
    said = 0
    for part in parts:
        contributions = model.risk_model.contributions(part.features, model.features.names)
        found = reasons_for(model.features, contributions, part.features)
        evidence = evidence_of_bucket(part.events, part.rows.person_id, as_of, LONDON)
        said += sum(len(reasons) for reasons in teller.told(evidence, found, part.features))
    return said


@dataclass(frozen=True)
class Run:
    """By the clock on the wall, and of both cores' work, which a busy machine disturbs less."""

    seconds: float
    core_seconds: float

    def scaled(self, factor: float) -> "Run":
        """As if it had had so many times the rows."""
        return Run(self.seconds * factor, self.core_seconds * factor)


def _timed(work: Callable[[], Any]) -> Run:
    started, cores = time.perf_counter(), time.process_time()
    work()
    return Run(time.perf_counter() - started, time.process_time() - cores)


def run(*, scale: float = 1.0, peers: bool = True) -> Outcome:
    """60,000 people and 400 trees, or a part of both; trees of 15 leaves and of 31."""
    people, trees = max(round(PEOPLE * scale), BUCKETS), TREES if scale == 1 else FEW_TREES
    recipe = shipped_recipe()
    parts = invented_parts(recipe, people)
    features = np.concatenate([part.features for part in parts])
    found = {}
    for leaves in LEAVES:
        fitted = trained(features[:TRAINING_ROWS], recipe.names, leaves, trees)
        found[f"{leaves} leaves"] = _of_model(recipe, fitted, parts, features, peers=peers)
    return Outcome(
        of=f"{people:,} people × {trees} trees of {len(recipe.names):,} columns; seconds of both cores' work",
        figures=tuple(figure for kind, one in found.items() for figure in _figures(kind, one)),
        remarks=(
            "Ours is everything from the features to worded reasons with their dates, filling the tables included; the "
            f"peers give contributions alone, measured on {min(PEER_ROWS, people):,} people and scaled by rows.",
        ),
        details=found,
    )


def _of_model(
    recipe: FeatureRecipe, trees: Trees, parts: list[Part], features: NDArray[np.float32], *, peers: bool
) -> dict[str, Any]:
    explained(bundle_of(recipe, trees), parts[:1])  # compiled before anything is timed
    model = bundle_of(recipe, Trees(trees.text, trees.feature_names, trees.count))
    ours = _timed(lambda: explained(model, parts))
    asked = features[:PEER_ROWS]
    theirs = _timed(lambda: trees.booster.predict(asked, pred_contrib=True)).scaled(len(features) / len(asked))
    apart = model.risk_model.contributions(asked, recipe.names) - trees.booster.predict(asked, pred_contrib=True)
    found = {"ours": vars(ours), "pred_contrib": vars(theirs), "largest_difference": float(np.abs(apart).max())}
    return found | ({"woodelf": _woodelf(trees, asked, len(features))} if peers else {})


def _woodelf(trees: Trees, asked: NDArray[np.float32], rows: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "model.txt").write_text(trees.text, encoding="utf-8")
        np.save(folder / "features.npy", asked)
        found = run_peer("woodelf", "woodelf_explainer", str(folder))
    scale = rows / len(asked)
    return {**found, "seconds": found["seconds"] * scale, "core_seconds": found["core_seconds"] * scale}


def _figures(kind: str, one: dict[str, Any]) -> list[Figure]:
    ours, theirs = one["ours"]["core_seconds"], one["pred_contrib"]["core_seconds"]
    figures = [
        Figure(what=f"explained in words, {kind}", value=ours, unit="s"),
        Figure(what=f"LightGBM's pred_contrib alone ÷ ours, {kind}", value=theirs / ours, bar=BAR),
        Figure(what=f"largest difference, {kind}", value=one["largest_difference"], unit="log-odds", bar=EXACT,
               less_is_better=True),
    ]  # fmt: skip
    if "woodelf" in one:
        ratio = one["woodelf"]["core_seconds"] / ours
        figures.append(Figure(what=f"woodelf-explainer alone ÷ ours, {kind}", value=ratio))
    return figures


def _from_command_line() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--without-peers", action="store_true")
    options = parser.parse_args()
    print(lines(run(scale=options.scale, peers=not options.without_peers)))


if __name__ == "__main__":
    _from_command_line()
