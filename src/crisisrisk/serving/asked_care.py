"""What care teams send about people, and crisis teams about forecasts: checked before anything is kept."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from crisisrisk.serving.asked import Asked, Name, Note

MOST_RISE = 100

Verdict = Literal["agree", "disagree", "acted"]
FeedbackReason = Literal["knows_more", "data_wrong", "acted_already", "other"]
Decision = Literal["no_change", "contact", "crisis_plan", "referred", "discussed_in_team", "other"]
ContactProblem = Literal["another_person", "did_not_happen", "wrong_time", "wrong_kind", "twice", "other"]
QueryOutcome = Literal["corrected", "stands", "passed_on"]
EventId = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class FeedbackAsked(Asked):
    """What somebody thinks of a score: at once, or with `follows` a week after they said so first."""

    verdict: Verdict = Field(description="Whether it was right in their eyes, or that they have acted on it.")
    reason: FeedbackReason | None = Field(None, description="`knows_more`: something that is not in the records.")
    words: Note | None = Field(None, description="In their own words, for the team.")
    follows: int | None = Field(None, ge=1, le=2**31 - 1, description="The number of the feedback that this follows.")


class ReviewAsked(Asked):
    """What somebody decided about a person. A score decides nothing: this is the record that a human being did."""

    decision: Decision
    words: Note = Field(description="Why, in their own words, for the team.")


class SnoozeAsked(Asked):
    """Until when somebody is left off the usual list."""

    until: date = Field(description="It wakes as this day begins, by the site's clock on the wall.")
    reason: Note
    rise: int | None = Field(
        None, ge=1, le=MOST_RISE, description="By how many of 100 more it wakes before. A new contact always wakes it."
    )


class DataQueryAsked(Asked):
    """ "This is wrong" about one dated contact."""

    event_id: EventId = Field(description="Of the contact, as the person's contacts have it.")
    problem: ContactProblem
    words: Note | None = Field(None, description="For the team alone: those who keep the data see no words of yours.")


class QueryAnswerAsked(Asked):
    """What was found about a contact, and what became of it."""

    outcome: QueryOutcome
    answer: Note = Field(description="What was found, for the team that asked.")


class CapacityAsked(Asked):
    """How many people a team can review in a week from now on."""

    people_a_week: int = Field(ge=1, le=5_000)
    reason: Note


class ShiftFeedbackAsked(Asked):
    """Whether a forecast was useful, as a whole or at one place of it."""

    verdict: Literal["useful", "not_useful"]
    place_id: Name | None = Field(None, description="A place of the forecast. Left out: the whole of it.")
    words: Note | None = Field(None, description="Why. Nothing about a person belongs here.")
