"""What a caseload answers with beyond a list of scores: who comes first whatever the score, and what is new."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from crisisrisk.serving.answers import Answer, Basis, ListedPerson, Naming, PinnedPerson
from crisisrisk.serving.care_answers import DAY_ALONE, Capacity, Reached

Tab = Literal["new_or_changed", "all", "review_due", "snoozed"]


Sort = Literal["likely", "last_contact", "last_review"]
Only = Literal["new_since_seen", "no_crisis_plan", "contact_in_7_days", "no_worker"]


class FirstPerson(Answer):
    """Somebody of such a group, and the contact that put them there, where it was one."""

    person_id: str
    at: datetime | None
    on: date | None = Field(description=DAY_ALONE)
    source: str | None


class FirstGroup(Answer):
    """People who come first whatever their score, and although they are snoozed."""

    group: Literal["in_crisis_or_hospital", "contact_last_night", "discharged", "missed_today", "no_crisis_plan"]
    meaning: str
    people: list[FirstPerson]


class ChangeSince(Answer):
    """What was said about a week before; null where nothing was."""

    as_of: datetime | None
    likely_in_100: int | float | None
    changed: bool = Field(description="New, or by two of 100 and a quarter of itself or more, either way.")
    new_contacts: dict[str, int] = Field(
        description="By kind of record how many contacts became known since: what came meanwhile, not what it did."
    )
    other_model: bool = Field(description="Whether another version answered then.")


class CaseloadPerson(ListedPerson):
    """One line of a caseload."""

    change: ChangeSince
    weeks: list[float | None] = Field(description="The number of each of 24 weeks, the earliest first; null without.")
    near_top_weeks: int = Field(description="For how many weeks on end within the team's capacity, this one included.")
    reached: Reached | None = Field(description="Null where no `mh_contact` of anybody is recorded at this site.")
    new_since_seen: bool = Field(
        description="Another number, or a contact that became known, since this key last said that it had looked."
    )
    worker: str | None = Field(description="The care coordinator; null where none is named.")
    last_contact: datetime | None
    last_contact_on: date | None = Field(description=DAY_ALONE)
    crisis_plan: datetime | None = Field(description="When one was made or reviewed last; null where none is known.")
    crisis_plan_on: date | None = Field(description=DAY_ALONE)
    last_review: datetime | None
    snoozed_until: datetime | None = Field(description="Null unless a snooze lasts.")
    snooze_number: int | None = Field(description="The number that a snooze that lasts is ended by.")
    woken_by: str | None = Field(description="What ended the newest snooze, of the last week; null without one.")


class QueryAnswered(Answer):
    """A question about somebody's contact, and that it was answered; what was found stands with the person."""

    number: int
    person_id: str
    answered_at: datetime
    outcome: str


class CaseloadWork(Naming):
    """What stands above and beside every list of a team."""

    tab: Tab
    worker: str | None = Field(description="Whose people these are; null for those of the whole team.")
    workers: list[str] = Field(description="Who has people in this team.")
    people_without_worker: int = Field(
        description="How many of the whole team have no care coordinator: they are on nobody's own list."
    )
    first: list[FirstGroup]
    not_recorded: list[str] = Field(description="Groups of which nothing is recorded here: not that there is nobody.")
    answered: list[QueryAnswered] = Field(
        description="The team's questions about contacts of these people that were answered since this key last said "
        "that it had looked, within four weeks."
    )
    capacity: Capacity


class Caseload(Basis, CaseloadWork):
    """A team's people: those who come first, those without a score, then the list, most likely first."""

    team: str
    people_on_caseload: int
    people_scored: int
    people_on_list: int = Field(description="How many the list has, by its tab and `only`, however few are answered.")
    seen_at: datetime | None = Field(description="When this key last said that it had looked; null where it never did.")
    pinned: list[PinnedPerson]
    people: list[CaseloadPerson]


class CaseloadUnscored(CaseloadWork):
    """A caseload when there is no current scoring at all: everybody pinned, with the reason."""

    team: str
    people_on_caseload: int
    people_scored: Literal[0]
    pinned: list[PinnedPerson]
    people: list[CaseloadPerson] = Field(max_length=0)
    caveats: list[str]
