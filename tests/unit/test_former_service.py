"""A service that works, a refit that does not know of it, and the higher of two answers, with the real commands.

Nobody exists. The first model ranks people; those it ranks highest are helped from then on, and have a fifth of the
crisis-line calls that they would have had. Nobody records the help. A second model is then fitted on the served weeks.
"""

import csv
import io
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from tests.lib.answering_models import let_answer
from tests.lib.gate_site import BEGINS, EVENTS_MAPPING, RECIPE, events_from, make_gate_site
from tests.lib.service_site import load_rows

from crisisrisk.commands.score import score
from crisisrisk.commands.train import train
from crisisrisk.models import registry
from crisisrisk.models.bundle import Promotion, load_bundle
from crisisrisk.tables.pseudonyms import pseudonym, read_pseudonym_key
from crisisrisk.tables.site import Site

pytestmark = pytest.mark.slow

PEOPLE, SERVED, LEFT = 200, 58, 0.2
NAME = "person_crisis_28d"
SHORT = RECIPE.replace("validation_days = 84", "validation_days = 28").replace("test_days = 98", "test_days = 28")
ON = """
[person_scores]
on = true
clinical_safety_officer = "Dr A. Nobody (invented)"
impact_assessment = "DPIA-0 (invented)"
[updating]
keep_higher_days = {days}
"""


def scored(site: Site, *, days: int) -> pd.DataFrame:
    """What is shown of everyone now, by pseudonym."""
    (site.path / "serving").mkdir(exist_ok=True)
    (site.path / "serving" / "service.toml").write_text(ON.format(days=days))
    frame = score(site, as_of=None, out=None).scores.frame
    return frame[frame["state"] == "scored"].set_index("person_id")


def answers_from_now_on(site: Site, version: int, recipe: str) -> None:
    """Train by a recipe and let the model answer. Whether it should is the gate's question, not this one's."""
    (site.path / "training" / f"{NAME}.toml").write_text(recipe)
    run = train(site, "person", None, tell=lambda _: None)
    with registry.run_artifacts(site.mlflow_tracking_uri, run.run_id, registry.BUNDLE) as folder:
        bundle = load_bundle(folder)
    at = datetime.now(UTC).isoformat()
    promotion = Promotion(by="tests", at=at, reason="tests")
    let_answer(site, bundle.promoted(version=version, promotion=promotion), at=at)


def with_help(text: str, helped: set[str]) -> str:
    """The records of the served weeks: of the crisis-line calls of people who are helped a fifth is left."""
    random, (head, *rows) = np.random.default_rng(3), csv.reader(io.StringIO(text))
    source, person = head.index("source"), head.index("person")
    kept = [
        row for row in rows
        if row[source] != "crisis_line" or row[person] not in helped or random.random() < LEFT
    ]  # fmt: skip
    out = io.StringIO()
    csv.writer(out).writerows([head, *kept])
    return out.getvalue()


def test_nobody_who_was_helped_falls_on_the_day_of_the_change(tmp_path) -> None:
    site = make_gate_site(tmp_path / "site", people=PEOPLE, until_week=SERVED)
    answers_from_now_on(site, 1, SHORT)
    key = read_pseudonym_key(site)
    names = {str(pseudonym(key, "study_id", f"p{number}")): f"p{number}" for number in range(PEOPLE)}
    whom = list(scored(site, days=28).index[: PEOPLE // 5])
    load_rows(
        site, "later", with_help(events_from(SERVED, people=PEOPLE), {names[one] for one in whom}), EVENTS_MAPPING
    )
    old = scored(site, days=28)
    assert set(old["model_version"]) == {1}
    first_day = date.fromordinal((BEGINS + timedelta(days=7 * SERVED)).toordinal())
    answers_from_now_on(site, 2, SHORT.replace("warm_up_days = 120", f"warm_up_days = 120\nfirst_day = {first_day}"))
    naive, kept = scored(site, days=0), scored(site, days=28)
    helped = [one for one in whom if one in old.index and one in naive.index]
    assert len(helped) > PEOPLE // 8
    # The refit takes those who were helped for safe: on the mean it says much less of them than the model before.
    assert set(naive["model_version"]) == {2}
    assert naive.loc[helped, "probability"].mean() < 0.75 * old.loc[helped, "probability"].mean()
    # With the setting nobody, helped or not, falls below what the model before says of the same records.
    everyone = kept.index.intersection(old.index)
    assert (kept.loc[everyone, "probability"] >= old.loc[everyone, "probability"]).all()
    fallen = naive.loc[everyone, "probability"] < old.loc[everyone, "probability"]
    assert set(kept.loc[everyone][fallen]["model_version"]) == {1}
    assert (kept.loc[everyone][fallen]["probability"] == old.loc[everyone][fallen]["probability"]).all()
