"""The briefing on paper, as a real browser prints it: one side of A4, also on the longest night."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect
from tests.lib.browsing import opened
from tests.lib.database import AS_OF, forecast, place_run, totals
from tests.lib.service_site import ServiceSite

from crisisrisk.database.scores import save_place_forecast
from crisisrisk.serving.sheet import Sheet
from crisisrisk.serving.sheet_content import LATE, MOST_NOTES, MOST_SITES, NAME, NEAR, OWN_WORDS, WHY

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
            expect(page.get_by_text("point-far, full since")).to_be_visible()


def words(count: int) -> str:
    return (WHY_FULL * 10)[:count]


@pytest.mark.parametrize("share", [1.0, 0.8, 0.6, 0.4, 0.25])
def test_as_much_as_may_stand_on_the_page_is_one_side_of_paper(browser: Browser, share: float) -> None:
    def some(count: int) -> str:
        return words(int(share * count))

    full = Sheet(
        title=some(2 * NAME), handling=some(150), headline=some(110), expected=some(50), data=some(LATE + 110),
        places=(("8", some(NAME), "12 to 19", some(WHY)),) * 8, plan=some(OWN_WORDS + 150),
        teams=((some(NAME), some(NAME), "22:00 – 08:00", some(NEAR)),) * 4,
        notes=(some(NAME + 25 + OWN_WORDS),) * (MOST_NOTES + 1),
        sites=(some(NAME + 50 + OWN_WORDS),) * (MOST_SITES + 1), caveats=(some(1000),), footer=FOOTER,
        reference="Reference S-12345 · P-12345 · A-12345 · as of Sun 22 Nov 06:00",
    )  # fmt: skip
    page = browser.new_page()
    page.set_content(full.as_html())
    assert pages(page.pdf(prefer_css_page_size=True)) == 1
    page.close()


def test_more_than_fits_on_one_side_is_two_and_the_count_sees_it(browser: Browser) -> None:
    row = ("8", words(NAME), "12 to 19", words(WHY))
    much = Sheet(title="", handling="", headline="", expected="", data="", places=(row,) * 60, plan="", teams=(),
                 sites=(), notes=(), caveats=(), footer=FOOTER, reference="")  # fmt: skip
    page = browser.new_page()
    page.set_content(much.as_html())
    assert pages(page.pdf(prefer_css_page_size=True)) > 1
    page.close()
