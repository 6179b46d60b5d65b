"""What somebody of each role does at the demo's site, from signing in to the last step: with scripts and without."""

import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from fastapi.routing import APIRoute
from playwright.sync_api import Browser, Page, expect

from crisisrisk.serving.app import ROUTERS
from tests.lib.browsing import EXPECTED, NARROW, ON_A4, PATIENT, WIDE, chromium, faults, violations
from tests.lib.running_service import running_service

pytestmark = pytest.mark.slow
both = pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])


@dataclass(frozen=True)
class Demo:
    """The service of a copy of the demo's site, as `crisisrisk serve` runs it, and a browser."""

    browser: Browser
    address: str

    @contextmanager
    def entered(self, who: str, *, script: bool) -> Iterator[Page]:
        """The first page of somebody; signs out at the end. What the console complains of fails the test."""
        context = self.browser.new_context(base_url=self.address, java_script_enabled=script)
        page, said = context.new_page(), []
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.set_default_timeout(PATIENT)
        page.goto("/")
        page.get_by_text("Sign in with the demo's identity page").click()
        page.get_by_role("button", name=re.compile(f"^Sign in as {who}")).first.click()
        page.wait_for_url(lambda url: url.startswith(self.address) and "sign-in" not in url)
        page.wait_for_load_state()
        yield page
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Sign in to Invented city")
        context.close()
        assert [text for text in said if not any(code in text for code in EXPECTED)] == [], said


