"""What the routes about sites of care and plans answer with."""

from datetime import date, datetime

from pydantic import ConfigDict, Field

from crisisrisk.database.plans import KeptPost
from crisisrisk.positioning.realised import CAUTIOUS
from crisisrisk.positioning.site_names import SiteNames
from crisisrisk.serving.answers import Answer, Basis, Hotspot, ShiftListed
from crisisrisk.serving.place_answers import PlaceReviewed

SITE_NAME = "What the site is called now; its id where nobody says."


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
    name: str = Field(description="What staff call it; its id where nobody says.")
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


class PostShown(Answer):
    """One team at one site."""

    team: str
    site_id: str
    site_name: str = Field(description=SITE_NAME)
    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to")


class Change(Answer):
    """What one more change would do. `gain`: contacts that find a free team in time; below 0 where it loses some."""

    model_config = ConfigDict(extra="allow", frozen=True)

    change: str
    gain: float | None


class CallShown(Answer):
    """If a team is called away: who should move where, and what that gains; null where it gains little."""

    model_config = ConfigDict(extra="allow", frozen=True)

    away: str
    team: str | None
    site: str | None
    site_name: str | None = Field(description="Null where nobody moves.")
    gain: float


class MoreHourShown(Answer):
    """One more team for one hour."""

    gain: float
    site_id: str
    site_name: str = Field(description=SITE_NAME)
    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to")


class PlanShown(Answer):
    """One plan, with everything that can be said of it. Shares are of all expected contacts, by target in minutes."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str
    reason: str = Field(description="In a sentence.")
    at: list[str] = Field(description="The site of each team, the first where it moves; empty where it advises only.")
    posts: list[PostShown]
    moves: int
    target: float
    covered: dict[str, float] = Field(description="Expected contacts that find a free team, by target in minutes.")
    share: dict[str, float]
    worst_decile: float | None = Field(description="The share on the tenth of nights that are covered least.")
    worst_area: str = Field(description="Where most contacts are expected that no team reaches in time.")
    groups: dict[str, float | None] = Field(description="The share covered in each watched group of cells.")
    in_reach: dict[str, dict[str, float]] = Field(
        description="By team and target the contacts expected where it gets to in time."
    )
    adds: dict[str, float] = Field(description="By team how many fewer would find a free team without it.")
    loses: dict[str, float] = Field(description="What each team's going back to its base would lose.")
    loses_busiest: dict[str, float] = Field(
        default={},
        description="The same in a night of the busiest tenth, of the plan that is made for those: the least gain is "
        "asked there, over all nights it may be less. Empty for every other plan.",
    )
    if_called_away: list[CallShown]
    one_more_team: float | None = Field(description="Null where there was no time to work it out.")
    one_more_team_hour: MoreHourShown | None = Field(
        default=None, description="One more team for the one hour, at the one site, where that gains most."
    )
    price: float = Field(description="Contacts that it covers less than the plan that covers most.")
    gain: float | None = Field(description="Contacts beside the usual places; null where these cannot be taken.")
    optimal: bool
    gap: float = Field(description="By what share it may fall short of the best plan at most.")
    method: str
    floors_kept: bool | None
    not_told: list[str] = Field(
        default=[],
        description="What was not worked out in the time given: of `adds` and `if_called_away` some are absent then.",
    )


class RefugeShown(Answer):
    """The nearest place of a kind that takes people, from where the team stands then: one that is open for all of the
    post, and any nearer one that is open for a part of it, with when."""

    kind: str
    site: str
    site_name: str = Field(description=SITE_NAME)
    minutes: float
    kilometres: float = Field(description="By road.")
    phone: str
    whom: str = Field(description="`adults`, `under 18`, or `anyone`: of every age and with no conditions.")
    capacity: int | None = Field(description="Places; null where nobody says.")
    ages: str
    conditions: str = Field(description="Whom it does not take.")
    start: datetime = Field(alias="from", description="When it takes people: all of the post, or a part of it.")
    end: datetime = Field(alias="to")


class TakenShown(Answer):
    """How far people are taken to the nearest place of a kind, weighted by the contacts expected."""

    team: str | None = Field(description="Of those in its reach; null for all whom the plan reaches.")
    kind: str
    minutes: float
    kilometres: float
    share: float = Field(description="Of them, that such a place takes at all: it may be open for a part of the shift.")


class AdviceShown(Answer):
    """What control-room advice alone would cover; null where no contact that is forecast is recorded as advice."""

    contacts: float | None
    share: float | None
    not_recorded: float = Field(description="The share of which no agency says how it is made.")
    advises: list[str] = Field(description="Teams that can only advise by telephone for a time.")


class AmhpShown(Answer):
    """Approved mental health professionals: assessments expected, and the share that finds a free one in time."""

    expected: float | None
    teams: list[str] = Field(description="Teams on duty that declare the skill `amhp`.")
    covered: float | None = Field(description="Null where no team declares it.")


class LeftOutShown(Answer):
    """A site that is left out because a coordinator said that it takes nobody."""

    site_id: str
    site_name: str = Field(description=SITE_NAME)
    state: str
    start: datetime = Field(alias="from")
    end: datetime = Field(alias="until")
    reason: str


class RealisedShown(Answer):
    """What the forecast's plans reached when past shifts were played again, with as many teams, all alike."""

    start: date = Field(alias="from")
    end: date = Field(alias="to")
    shifts: int
    teams: int
    share: dict[str, float] = Field(description="Of the contacts that came, by target in minutes.")


