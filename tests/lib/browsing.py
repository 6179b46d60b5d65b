"""A real browser, and the service of a site at an address of its own."""

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from crisisrisk.serving.app import create_app
from crisisrisk.serving.demo_issuer import with_demo_issuer
from crisisrisk.serving.settings import read_settings
from tests.lib.service_site import PATIENCE, ServiceSite

START_SECONDS = 30.0
PATIENT = 90_000
"""Milliseconds that a page may take: the first that needs what is compiled waits for it, and other tests run beside."""
NARROW, WIDE = {"width": 320, "height": 800}, {"width": 1280, "height": 900}
ON_A4 = {"width": 703, "height": 1032}
"""What A4 has between its margins of 12 millimetres, at 96 pixels an inch."""


@contextmanager
def served(site: ServiceSite) -> Iterator[str]:
    """The address of the service of a site, on loopback."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        with_demo_issuer(read_settings(site.site, {}), host="127.0.0.1", port=listening.getsockname()[1]) as settings,
    ):
        app = create_app(settings)
        app.state.service.auditor.longest = PATIENCE
        app.state.service.warm_up.longest = 10 * PATIENCE.total_seconds()
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        until = time.monotonic() + START_SECONDS
        while not server.started and time.monotonic() < until:
            time.sleep(0.02)
        assert server.started, "the service did not start"
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(START_SECONDS)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's browser. Skips where there is none; with CI=true that is a failure."""
    program = shutil.which("chromium")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("there is no chromium: tests/prepare.sh installs it")
        pytest.skip("there is no chromium: tests/prepare.sh installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@contextmanager
def with_large_letters(browser: Browser) -> Iterator[Browser]:
    """The same program of somebody who has set letters to twice their size, and nothing else (WCAG 2.2, 1.4.4)."""
    large = browser.browser_type.launch(
        executable_path=shutil.which("chromium"), args=["--no-sandbox", "--blink-settings=defaultFontSize=32"]
    )
    yield large
    large.close()


EXPECTED = (
    "401",
    "403",
    "404",
    "409",
    "422",
    "429",
    "503",
    "document's frame is sandboxed",
    "ERR_FAILED",
    "htmx:sendError",
    "htmx:afterRequest",
)
"""What the console may complain of: refusals, what a test let no answer come to, and scripts of pages that are only to
be looked at again."""


@contextmanager
def opened(
    browser: Browser, address: str, site: ServiceSite, role: str = "crisis_team", worker: str | None = None, **how: Any
) -> Iterator[Page]:  # fmt: skip
    """A page of somebody who is signed in. Whatever the console complains of fails the test."""
    context = browser.new_context(base_url=address, **{"viewport": WIDE, **how})
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.set_default_timeout(PATIENT)
    page.goto("/sign-in")
    page.get_by_label("Your key").fill(site.key(role, "north" if role in ("care", "lead") else None, worker=worker))
    page.get_by_role("button", name="Sign in").last.click()  # the first may be for accounts of an issuer
    page.wait_for_url(lambda url: not url.endswith("/sign-in"))
    yield page
    context.close()
    assert [text for text in said if not any(code in text for code in EXPECTED)] == [], said


RULES = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
"""All of axe-core's rules, and that of WCAG 2.2 AA which it leaves out unless it is asked."""


def violations(page: Page) -> list[str]:
    """What keeps somebody out of a page, by axe-core: its rule, and where."""
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{one['id']}: {node['target']}" for one in found for node in one["nodes"]]


FAULTS = Path(__file__).with_name("page_faults.js").read_text(encoding="utf-8")


def faults(page: Page, *checks: str) -> Mapping[str, list[str]]:
    """What keeps somebody from a page that axe-core does not look for, by check; none where nothing is wrong."""
    found: Mapping[str, list[str]] = page.evaluate(FAULTS, list(checks))
    return {name: said for name, said in found.items() if said}


def weight(page: Page) -> int:
    """How many bytes came for a page and what it loads, as they were sent or kept from before."""
    sizes = page.evaluate(
        "performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))"
        ".map(one => one.encodedBodySize)"
    )
    return int(sum(sizes))
