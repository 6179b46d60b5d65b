"""The slow and obvious person features: for each row, look at every event and apply the definition."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from crisisrisk.features.specs import FeatureRecipe, FeatureSpec
from tests.lib.histories import EventVersion, History, PersonVersion

DAY = timedelta(days=1)


def reference_features(recipe: FeatureRecipe, history: History, *, zone: ZoneInfo) -> NDArray[np.float32]:
    """Shape (rows, features), the rows in order of person, then as-of moment."""
    rows = [(person, as_of) for person in sorted(history.as_of) for as_of in sorted(history.as_of[person])]
    values = []
    for person, as_of in rows:
        latest = [event for event in known_versions(history.events, as_of) if event.person_id == person]
        occurred = [event for event in latest if event.occurred_at < as_of]
        values.append([value_of(spec, history, person, occurred, as_of, zone) for spec in recipe.specs])
    return np.array(values, dtype=np.float32).reshape(len(rows), len(recipe.specs))


def value_of(
    spec: FeatureSpec, history: History, person: str, occurred: list[EventVersion], as_of: datetime, zone: ZoneInfo
) -> float:
    """One cell of the matrix; `occurred` are the person's events known then that had occurred."""
    if spec.aggregation in ("age", "deprivation_decile", "months_known"):
        value = known_of_person(spec, history, person, as_of, zone)
        return spec.if_none if value is None else value
    matching = [event for event in occurred if matches(spec, event)]
    counted = [event for event in matching if in_lookback(event, as_of, spec.lookback_days)]
    if not counted:
        return spec.if_none
    match spec.aggregation:
        case "count":
            return len(counted)
        case "days_since_last":
            return (as_of - max(event.occurred_at for event in counted)) / DAY
        case "distinct_days":
            return len({event.occurred_at.astimezone(zone).date() for event in counted})
        case "distinct_sources":
            return len({event.source for event in counted})
        case "share_out_of_hours":
            return sum(out_of_hours(event.occurred_at.astimezone(zone)) for event in counted) / len(counted)
        case "trend":
            recent = [event for event in counted if in_lookback(event, as_of, spec.short_days)]
            assert spec.lookback_days is not None
            assert spec.short_days is not None
            return (len(recent) * spec.lookback_days) / (len(counted) * spec.short_days)
        case _:
            raise AssertionError(spec.aggregation)


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


def matches(spec: FeatureSpec, event: EventVersion) -> bool:
    """Whether an event is one of those that a spec is about."""
    return (
        event.source in spec.sources
        and all(
            getattr(event, column) in accepted for column, accepted in spec.where if getattr(event, column) is not None
        )
        and all(getattr(event, column) is not None for column, _ in spec.where)
    )


def in_lookback(event: EventVersion, as_of: datetime, days: int | None) -> bool:
    """Whether it occurred in `[as_of - days, as_of)`."""
    return days is None or event.occurred_at >= as_of - days * DAY


def out_of_hours(local: datetime) -> bool:
    """From 18:00 to 08:00, and at weekends."""
    return local.isoweekday() in (6, 7) or local.hour < 8 or local.hour >= 18


def known_of_person(spec: FeatureSpec, history: History, person: str, as_of: datetime, zone: ZoneInfo) -> float | None:
    """Age, deprivation and time known; None where that is not known."""
    versions = [one for one in history.people if one.person_id == person and one.known_at < as_of]
    if spec.aggregation == "months_known":
        of_events = [one.known_at for one in history.events if one.person_id == person and one.known_at < as_of]
        moments = [*of_events, *(one.known_at for one in versions)]
        return (as_of - min(moments)) / (30 * DAY) if moments else None
    if not versions:
        return None
    latest: PersonVersion = max(versions, key=lambda one: one.known_at)
    if spec.aggregation == "age":
        return None if latest.birth_year is None else as_of.astimezone(zone).year - latest.birth_year
    return latest.deprivation_decile
