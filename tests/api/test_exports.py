"""Places as files: released, formula-safe, each with its caveats and validity, and opened by others' readers."""

import csv
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.lib.database import AS_OF
from tests.lib.service_site import ServiceSite

from crisisrisk.cli import run
from crisisrisk.database.engine import writing
from crisisrisk.database.schema import Forecast
from crisisrisk.serving.exports import bounding_box

HOTSPOTS = "/api/v1/shifts/night-2026-11-22/hotspots"
RELEASED = {"place-01": 1.25, "place-02": 0.5, "place-03": 0.5}


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("role", ["crisis_team", "data"])
def test_a_csv_is_a_release_whoever_asks_and_says_what_it_is_worth_in_each_row(
    shared_site: ServiceSite, role: str
) -> None:
    answer = shared_site.client(role).get(f"{HOTSPOTS}?f=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="hotspots.csv"'
    rows = read_csv(answer.text)
    assert {row["place_id"]: float(row["expected"]) for row in rows} == RELEASED
    for row in rows:
        assert (row["valid_until"], row["released"], row["reference"]) == ("2026-11-23T06:00:00+00:00", "True", "S-1")
        assert "Released numbers" in row["caveats"]
        assert "not reassurance" in row["caveats"]
        assert "6 triage calls" not in row["reasons"]


@pytest.mark.parametrize("text", ["=1+1", "+44", "-2", "@SUM(A1)", "\tx", "\rx"])
def test_no_text_of_a_csv_is_run_by_a_spreadsheet_and_numbers_stay_numbers(own_site: ServiceSite, text: str) -> None:
    with writing(own_site.engine) as connection:
        connection.execute(Forecast.__table__.update().values(place_name=text))
    rows = read_csv(own_site.client("crisis_team").get(f"{HOTSPOTS}?f=csv").text)
    assert {row["place_name"] for row in rows} == {f"'{text}"}
    assert {float(row["longitude"]) for row in rows} == {-1.89}


def test_a_parquet_file_is_typed_and_has_the_same_rows(shared_site: ServiceSite) -> None:
    answer = shared_site.client("crisis_team").get(f"{HOTSPOTS}?f=parquet")
    table = pq.read_table(io.BytesIO(answer.content))
    assert dict(zip(table["place_id"].to_pylist(), table["expected"].to_pylist(), strict=True)) == RELEASED
    assert set(table["valid_until"].to_pylist()) == {AS_OF.replace(day=23)}
    about = json.loads(table.schema.metadata[b"crisisrisk"])
    assert about["released"] is True
    assert about["caveats"]
    assert {"valid_until", "caveats", "model", "reference"} <= set(table.column_names)


def test_a_feature_collection_says_what_ogc_api_features_does(shared_site: ServiceSite) -> None:
    answer = shared_site.client("data").get(f"{HOTSPOTS}?f=geojson&limit=2&bbox=-2,52,-1,53")
    body = answer.json()
    assert answer.headers["content-type"] == "application/geo+json"
    assert (body["type"], body["numberReturned"]) == ("FeatureCollection", 2)
    assert body["timeStamp"] == "2026-11-22T06:00:00Z"
    assert body["bbox"] == [-1.89, 52.49, -1.89, 52.5]
    links = {link["rel"]: link for link in body["links"] if link["rel"] == "self"}
    assert shared_site.client("data").get(links["self"]["href"]).json() == body
    for link in body["links"]:
        assert shared_site.client("data").get(link["href"]).headers["content-type"] == link["type"]
    assert body["caveats"]
    assert body["valid_until"]


def test_the_box_of_shapes_is_that_of_their_corners() -> None:
    ring = [[-2.0, 52.0], [-1.0, 52.5], [-1.5, 53.0], [-2.0, 52.0]]
    drawn = [{"geometry": {"type": "Polygon", "coordinates": [ring]}}, {"geometry": None},
             {"geometry": {"type": "Point", "coordinates": [0.5, 51.0]}}]  # fmt: skip
    assert bounding_box(drawn) == [-2.0, 51.0, 0.5, 53.0]
    assert bounding_box([{"geometry": None}]) is None


@pytest.mark.parametrize("form", ["csv", "geojson", "parquet"])
def test_the_command_writes_what_the_service_would(
    shared_site: ServiceSite, tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / f"places.{form}"
    said = ["export", form, str(out), "--shift", "2026-11-22T22:00", "--site", str(shared_site.site.path), "--json"]
    assert run(said) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["shift"], told["places"]) == ("night-2026-11-22", 3)
    served = shared_site.client("data").get(f"{HOTSPOTS}?f={form}&limit=3&download=true")
    assert out.read_bytes() == served.content
    assert not list(tmp_path.glob(".*"))


def test_a_file_of_another_kind_and_a_shift_without_a_forecast_are_wrong_use(
    shared_site: ServiceSite, tmp_path: Path
) -> None:
    site = ["--site", str(shared_site.site.path)]
    assert run(["export", "csv", str(tmp_path / "places.xlsx"), *site]) == 2
    assert run(["export", "csv", str(tmp_path / "places.csv"), "--shift", "2026-11-25T22:00", *site]) == 2
    assert list(tmp_path.iterdir()) == []


def test_no_list_of_people_is_exported(shared_site: ServiceSite) -> None:
    for query in ("f=csv", "f=parquet", "download=true", "f=geojson"):
        assert shared_site.client("care", "north").get(f"/api/v1/caseloads/north?{query}").status_code == 422
        assert shared_site.client("care", "north").get(f"{HOTSPOTS}?{query}").status_code == 403
