"""Cohort and labels computed slowly and obviously: one person and one moment at a time, over plain Python objects."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa

from crisisrisk.cohorts import CohortRule, Stay
from crisisrisk.episodes import EpisodeRule
from tests.lib.histories import PEOPLE, EventVersion

DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class PersonState:
    """One version of one dated state of a person."""

    person_id: str
    valid_from: datetime
    known_at: datetime
    birth_year: int | None = None
    valid_to: datetime | None = None
    died_at: datetime | None = None


def state_table(states: Iterable[PersonState]) -> pa.Table:
    """As the store gives it."""
    rows = [vars(state) for state in states]
    columns = {}
    for field in PEOPLE:
        plain = pa.string() if pa.types.is_dictionary(field.type) else field.type
        columns[field.name] = pa.array([row.get(field.name) for row in rows], type=plain).cast(field.type)
    return pa.table(columns)


@dataclass(frozen=True)
class Reference:
    """Everything that will ever be known."""

    rule: EpisodeRule
    events: Sequence[EventVersion]
    people: Sequence[PersonState]

    @property
    def gap(self) -> timedelta:
        return timedelta(days=self.rule.stable_gap_days)

    def is_crisis(self, event: EventVersion) -> bool:
        codes, outcomes = dict(self.rule.codes), dict(self.rule.outcomes)
        listed = event.source in codes or event.source in outcomes
        listed = listed and (event.source not in codes or event.code in codes[event.source])
        listed = listed and (event.source not in outcomes or event.outcome in outcomes[event.source])
        counts = event.source in self.rule.sources or listed or (self.rule.crisis_flag and event.is_crisis is True)
        return counts and (not self.rule.only_doors or self.door(event) in self.rule.only_doors)

    def door(self, event: EventVersion) -> str:
        if not self.rule.doors:
            return event.source
        of_member = {member: door for door, members in self.rule.doors for member in members}
        by_code = of_member.get(f"{event.source}:{event.code}")
        return by_code or of_member.get(event.source, "other")

    def known(self, person: str, as_of: datetime) -> list[EventVersion]:
        """For each event the latest version known before `as_of`, if it is about this person."""
        latest: dict[str, EventVersion] = {}
        for event in sorted(self.events, key=lambda one: one.known_at):
            if event.known_at < as_of:
                latest[event.event_id] = event
        return [event for event in latest.values() if event.person_id == person]

    def seen(self, person: str, as_of: datetime) -> list[EventVersion]:
        return [event for event in self.known(person, as_of) if event.occurred_at < as_of]

    def visible_since(self, person: str) -> datetime | None:
        moments = [max(one.known_at, one.occurred_at) for one in self.events if one.person_id == person]
        moments += [state.known_at for state in self.people if state.person_id == person]
        return min(moments, default=None)

    def state(self, person: str, as_of: datetime) -> PersonState | None:
        known = [one for one in self.people if one.person_id == person and one.known_at < as_of]
        return max(known, key=lambda one: (one.known_at, one.valid_from), default=None)

    # Cohort

    def why_not(self, person: str, as_of: datetime, cohort: CohortRule, opted_out: Iterable[str]) -> str | None:
        """The state of a person as of a moment, `None` for someone nobody had heard of."""
        since = self.visible_since(person)
        if since is None or since >= as_of:
            return None
        if person in opted_out:
            return "opted_out"
        if by_state := self._why_not_by_state(self.state(person, as_of), as_of, cohort):
            return by_state
        seen = self.seen(person, as_of)
        if self._inside(cohort.hospital, seen, as_of):
            return "in_hospital"
        if any(self.is_crisis(event) and event.occurred_at > as_of - self.gap for event in seen):
            return "in_crisis_episode"
        if self._of_unknown_age(self.state(person, as_of)) and cohort.minimum_age and cohort.unknown_age != "keep":
            return "under_18"
        if any(self._inside(stay, seen, as_of) for stay in cohort.excluded_while):
            return "out_of_scope"
        if not seen or since > as_of - cohort.minimum_history_days * DAY:
            return "no_data"
        return self._why_not_lately(seen, as_of, cohort) or "scored"

    def _why_not_lately(self, seen: Sequence[EventVersion], as_of: datetime, cohort: CohortRule) -> str | None:
        window = cohort.seen_within_days
        if window is not None and all(event.occurred_at < as_of - window * DAY for event in seen):
            return "out_of_scope"
        window = cohort.outcome_within_days
        if window is not None and not any(
            self.is_crisis(one) and one.occurred_at >= as_of - window * DAY for one in seen
        ):
            return "out_of_scope"
        return None

    @staticmethod
    def _of_unknown_age(state: PersonState | None) -> bool:
        return state is None or state.birth_year is None

    def _why_not_by_state(self, state: PersonState | None, as_of: datetime, cohort: CohortRule) -> str | None:
        if state is None:
            return None
        if any(end is not None and end <= as_of for end in (state.died_at, state.valid_to)):
            return "out_of_scope"
        if state.birth_year is not None and as_of.year - state.birth_year - 1 < cohort.minimum_age:
            return "under_18"
        return None

    def _inside(self, stay: Stay, seen: Sequence[EventVersion], as_of: datetime) -> bool:
        for begin in seen:
            if begin.source in stay.sources and (not stay.codes or begin.code in stay.codes):
                end = begin.ended_at or begin.occurred_at + stay.longest_open_days * DAY
                ends = [one for one in seen if one.source in stay.ended_by]
                if end >= as_of and not any(one.occurred_at >= begin.occurred_at for one in ends):
                    return True
        return False

    # Labels

    def onsets(self, person: str, cut_off: datetime) -> list[EventVersion]:
        crises = [event for event in self.known(person, cut_off) if self.is_crisis(event)]
        crises.sort(key=lambda event: event.occurred_at)
        return [
            event
            for place, event in enumerate(crises)
            if place == 0 or event.occurred_at - crises[place - 1].occurred_at >= self.gap
        ]  # fmt: skip

    def observed_until(self, person: str, as_of: datetime, cut_off: datetime) -> datetime | None:
        """The first end of observation from the state in force at `as_of` on; states that meet are one."""
        final: dict[datetime, PersonState] = {}
        for state in sorted(self.people, key=lambda one: one.known_at):
            if state.person_id == person and state.known_at < cut_off:
                final[state.valid_from] = state
        states = [final[start] for start in sorted(final)]
        begun = [place for place, state in enumerate(states) if state.valid_from <= as_of]
        for place in range(begun[-1] if begun else 0, len(states)):
            end, later = states[place].valid_to, states[place + 1 : place + 2]
            if end is not None and not any(state.valid_from <= end for state in later):
                return end
        return None

    def label(
        self,
        person: str,
        as_of: datetime,
        *,
        horizon: int,
        gap: int,
        complete_to: datetime,
        cut_off: datetime,
        death: str,
        moved: str = "censor",
    ) -> bool | None:
        """Whether the outcome happened; `None` where nobody can know."""
        start, end = as_of + gap * DAY, as_of + (gap + horizon) * DAY
        stops = self.observed_until(person, as_of, cut_off)
        if end > complete_to or end > cut_off or (moved == "censor" and stops is not None and end > stops):
            return None
        happened = any(start <= onset.occurred_at < end for onset in self.onsets(person, cut_off))
        state = self.state(person, cut_off)
        died_at = state.died_at if state else None
        if died_at is None or died_at >= end or death == "negative":
            return happened
        if happened:
            return None if death == "censor" else True
        return True if death == "composite" and died_at >= start else None
