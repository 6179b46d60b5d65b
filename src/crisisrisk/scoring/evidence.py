"""The events behind a reason: which ones a feature counted, so that words can be tied to dates."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from itertools import islice
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.episodes import EventTimes, instants_of, person_index
from crisisrisk.features.specs import FeatureSpec
from crisisrisk.scoring.evidence_kernel import Questions, latest_events
from crisisrisk.tables.cell_values import one_chunk
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_DAY, local_clock

MOST_EVENTS, MOST_DAYS = 10, 3
_CLOCKS = ("occurred_at", "known_at", "superseded_at")

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Evidence:
    """The events of one person behind one feature, latest first: the ids of ten, and up to four different days."""

    events: tuple[str, ...]
    days: tuple[date, ...]


class Columns:
    """The columns of some rows of a table that choices are made by: codes of a dictionary, and its values."""

    def __init__(self, table: pa.Table, rows: NDArray[np.int64]):
        self.table, self.rows = table, rows
        self.read: dict[str, tuple[NDArray[np.int64], list[str | bool | None]]] = {}

    def among(self, name: str, accepted: Sequence[str | bool]) -> Mask:
        """Which rows have one of the values; null is none of them, but no flag is the flag `false`."""
        if name not in self.read:
            self.read[name] = self._codes(name)
        codes, values = self.read[name]
        return np.array([value in accepted for value in values], dtype=bool)[codes]

    def _codes(self, name: str) -> tuple[NDArray[np.int64], list[str | bool | None]]:
        column = one_chunk(self.table.column(name))
        if pa.types.is_boolean(column.type):
            flags = np.asarray(column.fill_null(False).to_numpy(zero_copy_only=False), dtype=bool)
            return flags[self.rows].astype(np.int64), [False, True]
        coded = column if pa.types.is_dictionary(column.type) else column.cast(pa.string()).dictionary_encode()
        values: list[str | bool | None] = [*coded.dictionary.to_pylist(), None]
        codes = np.asarray(coded.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False))
        return codes[self.rows].astype(np.int64), values


@dataclass(frozen=True)
class EvidenceOfBucket:
    """The live events of one bucket at a moment, in order of person, the latest first.

    `rows`: their places in the events table; those of person p are `rows[starts[p]:starts[p + 1]]`. `age`: how long
    ago each occurred, in microseconds. `local_day`: since 1970.
    """

    event_ids: pa.Array
    columns: Columns
    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    age: NDArray[np.int64]
    local_day: NDArray[np.int32]

    def behind(self, asked: Sequence[tuple[FeatureSpec, int]]) -> list[Evidence]:
        """The events that each feature of each person (a place among the ids) looked at; looked up all at once."""
        choices = {(spec.sources, spec.where): spec for spec, _ in asked}
        number = {choice: place for place, choice in enumerate(choices)}
        counts = np.zeros((len(choices), len(self.rows)), dtype=bool)
        for place, spec in enumerate(choices.values()):
            counts[place] = chosen_by(spec, self.columns)
        questions = Questions(
            person=np.array([person for _, person in asked], dtype=np.int64),
            choice=np.array([number[spec.sources, spec.where] for spec, _ in asked], dtype=np.int64),
            longest_ago=np.array([_longest_ago(spec) for spec, _ in asked], dtype=np.int64),
            last_alone=np.array([spec.aggregation == "days_since_last" for spec, _ in asked], dtype=bool),
        )
        places = np.full((len(asked), MOST_EVENTS), -1, dtype=np.int64)
        days = np.full((len(asked), MOST_DAYS + 1), -1, dtype=np.int32)
        latest_events(questions, self.starts, self.age, self.local_day, counts, places, days)
        ids = iter(self.event_ids.take(pa.array(self.rows[places[places >= 0]])).to_pylist())
        many = (places >= 0).sum(axis=1).tolist()
        return [
            Evidence(tuple(islice(ids, few)), tuple(_day(one) for one in shown if one >= 0))
            for few, shown in zip(many, days.tolist(), strict=True)
        ]


def _longest_ago(spec: FeatureSpec) -> int:
    days = spec.short_days if spec.aggregation == "trend" else spec.lookback_days
    return FOREVER_US if days is None else days * MICROSECONDS_PER_DAY


def evidence_of_bucket(
    events: pa.Table, person_ids: NDArray[np.object_], as_of_us: int, zone: ZoneInfo
) -> EvidenceOfBucket:
    """What lies behind features as of a moment. `events`: all versions; `person_ids` ascend."""
    person = person_index(events, person_ids)
    times = EventTimes(person, *(instants_of(events, name, missing=FOREVER_US) for name in _CLOCKS))
    live = np.flatnonzero((person >= 0) & times.live_at(as_of_us))
    rows = live[np.lexsort((-times.occurred_at[live], person[live]))]
    return EvidenceOfBucket(
        event_ids=one_chunk(events.column("event_id")),
        columns=Columns(events, rows),
        rows=rows,
        starts=np.searchsorted(person[rows], np.arange(len(person_ids) + 1)),
        age=as_of_us - times.occurred_at[rows],
        local_day=local_clock(times.occurred_at[rows], zone).day,
    )


def chosen_by(spec: FeatureSpec, columns: Columns) -> Mask:
    """Which events have a source of the feature and fit its `where`. Shape (events,)."""
    chosen = columns.among("source", spec.sources)
    for column, accepted in spec.where:
        chosen &= columns.among(column, accepted)
    return chosen


@cache
def _day(since_1970: int) -> date:
    return date.fromordinal(date(1970, 1, 1).toordinal() + since_1970)


# Dates in words


@lru_cache(maxsize=100_000)
def dates_in_words(days: tuple[date, ...], *, today: date) -> str:
    """Up to three dates, earliest first: "12, 18 and 20 Nov"; of more, the latest: "latest 20 Nov"."""
    different = sorted(set(days))
    if not different:
        return ""
    if len(different) > MOST_DAYS:
        return f"latest {_in_words(different[-1], today)}"
    words = [_in_words(day, today) for day in different]
    months = [word.split(" ", 1)[1] for word in words]
    # "18 and 20 Nov", not "18 Nov and 20 Nov".
    short = [
        word.split(" ", 1)[0] if number + 1 < len(words) and months[number] == months[number + 1] else word
        for number, word in enumerate(words)
    ]
    return short[0] if len(short) == 1 else f"{', '.join(short[:-1])} and {short[-1]}"


def _in_words(day: date, today: date) -> str:
    """With the year where it is not this one and not within the last half year."""
    same = day.year == today.year or (today - day).days < 183
    return f"{day.day} {day:%b}" if same else f"{day.day} {day:%b} {day.year}"
