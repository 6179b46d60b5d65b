"""What the routes answer with of a score's history, the contacts behind its reasons, and what changed."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from crisisrisk.serving.answers import Answer, Basis, Likelihood, Naming, ReasonGiven, ScoredPerson
from crisisrisk.serving.care_answers import ContactShown


class PastScore(Answer):
    """What was said of a person at one moment of the past: never of now."""

    as_of: datetime
    state: str
    probability: float | None = Field(description="Null exactly where the state is not `scored`.")
    likely_in_100: int | float | None
    lower: float | None
    upper: float | None
    model_version: int
    late: list[str] = Field(description="Sources that were late then: what they knew was not in it.")
    made_afterwards: bool = Field(description="Whether its model had also learned from what came after this moment.")
    reference: str


class ModelChange(Answer):
    """From which score on another version answered: a step there may be the model's and not the person's."""

    as_of: datetime
    before: int
    after: int


class RiskHistory(Basis, Likelihood, ScoredPerson, Naming):
    """A person's scores of the last 24 weeks, the earliest first, with the contacts of that time."""

    since: datetime
    team_in_100: int | float = Field(description="The mean of the team's people with a current score.")
    near_top_weeks: int = Field(description="For how many weeks on end within the team's capacity, this one included.")
    scores: list[PastScore]
    model_changes: list[ModelChange]
    contacts: list[ContactShown] = Field(description="The latest first.")


class ReasonTold(ReasonGiven):
    """One reason, with the dated contacts behind it as they are known now."""

    contacts: list[ContactShown]


class RiskReasons(Basis, ScoredPerson, Naming):
    """Why the number of a person is what it is, and why it is not higher."""

    probability: float = Field(ge=0, le=1)
    likely_in_100: int | float
    lower: float | None
    upper: float | None
    up: list[ReasonTold]
    down: list[ReasonTold] = Field(description="Why it is not higher.")
    not_known: list[ReasonTold] = Field(description="What is not recorded, or late. It says nothing for or against.")


class ChangePart(Answer):
    """One cause of a movement."""

    cause: Literal["new_contacts", "ageing", "model"]
    meaning: str
    points: int = Field(description="Of 100 people; those of all parts add up to the movement.")
    log_odds: float = Field(description="The same, unrounded.")
    reasons: list[ReasonTold]


class RiskChanges(Basis, ScoredPerson, Naming):
    """What changed since a date, as a sum."""

    probability: float = Field(ge=0, le=1, description="By what is known now of the moment of the last scoring.")
    likely_in_100: int | float
    since: datetime
    state_then: str = Field(description="Unless it is `scored`, there is nothing to compare with, and no part.")
    probability_then: float | None
    likely_in_100_then: int | float | None
    points: int | None = Field(description="The movement between the two whole numbers of 100.")
    log_odds: float | None
    parts: list[ChangePart]
