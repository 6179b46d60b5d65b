"""The shift board in a real browser: from signing in to signing out, with and without scripts, wide and narrow."""

import re
import shutil
from base64 import b64decode
from itertools import product
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Route, expect
from tests.lib.browsing import NARROW, WIDE, faults, opened, served, violations, weight
from tests.lib.operational import copied
from tests.lib.service_site import SERVICE, ServiceSite
from tests.lib.service_site import opened as opened_site
from tests.lib.weighing import loaded_by

from crisisrisk.simulation.declarations import KEY_OF_NOBODY

GREY = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==")
BOXES = """all => all.map(one => one.getBBox()).map(({ x, y, width, height }) => ({ x, y, width, height }))"""
HEXAGONS = """() => {
  const drawing = document.querySelector(".cr-cells"), [one, other, ...rest] = drawing.querySelectorAll("a");
  const outlines = [[one, "M100 100l-9.9 3 -1.5 10.5 8.2 7.5 9.9 -3 1.5 -10.5z"],
                    [other, "M300.5 240l-19.8 6 -3 21 16.4 15 19.8 -6 3 -21z"]];
  for (const [link, outline] of outlines) {
    const path = document.createElementNS(drawing.namespaceURI, "path");
    path.setAttribute("class", "cr-few");
    path.setAttribute("d", outline);
    link.querySelector("circle").replaceWith(path);
  }
  rest.forEach((link) => link.remove());
}"""
"""Two hexagons in place of the discs of this site, as the service draws them."""
BOARD, PLACE = "/shifts/next", "/shifts/night-2026-11-22/places/place-01"


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_a_coordinator_signs_in_reads_the_board_and_signs_out(
    browser: Browser, address: str, site: ServiceSite, script: bool
) -> None:
    with opened(browser, address, site, java_script_enabled=script) as page:
        expect(page).to_have_url(f"{address}{BOARD}")
        headline = page.get_by_role("heading", level=1)
        expect(headline).to_have_text(
            "Tonight, Sunday 22:00 to Monday 08:00, is likely to be about as busy as usual: 1 to 4 crisis contacts, "
            "usual 2.4."
        )
        row = page.get_by_role("row").filter(has=page.get_by_role("link", name="Place 1"))
        expect(row).to_contain_text("6 triage calls here in the last 28 days")
        expect(page.get_by_role("contentinfo")).to_contain_text("A place not listed is not therefore safe.")
        page.get_by_role("table").get_by_role("link", name="Place 1").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Place 1")
        page.get_by_role("link", name="Back to the shift").click()
        expect(page.get_by_role("heading", name="Where teams stand")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to Test site")
        page.goto(BOARD)
        expect(page).to_have_url(f"{address}/sign-in?next=/shifts/next")


def test_a_board_that_nothing_can_be_said_on_is_a_page_in_words(
    browser: Browser, address_without_forecast: str, empty: ServiceSite
) -> None:
    with opened(browser, address_without_forecast, empty) as page:
        expect(page.get_by_role("heading", level=1)).to_have_text("There is no answer now")
        expect(page.get_by_text("There is no forecast, no table and no printed sheet.")).to_be_visible()
        assert violations(page) == []


def test_the_last_printed_sheet_stands_in_for_a_forecast(
    browser: Browser, address_without_forecast: str, empty: ServiceSite
) -> None:
    sheet = empty.site.reports / "last-board.txt"
    sheet.write_text("night, Sunday 22:00: as printed")
    with opened(browser, address_without_forecast, empty) as page:
        expect(page.get_by_role("heading", name="The last printed sheet")).to_be_visible()
        expect(page.get_by_text("night, Sunday 22:00: as printed")).to_be_visible()
        expect(page.get_by_text("no forecast of this shift can be read")).to_be_visible()
        assert violations(page) == []
    sheet.unlink()


def test_a_wrong_key_is_said_beside_the_field_and_in_words(browser: Browser, address: str) -> None:
    context = browser.new_context(base_url=address)
    page = context.new_page()
    page.goto("/sign-in")
    page.get_by_label("Your key").fill("crisisrisk_1_2")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This key does not work.")
    assert page.title().startswith("Error: ")
    assert violations(page) == []
    context.close()


def test_the_demo_is_signed_in_to_by_a_button_and_out_of(browser: Browser, site: ServiceSite, tmp_path: Path) -> None:
    """Through the whole flow with the demo's issuer, under the policies and cookies as a browser reads them."""
    demo = opened_site(copied(site.site.path, tmp_path / "site"))
    demo.declare("service.toml", SERVICE + "[sign_in]\ndemo_page = true\n")
    (demo.site.path / "keys" / "pseudonym.key").write_text(f"k1 {KEY_OF_NOBODY}\n")
    # By another name of this machine than the issuer has: as two sites, whose cookies browsers keep apart.
    with served(demo) as local, browser.new_context(base_url=local.replace("127.0.0.1", "localhost")) as context:
        address = local.replace("127.0.0.1", "localhost")
        page = context.new_page()
        page.goto("/shifts/next")
        assert violations(page) == []
        page.get_by_role("button", name="Sign in with the demo's identity page").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Who are you?")
        assert violations(page) == []
        page.get_by_role("button", name="Sign in as a crisis team coordinator").click()
        expect(page).to_have_url(f"{address}/shifts/next")
        expect(page.get_by_text("crisis team", exact=True)).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page).to_have_url(f"{address}/sign-in")
        page.goto("/sign-in/callback?code=x&state=y")
        expect(page.get_by_role("alert")).to_contain_text("Begin again")
        assert violations(page) == []


