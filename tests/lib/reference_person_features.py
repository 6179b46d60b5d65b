"""The slow and obvious person features: for each row, what was known then, and each aggregation's own definition."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from crisisrisk.features.aggregations import PERSON
from crisisrisk.features.aggregations.declared import Seen, SeenCaseload, SeenEvent, SeenPerson
from crisisrisk.features.specs import FeatureRecipe, FeatureSpec
from tests.lib.histories import EventVersion, History, PersonVersion


def reference_features(recipe: FeatureRecipe, history: History, *, zone: ZoneInfo) -> NDArray[np.float32]:
    """Shape (rows, features), the rows in order of person, then as-of moment."""
    rows = [(person, as_of) for person in sorted(history.as_of) for as_of in sorted(history.as_of[person])]
    values = []
    for person, as_of in rows:
        row = Seen(
            events=known_events(history, person, as_of),
            other=(),
            as_of=as_of,
            zone=zone,
            person=known_of_person(history, person, as_of),
            first_known=first_known(history, person, as_of),
            caseloads=known_caseloads(history, person, as_of),
        )
        values.append([value_of(spec, row) for spec in recipe.specs])
    return np.array(values, dtype=np.float32).reshape(len(rows), len(recipe.specs))


def value_of(spec: FeatureSpec, row: Seen) -> float:
    """One cell of the matrix; `row` holds every event of the person that was known and had occurred."""
    events = [event for event in row.events if matches(spec, event)]
    other = [event for event in row.events if event.source in spec.other_sources]
    value = PERSON[spec.aggregation].define(spec, replace(row, events=events, other=other))
    return spec.if_none if value is None else value


def known_events(history: History, person: str, as_of: datetime) -> list[EventVersion]:
    """What was known of a person's events that had occurred, in order of occurrence."""
    versions = known_versions(history.events, as_of)
    occurred = [one for one in versions if one.person_id == person and one.occurred_at < as_of]
    return sorted(occurred, key=lambda one: one.occurred_at)


def known_versions(events: Iterable[EventVersion], as_of: datetime) -> list[EventVersion]:
    """For each event the latest version known before the as-of moment; of two at the same time, the later listed."""
    latest: dict[str, EventVersion] = {}
    for version in events:
        if version.known_at >= as_of:
            continue
        held = latest.get(version.event_id)
        if held is None or version.known_at >= held.known_at:
            latest[version.event_id] = version
    return list(latest.values())


def matches(spec: FeatureSpec, event: SeenEvent) -> bool:
    """Whether an event is one of those that a spec is about. An absent value is none of those listed."""
    return event.source in spec.sources and all(
        getattr(event, column) is not None and getattr(event, column) in accepted for column, accepted in spec.where
    )


def known_of_person(history: History, person: str, as_of: datetime) -> SeenPerson | None:
    """The state of a person known then."""
    versions = [one for one in history.people if one.person_id == person and one.known_at < as_of]
    if not versions:
        return None
    latest: PersonVersion = max(versions, key=lambda one: one.known_at)
    return SeenPerson(birth_year=latest.birth_year, deprivation_decile=latest.deprivation_decile, sex=latest.sex)


def first_known(history: History, person: str, as_of: datetime) -> datetime | None:
    """When anything of the person was first known and had occurred, if that was before the as-of moment."""
    seen = [max(one.known_at, one.occurred_at) for one in history.events if one.person_id == person]
    of_events = [one for one in seen if one < as_of]
    of_people = [one.known_at for one in history.people if one.person_id == person and one.known_at < as_of]
    return min([*of_events, *of_people], default=None)


def known_caseloads(history: History, person: str, as_of: datetime) -> list[SeenCaseload]:
    """The caseloads of a person as known then: of one team and beginning the version known last."""
    latest = {}
    for one in sorted(history.caseloads, key=lambda one: one.known_at):
        if one.person_id == person and one.known_at < as_of:
            latest[one.team_id, one.valid_from] = one
    return [
        SeenCaseload(team_id=one.team_id, valid_from=one.valid_from, valid_to=one.valid_to) for one in latest.values()
    ]
