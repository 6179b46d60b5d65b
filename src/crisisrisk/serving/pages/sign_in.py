"""The page on which somebody signs in."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from fastapi.responses import HTMLResponse

from crisisrisk.serving.pages.page import page

NO_KEY = "This key does not work. It may be mistyped, revoked or expired."


@dataclass(frozen=True)
class Offered:
    """A role that the demo's page offers by a button; `value` is `role` or `role:team`."""

    value: str
    text: str


def sign_in_page(
    site: str, *, zone: ZoneInfo, offered: Sequence[Offered] = (), error: str | None = None, status: int = 200
) -> HTMLResponse:
    """The page. Its forms have no address, so that they keep what was asked for before: nothing of that stands here."""
    return page("sign_in.jinja", {"site": site, "offered": offered, "error": error}, zone=zone, status=status)
