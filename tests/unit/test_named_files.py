"""Files that a site's configuration names: what is read, and what is refused with its line."""

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.unit.test_site import MINIMAL, site_with

from crisisrisk.errors import DataError, RecipeError, SiteError
from crisisrisk.features.recipe import read_feature_recipe
from crisisrisk.tables.calendar_settings import BenefitDay
from crisisrisk.tables.named_files import read_named_file
from crisisrisk.tables.named_tables import HAPPENINGS, NAMED_TABLES, POINTS, SCHOOL_HOLIDAYS
from crisisrisk.tables.schema import Table
from crisisrisk.tables.site import read_site

LONDON = ZoneInfo("Europe/London")
HEAD = "name,starts,ends,known_at"


def rows(folder: Path, table: Table, text: str):
    path = folder / "file.csv"
    path.write_text(text, encoding="utf-8")
    return read_named_file(path, table, LONDON)


def test_local_times_instants_and_days_are_read(tmp_path: Path) -> None:
    """Summer time is an hour ahead; a date alone is the beginning of a start and the end of everything else."""
    text = """name,starts,ends,known_at
Match,2025-07-05 15:00,2025-07-05T16:00Z,2025-06-01
Fair,2025-07-05,2025-07-06,2025-06-01T09:00:00+02:00
"""
    match, fair = rows(tmp_path, HAPPENINGS, text)
    assert match["starts"].astimezone(UTC) == datetime(2025, 7, 5, 14, tzinfo=UTC)
    assert match["ends"] == datetime(2025, 7, 5, 16, tzinfo=UTC)
    assert match["known_at"] == datetime(2025, 6, 1, 23, tzinfo=UTC)
    assert fair["starts"] == datetime(2025, 7, 4, 23, tzinfo=UTC)
    assert fair["ends"] == datetime(2025, 7, 6, 23, tzinfo=UTC)
    assert fair["known_at"] == datetime(2025, 6, 1, 7, tzinfo=UTC)
    assert fair["place_id"] is None


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    head = "first_day,last_day,known_at\n"
    assert rows(tmp_path, SCHOOL_HOLIDAYS, head) == ()
    found = rows(tmp_path, SCHOOL_HOLIDAYS, head + "2025-04-14,2025-04-25,2024-09-01\n")
    assert found[0]["last_day"] == date(2025, 4, 25)


