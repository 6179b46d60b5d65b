"""The board whatever has failed: each part is taken away in turn, and each level says what it is."""

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.lib.database import AS_OF, forecast, place_run
from tests.lib.night_sites import NIGHTS, NIGHTS_MAPPING, PLACES, PLACES_MAPPING, with_night_sources
from tests.lib.service_site import ServiceSite, load_rows, opened

from crisisrisk.database.engine import writing
from crisisrisk.scoring.sheet import MOST_PLACES, SHEET_PAGE, SHEET_TEXT, sheet, write_sheet
from crisisrisk.tables.site import read_site

TEXT = "WHERE CRISIS CONTACTS ARE LIKELY · printed sheet\nAlpha Road about 1.25\n"


@pytest.fixture
def site(own_site: ServiceSite) -> ServiceSite:
    """A site with places, nights that were seen, and a current forecast."""
    own_site.site = with_night_sources(own_site.site.path)
    load_rows(own_site.site, "places", PLACES, PLACES_MAPPING)
    load_rows(own_site.site, "nights", NIGHTS, NIGHTS_MAPPING)
    own_site.declare("service.toml", (own_site.site.path / "serving" / "service.toml").read_text() + LATE)
    return own_site


LATE = "\n[freshness]\nlate_after_hours = 1000\n"


def board(site: ServiceSite, role: str = "crisis_team", **asked: Any) -> dict[str, Any]:
    answer = site.client(role).get("/api/v1/board", params=asked)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    given = [name for name in ("hotspots", "usual", "sheet") if body[name] is not None]
    expected = {"full": "hotspots", "stale": "hotspots", "history": "usual", "printed": "sheet"}[body["level"]]
    assert given == [expected], "exactly what the level says"
    assert bool(body["why"]) == (body["level"] != "full")
    assert body["says"]
    return body


def lose_forecasts(site: ServiceSite) -> None:
    with writing(site.engine) as connection:
        for table in ("forecasts", "forecast_totals", "forecast_runs"):
            connection.exec_driver_sql(f"DELETE FROM {table}")


def lose_tables(site: ServiceSite) -> None:
    (site.site.data / "CURRENT").unlink()


def current(site: ServiceSite) -> None:
    site.forecast(valid_until=AS_OF + timedelta(days=2), as_of=AS_OF)


def test_down_the_ladder_one_part_at_a_time(site: ServiceSite) -> None:
    current(site)
    write_sheet(site.site.reports, TEXT)
    asked = {"shift": "night-2026-11-22"}
    full = board(site, **asked)
    assert (full["level"], full["hotspots"]["places"][0]["place_name"]) == ("full", "Place 1")

    bundle = site.site.models / "place_crisis_shift" / "v4" / "model.txt"
    bundle.write_bytes(bundle.read_bytes()[:-1] + b"x")
    assert board(site, **asked)["level"] == "full"  # the last good model goes on answering

    shutil.rmtree(site.site.state)  # nothing is known to have been good
    site = opened(site.site.path)
    stale = board(site, **asked)
    assert stale["level"] == "stale"
    assert stale["hotspots"]["places"] == full["hotspots"]["places"]
    assert "does not verify now" in stale["why"][0]

    (site.site.models / "place_crisis_shift" / "champion.json").unlink()
    assert board(site, **asked)["level"] == "stale"

    lose_forecasts(site)
    history = board(site, **asked)
    assert (history["level"], history["why"]) == ("history", ["no forecast of this shift can be read"])
    assert "no model" in history["says"]
    usual = [(place["place_id"], place["usual"]) for place in history["usual"]]
    assert [name for name, _ in usual] == ["alpha", "beta", "gamma"]
    assert [count for _, count in usual] == pytest.approx([1, 1 / 3, 0])

    lose_tables(site)
    printed = board(site, **asked)
    assert (printed["level"], printed["sheet"]) == ("printed", TEXT)
    assert len(printed["why"]) >= 2

    (site.site.reports / SHEET_TEXT).unlink()
    nothing = site.client("crisis_team").get("/api/v1/board", params=asked)
    assert (nothing.status_code, nothing.json()["code"]) == (503, "CR-HTTP-503")
    assert nothing.json()["why"][-1] == "no sheet was printed"


