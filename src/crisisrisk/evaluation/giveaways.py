"""Data that know too much: columns that alone rank nearly perfectly, and values that the outcome nearly always follows.

An agency that goes back over its records leaves no trace in their times: the row says it was known before the crisis,
and its content was written after it. Nothing but its success gives it away, so what succeeds too well is named.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crisisrisk.episodes import EpisodeRule, EventTimes, crisis_mask, event_times, person_index
from crisisrisk.evaluation.metrics import auroc
from crisisrisk.tables.cell_values import encoded, one_chunk
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_DAY, Instants

COLUMNS = ("source", "code", "outcome", "origin", "mode", "premises", "team_id")
"""The columns of events whose every value is looked at; by `source`, that there is a record at all."""
FILLED = ("value", "ended_at")
"""The columns of which it is asked only whether they are filled in: a number or a time may be added afterwards."""
FEWEST_PEOPLE = 12
_WILSON = 1.96

Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class ColumnAlone:
    """How well one feature alone ranks the outcome, in whichever direction does better."""

    name: str
    auroc: float


def columns_alone(matrix: NDArray[np.float32], happened: Mask, names: Sequence[str]) -> tuple[ColumnAlone, ...]:
    """The AUROC of each column by itself, the best first. What is not known counts as less, or as more, than any value.

    `matrix`: shape (rows, columns). Columns without two different values, and all where one class is absent, are 0.5.
    """
    found = [ColumnAlone(name=name, auroc=_alone(matrix[:, at], happened)) for at, name in enumerate(names)]
    return tuple(sorted(found, key=lambda one: -one.auroc))


def _alone(column: NDArray[np.float32], happened: Mask) -> float:
    if happened.all() or not happened.any():
        return 0.5
    values = column.astype(np.float64)
    beyond = np.nanmax(np.abs(values), initial=0.0) + 1.0
    ways = [auroc(np.where(np.isnan(values), absent, values), happened) for absent in (-beyond, beyond)]
    return max(max(one, 1.0 - one) for one in ways)


@dataclass(frozen=True, kw_only=True)
class ValueFollowed:
    """How often an outcome came after a value became known of someone who was stable then.

    `lower` is the least share that its people allow (Wilson, 95 %), `others` the share after the source's other values.
    """

    source: str
    column: str
    value: str
    events: int
    people: int
    followed: int
    others: float
    lower: float

    @property
    def share(self) -> float:
        """Of the events with the value, those that an outcome followed."""
        return self.followed / self.events


@dataclass(frozen=True)
class _Counts:
    """By source, column and value: events, those followed, and people. By source and column: events, followed."""

    events: Counter[tuple[str, str, str]]
    followed: Counter[tuple[str, str, str]]
    people: Counter[tuple[str, str, str]]


def values_followed(
    rule: EpisodeRule, buckets: Iterable[pa.Table], *, horizon_days: int, complete_to_us: int
) -> tuple[ValueFollowed, ...]:
    """Every value of `COLUMNS`, and whether `FILLED` are, in events that are no crisis themselves. Most telling first.

    An event counts when the horizon after it became known lies before `complete_to_us`, no crisis came in the days
    before that make an episode, and none within a day after it: that may be the same incident, told of by its first
    agency. Values of fewer than `FEWEST_PEOPLE` people are left out, and columns that a source always or never fills.
    """
    counts = _Counts(Counter(), Counter(), Counter())
    for events in buckets:
        _count(counts, rule, events, horizon_days, complete_to_us)
    totals: Counter[tuple[str, str]] = Counter()
    hits: Counter[tuple[str, str]] = Counter()
    for (source, column, value), number in counts.events.items():
        totals[source, column] += number
        hits[source, column] += counts.followed[source, column, value]
    lines = [
        _line(key, counts, totals[key[:2]], hits[key[:2]])
        for key, people in counts.people.items()
        if people >= FEWEST_PEOPLE and not (key[1] in FILLED and counts.events[key] == totals[key[:2]])
    ]
    return tuple(sorted(lines, key=lambda line: (-line.lower, line.source, line.column, line.value)))


def _line(key: tuple[str, str, str], counts: _Counts, total: int, hits: int) -> ValueFollowed:
    events, followed, people = counts.events[key], counts.followed[key], counts.people[key]
    rest = total - events
    return ValueFollowed(
        source=key[0], column=key[1], value=key[2], events=events, people=people, followed=followed,
        others=(hits - followed) / rest if rest else float("nan"), lower=_least(followed / events, people),
    )  # fmt: skip


def _least(share: float, people: int) -> float:
    """The lower end of Wilson's interval (1927), with people for trials: one person's events are not independent."""
    square = _WILSON**2 / people
    middle = share + square / 2
    return float((middle - _WILSON * np.sqrt(share * (1 - share) / people + square / (4 * people))) / (1 + square))


def _count(counts: _Counts, rule: EpisodeRule, events: pa.Table, horizon_days: int, complete_to_us: int) -> None:
    ids = np.array(sorted({one for one in events["person_id"].unique().to_pylist() if one is not None}), dtype=object)
    crisis = crisis_mask(rule, events)
    crises = event_times(events, ids, crisis)
    crises = crises.where(crises.superseded_at >= FOREVER_US)
    person = person_index(events, ids)
    moment = np.maximum(_instants(events, "known_at"), _instants(events, "occurred_at")) + 1
    final = _instants(events, "superseded_at") >= FOREVER_US
    horizon = horizon_days * MICROSECONDS_PER_DAY
    asked = np.flatnonzero(final & ~crisis & (person >= 0) & (moment + horizon <= complete_to_us))
    earlier = _Earlier(crises)
    start, of = moment[asked], person[asked]
    seen = earlier.than(of, start)
    stable = seen == earlier.than(of, start - rule.stable_gap_us)
    stable &= seen == earlier.than(of, start + MICROSECONDS_PER_DAY)
    asked, of = asked[stable], of[stable]
    followed = (earlier.than(of, start[stable] + horizon) > seen[stable]).astype(np.int64)
    sources = encoded(one_chunk(events["source"].take(pa.array(asked))))
    for column in (*COLUMNS, *FILLED):
        values = encoded(_told(events, column).take(pa.array(asked)))
        _add(
            counts,
            column,
            sources.texts.to_pylist(),
            sources.codes,
            values.texts.to_pylist(),
            values.codes,
            of,
            followed,
        )


def _told(events: pa.Table, column: str) -> pa.Array:
    """What a column says of each event, as text."""
    cells = one_chunk(events[column])
    if column not in FILLED:
        return cells
    return pc.if_else(pc.is_valid(cells), "filled in", "left empty").dictionary_encode()


def _add(
    counts: _Counts,
    column: str,
    sources: list[str],
    source: NDArray[np.int32],
    values: list[str],
    value: NDArray[np.int32],
    person: NDArray[np.int64],
    followed: NDArray[np.int64],
) -> None:
    filled = (source >= 0) & (value >= 0)
    pair = source[filled].astype(np.int64) * max(len(values), 1) + value[filled]
    size = len(sources) * max(len(values), 1)
    events = np.bincount(pair, minlength=size)
    hits = np.bincount(pair, weights=followed[filled], minlength=size)
    people = np.bincount(np.unique(np.stack([pair, person[filled]]), axis=1)[0], minlength=size)
    for number in np.flatnonzero(events).tolist():
        key = (sources[number // len(values)], column, values[number % len(values)])
        counts.events[key] += int(events[number])
        counts.followed[key] += int(hits[number])
        counts.people[key] += int(people[number])


class _Earlier:
    """How many crises of someone came before a moment, by one search each."""

    def __init__(self, crises: EventTimes) -> None:
        self._moments = np.unique(crises.occurred_at)
        self._width = len(self._moments) + 1
        self._keys = np.sort(crises.person * self._width + np.searchsorted(self._moments, crises.occurred_at))

    def than(self, person: NDArray[np.int64], moment: Instants) -> NDArray[np.int64]:
        """Crises before each (person, moment), and all of the people before: only differences of one person count."""
        return np.searchsorted(self._keys, person * self._width + np.searchsorted(self._moments, moment))


def _instants(events: pa.Table, name: str) -> Instants:
    return np.asarray(one_chunk(events[name]).cast(pa.int64()))
