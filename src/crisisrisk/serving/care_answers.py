"""What the routes answer with of what teams said and decided, of dated contacts, and of the queue of data queries."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from crisisrisk.serving.answers import Answer


class Made(Answer):
    """What everything says that somebody said."""

    number: int
    made_at: datetime
    made_by: str
    role: str


class FeedbackGiven(Made):
    """What somebody thinks of one score."""

    person_id: str
    reference: str | None = Field(description="Of the scores that it is about.")
    verdict: Literal["agree", "disagree", "acted"]
    reason: str | None
    words: str | None
    follows: int | None = Field(description="The number of the feedback that this is the second step of.")
    asked_again_at: datetime | None = Field(description="When the second step is due; null for a second step.")


class PersonFeedback(Answer):
    """What the team said of one person's scores, the newest first."""

    person_id: str
    feedback: list[FeedbackGiven]


class TeamFeedback(Answer):
    """What a team said of scores."""

    team: str
    feedback: list[FeedbackGiven]


class ReviewMade(Made):
    """One decision about a person."""

    person_id: str
    reference: str | None
    decision: str
    words: str
    shown_at: datetime | None = Field(description="When the score was first shown to the team; null without one.")


class PersonReviews(Answer):
    """The team's decisions about one person, the newest first."""

    person_id: str
    reviews: list[ReviewMade]


class SnoozeMade(Made):
    """One snooze, and whether it lasts."""

    person_id: str
    until: datetime
    reason: str
    rise: int | None
    asleep: bool
    woken_by: str | None = Field(description="ended, new_contact, rise or over; null while it lasts.")


class PersonSnoozes(Answer):
    """The team's snoozes of one person, the newest first."""

    person_id: str
    snoozes: list[SnoozeMade]


DAY_ALONE = "The day, where the record says no time of day: the moment beside it is then a midnight, and no time."


class ContactShown(Answer):
    """One dated contact, as far as it may be shown."""

    event_id: str
    occurred_at: datetime
    occurred_on: date | None = Field(description=DAY_ALONE)
    known_at: datetime
    source: str = Field(description="The kind of record; `urgent_contact` where that is not for this role.")
    code: str | None
    outcome: str | None
    ended_at: datetime | None


class Reached(Answer):
    """When a mental-health team last saw somebody, and what came of appointments since, as far as it is known here."""

    seen_at: datetime | None = Field(description="The last `mh_contact`; null where none is known.")
    seen_on: date | None = Field(description=DAY_ALONE)
    missed_since: int = Field(description="How many appointments (`mh_missed`) were missed since then, or at all.")


class PersonContacts(Answer):
    """A person's contacts, the latest first."""

    person_id: str
    now: datetime
    reached: Reached | None = Field(description="Null where no `mh_contact` of anybody is recorded at this site.")
    contacts: list[ContactShown]
    more: bool = Field(description="Whether there are earlier ones that are not listed.")


RecordState = Literal["as_it_was", "changed", "gone"]


class QueryMade(Made):
    """A question about one contact, as the team that asked sees it, and what came of it."""

    person_id: str
    event_id: str
    source: str = Field(description="The kind of record; `urgent_contact` where that is not for this role.")
    occurred_at: datetime
    occurred_on: date | None = Field(description=DAY_ALONE)
    problem: str
    words: str | None
    answered_at: datetime | None
    outcome: str | None
    answer: str | None
    record: RecordState = Field(
        description="Whether it stands as it did when this was said, as far as is known, was changed, or is gone from "
        "this person's contacts."
    )
    record_changed_at: datetime | None = Field(
        description="When that became known; null where it was known elsewhere before, and where nothing changed."
    )


class PersonQueries(Answer):
    """The team's questions about one person's contacts, the newest first."""

    person_id: str
    queries: list[QueryMade]


class QueuedQuery(Answer):
    """A question about one contact, as those see it who keep the data: which row, and not whose."""

    number: int
    made_at: datetime
    team: str
    event_id: str
    source: str
    occurred_at: datetime
    occurred_on: date | None = Field(description=DAY_ALONE)
    problem: str
    answered_at: datetime | None
    answered_by: str | None
    outcome: str | None
    answer: str | None


class QueuedQueries(Answer):
    """The queue, the one that has waited longest first."""

    queries: list[QueuedQuery]


class Capacity(Answer):
    """How many people a team can review in a week."""

    team: str
    people_a_week: int
    meaning: str
    said_at: datetime | None = Field(description="Null where it is the list length of crisisrisk.toml.")
    said_by: str | None


class Seen(Answer):
    """When somebody looked through a team's list."""

    team: str
    seen_at: datetime
    reference: str | None


class ShiftFeedbackGiven(Answer):
    """Whether a forecast was useful."""

    number: int
    shift: str
    reference: str | None
    place_id: str | None
    verdict: Literal["useful", "not_useful"]
    words: str | None
    made_at: datetime
    made_by: str
    role: str


class ShiftFeedbackList(Answer):
    """What was said of the forecasts of a shift, the newest first."""

    shift: str
    feedback: list[ShiftFeedbackGiven]
