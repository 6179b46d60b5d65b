"""The tables of crisisrisk, declared once. Everything else about them is derived from here."""

from crisisrisk.tables.schema import (
    CATEGORIES,
    FLAG,
    IDENTIFIER,
    NUMBER,
    TIME,
    WHOLE,
    AboveZero,
    Column,
    InRange,
    NotBefore,
    OneLine,
    OneOf,
    Table,
    TogetherWith,
)

KNOWN_AT = Column(name="known_at", kind=TIME, required=True, meaning="When the service could first have known this.")
VALID_FROM = Column(name="valid_from", kind=TIME, required=True, meaning="When this state began.")
VALID_TO = Column(
    name="valid_to", kind=TIME, meaning="When this state ended; empty while it lasts.",
    constraints=(NotBefore("valid_from"),),
)  # fmt: skip
PERSON_ID = Column(
    name="person_id",
    kind=CATEGORIES,
    required=True,
    identifying=True,
    meaning="The person, as a pseudonym of this site.",
)
LATITUDE = Column(
    name="latitude",
    kind=NUMBER,
    unit="degrees, WGS 84",
    constraints=(InRange(-90, 90), TogetherWith("longitude")),
    meaning="Where it is, north of the equator.",
)
LONGITUDE = Column(
    name="longitude",
    kind=NUMBER,
    unit="degrees, WGS 84",
    constraints=(InRange(-180, 180), TogetherWith("latitude")),
    meaning="Where it is, east of Greenwich.",
)
DECILE = Column(
    name="deprivation_decile", kind=WHOLE, constraints=(InRange(1, 10),),
    meaning="Index of multiple deprivation of the area; 1 is the most deprived tenth.",
)  # fmt: skip


MODES = ("attendance", "telephone_advice", "message", "s136", "amhp_assessment", "other")


def _category(name: str, meaning: str, *, required: bool = False, values: tuple[str, ...] = ()) -> Column:
    constraints = (OneOf(values),) if values else ()
    return Column(name=name, kind=CATEGORIES, meaning=meaning, required=required, constraints=constraints)


def _time(name: str, meaning: str, *, required: bool = False, not_before: str | None = None) -> Column:
    constraints = (NotBefore(not_before),) if not_before else ()
    return Column(name=name, kind=TIME, meaning=meaning, required=required, constraints=constraints)


EVENTS = Table(
    name="events",
    row="one contact with an agency",
    key=("source", "event_id"),
    sort=("person_id", "known_at", "occurred_at", "event_id"),
    start="occurred_at",
    columns=(
        Column(name="event_id", kind=IDENTIFIER, required=True, identifying=True,
               meaning="Names the event within its source. The same id with other content is a correction."),
        _time("occurred_at", "When it happened, or will: an appointment is known before it occurs.", required=True),
        KNOWN_AT,
        _category("source", "The kind of record, one of the sources in crisisrisk.toml.", required=True),
        _category("code", "What kind of contact, in the agency's words.", required=True),
        Column(name="person_id", kind=CATEGORIES, identifying=True,
               meaning="The person, as a pseudonym of this site; empty where nobody knows."),
        Column(name="source_person_key", kind=CATEGORIES, identifying=True,
               meaning="The agency's own key of the person, as a keyed pseudonym; person_links says whose."),
        LATITUDE,
        LONGITUDE,
        _category("place_id", "The area or cell where it happened, where coordinates are not given."),
        _category("outcome", "How the contact ended, in the agency's words."),
        _category("origin", "Who began the contact.", values=("public", "partner", "team_initiated", "follow_up")),
        _category("mode", "How the contact was made.", values=MODES),
        Column(name="is_crisis", kind=FLAG, default=False, meaning="The agency itself calls this a crisis contact."),
        _category("premises", "Whether the place was public or private.", values=("public", "private")),
        # Sums of this column are kept as whole numbers: larger values are typing errors, and would overflow them.
        Column(name="value", kind=NUMBER, constraints=(InRange(-1e9, 1e9),),
               meaning="A number that belongs to the code, such as a dose or a score."),
        _time("ended_at", "When a stay or a section ended; never known before itself.", not_before="occurred_at"),
        _time("dispatched_at", "When a team was sent."),
        _time("arrived_at", "When the team arrived.", not_before="dispatched_at"),
        _time("cleared_at", "When the team was free again.", not_before="arrived_at"),
        _category("team_id", "The team that answered."),
    ),
)  # fmt: skip

PEOPLE = Table(
    name="people",
    row="one person, one dated state",
    key=("person_id",),
    sort=("person_id", "known_at", "valid_from"),
    start="valid_from",
    columns=(
        PERSON_ID,
        VALID_FROM,
        KNOWN_AT,
        Column(name="birth_year", kind=WHOLE, unit="year", meaning="Year of birth.",
               constraints=(InRange(1880, 2200),)),
        _category("sex", "Sex as recorded.", values=("female", "male", "other", "unknown")),
        _category("ethnicity", "Ethnic group as recorded."),
        _category("home_place_id", "The place where the person lives."),
        DECILE,
        _time("valid_to", "When this person stopped being observed: moved away, or the study ended.",
              not_before="valid_from"),
        _time("died_at", "When the person died."),
    ),
)  # fmt: skip

