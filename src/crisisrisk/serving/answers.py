"""What the routes answer with. Every answer about risk says which model, as of when, until when, with what caveats."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from crisisrisk.database.latest import Reasons
from crisisrisk.database.scores import RunMeta


class Answer(BaseModel):
    """The base of every answer: values as they are, nothing unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class IdentityShown(Answer):
    """Who somebody is, for roles that reach names."""

    nhs_number: str | None
    name: str | None
    birth_date: str | None
    phone: str | None


class Naming(Answer):
    """An answer in which people may be named."""

    identities: dict[str, IdentityShown] = Field(
        default_factory=dict,
        description="By pseudonym, for roles that reach names: filled after the look was kept, and kept with no look.",
    )


class ModelUsed(Answer):
    """The model that an answer comes from."""

    name: str
    version: int
    run_id: str
    recipe_fingerprint: str


class ReasonGiven(Answer):
    """One reason, in plain words."""

    direction: Literal["up", "down", "not_known"]
    share: float | None = Field(
        description="Its part of all that moved this answer, 0 to 1; 0 for what is not known, null in a release."
    )
    text: str
    events: list[str] = Field(description="Ids of the contacts behind it, where they are known and may be shown.")


class Basis(Answer):
    """What every answer about risk says about itself."""

    outcome: str
    horizon_days: int | float = Field(description="How far ahead; for a shift its real length in days.")
    as_of: datetime = Field(description="The moment the answer stands at; only what was known before it counts.")
    data_complete_to: dict[str, datetime] = Field(description="Per source, up to when its records are complete.")
    valid_until: datetime
    model: ModelUsed
    caveats: list[str]
    reference: str = Field(description="Quote it when asking about this answer.")


class Likelihood(Answer):
    """A probability and how it is said aloud."""

    probability: float = Field(ge=0, le=1)
    likely_in_100: int | float = Field(description="“About 18 in 100”: whole from 1 upwards, one decimal below.")
    lower: float | None = Field(description="Lower end of the range; null where it was not estimated.")
    upper: float | None = Field(description="Upper end of the range; null where it was not estimated.")
    reasons: list[ReasonGiven]


class ScoredPerson(Answer):
    """Whose score it is."""

    person_id: str
    state: Literal["scored"]
    thin_history: bool = Field(description="Known for a short time or by few contacts: the range is wider.")
    model_version: int = Field(
        description="Whose number it is: for a while after a change of model the higher of two is shown."
    )


class PersonRisk(Basis, Likelihood, ScoredPerson, Naming):
    """One person's score."""

    fresh: bool = Field(description="Worked out for this answer from the newest contacts; else of the last scoring.")


class ListedPerson(Likelihood, ScoredPerson):
    """One line of a caseload's list."""


class PinnedPerson(Answer):
    """Someone on the caseload without a current score, and why. Never a number, never left out."""

    person_id: str
    state: str
    meaning: str


class ScoredNow(Basis):
    """Some people, scored for this answer: those without a score with the reason, and the others as they were asked."""

    fresh: Literal[True]
    pinned: list[PinnedPerson]
    people: list[ListedPerson]


class Total(Answer):
    """What is forecast of a whole shift, or of one area in it: contacts a shift, and how that compares with usual.

    Null throughout but `expected`, `usual` and `places` for forecasts that were made before totals were kept.
    """

    expected: float = Field(description="Expected contacts: the cells of it add up to this.")
    usual: float | None = Field(description="Mean of the same shift of the week.")
    lower: float | None = Field(description="80 times in 100 at least the contacts lie from here to `upper`, inside.")
    upper: float | None
    usual_low: float | None = Field(description="About usual is from here to `usual_high`; null where it is released.")
    usual_high: float | None
    quieter: float | None = Field(description="The chance that it is quieter than usual, 0 to 1.")
    busier: float | None = Field(description="The chance that it is busier than usual, 0 to 1.")
    outlook: str | None = Field(description="Quieter than usual, busier than usual, or that it looks ordinary.")
    issue_hours: int | None = Field(
        description="The issue time that answers: range and chances are those of forecasts made so many hours before."
    )
    hours_ahead: float | None = Field(description="How many hours before the shift it was made.")
    places: int


class LateSource(Answer):
    """A source that was late when a forecast was made, so that its ranges are wider."""

    source: str
    complete_to: datetime = Field(description="Up to when its records were complete: what came since is not counted.")


class ShiftForecast(Total):
    """The newest forecast of a shift, all its cells together."""

    widened_by: list[LateSource] = Field(
        description="The late sources that every range of this forecast, and the samples that plans are made of, are "
        "wider for. Expected numbers are as they would be without; they may be too low."
    )

    modes: dict[str, float] = Field(
        description="Expected contacts by how they are made, which add up to `expected`: attendance, telephone advice, "
        "s136, AMHP assessment, others, and those whose agency does not say. Empty where nothing is known of it."
    )
    horizon_days: float = Field(description="The shift's real length in days.")
    as_of: datetime
    data_complete_to: dict[str, datetime] = Field(description="Per source, up to when its records are complete.")
    valid_until: datetime
    model: ModelUsed
    caveats: list[str]
    reference: str


