"""The briefing on paper, as a real browser prints it: one side of A4, also on the longest night."""

import re
from dataclasses import dataclass
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect
from tests.lib.browsing import opened
from tests.lib.database import AS_OF, forecast, place_run, totals
from tests.lib.service_site import ServiceSite

from crisisrisk.database.scores import save_place_forecast
from crisisrisk.serving.sheet import Sheet
from crisisrisk.serving.sheet_content import LATE, MOST_NOTES, MOST_SITES, NAME, OWN_WORDS, WHY, room_of_teams
from crisisrisk.serving.sheet_map import MAP_STYLE, map_for_paper
from crisisrisk.serving.wording import SELDOM

NIGHT = "night-2026-11-23"
TEAMS = ["Street triage car, north and east", "Crisis resolution team on call", "AMHP and nurse", "Night team south"]
WHY_FULL = "Every bed is taken, people wait in the corridor and the bed manager asks to send nobody before the morning "
FOOTER = "Live calls come first. A place not listed is not therefore safe."


def pages(pdf: bytes) -> int:
    """How many sides a PDF of Chromium has."""
    return len(re.findall(rb"/Type /Page\b", pdf))


@pytest.fixture(scope="session")
def awkward(site: ServiceSite) -> str:
    """A night of long names and reasons, agencies that are late, four teams of which one stands elsewhere, and sites
    that are full: the address of its page."""
    start = AS_OF.replace(day=23, hour=22)
    cells = forecast(NIGHT, start=start, places=12).assign(own_dispersion=0.2)
    cells["place_name"] = [f"Kingstanding Hawthorn Road and Perry Barr North-East {rank}" for rank in cells["rank"]]
    cells["released_rank"] = cells["rank"]
    text = "more triage calls than usual here in the last four weeks, beside the same weeks of other years"
    cells["released_reasons"] = [[{"direction": "up", "text": text}] * 2] * 12
    late = {name: AS_OF - timedelta(days=3) for name in site.site.sources}
    save_place_forecast(
        site.engine, cells, place_run(as_of=AS_OF, data_complete_to=late), totals=totals(NIGHT, start=start)
    )
    client, shift = site.client("crisis_team"), f"/api/v1/shifts/{NIGHT}"
    asked = {"teams": [{"name": name, "base": "base-north"} for name in TEAMS], "use": True}
    made = client.post(f"{shift}/positions", json=asked)
    assert made.status_code == 200, made.text
    posts = [{"team": name, "site_id": "point-far"} for name in TEAMS]
    changed = client.post(f"{shift}/adjustments", json={"kind": "positions", "posts": posts, "reason": WHY_FULL * 2})
    assert changed.status_code == 200, changed.text
    span = {"from": start.isoformat(), "until": (start + timedelta(hours=10)).isoformat()}
    for name in ("cafe", "base-north", "point-far", "base-south"):
        body = {"state": "full", "reason": WHY_FULL * 2, **span}
        assert client.put(f"/api/v1/sites/{name}/status", json=body).status_code == 200
    return f"/shifts/{NIGHT}/print"


@pytest.mark.parametrize("night", ["usual", "awkward"])
def test_the_page_to_print_is_one_side_of_paper(
    browser: Browser, address: str, site: ServiceSite, awkward: str, night: str
) -> None:
    with opened(browser, address, site) as page:
        page.goto(awkward if night == "awkward" else "/shifts/night-2026-11-22/print")
        assert page.evaluate("getComputedStyle(document.querySelector('table')).borderCollapse") == "collapse"
        assert pages(page.pdf(prefer_css_page_size=True)) == 1
        expect(page.get_by_text("For staff of this shift.")).to_be_visible()
        expect(page.get_by_text(FOOTER)).to_be_visible()
        expect(page.get_by_role("contentinfo")).to_contain_text(re.compile(r"Reference S-\d+ · P-\d+"))
        if night == "awkward":
            assert page.get_by_role("row").count() == 1 + 8 + 1 + len(TEAMS)
            expect(page.get_by_text("Silent for too long")).to_contain_text("crisis-line calls (since")
            expect(page.get_by_text("Far Lane car park, full from")).to_be_visible()
            expect(page.get_by_text("A team stands at a site that is full")).to_be_visible()
            assert page.get_by_role("cell", name="Far Lane car park – full 22:00–08:00").count() == len(TEAMS)


def words(count: int) -> str:
    return (WHY_FULL * 10)[:count]


@dataclass(frozen=True)
class Somewhere:
    """A place of a map."""

    place_id: str
    latitude: float | None = None
    longitude: float | None = None


