"""What pages say beyond what a browser shows of a usual night."""

from datetime import timedelta

import pytest
from tests.lib.database import AS_OF
from tests.lib.service_site import ServiceSite

SHIFT = "/shifts/night-2026-11-22"


@pytest.mark.parametrize("path", [SHIFT, f"{SHIFT}/places/place-01"])
def test_agencies_that_are_late_are_named_in_words_by_the_clock_on_the_wall(own_site: ServiceSite, path: str) -> None:
    silent = {"police_999": AS_OF - timedelta(hours=3), "crisis_line": AS_OF - timedelta(days=3)}
    own_site.issue("night-2026-11-22", run={"as_of": AS_OF, "data_complete_to": silent})
    text = own_site.client("crisis_team").get(path).text
    assert "Silent for too long, and what they have seen since is not in this forecast:" in text
    assert "crisis-line calls (since Thu 19 Nov 06:00)" in text
    assert "999 calls (since" not in text
    assert "late: " not in text, "it is said once"


def test_a_program_is_told_what_is_wrong_as_programs_read_it_and_a_browser_as_a_page(shared_site: ServiceSite) -> None:
    client = shared_site.client("crisis_team")
    for accept, kind in (("*/*", "application/problem+json"), ("text/html,*/*;q=0.8", "text/html; charset=utf-8")):
        answer = client.get("/shifts/nothing", headers={"Accept": accept})
        assert (answer.status_code, answer.headers["content-type"]) == (404, kind)
    told = client.get("/api/v1/shifts/nothing", headers={"Accept": "text/html"})
    assert told.headers["content-type"] == "application/problem+json", "the API has one form"


def test_a_role_sees_on_a_page_what_it_is_told_over_http(own_site: ServiceSite) -> None:
    own_site.issue("night-2026-11-22", run={"as_of": AS_OF})
    for role, released in (("crisis_team", False), ("data", True)):
        client = own_site.client(role)
        told = client.get(f"/api/v1{SHIFT}/hotspots").json()
        page = client.get(SHIFT).text
        assert told["released"] is released
        for place in told["places"]:
            assert place["place_name"] in page
            assert all(reason["text"] in page for reason in place["reasons"][:2])
        assert ("6 triage calls" in page) is not released
