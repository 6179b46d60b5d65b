"""A real browser, and the service of a site at an address of its own."""

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from playwright.sync_api import Browser, sync_playwright

from crisisrisk.serving.app import create_app
from crisisrisk.serving.settings import read_settings
from tests.lib.service_site import PATIENCE, ServiceSite

START_SECONDS = 30.0


@contextmanager
def served(site: ServiceSite) -> Iterator[str]:
    """The address of the service of a site, on loopback."""
    app = create_app(read_settings(site.site, {}))
    app.state.service.auditor.longest = PATIENCE
    with socket.create_server(("127.0.0.1", 0)) as listening:
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
