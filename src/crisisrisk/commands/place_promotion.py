"""The checks of the promotion gate that are about forecasts: of a model of places, on the site's own data."""

import math
from datetime import datetime

from crisisrisk.commands.evaluate import stored_report
from crisisrisk.errors import ModelError
from crisisrisk.evaluation.gate import (
    CHAMPION,
    REPRODUCTION,
    GateCheck,
    PlaceLimits,
    fresh,
    places_against_baselines,
    places_against_champion,
    simple_rule,
)
from crisisrisk.models.bundle import Bundle
from crisisrisk.models.champions import champion_of, changes
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot
from crisisrisk.training.place_retelling import RetoldPlaces, held_where_it_ended, retold_places
from crisisrisk.training.recipe import Gate, TrainingRecipe

SAME_DEVIANCE = 1e-9
CHANGED_DEVIANCE = 0.01
"""Where data were loaded since: by what share the deviance may differ from the one reported."""


def place_checks(
    site: Site, run_id: str, candidate: Bundle, recipe: TrainingRecipe, snapshot: Snapshot, gate: Gate
) -> list[GateCheck]:
    """Against the baselines and the champion, on shifts forecast again; that these are the run's own figures, and how
    old they are. `gate`: the site's limits.
    """
    held, now = held_where_it_ended(snapshot, candidate), snapshot.as_of_now()
    ends = {"trained": datetime.fromisoformat(candidate.manifest.training_cut_off)}
    try:
        found = retold_places(recipe, candidate, held, site)
    except ModelError as problem:
        wanted = "the forecasts that the run was judged by"
        return [
            GateCheck(name=REPRODUCTION, passed=False, found=problem.problem, wanted=wanted),
            fresh(ends, now, most_days=gate.data_age_days),
        ]
    ends["the last shift that it was judged on"] = found.until
    rule = candidate.manifest.baseline
    return [
        *(places_against_baselines(found.report.gains) if rule is None else [simple_rule(rule)]),
        _reproduction(site, run_id, candidate, found, snapshot),
        _champion(site, candidate, recipe, found, held, gate),
        fresh(ends, now, most_days=gate.data_age_days),
    ]


def _reproduction(site: Site, run_id: str, candidate: Bundle, found: RetoldPlaces, snapshot: Snapshot) -> GateCheck:
    """The bundle must give the deviance that the run reports: its figures are about this very model."""
    reported, here = stored_report(site, run_id)["report"]["model"]["deviance"], float(found.report.model["deviance"])
    allowed = SAME_DEVIANCE if snapshot.digest == candidate.manifest.data_digest else CHANGED_DEVIANCE
    passed = reported is not None and math.isclose(here, float(reported), rel_tol=allowed)
    told = "none" if reported is None else f"{reported:.6f}"
    return GateCheck(
        name=REPRODUCTION, passed=passed, wanted="the deviance that the run was judged by",
        found=f"deviance {here:.6f} on the site's data, reported {told}",
        hint="" if passed else "train again: the bundle, the report or the data changed since",
    )  # fmt: skip


def _champion(
    site: Site, candidate: Bundle, recipe: TrainingRecipe, found: RetoldPlaces, held: Snapshot, gate: Gate
) -> GateCheck:
    name = candidate.manifest.name
    if not changes(site.models, name):
        return GateCheck(name=CHAMPION, passed=True, found="no model answers yet", wanted="nothing")
    champion = champion_of(site.models, name)
    who = f"v{champion.manifest.version}"
    if champion.manifest.run_id == candidate.manifest.run_id:
        return GateCheck(name=CHAMPION, passed=True, found=f"{who} is this very run", wanted="nothing")
    theirs = retold_places(recipe, champion, held, site)
    limits = PlaceLimits(resamples=gate.resamples, seed=recipe.model.seed, loss_to_champion=gate.loss_to_champion)
    return places_against_champion(found.expected, theirs.expected, found.counts, found.week, limits, who=who)
