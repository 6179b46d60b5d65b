"""What became of the things that a team said about somebody, in words: you said, and this is what came of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from crisisrisk.serving.care_answers import FeedbackGiven, QueryMade
from crisisrisk.serving.pages.kinds import Kinds
from crisisrisk.serving.pages.page import Local, capital, ended, lower_first
from crisisrisk.serving.risk_answers import ModelChange

PROBLEMS = {
    "another_person": "It is about somebody else", "did_not_happen": "It did not happen",
    "wrong_time": "The time is wrong", "wrong_kind": "It was something else", "twice": "It stands there twice",
    "other": "Something else",
}  # fmt: skip
OUTCOMES = {
    "corrected": "The record was wrong and is put right", "stands": "The record is right and stands",
    "passed_on": "It was passed on to the agency that sent it",
}  # fmt: skip


def query_led_to(query: QueryMade, kinds: Kinds, local: Local, made_as_of: datetime | None) -> Sequence[str]:
    """Sentences about a contact that was said to be wrong. `made_as_of`: of the number shown; None without one."""
    record = f"{kinds.one(query.source)} of {local.date(query.occurred_at, query.occurred_on)}"
    said = [f"Said {local.date(query.made_at)}: {record}, {lower_first(PROBLEMS[query.problem])}."]
    words = [f"In your team's words: {ended(query.words)}"] if query.words else []
    return [*said, *words, *_answer(query, local), *_record(query, local, made_as_of)]


def _answer(query: QueryMade, local: Local) -> Sequence[str]:
    if query.answered_at is None or query.outcome is None or query.answer is None:
        return ["Not answered yet."]
    became = lower_first(OUTCOMES[query.outcome])
    return [f"Answered {local.date(query.answered_at)}: {became}.", capital(ended(query.answer))]


def _record(query: QueryMade, local: Local, made_as_of: datetime | None) -> Sequence[str]:
    """How the record stands here, and whether the number was made since."""
    if query.record == "as_it_was":
        return [] if query.outcome == "stands" else ["No change of the record is known here yet."]
    when = "since" if query.record_changed_at is None else f"on {local.date(query.record_changed_at)}"
    told = f"It left this person's contacts {when}." if query.record == "gone" else f"The record changed here {when}."
    if query.record_changed_at is None or made_as_of is None:
        return [told]
    later = made_as_of > query.record_changed_at
    return [told, "The number above was made after that." if later else "The next number will take that in."]


def models_since(answers: Sequence[FeedbackGiven], changes: Sequence[ModelChange], local: Local) -> Mapping[int, str]:
    """By number of what was said of a number, which version of the model answers since."""
    said = {}
    for one in answers:
        if later := [change for change in changes if change.as_of > one.made_at]:
            last = later[-1]
            said[one.number] = f"Since {local.date(last.as_of)} version {last.after} of the model answers"
    return said
