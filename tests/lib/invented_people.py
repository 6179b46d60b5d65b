"""Labelled rows of invented people whose true probabilities are known, with real features streamed from real tables."""

from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from crisisrisk.cohorts import Attrition
from crisisrisk.evaluation.baselines import crisis_history, frequent_attender
from crisisrisk.features.recipe import read_feature_recipe
from crisisrisk.scoring.history import ThinHistory
from crisisrisk.shipped import shipped
from crisisrisk.training.attender_rule import attender_clauses
from crisisrisk.training.person_data import PersonData, crisis_rule
from crisisrisk.training.recipe import TrainingRecipe, parse_training_recipe
from crisisrisk.training.row_stream import FeatureStream
from tests.lib.histories import BASE, SOURCES, EventVersion, event_table, people_table, rows_of

FEATURES = read_feature_recipe(
    """
[recipe]
name = "invented"
subject = "person"
[[group]]
name = "any"
sources = "all"
aggregations = ["count", "days_since_last"]
lookback_days = [28, "ever"]
""",
    sources=SOURCES,
)


def recipe(**sections: dict[str, object]) -> TrainingRecipe:
    """A recipe of people with small trees; sections change what they name."""
    usual = {
        "outcome": {"sources": ["s136"]},
        "split": {"validation_days": 84, "test_days": 28},
        "model": {"rounds": 30, "early_stopping_rounds": 10, "min_data_in_leaf": 20, "threads": 1},
    }
    merged = {name: {**usual.get(name, {}), **sections.get(name, {})} for name in {*usual, *sections}}
    content = {"name": "invented", "subject": "person", "features": "invented.toml", **merged}
    return parse_training_recipe(content, sources=SOURCES, where="test")


@dataclass(frozen=True)
class InventedPeople:
    """The rows, and the true probability of each. Shape (rows,)."""

    data: PersonData
    true: NDArray[np.float64]


def invented_people(people: int = 150, weeks: int = 40, *, seed: int = 1, level: float = -3.0) -> InventedPeople:
    """Some people have many contacts and often the outcome. `level`: its log-odds where someone has few contacts."""
    random = np.random.default_rng(seed)
    names = [f"p{number:04}" for number in range(people)]
    busy = random.gamma(0.6, 1.0, people)
    events = event_table(
        EventVersion(
            event_id=f"{name}-{number}",
            person_id=name,
            occurred_at=(when := BASE + timedelta(days=float(random.uniform(-120, 7 * weeks)))),
            known_at=when + timedelta(hours=float(random.exponential(20))),
            source=SOURCES[random.integers(len(SOURCES))],
        )
        for name, rate in zip(names, busy, strict=True)
        for number in range(random.poisson(20 * rate) + 1)
    )
    rows = rows_of({name: [BASE + timedelta(days=7 * week) for week in range(weeks)] for name in names})
    people_rows, rule = people_table(()), crisis_rule(recipe())
    true = 1 / (1 + np.exp(-(level + 1.2 * busy[rows.row_person()])))
    data = PersonData(
        person_ids=rows.person_id,
        person=rows.row_person(),
        as_of=rows.as_of,
        features=FeatureStream(FEATURES, [rows], lambda _: (events, people_rows), zone=ZoneInfo("Europe/London")),
        happened=random.random(len(rows)) < true,
        history=crisis_history(rule, events, people_rows, rows),
        attendance=frequent_attender(events, rows, attender_clauses(shipped("training") / "baselines.toml")),
        thin=ThinHistory().of(events, people_rows, rows),
        team=None,
        attrition=Attrition(people, len(rows), ()),
        cut_off_us=int(rows.as_of.max()) + 1,
        buckets=(rows,),
    )
    return InventedPeople(data, true)
