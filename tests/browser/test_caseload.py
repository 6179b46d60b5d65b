"""The caseload and a person's page in a real browser: from signing in to signing out, with and without scripts."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.browser.conftest import as_made
from tests.lib import service_site
from tests.lib.browsing import NARROW, WIDE, opened, served, violations
from tests.lib.operational import copied
from tests.lib.service_site import CASELOADS_MAPPING, EVENTS_MAPPING, ServiceSite, load_rows, with_workers
from tests.lib.table_sites import NHS_NUMBERS


@pytest.mark.parametrize(("script", "name"), [(True, "ben"), (False, "ann")], ids=["script", "no script"])
def test_a_care_coordinator_goes_from_the_list_to_a_decision(
    browser: Browser, address: str, site: ServiceSite, script: bool, name: str
) -> None:
    person = site.people[name]
    with opened(browser, address, site, role="care", java_script_enabled=script) as page:
        expect(page).to_have_url(f"{address}/caseload")
        expect(page.get_by_role("heading", level=1)).to_have_text("The people of North")
        first = page.get_by_role("region", name="First, whatever the number")
        expect(first.get_by_role("link", name=site.people["cat"]).first).to_be_visible()
        page.get_by_role("link", name="All", exact=True).click()
        row = page.get_by_role("row").filter(has=page.get_by_role("link", name=person, exact=True))
        expect(page).to_have_url(re.compile("tab=all"))
        page.wait_for_load_state()
        expect(row).to_contain_text({"ben": "41 in 100", "ann": "18 in 100"}[name])
        agree = row.get_by_role("button", name=f"Agree about {person}", exact=True)
        agree.scroll_into_view_if_needed()
        before = page.evaluate("[window.scrollY, window.sameDocument = true]") if script else None
        agree.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("It changes no number.")
        if script:  # in place: the list was not loaded again, nothing moved, and the next answer is one press away
            assert page.evaluate("[window.scrollY, window.sameDocument]") == before
            expect(agree).to_be_focused()
            assert "said=" not in page.url
            assert violations(page) == []
        row = page.get_by_role("row").filter(has=page.get_by_role("link", name=person, exact=True))
        expect(row).to_contain_text("Your team: agrees")
        row.get_by_role("link", name=person, exact=True).click()
        expect(page.get_by_role("main")).to_contain_text("people with a history like this had a contact with a crisis")

        page.get_by_role("region", name="Last contacts").get_by_role("link", name="This is wrong").first.click()
        page.get_by_label("What is wrong").select_option("It did not happen")
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("status")).to_contain_text("in the queue of those who keep the records")
        expect(page.get_by_text("it did not happen. Not answered yet.")).to_be_visible()

        snooze = page.get_by_role("region", name="Snooze")
        snooze.get_by_role("button", name="Snooze").click()
        expect(page.get_by_role("alert")).to_contain_text("Say why in a few words")
        assert page.title().startswith("Error: ")
        snooze.get_by_label("Why").fill("Visited yesterday.")
        snooze.get_by_role("button", name="Snooze").click()
        expect(page.get_by_role("status")).to_contain_text("A new contact ends it at once.")
        snooze.get_by_role("button", name="End it now").click()

        decision = page.get_by_role("region", name="What have you decided?")
        decision.get_by_label("Decision").select_option("Get in touch")
        decision.get_by_label("Why").fill("She asked for a call.")
        decision.get_by_role("button", name="Keep the decision").click()
        expect(page.get_by_text("get in touch. She asked for a call.")).to_be_visible()
        expect(page.get_by_role("button", name="Copy the text")).to_have_count(1 if script else 0)
        page.get_by_role("link", name="Back to the caseload").click()
        expect(page).to_have_url(f"{address}/caseload?people=team&tab=all#{person}")
        page.get_by_role("button", name="Sign out").click()
        page.goto(f"/people/{person}")
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to Test site")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_a_coordinator_goes_from_their_own_people_to_a_part_of_the_teams_by_keyboard(
    browser: Browser, address: str, site: ServiceSite, script: bool
) -> None:
    with_workers(site)
    with opened(browser, address, site, role="care", worker="w_1", java_script_enabled=script) as page:
        expect(page.get_by_role("heading", level=1)).to_have_text("Your people in North")
        expect(page.get_by_text("have no care coordinator")).to_be_visible()
        if script:
            assert violations(page) == []
        page.wait_for_load_state()
        page.get_by_role("link", name="The whole team").press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("The people of North")
        page.wait_for_load_state()
        page.get_by_role("link", name="All", exact=True).press("Enter")
        expect(page.get_by_role("heading", name="Everybody with a number")).to_be_visible()
        page.wait_for_load_state()
        page.get_by_label("Order").select_option("Latest contact first")
        page.get_by_label("Show only").select_option("A contact in the last 7 days")
        page.get_by_role("button", name="Show", exact=True).press("Enter")
        expect(page.get_by_text("Latest contact first, not by the number.")).to_be_visible()
        chosen = "/caseload?people=team&tab=all&sort=last_contact&only=contact_in_7_days"
        expect(page).to_have_url(f"{address}{chosen}#list-heading")
        expect(page.get_by_role("row").filter(has_text=site.people["dan"])).to_have_count(0)
        page.get_by_role("button", name="I have looked through this list").press("Enter")
        expect(page.get_by_role("status")).to_contain_text("marked as new to you")
        expect(page).to_have_url(f"{address}{chosen}{'#list-heading' if script else '&said=seen'}")
        page.get_by_role("link", name="My people").press("Enter")
        expect(page.get_by_label("Show only")).to_have_value("contact_in_7_days")
        expect(page.get_by_role("row")).to_have_count(2)  # the head, and ann


def test_lists_come_in_place_with_their_address_and_each_is_a_look_of_its_own(
    browser: Browser, address: str, site: ServiceSite
) -> None:
    with opened(browser, address, site, role="care") as page:
        page.wait_for_load_state()
        before = page.evaluate("[window.scrollY, window.sameDocument = true]")
        page.get_by_role("link", name="All", exact=True).press("Enter")
        expect(page.get_by_role("heading", name="Everybody with a number")).to_be_visible()
        expect(page.get_by_role("status")).to_contain_text("Everybody with a number: 2 people. Most likely first.")
        expect(page.get_by_role("link", name="All", exact=True)).to_be_focused()
        expect(page).to_have_url(f"{address}/caseload?people=team&tab=all#list-heading")
        expect(page).to_have_title(re.compile("^All, North"))
        assert page.evaluate("[window.scrollY, window.sameDocument]") == before
        shown = page.locator(".cr-people tbody tr[id]").count()
        page.get_by_role("link", name="Show more", exact=True).press("Enter")
        expect(page.locator(".cr-people tbody tr[id]").nth(shown).get_by_role("link").first).to_be_focused()
        page.get_by_label("Show only").select_option("A contact in the last 7 days")
        page.get_by_role("button", name="Show", exact=True).press("Enter")
        expect(page.get_by_text("Only some of this list")).to_be_visible()
        expect(page.get_by_role("button", name="Show", exact=True)).to_be_focused()
        narrowed = f"{address}/caseload?people=team&tab=all&only=contact_in_7_days#list-heading"
        expect(page).to_have_url(narrowed)
        page.get_by_role("link", name="Show all of it.").press("Enter")
        expect(page.get_by_role("heading", name="Everybody with a number")).to_be_focused()
        expect(page.get_by_text("Only some of this list")).to_have_count(0)
        assert violations(page) == []
        assert page.evaluate("[localStorage.length, sessionStorage.getItem('htmx-history-cache')]") == [0, None]
        page.go_back()  # no page was kept: it is asked for again
        expect(page.get_by_text("Only some of this list")).to_be_visible()
        expect(page).to_have_url(narrowed)
        assert page.evaluate("window.sameDocument") is None
        page.reload()
        expect(page.get_by_text("Only some of this list")).to_be_visible()
        page.go_forward()
        expect(page.get_by_text("Only some of this list")).to_have_count(0)
        page.wait_for_load_state()
        page.context.clear_cookies()
        page.get_by_role("link", name="Review due").press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to Test site")


def test_a_list_that_does_not_come_leaves_the_one_that_is_there_and_says_so(
    browser: Browser, address: str, site: ServiceSite
) -> None:
    with opened(browser, address, site, role="care") as page:
        page.wait_for_load_state()
        page.route("**/caseload?**", lambda route: route.abort())
        page.get_by_role("link", name="All", exact=True).press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("What you see is what was there before.")
        expect(page.get_by_role("alert")).not_to_contain_text("what you sent")
        expect(page.get_by_role("alert")).to_be_focused()
        expect(page.get_by_role("heading", name="New or changed")).to_be_visible()
        expect(page).to_have_url(f"{address}/caseload")
        assert violations(page) == []


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_somebody_is_snoozed_in_their_row_and_it_is_undone_there(
    browser: Browser, address: str, site: ServiceSite, viewport: dict[str, int]
) -> None:
    person = site.people["ben"]
    with opened(browser, address, site, role="care", viewport=viewport) as page:
        page.goto("/caseload?tab=all")
        page.wait_for_load_state()
        row = page.get_by_role("row").filter(has=page.get_by_role("link", name=person, exact=True))
        snooze = row.get_by_role("link", name=f"Snooze {person}")
        snooze.press("Enter")
        expect(row.get_by_label("How long")).to_be_focused()
        assert violations(page) == []
        row.get_by_role("button", name=f"Cancel {person}").press("Enter")
        expect(snooze).to_be_focused()
        snooze.press("Enter")
        row.get_by_label("How long").select_option("2 weeks, until 6 Dec 2026")
        row.get_by_label("Why").press("Enter")
        expect(row.get_by_label("Why")).to_be_focused()
        expect(row).to_contain_text("Say why in a few words")
        expect(page.get_by_role("status")).to_contain_text("Say why in a few words")
        assert violations(page) == []
        row.get_by_label("Why").fill("Visited yesterday.")
        row.get_by_label("Why").press("Enter")
        said = row.get_by_text("Snoozed until 6 Dec 2026. A new contact ends it at once.")
        expect(said).to_be_focused()
        expect(page.get_by_role("status")).to_contain_text("Snoozed.")
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        row.get_by_role("button", name=f"Undo the snooze of {person}").press("Enter")
        expect(row.get_by_text("The snooze is ended.")).to_be_focused()
        snooze.press("Enter")
        expect(row.get_by_label("Why")).to_have_value("")
        expect(page).to_have_url(f"{address}/caseload?tab=all")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_a_snooze_is_ended_from_the_list_of_who_is_snoozed(
    browser: Browser, address: str, site: ServiceSite, script: bool
) -> None:
    person, asked = site.people["ben"], {"until": "2026-12-06", "reason": "Visited yesterday."}
    kept = site.client("care", "north").post(f"/api/v1/people/{person}/snoozes", json=asked)
    assert kept.status_code == 201, kept.text
    with opened(browser, address, site, role="care", java_script_enabled=script) as page:
        page.goto("/caseload?tab=snoozed")
        page.wait_for_load_state()
        page.get_by_role("button", name=f"End the snooze of {person}").click()
        expect(page.get_by_text("The snooze is ended.").first).to_be_visible()
        page.goto("/caseload?tab=snoozed")
        expect(page.get_by_text("Nobody is snoozed.")).to_be_visible()


def test_by_keyboard_a_reason_opens_and_an_answer_is_sent(browser: Browser, address: str, site: ServiceSite) -> None:
    with opened(browser, address, site, role="care", forced_colors="active") as page:
        page.goto(f"/people/{site.people['dan']}")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
        page.get_by_text("The numbers as a list").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_text("22 Nov: 0.4 in 100")).to_be_visible()
        answer = page.get_by_role("region", name="What do you think of the number?")
        answer.get_by_role("button", name="Send").press("Enter")
        expect(page.locator(".nhsuk-error-summary")).to_be_focused()
        page.get_by_role("link", name="Choose agree, disagree or acted").press("Enter")
        expect(page.get_by_label("I agree", exact=True)).to_be_focused()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("Your answer is kept")
        expect(page.get_by_text("care: I disagree")).to_be_visible()
        assert violations(page) == []


def test_a_record_with_a_day_alone_is_told_by_its_day_and_one_at_midnight_at_midnight(
    browser: Browser, site: ServiceSite, tmp_path: Path
) -> None:
    made = service_site.opened(copied(as_made(site), tmp_path / "site"))
    rows = "id,at,known,source,person\n{id},{at},2026-11-22 01:00:00,{source},ben\n"
    load_rows(made.site, "day", rows.format(id="d1", at="2026-11-22", source="crisis_line"), EVENTS_MAPPING)
    midnight = rows.format(id="d2", at="2026-11-21 00:00:00", source="police_999")
    load_rows(made.site, "midnight", midnight, EVENTS_MAPPING)
    with served(made) as address, opened(browser, address, made, role="care") as page:
        first = page.get_by_role("region", name="First, whatever the number")
        expect(first.get_by_text("crisis-line call, Sun 22 Nov", exact=True)).to_be_visible()
        page.goto(f"/people/{made.people['ben']}")
        told = page.get_by_role("region", name="Last contacts").get_by_role("listitem")
        expect(told).to_have_text([
            re.compile("^Sun 22 Nov 2026: crisis-line call"), re.compile("^Sat 21 Nov 2026, 00:00: 999 call"),
            re.compile("^Fri 20 Nov 2026, 10:00: crisis-line call"),
        ])  # fmt: skip
        told.first.get_by_role("link", name=re.compile("crisis-line call of 22 Nov 2026")).click()
        expect(page.get_by_text("Sun 22 Nov 2026: crisis-line call", exact=False)).to_be_visible()
        assert violations(page) == []


def test_the_sheet_to_share_prints_without_the_program_round_it(
    browser: Browser, address: str, site: ServiceSite
) -> None:
    with opened(browser, address, site, role="care") as page:
        page.goto(f"/people/{site.people['ann']}/share")
        page.emulate_media(media="print")
        expect(page.get_by_role("heading", name="How to question it")).to_be_visible()
        expect(page.get_by_role("link", name="Back to the person")).to_be_hidden()
        assert site.people["ann"] not in page.locator("body").inner_text()
        assert page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n") == 1


def test_before_any_scoring_everybody_stands_there_with_the_reason(
    browser: Browser, address_without_forecast: str, empty: ServiceSite
) -> None:
    with opened(browser, address_without_forecast, empty, role="care") as page:
        expect(page.get_by_text("No data yet: nothing can be said (6)")).to_be_visible()
        ann = page.get_by_role("group").get_by_role("link", name=empty.people["ann"])
        expect(ann).to_be_visible()
        page.get_by_text("No data yet: nothing").click()
        expect(ann).to_be_hidden()
        page.emulate_media(media="print")
        expect(ann).to_be_visible()  # what is folded is not left out on paper
        page.emulate_media(media="screen")
        expect(page.get_by_text("No scores have been made yet.")).to_be_visible()
        assert violations(page) == []


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_who_allocates_reads_who_is_with_no_team(
    browser: Browser, address: str, site: ServiceSite, viewport: dict[str, int]
) -> None:
    rows = "id,at,known,source,person\nu1,2026-11-10 10:00:00,2026-11-10 10:00:00,police_999,gone\n"
    load_rows(site.site, "with-no-team", rows, f"{EVENTS_MAPPING}is_crisis = {{ constant = true }}\n")
    with opened(browser, address, site, role="allocation", viewport=viewport, java_script_enabled=True) as page:
        expect(page).to_have_url(f"{address}/unallocated")
        row = page.get_by_role("row").filter(has_text=site.people["gone"])
        expect(row).to_contain_text("Tue 10 Nov 2026, 10:00: 999 call")
        expect(row.get_by_role("link")).to_have_count(0)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_the_person_on_the_line_is_looked_up_by_keyboard(browser: Browser, address: str, site: ServiceSite) -> None:
    with opened(browser, address, site, role="triage_clinician") as page:
        expect(page).to_have_url(f"{address}/caller")
        assert violations(page) == []
        page.get_by_label("NHS number, ten digits").press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("Write the ten digits of an NHS number")
        page.get_by_label("NHS number, ten digits").fill(NHS_NUMBERS[0])
        page.get_by_label("Why you look, in one line.").fill("rang at 22:40")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("Nobody with this number is known here.")
        expect(page.get_by_label("NHS number, ten digits")).to_have_value("")
        assert violations(page) == []
        rows = f"person,team,from,known,to\n{NHS_NUMBERS[0]},south,2026-01-01,2026-01-01,\n"
        load_rows(site.site, "callers", rows, CASELOADS_MAPPING.replace("study_id", "nhs_number"))
        page.get_by_label("NHS number, ten digits").fill(NHS_NUMBERS[0])
        page.keyboard.press("Enter")
        expect(page.get_by_role("region", name="Who cares for them")).to_contain_text("South")
        assert violations(page) == []
        page.get_by_role("link", name="open this page again").press("Enter")
        expect(page.get_by_role("region", name="Last contacts")).to_be_visible()
