"""Every page in every state that somebody may meet it in, held to what everybody needs of it (WCAG 2.2 AA and more)."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from playwright.sync_api import Browser, Page, expect
from tests.browser.conftest import as_made
from tests.lib.banned_words import said_in
from tests.lib.browsing import NARROW, ON_A4, WIDE, faults, opened, violations, weight, with_large_letters
from tests.lib.pages_met import MET, NIGHT
from tests.lib.reading import reading_age
from tests.lib.service_site import ServiceSite
from tests.lib.style_sheet import PAGES_CSS, as_published
from tests.lib.visits import Visits

from crisisrisk.serving.app import ROUTERS
from crisisrisk.serving.pages.assets import DESIGN_SYSTEM
from crisisrisk.serving.pages.design_system import NOT_HERE
from crisisrisk.serving.problems import for_programs
from crisisrisk.serving.routes.assets import asset_files
from crisisrisk.serving.routes.map_tiles import map_tiles

ZOOMED = {"width": 640, "height": 450}
"""1,280 pixels at 200 %. 320 are the same at 400 %."""
READ_AT = 12
FIRST = {met.page: name for name, met in reversed(MET.items())}.values()
"""Of each page one state, for what is the same in all of them and takes long."""
MOST_BYTES = 120_000
SPACED = """() => { const wide = new CSSStyleSheet(); wide.replaceSync(
    "* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }"
    + "p { margin-bottom: 2em !important }"); document.adoptedStyleSheets = [wide]; }"""
"""As wide as readers may set their text (WCAG 1.4.12)."""
STYLED = (
    "the board", "a place", "plans that cannot be made", "how it went", "the caseload", "a decision without words",
    "an empty concern", "signing in", "looks", "models",
)  # fmt: skip
"""Pages with every part of the design system that there is on any, none of which changes what the others are."""
CLASSES = "[...new Set([...document.querySelectorAll('[class]')].flatMap(el => [...el.classList]))]"
WITH_THE_WHOLE = (Path(__file__).parents[1] / "lib" / "whole_design_system.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def visits(
    browser: Browser, site: ServiceSite, empty: ServiceSite, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Visits]:
    """Whoever meets a page."""
    with ExitStack() as stack:
        yield Visits(stack, browser, as_made(site), empty, tmp_path_factory.mktemp("every-page"))


@pytest.mark.parametrize("name", STYLED)
def test_a_page_looks_as_it_would_with_the_whole_design_system(visits: Visits, name: str) -> None:
    """What is left out of it for its weight is nothing that any page has."""
    with visits.met(MET[name]) as page:
        expect(page.locator("body")).to_contain_text(MET[name].says, timeout=60_000)
        for window, media in ((WIDE, "screen"), (NARROW, "print")):
            page.set_viewport_size(window)
            page.emulate_media(media=media)
            differ = page.evaluate(WITH_THE_WHOLE, [DESIGN_SYSTEM, as_published(DESIGN_SYSTEM)])
            assert not differ, "\n".join(differ)


@pytest.mark.parametrize("name", MET)
def test_a_page_is_for_everybody_in_whatever_state_it_is_met(visits: Visits, name: str) -> None:
    met = MET[name]
    found: dict[str, object] = {}
    with visits.met(met) as page:
        expect(page.locator("body")).to_contain_text(met.says, timeout=60_000)
        inside = ["structure", "focus", "edges", "people"]
        found |= {"wide": violations(page), **faults(page, *inside, "overflow", "small")}
        found["has no style"] = [one for one in page.evaluate(CLASSES) if NOT_HERE.search(f".{one}")]
        found["words"] = said_in(page.locator("body").inner_text())
        found["bytes"] = sent if (sent := weight(page)) >= MOST_BYTES and not met.kept else None
        page.set_viewport_size(ZOOMED)
        found["at 200 %"] = faults(page, "overflow")
        page.set_viewport_size(NARROW)
        found |= {"narrow": violations(page) if name in FIRST else None, "at 320": faults(page, "overflow", "small")}
        page.emulate_media(forced_colors="active", color_scheme="dark")
        found["forced colours"] = faults(page, "forced")
        page.emulate_media(media="print", forced_colors="none", color_scheme="light")
        page.set_viewport_size(ON_A4)
        found["on paper"] = faults(page, "paper", "overflow")
        if name in FIRST:
            found["sides of A4"] = _not_a4(page.pdf(prefer_css_page_size=True))
        page.emulate_media(media="screen")
        page.set_viewport_size(NARROW)
        page.evaluate(SPACED)
        found["with text set wide"] = faults(page, "overflow")
        age = reading_age(faults(page, "sentences").get("sentences", ()))
        found["read at"] = age if age >= READ_AT else None
    wrong = [f"{where}: {what}" for where, what in found.items() if what]
    assert not wrong, "\n".join(wrong)


def _not_a4(pdf: bytes) -> list[str]:
    sides = re.findall(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert sides
    return [f"{w} x {h}" for w, h in sides if abs(float(w) - 595) > 2 or abs(float(h) - 842) > 2]


PLAIN = """<!doctype html><html lang="en-GB"><head><title>People</title><style>{css}</style><style>{more}</style></head>
<body><header><a href="/">Start</a></header><main><h1 id="who">People</h1>
<table class="cr-table" aria-labelledby="who"><thead><tr><th scope="col">Name</th><th scope="col">Likely</th></tr>
</thead><tbody><tr><th scope="row" class="cr-name"><a href="/people/1">Ann</a></th><td>18 in 100</td></tr></tbody>
</table><p class="cr-tag">new this week</p><svg class="cr-cells" viewBox="0 0 99 40"><rect width="9" height="9"/>
</svg><button class="cr-button">Agree</button></main></body></html>"""
"""A page of people with our own style, and what else the style says."""
COVER = "header { position: fixed; inset: 0 0 auto; height: 90%; background: #fff; z-index: 9 }"
TAMPERED = {
    "red words": ("people", "td { color: #d5281b }", "color rgb(213, 40, 27)"),
    "an amber ground": ("people", "tr { background: #ffbf00 }", "backgroundColor rgb(255, 191, 0)"),
    "a pale red ground": ("people", "tr { background: #f8d7da }", "backgroundColor rgb(248, 215, 218)"),
    "a green edge": ("people", ".cr-tag { border-left-color: #007f3b }", "borderLeftColor rgb(0, 127, 59)"),
    "a green edge above": ("people", "td { border-top: 3px solid #0a0 }", "borderTopColor rgb(0, 170, 0)"),
    "a red drawing": ("people", ".cr-cells rect { fill: #a00 }", "fill rgb(170, 0, 0)"),
    "a red ring": ("people", ".cr-cells rect { stroke: #a00 }", "stroke rgb(170, 0, 0)"),
    "red words outside of tables": ("people", "h1 { color: #d5281b }", "color rgb(213, 40, 27)"),
    "a red dot before a name": ("people", "th a::before { content: '●'; color: red }", "color rgb(255, 0, 0)"),
    "a shade of amber to white": ("people", "tr { background: linear-gradient(#ffbf00, #fff) }", "backgroundImage"),
    "a red shadow": ("people", "td { box-shadow: 0 0 4px red }", "boxShadow rgb(255, 0, 0)"),
    "a colour that is worked out": ("people", "td { color: color-mix(in srgb, red, white) }", "cannot be read"),
    "a colour of another kind": ("people", "td { color: oklch(60% .2 30) }", "cannot be read"),
    "a head that stays above all": ("focus", COVER, 'under something else: a. "Ann"'),
    "the way to help is somewhere else": (
        "structure",
        "</style><footer class='cr-footer'>care</footer><style>",
        "no way to report a concern as the last link",
    ),
    "a number without its heading": ("small", "thead { position: absolute }", "nothing says what it is: 18 in 100"),
    "no outline": ("focus", "a:focus { outline: 0 }", "no outline in forced colours"),
    "a table without a name": ("structure", "</style><table><tr><td>1</table><style>", "a table without a name"),
    "a link to nothing": ("structure", "</style><a href='#nothing'>On</a><style>", "leads nowhere: #nothing"),
    "one id of two": ("structure", "</style><p id='a'>A</p><p id='a'>B</p><style>", "stands there twice: #a"),
    "a button like its ground": ("edges", ".cr-button { border-color: #ddd }", "no edge to be seen: button"),
    "a pale ring": ("focus", "a:focus { outline: 4px solid #ffeb3b; background: #ffeb3b }", "too palely: a."),
    "too wide": ("overflow", ".cr-table { width: 2000px }", "px in a window of 1280"),
    "a reference in two lines": ("overflow", "</style><p style='width:2em'>S-1184</p><style>", "two lines: S-1184"),
    "a thin edge": ("forced", "</style><input type='checkbox' aria-label='Stays'><style>", "a thin edge in forced"),
    "pale on paper": ("paper", "td { color: #999 !important }", "pale on paper"),
}
"""By what is wrong with a page: which check has to find it, what the style says, and some of what the check says."""


@pytest.fixture(scope="module")
def blank(browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport=WIDE) as context:
        yield context.new_page()


def tampered(page: Page, more: str = "") -> Page:
    page.set_content(PLAIN.format(css=PAGES_CSS.read_text(encoding="utf-8"), more=more))
    return page


def test_a_page_with_nothing_wrong_is_found_to_have_nothing_wrong(blank: Page) -> None:
    assert faults(tampered(blank), "people", "focus", "edges", "overflow", "structure") == {}
    assert violations(blank) == []


@pytest.mark.parametrize("name", TAMPERED)
def test_each_check_finds_a_page_that_is_broken(blank: Page, name: str) -> None:
    check, style, says = TAMPERED[name]
    found = faults(tampered(blank, style), check)
    assert any(says in one for one in found.get(check, [])), found


IN_LARGE_LETTERS = {
    "crisis_team": ("/shifts/next?all=1", f"{NIGHT}/places/place-01", f"{NIGHT}/positions", f"{NIGHT}/notes"),
    "care": ("/caseload", "/safety-concern"), "audit": ("/audit", "/concerns"), "data": ("/data", "/models"),
}  # fmt: skip


def test_nothing_is_cut_off_where_somebody_has_letters_twice_as_large(
    browser: Browser, address: str, site: ServiceSite
) -> None:
    wrong = {}
    with with_large_letters(browser) as large:
        for role, paths in IN_LARGE_LETTERS.items():
            with opened(large, address, site, role=role) as page:
                for path in paths:
                    page.goto(path)
                    letters = page.evaluate("parseFloat(getComputedStyle(document.querySelector('main p')).fontSize)")
                    assert letters >= 30, path
                    for window in (WIDE, ZOOMED):
                        page.set_viewport_size(window)
                        if found := faults(page, "overflow"):
                            wrong[path, window["width"]] = found
    assert wrong == {}


def test_targets_too_small_or_too_near_each_other_are_found(blank: Page) -> None:
    """WCAG 2.2, 2.5.8: axe-core leaves it out unless it is asked."""
    tampered(blank, "th a, .cr-button { display: block; width: 12px; height: 12px; min-height: 0; overflow: hidden }")
    blank.evaluate("document.querySelector('th a').after(document.querySelector('.cr-button'))")
    assert any(one.startswith("target-size") for one in violations(blank))


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
