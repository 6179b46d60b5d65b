"""Shifts and cells: the board, the map, and what is released."""

import json
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import h3
import pytest
from tests.lib.answering_models import let_answer_who_learned_until
from tests.lib.database import AS_OF, RELEASED_TEXT, forecast, place_run
from tests.lib.service_site import SERVICE, ServiceSite

from crisisrisk.database.scores import save_place_forecast
from crisisrisk.serving.afterwards import FORECAST_AFTERWARDS

BOARD = "/api/v1/shifts/night-2026-11-22/hotspots"
RISK_FIELDS = {"horizon_days", "as_of", "data_complete_to", "valid_until", "model", "caveats"}
PLACE_FIELDS = {"probability", "likely_in_100", "lower", "upper", "reasons", "expected", "usual", "rank"}


def board(site: ServiceSite, query: str = "", role: str = "crisis_team") -> Any:
    return site.client(role).get(BOARD + query)


def test_the_board_has_the_busiest_cells_first_and_says_everything_about_itself(shared_site: ServiceSite) -> None:
    body = board(shared_site).json()
    assert set(body) >= RISK_FIELDS
    assert [place["rank"] for place in body["places"]] == [1, 2, 3]
    assert all(set(place) >= PLACE_FIELDS for place in body["places"])
    first = body["places"][0]
    assert (first["expected"], first["usual"], first["likely_in_100"], first["lower"]) == (1.3, 0.8, 73, None)
    assert first["probability"] == pytest.approx(0.7275, abs=1e-4)
    assert (body["horizon_days"], body["as_of"]) == (pytest.approx(10 / 24), "2026-11-22T06:00:00Z")
    assert body["shift"]["forecast"]["expected"] == pytest.approx(1.3 + 0.65 + 1.3 / 3)


def test_a_limit_and_a_box_choose_cells(shared_site: ServiceSite) -> None:
    assert [place["rank"] for place in board(shared_site, "?limit=2").json()["places"]] == [1, 2]
    # The cells lie at 52.49, 52.50 and 52.51 north, 1.89 west.
    boxes = {"-1.9,52.495,-1.8,52.6": [2, 3], "-1.9,52.4,-1.8,52.505": [1, 2], "0,50,1,51": [], "-1.8,52,-1.9,53": []}
    for box, ranks in boxes.items():
        body = board(shared_site, f"?bbox={box}").json()
        assert [place["rank"] for place in body["places"]] == ranks, box
        assert body["places_forecast"] == 3


@pytest.mark.parametrize(
    "query",
    ["?limit=0", "?limit=x", "?limit=5001", "?bbox=1,2,3", "?bbox=a,b,c,d", "?bbox=0,0,0,91", "?bbox=0,5,1,4",
     "?bbox=nan,0,1,1", "?bbox=inf,0,1,1", "?f=xml", "?format=geojson", "?bbox="],
)  # fmt: skip
def test_a_query_that_makes_no_sense_is_refused(shared_site: ServiceSite, query: str) -> None:
    answer = board(shared_site, query)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["problems"][0]["where"] in ("limit", "bbox", "f", "format")


def test_a_shift_without_a_forecast_is_not_found(shared_site: ServiceSite) -> None:
    for shift in ("day-2026-11-22", "nothing", "%00"):
        answer = shared_site.client("crisis_team").get(f"/api/v1/shifts/{shift}/hotspots")
        assert (answer.status_code, answer.json()["detail"]) == (404, "no forecast was made for this shift")


def test_a_shift_that_is_over_says_so(own_site: ServiceSite) -> None:
    start = datetime(2026, 11, 20, 22, tzinfo=UTC)
    own_site.forecast("night-2026-11-20", start=start, as_of=AS_OF - timedelta(days=2))
    body = own_site.client("crisis_team").get("/api/v1/shifts/night-2026-11-20/hotspots").json()
    assert "This shift is over; this is its last forecast as it was issued." in body["caveats"]


