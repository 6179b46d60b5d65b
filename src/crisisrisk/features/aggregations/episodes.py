"""Episodes: contacts with less than so many days between one and the next belong to one. The last of them, and all."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np

from crisisrisk.compiled import njit
from crisisrisk.features.aggregations.declared import DAY, Example, PersonAggregation, Seen, SeenEvent
from crisisrisk.features.person_kernels import EventArrays, Integers, Matrix, RowArrays
from crisisrisk.features.person_series import COUNT, WHEN, Asked, Series, advance, begin, first_since
from crisisrisk.features.specs import NOT_KNOWN, FeatureSpec
from crisisrisk.timeline import MICROSECONDS_PER_DAY, Instants

_EPISODES, _LENGTH, _CONTACTS, _SOURCES, _SPACING, _SINCE_BEGAN = range(6)


@njit(nogil=True, cache=True)
def _scan(
    first: int, last: int, events: EventArrays, rows: RowArrays, series: Series, asked: Asked, out: Matrix
) -> None:
    room, place = np.empty(series.longest + 1, dtype=np.int32), np.zeros(5, dtype=np.int64)
    occurred, entering, low, gone = events.occurred, series.event, series.low, series.gone
    as_of, offsets, slots, sources = rows.as_of, rows.offsets, series.offsets, events.source
    began = np.empty(series.longest + 1, dtype=np.int32)
    number = np.empty(series.longest + 1, dtype=np.int32)
    folded, folded_gap = -1, 0
    for item in range(len(asked.column)):
        column, kind, if_none = asked.column[item], asked.kind[item], asked.if_none[item]
        lookback = asked.lookback[item]
        for person in range(first, last):
            slot, moments = (person - first) * series.width + asked.series[item], offsets[person + 1] - offsets[person]
            live = begin(slot, moments, slots, entering, low, room, place)
            start, value = 0, if_none
            for row in range(offsets[person], offsets[person + 1]):
                fresh = place[WHEN] <= row - offsets[person]
                if fresh:
                    changed = advance(row - offsets[person], entering, low, gone, occurred, live, place)
                    # At a single moment every column of a series sees the same episodes.
                    if moments > 1 or folded != slot or folded_gap != asked.gap[item]:
                        _fold(changed, place[COUNT], asked.gap[item], occurred, live, began, number)
                        folded, folded_gap = slot, asked.gap[item]
                    start = first_since(as_of[row] - lookback, occurred, live, place[COUNT])
                while start < place[COUNT] and occurred[live[start]] < as_of[row] - lookback:
                    start, fresh = start + 1, True
                if fresh or kind == _SINCE_BEGAN:
                    found = _value(kind, start, place[COUNT], as_of[row], occurred, sources, live, began, number)
                    value = if_none if np.isnan(found) else np.float32(found)
                out[row, column] = value


@njit(nogil=True, cache=True)
def _fold(
    changed: int, count: int, gap: int, occurred: Instants, live: Integers, began: Integers, number: Integers
) -> None:
    """For each live event the place where its episode began, and how many episodes there were up to it."""
    for place in range(changed, count):
        if place == 0:
            began[0], number[0] = 0, 1
        elif occurred[live[place]] - occurred[live[place - 1]] >= gap:
            began[place], number[place] = place, number[place - 1] + 1
        else:
            began[place], number[place] = began[place - 1], number[place - 1]


@njit(nogil=True, cache=True)
def _value(
    kind: int,
    start: int,
    count: int,
    as_of: int,
    occurred: Instants,
    sources: Integers,
    live: Integers,
    began: Integers,
    number: Integers,
) -> Any:
    newest = count - 1
    if newest < start:
        return np.nan
    if kind == _EPISODES:
        # An episode belongs to the window that it began in.
        begun = number[newest] - number[start] + (1 if began[start] == start else 0)
        return begun if begun > 0 else np.nan
    opening = began[newest]
    since = occurred[live[opening]]
    if kind == _LENGTH:
        return (occurred[live[newest]] - since) / MICROSECONDS_PER_DAY
    if kind == _CONTACTS:
        return newest - opening + 1
    if kind == _SOURCES:
        return _different(opening, count, sources, live)
    if kind == _SINCE_BEGAN:
        return (as_of - since) / MICROSECONDS_PER_DAY
    if number[newest] < 2:
        return np.nan
    return (since - occurred[live[0]]) / (number[newest] - 1) / MICROSECONDS_PER_DAY


@njit(nogil=True, cache=True)
def _different(opening: int, count: int, sources: Integers, live: Integers) -> int:
    highest = 0
    for place in range(opening, count):
        highest = max(highest, sources[live[place]])
    seen = np.zeros(highest + 1, dtype=np.bool_)
    for place in range(opening, count):
        seen[sources[live[place]]] = True
    return int(np.count_nonzero(seen))


def _episodes(spec: FeatureSpec, seen: Seen) -> list[list[SeenEvent]]:
    found: list[list[SeenEvent]] = []
    for event in seen.events:
        gap = int(spec.gap_days or 0) * DAY
        if found and event.occurred_at - found[-1][-1].occurred_at < gap:
            found[-1].append(event)
        else:
            found.append([event])
    return found


def _define_number(spec: FeatureSpec, seen: Seen) -> float | None:
    return len(seen.within(spec.lookback_days, [episode[0] for episode in _episodes(spec, seen)])) or None


def _of_the_last(
    of_episode: Callable[[list[SeenEvent], Seen], float],
) -> Callable[[FeatureSpec, Seen], float | None]:
    def define(spec: FeatureSpec, seen: Seen) -> float | None:
        return of_episode(_episodes(spec, seen)[-1], seen) if seen.events else None

    return define


def _define_spacing(spec: FeatureSpec, seen: Seen) -> float | None:
    begins = [episode[0].occurred_at for episode in _episodes(spec, seen)]
    if len(begins) < 2:
        return None
    return (begins[-1] - begins[0]) // timedelta(microseconds=1) / (len(begins) - 1) / MICROSECONDS_PER_DAY


_TABLE = """
occurred          source
2025-01-10 12:00  crisis_line
2025-02-20 12:00  s136
2025-03-20 12:00  crisis_line
2025-03-22 12:00  ed_attendance
2025-03-26 00:00  crisis_line
"""
_GROUP = 'sources = ["crisis_line", "ed_attendance", "s136"]\ngap_days = 7\n'


def _aggregation(
    name: str,
    kind: int,
    words: tuple[str, str],
    unit: str,
    definition: str,
    define: Callable[[FeatureSpec, Seen], float | None],
    value: float,
) -> PersonAggregation:
    windowed = kind == _EPISODES
    return PersonAggregation(
        name=name, column=f"{{column}}_{name}", meaning=words[0], reason=words[1], unit=unit,
        if_none=0.0 if windowed else NOT_KNOWN, lookback="or_ever" if windowed else "none", takes_gap_days=True,
        definition=f"{definition} An episode starts with a event at least so many days (of 24 hours) after the one"
        " before it, and lasts to its last event.",
        define=define, scan=_scan, kind=kind, reads=("source",),
        examples=(
            Example(
                says="Contacts in January and February stand alone; three of March belong together.",
                group=_GROUP + f'aggregations = ["{name}"]' + ("\nlookback_days = [56]" if windowed else ""),
                table=_TABLE, as_of="2025-03-31", value=value,
            ),
        ),
    )  # fmt: skip


AGGREGATIONS = (
    _aggregation("episodes", _EPISODES, (
        "How many episodes of {plural} began {window}; {gap_days} days without any end one.",
        "{count} episodes of {plural} {window}",
    ), "episodes", "Episodes whose first event lies in the window.", _define_number, 2),
    _aggregation("last_episode_days", _LENGTH, (
        "Days from the first to the last of the {plural} of the last episode; {gap_days} days without any end one.",
        "last episode of {plural} lasted {count} days",
    ), "days", "Length of the last episode.", _of_the_last(
        lambda episode, _: (episode[-1].occurred_at - episode[0].occurred_at) / DAY), 5.5),
    _aggregation("last_episode_contacts", _CONTACTS, (
        "How many {plural} the last episode had; {gap_days} days without any end one.",
        "last episode had {count} {plural}",
    ), "contacts", "Events of the last episode.", _of_the_last(lambda episode, _: len(episode)), 3),
    _aggregation("last_episode_sources", _SOURCES, (
        "How many different sources the {plural} of the last episode came from; {gap_days} days without any end one.",
        "{plural} of the last episode came from {count} sources",
    ), "sources", "Sources of the events of the last episode.", _of_the_last(
        lambda episode, _: len({one.source for one in episode})), 2),
    _aggregation("days_since_episode_began", _SINCE_BEGAN, (
        "Days, with their fraction, since the last episode of {plural} began; {gap_days} days without any end one.",
        "last episode of {plural} began {count} days ago",
    ), "days", "From the first event of the last episode to the as-of moment.", _of_the_last(
        lambda episode, seen: (seen.as_of - episode[0].occurred_at) / DAY), 10.5),
    _aggregation("days_between_episodes", _SPACING, (
        "Mean number of days from the beginning of one episode of {plural} to that of the next; {gap_days} days without"
        " any end one.",
        "episodes of {plural} {count} days apart on average",
    ), "days", "From the first beginning to the last, divided by the episodes less one.", _define_spacing, 34.5),
)  # fmt: skip
