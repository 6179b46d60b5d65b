"""What the routes about sites of care and plans answer with."""

from datetime import datetime

from pydantic import Field

from crisisrisk.serving.answers import Answer


class StatusSaid(Answer):
    """What a coordinator set of a site, by whom and until when. It ends by itself."""

    state: str = Field(description="`full`, `closed`, or `open`: what was set before has been taken back.")
    reason: str
    start: datetime = Field(alias="from")
    end: datetime = Field(alias="until")
    set_at: datetime
    set_by: str = Field(description="The key's id.")
    role: str
    holds_now: bool


class SiteShown(Answer):
    """A site of care: where a team can stand, or somebody can be taken."""

    id: str
    kind: str
    latitude: float | None
    longitude: float | None
    opens: str | None = Field(description="Local time; null for one that never closes.")
    closes: str | None
    capacity: int | None
    ages: str | None
    conditions: str | None
    phone: str | None
    status: StatusSaid | None = Field(description="What was set of it last and has not ended; null for nothing.")


class SitesShown(Answer):
    """Every site of care."""

    now: datetime
    sites: list[SiteShown]
