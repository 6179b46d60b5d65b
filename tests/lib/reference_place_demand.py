"""What counts as demand at a moment, slowly and plainly: the definition that the engine must keep to."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from crisisrisk.features.counting import NOT_DEMAND, CountingRule
from crisisrisk.tables.cells import Cells
from tests.lib.histories import EventVersion
from tests.lib.reference_place_features import cell_of


@dataclass(frozen=True)
class Counted:
    """A version of an event that counts, and in which cell."""

    version: EventVersion
    cell: str
    first_known: datetime


def counted_at(
    versions: Sequence[EventVersion], moment: datetime, *, cells: Cells, counting: CountingRule, outcome: set[str]
) -> list[Counted]:
    """Everything that counts at a moment. `outcome`: the sources whose every event is an outcome event."""
    live = [one for one in _known(versions, moment, cells) if one.version.origin not in NOT_DEMAND]
    crisis = [one for one in live if one.version.source in outcome]
    others = [one for one in live if one.version.source not in outcome]
    return [*_capped(_merged(crisis, counting), counting), *_capped(others, counting)]


def _known(versions: Sequence[EventVersion], moment: datetime, cells: Cells) -> list[Counted]:
    by_event: dict[str, list[EventVersion]] = {}
    for version in versions:
        by_event.setdefault(version.event_id, []).append(version)
    found = []
    for of_event in by_event.values():
        said = sorted((one for one in of_event if one.known_at < moment), key=lambda one: one.known_at)
        cell = _counted_in(said[-1], cells) if said else None
        if cell is not None:
            found.append(Counted(said[-1], cell, said[0].known_at))
    return found


def _counted_in(version: EventVersion, cells: Cells) -> str | None:
    own = cell_of(version)
    if own not in cells.ids:
        return None
    place = cells.ids.index(own)
    if version.premises != "private":
        return own
    for near in ([place], cells.neighbours_1.of(place), cells.neighbours_2.of(place)):
        large = [one for one in near if not math.isnan(cells.population[one]) and cells.population[one] >= 500]
        if large:
            return cells.ids[max(large, key=lambda one: cells.population[one])]
    return None


def _merged(crisis: Sequence[Counted], counting: CountingRule) -> list[Counted]:
    """The first known report of each incident."""
    incidents: list[list[Counted]] = []
    for one in sorted(crisis, key=lambda one: (one.first_known, one.version.source, one.version.event_id)):
        may = [
            (not _names(incident, one), abs(incident[0].version.occurred_at - one.version.occurred_at), number)
            for number, incident in enumerate(incidents)
            if counting.duplicate_minutes
            and _same_incident(one, incident[0], counting)
            and (counting.duplicates == "every" or _takes(incident, one))
        ]
        if may:
            incidents[min(may)[-1]].append(one)
        else:
            incidents.append([one])
    return [incident[0] for incident in incidents]


def _persons(incident: Sequence[Counted]) -> set[str]:
    return {one.version.person_id for one in incident if one.version.person_id is not None}


def _names(incident: Sequence[Counted], one: Counted) -> bool:
    return one.version.person_id in _persons(incident)


def _takes(incident: Sequence[Counted], one: Counted) -> bool:
    """Every report of its person; else one of each source, if not of somebody else."""
    if _names(incident, one):
        return True
    somebody_else = one.version.person_id is not None and bool(_persons(incident))
    return not somebody_else and one.version.source not in {other.version.source for other in incident}


def _same_incident(one: Counted, other: Counted, counting: CountingRule) -> bool:
    a, b = one.version, other.version
    apart = abs(a.occurred_at - b.occurred_at)
    persons = {a.person_id, b.person_id}
    return (
        a.source != b.source
        and apart <= timedelta(minutes=counting.duplicate_minutes)
        and (None in persons or len(persons) == 1)
        and one.cell == other.cell
    )


def _capped(events: Sequence[Counted], counting: CountingRule) -> list[Counted]:
    kept: list[Counted] = []
    for one in sorted(events, key=lambda one: (one.version.occurred_at, one.version.event_id)):
        before = [
            other for other in kept
            if other.version.person_id == one.version.person_id and other.cell == one.cell
            and one.version.occurred_at - other.version.occurred_at < timedelta(days=counting.per_days)
        ]  # fmt: skip
        if one.version.person_id is None or not counting.most_per_person or len(before) < counting.most_per_person:
            kept.append(one)
    return kept
