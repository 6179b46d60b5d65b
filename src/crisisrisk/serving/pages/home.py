"""Where somebody comes who has signed in: the first page of their role."""

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from crisisrisk.serving.access import SignedIn
from crisisrisk.serving.pages.frame import framed
from crisisrisk.serving.pages.page import page
from crisisrisk.serving.state import ServiceOf

home_pages = APIRouter(tags=["pages"], include_in_schema=False)


@home_pages.get("/")
def home(viewer: SignedIn, service: ServiceOf) -> Response:
    """The role's first page; for a role without one a page that says so."""
    told = framed(service, viewer, here="home", about=None)
    if told["menu"]:
        return RedirectResponse(told["menu"][0]["href"], status_code=303)
    zone = service.settings.site.time_zone
    return page("home.jinja", {**told, "meaning": viewer.role.meaning}, zone=zone)
