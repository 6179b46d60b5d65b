"""Who, or which cells and shifts, is eligible as of a moment, and what each exclusion drops."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.episodes import (
    EpisodeRule,
    EventTimes,
    Mask,
    crisis_mask,
    event_times,
    in_episode,
    instants_of,
    is_one_of,
    live_counts,
    numbers_of,
    people_of,
    person_index,
)
from crisisrisk.errors import RecipeError, TimeError
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_DAY, Instants, microseconds

UNKNOWN_AGES = ("leave_out", "keep")
"""What becomes of people of unknown year of birth where a minimum age is asked."""


@dataclass(frozen=True)
class PersonRows:
    """The rows of one bucket's feature matrix: people in order, each with ascending as-of moments.

    `person_id`: shape (people,), unique, ascending. `offsets`: shape (people + 1,); the rows of person
    `i` are `offsets[i]:offsets[i + 1]`. `as_of`: shape (rows,), microseconds since 1970 UTC.
    """

    person_id: NDArray[np.object_]
    offsets: NDArray[np.int64]
    as_of: Instants

    def __len__(self) -> int:
        return len(self.as_of)

    def row_person(self) -> NDArray[np.int64]:
        """For each row the index of its person. Shape (rows,)."""
        return np.repeat(np.arange(len(self.person_id)), np.diff(self.offsets))


@dataclass(frozen=True, kw_only=True)
class Stay:
    """Events that begin a stretch of time away, such as custody, and what ends it.

    It begins with an event of `sources`, of `codes` alone where any are named. It ends at the event's `ended_at`, or
    with the next event of `ended_by`; one of which no end ever became known counts as open for `longest_open_days`.
    """

    name: str
    sources: tuple[str, ...]
    codes: tuple[str, ...] = ()
    ended_by: tuple[str, ...] = ()
    longest_open_days: int = 365


@dataclass(frozen=True, kw_only=True)
class CohortRule:
    """Who is eligible. Every condition looks at what was known before the row's own `as_of`, never at later history.

    `minimum_age`: only years of birth are known, so who might still be younger on the day is left out; 0 asks nothing.
    `unknown_age`: somebody of unknown year of birth is possibly younger and left out too, unless it is `keep`; then
    they stay and are counted. `outcome_within_days`: a crisis contact must be
    known that occurred so recently. A hospital stay of which no end ever became known counts as open for
    `longest_open_stay_days`. Who is in one of the stays of `excluded_while` is out of scope.
    """

    minimum_history_days: int = 0
    seen_within_days: int | None = None
    outcome_within_days: int | None = None
    minimum_age: int = 18
    unknown_age: str = "leave_out"
    hospital_sources: tuple[str, ...] = ("mh_admission",)
    discharge_sources: tuple[str, ...] = ("mh_discharge",)
    longest_open_stay_days: int = 365
    excluded_while: tuple[Stay, ...] = ()

    @classmethod
    def from_plain(cls, content: Mapping[str, Any]) -> Self:
        """The rule from its fields, stays as mappings of theirs. Raises TypeError for a field that there is not."""
        stays = tuple(Stay(**one) for one in content.get("excluded_while", ()))
        return cls(**{**content, "excluded_while": stays})

    @property
    def hospital(self) -> Stay:
        """Hospital stays, as stays."""
        return Stay(
            name="hospital", sources=self.hospital_sources, ended_by=self.discharge_sources,
            longest_open_days=self.longest_open_stay_days,
        )  # fmt: skip

    def __post_init__(self) -> None:
        if self.unknown_age not in UNKNOWN_AGES:
            raise RecipeError(
                "CR-COHORT-001", f'unknown_age is "{self.unknown_age}"', where="the cohort of the training recipe",
                wanted=" or ".join(UNKNOWN_AGES), found=self.unknown_age,
            )  # fmt: skip
        limits = (
            ("minimum_history_days", self.minimum_history_days, 0),
            ("seen_within_days", self.seen_within_days, 1),
            ("outcome_within_days", self.outcome_within_days, 1),
            ("minimum_age", self.minimum_age, 0),
            ("longest_open_stay_days", self.longest_open_stay_days, 1),
            *((f"longest_open_days of {stay.name}", stay.longest_open_days, 1) for stay in self.excluded_while),
        )
        for name, value, least in limits:
            if value is not None and value < least:
                raise RecipeError(
                    "CR-COHORT-001", f"{name} is {value}", where="the cohort of the training recipe",
                    wanted=f"a whole number of {least} or more", found=str(value),
                )  # fmt: skip


# Attrition


@dataclass(frozen=True)
class AttritionStep:
    """One condition: how many rows it dropped, and how many people had none left after it."""

    name: str
    meaning: str
    people: int
    rows: int


@dataclass(frozen=True)
class Attrition:
    """Where rows went. `people` and `rows` are the start; notes count what was kept although something is unknown.

    Tables of different buckets add up with `+`, because no person is in two of them.
    """

    people: int
    rows: int
    steps: tuple[AttritionStep, ...]
    notes: tuple[AttritionStep, ...] = ()

    def __add__(self, other: "Attrition") -> "Attrition":
        return Attrition(
            self.people + other.people,
            self.rows + other.rows,
            _added(self.steps, other.steps),
            _added(self.notes, other.notes),
        )

    def then(self, later: "Attrition") -> "Attrition":
        """This table followed by the steps of one that starts from what remains of it."""
        return Attrition(self.people, self.rows, self.steps + later.steps, self.notes + later.notes)

    def as_rows(self) -> list[dict[str, Any]]:
        """One dictionary per step: `step`, `meaning`, `people` and `rows` dropped, and what remains of both."""
        left_people, left_rows = self.people, self.rows
        start = {"step": "known", "meaning": "seen or registered before the date", "people": 0, "rows": 0}
        table = [{**start, "people_left": left_people, "rows_left": left_rows}]
        for step in self.steps:
            left_people, left_rows = left_people - step.people, left_rows - step.rows
            line = {"step": step.name, "meaning": step.meaning, "people": step.people, "rows": step.rows}
            table.append({**line, "people_left": left_people, "rows_left": left_rows})
        return table

    def as_text(self) -> str:
        """The table as aligned lines."""
        lines = [f"{'':<44}{'people':>10}{'rows':>12}{'people left':>14}{'rows left':>12}"]
        for row in self.as_rows():
            dropped = f"{-row['people']:>10,}{-row['rows']:>12,}" if row["step"] != "known" else " " * 22
            lines.append(f"{row['meaning']:<44}{dropped}{row['people_left']:>14,}{row['rows_left']:>12,}")
        lines.extend(f"{note.meaning:<44}{note.people:>10,}{note.rows:>12,}" for note in self.notes)
        return "\n".join(lines)


def _added(first: tuple[AttritionStep, ...], second: tuple[AttritionStep, ...]) -> tuple[AttritionStep, ...]:
    pairs = zip(first, second, strict=True)
    return tuple(AttritionStep(a.name, a.meaning, a.people + b.people, a.rows + b.rows) for a, b in pairs)


# The cohort


@dataclass(frozen=True)
class PersonStates:
    """What a screen says about everyone known at the last as-of. Both arrays have shape (people,), ids ascending.

    `state` is `scored`, or why there is no score: `opted_out`, `out_of_scope` (dead, moved away, not seen
    lately), `under_18` (or possibly: of unknown age), `in_hospital`, `in_crisis_episode`, `no_data` (no event yet,
    or too short a history).
    """

    person_id: NDArray[np.object_]
    state: NDArray[np.object_]


class PersonCohort(NamedTuple):
    """The eligible rows, what was dropped on the way, and everyone's state at the last as-of."""

    rows: PersonRows
    attrition: Attrition
    states: PersonStates