class Positions(Basis):
    """Where teams should stand in a shift. `plan`: the posts of the first of `plans`, which is the one to follow."""

    model_config = ConfigDict(extra="allow", frozen=True)

    reference: str = Field(description="The plan's own: name it to use the plan, to change it, or to score it.")
    in_use: bool = Field(
        description="Whether it is the plan of the shift, which the board, the briefing and the review have."
    )
    forecast: str = Field(description="The reference of the forecast that it rests on.")
    made_at: datetime
    shift: ShiftListed
    teams: int
    plan: list[PostShown]
    target_minutes: float
    expected_coverage: float = Field(description="The share of expected contacts that find a free team in time.")
    coverage_said: str = Field(CAUTIOUS, description="Why more are usually reached than the coverage says.")
    realised: RealisedShown | None = Field(
        None, description="In the site's own replay of this shift; null where none has as many teams and the target."
    )
    expected_contacts: float
    optimal: bool
    gap: float
    seconds: float
    marginal: list[Change]
    plans: list[PlanShown]
    near: dict[str, list[RefugeShown]] = Field(description="By team the nearest places that take people.")
    taken: list[TakenShown]
    advice: AdviceShown
    amhp: AmhpShown
    remarks: list[str] = Field(description="What the plan could not take into account, in sentences.")
    travel: str = Field(description="Where the travel times are from.")
    hours_each: float = Field(description="Hours that a team is taken to be away for each contact.")
    left_out: list[LeftOutShown]


class Adjustment(Answer):
    """Where a coordinator put a plan's teams instead. The plan stays as it is; both are scored once it is known how."""

    reference: str
    plan: str = Field(description="The reference of the plan.")
    kind: str
    shift: str
    posts: list[PostShown]
    changed: list[PostShown] = Field(description="The posts that are not the plan's.")
    covers: float | None = Field(
        description="The share of expected contacts that find a free team in time; null where it cannot be told."
    )
    plan_covers: float | None = Field(description="The same of the plan, on the same forecast.")
    reason: str
    made_at: datetime
    made_by: str
    role: str
    caveats: list[str]


class NoteKept(Answer):
    """What a coordinator noted, or set aside or added. The forecast stays as issued and learns nothing."""

    reference: str
    kind: str = Field(description="`note`, `suppress`, `add` or `withdraw`.")
    shift: str
    forecast: str | None = Field(description="The forecast that stood on the board then.")
    place_id: str | None
    withdraws: str | None = Field(description="The note that is taken back.")
    reason: str
    made_at: datetime
    made_by: str
    role: str


class Stood(Answer):
    """One way to stand, played against the contacts that came. Minutes are keys."""

    name: str = Field(description="`plan`, `override`, or `as usual`.")
    reference: str = Field(description="Of the plan or of the adjustment.")
    reason: str
    posts: list[PostShown]
    in_time: dict[str, int] = Field(description="Contacts whose nearest free team would have been there in time.")
    share: dict[str, float | None] = Field(description="The same as shares; null without a contact.")
    gained: dict[str, int] = Field(description="In time, beside the plan.")
    waited: int = Field(description="Contacts for which no team was free at first.")


class Review(Answer):
    """A shift that is over: what was forecast, what came, and what the plan and its changes would have reached."""

    shift: ShiftListed
    contacts: int = Field(description="Contacts that came, in the places that were forecast, as far as known now.")
    places: list[PlaceReviewed] = Field(description="Those that were listed, and all others where somebody came.")
    plan: str | None = Field(description="The plan that was the shift's when it ended; null where none was chosen.")
    stood: list[Stood] = Field(description="The plan, its last change, and everybody at their usual place.")
    as_of: datetime
    data_complete_to: dict[str, datetime]
    travel: str | None
    at_scene_minutes: float | None
    caveats: list[str]


class ChangeBriefed(Answer):
    """What a coordinator decided in place of a plan, and why."""

    reference: str
    reason: str
    made_at: datetime


class PlanBriefed(Answer):
    """The plan of the shift, as a coordinator left it."""

    reference: str
    forecast: str
    made_at: datetime
    reason: str = Field(description="What the plan covers, in a sentence.")
    expected_coverage: float
    target_minutes: float
    posts: list[PostShown] = Field(description="As the coordinator decided last, else as the plan says.")
    by_telephone: list[str] = Field(description="Teams that stand nowhere all shift: they would go alone.")
    changed: ChangeBriefed | None


class Briefing(Basis):
    """What a shift looks like, where, who stands where, and which sites take nobody."""

    headline: str
    shift: ShiftListed
    places: list[Hotspot] = Field(description="The busiest.")
    plan: PlanBriefed | None
    left_out: list[LeftOutShown] = Field(description="Sites that are full or closed at any time of the shift.")
    notes: list[NoteKept] = Field(description="Of coordinators, and the places that they set aside or added.")


def post_shown(post: KeptPost, names: SiteNames) -> PostShown:
    """A post as it is answered."""
    span = {"from": post.start, "to": post.end}
    return PostShown(team=post.team, site_id=post.site_id, site_name=names.name(post.site_id), **span)