class ShiftListed(Answer):
    """A shift of the rota, and its forecast if one was made."""

    id: str
    name: str
    start: datetime
    end: datetime
    hours: float = Field(description="Real hours: a night is an hour shorter or longer when the clocks change.")
    forecast: ShiftForecast | None


class AreaForecast(Total):
    """The forecast of one area in a shift."""

    area_id: str
    area_name: str


class IssuedForecast(Answer):
    """One of the forecasts that were issued of a shift. Later ones do not change it."""

    as_of: datetime
    issue_hours: int
    hours_ahead: float
    expected: float
    lower: float
    upper: float
    widened_by: list[LateSource] = Field(description="The late sources that its ranges are wider for.")
    model: ModelUsed
    reference: str


class ShiftWhole(ShiftListed):
    """A shift with the totals of its areas, and every forecast that was issued of it, the earliest first."""

    released: bool = Field(description="Whether disclosure control was applied; false only on a crisis team's board.")
    areas: list[AreaForecast]
    issued: list[IssuedForecast]


class Shifts(Answer):
    """The shifts that start in a stretch of time."""

    now: datetime
    shifts: list[ShiftListed]
    caveats: list[str]


class Place(Answer):
    """Which cell it is."""

    place_id: str
    place_name: str
    latitude: float | None
    longitude: float | None


class Hotspot(Likelihood, Place):
    """One cell in one shift."""

    expected: float = Field(description="Expected contacts; `lower` and `upper` are its range.")
    usual: float | None = Field(description="Mean of the same shift of the week at the same cell.")
    rank: int
    probability: float = Field(ge=0, le=1, description="Of at least one contact, were contacts independent.")


class Hotspots(Basis):
    """The cells of one shift, most expected contacts first."""

    shift: ShiftListed
    released: bool = Field(description="Whether disclosure control was applied; false only on a crisis team's board.")
    places_forecast: int
    places: list[Hotspot]


class KindCount(Answer):
    """How many contacts of one kind."""

    source: str
    kind: str = Field(description="What the site calls one of them.")
    count: int


class CameLately(Answer):
    """Crisis contacts that came to a place in the 28 days before the forecast was made, and were known then."""

    days: int
    until: datetime = Field(description="The forecast's `as_of`: what came or became known at it or later is not in.")
    total: int
    by_kind: list[KindCount] = Field(description="The most first. As forecasts count: an incident of two reports once.")


class ListedRunning(Answer):
    """A place among the ten highest shift after shift, of which no new contact was known as the forecast was made."""

    shifts: int = Field(description="Shifts of this name running, this one with them; at least three.")
    or_more: bool = Field(description="Whether it may be more: nobody looks further back than four weeks.")
    last_contact: datetime = Field(description="When the last crisis contact came there that was known then.")


class HotspotInDepth(Basis):
    """One cell of a shift: the hours of the shift, what came of late, and how often forecasts of it were right."""

    shift: ShiftListed
    released: bool = Field(description="Whether disclosure control applied.")
    places_forecast: int
    place: Hotspot
    hours: list[float] = Field(
        description="The share of the whole area's contacts in each real hour since the shift began; empty where the "
        "forecast does not say it. Of one cell too few come to say it."
    )
    lately: CameLately | None = Field(
        description="True counts, on a crisis team's board alone: null where disclosure control applies, since counts "
        "of days that overlap tell their difference; and where the tables cannot be read."
    )
    listed_running: ListedRunning | None = Field(
        description="On a crisis team's board alone, since a date may be one person's; null where it is listed for "
        "fewer shifts than three since its last contact."
    )
    record: str = Field(description="How often forecasts of this place were right, in words.")


class SourceStatus(Answer):
    """What is loaded of one source."""

    source: str
    complete_to: datetime
    newest_known_at: datetime
    late: bool


class LastRun(Answer):
    """The last scoring or forecast."""

    as_of: datetime
    valid_until: datetime
    model: ModelUsed


class JobStatus(Answer):
    """One job of the site's worker."""

    name: str
    state: str = Field(description="`waiting`, `running`, `done` or `failed`.")
    succeeded_at: datetime | None = Field(description="When it was last done; null where it never was.")
    ended_at: datetime | None = Field(description="When it last ended, done or failed.")
    next_due_at: datetime | None
    late: bool = Field(description="Whether it should have been taken up long ago: no worker is at work.")
    code: str | None = Field(description="What it last failed with; null after it was done.")
    problem: str | None = Field(description="What that code means.")
    result: dict[str, int] = Field(description="Counts of what was made: files, shifts, runs; never of people.")