def test_a_forecast_that_should_have_been_replaced_says_so(own_site: ServiceSite) -> None:
    own_site.forecast(as_of=AS_OF, valid_until=AS_OF)
    assert [caveat for caveat in board(own_site).json()["caveats"] if "replaced" in caveat] == [
        "This forecast was to be replaced by 2026-11-22T06:00Z; what has become known since it was issued is not in it."
    ]


@pytest.mark.parametrize("changes", [{"model_version": 3}, {"model_name": "place_crisis_day"}])
def test_a_forecast_of_another_model_stays_on_the_board_and_says_so(
    own_site: ServiceSite, changes: dict[str, Any]
) -> None:
    own_site.declare("service.toml", SERVICE.replace('place = "place_crisis_shift"', ""))
    assert not [caveat for caveat in board(own_site).json()["caveats"] if "another model" in caveat]
    own_site.forecast(as_of=AS_OF, **changes)
    said = [caveat for caveat in board(own_site).json()["caveats"] if "another model" in caveat]
    assert said == ["This forecast was made by another model than the one that answers now, and stands until the next."]


def test_a_forecast_of_a_time_that_its_model_learned_from_says_that_it_proves_nothing(
    own_site: ServiceSite,
) -> None:
    at = AS_OF.isoformat()
    let_answer_who_learned_until(own_site.site, "place", at, version=5, at=at)
    own_site.forecast(as_of=AS_OF, model_version=5)
    assert FORECAST_AFTERWARDS not in board(own_site).json()["caveats"], "nothing known by then shaped the model"
    let_answer_who_learned_until(own_site.site, "place", (AS_OF + timedelta(hours=1)).isoformat(), version=6, at=at)
    own_site.forecast(as_of=AS_OF, model_version=6)
    assert FORECAST_AFTERWARDS in board(own_site).json()["caveats"]
    assert FORECAST_AFTERWARDS in own_site.client("crisis_team").get("/shifts/night-2026-11-22").text


# GeoJSON


def test_areas_are_points_with_longitude_first(shared_site: ServiceSite) -> None:
    answer = board(shared_site, "?f=geojson")
    assert answer.headers["content-type"] == "application/geo+json"
    collection = answer.json()
    assert collection["type"] == "FeatureCollection"
    assert set(collection) >= RISK_FIELDS
    first = collection["features"][0]
    assert first["geometry"] == {"type": "Point", "coordinates": [-1.89, 52.49]}
    assert (first["type"], first["id"]) == ("Feature", "place-01")
    assert set(first["properties"]) >= {*PLACE_FIELDS, "place_id"}


def test_hexagons_are_closed_rings_that_run_anticlockwise(own_site: ServiceSite) -> None:
    cells = sorted(h3.grid_disk(h3.latlng_to_cell(52.48, -1.89, 8), 1))[:3]
    table = forecast().assign(place_id=cells, latitude=None)
    save_place_forecast(own_site.engine, table, place_run(as_of=AS_OF))
    features = board(own_site, "?f=geojson").json()["features"]
    assert {feature["id"] for feature in features} == set(cells)
    for feature in features:
        (ring,) = feature["geometry"]["coordinates"]
        assert feature["geometry"]["type"] == "Polygon"
        assert (len(ring), ring[0]) == (7, ring[-1])
        assert sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring)) > 0
        assert all(-1.95 < east < -1.8 and 52.4 < north < 52.6 for east, north in ring)


def test_a_place_that_is_nowhere_has_no_geometry(own_site: ServiceSite) -> None:
    save_place_forecast(own_site.engine, forecast().assign(latitude=None, longitude=float("nan")), place_run())
    assert [feature["geometry"] for feature in board(own_site, "?f=geojson").json()["features"]] == [None] * 3


