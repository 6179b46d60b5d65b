"""How places are answered about once their shift is over."""

from pydantic import Field

from crisisrisk.serving.answers import Answer


class PlaceReviewed(Answer):
    """One place of a forecast beside what then came there. Never a person."""

    place_id: str
    place_name: str
    rank: int
    expected: float
    lower: float | None
    upper: float | None
    came: int = Field(description="Contacts that came there, as far as known now.")
    listed: bool = Field(description="Whether it stood on the list of the highest, as a coordinator left it.")
    outcome: str = Field(description="`hit`: listed, and somebody came; `miss`: not listed, and somebody came; `none`.")