@pytest.mark.parametrize(
    ("table", "text", "found"),
    [
        (HAPPENINGS, "name,starts,ends\n", "no column known_at"),
        (HAPPENINGS, "name,starts,ends,known\n", 'a column "known"'),
        (HAPPENINGS, "", "no column name, starts, ends, known_at"),
        (HAPPENINGS, HEAD + "\nM,2025-07-05,2025-07-03,2025-06-01\n", "row 2: ends is before starts"),
        (HAPPENINGS, HEAD + "\nM,5 July,2025-07-04,2025-06-01\n", 'row 2: starts is "5 July", not a time'),
        (HAPPENINGS, HEAD + "\n,2025-07-05,2025-07-05,\n",
         "row 2: name is empty\n          row 2: known_at is empty"),
        (HAPPENINGS, HEAD + "\nM,2025-03-30 01:30,2025-03-30,2025-01-01\n",
         'row 2: starts is "2025-03-30 01:30", not a time'),
        (POINTS, "kind,latitude,longitude,known_at\nstation,-1.9,152,2020-01-01\nstation,95,1,2020-01-01\n",
         "row 3: latitude is not -90 to 90"),
        (POINTS, "kind,latitude,longitude,known_at\nstation,nan,1,2020-01-01\n", "row 2: latitude is not -90 to 90"),
        (POINTS, "kind,latitude,longitude,known_at\nstation,52.1,1,2020-01-01,x\n", "row 2: more values than columns"),
        (HAPPENINGS, HEAD + ",latitude,longitude,radius_m\nM,2025-07-05,2025-07-05,2025-01-01,52,,-5\n",
         "row 2: latitude stands without longitude\n          row 2: longitude stands without latitude\n"
         "          row 2: radius_m is not above 0"),
        (SCHOOL_HOLIDAYS, "first_day,last_day,known_at\n2025-02-30,2025-03-01,2025-01-01\n",
         'row 2: first_day is "2025-02-30", not a date'),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_file_is_said_with_its_line(tmp_path: Path, table: Table, text: str, found: str) -> None:
    with pytest.raises(DataError) as caught:
        rows(tmp_path, table, text)
    assert (caught.value.code, caught.value.found) == ("CR-SITE-004", found)
    assert caught.value.problem == f"the file of {table.name.replace('_', ' ')} cannot be used"


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_named_file(tmp_path / "gone.csv", POINTS, LONDON)
    assert caught.value.found == "No such file or directory"


def test_every_declared_column_has_a_meaning_and_a_clock() -> None:
    for table in NAMED_TABLES:
        assert "known_at" in table.names
        assert all(column.meaning.endswith(".") for column in table.columns)


# The configuration

DECLARED = """
[calendar]
school_holidays = "days/school_holidays.csv"
happenings = "days/happenings.csv"
paydays = ["last_working_day", "15"]
benefit_days = [{ first = 2025-05-06, every_days = 14 }]

[points]
file = "points.csv"
kinds = ["station", "hostel"]
"""


def test_a_site_names_its_files_beside_itself(tmp_path: Path) -> None:
    site = read_site(site_with(tmp_path, MINIMAL + DECLARED))
    assert site.calendar.school_holidays == tmp_path / "days" / "school_holidays.csv"
    assert site.calendar.paydays == ("last_working_day", "15")
    assert site.calendar.benefit_days == (BenefitDay(date(2025, 5, 6), 14),)
    assert site.points.kinds == ("station", "hostel")
    assert site.declared == {
        "school_holidays",
        "happenings",
        "paydays",
        "benefit_days",
        "points:station",
        "points:hostel",
    }
    assert len(site.named_files) == 3
    assert read_site(site_with(tmp_path, MINIMAL)).declared == frozenset()


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("happenings =", "hapenings =", 'unknown key "hapenings"'),
        ('"15"', '"31"', "calendar.paydays cannot be used"),
        ('"15"', "15", "calendar.paydays cannot be used"),
        ("every_days = 14", "every_days = 0", "calendar.benefit_days 1 cannot be used"),
        ("first = 2025-05-06, ", "", "calendar.benefit_days 1 cannot be used"),
        ("first = 2025-05-06", 'first = "May"', "calendar.benefit_days 1.first cannot be used"),
        ('file = "points.csv"', "", "points cannot be used"),
        ('"station", ', '"Railway station", ', "points.kinds cannot be used"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused(tmp_path: Path, old: str, new: str, problem: str) -> None:
    with pytest.raises(SiteError) as caught:
        read_site(site_with(tmp_path, MINIMAL + DECLARED.replace(old, new)))
    assert caught.value.problem == problem


# Recipes about what is declared

GROUPS = """
[recipe]
name = "declared"
subject = "place"
[[group]]
name = "days"
aggregations = ["weekday", "school_holiday", "days_since_payday"]
{optional}
[[group]]
name = "station"
aggregations = ["points_here", "nearest_point_km"]
where = {{ kind = ["station"] }}
singular = "station"
plural = "stations"
{optional}
"""


def test_an_optional_column_is_there_where_the_site_declares_it() -> None:
    def names(*declared: str, optional: str = "optional = true") -> tuple[str, ...]:
        return read_feature_recipe(GROUPS.format(optional=optional), sources=(), declared=declared).names

    assert names("paydays", "points:station") == ("days_since_payday", "station_here", "station_nearest_km")
    assert names("points:hostel", "school_holidays") == ("school_holiday",)
    assert len(names(optional="")) == 5


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("where = {{ kind", "where = {{ code", 'group "station": "where" names an unknown column "code"'),
        ('singular = "station"\n', "", 'group "station": needs a "singular" and a "plural"'),
        ('where = {{ kind = ["station"] }}\n', "", 'group "station": needs where = { kind = ["…"] }'),
    ],
)
def test_a_group_of_points_says_which_and_what_they_are_called(old: str, new: str, problem: str) -> None:
    with pytest.raises(RecipeError) as caught:
        read_feature_recipe(GROUPS.replace(old, new).format(optional=""), sources=())
    assert problem in f"{caught.value.problem} {caught.value.found}"