def test_a_shift_says_how_its_contacts_are_made_and_releases_it_rounded(own_site: ServiceSite) -> None:
    modes = {"night-2026-11-22": {"expected": {"attendance": 1.733, "s136": 0.65}, "released": {"rest": 2.4}}}
    save_place_forecast(own_site.engine, forecast(), place_run(as_of=AS_OF, modes=modes))
    assert board(own_site).json()["shift"]["forecast"]["modes"] == {"attendance": 1.733, "s136": 0.65}
    assert board(own_site, role="data").json()["shift"]["forecast"]["modes"] == {"rest": 2.4}
    assert board(own_site, "?download=true").json()["shift"]["forecast"]["modes"] == {"rest": 2.4}
    listed = own_site.client("data").get("/api/v1/shifts?from=2026-11-22T00:00:00Z").json()["shifts"]
    told = [shift["forecast"]["modes"] for shift in listed if shift["id"] == "night-2026-11-22"]
    assert told == [{"rest": 2.4}]


# What is released


@pytest.mark.parametrize(
    ("query", "role", "released"),
    [("", "crisis_team", False), ("?f=geojson", "crisis_team", False), ("?download=true", "crisis_team", True),
     ("?f=geojson&download=true", "crisis_team", True), ("", "data", True), ("?f=geojson", "data", True)],
)  # fmt: skip
def test_true_counts_are_on_the_crisis_teams_board_alone(
    shared_site: ServiceSite, query: str, role: str, released: bool
) -> None:
    body = board(shared_site, query, role).json()
    places = body.get("places") or [feature["properties"] for feature in body["features"]]
    assert body["released"] is released
    assert ("6 triage calls" in json.dumps(body)) is not released
    assert (RELEASED_TEXT in json.dumps(body)) is released
    # What is released is what scoring made for it, ranks included; the board shows what is so.
    assert [place["usual"] for place in places] == [0.75 if released else 0.8] * 3
    assert [place["rank"] for place in places] == ([1, 2, 2] if released else [1, 2, 3])
    assert [place["expected"] for place in places] == pytest.approx(
        [1.25, 0.5, 0.5] if released else [1.3, 1.3 / 2, 1.3 / 3]
    )
    assert {reason["share"] for place in places for reason in place["reasons"]} == {None if released else 0.5}
    assert all(reason["events"] == ([] if released else ["e_1"]) for place in places for reason in place["reasons"])


def test_a_download_is_a_file(shared_site: ServiceSite) -> None:
    headers = board(shared_site, "?f=geojson&download=true").headers
    assert headers["content-disposition"] == 'attachment; filename="hotspots.geojson"'
    assert "content-disposition" not in board(shared_site, "?f=geojson").headers


# Shifts


def shifts(site: ServiceSite, query: str = "", role: str = "crisis_team") -> Any:
    return site.client(role).get("/api/v1/shifts", params=dict(part.split("=") for part in query.split("&") if part))


def test_shifts_around_now_are_listed_with_their_forecasts(shared_site: ServiceSite) -> None:
    body = shifts(shared_site).json()
    assert body["now"] == "2026-11-22T06:00:00Z"
    assert [(shift["id"], shift["forecast"] is not None) for shift in body["shifts"]][:4] == [
        ("day-2026-11-21", False), ("night-2026-11-21", False), ("day-2026-11-22", False), ("night-2026-11-22", True),
    ]  # fmt: skip
    assert body["shifts"][3]["hours"] == 10


def test_a_listed_forecast_says_everything_about_itself(own_site: ServiceSite) -> None:
    complete = {"police_999": AS_OF - timedelta(hours=2), "crisis_line": AS_OF - timedelta(hours=25)}
    own_site.forecast(as_of=AS_OF, valid_until=AS_OF, data_complete_to=complete)
    (own_site.site.models / "place_crisis_shift" / "champion.json").write_text("{")
    (found,) = [shift["forecast"] for shift in shifts(own_site).json()["shifts"] if shift["forecast"]]
    assert found["horizon_days"] == pytest.approx(10 / 24)
    assert found["data_complete_to"]["crisis_line"] == "2026-11-21T05:00:00Z"
    assert [caveat.split(" ", 1)[0] for caveat in found["caveats"]] == ["This", "late:", "The", "This", "The"]
    wanted = (
        "late: crisis_line since",
        "The range is not known: how far off a number may be was not worked out.",
        "to be replaced by 2026-11-22",
        "does not verify",
    )
    assert all(any(words in caveat for caveat in found["caveats"]) for words in wanted)
    assert found["caveats"] == [one for one in board(own_site).json()["caveats"] if "independent" not in one]


