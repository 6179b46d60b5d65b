"""The tables of files that `crisisrisk.toml` names: school holidays, happenings, points. Declared like the others.

They say what is known of days and places, hold nothing about persons, and are read where a feature needs them.
"""

import pyarrow as pa

from crisisrisk.tables.core import LATITUDE, LONGITUDE
from crisisrisk.tables.schema import CATEGORIES, IDENTIFIER, NUMBER, TIME, AboveZero, Column, Kind, NotBefore, Table

DAY = Kind("date", pa.date32())

ANNOUNCED = Column(
    name="known_at", kind=TIME, required=True,
    meaning="When this was announced; at an earlier issue time it is no feature. A date alone is the end of that day.",
)  # fmt: skip
WITHDRAWN = Column(
    name="withdrawn_at", kind=TIME, constraints=(NotBefore("known_at"),),
    meaning="When it was known to be called off, closed or changed; from then on it no longer counts.",
)  # fmt: skip

SCHOOL_HOLIDAYS = Table(
    name="school_holidays",
    row="one holiday of the area's schools",
    key=("first_day", "last_day"),
    sort=("first_day",),
    columns=(
        Column(name="first_day", kind=DAY, required=True, meaning="The first day without school."),
        Column(name="last_day", kind=DAY, required=True, constraints=(NotBefore("first_day"),),
               meaning="The last day without school."),
        ANNOUNCED,
        Column(name="name", kind=IDENTIFIER, meaning="What people call it."),
        WITHDRAWN,
    ),
)  # fmt: skip

HAPPENINGS = Table(
    name="happenings",
    row="one announced happening that draws people, such as a match or a festival",
    key=("name", "starts"),
    sort=("starts", "name"),
    columns=(
        Column(name="name", kind=IDENTIFIER, required=True, meaning="What people call it."),
        Column(name="starts", kind=TIME, required=True, meaning="When it begins."),
        Column(name="ends", kind=TIME, required=True, constraints=(NotBefore("starts"),),
               meaning="When it ends. A date alone is the end of that day."),
        ANNOUNCED,
        Column(name="kind", kind=CATEGORIES, meaning="What sort of happening, such as football; recipes can name it."),
        Column(name="place_id", kind=CATEGORIES,
               meaning="The cell or area where it is, or the larger place around them; empty with coordinates, and "
               "where it is everywhere in the area."),
        LATITUDE,
        LONGITUDE,
        Column(name="radius_m", kind=NUMBER, unit="metres", constraints=(AboveZero(),),
               meaning="How far around the coordinates it reaches: cells with their centre inside, besides their own."),
        WITHDRAWN,
    ),
)  # fmt: skip

POINTS = Table(
    name="points",
    row="one place that matters to where crises are, such as a station or a hostel",
    key=("kind", "latitude", "longitude"),
    sort=("kind", "latitude", "longitude"),
    columns=(
        Column(name="kind", kind=CATEGORIES, required=True, meaning="What it is: one of the `kinds` under `[points]`."),
        Column(name="latitude", kind=NUMBER, unit="degrees, WGS 84", required=True, constraints=LATITUDE.constraints,
               meaning=LATITUDE.meaning),
        Column(name="longitude", kind=NUMBER, unit="degrees, WGS 84", required=True, constraints=LONGITUDE.constraints,
               meaning=LONGITUDE.meaning),
        ANNOUNCED,
        Column(name="name", kind=IDENTIFIER, meaning="What people call it."),
        WITHDRAWN,
    ),
)  # fmt: skip

NAMED_TABLES: tuple[Table, ...] = (SCHOOL_HOLIDAYS, HAPPENINGS, POINTS)