def test_a_forecast_that_is_not_current_says_why(site: ServiceSite) -> None:
    found = board(site, shift="night-2026-11-22")  # of the fixture: it is to be replaced a day after its making
    assert found["level"] == "full"
    site.forecast(valid_until=AS_OF)
    found = board(site, shift="night-2026-11-22")
    assert found["level"] == "stale"
    assert found["why"][0].startswith("This forecast was to be replaced")
    current(site)
    site.declare("service.toml", (site.site.path / "serving" / "service.toml").read_text().replace("1000", "6"))
    late = board(site, shift="night-2026-11-22")
    silent = [why.split(" since ")[0] for why in late["why"]]
    assert (late["level"], silent) == ("stale", ["late: crisis_line", "late: s136", "late: street_triage"])


def test_without_a_shift_it_is_the_one_that_runs_else_the_next(site: ServiceSite) -> None:
    assert board(site)["shift_id"] == "night-2026-11-21", "at six in the morning the night shift runs"
    lose_tables(site)
    write_sheet(site.site.reports, TEXT)
    lost = board(site, shift="night-2026-11-22")
    assert (lost["level"], lost["why"]) == ("stale", ["the tables cannot be read"])


def test_true_means_are_for_the_crisis_team_alone(site: ServiceSite) -> None:
    lose_forecasts(site)
    write_sheet(site.site.reports, TEXT)
    assert board(site, shift="night-2026-11-22")["level"] == "history"
    released = board(site, "data", shift="night-2026-11-22")
    assert (released["level"], released["usual"]) == ("printed", None)


def test_what_is_asked_is_bounded(site: ServiceSite) -> None:
    client = site.client("crisis_team")
    assert client.get("/api/v1/board?limit=5001").status_code == 422
    assert client.get("/api/v1/board?other=1").status_code == 422
    assert len(board(site, shift="night-2026-11-22", limit=1)["hotspots"]["places"]) == 1


@pytest.mark.parametrize("shift", ["\x00", "[]", "nowhere-2026-11-22", "night-2026-12-22", "night-2026-11-22 "])
def test_no_sheet_is_given_for_what_is_no_shift(site: ServiceSite, shift: str) -> None:
    write_sheet(site.site.reports, TEXT)
    client = site.client("crisis_team")
    answer = client.get("/api/v1/board", params={"shift": shift})
    assert (answer.status_code, answer.json()["code"]) == (404, "CR-HTTP-404")
    lose_forecasts(site)
    assert client.get("/api/v1/board", params={"shift": shift}).status_code == 404
    with writing(site.engine) as connection:  # now nobody can tell whether it is one
        connection.exec_driver_sql("ALTER TABLE forecast_runs RENAME TO lost")
    if shift.isprintable():
        assert board(site, shift=shift)["level"] == "printed"


def test_tables_that_are_gone_are_said_whatever_the_clock(site: ServiceSite) -> None:
    file = site.site.path / "crisisrisk.toml"
    file.write_text(file.read_text().replace('clock = "data"', 'clock = "system"'))
    site.site = read_site(site.site.path)
    lose_tables(site)
    found = board(site, shift="night-2026-11-22")
    assert (found["level"], "the tables cannot be read" in found["why"]) == ("stale", True)


# The sheet


def collection(places: int = 3) -> dict[str, Any]:
    """A released collection of one shift."""
    features = [
        {"properties": {
            "place_id": row["place_id"], "place_name": row["place_name"], "shift_id": row["shift_id"], "shift": "night",
            "start": row["start"].isoformat(), "end": row["end"].isoformat(), "rank": row["released_rank"],
            "expected": row["released_expected"], "usual": row["released_usual"], "reasons": row["released_reasons"],
        }}
        for row in forecast(places=places).to_dict("records")
    ]  # fmt: skip
    meta = place_run()
    return {
        "issued_at": meta.as_of.isoformat(), "valid_until": meta.valid_until.isoformat(), "caveats": ["a range"],
        "shifts": [{"shift_id": "night-2026-11-22", "expected": 2.25, "lower": 0, "upper": 5, "outlook": "ordinary"}],
        "features": features,
    }  # fmt: skip


def test_a_sheet_says_until_when_and_in_local_time_and_only_what_is_released(site: ServiceSite, tmp_path: Path) -> None:
    text = sheet(collection(), caveat="no reassurance", zone=site.site.time_zone)
    lines = text.splitlines()
    assert lines[1] == "made Sun 22 Nov 2026 06:00 · to be used until Mon 23 Nov 2026 06:00"
    assert "no reassurance" in lines
    assert "in all about 2.2, 0 to 5; ordinary" in lines
    assert "NIGHT  Sun 22 Nov 2026 22:00 to Mon 23 Nov 2026 08:00" in lines
    assert "   1  Place 1                      about 1.25, usual 0.75 · more triage calls" in text
    assert "6 triage calls" not in text
    write_sheet(tmp_path / "new", text)
    assert (tmp_path / "new" / SHEET_TEXT).read_text() == text
    assert "<pre" in (tmp_path / "new" / SHEET_PAGE).read_text()


