"""Windows on the sites that pages are met on, by whom somebody is signed in as."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, Route

from crisisrisk.serving.sessions import COOKIE
from tests.lib.browsing import PATIENT, WIDE, opened, served
from tests.lib.lived_in import SHEET, failing, lived_in
from tests.lib.operational import copied
from tests.lib.pages_met import Met
from tests.lib.service_site import ServiceSite
from tests.lib.service_site import opened as opened_site


class Visits:
    """The sites that pages are met on, each served once, and one window for each who is signed in."""

    def __init__(self, stack: ExitStack, browser: Browser, pristine: Path, empty: ServiceSite, at: Path) -> None:
        self.stack, self.browser, self.at = stack, browser, at
        self.sites = {"lived in": self._copied(pristine, "lived-in"), "empty": empty}
        self.known = {**lived_in(self.sites["lived in"])}
        self.sites["failing"] = failing(self._copied(pristine, "failing").site.path)
        self.addresses: dict[str, str] = {}
        self.windows: dict[tuple[str, str], Page] = {}

    def _copied(self, pristine: Path, name: str) -> ServiceSite:
        return opened_site(copied(pristine, self.at / name))

    def window(self, site: str, role: str) -> Page:
        """The window of somebody on a site; of nobody a new one each time."""
        if site not in self.addresses:
            self.addresses[site] = self.stack.enter_context(served(self.sites[site]))
        address = self.addresses[site]
        if not role:
            context = self.stack.enter_context(self.browser.new_context(base_url=address, viewport=WIDE))
            return _patient(context.new_page())
        if (site, role) not in self.windows:
            name, _, worker = role.partition(":")
            window = opened(self.browser, address, self.sites[site], role=name, worker=worker or None)
            self.windows[site, role] = self.stack.enter_context(window)
        return self.windows[site, role]

    @contextmanager
    def met(self, met: Met) -> Iterator[Page]:
        """A page in its state."""
        site = "empty" if met.site == "printed" else met.site
        page, printed = self.window(site, met.role), self.sites["empty"].site.reports / "last-board.txt"
        if met.site == "printed":
            printed.write_text(SHEET)
        page.set_viewport_size(WIDE)
        path = met.path.format(**self.known)
        if met.kept:
            _without_policy(page, path)
        page.goto(path)
        for step in met.steps:
            step(page, self.known)
        try:
            yield page
        finally:
            page.emulate_media(media="screen", forced_colors="none", color_scheme="light")
            printed.unlink(missing_ok=True)
            if not any(one["name"] == COOKIE for one in page.context.cookies()):
                self.windows.pop((site, met.role), None)


def _patient(page: Page) -> Page:
    page.set_default_timeout(PATIENT)
    return page


def _without_policy(page: Page, path: str) -> None:
    """Let scripts look into a page that itself may run none."""

    def answer(route: Route) -> None:
        kept = route.fetch()
        headers = {name: text for name, text in kept.headers.items() if name != "content-security-policy"}
        route.fulfill(response=kept, headers=headers)

    page.route(f"**{path}", answer)
