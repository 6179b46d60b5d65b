"""What counts as demand of a place: who began it, one report of an incident, one person only so often, usual days."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import h3
import numpy as np
import pyarrow as pa
import pytest
from tests.lib.histories import EventVersion, event_table
from tests.lib.place_tables import CELLS as UNKNOWN_RESIDENTS
from tests.lib.place_tables import SITE
from tests.lib.reference_place_features import FAR, MIDDLE, NEIGHBOUR, SECOND

from crisisrisk.episodes import EpisodeRule, instants_of
from crisisrisk.features.counting import CountingRule
from crisisrisk.features.place_demand import Demand, demand_of
from crisisrisk.tables.cell_settings import CellSettings
from crisisrisk.tables.cells import Cells
from crisisrisk.tables.residents import private_cells
from crisisrisk.timeline import FOREVER_US, microseconds

RULE = EpisodeRule(sources=("s136", "street_triage"), crisis_flag=True, origins=("public", "partner"))
CELLS = replace(UNKNOWN_RESIDENTS, population=np.full(len(UNKNOWN_RESIDENTS), 1000.0))
MONDAY = datetime(2025, 3, 3, tzinfo=UTC)
LATER = datetime(2025, 12, 1, tzinfo=UTC)


def contact(name: str, at: str, **content: object) -> EventVersion:
    """On the first Monday at a time of day, known at once, in the middle cell, begun by the public."""
    occurred = MONDAY + timedelta(hours=int(at[:2]), minutes=int(at[3:]))
    said: dict[str, object] = {
        "event_id": name, "occurred_at": occurred, "known_at": occurred, "source": "s136", "person_id": None,
        "origin": "public", "place_id": MIDDLE,
    }  # fmt: skip
    return EventVersion(**{**said, **content})  # type: ignore[arg-type]


def demand(*versions: EventVersion, cells: Cells = CELLS, **counting: Any) -> Demand:
    rule = CountingRule(**counting)
    return demand_of(event_table(versions), cells, SITE, outcome=RULE, counting=rule)


def live(made: Demand, moment: datetime = LATER) -> pa.Table:
    at = microseconds(moment)
    known, superseded = (instants_of(made.events, name, missing=FOREVER_US) for name in ("known_at", "superseded_at"))
    return made.events.filter(pa.array((known < at) & (at <= superseded)))


def sources(made: Demand, moment: datetime = LATER) -> list[str]:
    return sorted(live(made, moment)["source"].to_pylist())


def left(made: Demand) -> dict[str, int]:
    return {stage.name: stage.left(microseconds(LATER)) for stage in made.stages}


# Who began it


def test_what_a_team_set_out_to_make_is_recorded_and_counted_nowhere() -> None:
    """The two team-initiated contacts and the follow-up are in no table that labels, offset or features could read."""
    made = demand(
        contact("a", "09:00"),
        contact("b", "10:00", origin="team_initiated"),
        contact("c", "11:00", origin="follow_up"),
        contact("d", "12:00", origin="team_initiated", source="mh_contact", is_crisis=False),
    )
    assert live(made)["origin"].to_pylist() == ["public"]
    assert (left(made)["known"], left(made)["demand"]) == (3, 1)


def test_a_contact_that_nobody_says_who_began_is_no_outcome_where_the_recipe_asks_for_the_public() -> None:
    made = demand(contact("a", "09:00"), contact("b", "10:00", origin=None))
    assert (left(made)["known"], left(made)["demand"]) == (2, 1)
    assert len(live(made)) == 2


# One report of an incident

TWICE = {"duplicate_minutes": 30}
ONE_EACH: dict[str, Any] = {**TWICE, "duplicates": "one_each"}


@pytest.mark.parametrize(
    ("second", "counted"),
    [
        ({"source": "street_triage"}, 1),
        ({"source": "s136"}, 2),
        ({"source": "street_triage", "at": "09:31"}, 2),
        ({"source": "street_triage", "at": "08:30"}, 1),
        ({"source": "street_triage", "place_id": NEIGHBOUR}, 2),
        ({"source": "street_triage", "person_id": "a"}, 1),
        ({"source": "street_triage", "person_id": "b"}, 2),
        ({"source": "street_triage", "person_id": None}, 1),
        ({"source": "mh_contact", "is_crisis": False}, 2),
    ],
)
def test_two_agencies_reports_are_one_incident_by_time_place_and_person(
    second: dict[str, object], counted: int
) -> None:
    """The first is of person a at 09:00; the second 30 minutes away at most, in the cell, of a or of nobody known."""
    at = str(second.pop("at", "09:10"))
    assert len(live(demand(contact("a", "09:00", person_id="a"), contact("b", at, **second), **TWICE))) == counted


def test_the_report_that_was_known_first_stays_whatever_happened_first() -> None:
    late = MONDAY + timedelta(days=3)
    made = demand(
        contact("a", "09:00", known_at=late), contact("b", "09:10", source="street_triage"), **TWICE,
    )  # fmt: skip
    assert sources(made, late) == sources(made) == ["street_triage"]


def test_the_second_report_counts_once_the_first_is_corrected_away() -> None:
    corrected = MONDAY + timedelta(days=3)
    made = demand(
        contact("a", "09:00"),
        contact("a", "09:00", known_at=corrected, place_id=FAR),
        contact("b", "09:10", source="street_triage"),
        **TWICE,
    )
    assert sources(made, corrected) == ["s136"]
    after = live(made)
    assert sorted(zip(after["source"].to_pylist(), after["place_id"].to_pylist(), strict=True)) == [
        ("s136", FAR), ("street_triage", MIDDLE),
    ]  # fmt: skip


def test_what_is_merged_draws_nothing_to_itself() -> None:
    """b is a report of a, c is 40 minutes from a: c is another incident, though it is near b."""
    made = demand(
        contact("a", "09:00"), contact("b", "09:20", source="street_triage"),
        contact("c", "09:40", source="crisis_line"), **TWICE,
    )  # fmt: skip
    assert sources(made) == ["crisis_line", "s136"]


def test_unless_asked_for_one_each_a_report_stands_for_every_report_of_another_source_near_it() -> None:
    """As shipped, and told on the page: b and c are two contacts of their source, and both are merged into a."""
    for names, counted in (({}, 1), ({"b": "one", "c": "two"}, 1), ({"a": "one", "b": "one", "c": "two"}, 2)):
        made = demand(
            contact("a", "09:00", person_id=names.get("a")),
            *(contact(one, "09:10", source="street_triage", person_id=names.get(one)) for one in ("b", "c")), **TWICE,
        )  # fmt: skip
        assert len(live(made)) == counted


@pytest.mark.parametrize(
    ("names", "counted"),
    [
        ({}, 2),
        ({"b": "one", "c": "two"}, 2),
        ({"a": "one", "b": "one", "c": "two"}, 2),
        ({"b": "one", "c": "one"}, 1),
        ({"a": "one", "b": "one", "c": "one"}, 1),
        ({"a": "one"}, 2),
        ({"c": "one"}, 2),
        ({"d": "one"}, 2),
        ({"b": "one", "d": "two"}, 2),
        ({"b": "one", "d": "one"}, 2),
        ({"b": "one", "c": "two", "d": "two"}, 2),
        ({"b": "one", "c": "two", "d": "three"}, 3),
    ],
)
def test_an_incident_takes_one_report_of_each_source_and_all_of_its_person(names: dict[str, str], counted: int) -> None:
    """a of one source, then b and c of another, and d of a third where it is named."""
    of = {"a": "s136", "b": "street_triage", "c": "street_triage", "d": "crisis_line"}
    made = demand(
        *(
            contact(one, f"09:0{number}", person_id=names.get(one), source=of[one])
            for number, one in enumerate(of) if one != "d" or "d" in names
        ),
        **ONE_EACH,
    )  # fmt: skip
    assert len(live(made)) == counted


def test_of_two_incidents_a_report_joins_that_of_its_person_else_the_nearest_in_time() -> None:
    """Two triage calls, then two of the crisis line: only if the first joins the right one do both find their place."""
    calls = (
        contact("a", "09:00", source="street_triage", person_id=None),
        contact("b", "09:25", source="street_triage", person_id="b"),
    )
    line = {"source": "crisis_line", "known_at": MONDAY + timedelta(hours=12)}
    near = contact("c", "09:24", **line), contact("d", "08:50", **line)
    assert sources(demand(*calls, *near, **ONE_EACH)) == ["street_triage", "street_triage"]
    hers = contact("c", "09:02", person_id="b", **line), contact("d", "08:50", **line)
    assert sources(demand(*calls, *hers, **ONE_EACH)) == ["street_triage", "street_triage"]


@pytest.mark.parametrize(("metres", "counted"), [(0, 2), (200, 2), (400, 1)])
def test_with_coordinates_the_distance_decides_not_the_cell(metres: int, counted: int) -> None:
    """Two reports 300 m apart on both sides of a border between cells."""
    north, east = h3.cell_to_latlng(MIDDLE)
    other_north, other_east = h3.cell_to_latlng(NEIGHBOUR)
    away = np.hypot((other_north - north) * 111_195, (other_east - east) * 111_195 * np.cos(np.radians(north)))
    share = np.array([0.5 - 150 / away, 0.5 + 150 / away])
    points = [(north + one * (other_north - north), east + one * (other_east - east)) for one in share]
    placed = [{"place_id": None, "latitude": point[0], "longitude": point[1]} for point in points]
    made = demand(
        contact("a", "09:00", **placed[0]), contact("b", "09:10", source="street_triage", **placed[1]),
        duplicate_minutes=30, duplicate_metres=metres,
    )  # fmt: skip
    assert len(live(made)) == counted


# One person


def test_one_person_counts_twice_in_a_cell_and_four_weeks() -> None:
    """Seven contacts of one person in a week here, one elsewhere, one 28 days after the first, two of another."""
    day = timedelta(days=1)
    often = [contact(f"{number}", "09:00") for number in range(7)]
    mine = [
        replace(one, person_id="a", occurred_at=one.occurred_at + number * day, known_at=one.known_at + number * day)
        for number, one in enumerate(often)
    ]
    last = replace(
        mine[0], event_id="last", occurred_at=MONDAY + 28 * day + timedelta(hours=9), known_at=MONDAY + 29 * day
    )
    elsewhere = replace(mine[3], event_id="elsewhere", place_id=FAR)
    another = [replace(one, event_id=f"b{one.event_id}", person_id="b") for one in mine[:2]]
    made = demand(*mine, last, elsewhere, *another, most_per_person=2, per_days=28)
    assert (left(made)["one_report"], left(made)["capped"]) == (11, 6)
    assert "person_id" not in made.events.column_names


def test_contacts_that_are_no_outcome_are_capped_by_themselves() -> None:
    mine = [contact(f"c{n}", f"0{n}:00", person_id="a") for n in range(3)]
    other = [contact(f"m{n}", f"0{n}:30", person_id="a", source="mh_contact", is_crisis=False) for n in range(3)]
    made = demand(*mine, *other, most_per_person=2)
    assert sources(made) == ["mh_contact", "mh_contact", "s136", "s136"]


def test_people_whom_nobody_knows_are_not_capped_and_those_known_to_an_agency_alone_are() -> None:
    table = event_table([contact(f"{number}", f"0{number}:00") for number in range(6)])
    keys = pa.array([None, None, None, "k", "k", "k"]).dictionary_encode()
    table = table.append_column("source_person_key", keys)
    made = demand_of(table, CELLS, SITE, outcome=RULE, counting=CountingRule(most_per_person=1))
    assert left(made)["capped"] == 4


def test_the_cap_depends_only_on_what_was_known() -> None:
    """Two contacts are known at once; an earlier third, known on Thursday, takes the place of the last from then on."""
    late = MONDAY + timedelta(days=3)
    made = demand(
        contact("a", "09:00", person_id="a", source="s136"),
        contact("b", "10:00", person_id="a", source="street_triage"),
        contact("c", "08:00", person_id="a", source="crisis_line", known_at=late),
        most_per_person=2,
    )
    assert sources(made, late) == ["s136", "street_triage"]
    assert sources(made) == ["crisis_line", "s136"]


# Private premises


def residents(**known: float) -> Cells:
    by_cell = {MIDDLE: known["middle"], NEIGHBOUR: known["neighbour"], SECOND: known["second"]}
    return replace(CELLS, population=np.array([by_cell.get(cell, 9000.0) for cell in CELLS.ids]))


@pytest.mark.parametrize(
    ("cells", "where"),
    [
        (residents(middle=500, neighbour=9000, second=9000), MIDDLE),
        (residents(middle=499, neighbour=500, second=9000), NEIGHBOUR),
        (residents(middle=499, neighbour=499, second=500), SECOND),
        (residents(middle=499, neighbour=499, second=499), None),
        (residents(middle=np.nan, neighbour=700, second=9000), NEIGHBOUR),
        (UNKNOWN_RESIDENTS, None),
    ],
)
def test_a_contact_in_private_premises_counts_in_no_cell_under_500_residents(cells: Cells, where: str | None) -> None:
    """It merges up into the neighbouring cell of most residents, else the ring behind, else counts in none."""
    private, public = contact("a", "09:00", premises="private"), contact("b", "10:00", premises="public")
    made = demand(private, public, cells=cells)
    found = dict(zip(live(made)["premises"].to_pylist(), live(made)["place_id"].to_pylist(), strict=True))
    assert found == ({"public": MIDDLE} if where is None else {"public": MIDDLE, "private": where})
    assert left(made)["private"] == len(found)


def test_a_site_may_say_how_many_residents_its_cells_have_at_least() -> None:
    here = UNKNOWN_RESIDENTS.ids.index(MIDDLE)
    unknown = replace(UNKNOWN_RESIDENTS, population=np.full(len(UNKNOWN_RESIDENTS), np.nan))
    assert private_cells(unknown, None)[here] == -1
    assert private_cells(unknown, 499)[here] == -1
    assert private_cells(unknown, CellSettings(least_residents=500).least_residents)[here] == here


def test_no_point_and_no_name_leaves_the_counting() -> None:
    north, east = h3.cell_to_latlng(MIDDLE)
    made = demand(contact("a", "09:00", place_id=None, latitude=north, longitude=east, premises="private"))
    assert set(made.events.column_names).isdisjoint(
        {"latitude", "longitude", "person_id", "source_person_key", "event_id"}
    )
    assert made.events["place_id"].to_pylist() == [MIDDLE]


# Days of far too many records


def days_of(each: int, *, days: int = 60, source: str = "s136") -> list[EventVersion]:
    """So many contacts a day, spread over the day."""
    return [
        replace(
            contact(f"{source} {day} {number}", "00:30", source=source),
            occurred_at=MONDAY + timedelta(days=day, hours=number), known_at=MONDAY + timedelta(days=day, hours=number),
        )
        for day in range(days) for number in range(each)
    ]  # fmt: skip


def test_a_day_sent_five_times_is_flagged_and_not_learned() -> None:
    usual = days_of(10)
    fiftieth = [one for one in usual if one.event_id.startswith("s136 50 ")]
    copies = [replace(one, event_id=f"{one.event_id} copy {copy}") for one in fiftieth for copy in range(4)]
    made = demand(*usual, *copies, *days_of(10, source="street_triage"), most_times_usual=3.0)
    [flagged] = made.flagged
    assert (flagged.source, flagged.day, flagged.limit) == ("s136", date(2025, 4, 22), 30)
    assert left(made)["private"] - left(made)["usual_volume"] == 50
    assert sources(made).count("street_triage") == 600


def test_a_day_counts_until_the_record_too_many_is_known_and_again_once_they_are_corrected_away() -> None:
    usual, corrected = days_of(10), MONDAY + timedelta(days=70)
    fiftieth = [one for one in usual if one.event_id.startswith("s136 50 ")]
    sent_again = MONDAY + timedelta(days=55)
    copies = [
        replace(one, event_id=f"{one.event_id} copy {copy}", known_at=sent_again)
        for one in fiftieth for copy in range(4)
    ]  # fmt: skip
    elsewhere = [replace(one, known_at=corrected, origin="follow_up") for one in copies]
    made = demand(*usual, *copies, *elsewhere, most_times_usual=3.0)
    assert [len(live(made, moment)) for moment in (sent_again, sent_again + timedelta(hours=1))] == [550, 541]
    assert len(live(made)) == 600
    assert made.flagged == ()


@pytest.mark.parametrize(("each", "flagged"), [(2, 0), (3, 1)])
def test_a_source_of_up_to_two_contacts_a_day_sent_five_times_may_as_well_be_chance(each: int, flagged: int) -> None:
    usual = days_of(each)
    fiftieth = [one for one in usual if one.event_id.startswith("s136 50 ")]
    copies = [replace(one, event_id=f"{one.event_id} copy {copy}") for one in fiftieth for copy in range(4)]
    assert len(demand(*usual, *copies, most_times_usual=3.0).flagged) == flagged


@pytest.mark.parametrize("busy", [20, 30])
def test_a_busy_day_is_no_error(busy: int) -> None:
    """Three times the usual is at the limit; without two weeks behind it, nothing is unusual."""
    extra = [
        replace(contact(f"extra {number}", "12:00"), occurred_at=MONDAY + timedelta(days=50, minutes=number),
                known_at=MONDAY + timedelta(days=50, minutes=number))
        for number in range(busy - 10)
    ]  # fmt: skip
    assert demand(*days_of(10), *extra, most_times_usual=3.0).flagged == ()
    first_day = [replace(one, event_id=f"first {one.event_id}", occurred_at=MONDAY, known_at=MONDAY) for one in extra]
    assert demand(*days_of(2, days=9), *first_day, most_times_usual=3.0).flagged == ()
