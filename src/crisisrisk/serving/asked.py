"""What callers send: texts of people about sites and plans, checked before anything is kept."""

import re
from typing import Annotated, Any, Literal, Self
from unicodedata import category

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)

from crisisrisk.serving.trail import people_named
from crisisrisk.tables.pseudonyms import has_nhs_number

MOST_CHARACTERS = 300


class Asked(BaseModel):
    """The base of every body: nothing unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _can_be_kept(text: str) -> str:
    if not text.isprintable():
        raise ValueError("wanted one line of characters that can be printed")
    if has_nhs_number(text):
        raise ValueError("it holds what may be an NHS number: nothing about a person belongs here")
    if people_named(text.encode()):  # every answer that repeated it would be one that names people, and be refused
        raise ValueError("it holds a pseudonym: nothing about a person belongs here")
    return text


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
                 AfterValidator(_can_be_kept)]  # fmt: skip
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=MOST_CHARACTERS),
                   AfterValidator(_can_be_kept)]  # fmt: skip

LONGEST = 4_000


def _words(text: str) -> str:
    """Refuses control characters but a new line and halves of characters, which no database takes, and NHS numbers."""
    if not text.strip() or any(category(one) in ("Cc", "Cs") and one != "\n" for one in text):
        raise ValueError("wanted words, on one line or several")
    if has_nhs_number(text):
        raise ValueError("it holds what may be an NHS number: say the person by pseudonym, in `person_id`")
    return text


def _names_nobody(text: str) -> str:
    """A pseudonym in a text would make every answer that has it a look at that person."""
    if people_named(text.encode()):
        raise ValueError("it holds a pseudonym: whom it is about, the address says")
    return text


Words = Annotated[str, Field(min_length=1, max_length=LONGEST), AfterValidator(_words)]
Note = Annotated[Words, AfterValidator(_names_nobody)]
"""Somebody's own words about the person whom the address names."""

Reference = Annotated[str, Field(pattern=r"^[\w.:-]{1,100}$"), AfterValidator(_can_be_kept)]
"""Of an answer, or the id of a shift or place; what may be an NHS number or a pseudonym is none."""
OUR_REFERENCE = re.compile(r"[A-Z]-[0-9]{1,9}|live-[0-9]{8}T[0-9]{6}Z")
"""What this service itself calls an answer, a plan or a note."""

PLAN = r"^P-\d{1,18}$"
MOST_TEAMS, MOST_SITES, MOST_FLOORS = 20, 500, 10
LONGEST_SEARCH = 10.0

Names = Annotated[list[Name], Field(max_length=MOST_SITES)]
TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01]?\d|2[0-4]):[0-5]\d$")]


class TeamAsked(Asked):
    """One team, as `[[mobile_team]]` in crisisrisk.toml declares it."""

    name: Name
    base: Name | None = Field(None, description="Where it usually stands. Left out: the site's own bases in turn.")
    may_stand: Names | None = Field(None, description="Sites that it may stand at. Left out: every one.")
    areas: Names | None = Field(None, description="Places that it cannot leave. Left out: everywhere.")
    skills: Names | None = None
    staff: int | None = Field(None, ge=1, le=20)
    starts: TimeOfDay | None = Field(None, description="Local time at which it begins, where it is not the shift's.")
    ends: TimeOfDay | None = None
    break_minutes: int | None = Field(None, ge=0, le=240)
    break_between: list[TimeOfDay] | None = Field(None, min_length=2, max_length=2)

    def as_declared(self) -> dict[str, Any]:
        """What was said of it, as a configuration would have it."""
        return self.model_dump(exclude_none=True)


def _how_said(teams: object) -> str:
    return "each" if isinstance(teams, list | tuple) else "number"


# By the form that came, so that only what is wrong with that form is said.
Teams = (
    Annotated[
        Annotated[int, Tag("number"), Field(ge=1, le=MOST_TEAMS)]
        | Annotated[list[TeamAsked], Tag("each"), Field(min_length=1, max_length=MOST_TEAMS)],
        Discriminator(_how_said),
    ]
    | None
)


class PositionsAsked(Asked):
    """For which teams a plan is asked, and what is wished of it."""

    teams: Teams = Field(None, description="How many, or each. Left out: those that the site declares for the shift.")
    target_minutes: float = Field(15.0, gt=0, le=240, description="Within how many minutes a team should be there.")
    least_gain: float = Field(0.1, ge=0, le=1000, description="Contacts; for fewer no team is asked to leave its base.")
    floors: dict[Name, Annotated[float, Field(ge=0, le=10)]] = Field(
        default_factory=dict, max_length=MOST_FLOORS, examples=[{"most deprived fifth": 0.9}],
        description="For a group of cells the least share of the average cover.",
    )  # fmt: skip
    periods: Literal[1, 2] = Field(1, description="Of the shift, between which teams may move.")
    move_cost: float = Field(0.1, ge=0, le=1000, description="Contacts that each such move must gain.")
    model: Literal["cover", "double-standard", "p-median"] = Field(
        "cover", description="By which aim: most contacts that find a free team, reached twice, nearest on average."
    )
    full: Names = Field(default_factory=list, description="Further sites that take nobody; see also /api/v1/sites.")
    seconds: float = Field(
        3.0, ge=0, le=LONGEST_SEARCH, description="How long looking and telling may take; 0: at once."
    )
    use: bool = Field(
        False, description="Make the first of them the plan of the shift. Left out: they are kept, and only asked for."
    )


class PostAsked(Asked):
    """One team at one site. Left out, `from` and `to` are those between which the plan has the team out."""

    team: Name
    site_id: Name
    start: AwareDatetime | None = Field(None, alias="from")
    end: AwareDatetime | None = Field(None, alias="to")


class AdjustmentAsked(Asked):
    """What a coordinator did instead, and why: stored, and scored against the plan afterwards."""

    kind: Literal["positions"]
    plan: str | None = Field(
        None, pattern=PLAN, description="Which plan. Left out: the shift's; else it is from then on."
    )
    posts: list[PostAsked] = Field(min_length=1, max_length=10 * MOST_TEAMS, description="Every team of the plan.")
    reason: Reason


class PlanChosen(Asked):
    """Which plan is the plan of the shift, as it was made."""

    plan: str = Field(pattern=PLAN, description="The reference of one that was made for this shift.")
    which: int = Field(
        1,
        ge=1,
        le=3,
        description="Of those made at once. Another than the first is kept as a change of it.",
    )


class NoteAsked(Asked):
    """A note about a shift, a place set aside or added, or one of them taken back: stored, and never learned from."""

    kind: Literal["note", "suppress", "add", "withdraw"]
    place_id: Name | None = Field(None, description="A place of the forecast: with `suppress` and `add`, may be else.")
    withdraws: str | None = Field(None, pattern=r"^N-\d{1,9}$", description="With `withdraw`: which note.")
    reason: Reason = Field(description="The note itself, or why. Nothing about a person belongs here.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.kind in ("suppress", "add") and self.place_id is None:
            raise ValueError("wanted place_id: which place is set aside or added")
        if (self.kind == "withdraw") != (self.withdraws is not None):
            raise ValueError("wanted withdraws with kind withdraw, and with no other: the reference of a note")
        return self


AnyAdjustment = Annotated[AdjustmentAsked | NoteAsked, Field(discriminator="kind")]