def test_an_id_that_no_shift_can_have_is_not_found(shared_site: ServiceSite) -> None:
    client = shared_site.client("crisis_team")
    odd = [client.get(f"/api/v1/shifts/{text}/hotspots") for text in ("%00", "night%00", "%0A", "nothing")]
    assert {answer.status_code for answer in odd} == {404}
    assert len({answer.content for answer in odd}) == 1


def test_a_stretch_of_time_includes_its_start_and_not_its_end(shared_site: ServiceSite) -> None:
    query = "from=2026-11-22T08:00:00Z&to=2026-11-22T22:00:00Z"
    assert [shift["id"] for shift in shifts(shared_site, query).json()["shifts"]] == ["day-2026-11-22"]
    assert shifts(shared_site, "from=2026-11-22T08:00:00Z&to=2026-11-22T08:00:00Z").json()["shifts"] == []


def test_the_night_the_clocks_change_has_its_real_hours(shared_site: ServiceSite) -> None:
    nights = {
        "2026-03-28": 9, "2026-10-24": 11, "2026-10-25": 10,
    }  # fmt: skip
    for day, hours in nights.items():
        found = shifts(shared_site, f"from={day}T12:00:00Z&to={day}T23:59:00Z").json()["shifts"]
        assert [(shift["id"], shift["hours"]) for shift in found] == [(f"night-{day}", hours)]


def test_a_shift_that_left_the_rota_keeps_its_forecast(own_site: ServiceSite) -> None:
    own_site.forecast("twilight-2026-11-22", start=datetime(2026, 11, 22, 17, tzinfo=UTC))
    listed = [shift["id"] for shift in shifts(own_site).json()["shifts"]]
    assert listed.index("day-2026-11-22") < listed.index("twilight-2026-11-22") < listed.index("night-2026-11-22")


def test_released_totals_are_sums_of_what_is_released(shared_site: ServiceSite) -> None:
    query = "from=2026-11-22T22:00:00Z&to=2026-11-22T23:00:00Z"
    (board_shift,) = shifts(shared_site, query).json()["shifts"]
    (released,) = shifts(shared_site, query, "data").json()["shifts"]
    assert board_shift["forecast"]["usual"] == pytest.approx(2.4)
    assert (released["forecast"]["expected"], released["forecast"]["usual"]) == (2.25, 2.25)


@pytest.mark.parametrize(
    "query",
    ["from=2026-11-22T08:00:00", "from=yesterday", "from=0", "to=1795000000", "from=2026-11-22 08:00:00Z",
     "from=2026-11-22", "from=2026-11-23T00:00:00Z&to=2026-11-22T00:00:00Z",
     "from=2026-01-01T00:00:00Z&to=2026-06-01T00:00:00Z", "from=0001-01-01T00:00:00Z", "to=0001-01-01T00:00:00Z",
     "from=9999-12-31T00:00:00Z", "to=2200-01-01T00:00:00Z", "form=2026-11-22T08:00:00Z"],
)  # fmt: skip
def test_a_stretch_that_makes_no_sense_is_refused(shared_site: ServiceSite, query: str) -> None:
    answer = shifts(shared_site, query)
    assert (answer.status_code, answer.json()["code"]) == (422, "CR-HTTP-422")


# One shift: its totals, its areas, and every forecast of it


def whole(site: ServiceSite, role: str = "crisis_team", shift: str = "night-2026-11-22") -> Any:
    return site.client(role).get(f"/api/v1/shifts/{shift}")


