"""Sites of care: which there are, and what a coordinator says of them."""

from typing import Any

import pytest
from tests.lib.service_site import ServiceSite

from crisisrisk.database.site_status import statuses

pytestmark = pytest.mark.both_databases

CAFE = "/api/v1/sites/cafe/status"
FULL = {"state": "full", "reason": "eight people waiting"}


def put(site: ServiceSite, path: str = CAFE, **changes: Any) -> Any:
    return site.client("crisis_team").put(path, json={**FULL, **changes})


def test_the_sites_are_listed_with_what_is_known_of_them(shared_site: ServiceSite) -> None:
    body = shared_site.client("crisis_team").get("/api/v1/sites").json()
    assert body["now"] == "2026-11-22T06:00:00Z"
    assert [site["id"] for site in body["sites"]] == ["base-north", "base-south", "cafe", "point-far", "safety"]
    assert body["sites"][2] == {
        "id": "cafe", "name": "Holgate café", "kind": "crisis_cafe", "latitude": 52.49, "longitude": -1.88,
        "opens": "18:00", "closes": "02:00", "capacity": 8, "ages": None, "conditions": None, "phone": "01632 960 009",
        "status": None,
    }  # fmt: skip
    assert [site["name"] for site in body["sites"]] == [
        "base-north", "base-south", "Holgate café", "Far Lane car park", "safety",
    ]  # fmt: skip


def test_a_site_is_full_until_the_shift_ends_and_open_again_when_that_is_said(own_site: ServiceSite) -> None:
    said = put(own_site).json()["status"]
    assert (said["state"], said["reason"], said["role"], said["holds_now"]) == (
        "full", "eight people waiting", "crisis_team", True,
    )  # fmt: skip
    # It is 06:00: the night shift ends at 08:00.
    assert (said["from"], said["until"]) == ("2026-11-22T06:00:00Z", "2026-11-22T08:00:00Z")
    client = own_site.client("crisis_team")
    assert client.get(CAFE).json()["status"] == said
    assert [site["id"] for site in client.get("/api/v1/sites").json()["sites"] if site["status"]] == ["cafe"]
    opened = client.put(CAFE, json={"state": "open"}).json()["status"]
    assert (opened["state"], opened["reason"], opened["holds_now"]) == ("open", "", False)
    assert statuses(own_site.engine)["cafe"].set_by == said["set_by"]


def test_a_status_that_begins_later_does_not_hold_yet(own_site: ServiceSite) -> None:
    said = put(own_site, **{"from": "2026-11-22T21:30:00Z", "state": "closed"}).json()["status"]
    # Not the end of the day shift half an hour later: that is no night.
    assert (said["until"], said["holds_now"]) == ("2026-11-23T08:00:00Z", False)


@pytest.mark.parametrize(
    "change",
    [{"state": "busy"}, {"reason": None}, {"reason": ""}, {"reason": "x" * 301}, {"reason": "two\nlines"},
     {"reason": "a\u0000b"}, {"reason": "waits for 943 476 5919"}, {"reason": "waits for k1_7Q4M2XK0D3RT5VWZ"},
     {"until": "2026-11-22T05:00:00Z"},
     {"until": "2026-12-31T05:00:00Z"}, {"from": "2026-11-23T05:00:00Z", "until": "2026-11-23T04:00:00Z"},
     {"until": "2026-11-22T23:00:00"}, {"until": "9999-12-31T23:59:59Z"}, {"from": "0001-01-01T00:00:00Z"},
     {"nobody": 1}],
)  # fmt: skip
def test_a_status_that_makes_no_sense_is_refused_and_not_kept(own_site: ServiceSite, change: dict[str, Any]) -> None:
    answer = put(own_site, **change)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["problems"]
    assert "943" not in answer.text
    assert "7Q4M" not in answer.text
    assert own_site.client("crisis_team").get(CAFE).status_code == 200
    assert statuses(own_site.engine) == {}


@pytest.mark.parametrize("site", ["nowhere", "%00", "place-01"])
def test_a_site_that_is_none_has_no_status(own_site: ServiceSite, site: str) -> None:
    for answer in (put(own_site, f"/api/v1/sites/{site}/status"), own_site.client("crisis_team").get(
        f"/api/v1/sites/{site}/status"
    )):  # fmt: skip
        assert (answer.status_code, answer.json()["detail"]) == (404, "there is no such site of care")
