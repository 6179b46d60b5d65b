"""The events behind a reason: which ones a feature counted, so that words can be tied to dates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.episodes import EventTimes, event_times, is_one_of
from crisisrisk.features.specs import FeatureSpec
from crisisrisk.timeline import MICROSECONDS_PER_DAY

MOST_EVENTS = 10

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Evidence:
    """The events of one person behind one feature, latest first: their ids and their local days."""

    events: tuple[str, ...]
    days: tuple[date, ...]


NOTHING = Evidence((), ())


class EvidenceOfBucket:
    """Looks up the live events of one bucket behind a feature; each feature's choice is made once."""

    def __init__(self, events: pa.Table, person_ids: NDArray[np.object_], as_of_us: int, local_days: NDArray[np.int32]):
        """`local_days`: the local day of each event since 1970, shape (events,). `person_ids` ascend."""
        self.events, self.person_ids, self.as_of_us = events, person_ids, as_of_us
        self.local_days = local_days
        self.of_spec: dict[str, Mapping[int, NDArray[np.int64]]] = {}
        times = event_times(events, person_ids)
        self.kept = self._rows_of_known_people(times)
        self.times = times

    def _rows_of_known_people(self, times: EventTimes) -> NDArray[np.int64]:
        """The row in the events table of each entry of `times`: events of other people were left out there."""
        if len(times) == self.events.num_rows:
            return np.arange(len(times))
        return np.flatnonzero(is_one_of(self.events, "person_id", self.person_ids.tolist()))

    def behind(self, spec: FeatureSpec, person: int) -> Evidence:
        """The events that a feature of a person looked at. `person`: index into the ids."""
        if not spec.sources:
            return NOTHING
        if spec.name not in self.of_spec:
            self.of_spec[spec.name] = self._by_person(spec)
        rows = self.of_spec[spec.name].get(person)
        if rows is None:
            return NOTHING
        ids = self.events.column("event_id").take(pa.array(rows[:MOST_EVENTS])).to_pylist()
        return Evidence(tuple(ids), tuple(_day(number) for number in self.local_days[rows].tolist()))

    def _by_person(self, spec: FeatureSpec) -> dict[int, NDArray[np.int64]]:
        live = self.times.live_at(self.as_of_us)
        days = spec.short_days if spec.aggregation == "trend" else spec.lookback_days
        if days is not None:
            live &= self.times.occurred_at >= self.as_of_us - days * MICROSECONDS_PER_DAY
        chosen = np.flatnonzero(live & chosen_by(spec, self.events)[self.kept])
        order = np.lexsort((-self.times.occurred_at[chosen], self.times.person[chosen]))
        chosen = chosen[order]
        people, starts = np.unique(self.times.person[chosen], return_index=True)
        groups = np.split(self.kept[chosen], starts[1:]) if len(people) else []
        if spec.aggregation == "days_since_last":
            groups = [rows[:1] for rows in groups]
        return dict(zip(people.tolist(), groups, strict=True))


def chosen_by(spec: FeatureSpec, events: pa.Table) -> Mask:
    """Which events have a source of the feature and fit its `where`. Shape (events,)."""
    chosen = is_one_of(events, "source", spec.sources)
    for column, accepted in spec.where:
        if column == "is_crisis":
            flags = events.column(column).combine_chunks().fill_null(False)
            chosen &= np.isin(np.asarray(flags.to_numpy(zero_copy_only=False), dtype=bool), list(accepted))
        else:
            chosen &= is_one_of(events, column, [str(value) for value in accepted])
    return chosen


def _day(since_1970: int) -> date:
    return date.fromordinal(date(1970, 1, 1).toordinal() + since_1970)


# Dates in words


def dates_in_words(days: Sequence[date], *, today: date) -> str:
    """Up to three dates, earliest first: "12, 18 and 20 Nov"; of more, the latest: "latest 20 Nov"."""
    different = sorted(set(days))
    if not different:
        return ""
    if len(different) > 3:
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
