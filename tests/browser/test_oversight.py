"""What stands behind the numbers, and who looks after them: data, models, looks, alerts and concerns as pages."""

import pytest
from playwright.sync_api import Browser, expect
from tests.lib.browsing import NARROW, opened, violations
from tests.lib.service_site import ServiceSite


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_an_officer_goes_from_a_person_to_what_somebody_saw_of_them(
    browser: Browser, address: str, site: ServiceSite, script: bool
) -> None:
    person = site.people["ben"]
    assert site.client("care", "north").get(f"/people/{person}").status_code == 200
    with opened(browser, address, site, role="audit", java_script_enabled=script) as page:
        expect(page).to_have_url(f"{address}/audit")
        page.get_by_label("Person, by pseudonym").fill("Ben")
        page.get_by_role("button", name="Find looks").press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("Write a whole pseudonym")
        assert page.title().startswith("Error: ")
        page.get_by_label("Person, by pseudonym").fill(person)
        expect(page.get_by_label("Role", exact=True)).to_contain_text("privacy and safety")
        page.get_by_label("Role", exact=True).select_option("care")
        page.get_by_role("button", name="Find looks").press("Enter")
        row = page.get_by_role("row").filter(has_text="the care of a person by their own team").first
        expect(row).to_contain_text("care, North")
        expect(row).to_contain_text(person)
        page.set_viewport_size(NARROW)
        said = row.inner_text()
        for label in ("Who care, North", f"Whom {person}", "Why the care", "Answer shown"):
            assert label in said
        row.get_by_role("link").press("Enter")
        expect(page.get_by_text("GET /people/{pid}")).to_be_visible()
        assert not script or violations(page) == []
        page.get_by_role("link", name="See what was shown").press("Enter")
        expect(page.get_by_text("people with a history like this had a contact with a crisis").first).to_be_visible()
        expect(page.get_by_role("heading", level=1)).to_contain_text(person)


def test_what_is_shown_again_does_nothing_again(browser: Browser, address: str, site: ServiceSite) -> None:
    person = site.people["ann"]
    assert site.client("care", "north").get(f"/people/{person}").status_code == 200
    client = site.client("audit")
    newest = client.get(f"/api/v1/audit?person={person}&role=care&limit=1").json()["looks"][0]
    answer = client.get(f"/audit/{newest['number']}/shown")
    assert person in answer.text
    assert answer.headers["content-security-policy"].startswith("sandbox allow-same-origin; default-src 'none'")
    assert site.client("care", "north").get(f"/audit/{newest['number']}/shown").status_code == 403
    assert client.get("/audit/999999/shown").status_code == 404


def test_a_concern_is_worked_where_it_is_read(browser: Browser, address: str, site: ServiceSite) -> None:
    told = {"about": "place", "text": "The shelter has closed."}
    number = site.client("data").post("/api/v1/safety-concerns", json=told).json()["number"]
    with opened(browser, address, site, role="audit") as page:
        page.get_by_role("link", name="Concerns").click()
        section = page.get_by_role("region", name="A place or a forecast").filter(has_text=f"concern {number}")
        expect(section).to_contain_text("from data team")
        section.get_by_role("button", name=f"Close concern {number}").click()
        expect(page.get_by_role("alert")).to_contain_text("Say in a few words what was found")
        section.get_by_label(f"What was found and done about concern {number}").fill("It was taken off the list.")
        section.get_by_role("button", name=f"Close concern {number}").click()
        expect(page.get_by_text(f"Close concern {number}")).to_have_count(0)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_who_keeps_the_records_answers_what_a_team_says_is_wrong(
    browser: Browser, address: str, site: ServiceSite, script: bool
) -> None:
    care, path = site.client("care", "north"), f"/people/{site.people['ann']}"
    said = {"event_id": "e1", "problem": "wrong_time", "words": "She was with us then."}
    number = care.post(f"/api/v1{path}/data-queries", json=said).json()["number"]
    with opened(browser, address, site, role="data", java_script_enabled=script) as page:
        page.goto("/data")
        page.get_by_role("link", name="said to be wrong").press("Enter")
        section = page.get_by_role("region", name=f"Number {number}: the time is wrong")
        expect(section).to_contain_text("record e1. Said by North")
        for hidden in (site.people["ann"], "She was with us"):
            expect(page.get_by_role("main")).not_to_contain_text(hidden)
        section.get_by_role("button").press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("Choose what became of the record")
        expect(page.get_by_role("alert")).to_contain_text("Say in a few words what was found")
        assert not script or violations(page) == []
        section.get_by_label("What became of").select_option("The record was wrong and is put right")
        section.get_by_label("What was found").fill("It was an hour later.")
        section.get_by_role("button").press("Enter")
        expect(section).to_have_count(0)
        expect(page.get_by_role("heading", level=1)).to_contain_text("said to be wrong")
    with opened(browser, address, site, role="care", java_script_enabled=script) as page:
        answered = page.get_by_role("region", name="Answered: what your team said is wrong")
        answered.get_by_role("link", name=site.people["ann"]).press("Enter")
        expect(page).to_have_url(f"{address}{path}#said-wrong")
        told = (
            "She was with us then. Answered 22 Nov 2026: the record was wrong and is put right. It was an hour later."
        )
        expect(page.get_by_role("listitem").filter(has_text=told).first).to_be_in_viewport()
    again = site.client("data").post(f"/data/queries/{number}/closing", data={"outcome": "stands", "answer": "No."})
    assert (again.status_code, f"Number {number} was closed before" in again.text) == (409, True)


def test_models_say_since_when_they_answer_and_what_a_change_means(
    browser: Browser, address: str, site: ServiceSite
) -> None:
    sheet = site.site.reports / "person_crisis_28d-r1.html"
    sheet.write_text(
        "<!doctype html><title>Trust sheet</title><h1>What it cannot say</h1><script>document.title=1</script>"
    )
    with opened(browser, address, site, role="data") as page:
        page.goto("/models")
        expect(page.get_by_role("region", name="People")).to_contain_text("version 4")
        page.get_by_role("region", name="People").get_by_role("link", name="Trust sheet").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("What it cannot say")
        assert page.title() == "Trust sheet", "nothing in it runs"
    sheet.unlink()
