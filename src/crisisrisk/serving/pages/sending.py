"""What forms of pages send: read as the API reads it, and said in plain words where it cannot be used."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

from fastapi import Request
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from crisisrisk.serving.asked import Asked
from crisisrisk.serving.bodies import form_of
from crisisrisk.serving.problems import NoAnswerError
from crisisrisk.tables.pseudonyms import without_nhs_numbers

_Sent = TypeVar("_Sent", bound=Asked)

Said = Literal[
    "answer", "decision", "snoozed", "woken", "query", "seen", "capacity", "plan", "tried", "site", "note", "withdrawn",
    "useful",
]  # fmt: skip
SAID: Mapping[Said, str] = {
    "answer": "Your answer is kept, for your team. It changes no number.",
    "decision": "The decision is kept.",
    "snoozed": "Snoozed. A new contact ends it at once.",
    "woken": "The snooze is ended.",
    "query": "It is in the queue of those who keep the records. What they find will stand here.",
    "seen": "From now on, what comes after this moment is marked as new to you, in your own list and in the team's.",
    "capacity": "The team's capacity is changed.",
    "plan": "This is now the plan of the shift. It is on the board and in the briefing.",
    "tried": "The plans are made and kept. Nothing else has changed: no plan is used until you say so.",
    "note": "It is kept, and stands on the board and the briefing.",
    "withdrawn": "It is taken back.",
    "useful": "Your answer is kept. It changes no forecast.",
    "site": "It is kept. Plans made from now on allow for it; make new ones if teams should stand elsewhere.",
}
"""What stands above a page after something was sent."""
WANTED: Mapping[str, str] = {
    "verdict": "Choose agree, disagree or acted",
    "reason": "Say why in a few words, without names and NHS numbers",
    "words": "Say it in a few words, without names and NHS numbers",
    "decision": "Choose what you decided",
    "until": "Choose a day after today, at most 84 days ahead",
    "rise": "Leave this empty, or write a whole number from 1 to 100",
    "nhs_number": "Write the ten digits of an NHS number",
    "problem": "Choose what is wrong",
    "people_a_week": "Write a whole number from 1 to 5,000",
}
NAMES_SOMEBODY = "This names somebody. Say it without names and NHS numbers"
_NAMED = ("an NHS number", "a pseudonym")
"""What the API says of a text that holds one."""


class SentWrongly(Exception):  # noqa: N818 -- it is told on the page that sent it, and is no error of the service
    """A form that cannot be used. `errors`: by field what is wanted; `given`: what was written, to be shown again."""

    def __init__(self, errors: Mapping[str, str], given: Mapping[str, str]) -> None:
        super().__init__(len(errors))
        self.errors = errors
        self.given = shown_again(given)


def sent(request: Request, kind: type[_Sent]) -> _Sent:
    """The form as a body of the API. Raises SentWrongly."""
    given = given_in(request, list(kind.model_fields))
    try:
        return kind.model_validate_strings({name: value for name, value in given.items() if value})
    except ValidationError as wrong:
        raise SentWrongly(wanted_of(wrong.errors()), given) from None


def sent_in_place(request: Request, kind: type[_Sent]) -> _Sent:
    """The same of buttons in a row, which have no place for errors of their own. Raises NoAnswerError."""
    try:
        return sent(request, kind)
    except SentWrongly as wrong:
        problems = [{"where": name, "problem": text} for name, text in wrong.errors.items()]
        raise NoAnswerError("CR-HTTP-422", "what was sent cannot be used", problems=problems) from None


def given_in(request: Request, names: Sequence[str]) -> Mapping[str, str]:
    """The fields of a form, as somebody wrote them."""
    form = form_of(request)
    return {name: form.get(name, "").replace("\r\n", "\n").strip() for name in names}


def shown_again(given: Mapping[str, str]) -> Mapping[str, str]:
    """What was written, without NHS numbers: the page that shows it is kept with the look, for years."""
    # Which contact it is, the service itself put into the form.
    return {name: text if name == "event_id" else without_nhs_numbers(text) for name, text in given.items()}


def wanted_of(errors: Sequence[Any]) -> Mapping[str, str]:
    """What is wanted, by field."""
    return {str(one["loc"][0]): _wanted(str(one["loc"][0]), one.get("msg", "")) for one in errors if one["loc"]}


def _wanted(name: str, told: str) -> str:
    return NAMES_SOMEBODY if any(one in told for one in _NAMED) else WANTED.get(name, "This cannot be used")


def listed_errors(errors: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
    """As the design system's summary of errors wants them."""
    return [{"text": text, "href": f"#{name}"} for name, text in errors.items()]


def back_to(path: str, said: Said) -> RedirectResponse:
    """The page that a form was sent from, with what became of it: reloading it sends nothing again."""
    return RedirectResponse(f"{path}{'&' if '?' in path else '?'}said={said}", status_code=303)
