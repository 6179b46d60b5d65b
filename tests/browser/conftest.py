"""What the tests in a browser share: one site, its service, one browser."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from tests.lib.browsing import chromium, served
from tests.lib.database import AS_OF
from tests.lib.operational import copied, with_new_database
from tests.lib.service_site import ServiceSite, make_site, opened

from crisisrisk.database.upgrade import upgrade


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser. While it is open an event loop runs, which tests of other modules must not meet."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> ServiceSite:
    """A site with a forecast of the night that kept its totals, and a plan of it."""
    made = make_site(tmp_path_factory.mktemp("pages") / "site")
    made.issue("night-2026-11-22", run={"as_of": AS_OF})
    for hours in (60, 50):
        issued = {"as_of": AS_OF - timedelta(hours=hours)}
        made.issue("day-2026-11-20", start=AS_OF - timedelta(hours=46), run=issued, expected=hours / 20)
    asked = {"teams": [{"name": "A", "base": "base-north"}], "target_minutes": 4, "use": True}
    answer = made.client("crisis_team").post("/api/v1/shifts/night-2026-11-22/positions", json=asked)
    assert answer.status_code == 200, answer.text
    made.engine.dispose()
    copied(made.site.path, as_made(made))  # before the tests do anything to it
    return made


def as_made(site: ServiceSite) -> Path:
    """The folder of a copy of the site, as it was before any test."""
    return site.site.path.with_name("as-made")


@pytest.fixture(scope="session")
def empty(site: ServiceSite, tmp_path_factory: pytest.TempPathFactory) -> ServiceSite:
    """The same site without a forecast: its board is what is usual."""
    copy = Path(shutil.copytree(as_made(site), tmp_path_factory.mktemp("empty") / "site"))
    shutil.rmtree(copy / "audit", ignore_errors=True)  # its witness belongs to the database that is gone
    found = opened(with_new_database(copy))
    upgrade(found.engine)
    return found


@pytest.fixture(scope="session")
def address(site: ServiceSite) -> Iterator[str]:
    """Where the site's service is."""
    with served(site) as found:
        yield found


@pytest.fixture(scope="session")
def address_without_forecast(empty: ServiceSite) -> Iterator[str]:
    """Where the service of the site without a forecast is."""
    with served(empty) as found:
        yield found
