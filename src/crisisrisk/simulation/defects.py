"""Defects planted on purpose: rows that a mapping must refuse, and mistakes that no mapping can see.

Each has a name for the settings, and says how many rows it must put into quarantine. Whoever tests a loader, a
monitor or a leakage audit switches one on and knows what should be found.
"""

from dataclasses import dataclass

BAD_ROWS = "bad_rows"
LEAKING_COLUMN = "leaking_column"
CODES_CHANGE = "codes_change"
FEED_STOPS = "feed_stops"
ETHNICITY_UNDER_RECORDED = "ethnicity_under_recorded"
PLACE_FIVE_FOLD = "place_five_fold"

STOPPED_SOURCE, STOPPED_DAYS = "ed_attendance", 90
UNDER_RECORDED_GROUP, UNDER_RECORDED_SHARE = 2, 0.6
COPIES = 5
NEW_CODES = {"PSYCH": "P25", "UNWELL": "P26", "ALCOHOL": "P31", "FALL": "P17", "CHEST": "P10"}


@dataclass(frozen=True, kw_only=True)
class WrongCells:
    """Rows of a file in which one cell cannot be read, all from the day `near` on where that is said."""

    column: str
    rows: int
    problem: str
    near: str = ""


# 61 rows in all, in five files.
WRONG_CELLS: dict[str, WrongCells] = {
    "ed_attendances.csv": WrongCells(column="ARRIVAL", rows=20, problem="unreadable time"),
    "social_care.csv": WrongCells(column="NHS", rows=15, problem="failed check digit"),
    "police_incidents.csv": WrongCells(column="Easting", rows=10, problem="off the map"),
    "mh_crisis_services.csv": WrongCells(column="Start", rows=8, problem="hour that was skipped", near="2026-03-24"),
    "nhs_111.csv": WrongCells(column="Disposition", rows=8, problem="unknown result"),
}
QUARANTINED = sum(wrong.rows for wrong in WRONG_CELLS.values())
SENT_TWICE = ("ambulance.csv", 24)


@dataclass(frozen=True, kw_only=True)
class Defect:
    """What a switch does, and how many rows of the files a mapping must refuse because of it."""

    meaning: str
    quarantined: int = 0


DEFECTS: dict[str, Defect] = {
    BAD_ROWS: Defect(
        meaning="Single cells that cannot be read, in five files, and 24 ambulance rows sent twice.",
        quarantined=QUARANTINED,
    ),
    LEAKING_COLUMN: Defect(
        meaning="The trust overwrites the outcome of an appointment with ESCALATED when a crisis follows within four "
        "weeks, and leaves the time of entry as it was: the column knows the future.",
    ),
    CODES_CHANGE: Defect(
        meaning="Half-way through, the ambulance service replaces its complaint codes by new ones that no mapping "
        "knows, so that none of its later incidents counts as a crisis.",
    ),
    FEED_STOPS: Defect(
        meaning=f"Attendances at the emergency department stop arriving {STOPPED_DAYS} days before the end.",
    ),
    ETHNICITY_UNDER_RECORDED: Defect(
        meaning="The ethnic group of six in ten Black people is left empty in the register of people.",
    ),
    PLACE_FIVE_FOLD: Defect(
        meaning="On one day in the middle of the period, every police log of the busiest cell is sent five times "
        "under different numbers.",
    ),
}


def wrong_cell(problem: str, text: str) -> str:
    """A cell with one of the problems of WRONG_CELLS."""
    if problem == "unreadable time":
        return text.replace(" ", " at ", 1)
    if problem == "failed check digit":
        return text[:-1] + str((int(text[-1]) + 1) % 10)
    if problem == "off the map":
        return "9" + text + "0"
    return "2026-03-29 01:30" if problem == "hour that was skipped" else "ZZ9"