def test_a_sheet_is_one_page_and_its_page_is_no_markup_of_others(tmp_path: Path, site: ServiceSite) -> None:
    many = collection(places=100)
    many["features"][0]["properties"]["place_name"] = "<script>x</script>"
    text = sheet(many, caveat="", zone=site.site.time_zone)
    assert text.count("about 0.50") + text.count("about 1.25") == MOST_PLACES
    write_sheet(tmp_path, text)
    assert "<script>" not in (tmp_path / SHEET_PAGE).read_text()


# What came to a place of late

LATELY = """id,at,known,source,place,premises
p0,2026-10-25 06:00:00,2026-10-25 09:00:00,street_triage,place-01,
p1,2026-10-25 05:59:59,2026-10-25 09:00:00,street_triage,place-01,
p2,2026-11-10 10:00:00,2026-11-10 12:00:00,s136,place-01,
p3,2026-11-20 10:00:00,2026-11-22 05:59:59.999999,street_triage,place-01,
p4,2026-11-20 20:00:00,2026-11-22 06:00:00,street_triage,place-01,
p5,2026-11-21 10:00:00,2026-11-21 12:00:00,police_999,place-01,
p6,2026-11-21 11:00:00,2026-11-21 12:00:00,street_triage,place-02,private
"""


@pytest.fixture
def with_contacts(site: ServiceSite) -> ServiceSite:
    """Contacts at the places of the forecast: at and just outside both ends of the 28 days, and others'."""
    rows = "place,name,lat,lon,kind\nplace-01,One,52.51,-1.89,area\nplace-02,Two,52.52,-1.89,area\n"
    load_rows(site.site, "more places", rows, PLACES_MAPPING)
    load_rows(site.site, "lately", LATELY, NIGHTS_MAPPING)
    site.forecast(valid_until=AS_OF + timedelta(days=2), as_of=AS_OF)
    return site


def place(site: ServiceSite, name: str, role: str = "crisis_team") -> dict[str, Any]:
    told: dict[str, Any] = site.client(role).get(f"/api/v1/shifts/night-2026-11-22/hotspots/{name}").json()
    return told


def test_what_came_in_28_days_is_what_was_known_before_the_forecast(with_contacts: ServiceSite) -> None:
    assert place(with_contacts, "place-01")["lately"] == {
        "days": 28, "until": "2026-11-22T06:00:00Z", "total": 3, "by_kind": [
            {"source": "street_triage", "kind": "triage call", "count": 2},
            {"source": "s136", "kind": "detention", "count": 1},
        ],
    }  # fmt: skip
    assert place(with_contacts, "place-02")["lately"] == {
        "days": 28, "until": "2026-11-22T06:00:00Z", "total": 0, "by_kind": [],
    }  # fmt: skip
    assert place(with_contacts, "place-03")["lately"] is None  # a place of the forecast that the tables have not
    page = with_contacts.client("crisis_team").get("/shifts/night-2026-11-22/places/place-01").text
    assert "3 crisis contacts came here in the 28 days until Sun 22 Nov 06:00, as known then:" in page
    assert "<li>2 triage calls</li><li>1 detention</li>" in page


def test_what_came_of_late_is_for_the_live_board_alone(with_contacts: ServiceSite) -> None:
    shown = [one["place_id"] for one in board(with_contacts, "data", shift="night-2026-11-22")["hotspots"]["places"]]
    assert shown
    for name in shown:
        assert place(with_contacts, name, "data")["lately"] is None
        page = with_contacts.client("data").get(f"/shifts/night-2026-11-22/places/{name}")
        assert (page.status_code, "28 days until" in page.text) == (200, False)
    printed = with_contacts.client("crisis_team").get("/shifts/night-2026-11-22/print").text
    assert "28 days until" not in printed


def test_a_place_is_told_where_the_tables_cannot_be_counted(with_contacts: ServiceSite) -> None:
    (with_contacts.site.path / "training" / "place_crisis_shift.toml").parent.mkdir(exist_ok=True)
    (with_contacts.site.path / "training" / "place_crisis_shift.toml").write_text("nothing = ")
    answer = place(with_contacts, "place-01")
    assert (answer["place"]["place_id"], answer["lately"]) == ("place-01", None)
    page = with_contacts.client("crisis_team").get("/shifts/night-2026-11-22/places/place-01").text
    assert "Nobody can say now: the tables could not be counted." in page