class _Condition(NamedTuple):
    name: str
    meaning: str
    state: str
    dropped: Mask


def person_cohort(
    rule: CohortRule,
    episode_rule: EpisodeRule,
    events: pa.Table,
    people: pa.Table,
    as_of: Sequence[datetime],
    *,
    opted_out: Collection[str] = (),
) -> PersonCohort:
    """Eligible person × as-of rows of one bucket.

    `events`: every version of the bucket's events; `people`: every version of its `people` rows (may be empty).
    `as_of`: aware moments, in any order. `opted_out`: ids of people who object; they leave at every moment.
    Time is linear in versions plus people × moments. Raises TimeError when no moment is given.
    """
    moments = _moments(as_of)
    ids = people_of(events, people)
    times = event_times(events, ids)
    registered = PeopleStates(people, ids)
    visible_since = first_visible(times, registered, len(ids))
    visible = visible_since[:, None] < moments
    context = _Context(rule, events, ids, times, moments, registered)
    left, steps = visible.copy(), []
    states = np.full(len(ids), "scored", dtype=object)
    for condition in _conditions(context, episode_rule, visible_since, opted_out):
        dropped = left & condition.dropped
        states[(states == "scored") & dropped[:, -1]] = condition.state
        steps.append(_step(condition, left, dropped))
        left &= ~dropped
    attrition = Attrition(_people(visible), int(visible.sum()), tuple(steps), _notes(registered, moments, left))
    return PersonCohort(_rows(ids, moments, left), attrition, PersonStates(ids[visible[:, -1]], states[visible[:, -1]]))