def test_a_shift_has_its_total_with_a_range_and_says_how_it_compares_with_usual(own_site: ServiceSite) -> None:
    own_site.issue(run={"as_of": AS_OF})
    body = whole(own_site).json()
    total = body["forecast"]
    assert (total["lower"], total["upper"], total["usual_low"], total["usual_high"]) == (1, 4, 1, 3)
    assert (total["quieter"], total["busier"], total["issue_hours"], total["hours_ahead"]) == (0.11, 0.22, 24, 16)
    assert total["outlook"].startswith("looks ordinary: 67 in 100 that 1 to 3 come, as usual")
    assert not [caveat for caveat in total["caveats"] if "The range is not known" in caveat]
    assert [(area["area_name"], area["expected"], area["places"]) for area in body["areas"]] == [
        ("East", 1.3, 1), ("West", 1.08, 2),
    ]  # fmt: skip
    assert body["released"] is False
    listed = [shift for shift in shifts(own_site).json()["shifts"] if shift["id"] == body["id"]]
    assert listed[0]["forecast"] == total == board(own_site).json()["shift"]["forecast"]


def test_every_forecast_of_a_shift_is_told_as_it_was_issued(own_site: ServiceSite) -> None:
    own_site.issue(run={"as_of": AS_OF - timedelta(days=6)}, issue_hours=168, hours_ahead=160.0, expected=1.9)
    own_site.issue(run={"as_of": AS_OF}, expected=2.4)
    issued = whole(own_site).json()["issued"]
    assert [(one["as_of"], one["issue_hours"], one["expected"]) for one in issued] == [
        ("2026-11-16T06:00:00Z", 168, 1.9), ("2026-11-22T06:00:00Z", 24, 2.4),
    ]  # fmt: skip
    assert issued[0]["reference"] != issued[1]["reference"]


def test_a_total_that_is_released_tells_no_count_that_is_usual(own_site: ServiceSite) -> None:
    own_site.issue(run={"as_of": AS_OF})
    body = whole(own_site, "data").json()
    for total in (body["forecast"], *body["areas"]):
        assert (total["usual_low"], total["usual_high"]) == (None, None)
        assert (total["quieter"], total["busier"], total["usual"]) == (0.1, 0.25, 2.25)
        assert total["outlook"] == "looks ordinary: 65 in 100 that it is about usual; busier 25, quieter 10"
        assert (total["expected"], total["lower"], total["upper"]) == (2.25, 0, 5)
    assert [(one["expected"], one["lower"], one["upper"]) for one in body["issued"]] == [(2.25, 0, 5)]
    assert body["released"] is True


def test_a_forecast_from_further_ahead_than_any_was_judged_says_so(own_site: ServiceSite) -> None:
    own_site.issue(run={"as_of": AS_OF}, issue_hours=168, hours_ahead=200.0)
    said = [caveat for caveat in whole(own_site).json()["forecast"]["caveats"] if "further ahead" in caveat]
    assert len(said) == 1
    assert "than the 168 hours at which such forecasts were judged" in said[0]


def test_a_forecast_of_before_says_that_its_total_has_no_range(own_site: ServiceSite) -> None:
    own_site.forecast(as_of=AS_OF)
    body = whole(own_site).json()
    assert (body["forecast"]["lower"], body["forecast"]["outlook"], body["areas"], body["issued"]) == (
        None,
        None,
        [],
        [],
    )
    assert "The range is not known: how far off a number may be was not worked out." in body["forecast"]["caveats"]


def test_a_shift_that_nobody_forecast_is_not_found(shared_site: ServiceSite) -> None:
    for shift in ("day-2026-11-22", "nothing", "%00"):
        answer = whole(shared_site, shift=shift)
        assert (answer.status_code, answer.json()["detail"]) == (404, "no forecast was made for this shift")


def test_one_place_is_told_as_the_board_has_it_with_the_hours_of_the_shift(own_site: ServiceSite) -> None:
    own_site.issue(run={"as_of": AS_OF + timedelta(minutes=-1)})
    first = board(own_site).json()["places"][0]
    told = own_site.client("crisis_team").get(f"{BOARD}/{first['place_id']}").json()
    assert told["place"] == first
    assert told["shift"]["id"] == "night-2026-11-22"
    assert (told["released"], told["places_forecast"]) == (False, 3)
    assert told["record"].startswith("Nobody can say yet")
    assert sum(told["hours"]) in (0, pytest.approx(1, abs=0.01))


