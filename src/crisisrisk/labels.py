"""Whether an outcome happened inside the horizon, and for whom nobody can say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.cohorts import Attrition, AttritionStep, PeopleStates, PersonRows
from crisisrisk.episodes import EpisodeRule, EventTimes, Mask, crisis_mask, doors_of, event_times, onsets, person_index
from crisisrisk.errors import DataError, RecipeError
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_DAY, Instants, horizon, instant

DEATHS = ("censor", "composite", "negative")
MOVES = ("censor", "negative")
DEATH_DOOR = "death"
UNKNOWN = -1


class DoorCount(NamedTuple):
    """How many outcomes came by one door: the rows that count them, the people, and the episodes themselves."""

    door: str
    rows: int
    people: int
    episodes: int


@dataclass(frozen=True)
class Labels:
    """One label per cohort row. Arrays have shape (rows,).

    `happened`: 1 yes, 0 no, and -1 wherever `observed` is false: a row whose label nobody can know is dropped,
    never filled with "no". The notes of `attrition` say how many rows, of those with complete data, a death or an
    end of observation touched, and what became of them. `doors`: by the first onset of each row, in order of door.
    """

    happened: NDArray[np.int8]
    observed: Mask
    attrition: Attrition
    first_onset: Instants
    """When the first onset in the label window came, microseconds since 1970 UTC; `FOREVER_US` without one."""
    doors: tuple[DoorCount, ...] = ()

    @property
    def prevalence(self) -> float:
        """Share of observed rows with the outcome; NaN when none is observed."""
        return float(self.happened[self.observed].mean()) if self.observed.any() else float("nan")


def onset_labels(
    rule: EpisodeRule,
    events: pa.Table,
    people: pa.Table,
    rows: PersonRows,
    *,
    horizon_days: int,
    gap_days: int = 0,
    complete_to_us: Mapping[str, int],
    cut_off_us: int,
    death: str = "censor",
    moved: str = "censor",
) -> Labels:
    """Onset of a crisis episode within `[as_of + gap, as_of + gap + horizon)`, by versions known before the cut-off.

    A row is not observed when its label window ends after the training cut-off or after `complete_to` of any
    outcome source (`complete_to_us`: microseconds per source; give only sources that carry the outcome when the
    rule goes by `crisis_flag`, all given ones count then), or after the person's observation ended (`valid_to` with
    no later state that starts by then). Such rows are dropped even where an onset was seen: keeping only those
    would raise the share of outcomes. With `moved` = `negative`, who moved away had no further outcome, and the row
    stays.

    A death before the label window ends: `censor` drops the row, an onset seen before it or not, as with every end;
    `composite` counts a death inside the label window as the outcome, and drops a row whose death came before it;
    `negative` takes the death for no outcome.
    Raises RecipeError for another word, DataError when a source that the rule names has no `complete_to`,
    TimeError for a horizon that is not above 0 or a gap below 0.
    """
    for name, value, words in (("death", death, DEATHS), ("moved", moved, MOVES)):
        if value not in words:
            raise RecipeError("CR-COHORT-001", f'{name} is "{value}"', wanted=" or ".join(words), found=str(value))
    horizon(instant(0), days=horizon_days, gap_days=gap_days)
    starts = rows.as_of + gap_days * MICROSECONDS_PER_DAY
    ends = starts + horizon_days * MICROSECONDS_PER_DAY
    begun = _begun_inside(rule, events, rows, starts, ends, cut_off_us)
    observation = _Observation(people, rows, cut_off_us)
    incomplete = ends > _complete_to(rule, complete_to_us, cut_off_us)
    lost = ends > observation.end
    dies = observation.died_at < ends
    inside = dies & (observation.died_at >= starts)
    none = np.zeros_like(dies)
    unclear = {"censor": dies, "composite": dies & ~inside & ~begun.seen, "negative": none}[death]
    dead = inside if death == "composite" else none
    causes = (
        ("incomplete", "horizon passes what the data cover", incomplete),
        ("observation_over", "observation ends inside the horizon", lost if moved == "censor" else none),
        ("died", "died before the horizon ended", unclear),
    )
    observed, attrition = _attrition(rows, causes)
    touched = (
        ("died_in_horizon", f"died inside the horizon: {_DEATH_WORDS[death]}", dies & ~incomplete),
        ("died_after_outcome", f"of them, after an outcome inside it: {_AFTER_WORDS[death]}",
         dies & begun.seen & ~incomplete),
        ("moved_in_horizon", f"observation over inside it: {_MOVE_WORDS[moved]}", lost & ~incomplete),
    )  # fmt: skip
    happened = (begun.seen | dead).astype(np.int8)
    happened[~observed] = UNKNOWN
    notes = tuple(AttritionStep(name, meaning, _people(rows, mask), int(mask.sum())) for name, meaning, mask in touched)
    attrition = Attrition(attrition.people, attrition.rows, attrition.steps, notes)
    first_onset = np.where(begun.seen, begun.first_at, FOREVER_US)
    return Labels(happened, observed, attrition, first_onset, _doors(rows, begun, dead, observed))


_DEATH_WORDS = {"censor": "dropped", "composite": "an outcome", "negative": "no outcome"}
_AFTER_WORDS = {"censor": "dropped", "composite": "kept", "negative": "kept"}
_MOVE_WORDS = {"censor": "dropped", "negative": "no outcome"}


def _people(rows: PersonRows, mask: Mask) -> int:
    return len(np.unique(rows.row_person()[mask]))


def _doors(rows: PersonRows, begun: "_Begun", dead: Mask, observed: Mask) -> tuple[DoorCount, ...]:
    """Outcomes of observed rows by the door of their first onset; a death that counts is a door of its own."""
    person, seen = rows.row_person(), begun.seen & observed
    number = begun.number[seen]
    found = [
        DoorCount(
            name, int((number == door).sum()), len(np.unique(person[seen][number == door])),
            len(np.unique(begun.onset[seen][number == door])),
        )
        for door, name in enumerate(begun.names)
    ]  # fmt: skip
    died = dead & observed & ~begun.seen
    deaths = DoorCount(DEATH_DOOR, int(died.sum()), _people(rows, died), _people(rows, died))
    return tuple(one for one in (*found, deaths) if one.rows)


def doors_added(tables: Iterable[tuple[DoorCount, ...]]) -> tuple[DoorCount, ...]:
    """The counts of several buckets together, most rows first: no person is in two of them."""
    total: dict[str, DoorCount] = {}
    for one in (count for table in tables for count in table):
        so_far = total.get(one.door, DoorCount(one.door, 0, 0, 0))
        total[one.door] = DoorCount(
            one.door, so_far.rows + one.rows, so_far.people + one.people, so_far.episodes + one.episodes
        )
    return tuple(sorted(total.values(), key=lambda count: (-count.rows, count.door)))


def _complete_to(rule: EpisodeRule, complete_to_us: Mapping[str, int], cut_off_us: int) -> int:
    """The earliest end of coverage among the cut-off and the outcome sources."""
    for source in rule.named_sources:
        if source not in complete_to_us:
            raise DataError(
                "CR-COHORT-003", f'the outcome names source "{source}", of which no data are loaded',
                where="the outcome of the training recipe", found=", ".join(sorted(complete_to_us)) or "no sources",
                hint="load its files, or take it out of the outcome",
            )  # fmt: skip
    sources = complete_to_us if rule.crisis_flag else rule.named_sources
    return min([cut_off_us, *(complete_to_us[source] for source in sources)])


def final_onsets(rule: EpisodeRule, events: pa.Table, rows: PersonRows, *, cut_off_us: int) -> EventTimes:
    """The crisis events that start an episode, by versions known before the cut-off, in order of person and time."""
    return _onsets_where(rule, events, rows, cut_off_us)[0]


def _onsets_where(
    rule: EpisodeRule, events: pa.Table, rows: PersonRows, cut_off_us: int
) -> tuple[EventTimes, NDArray[np.int64]]:
    """The onsets, and for each its place in the table."""
    counted = crisis_mask(rule, events)
    crises = event_times(events, rows.person_id, counted)
    places = np.flatnonzero(counted & (person_index(events, rows.person_id) >= 0))
    final = np.flatnonzero((crises.known_at < cut_off_us) & (cut_off_us <= crises.superseded_at))
    order = final[np.lexsort((crises.occurred_at[final], crises.person[final]))]
    offsets = np.searchsorted(crises.person[order], np.arange(len(rows.person_id) + 1))
    first = order[onsets(offsets, crises.occurred_at[order], stable_gap_us=rule.stable_gap_us)]
    return crises.where(first), places[first]


class _Begun(NamedTuple):
    """For each row whether an onset lies in its label window; of those that do, the first one and its door."""

    seen: Mask
    onset: NDArray[np.int64]
    first_at: Instants
    number: NDArray[np.int64]
    names: tuple[str, ...]


def _begun_inside(
    rule: EpisodeRule, events: pa.Table, rows: PersonRows, starts: Instants, ends: Instants, cut_off_us: int
) -> _Begun:
    """An onset lies in `[start, end)` when more onsets come before the end than before the start."""
    begun, places = _onsets_where(rule, events, rows, cut_off_us)
    person = rows.row_person()
    first = _earlier(begun, person, starts)
    doors = doors_of(rule, events.select(["source", "code"]).take(places))
    seen = _earlier(begun, person, ends) > first
    first_at = np.append(begun.occurred_at, FOREVER_US)[first]
    return _Begun(seen, first, first_at, np.append(doors.number, -1)[first], doors.names)


def days_to_onset(
    rule: EpisodeRule, events: pa.Table, rows: PersonRows, *, horizon_days: int, gap_days: int = 0, cut_off_us: int
) -> NDArray[np.float64]:
    """For each row the days from its `as_of` to the first onset in its label window, NaN without one. Shape (rows,)."""
    starts = rows.as_of + gap_days * MICROSECONDS_PER_DAY
    begun = final_onsets(rule, events, rows, cut_off_us=cut_off_us)
    person = rows.row_person()
    first = _earlier(begun, person, starts)  # onsets are in order of person and time: the first at or after the start
    occurred = np.append(begun.occurred_at, 0)[first]
    inside = (np.append(begun.person, -1)[first] == person) & (occurred < starts + horizon_days * MICROSECONDS_PER_DAY)
    return np.where(inside, (occurred - rows.as_of) / MICROSECONDS_PER_DAY, np.nan)


def _earlier(begun: EventTimes, person: NDArray[np.int64], moments: Instants) -> NDArray[np.int64]:
    """How many of `begun` come before each (person, moment), in the order of person, then time. Shape (rows,).

    People before the row's own are counted too, so only differences within a person mean something. Moments
    become ranks first (a grid has few), which keeps person and time together in one sorted integer.
    """
    grid, rank = np.unique(moments, return_inverse=True)
    width = len(grid) + 1
    keys = begun.person * width + np.searchsorted(grid, begun.occurred_at, side="right")
    return np.searchsorted(keys, person * width + rank, side="right")


class _Observation:
    """For each row: when the person's observation ends and when they died, by what was known before the cut-off."""

    def __init__(self, people: pa.Table, rows: PersonRows, cut_off_us: int) -> None:
        states = PeopleStates(people, rows.person_id)
        row_person = rows.row_person()
        latest = states.row_at(cut_off_us)
        self.died_at = np.append(states.died_at, FOREVER_US)[latest][row_person]
        order = np.lexsort((states.known_at, states.valid_from, states.person))
        order = order[states.known_at[order] < cut_off_us]
        person, valid_from = states.person[order], states.valid_from[order]
        final = np.ones(len(order), dtype=bool)  # of one person and valid_from, the latest known version is last
        final[:-1] = (np.diff(person) != 0) | (np.diff(valid_from) != 0)
        self.person, self.valid_from = person[final], valid_from[final]
        self.valid_to = states.valid_to[order][final]
        self.end = self._end_after(row_person, rows.as_of)

    def _end_after(self, row_person: NDArray[np.int64], as_of: Instants) -> Instants:
        """The first end of observation after each row's state began; a state that the next one continues has none."""
        size = len(self.person)
        if size == 0:
            return np.full(len(as_of), FOREVER_US)
        continued = np.zeros(size, dtype=bool)
        continued[:-1] = (np.diff(self.person) == 0) & (self.valid_from[1:] <= self.valid_to[:-1])
        stops = ~continued & (self.valid_to < FOREVER_US)
        last_of_person = np.append(np.diff(self.person) != 0, True)
        next_stop = _next_true(stops | last_of_person)
        end = np.where(stops, self.valid_to, FOREVER_US)[next_stop]
        started = EventTimes(self.person, self.valid_from, self.valid_from, self.valid_from)
        # A row before the person's first state belongs to the first; a state from exactly as_of on has begun.
        begun = _earlier(started, row_person, as_of + 1) - 1
        first = np.searchsorted(self.person, row_person)
        state = np.maximum(begun, first)
        has_state = (first < size) & (self.person[np.minimum(first, size - 1)] == row_person)
        return np.where(has_state, end[np.minimum(state, size - 1)], FOREVER_US)


def _next_true(mask: Mask) -> NDArray[np.int64]:
    """For each position the first true position at or after it. The last position must be true."""
    positions = np.where(mask, np.arange(len(mask)), len(mask))
    return np.minimum.accumulate(positions[::-1])[::-1]


def _attrition(rows: PersonRows, causes: tuple[tuple[str, str, Mask], ...]) -> tuple[Mask, Attrition]:
    person, left = rows.row_person(), np.ones(len(rows), dtype=bool)
    remaining, steps = len(np.unique(person)), []
    for name, meaning, mask in causes:
        dropped = left & mask
        left &= ~mask
        still = len(np.unique(person[left]))
        steps.append(AttritionStep(name, meaning, remaining - still, int(dropped.sum())))
        remaining = still
    return left, Attrition(len(np.unique(person)), len(rows), tuple(steps))