def test_a_concern_is_reported_from_the_board_by_keyboard(browser: Browser, address: str, site: ServiceSite) -> None:
    with opened(browser, address, site) as page:
        page.get_by_role("link", name="Report a safety concern").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Report a safety concern")
        page.get_by_role("button", name="Send").press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("Choose what it is about")
        assert violations(page) == []
        page.get_by_label("A place or a forecast").press("Space")
        page.get_by_label("What did you see?").fill("The shelter at the station has closed.")
        page.get_by_role("button", name="Send").press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("your concern is kept")
        assert violations(page) == []


def test_a_role_that_may_see_no_place_is_told_so(browser: Browser, address: str, site: ServiceSite) -> None:
    with opened(browser, address, site, role="steward") as page:
        expect(page.get_by_role("heading", level=1)).to_contain_text("silent for too long")
        page.goto(BOARD)
        expect(page.get_by_role("heading", level=1)).to_have_text("Your role may not see this")


@pytest.mark.parametrize("wide", [320, 700, 1000, 1280])
def test_ranks_on_the_map_can_be_read_from_a_chair_in_windows_of_any_width(
    browser: Browser, address: str, site: ServiceSite, wide: int
) -> None:
    with opened(browser, address, site, viewport={"width": wide, "height": 900}) as page:
        sizes = page.evaluate(
            "[...document.querySelectorAll('.cr-rank')]"
            ".map(text => parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a)"
        )
        assert sizes
        assert min(sizes) >= 11


def test_colours_that_somebody_forces_leave_every_cell_and_rank_visible(
    browser: Browser, address: str, site: ServiceSite
) -> None:
    with opened(browser, address, site, forced_colors="active") as page:
        assert page.evaluate("getComputedStyle(document.querySelector('.cr-rank')).fill") != "none"
        assert violations(page) == []


