"""What callers send: texts of people about sites and plans, checked before anything is kept."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

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
    return text


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
                 AfterValidator(_can_be_kept)]  # fmt: skip
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=MOST_CHARACTERS),
                   AfterValidator(_can_be_kept)]  # fmt: skip
