"""Invented runs of people for tests of reports: everything that `crisisrisk card` reads. Nobody in them exists."""

import json
from typing import Any

import numpy as np

from crisisrisk.evaluation.card.content import RunFacts, SiteFacts
from crisisrisk.evaluation.judged import JudgedPredictions, Judging
from crisisrisk.evaluation.judged_report import judged_report
from crisisrisk.evaluation.slices import plain_values
from crisisrisk.shipped import shipped
from crisisrisk.timeline import MICROSECONDS_PER_DAY
from crisisrisk.training.recipe import read_training_recipe

FIRST_US = 1_785_700_800_000_000
SOURCES = (
    "s136", "s135", "street_triage", "mh_admission", "crisis_line", "ed_attendance", "police_999", "police_101", "btp",
    "ambulance_999", "nhs_111", "nhs_111_mh", "crisis_house",
)  # fmt: skip
OUTCOME = {
    "doors": [{"door": "crisis_line", "people": 41, "rows": 98, "episodes": 44},
              {"door": "police", "people": 3, "rows": 9, "episodes": 3}],
    "competing": [{"event": "died_in_horizon", "meaning": "died inside the horizon", "people": 2, "rows": 5}],
}  # fmt: skip
SITE = SiteFacts(name="Invented <site> & sons", clinical_safety_officer="Dr Nobody",
                 sources={"s136": "section 136 detentions"}, agencies=("police", "acute_trust"))  # fmt: skip


def predictions(seed: int = 1, *, people: int = 300, weeks: int = 6, teams: bool = True, **judging: Any
                ) -> JudgedPredictions:  # fmt: skip
    """People with a crisis now and then, and a model that knows something of it."""
    random = np.random.default_rng(seed)
    person, week = np.repeat(np.arange(people), weeks), np.tile(np.arange(weeks), people)
    risk = random.beta(1, 9, people)
    days = np.where(random.random(people) < 3 * risk, random.uniform(0, 7 * (weeks + 3), people), np.inf)
    ahead = days[person] - 7 * week
    ahead = np.where((ahead >= 0) & (ahead < 28), ahead, np.nan)
    said = np.clip(risk[person] * random.uniform(0.7, 1.3, len(person)), 0.001, 0.9)
    names = random.choice(np.array(["", "north | <b>", "south"], dtype=object), people)
    words = random.choice(
        np.array(["few", "many", "most", "not known"], dtype=object), people, p=[0.02, 0.3, 0.6, 0.08]
    )
    return JudgedPredictions(
        as_of=FIRST_US + week * 7 * MICROSECONDS_PER_DAY, person=person, team=names[person] if teams else None,
        risk=said, happened=np.isfinite(ahead), days_to_onset=ahead,
        baselines={"crisis_contacts_in_365_days": np.round(10 * said + random.random(len(said))),
                   "five_factor_regression": np.clip(said * 0.8, 0, 1)},
        groups={"sex": words[person]},
        judging=Judging(**{"list_length": 10, "resamples": 12, "seed": 3, **judging}),
    )  # fmt: skip


def run_facts(rows: JudgedPredictions, **changes: Any) -> RunFacts:
    """A run that was judged on these rows."""
    recipe = read_training_recipe(shipped("training") / "person_crisis_28d.toml", sources=SOURCES)
    steps = [(412, 2410), (3, 18), (0, 11), (60, 371)]
    people, left = 412, 2410
    attrition = []
    for place, (gone, dropped) in enumerate(steps):
        people, left = (people - gone, left - dropped) if place else (people, left)
        attrition.append({"step": f"step {place}", "meaning": f"step {place}", "people": gone if place else 0,
                          "rows": dropped if place else 0, "people_left": people, "rows_left": left})  # fmt: skip
    content = {
        "task": "person_crisis_28d", "kind": "trees", "subject": "person", "recipe_fingerprint": "b71d" * 16,
        "rows": len(rows), "features": 12, "trees": 40, "prevalence": float(rows.happened.mean()),
        "judged_on": "trained on 1,000 person-weeks to 5 Jan 2026, judged on 6 weekly lists, 3 Aug to 7 Sep 2026",
        "attrition": attrition, "attrition_text": "", "report": {**judged_report(rows), "outcome": OUTCOME},
        "about": {"complete_to": {"s136": "2026-11-22T06:00:00+00:00"}, "versions": {"crisisrisk": "0.1.0"}},
        "moves": [
            {"name": "s136_count_in_28_days", "meaning": "How many section 136 detentions in the last 28 days.",
             "movement": 0.2, "when_small": -0.1, "when_large": 0.7},
            {"name": "age", "meaning": "Age in years.", "movement": 0.1, "when_small": 0.05, "when_large": None},
        ],
    }  # fmt: skip
    plain = json.loads(json.dumps(plain_values({**content, **changes}), allow_nan=False))
    return RunFacts(run_id="3f2c" * 8, content=plain, recipe=json.loads(recipe.to_json()), predictions=rows)
