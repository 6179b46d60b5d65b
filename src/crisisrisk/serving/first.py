"""Who comes first on a caseload, whatever the score: from the dated contacts and the states, never from a number."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from crisisrisk.serving.care_answers import Reached
from crisisrisk.serving.caseload_answers import FirstGroup, FirstPerson
from crisisrisk.serving.contacts import (
    MISSED,
    PLAN,
    PLAN_CODE,
    VISIT,
    Contact,
    contacts_in,
    happened,
    kind_shown,
    live_at,
    shown,
)
from crisisrisk.serving.reached import reached_in
from crisisrisk.tables.days_alone import RecordedDays

EVENING = time(18)
LATELY, PLAN_DAYS = timedelta(days=8), timedelta(days=364)
DISCHARGED = timedelta(days=7)
OWN = frozenset({"team_initiated", "follow_up"})
NO_CONTACT = frozenset({PLAN, MISSED, "mh_discharge", "mh_assessment"})
MEANINGS = {
    "in_crisis_or_hospital": "in a crisis episode or in hospital now",
    "contact_last_night": "a contact since yesterday 18:00, with any agency",
    "discharged": "discharged within seven days",
    "missed_today": "missed today, and not followed up",
    "no_crisis_plan": "no crisis plan made or reviewed within 52 weeks",
}


@dataclass(frozen=True, kw_only=True)
class TeamContacts:
    """The contacts of a team's people, as known at a moment. `events`: every version of them."""

    events: pa.Table
    members: Sequence[str]
    now: datetime
    zone: ZoneInfo
    plans_recorded: bool
    """Whether crisis plans are recorded at this site at all."""
    visits_recorded: bool
    """Whether it is recorded here that a mental-health team saw somebody."""
    days: RecordedDays
    """Of which contacts no time of day is known."""

    @cached_property
    def live(self) -> pa.Table:
        """The versions that count, of contacts that have happened."""
        return happened(self.events, self.now)

    @cached_property
    def last(self) -> Mapping[str, datetime]:
        """By person the last contact."""
        found = self._newest
        return dict(zip(found["person_id"].to_pylist(), found["occurred_at_max"].to_pylist(), strict=True))

    @cached_property
    def _newest(self) -> pa.Table:
        return self.live.group_by("person_id").aggregate([("occurred_at", "max")])

    def reached(self, people: Collection[str]) -> Mapping[str, Reached]:
        """Of some people when a mental-health team last saw them; nobody where no such contact is recorded at all."""
        return reached_in(self.live, people, days=self.days) if self.visits_recorded else {}

    @cached_property
    def last_on(self) -> Mapping[str, date]:
        """By person the day of the last contact, where its record has a day alone."""
        if not self.days.sources:
            return {}
        named = pc.is_in(self.live["source"], value_set=pa.array(sorted(self.days.sources)))
        alone = self.live.select(["person_id", "source", "occurred_at"]).filter(named)
        newest = self._newest["occurred_at_max"].take(
            pc.index_in(alone["person_id"], value_set=self._newest["person_id"])
        )
        # Few are left, and only they are looked at one by one.
        rows = alone.filter(pc.equal(alone["occurred_at"], newest)).to_pylist()
        told = ((row["person_id"], self.days.of(row["source"], row["occurred_at"])) for row in rows)
        return {person: day for person, day in told if day is not None}

    @cached_property
    def plans(self) -> Mapping[str, datetime]:
        """By person when a crisis plan was made or reviewed last."""
        plan = pc.and_(pc.equal(self.live["source"].cast(pa.string()), PLAN),
                       pc.equal(self.live["code"].cast(pa.string()), PLAN_CODE))  # fmt: skip
        found = self.live.filter(plan).group_by("person_id").aggregate([("occurred_at", "max")])
        return dict(zip(found["person_id"].to_pylist(), found["occurred_at_max"].to_pylist(), strict=True))

    def plan_on(self, person: str) -> date | None:
        """The day of somebody's last crisis plan, where its record has a day alone."""
        made_at = self.plans.get(person)
        return None if made_at is None else self.days.of(PLAN, made_at)

    def without_plan(self, person: str) -> bool:
        """Whether no crisis plan of somebody was made or reviewed within 52 weeks."""
        made_at = self.plans.get(person)
        return made_at is None or made_at < self.now - PLAN_DAYS

    def counts(self, people: Iterable[str]) -> Mapping[str, int]:
        """How many contacts are known of some people, those to come among them, as a snooze keeps it."""
        known = live_at(self.events, self.now)
        wanted = pa.array(list(people), pa.string())
        known = known.filter(pc.is_in(known["person_id"], value_set=wanted))
        found = known.group_by("person_id").aggregate([("event_id", "count")])
        return dict(zip(found["person_id"].to_pylist(), found["event_id_count"].to_pylist(), strict=True))

    def known_since(self, moment: datetime) -> frozenset[str]:
        """Of whom a contact became known since a moment."""
        new = self.live.filter(pc.greater_equal(self.live["known_at"], self._moment(moment)))
        return frozenset(new["person_id"].to_pylist())

    def new_by_kind(self, moment: datetime, *, detentions: bool) -> Mapping[str, Mapping[str, int]]:
        """By person how many contacts of each kind became known since a moment, as they may be told."""
        new = self.live.filter(pc.greater_equal(self.live["known_at"], self._moment(moment)))
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for person, source in zip(new["person_id"].to_pylist(), new["source"].to_pylist(), strict=True):
            found[person][kind_shown(source, detentions=detentions)] += 1
        return found

    @cached_property
    def lately(self) -> Sequence[Contact]:
        """Contacts of the last days, and stays that ended in them, the latest first."""
        since = self._moment(self.now - LATELY)
        ended = pc.greater_equal(self.live["ended_at"], since).fill_null(False)
        lately = self.live.filter(pc.or_(pc.greater_equal(self.live["occurred_at"], since), ended))
        return contacts_in(lately, self.now, days=self.days)

    def groups(self, states: Mapping[str, str], *, detentions: bool) -> list[FirstGroup]:
        """Each group that anybody is in. Somebody may be in several."""
        here = [person for person in self.members if states.get(person) in ("in_crisis_episode", "in_hospital")]
        found: dict[str, list[FirstPerson]] = {
            "in_crisis_or_hospital": [_first(person, None, detentions) for person in here],
            "contact_last_night": self._told(self._last_night(), detentions),
            "discharged": self._told(self._discharged(), detentions),
            "missed_today": self._told(self._missed(), detentions),
            "no_crisis_plan": [_first(person, None, detentions) for person in self._without_plan()],
        }
        return [
            FirstGroup(group=name, meaning=MEANINGS[name], people=people)  # type: ignore[arg-type]
            for name, people in found.items() if people
        ]  # fmt: skip

    def _told(self, contacts: Iterable[Contact], detentions: bool) -> list[FirstPerson]:
        latest: dict[str, Contact] = {}
        for one in contacts:
            latest.setdefault(one.person_id, one)
        return [_first(person, one, detentions) for person, one in latest.items()]

    def _last_night(self) -> list[Contact]:
        evening = datetime.combine(self._today - timedelta(days=1), EVENING, tzinfo=self.zone)
        return [
            one for one in self.lately
            if self._earliest(one) >= evening and one.origin not in OWN and one.source not in NO_CONTACT
        ]  # fmt: skip

    def _discharged(self) -> list[Contact]:
        since = self.now - DISCHARGED
        return [
            one for one in self.lately
            if (one.source == "mh_discharge" and self._latest(one) >= since)
            or (one.source == "mh_admission" and one.ended_at is not None and one.ended_at >= since)
        ]  # fmt: skip

    def _missed(self) -> list[Contact]:
        seen = {one.person_id: one.occurred_at for one in reversed(self.lately) if one.source == VISIT}
        return [
            one for one in self.lately
            if one.source == MISSED and self._earliest(one).astimezone(self.zone).date() == self._today
            and not (one.person_id in seen and seen[one.person_id] > self._latest(one))
        ]  # fmt: skip

    def _earliest(self, one: Contact) -> datetime:
        """When a contact may have begun at the earliest: with its day, where that alone is known."""
        return one.occurred_at if one.occurred_on is None else self._begins(one.occurred_on)

    def _latest(self, one: Contact) -> datetime:
        """When at the latest: with the end of its day."""
        return one.occurred_at if one.occurred_on is None else self._begins(one.occurred_on + timedelta(days=1))

    def _begins(self, day: date) -> datetime:
        return datetime.combine(day, time(), tzinfo=self.zone)

    def _without_plan(self) -> list[str]:
        if not self.plans_recorded:
            return []
        return [person for person in self.members if self.without_plan(person)]

    @property
    def _today(self):  # type: ignore[no-untyped-def]
        return self.now.astimezone(self.zone).date()

    def _moment(self, moment: datetime) -> pa.Scalar:
        return pa.scalar(moment).cast(self.events.schema.field("occurred_at").type)


def _first(person: str, contact: Contact | None, detentions: bool) -> FirstPerson:
    told = None if contact is None else shown(contact, detentions=detentions)
    return FirstPerson(
        person_id=person, at=None if told is None else told.occurred_at, on=None if told is None else told.occurred_on,
        source=None if told is None else told.source,
    )  # fmt: skip