def _moments(as_of: Sequence[datetime]) -> Instants:
    if not as_of:
        raise TimeError("CR-TIME-003", "no as-of moment was given", wanted="at least one")
    return np.unique(np.array([microseconds(moment) for moment in as_of], dtype=np.int64))


class _Context(NamedTuple):
    rule: CohortRule
    events: pa.Table
    ids: NDArray[np.object_]
    times: EventTimes
    moments: Instants
    registered: "PeopleStates"


def _conditions(
    context: _Context, episode_rule: EpisodeRule, visible_since: Instants, opted_out: Collection[str]
) -> list[_Condition]:
    """In the order in which they are applied: what keeps someone pinned above the list comes before what hides them."""
    rule, people, moments = context.rule, len(context.ids), context.moments
    dead, moved, young = context.registered.at(moments, minimum_age=rule.minimum_age)
    objects = np.isin(context.ids, list(opted_out))[:, None] & np.ones(len(moments), dtype=bool)
    crises = event_times(context.events, context.ids, crisis_mask(episode_rule, context.events))
    history = visible_since[:, None] > moments - rule.minimum_history_days * MICROSECONDS_PER_DAY
    silent = live_counts(context.times, people, moments, lookback_us=None) == 0
    conditions = [
        _Condition("opted_out", "opted out", "opted_out", objects),
        _Condition("dead", "died before the date", "out_of_scope", dead),
        _Condition("moved_away", "moved away, or observation over", "out_of_scope", moved),
        _Condition("under_age", f"under {rule.minimum_age}", "under_18", young),
        _Condition("in_hospital", "in hospital", "in_hospital", _inside(rule.hospital, context)),
        _Condition(
            "in_crisis_episode", "in a crisis episode", "in_crisis_episode",
            in_episode(episode_rule, crises, people, moments),
        ),
        _Condition(
            "unknown_age", "year of birth unknown", "under_18", context.registered.birth_year_unknown(moments)
        ),
        *(
            _Condition(f"while_{stay.name}", stay.name.replace("_", " "), "out_of_scope", _inside(stay, context))
            for stay in rule.excluded_while
        ),
        _Condition("no_event", "no event yet", "no_data", silent),
    ]  # fmt: skip
    if rule.minimum_history_days > 0:
        meaning = f"known for less than {rule.minimum_history_days} days"
        conditions.append(_Condition("short_history", meaning, "no_data", history))
    if rule.seen_within_days is not None:
        lookback = rule.seen_within_days * MICROSECONDS_PER_DAY
        unseen = live_counts(context.times, people, moments, lookback_us=lookback) == 0
        meaning = f"not seen in the last {rule.seen_within_days} days"
        conditions.append(_Condition("not_seen", meaning, "out_of_scope", unseen))
    if rule.outcome_within_days is not None:
        lookback = rule.outcome_within_days * MICROSECONDS_PER_DAY
        none = live_counts(crises, people, moments, lookback_us=lookback) == 0
        meaning = f"no crisis contact in the last {rule.outcome_within_days} days"
        conditions.append(_Condition("no_recent_outcome", meaning, "out_of_scope", none))
    unasked = {
        "under_age": rule.minimum_age == 0,
        "unknown_age": rule.minimum_age == 0 or rule.unknown_age == "keep",
        "short_history": rule.minimum_history_days == 0,
    }
    return [condition for condition in conditions if not unasked.get(condition.name, False)]


def _inside(stay: Stay, context: _Context) -> Mask:
    """Who is in a stay as known at each moment. Shape (people, moments).

    A stay is open at T when its live version does not end before T and no live event that ends stays lies between
    its start and T. Loops over moments, not people: stays and their ends are few.
    """
    events, ids = context.events, context.ids
    begins = is_one_of(events, "source", stay.sources)
    if stay.codes:
        begins &= is_one_of(events, "code", stay.codes)
    starts = event_times(events, ids, begins)
    ends = event_times(events, ids, is_one_of(events, "source", stay.ended_by))
    kept = begins & (person_index(events, ids) >= 0)
    ended_at = instants_of(events, "ended_at", missing=FOREVER_US)[kept]
    longest = stay.longest_open_days * MICROSECONDS_PER_DAY
    ended_at = np.where(ended_at == FOREVER_US, starts.occurred_at + longest, ended_at)
    inside = np.zeros((len(ids), len(context.moments)), dtype=bool)
    for column, as_of in enumerate(context.moments):
        begun = _latest(starts.where(starts.live_at(as_of) & (ended_at >= as_of)), len(ids))
        ended = _latest(ends.where(ends.live_at(as_of)), len(ids))
        inside[:, column] = begun > ended
    return inside