def cells(rows: int, columns: int) -> list[Somewhere]:
    """Squares of a kilometre in rows and columns."""
    return [Somewhere(f"SQ1000-E{400 + column}000-N{280 + row}000") for row in range(rows) for column in range(columns)]


@pytest.mark.parametrize("shape", [(25, 25), (8, 30)])
@pytest.mark.parametrize("share", [1.0, 0.9, 0.6, 0.5, 0.4, 0.35, 0.25])
@pytest.mark.parametrize("night", ["usual", "in capitals", "teams move", "teams move, in capitals", "no blanks"])
def test_as_much_as_may_stand_on_the_page_is_one_side_of_paper(
    browser: Browser, night: str, share: float, shape: tuple[int, int]
) -> None:
    def some(count: int) -> str:
        return words(int(share * count)).replace(" ", "x" if night == "no blanks" else " ")

    def named(count: int) -> str:
        return some(count).upper() if "capitals" in night else some(count)

    places, shut = cells(*shape), "full 22:00–23:30"
    rows = 2 * len(TEAMS) if "move" in night else len(TEAMS)
    near, name = room_of_teams(rows)
    # What is said of a plan is `again`; all other caveats that can come together are 830 characters.
    full = Sheet(
        map=map_for_paper(places, {place.place_id: rank for rank, place in enumerate(places[3::25][:8], start=1)}),
        title=named(2 * NAME), handling=some(150), headline=some(110), expected=some(50), data=some(LATE + 110),
        places=(("8", named(NAME), SELDOM, some(WHY)),) * 8, plan=some(OWN_WORDS + 240),
        teams=((named(name), named(name - len(shut) - 3), "22:00 – 08:00", named(near)),) * rows,
        again=some(190), shut=(shut,) * rows, notes=(named(NAME + 25 + OWN_WORDS),) * (MOST_NOTES + 1),
        sites=(named(NAME + 50 + OWN_WORDS),) * (MOST_SITES + 1), caveats=(some(840),), footer=FOOTER,
        reference="Reference S-12345 · P-12345 · A-12345 · as of Sun 22 Nov 06:00",
    )  # fmt: skip
    page = browser.new_page()
    page.set_content(full.as_html())
    assert pages(page.pdf(prefer_css_page_size=True)) == 1
    page.close()


def test_the_map_on_paper_has_the_ranks_of_the_table_none_on_another_and_its_outlines_without_colour(
    browser: Browser, address: str, site: ServiceSite
) -> None:
    with opened(browser, address, site) as page:
        page.goto("/shifts/night-2026-11-22/print")
        ranks = page.locator("table.places tbody td:first-child").all_inner_texts()
        assert page.locator("svg.map text").all_text_contents() == ranks
        assert page.get_by_role("img", name="with the ranks of those in the table").count() == 1
        strokes = page.evaluate("[...document.querySelectorAll('.map .listed')].map(x => getComputedStyle(x).stroke)")
        assert set(strokes) == {"rgb(0, 0, 0)"}


def test_ranks_of_places_that_lie_close_stand_beside_each_other_and_not_on_each_other(browser: Browser) -> None:
    places = cells(25, 25)
    block = [place.place_id for row in (12, 13) for place in places[25 * row + 10 : 25 * row + 15]]
    drawn = map_for_paper(places, {place: rank for rank, place in enumerate(block, start=1)})
    assert drawn is not None
    page = browser.new_page(viewport={"width": 640, "height": 700})
    page.set_content(f"<style>body{{margin:0}}{MAP_STYLE}figure{{width:640px!important}}</style>{drawn.svg}")
    found = page.evaluate("[...document.querySelectorAll('.map text')].map(x => x.getBBox()).map(b => [b.x, b.width])")
    tops = page.evaluate("[...document.querySelectorAll('.map text')].map(x => +x.getAttribute('y'))")
    spots = [(x, width, y) for (x, width), y in zip(found, tops, strict=True)]
    assert len(spots) == 10
    for one, (x, width, y) in enumerate(spots):
        assert all(x + width <= a + 2 or a + other <= x + 2 or abs(y - b) >= 30 for a, other, b in spots[:one])
    page.close()


def test_more_than_fits_on_one_side_is_two_and_the_count_sees_it(browser: Browser) -> None:
    row = ("8", words(NAME), "12 to 19", words(WHY))
    much = Sheet(title="", handling="", headline="", expected="", data="", places=(row,) * 60, plan="", teams=(),
                 sites=(), notes=(), caveats=(), footer=FOOTER, reference="")  # fmt: skip
    page = browser.new_page()
    page.set_content(much.as_html())
    assert pages(page.pdf(prefer_css_page_size=True)) > 1
    page.close()