def test_a_place_that_is_not_told_by_itself_is_as_none(shared_site: ServiceSite) -> None:
    live = [one["place_id"] for one in board(shared_site).json()["places"]]
    released = {one["place_id"] for one in board(shared_site, role="data").json()["places"]}
    client = shared_site.client("data")
    for place in live:
        answer = client.get(f"{BOARD}/{place}")
        assert answer.status_code == (200 if place in released else 404)
        if answer.status_code == 200:
            assert answer.json()["released"] is True
    missing = client.get(f"{BOARD}/nowhere")
    assert missing.status_code == 404
    assert all(client.get(f"{BOARD}/{place}").content == missing.content for place in live if place not in released)


def night_of(site: ServiceSite, day: int, *, as_of: datetime, **changes: list[object]) -> None:
    """A forecast of a night of November with twelve places, of which each rank is said and each last contact."""
    start = AS_OF.replace(day=day, hour=22)
    cells = forecast(f"night-2026-11-{day}", start=start, places=12).assign(**changes)
    save_place_forecast(site.engine, cells, place_run(as_of=as_of))


@pytest.mark.both_databases
def test_a_place_that_is_listed_night_after_night_without_a_new_contact_says_so_on_the_live_board_alone(
    own_site: ServiceSite,
) -> None:
    dropped = [1, 2, 11, *range(4, 11), 3, 12]
    night_of(own_site, 16, as_of=AS_OF.replace(day=16))  # beside a night without a forecast: nobody can say of that one
    for day in (18, 19, 20, 21):
        night_of(own_site, day, as_of=AS_OF.replace(day=day), rank=dropped if day == 21 else [*range(1, 13)])
    night_of(own_site, 20, as_of=AS_OF.replace(day=20, hour=18), rank=[12, *range(2, 12), 1])
    night_of(own_site, 20, as_of=AS_OF.replace(day=20, hour=19))  # the last that was issued counts
    long_ago, of_a_night = datetime(2026, 11, 12, 9, tzinfo=UTC), datetime(2026, 11, 19, 22, tzinfo=UTC)
    last: list[object] = [long_ago, of_a_night, long_ago, None, of_a_night - timedelta(minutes=1), *[long_ago] * 7]
    night_of(own_site, 22, as_of=AS_OF, last_contact=last)

    client = own_site.client("crisis_team")
    found = {n: client.get(f"{BOARD}/place-{n:02}").json()["listed_running"] for n in range(1, 13)}
    five = {"shifts": 5, "or_more": False, "last_contact": "2026-11-12T09:00:00Z"}
    listed = {n: one and one["shifts"] for n, one in found.items()}
    assert found[1] == five
    # A contact as a night began was of that night; the third place was off the list on the night before.
    assert listed == {1: 5, 2: 3, 3: None, 4: None, 5: 4, **dict.fromkeys(range(6, 11), 5), 11: None, 12: None}
    assert found[2]["last_contact"] == "2026-11-19T22:00:00Z"

    page = client.get("/shifts/night-2026-11-22").text
    assert page.count("Listed ") == 8
    assert "Listed 5 night shifts running; no contact known here since 12 Nov" in page
    assert page.index('<div class="cr-live">') < page.index("Listed 5 night"), "which is not for paper"
    of_a_place = client.get("/shifts/night-2026-11-22/places/place-01").text
    assert "ten highest 5 night shifts running, and no crisis contact known here since 12 Nov. That" in of_a_place

    other = own_site.client("data")
    for released in ("/shifts/night-2026-11-22", "/shifts/night-2026-11-22/places/place-01"):
        assert not re.search("night shifts running|known here since", other.get(released).text)
    assert other.get(f"{BOARD}/place-01").json()["listed_running"] is None
    for query in ("?f=csv", "?f=geojson&download=true", "?f=geojson", "?download=true", ""):
        assert "running" not in client.get(f"{BOARD}{query}").text
        assert "2026-11-12" not in client.get(f"{BOARD}{query}").text
    assert "12 Nov" not in client.get("/shifts/night-2026-11-22/print").text
