"""Every page in every state that somebody may meet it in, held to what everybody needs of it (WCAG 2.2 AA and more)."""

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from playwright.sync_api import Browser, Page, expect
from tests.browser.conftest import as_made
from tests.lib.browsing import NARROW, violations, weight
from tests.lib.pages_met import MET
from tests.lib.reading import reading_age
from tests.lib.service_site import ServiceSite
from tests.lib.visits import Visits

from crisisrisk.serving.app import ROUTERS
from crisisrisk.serving.problems import for_programs
from crisisrisk.serving.routes.assets import asset_files
from crisisrisk.serving.routes.map_tiles import map_tiles

FAULTS = (Path(__file__).parents[1] / "lib" / "page_faults.js").read_text()
ZOOMED = {"width": 640, "height": 450}
"""1,280 pixels at 200 %. 320 are the same at 400 %."""
ON_A4 = {"width": 703, "height": 1032}
"""What A4 has between its margins of 12 millimetres, at 96 pixels an inch."""
READ_AT = 12
FIRST = {met.page: name for name, met in reversed(MET.items())}.values()
"""Of each page one state, for what is the same in all of them and takes long."""
MOST_BYTES = 120_000
SPACED = """() => { const wide = new CSSStyleSheet(); wide.replaceSync(
    "* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }"
    + "p { margin-bottom: 2em !important }"); document.adoptedStyleSheets = [wide]; }"""
"""As wide as readers may set their text (WCAG 1.4.12)."""


@pytest.fixture(scope="module")
def visits(
    browser: Browser, site: ServiceSite, empty: ServiceSite, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Visits]:
    """Whoever meets a page."""
    with ExitStack() as stack:
        yield Visits(stack, browser, as_made(site), empty, tmp_path_factory.mktemp("every-page"))


def faults(page: Page, *checks: str) -> Mapping[str, list[str]]:
    found: Mapping[str, list[str]] = page.evaluate(FAULTS, list(checks))
    return {name: said for name, said in found.items() if said}


@pytest.mark.parametrize("name", MET)
def test_a_page_is_for_everybody_in_whatever_state_it_is_met(visits: Visits, name: str) -> None:
    met = MET[name]
    found: dict[str, object] = {}
    with visits.met(met) as page:
        expect(page.locator("body")).to_contain_text(met.says, timeout=60_000)
        small = ["small"] if not met.kept else []
        inside = ["structure", "focus", "people"] if not met.kept else ["people"]
        found |= {"wide": violations(page), **faults(page, *inside, "overflow")}
        found["bytes"] = sent if (sent := weight(page)) >= MOST_BYTES and not met.kept else None
        page.set_viewport_size(ZOOMED)
        found["at 200 %"] = faults(page, "overflow")
        page.set_viewport_size(NARROW)
        found |= {"narrow": violations(page) if name in FIRST else None, "at 320": faults(page, "overflow", *small)}
        page.emulate_media(forced_colors="active", color_scheme="dark")
        found["forced colours"] = faults(page, "forced")
        page.emulate_media(media="print", forced_colors="none", color_scheme="light")
        page.set_viewport_size(ON_A4)
        if not met.kept:
            found["on paper"] = faults(page, "paper", "overflow")
        if name in FIRST:
            found["sides of A4"] = _not_a4(page.pdf(prefer_css_page_size=True))
        page.emulate_media(media="screen")
        page.set_viewport_size(NARROW)
        page.evaluate(SPACED)
        found["with text set wide"] = faults(page, "overflow")
        if not met.kept:
            age = reading_age(page.evaluate(FAULTS, ["sentences"])["sentences"])
            found["read at"] = age if age >= READ_AT else None
    wrong = [f"{where}: {what}" for where, what in found.items() if what]
    assert not wrong, "\n".join(wrong)


def _not_a4(pdf: bytes) -> list[str]:
    sides = re.findall(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert sides
    return [f"{w} x {h}" for w, h in sides if abs(float(w) - 595) > 2 or abs(float(h) - 842) > 2]


def test_every_page_of_the_service_is_met() -> None:
    declared = {
        f"{method} {route.path}"
        for router in ROUTERS
        for route in router.routes
        if router not in (asset_files, map_tiles)  # files that pages load
        and isinstance(route, APIRoute)
        and not for_programs(route.path)
        for method in route.methods
    }
    assert declared == {met.page for met in MET.values()}