@pytest.fixture(scope="module")
def demo(demo_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One service for every journey: what the ones before did is there for those after, as at any site."""
    folder = tmp_path_factory.mktemp("journeys")
    shutil.copytree(demo_site, folder / "site")
    with chromium() as browser, running_service(folder / "site", folder / "log") as service:
        yield Demo(browser, f"http://127.0.0.1:{service.port}")


def pressed(page: Page, link: str | re.Pattern[str]) -> None:
    """Follow a link and wait until what it leads to is whole."""
    page.get_by_role("link", name=link, exact=isinstance(link, str)).first.click()
    page.wait_for_load_state()


def done(page: Page, button: str | re.Pattern[str], said: str | re.Pattern[str]) -> None:
    """Press a button, and read what is said of it."""
    page.get_by_role("button", name=button, exact=isinstance(button, str)).first.click()
    expect(page.get_by_role("status").filter(has_text=said).first).to_be_visible()
    page.wait_for_load_state()


@both
def test_a_coordinator_from_the_headline_to_one_page_on_paper(demo: Demo, script: bool) -> None:
    with demo.entered("a crisis team coordinator", script=script) as page:
        expect(page.get_by_role("heading", level=1)).to_contain_text(re.compile("is likely to be .*crisis contacts"))
        board = page.url
        stand = page.get_by_role("region", name="Where teams stand")
        expect(stand.get_by_role("table")).to_be_visible()
        place = page.get_by_role("table").first.get_by_role("link").first.inner_text()
        pressed(page, place)
        expect(page.get_by_role("heading", level=1)).to_contain_text(place)
        expect(page.get_by_text("28 days").first).to_be_visible()
        pressed(page, "Back to the shift")
        pressed(page, re.compile("^Make or change plans"))
        names = page.get_by_role("textbox", name="Name", exact=True)
        assert [one.input_value() for one in names.all()[:2]] == ["triage-1", "triage-2"], (
            "the site's own, to begin with"
        )
        done(page, "Make plans and use the first", "This is now the plan of the shift.")
        page.get_by_label("Site", exact=True).select_option(index=1)
        page.get_by_label("Why (nothing about a person)").fill("eight people wait")
        page.get_by_role("button", name="Say so").click()
        expect(page.get_by_text(re.compile("is full")).first).to_be_visible()
        pressed(page, "Back to the shift")
        pressed(page, re.compile("^Write a note"))
        page.get_by_label("Your note").fill("the fair ends at eleven")
        done(page, "Keep this note", "stands on the board and the briefing")
        pressed(page, "Back to the shift")
        expect(page.get_by_text("the fair ends at eleven").first).to_be_visible()
        pressed(page, re.compile("^The briefing on one page"))
        paper = page.locator("body")
        for part in (
            "Live calls come first. A place not listed is not therefore safe.",
            "the fair ends at eleven",
            place,
        ):
            expect(paper).to_contain_text(part)
        assert page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n") == 1
        page.goto(board)


@both
def test_a_care_coordinator_from_the_list_to_a_snooze_and_the_sheet_to_share(demo: Demo, script: bool) -> None:
    with demo.entered("care coordinator E03", script=script) as page:
        expect(page.get_by_role("heading", level=1)).to_contain_text("Your people")
        pressed(page, "All")
        row = (
            page.get_by_role("row")
            .filter(has=page.get_by_role("button", name=re.compile("^Agree about")))
            .nth(int(script))
        )
        name = row.get_by_role("link").first.inner_text()
        pressed(page, name)
        expect(page.get_by_role("main")).to_contain_text(name)
        expect(page.get_by_role("main")).to_contain_text(
            re.compile("of 100 people with a history like this|had a contact")
        )
        page.get_by_label("I agree", exact=True).check()
        done(page, "Send", "Your answer is kept, for your team.")
        page.get_by_role("region", name="Snooze").get_by_label("Why").fill("Visited yesterday.")
        done(page, "Snooze", "A new contact ends it at once.")
        done(page, "End it now", "The snooze is ended.")
        page.get_by_role("link", name="This is wrong").first.click()
        page.get_by_label("What is wrong").select_option("It did not happen")
        page.get_by_role("button", name="Send").click()
        page.wait_for_load_state()
        pressed(page, "A sheet to share with the person")
        expect(page.get_by_role("heading", level=1)).to_have_text("How we use your records to plan your care")
        pressed(page, "Back to the person")
        pressed(page, "Back to the caseload")
        done(page, "I have looked through this list", "marked as new to you")


@both
def test_a_lead_from_the_list_to_what_the_team_can_manage(demo: Demo, script: bool) -> None:
    with demo.entered("the lead of East", script=script) as page:
        expect(page.get_by_role("heading", level=1)).to_contain_text("East community team")
        page.get_by_text("Change what the team can manage").click()
        page.get_by_label("People a week").fill("9")
        page.get_by_label("Why", exact=True).fill("One of us is back.")
        done(page, "Change", "The team's capacity is changed.")
        pressed(page, "Usefulness")
        expect(page.get_by_role("heading", level=1)).to_have_text("How useful lists and forecasts were")
        pressed(page, "Data")
        expect(page.get_by_role("heading", level=1)).to_contain_text("silent for too long")


@both
def test_who_allocates_from_people_with_no_team_to_a_concern(demo: Demo, script: bool) -> None:
    with demo.entered("an allocation officer", script=script) as page:
        expect(page.get_by_role("heading", level=1)).to_have_text("People with no team")
        pressed(page, "Report a safety concern")
        page.get_by_label("What did you see?").fill("Somebody is listed who has a team.")
        page.get_by_role("radio").first.check()
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you: your concern is kept")


@both
def test_a_triage_clinician_from_the_number_to_who_cares_for_the_person_on_the_line(demo: Demo, script: bool) -> None:
    with demo.entered("care coordinator E03", script=script) as page:
        number = re.search(r"\b\d{3}\s\d{3}\s\d{4}\b", page.get_by_role("main").inner_text())
    assert number is not None
    with demo.entered("a triage clinician", script=script) as page:
        page.get_by_label("NHS number, ten digits").fill(number[0])
        page.get_by_label(re.compile("^Why you look")).fill("rang at 22:40")
        page.get_by_role("button", name="Look up").click()
        expect(page.get_by_role("region", name="Who cares for them")).to_contain_text("East community team")
        assert " in 100" not in page.get_by_role("main").inner_text(), "no number of a model is there"
        pressed(page, "Look up somebody else")
        expect(page.get_by_role("heading", level=1)).to_have_text("Who is on the line?")


@both
def test_an_analyst_from_data_to_the_trust_sheet_and_a_steward_to_what_was_left_out(demo: Demo, script: bool) -> None:
    with demo.entered("an analyst", script=script) as page:
        pressed(page, "Data")
        pressed(page, "Which models answer")
        models = page.url
        pressed(page, re.compile("^Trust sheet of places"))
        expect(page.get_by_role("heading", level=1)).to_have_text("Trust sheet: crisis contacts by place and shift")
        page.goto(models)
        pressed(page, re.compile("^Trust sheet of people"))
        expect(page.get_by_role("heading", level=1)).to_contain_text("Trust sheet")
        page.goto(models)
    with demo.entered("a records steward", script=script) as page:
        expect(page.get_by_role("main")).to_contain_text("a valid NHS number")


@both
def test_an_officer_from_a_look_to_the_screen_as_it_was_and_to_the_concern(demo: Demo, script: bool) -> None:
    with demo.entered("a privacy and safety officer", script=script) as page:
        page.goto("/audit")
        page.get_by_label("Role").select_option("care")
        page.get_by_role("button", name="Find looks").click()
        pressed(page, re.compile(r"look \d+$"))
        pressed(page, "See what was shown")
        page.wait_for_url("**/shown")
        page.goto("/audit")
        pressed(page, "Concerns")
        page.get_by_label(re.compile("^What was found and done about concern")).first.fill("It was taken off the list.")
        open_ones = page.get_by_role("button", name=re.compile("^Close concern")).count()
        page.get_by_role("button", name=re.compile("^Close concern")).first.click()
        expect(page.get_by_role("button", name=re.compile("^Close concern"))).to_have_count(open_ones - 1)


WHO = (
    "a crisis team coordinator", "care coordinator E03", "the lead of East", "an allocation officer",
    "a triage clinician", "an analyst", "a records steward", "a privacy and safety officer",
)  # fmt: skip
KEPT = re.compile("/sheet$|/shown$")
"""Pages that were made before, which let no script look into them: `tests/browser/test_every_page.py` does."""
FOR_PAPER = re.compile("/print$")
INSIDE = ("structure", "focus", "edges", "small", "paper")
"""What a page that is made for paper alone, with nothing round it, is not asked."""
MOST_ALIKE = 2
"""Of pages of one kind, so many are looked at."""
ROUTES = [
    route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute) and "GET" in route.methods
]


def kind_of(address: str) -> str:
    """Which page it is of, by its route and by what its query names; the list that it leads back to makes no other."""
    parts = urlsplit(address)
    route = next(one.path for one in ROUTES if one.path_regex.fullmatch(parts.path))
    return f"{route}?{'&'.join(sorted({*dict(parse_qsl(parts.query))} - {'list'}))}"


def faults_of(page: Page) -> Mapping[str, object]:
    """What is wrong with a page that has on it what a whole site knows: wide, narrow, in forced colours, on paper."""
    outside = FOR_PAPER.search(urlsplit(page.url).path) is not None

    def wrong(*checks: str) -> Mapping[str, object]:
        return faults(page, *(one for one in checks if not (outside and one in INSIDE)))

    page.set_viewport_size(WIDE)
    found = {"wide": violations(page), **wrong("structure", "focus", "edges", "people", "overflow")}
    page.set_viewport_size(NARROW)
    found |= {"narrow": violations(page), "at 320": wrong("overflow", "small")}
    page.emulate_media(forced_colors="active", color_scheme="dark")
    found["forced colours"] = wrong("forced")
    page.emulate_media(media="print", forced_colors="none", color_scheme="light")
    page.set_viewport_size(ON_A4)
    found["on paper"] = wrong("paper", "overflow")
    page.emulate_media(media="screen")
    return {where: what for where, what in found.items() if what}


@pytest.mark.parametrize("who", WHO)
def test_every_kind_of_page_that_links_lead_to_is_for_everybody(demo: Demo, who: str) -> None:
    """As the journeys before left the site: with changes, counts, reasons and answers that small sites do not have."""
    wrong, met, seen = {}, Counter[str](), set[str]()
    with demo.entered(who, script=True) as page:
        waiting = [page.url]
        while waiting:
            address = waiting.pop(0)
            kind = kind_of(address)
            if address in seen or met[kind] >= MOST_ALIKE or KEPT.search(urlsplit(address).path):
                continue
            seen.add(address)
            met[kind] += 1
            page.goto(address)
            page.wait_for_load_state()
            links = page.locator("a[href]").evaluate_all("all => all.map(one => one.href.baseVal ?? one.href)")
            waiting += [one.partition("#")[0] for one in links if one.startswith(demo.address)]
            if found := faults_of(page):
                wrong[address.removeprefix(demo.address)] = found
        page.set_viewport_size(WIDE)
        page.goto("/")
    assert len(met) >= 2
    assert not wrong, "\n".join(f"{where}: {what}" for where, what in wrong.items())
