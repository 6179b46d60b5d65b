"""A team's list with its history: what changed, who has been near the top for weeks, who is snoozed or due."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from crisisrisk.database.feedback import last_reviews
from crisisrisk.database.history import numbers_in
from crisisrisk.database.latest import StoredScore
from crisisrisk.database.runs import StoredRun
from crisisrisk.database.shown import SeenMark
from crisisrisk.database.snoozes import KeptSnooze, newest_snoozes
from crisisrisk.scoring.ordering import in_100
from crisisrisk.serving.access import Viewer
from crisisrisk.serving.afterwards import NUMBERS_AFTERWARDS, made_afterwards
from crisisrisk.serving.care_answers import Reached
from crisisrisk.serving.caseload_answers import CaseloadPerson, ChangeSince
from crisisrisk.serving.first import TeamContacts
from crisisrisk.serving.scores import LastScores, basis_of, listed
from crisisrisk.serving.state import Service
from crisisrisk.serving.team_weeks import LONG, WEEK, TeamWeeks

LEAST_POINTS, LEAST_RATIO = 2, 1.25
REVIEWED_AGAIN_AFTER = timedelta(days=28)


@dataclass(frozen=True, kw_only=True)
class TeamList:
    """The people of a team with a current score, in the order of their list."""

    service: Service
    team: str
    now: datetime
    run: StoredRun
    weeks: TeamWeeks
    last: LastScores
    ordered: Sequence[StoredScore]
    contacts: TeamContacts
    seen: SeenMark | None
    detentions: bool
    """Whether detentions by police may be told as such."""
    workers: Mapping[str, str | None]
    """By person the care coordinator."""

    def shown(self, tab: str, *, sort: str | None, only: str | None) -> list[StoredScore]:
        """Those of a tab that pass a filter, in an order that was asked for; else in that of the tab."""
        found = [one for one in self.tab(tab) if self._passes(one, only)]
        if sort in (None, "likely"):
            return found
        moments = self.contacts.last if sort == "last_contact" else self._reviews
        latest = sort == "last_contact"  # reviews: the one that waits longest first, never reviewed before all

        def place(one: StoredScore) -> tuple[float, str]:
            moment = moments.get(one.person_id)
            seconds = 0.0 if moment is None else moment.timestamp()
            return (-seconds if latest else seconds), one.person_id

        return sorted(found, key=place)

    def _passes(self, score: StoredScore, only: str | None) -> bool:
        person = score.person_id
        if only == "new_since_seen":
            return self._new_since_seen(score)
        if only == "no_crisis_plan":
            return self.contacts.without_plan(person)
        if only == "no_worker":
            return self.workers.get(person) is None
        last = self.contacts.last.get(person)
        return only is None or (last is not None and self.now - last <= WEEK)

    def cut(self, tab: str, found: Sequence[StoredScore], limit: int) -> list[StoredScore]:
        """The first of a list. On the usual tab whoever is near the top for weeks stays, in whatever order it is."""
        pinned = tab == "new_or_changed"
        return [
            one for place, one in enumerate(found)
            if place < limit or (pinned and self.weeks.near_top(one.person_id) >= LONG)
        ]  # fmt: skip

    def tab(self, name: str) -> list[StoredScore]:
        """Those of a tab. Only what is due is in another order, and never in that of the numbers."""
        awake = [one for one in self.ordered if not self._asleep(one.person_id)]
        if name == "all":
            return list(self.ordered)
        if name == "snoozed":
            return [one for one in self.ordered if self._asleep(one.person_id)]
        if name == "review_due":
            due = [one for one in self.ordered if self._due(one.person_id)]
            return sorted(due, key=lambda one: (self._reviewed(one.person_id), one.person_id))
        return [one for one in awake if self._new_or_changed(one)]

    def rows(self, shown: Sequence[StoredScore], viewer: Viewer) -> list[CaseloadPerson]:
        """A line of each."""
        reached = self.contacts.reached([one.person_id for one in shown])
        return [self._row(one, viewer, reached.get(one.person_id)) for one in shown]

    def _row(self, score: StoredScore, viewer: Viewer, reached: Reached | None) -> CaseloadPerson:
        person, woken = score.person_id, self._woken.get(score.person_id)
        lasting = self._snoozes.get(person) if self._asleep(person) else None
        return CaseloadPerson(
            **listed(self.run, score, viewer=viewer).model_dump(), change=self._change(score),
            weeks=[_said(numbers.get(person)) for numbers in self.weeks.numbers],
            near_top_weeks=self.weeks.near_top(person), reached=reached,
            new_since_seen=self._new_since_seen(score),
            last_contact=self.contacts.last.get(person), last_contact_on=self.contacts.last_on.get(person),
            last_review=self._reviews.get(person), worker=self.workers.get(person),
            crisis_plan=self.contacts.plans.get(person), crisis_plan_on=self.contacts.plan_on(person),
            snoozed_until=lasting.until if lasting else None, snooze_number=lasting.number if lasting else None,
            woken_by=woken,
        )  # fmt: skip

    def basis(self, shown: Sequence[StoredScore]) -> dict[str, Any]:
        """What the list says about itself: also of the weeks that its changes are told beside."""
        basis, answering = basis_of(self.service, self.run, shown), self.service.person_model.manifest()
        afterwards = any(run is not None and made_afterwards(answering, run.meta) for run in self.weeks.runs)
        return {**basis, "caveats": [*basis["caveats"], *([NUMBERS_AFTERWARDS] if afterwards else [])]}

    def _new_or_changed(self, score: StoredScore) -> bool:
        person = score.person_id
        return self._moved(score) or self.weeks.near_top(person) >= LONG or self._woken.get(person) is not None

    def _change(self, score: StoredScore) -> ChangeSince:
        run, before = self.weeks.runs[-2], self._before(score)
        if run is None or before is None:
            return ChangeSince(as_of=None, likely_in_100=None, changed=True, new_contacts={}, other_model=False)
        return ChangeSince(
            as_of=run.meta.as_of, likely_in_100=before, changed=self._moved(score),
            new_contacts=dict(self._new_by_kind.get(score.person_id, {})),
            other_model=run.meta.model_version != self.run.meta.model_version,
        )  # fmt: skip

    @cached_property
    def _new_by_kind(self) -> Mapping[str, Mapping[str, int]]:
        run = self.weeks.runs[-2]
        return {} if run is None else self.contacts.new_by_kind(run.meta.as_of, detentions=self.detentions)

    def _before(self, score: StoredScore) -> int | float | None:
        return _said(self.weeks.numbers[-2].get(score.person_id))

    def _moved(self, score: StoredScore) -> bool:
        now, before = in_100(score.probability or 0.0), self._before(score)
        if before is None:
            return True
        more, less = max(now, before), min(now, before)
        return more - less >= LEAST_POINTS and more >= LEAST_RATIO * less

    def _new_since_seen(self, score: StoredScore) -> bool:
        if self.seen is None:
            return True
        before = _said(self._seen_numbers.get(score.person_id))
        return before != in_100(score.probability or 0.0) or score.person_id in self._known_since_seen

    @cached_property
    def _seen_numbers(self) -> Mapping[str, float | None]:
        run = None if self.seen is None else self.seen.run_id
        people = [one.person_id for one in self.ordered]
        return {} if run is None else numbers_in(self.service.engine, people, [run])[run]

    @cached_property
    def _known_since_seen(self) -> frozenset[str]:
        return frozenset() if self.seen is None else self.contacts.known_since(self.seen.seen_at)

    # Reviews and snoozes

    @cached_property
    def _reviews(self) -> Mapping[str, datetime]:
        return last_reviews(self.service.engine, [one.person_id for one in self.ordered], self.team)

    def _reviewed(self, person: str) -> str:
        """Sorts: never first, then the longest ago."""
        moment = self._reviews.get(person)
        return "" if moment is None else moment.isoformat()

    def _due(self, person: str) -> bool:
        moment = self._reviews.get(person)
        return moment is None or self.now - moment >= REVIEWED_AGAIN_AFTER

    @cached_property
    def _snoozes(self) -> Mapping[str, KeptSnooze]:
        return newest_snoozes(self.service.engine, self.team, since=self.now - WEEK)

    @cached_property
    def _woken(self) -> Mapping[str, str | None]:
        """By person who was snoozed lately what woke them; None while it lasts."""
        known = self.contacts.counts(self._snoozes)
        said = {one.person_id: float(in_100(one.probability or 0.0)) for one in self.ordered}
        return {
            person: one.woken_by(self.now, contacts=known.get(person, 0), in_100=said.get(person))
            for person, one in self._snoozes.items()
        }

    def _asleep(self, person: str) -> bool:
        return person in self._snoozes and self._woken[person] is None


def _said(probability: float | None) -> int | float | None:
    return None if probability is None else in_100(probability)