class RowsRefused(Answer):
    """Rows of the agencies' files that could not be used."""

    rule: str = Field(description="What a row has to be: its column and the rule that it broke.")
    rows: int


class DataStatus(Answer):
    """How fresh everything is. No count of people."""

    now: datetime
    digest: str
    sources: list[SourceStatus]
    scores: LastRun | None
    forecast: LastRun | None
    jobs: list[JobStatus] = Field(description="What the site's worker does; empty where none was ever at work.")
    files_refused: int = Field(description="Files from the inbox that were refused in the last seven days.")
    rows_refused: list[RowsRefused] = Field(description="Rows in quarantine by the rule that they broke, most first.")


class AuditEntry(Answer):
    """One look: who, when, why, at how many people. What was shown is kept, and known by its digest."""

    number: int
    at: datetime
    purpose: str
    action: str
    status: int
    key_id: str | None = Field(description="Null for a command on the machine itself.")
    role: str
    team: str | None
    people: int = Field(description="How many people the answer named, or was asked about.")
    person_id: str | None = Field(description="Whom, where that was one person.")
    shown_sha256: str = Field(description="SHA-256 of the exact bytes that were shown.")
    request_id: str


class AuditPage(Answer):
    """Looks, the newest first."""

    looks: list[AuditEntry]
    next_before: int | None = Field(description="`before` of the next page; null on the last one.")


class AccessLog(Answer):
    """Who looked at one person, the newest first, and what the purposes mean."""

    person_id: str
    purposes: dict[str, str]
    looks: list[AuditEntry]


class ConcernRaised(Answer):
    """A concern was kept. Quote its number."""

    number: int
    raised_at: datetime


class SafetyConcern(Answer):
    """What somebody found unsafe, in their own words, and what was done."""

    number: int
    raised_at: datetime
    key_id: str
    role: str
    team: str | None
    about: str
    person_id: str | None
    reference: str | None
    text: str
    closed_at: datetime | None
    closed_by: str | None
    done: str | None


class Concerns(Answer):
    """The queue, the one that has waited longest first."""

    concerns: list[SafetyConcern]


class Version(Answer):
    """What is running."""

    program: str
    version: str
    site: str
    person_scores: bool
    database_revision: str


class Health(Answer):
    """The process answers."""

    status: Literal["ok"]


class Readiness(Answer):
    """Each part: `ready`, `degraded: …` where it answers by what was good last, or what is wrong."""

    ready: bool
    degraded: list[str] = Field(description="Parts that answer, but not as they should.")
    parts: dict[str, str]


class AnsweringModel(ModelUsed):
    """A model that answers, and whether it is the one that should."""

    subject: Literal["person", "place"]
    state: Literal["current", "degraded"] = Field(
        description="`degraded`: what should answer now was refused, and this is the last good one."
    )
    problem: str | None = Field(description="Why it was refused; null where nothing was.")


class Models(Answer):
    """The models that answer here."""

    models: list[AnsweringModel]
    unavailable: dict[str, str] = Field(description="Subjects of which no model answers, and why.")


class ModelPromotion(Answer):
    """Who let a model answer, and why."""

    by: str
    at: str
    reason: str
    checks: list[str] = Field(description="What was checked, with its numbers.")
    accepted: list[str] = Field(description="Checks that failed and were accepted all the same.")
    because: str


class CurrentModel(AnsweringModel):
    """What the bundle that answers says of itself."""

    training_cut_off: str = Field(description="Nothing known at or after it shaped the model.")
    made_at: str
    data_digest: str
    baseline: str | None = Field(description="Which simple rule the model is; null for trees.")
    trees: int
    features: list[str]
    other_issue_hours: list[int]
    versions: dict[str, str] = Field(description="The software that it was made with.")
    promotion: ModelPromotion | None


class WrongValue(Answer):
    """One value that cannot be used."""

    where: str
    problem: str


class Problem(Answer):
    """Anything that is not an answer (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    title: str
    status: int
    detail: str
    code: str
    where: str | None = None
    hint: str | None = None
    state: str | None = Field(None, description="Why a person has no current score.")
    problems: list[WrongValue] | None = None
    reference: str | None = Field(None, description="Of an unexpected failure: quote it.")


def model_used(meta: RunMeta) -> ModelUsed:
    """The model of a run."""
    return ModelUsed(
        name=meta.model_name, version=meta.model_version, run_id=meta.run_id, recipe_fingerprint=meta.recipe_fingerprint
    )


def reasons_given(reasons: Reasons) -> list[ReasonGiven]:
    """Stored reasons as they are answered."""
    return [
        ReasonGiven(
            direction=reason["direction"],
            share=reason.get("share"),
            text=reason["text"],
            events=reason.get("events", []),
        )
        for reason in reasons
    ]