def _latest(times: EventTimes, people: int) -> Instants:
    latest = np.full(people, np.iinfo(np.int64).min)
    np.maximum.at(latest, times.person, times.occurred_at)
    return latest


def first_visible(times: EventTimes, registered: "PeopleStates", people: int) -> Instants:
    """For each person when anything of them was first known; a booking from when it occurs. Shape (people,)."""
    since = np.full(people, FOREVER_US)
    np.minimum.at(since, times.person, np.maximum(times.known_at, times.occurred_at))
    np.minimum.at(since, registered.person, registered.known_at)
    return since


def _step(condition: _Condition, left: Mask, dropped: Mask) -> AttritionStep:
    emptied = left.any(axis=1) & ~(left & ~dropped).any(axis=1)
    return AttritionStep(condition.name, condition.meaning, int(emptied.sum()), int(dropped.sum()))


def _notes(registered: "PeopleStates", moments: Instants, left: Mask) -> tuple[AttritionStep, ...]:
    unknown = registered.birth_year_unknown(moments) & left
    meaning = "kept, year of birth unknown"
    return (AttritionStep("unknown_birth_year", meaning, _people(unknown), int(unknown.sum())),)


def _people(mask: Mask) -> int:
    return int(mask.any(axis=1).sum())


def _rows(ids: NDArray[np.object_], moments: Instants, left: Mask) -> PersonRows:
    each = left.sum(axis=1)
    present = each > 0
    offsets = np.concatenate([[0], np.cumsum(each[present])]).astype(np.int64)
    return PersonRows(ids[present], offsets, np.broadcast_to(moments, left.shape)[left])


# The dated states of people


class PeopleStates:
    """The `people` rows of a list of people, as arrays in order of person, then `known_at`, then `valid_from`.

    The state at T is the row with the latest `known_at` before T; of two with the same one, the later `valid_from`.
    """

    def __init__(self, people: pa.Table, ids: NDArray[np.object_]) -> None:
        person = person_index(people, ids)
        valid_from = instants_of(people, "valid_from", missing=0)
        known_at = instants_of(people, "known_at", missing=FOREVER_US)
        order = np.lexsort((valid_from, known_at, person))
        order = order[person[order] >= 0]
        self.people, self.order = len(ids), order
        self.person, self.valid_from, self.known_at = person[order], valid_from[order], known_at[order]
        self.birth_year = numbers_of(people, "birth_year")[order]
        self.valid_to = instants_of(people, "valid_to", missing=FOREVER_US)[order]
        self.died_at = instants_of(people, "died_at", missing=FOREVER_US)[order]

    def row_at(self, as_of_us: int) -> NDArray[np.int64]:
        """For each person the row that counts at a moment, -1 for none. Shape (people,)."""
        rows = np.flatnonzero(self.known_at < as_of_us)
        latest = np.full(self.people, -1, dtype=np.int64)
        latest[self.person[rows]] = rows  # rows ascend within a person, so the last assignment stays
        return latest

    def age_at(self, as_of_us: int) -> NDArray[np.float64]:
        """Calendar year of a moment (UTC) less the year of birth known then; NaN where unknown. Shape (people,)."""
        rows = self.row_at(as_of_us)
        year = int(np.datetime64(int(as_of_us), "us").astype("datetime64[Y]").astype(int)) + 1970
        return year - np.append(self.birth_year, np.nan)[rows]

    def at(self, moments: Instants, *, minimum_age: int) -> tuple[Mask, Mask, Mask]:
        """Who is dead, moved away, and possibly under age, as known at each moment. Each shape (people, moments)."""
        dead, moved, young = (np.zeros((self.people, len(moments)), dtype=bool) for _ in range(3))
        for column, as_of in enumerate(moments):
            rows = self.row_at(as_of)
            dead[:, column] = np.append(self.died_at, FOREVER_US)[rows] <= as_of
            moved[:, column] = np.append(self.valid_to, FOREVER_US)[rows] <= as_of
            # Someone born in December is a year younger than the years say; NaN compares as False.
            young[:, column] = (self.age_at(as_of) - 1 < minimum_age) & (minimum_age > 0)
        return dead, moved, young

    def birth_year_unknown(self, moments: Instants) -> Mask:
        """Shape (people, moments)."""
        return np.stack([np.isnan(self.age_at(as_of)) for as_of in moments], axis=1)
