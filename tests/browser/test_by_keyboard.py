"""Each role's way from signing in to the last step by keyboard alone: no mouse, and no jump that a keyboard has not."""

import re
from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.browser.conftest import as_made
from tests.lib.browsing import served
from tests.lib.lived_in import CALLER, lived_in
from tests.lib.operational import copied
from tests.lib.service_site import ServiceSite, opened

Role = Literal["button", "combobox", "link", "radio", "textbox"]
Name = str | re.Pattern[str]

MOST_TABS = 150
SHOWN = """() => { const el = document.activeElement, s = getComputedStyle(el);
    return el.matches(":focus-visible") && (s.outlineStyle !== "none" || s.boxShadow !== "none"); }"""


@pytest.fixture(scope="module")
def there(site: ServiceSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ServiceSite]]:
    """Where a site is that people have used, and the site."""
    made = opened(copied(as_made(site), tmp_path_factory.mktemp("by-keyboard") / "site"))
    lived_in(made)
    with served(made) as address:
        yield address, made


class Keyboard:
    """A window that nothing but keys are pressed in."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def to(self, role: Role, name: Name, within: str | None = None) -> None:
        """Tab until something has the focus and shows it. Fails where the keyboard does not come to it."""
        part = self.page if within is None else self.page.get_by_role("region", name=within)
        self._tab(part.get_by_role(role, name=name, exact=True).first)

    def _tab(self, wanted: Locator) -> None:
        expect(wanted).to_be_visible()
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            if wanted.evaluate("el => el === document.activeElement"):
                assert self.page.evaluate(SHOWN), f"{wanted} does not show that it has the focus"
                return
        raise AssertionError(f"no key leads to {wanted}")

    def press(self, role: Role, name: Name, key: str = "Enter") -> None:
        """Come to something and press a key on it."""
        self.to(role, name)
        self.page.keyboard.press(key)

    def unfold(self, text: str) -> None:
        """Open what is folded under a line."""
        self._tab(self.page.locator("summary", has_text=text))
        self.page.keyboard.press("Enter")

    def write(self, name: str, text: str, within: str | None = None) -> None:
        """Come to a field and write into it in place of what is there."""
        self.to("textbox", name, within)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def says(self, heading: Name) -> None:
        """What stands at the head of the page now."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text(heading)

    def kept(self, text: str) -> None:
        """What is said after something was sent."""
        expect(self.page.get_by_role("status")).to_contain_text(text)

    def sign_out(self) -> None:
        """The last step."""
        self.press("button", "Sign out")
        self.says("Sign in to Test site")


@pytest.fixture
def keys(request: pytest.FixtureRequest, browser: Browser, there: tuple[str, ServiceSite]) -> Iterator[Keyboard]:
    """Somebody of a role who has signed in by keyboard."""
    (address, site), role = there, request.param
    with browser.new_context(base_url=address) as context:
        page = context.new_page()
        page.set_default_timeout(90_000)
        keyboard = Keyboard(page)
        page.goto("/")
        keyboard.to("textbox", "Your key")
        page.keyboard.type(site.key(role, "north" if role in ("care", "lead") else None))
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "/sign-in" not in url)
        yield keyboard