def test_the_live_board_is_not_for_paper_and_what_is_released_is(
    browser: Browser, address: str, site: ServiceSite
) -> None:
    for role, live in (("crisis_team", True), ("data", False)):
        with opened(browser, address, site, role=role) as page:
            page.emulate_media(media="print")
            for path in (BOARD, PLACE):
                page.goto(path)
                expect(page.get_by_text("not for paper").filter(visible=True)).to_have_count(1 if live else 0)
                expect(page.get_by_text("Place 1").filter(visible=True).first).to_be_visible(visible=not live)
            page.goto(BOARD)
            headline = page.get_by_role("heading", level=1)
            expect(headline).to_contain_text(re.compile("Sunday (22 Nov )?22:00 to Monday 08:00"))
            expect(headline).to_contain_text("0 to 5 crisis contacts")
            if live:  # what may leave it, on one side
                expect(page.get_by_text("For staff of this shift.")).to_be_visible()
                assert len(re.findall(rb"/Type /Page\b", page.pdf(prefer_css_page_size=True))) == 1


def test_forced_colours_tell_the_fills_of_the_map_apart_by_their_outlines(
    browser: Browser, address: str, site: ServiceSite
) -> None:
    with opened(browser, address, site, forced_colors="active") as page:
        widths = [
            page.evaluate(f"getComputedStyle(document.querySelector('.cr-cells .cr-{level}')).strokeWidth")
            for level in ("most", "some")
            if page.locator(f".cr-cells .cr-{level}").count()
        ]
        assert widths == ["4px", "2px"][: len(widths)]
        assert widths


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_a_coordinator_plans_moves_a_team_and_closes_a_site_by_keyboard(
    browser: Browser, address: str, site: ServiceSite, script: bool
) -> None:
    with opened(browser, address, site, java_script_enabled=script, viewport=NARROW) as page:
        page.get_by_role("link", name="Make or change plans").press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Where teams stand")
        page.wait_for_load_state()
        page.get_by_label("There within, in minutes").fill("soon")
        page.get_by_role("button", name="Make plans and use the first").press("Enter")
        expect(page.get_by_text("Write within how many minutes").first).to_be_visible()
        assert not script or violations(page) == []
        page.get_by_label("There within, in minutes").fill("4")
        page.get_by_role("button", name="Make plans and only look").press("Enter")
        expect(page.get_by_role("status")).to_contain_text("The plans are made and kept.")
        if script:  # what came is told above them, and the address is as it was
            expect(page.locator(".cr-said")).to_be_focused()
            expect(page).to_have_url(f"{address}/shifts/night-2026-11-22/positions")
        assert not script or violations(page) == []
        page.get_by_role("button", name="Use this plan").press("Enter")
        expect(page.get_by_role("status")).to_contain_text("This is now the plan of the shift.")
        page.get_by_label("Stands at").select_option("point-far")
        page.get_by_label("Why", exact=True).fill("the fair moved")
        page.get_by_role("button", name="Keep this change").press("Enter")
        expect(page.get_by_role("status")).to_contain_text("Your change is kept")
        assert not script or violations(page) == []
        page.get_by_label("Site", exact=True).select_option("cafe")
        page.get_by_label("From (empty: now, or when the shift begins)").fill("23:30")
        page.get_by_label("Why (nothing about a person)").fill("eight people waiting")
        page.get_by_role("button", name="Say so").press("Enter")
        expect(page.get_by_text("Holgate café is full from Sun 22 Nov 23:30 until")).to_be_visible()
        if script:
            expect(page.get_by_role("button", name="Say so")).to_be_focused()
            page.get_by_role("button", name="Say so").press("Enter")
            expect(page.get_by_label("Site", exact=True)).to_be_focused()
            expect(page.get_by_role("status")).to_have_text("Choose a site from the list")
        assert not script or violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        page.get_by_label("Site", exact=True).select_option("cafe")
        page.get_by_label("Is", exact=True).select_option("open")
        page.get_by_role("button", name="Say so").press("Enter")
        expect(page.get_by_text("Nobody has said that a site is full or closed.")).to_be_visible()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_a_coordinator_notes_sets_a_place_aside_and_takes_it_back_by_keyboard(
    browser: Browser, address: str, site: ServiceSite, script: bool
) -> None:
    with opened(browser, address, site, java_script_enabled=script, viewport=NARROW) as page:
        page.get_by_role("link", name="Write a note").press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Notes")
        page.wait_for_load_state()
        page.get_by_role("button", name="Keep this note").press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("Say it in a few words")
        assert not script or violations(page) == []
        page.get_by_label("Your note").fill("the station shelter opens late")
        page.get_by_role("button", name="Keep this note").press("Enter")
        expect(page.get_by_role("status")).to_contain_text("stands on the board and the briefing")
        if script:
            expect(page.get_by_role("button", name="Keep this note")).to_be_focused()
            expect(page.get_by_label("Your note")).to_have_value("")
            expect(page).to_have_url(f"{address}/shifts/night-2026-11-22/notes")
            assert page.title().startswith("Notes")
        page.get_by_label("Place", exact=True).select_option("place-02")
        page.get_by_label("Why (nothing about a person)").fill("the fair moved away")
        page.get_by_role("button", name="Keep this", exact=True).press("Enter")
        expect(page.get_by_text("Set aside: Place 2")).to_be_visible()
        assert not script or violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        page.get_by_role("link", name="Back to the shift").press("Enter")
        expect(page.get_by_text("the station shelter opens late")).to_be_visible()
        expect(page.get_by_role("table").first.get_by_role("link", name="Place 2")).to_have_count(0)
        assert not script or violations(page) == []
        page.goto("/shifts/night-2026-11-22/print")
        expect(page.get_by_text("Set aside: Place 2: the fair moved away")).to_be_visible()
        page.goto("/shifts/night-2026-11-22/notes")
        for _ in range(2):
            page.get_by_role("button", name="Take this back").first.press("Enter")
            expect(page.get_by_role("status")).to_contain_text("It is taken back.")
        expect(page.get_by_text("Nobody has written a note.")).to_be_visible()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_the_morning_after_a_coordinator_says_by_one_tap_whether_a_forecast_was_useful(
    browser: Browser, address: str, site: ServiceSite, script: bool
) -> None:
    with opened(browser, address, site, java_script_enabled=script, viewport=NARROW) as page:
        page.goto("/shifts/day-2026-11-20")
        page.get_by_role("link", name="How it went").press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("no crisis contact is known so far")
        page.wait_for_load_state()  # before the scripts are there a press sends the form, and the whole page comes back
        page.get_by_role("button", name=re.compile("^Not useful.*Place 2$")).press("Enter")
        expect(page.get_by_role("status")).to_contain_text("Your answer is kept. It changes no forecast.")
        row = page.get_by_role("row").filter(has_text="Place 2")
        expect(row).to_contain_text("not useful")
        if script:
            expect(page.get_by_role("button", name=re.compile("^Not useful.*Place 2$"))).to_be_focused()
        page.get_by_role("button", name=re.compile("^Useful.*the whole shift$")).press("Enter")
        expect(page.get_by_role("status")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        assert not script or violations(page) == []
        page.get_by_role("link", name="Back to the shift").press("Enter")
        page.get_by_role("link", name="What changed since the forecast before").press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("What changed for Friday 20 Nov 08:00 to 18:00")
        expect(page.get_by_text("The ten highest places are the same.")).to_be_visible()
        assert not script or violations(page) == []


def test_what_cannot_be_kept_in_place_is_said_above_and_what_was_written_stands(
    browser: Browser, address: str, site: ServiceSite
) -> None:
    with opened(browser, address, site) as page:
        page.goto("/shifts/night-2026-11-22/notes")
        page.get_by_label("Your note").fill("the station shelter opens late")
        keep = page.get_by_role("button", name="Keep this note")
        elsewhere = {"status": 503, "content_type": "text/html", "body": "<h1>of something in between</h1>"}
        for answered in (lambda route: route.abort(), lambda route: route.fulfill(**elsewhere)):
            page.route("**/notes", answered)
            keep.press("Enter")
            expect(page.get_by_role("alert")).to_contain_text("Whether what you sent was kept is not known.")
            expect(page.get_by_role("alert")).to_be_focused()
            page.unroute("**/notes")
        assert violations(page) == []
        page.locator("input[name=form_token]").evaluate_all("all => all.forEach(one => { one.value = 'another' })")
        keep.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("Code CR-ACCESS-004")
        expect(page.get_by_role("alert")).to_be_focused()
        expect(page.get_by_label("Your note")).to_have_value("the station shelter opens late")
        assert violations(page) == []
        page.context.clear_cookies()
        keep.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("You are not signed in any more")
        expect(page.get_by_role("alert")).to_be_focused()
        expect(page.get_by_label("Your note")).to_have_value("the station shelter opens late")
        assert violations(page) == []
        page.get_by_role("link", name="sign in again").press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to Test site")
        expect(page).to_have_url(f"{address}/sign-in?next=/shifts/night-2026-11-22/notes")


def test_while_plans_are_made_the_page_says_so_and_a_second_press_asks_for_nothing(
    browser: Browser, address: str, site: ServiceSite
) -> None:
    with opened(browser, address, site) as page:
        page.goto("/shifts/night-2026-11-22/positions")
        asked: list[Route] = []
        page.route("**/positions", lambda route: asked.append(route))
        make = page.get_by_role("button", name="Make plans and only look")
        make.press("Enter")
        expect(page.locator(".cr-busy")).to_be_visible()
        expect(page.get_by_role("status")).to_have_text("Plans are being made. This may take some seconds.")
        assert violations(page) == []
        make.press("Enter")
        (only,) = asked
        only.continue_()
        expect(page.get_by_role("status")).to_contain_text("The plans are made and kept.")
        expect(page.locator(".cr-busy")).to_be_hidden()


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_map_is_moved_and_zoomed_with_what_is_on_the_page_and_nothing_from_elsewhere(
    browser: Browser, address: str, site: ServiceSite, viewport: dict[str, int]
) -> None:
    with opened(browser, address, site, viewport=viewport, reduced_motion="reduce") as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(BOARD)
        drawing, moved = page.locator(".cr-cells"), page.locator(".cr-moved")
        move = page.get_by_role("button", name="Move and zoom the map")
        assert not any("leaflet" in url for url in asked), "nothing of it is loaded before somebody asks for it"
        came = {urlsplit(url).path for url in asked if "/assets/" in url}
        assert came <= loaded_by(page.content(), lambda at: page.request.get(at).text()), "and all of it is weighed"
        shown = len(asked)
        move.press("Enter")
        expect(moved.locator("path")).to_have_count(drawing.locator("a").count())
        expect(drawing).to_be_hidden()
        loaded = {url.rpartition("/")[2] for url in asked[shown:]} - {
            "mark.svg"
        }  # a browser asks for that when it likes
        assert loaded == {"leaflet.css", "leaflet.js"}
        assert all(url.startswith(f"{address}/") for url in asked)
        assert violations(page) == []
        assert weight(page) < 120_000
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        says = page.locator("[data-says]")
        expect(says).to_have_text("Point at a place, and what is said of it stands here.")
        moved.locator("path").first.dispatch_event("mouseover", {"bubbles": True})
        expect(says).to_have_text(drawing.locator("title").first.text_content() or "")
        expect(page.locator(".leaflet-tooltip")).to_have_count(0)  # nothing covers what somebody reads (WCAG 1.4.13)
        pin = moved.locator(".cr-pin", has_text=re.compile("^1$"))
        before = pin.bounding_box()
        moved.press("ArrowRight")
        moved.press("+")
        expect(moved.get_by_role("button", name="Zoom in")).to_be_visible()
        assert pin.bounding_box() != before
        before = pin.bounding_box()
        for way in ("up", "right"):  # nothing has to be dragged (WCAG 2.2, 2.5.7)
            moved.get_by_role("button", name=f"Move {way}").click()
        after = pin.bounding_box()
        assert before is not None
        assert after is not None
        assert (after["x"] < before["x"], after["y"] > before["y"]) == (True, True)
        assert faults(page, "people", "focus", "structure") == {}
        assert violations(page) == []
        for way in ("down", "left"):
            moved.get_by_role("button", name=f"Move {way}").press("Enter")
        back = pin.bounding_box()
        assert back is not None
        assert (back["x"] > after["x"], back["y"] < after["y"]) == (True, True)
        assert page.evaluate("getComputedStyle(document.querySelector('.cr-moved path')).fill") != "none"
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.querySelector('.cr-cells')).display") == "block"
        expect(moved).to_be_hidden()
        page.emulate_media(media="screen")
        move.press("Enter")
        expect(drawing).to_be_visible()
        expect(moved).to_be_hidden()
        move.press("Enter")
        moved.press("-")
        moved.press("ArrowLeft")
        box = pin.bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        expect(page.get_by_role("heading", level=1)).to_have_text("Place 1")


