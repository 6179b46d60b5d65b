"""When a crisis episode starts, and who is in one as far as was known.

An episode starts with a crisis event at least `stable_gap_days` × 24 h after any earlier crisis event of
that person; a gap of exactly that length starts a new one. Two views must never be mixed: labels look at
what happened by the final versions, cohorts and baselines at what was known at `as_of`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crisisrisk.errors import DataError, RecipeError
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_DAY, Instants

Mask = NDArray[np.bool_]
NameLists = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, kw_only=True)
class EpisodeRule:
    """Which events are crisis events, and how much calm separates two episodes.

    An event counts when its source is in `sources`; or when its source has an entry in `codes` or `outcomes`
    and its code and outcome are among those listed there; or, with `crisis_flag`, when its agency flagged it
    with `is_crisis`. `origins` and `modes`, when not empty, then keep only events of those; `only_doors` only events
    that came by those doors.

    A door is a name with its members: a source, or one code of a source written `source:code`, which goes before the
    source as a whole. Without doors each source is a door of its own.
    """

    sources: tuple[str, ...] = ()
    codes: NameLists = ()
    outcomes: NameLists = ()
    crisis_flag: bool = False
    origins: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    doors: NameLists = ()
    only_doors: tuple[str, ...] = ()
    stable_gap_days: int = 7

    def __post_init__(self) -> None:
        if self.stable_gap_days < 0:
            raise _impossible("stable_gap_days is below 0", found=str(self.stable_gap_days))
        if unknown := sorted(set(self.only_doors) - set(dict(self.doors))):
            named = ", ".join(door for door, _ in self.doors) or "no doors"
            raise _impossible(f'no door is named "{unknown[0]}"', found=named)
        if not (self.named_sources or self.crisis_flag):
            raise _impossible("no event could be a crisis event", found="no sources, codes, outcomes or crisis_flag")

    @property
    def named_sources(self) -> tuple[str, ...]:
        """The sources that the rule names, in order, each once; of `only_doors` alone where there are any."""
        restricted = [source for source, _ in (*self.codes, *self.outcomes)]
        named = tuple(dict.fromkeys([*self.sources, *restricted]))
        if not self.only_doors:
            return named
        let_in = {member.partition(":")[0] for door, members in self.doors if door in self.only_doors
                  for member in members}  # fmt: skip
        return tuple(source for source in named if source in let_in)

    @property
    def stable_gap_us(self) -> int:
        """The gap in microseconds."""
        return self.stable_gap_days * MICROSECONDS_PER_DAY


def _impossible(problem: str, *, found: str) -> RecipeError:
    return RecipeError(
        "CR-COHORT-001", problem, where="the outcome of the training recipe", found=found,
        wanted="sources, codes, outcomes or crisis_flag = true, and a gap of 0 days or more",
    )  # fmt: skip


def crisis_mask(rule: EpisodeRule, events: pa.Table) -> Mask:
    """Which events are crisis events. Shape (events,). All versions are looked at alike."""
    counts = is_one_of(events, "source", rule.sources)
    codes, outcomes = dict(rule.codes), dict(rule.outcomes)
    for source in dict.fromkeys([*codes, *outcomes]):
        listed = is_one_of(events, "source", (source,))
        if source in codes:
            listed &= is_one_of(events, "code", codes[source])
        if source in outcomes:
            listed &= is_one_of(events, "outcome", outcomes[source])
        counts |= listed
    if rule.crisis_flag:
        counts |= _column(events, "is_crisis").fill_null(False).to_numpy(zero_copy_only=False)
    if rule.origins:
        counts &= is_one_of(events, "origin", rule.origins)
    if rule.modes:
        counts &= is_one_of(events, "mode", rule.modes)
    return counts & _by_doors(rule, events) if rule.only_doors else counts


OTHER_DOOR = "other"


class Doors(NamedTuple):
    """By which door each event came: `names[number]`. `number` has shape (events,)."""

    number: NDArray[np.int64]
    names: tuple[str, ...]


def doors_of(rule: EpisodeRule, events: pa.Table) -> Doors:
    """By which door each event came, the last one, "other", for none that the rule names."""
    if not rule.doors:
        sources = encoded(events, "source")
        names = (*sources.dictionary.to_pylist(), OTHER_DOOR)
        number = _filled(sources.indices, len(names) - 1).to_numpy(zero_copy_only=False)
        return Doors(number.astype(np.int64), names)
    found = np.full(events.num_rows, len(rule.doors), dtype=np.int64)
    for number, (_, members) in enumerate(rule.doors):
        found[is_one_of(events, "source", [member for member in members if ":" not in member])] = number
    for number, (_, members) in enumerate(rule.doors):  # one code of a source goes before the source as a whole
        for source, _, code in (member.partition(":") for member in members if ":" in member):
            found[is_one_of(events, "source", (source,)) & is_one_of(events, "code", (code,))] = number
    return Doors(found, (*(door for door, _ in rule.doors), OTHER_DOOR))


def _by_doors(rule: EpisodeRule, events: pa.Table) -> Mask:
    doors = doors_of(rule, events)
    wanted = [number for number, door in enumerate(doors.names[:-1]) if door in rule.only_doors]
    return np.isin(doors.number, wanted)


def outcome_sources(rule: EpisodeRule, events: pa.Table) -> tuple[str, ...]:
    """The sources that the rule names and, with `crisis_flag`, those that sent an event which counts. Sorted.

    With several buckets take the union: every one of these sources must be complete for a label.
    """
    sent = set(rule.named_sources)
    if rule.crisis_flag:
        sent.update(pc.unique(_column(events, "source").filter(pa.array(crisis_mask(rule, events)))).to_pylist())
    return tuple(sorted(source for source in sent if source is not None))


def onsets(offsets: NDArray[np.int64], occurred_at: Instants, *, stable_gap_us: int) -> Mask:
    """Which crisis events start an episode. Shape (events,).

    `occurred_at`: crisis events, ascending within each person; those of person `i` are
    `offsets[i]:offsets[i + 1]`. Of several at the same instant, the first starts the episode.
    """
    starts = np.ones(len(occurred_at), dtype=bool)
    starts[1:] = np.diff(occurred_at) >= stable_gap_us
    firsts = offsets[:-1]
    starts[firsts[firsts < offsets[1:]]] = True
    return starts


# Events as arrays


@dataclass(frozen=True)
class EventTimes:
    """The two clocks of event versions. Each array has shape (versions,); `person` is an index into a list of ids."""

    person: NDArray[np.int64]
    occurred_at: Instants
    known_at: Instants
    superseded_at: Instants

    def __len__(self) -> int:
        return len(self.person)

    def where(self, mask: Mask | NDArray[np.int64]) -> "EventTimes":
        """Only the versions of a mask, or those at some places."""
        return EventTimes(self.person[mask], self.occurred_at[mask], self.known_at[mask], self.superseded_at[mask])

    def in_order(self) -> "EventTimes":
        """Sorted by person, then `occurred_at`."""
        order = np.lexsort((self.occurred_at, self.person))
        return EventTimes(self.person[order], self.occurred_at[order], self.known_at[order], self.superseded_at[order])

    def live_at(self, as_of_us: int) -> Mask:
        """Which versions were the known truth at `as_of` about something that had occurred before it."""
        live = (self.known_at < as_of_us) & (as_of_us <= self.superseded_at)
        return live & (self.occurred_at < as_of_us)


def event_times(events: pa.Table, person_ids: NDArray[np.object_], mask: Mask | None = None) -> EventTimes:
    """The clocks of events, of those in the mask if given. Events of people not in `person_ids` are left out."""
    person = person_index(events, person_ids)
    kept = person >= 0 if mask is None else mask & (person >= 0)
    times = EventTimes(
        person,
        instants_of(events, "occurred_at", missing=FOREVER_US),
        instants_of(events, "known_at", missing=FOREVER_US),
        instants_of(events, "superseded_at", missing=FOREVER_US),
    )
    return times if kept.all() else times.where(kept)


def live_counts(times: EventTimes, people: int, moments: Instants, *, lookback_us: int | None) -> NDArray[np.int64]:
    """How many events count at each moment. Shape (people, moments). `moments` ascend.

    A version counts for T in `(max(known_at, occurred_at), min(superseded_at, occurred_at + lookback)]`; without a
    lookback, until it is superseded. Linear in versions (each found in the moments by bisection) plus people × moments.
    """
    if len(moments) == 0:
        return np.zeros((people, 0), dtype=np.int64)
    enter = np.maximum(times.known_at, times.occurred_at)
    leave = times.superseded_at
    if lookback_us is not None:
        leave = np.minimum(leave, times.occurred_at + lookback_us)
    counts = (enter < leave) & (enter < moments[-1]) & (leave >= moments[0])
    width = len(moments) + 1
    start = times.person[counts] * width
    begins = start + np.searchsorted(moments, enter[counts], side="right")
    ends = start + np.searchsorted(moments, leave[counts], side="right")
    size = people * width
    change = np.bincount(begins, minlength=size) - np.bincount(ends, minlength=size)
    return np.cumsum(change.reshape(people, width)[:, :-1], axis=1)


def in_episode(rule: EpisodeRule, crises: EventTimes, people: int, moments: Instants) -> Mask:
    """Who is in a crisis episode as known at each moment. Shape (people, moments).

    True at T when a live crisis event has `T - gap < occurred_at < T`: one that occurred exactly a gap before T
    no longer holds the episode open, because a crisis event at T would then start a new one.
    """
    return live_counts(crises, people, moments, lookback_us=rule.stable_gap_us - 1) > 0


# Columns as arrays


def instants_of(table: pa.Table, name: str, *, missing: int) -> Instants:
    """A column of times (or dates) as microseconds since 1970 UTC; nulls become `missing`."""
    column = _column(table, name)
    if pa.types.is_null(column.type):
        return np.full(len(column), missing, dtype=np.int64)
    moments = column.cast(pa.timestamp("us")) if pa.types.is_date(column.type) else column
    us = moments.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    return np.asarray(_filled(us, missing).to_numpy(zero_copy_only=False), dtype=np.int64)


def numbers_of(table: pa.Table, name: str) -> NDArray[np.float64]:
    """A column of numbers; nulls become NaN."""
    return np.asarray(_column(table, name).cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def is_one_of(table: pa.Table, name: str, values: Iterable[str]) -> Mask:
    """Which rows have one of `values` in a text column. Null is none of them."""
    wanted = pa.array(list(values), type=pa.string())
    if len(wanted) == 0:
        return np.zeros(table.num_rows, dtype=bool)
    texts = encoded(table, name)
    among = pc.is_in(texts.dictionary.cast(pa.string()), value_set=wanted)
    found = among.take(texts.indices).fill_null(False)
    return np.array(found.to_numpy(zero_copy_only=False), dtype=bool)


def person_index(table: pa.Table, person_ids: NDArray[np.object_]) -> NDArray[np.int64]:
    """For each row the place of its person in `person_ids` (ascending), -1 for someone else or nobody."""
    texts = encoded(table, "person_id")
    names = np.array(texts.dictionary.to_pylist(), dtype=object)
    place = np.full(len(names) + 1, -1, dtype=np.int64)
    if len(names) and len(person_ids):
        near = np.minimum(np.searchsorted(person_ids, names), len(person_ids) - 1)
        place[:-1] = np.where(person_ids[near] == names, near, -1)
    indices: NDArray[np.int64] = _filled(texts.indices, len(names)).to_numpy(zero_copy_only=False)
    return place[indices]


def people_of(*tables: pa.Table) -> NDArray[np.object_]:
    """Every person named in the tables, ascending, each once."""
    names: set[str] = set()
    for table in tables:
        names.update(name for name in pc.unique(_column(table, "person_id")).to_pylist() if name is not None)
    return np.array(sorted(names), dtype=object)


def _filled(column: pa.Array, value: int) -> pa.Array:
    return column.fill_null(value) if column.null_count else column  # filling copies even where nothing is missing


def encoded(table: pa.Table, name: str) -> pa.DictionaryArray:
    """A column of texts as numbers and the texts they stand for."""
    column = _column(table, name)
    return column if pa.types.is_dictionary(column.type) else column.cast(pa.string()).dictionary_encode()


def _column(table: pa.Table, name: str) -> pa.Array:
    if name not in table.column_names:
        raise DataError(
            "CR-COHORT-002", f'a table has no column "{name}"', wanted=name, found=", ".join(table.column_names)
        )
    combined = table.column(name).combine_chunks()
    if not isinstance(combined, pa.ChunkedArray):
        return combined
    return combined.chunk(0) if combined.num_chunks else pa.array([], type=combined.type)
