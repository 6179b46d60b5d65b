"""Who would stand on each team's list at a moment by a model, with the groups of reasons behind it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from crisisrisk.cohorts import person_cohort
from crisisrisk.features.person import person_event_columns, person_features
from crisisrisk.models.bundle import Bundle
from crisisrisk.models.reasons import feature_groups, group_contributions
from crisisrisk.models.trees import Numbers
from crisisrisk.purposes import DIRECT_CARE
from crisisrisk.scoring.registers import objecting, teams_at
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot
from crisisrisk.timeline import microseconds

EVERYONE = "everyone"
"""The one list of a site without caseloads."""
LIST_LENGTH = 25

_COLUMNS = ("event_id", "person_id", "occurred_at", "known_at", "superseded_at", "source", "code", "outcome",
            "origin", "is_crisis", "ended_at")  # fmt: skip


@dataclass(frozen=True)
class Standing:
    """What a model says of somebody who is scored."""

    probability: float
    log_odds: float
    groups: Mapping[str, float]
    """By group of reasons what it adds, in log-odds."""


@dataclass(frozen=True)
class TeamLists:
    """Everyone scored at a moment, and who is listed: by team the people in order, as many as the team can look at."""

    standing: Mapping[str, Standing]
    listed: Mapping[str, Sequence[str]]


def team_lists(model: Bundle, snapshot: Snapshot, site: Site, *, as_of: datetime) -> TeamLists:
    """The lists of a model. Raises ModelError for a model of places."""
    now_us = microseconds(snapshot.as_of_now())
    objections = snapshot.table("opt_outs")
    opted_out = objecting(objections, as_of_us=microseconds(as_of), now_us=now_us, purpose=DIRECT_CARE)
    columns = tuple(dict.fromkeys((*_COLUMNS, *person_event_columns(model.features))))
    standing: dict[str, Standing] = {}
    for bucket in range(snapshot.buckets):
        events, people = snapshot.person_events(bucket, columns), snapshot.people_in(bucket)
        task = model.task
        cohort = person_cohort(task.cohort, task.crisis, events, people, [as_of], opted_out=opted_out)
        if len(cohort.rows):
            features = person_features(
                model.features, events, people, cohort.rows, zone=site.time_zone, caseloads=snapshot.caseloads()
            )
            standing.update(zip(cohort.rows.person_id.tolist(), _standings(model, features), strict=True))
    return TeamLists(standing, _listed(standing, snapshot, site, as_of))


def _standings(model: Bundle, features: np.ndarray) -> list[Standing]:
    names, groups = model.features.names, feature_groups(model.features)
    risk: Numbers = model.risk_model.probability(features, names)
    log_odds: Numbers = model.risk_model.log_odds(features, names)
    parts = group_contributions(model.risk_model.contributions(features, names), groups)
    return [
        Standing(float(chance), float(odds), dict(zip(groups.names, row.tolist(), strict=True)))
        for chance, odds, row in zip(risk, log_odds, parts, strict=True)
    ]


def _listed(
    standing: Mapping[str, Standing], snapshot: Snapshot, site: Site, as_of: datetime
) -> dict[str, Sequence[str]]:
    """Ordered before calibration, which may give neighbours the same probability; ids break what is left."""
    teams = teams_at(snapshot.table("caseloads"), microseconds(as_of))
    return cut(sorted(standing, key=lambda one: (-standing[one].log_odds, one)), teams, site)


def cut(people: Iterable[str], teams: Mapping[str, str], site: Site) -> dict[str, Sequence[str]]:
    """People in order, as each team lists them: as many as it can look at. Without any team there is one list."""
    of_team: dict[str, list[str]] = {}
    for person in people:
        team = teams.get(person) if teams else EVERYONE
        if team is not None:
            of_team.setdefault(team, []).append(person)
    lengths = {name: team.list_length for name, team in site.teams.items()}
    return {team: listed[: lengths.get(team, LIST_LENGTH)] for team, listed in sorted(of_team.items())}
