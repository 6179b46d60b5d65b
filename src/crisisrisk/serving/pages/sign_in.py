"""The pages on which somebody signs in."""

from zoneinfo import ZoneInfo

from fastapi.responses import HTMLResponse

from crisisrisk.serving.pages.page import page

NO_KEY = "This key does not work. It may be mistyped, revoked or expired."


def sign_in_page(
    site: str,
    *,
    zone: ZoneInfo,
    issuer: str | None,
    error: str | None = None,
    refused: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    """The page. `issuer`: what the button says whose account it takes. `error`: of the key; `refused`: of the issuer.

    Its forms have no address, so that they keep what was asked for before: nothing of that stands here. After the
    issuer there is nothing to keep, and they lead to the beginning.
    """
    told = {"site": site, "issuer": issuer, "error": error, "refused": refused}
    return page("sign_in.jinja", told, zone=zone, status=status)


def onward_page(site: str, *, zone: ZoneInfo, heading: str, link: str, to: str) -> HTMLResponse:
    """A page that goes on by itself at once, and has a link for browsers that do not.

    A redirect would not do: browsers hold redirects of a form to where the form may lead, and a redirect that began at
    another site brings no strict cookie along.
    """
    told = {"site": site, "heading": heading, "link": link, "to": to}
    return page("onward.jinja", told, zone=zone, headers={"Refresh": f"0; url={to}"})