def test_the_map_that_is_moved_draws_each_place_where_the_drawing_does(
    browser: Browser, address: str, site: ServiceSite
) -> None:
    """Its corners are read from the path of the drawing, which says the way from each to the next."""
    with opened(browser, address, site, reduced_motion="reduce") as page:
        page.goto(BOARD)
        page.evaluate(HEXAGONS)
        drawn = page.locator(".cr-cells path").evaluate_all(BOXES)
        page.get_by_role("button", name="Move and zoom the map").press("Enter")
        expect(page.locator(".cr-moved path")).to_have_count(2)
        moved = page.locator(".cr-moved path").evaluate_all(BOXES)
        (one, other), (left, right) = drawn, moved
        scale = left["width"] / one["width"]
        assert right["width"] / other["width"] == pytest.approx(scale, rel=0.05)
        assert left["height"] / one["height"] == pytest.approx(scale, rel=0.05)
        assert (right["x"] - left["x"]) / scale == pytest.approx(other["x"] - one["x"], abs=2)
        assert (right["y"] - left["y"]) / scale == pytest.approx(other["y"] - one["y"], abs=2)


def test_without_a_script_the_drawing_stands_and_nothing_offers_to_move_it(
    browser: Browser, address: str, site: ServiceSite
) -> None:
    with opened(browser, address, site, java_script_enabled=False) as page:
        page.goto(BOARD)
        expect(page.locator(".cr-cells")).to_be_visible()
        expect(page.locator("[data-map]")).to_be_hidden()
        expect(page.locator(".cr-moved")).to_be_hidden()


def test_tiles_of_the_site_lie_under_the_map_and_come_from_the_service_alone(
    browser: Browser, site: ServiceSite, tmp_path: Path
) -> None:
    mapped = opened_site(Path(shutil.copytree(site.site.path, tmp_path / "site")))
    mapped.declare("service.toml", f'{SERVICE}[map]\ntiles = "tiles"\nattribution = "Map by the council"\n')
    for x, y in product(range(8), range(8)):
        (mapped.site.path / "tiles" / "3" / str(x)).mkdir(parents=True, exist_ok=True)
        (mapped.site.path / "tiles" / "3" / str(x) / f"{y}.png").write_bytes(GREY)
    with served(mapped) as address, opened(browser, address, mapped) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(BOARD)
        expect(page.get_by_text("Map by the council")).to_be_hidden()
        page.get_by_role("button", name="Move and zoom the map").press("Enter")
        expect(page.get_by_text("Map by the council")).to_be_visible()
        expect(page.locator(".leaflet-tile-loaded").first).to_be_visible()
        assert any(url.startswith(f"{address}/map/tiles/3/") for url in asked)
        assert all(url.startswith(f"{address}/") for url in asked)
        assert violations(page) == []