def as_role(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("keys", [name], indirect=True)


@as_role("crisis_team")
def test_a_coordinator_from_the_board_to_the_review_of_a_shift(keys: Keyboard) -> None:
    keys.says(re.compile("is likely to be about as busy as usual"))
    keys.press("link", "Place 1")
    keys.says("Place 1")
    keys.press("link", "Back to the shift")
    keys.press("link", "Make or change plans, or say that a site is full or closed")
    keys.write("There within, in minutes", "4")
    keys.press("button", "Make plans and use the first")
    keys.kept("This is now the plan of the shift.")
    keys.to("combobox", "Stands at")
    keys.page.keyboard.type("Far Lane")
    keys.write("Why", "the fair moved")
    keys.press("button", "Keep this change")
    keys.kept("Your change is kept")
    keys.press("link", "Back to the shift")
    keys.press("link", "The briefing on one page, to print")
    keys.says(re.compile("^Test site: night, Sunday 22 November"))
    keys.page.goto("/shifts/day-2026-11-20")
    keys.press("link", "How it went")
    keys.press("button", re.compile("^Not useful.*Place 2$"))
    keys.kept("Your answer is kept.")
    keys.sign_out()


@as_role("crisis_team")
@pytest.mark.parametrize("path", ["/shifts/next", "/safety-concern"])
def test_two_keys_lead_past_the_head_of_a_page(keys: Keyboard, path: str) -> None:
    keys.page.goto(path)
    keys.press("link", "Skip to main content")
    expect(keys.page.get_by_role("main")).to_be_focused()
    keys.page.keyboard.press("Tab")
    assert keys.page.evaluate("document.activeElement !== document.body && !!document.activeElement.closest('main')")


@as_role("care")
def test_a_care_coordinator_from_the_list_to_an_answer_and_a_snooze(
    keys: Keyboard, there: tuple[str, ServiceSite]
) -> None:
    person = there[1].people["ben"]
    keys.press("link", "All")
    keys.press("link", person)
    keys.says(re.compile(person))
    keys.press("radio", "I agree", "Space")
    keys.page.keyboard.press("ArrowDown")
    keys.press("button", "Send")
    keys.kept("Your answer is kept, for your team.")
    keys.press("link", "Snooze")
    keys.write("Why", "Visited yesterday.", within="Snooze")
    keys.press("button", "Snooze")
    keys.kept("A new contact ends it at once.")
    keys.press("button", "End it now")
    keys.kept("The snooze is ended.")
    keys.press("link", "A sheet to share with the person")
    keys.says("How we use your records to plan your care")
    keys.press("link", "Back to the person")
    keys.press("link", "Back to the caseload")
    keys.press("button", "I have looked through this list")
    keys.kept("marked as new to you")
    keys.sign_out()


@as_role("lead")
def test_a_lead_from_the_list_to_what_the_team_can_manage_and_how_useful_it_was(keys: Keyboard) -> None:
    keys.says("The people of North")
    keys.unfold("Change what the team can manage")
    keys.write("People a week", "3")
    keys.write("Why", "One of us is back.")
    keys.press("button", "Change")
    keys.kept("The team's capacity is changed.")
    keys.press("link", "Usefulness")
    keys.says("How useful lists and forecasts were")
    keys.press("link", "Data")
    keys.says(re.compile("silent for too long"))
    keys.sign_out()


@as_role("allocation")
def test_who_allocates_from_the_list_to_a_concern_about_it(keys: Keyboard) -> None:
    keys.says("People with no team")
    keys.press("link", "Report a safety concern")
    keys.press("radio", "A person's score or its reasons", "Space")
    for _ in range(3):
        keys.page.keyboard.press("ArrowDown")
    keys.write("What did you see?", "Somebody is listed who has a team.")
    keys.press("button", "Send")
    keys.says("Thank you: your concern is kept")
    keys.sign_out()


@as_role("triage_clinician")
def test_a_clinician_from_the_number_to_the_care_of_who_is_on_the_line(keys: Keyboard) -> None:
    keys.press("button", "Look up")
    expect(keys.page.locator(".nhsuk-error-summary")).to_be_focused()
    keys.press("link", "Write the ten digits of an NHS number")
    expect(keys.page.get_by_label("NHS number, ten digits")).to_be_focused()
    keys.page.keyboard.type(CALLER)
    keys.write("Why you look, in one line. It is kept with the look.", "rang at 22:40")
    keys.press("button", "Look up")
    expect(keys.page.get_by_role("region", name="Who cares for them")).to_contain_text("South")
    keys.press("link", "Look up somebody else")
    keys.says("Who is on the line?")
    keys.sign_out()


@as_role("data")
def test_an_analyst_from_the_released_board_to_the_trust_sheet(keys: Keyboard) -> None:
    keys.press("link", "Data")
    keys.says(re.compile("silent for too long"))
    keys.press("link", "Which models answer")
    keys.press("link", "Trust sheet of people: how good it is, for whom, and what it cannot say")
    keys.says(re.compile("^Trust sheet"))
    keys.page.goto("/models")
    keys.sign_out()


@as_role("audit")
def test_an_officer_from_a_look_to_what_was_shown_and_to_the_last_concern(keys: Keyboard) -> None:
    keys.to("combobox", "Role")
    keys.page.keyboard.type("care")
    keys.press("button", "Find looks")
    keys.press("link", re.compile("look \\d+$"))
    keys.press("link", "See what was shown")
    keys.page.wait_for_url("**/shown")
    keys.page.goto("/audit")
    keys.press("link", "1 alert waits for you")
    keys.write("What was found and done about alert 1", "It was right.")
    keys.press("button", "Close alert 1")
    keys.says("No alert waits")
    keys.press("link", "Concerns")
    keys.write("What was found and done about concern 1", "It was taken off the list.")
    keys.press("button", "Close concern 1")
    expect(keys.page.get_by_role("button", name="Close concern 1", exact=True)).to_have_count(0)
    keys.sign_out()