PERSON_LINKS = Table(
    name="person_links",
    row="one agency's record is this person",
    key=("source", "source_person_key"),
    sort=("source", "source_person_key", "known_at", "person_id"),
    start="valid_from",
    columns=(
        _category("source", "The source whose key this is.", required=True),
        Column(name="source_person_key", kind=CATEGORIES, required=True, identifying=True,
               meaning="The agency's own key of the person, as a keyed pseudonym."),
        PERSON_ID,
        VALID_FROM,
        KNOWN_AT,
        Column(name="confidence", kind=NUMBER, constraints=(InRange(0, 1),), meaning="How sure the link is."),
    ),
)  # fmt: skip

IDENTITIES = Table(
    name="identities",
    row="who that is (encrypted, operational database only)",
    key=("person_id",),
    sort=("person_id",),
    history=False,
    operational_only=True,
    columns=(
        PERSON_ID,
        Column(name="nhs_number", kind=IDENTIFIER, identifying=True, meaning="NHS number, ten digits."),
        Column(name="name", kind=IDENTIFIER, identifying=True, meaning="Name as used."),
        Column(name="birth_date", kind=TIME, identifying=True, meaning="Date of birth."),
        Column(name="phone", kind=IDENTIFIER, identifying=True, meaning="Telephone number to ring."),
    ),
)  # fmt: skip

CASELOADS = Table(
    name="caseloads",
    row="who cares for whom, when",
    key=("person_id", "team_id", "valid_from"),
    sort=("person_id", "team_id", "valid_from", "known_at"),
    start="valid_from",
    columns=(
        PERSON_ID,
        _category("team_id", "The team that cares for the person.", required=True),
        VALID_FROM,
        KNOWN_AT,
        _category("worker_id", "The care coordinator, as the site names workers."),
        VALID_TO,
    ),
)

NEWEST_COUNTS = Column(
    name="known_at", kind=TIME, meaning="When this was known; of two descriptions the newest counts."
)

PLACES = Table(
    name="places",
    row="one cell or area",
    key=("place_id",),
    sort=("place_id",),
    history=False,
    columns=(
        _category("place_id", "Names the place.", required=True),
        LATITUDE,
        LONGITUDE,
        Column(name="area_km2", kind=NUMBER, unit="km²", constraints=(AboveZero(),), meaning="Area."),
        Column(name="population", kind=NUMBER, unit="residents", constraints=(InRange(0, 1e8),), meaning="Residents."),
        DECILE,
        _category("kind", "What sort of place, such as cell, neighbourhood or LSOA."),
        _category("parent_place_id", "The larger place that it belongs to."),
        _category("name", "What people call it."),
        NEWEST_COUNTS,
    ),
)

SITES_OF_CARE = Table(
    name="sites_of_care",
    row="where a team can stand, or take someone",
    key=("site_id",),
    sort=("site_id",),
    history=False,
    columns=(
        _category("site_id", "Names the site.", required=True),
        Column(name="name", kind=CATEGORIES, constraints=(OneLine(80),),
               meaning="What staff call it; where empty its id is shown."),
        _category("kind", "What it is.", required=True,
                  values=("base", "standby_point", "place_of_safety", "crisis_cafe", "emergency_department")),
        LATITUDE,
        LONGITUDE,
        _category("opens", "Local time at which it opens, HH:MM."),
        _category("closes", "Local time at which it closes, HH:MM."),
        Column(name="capacity", kind=WHOLE, unit="places", constraints=(InRange(0, 10_000),), meaning="Places."),
        _category("ages", "Whom it takes, by age."),
        _category("conditions", "Whom it does not take."),
        _category("phone", "The site's own number."),
        NEWEST_COUNTS,
    ),
)  # fmt: skip

DEPLOYMENTS = Table(
    name="deployments",
    row="where a team was, when",
    key=("team_id", "from"),
    sort=("team_id", "from"),
    history=False,
    columns=(
        _category("team_id", "The team.", required=True),
        _time("from", "Since when it stood there.", required=True),
        _time("to", "Until when.", required=True, not_before="from"),
        _category("site_id", "The site of care where it stood."),
        _category("place_id", "The place where it stood, if not at a site."),
        _category("plan_id", "The standby plan that it followed."),
        NEWEST_COUNTS,
    ),
)

OPT_OUTS = Table(
    name="opt_outs",
    row="one person's objection",
    key=("person_id", "valid_from"),
    sort=("person_id", "valid_from", "known_at"),
    start="valid_from",
    columns=(
        PERSON_ID,
        VALID_FROM,
        KNOWN_AT,
        VALID_TO,
        _category("kind", "What the person objects to.", values=("national", "local", "scoring")),
    ),
)

EXPOSURES = Table(
    name="exposures",
    row="one score shown or acted on",
    key=("person_id", "shown_at"),
    sort=("person_id", "shown_at", "known_at"),
    start="shown_at",
    columns=(
        PERSON_ID,
        _time("shown_at", "When the score was shown.", required=True),
        KNOWN_AT,
        _category("run_id", "The scoring run that it came from."),
        _category("action", "What was done.", values=("shown", "listed", "opened", "acted_on", "dismissed")),
        _category("team_id", "The team to which it was shown."),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        EVENTS, PEOPLE, PERSON_LINKS, IDENTITIES, CASELOADS, PLACES, SITES_OF_CARE, DEPLOYMENTS, OPT_OUTS, EXPOSURES,
    )
}  # fmt: skip

SMALL_TABLES: tuple[Table, ...] = tuple(
    table for table in TABLES.values() if table is not EVENTS and not table.operational_only
)
