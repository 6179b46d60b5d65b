"""Signing in to the pages and out of them."""

import logging
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from crisisrisk.database.keys import KeyRecord, key_of, make_key
from crisisrisk.serving.access import WELL, SignedIn
from crisisrisk.serving.bodies import form_of
from crisisrisk.serving.logs import log
from crisisrisk.serving.pages.sign_in import NO_KEY, Offered, sign_in_page
from crisisrisk.serving.problems import SIGN_IN, form_refused, local_path
from crisisrisk.serving.roles import Role
from crisisrisk.serving.sessions import same_site
from crisisrisk.serving.state import Service, ServiceOf

entrance = APIRouter(dependencies=[WELL], include_in_schema=False)
way_out = APIRouter(include_in_schema=False)

Next = Annotated[str | None, Query(alias="next")]


@entrance.get(SIGN_IN)
def ask(service: ServiceOf) -> Response:
    """The page: a field for a key and, at an invented site that says so, a button for each role."""
    return _page(service)


@entrance.post(SIGN_IN)
def sign_in(request: Request, service: ServiceOf, after: Next = None) -> Response:
    """Begin a session, and go to where somebody wanted to; the page again for a key that does not work."""
    if not same_site(request):
        raise form_refused()
    key = _key(service, form_of(request))
    if key is None:
        return _page(service, error=NO_KEY, status=401)
    answer = RedirectResponse(local_path(after) or "/", status_code=303)
    service.sessions.set_cookie(answer, service.sessions.start(key), request)
    log(logging.INFO, "signed in", key_id=key.key_id, role=key.role)
    return answer


@way_out.post("/sign-out")
def sign_out(request: Request, viewer: SignedIn, service: ServiceOf) -> Response:
    """End the session at once, whoever else may have its cookie."""
    if viewer.session is not None:
        service.sessions.end(viewer.session)
    answer = RedirectResponse(SIGN_IN, status_code=303)
    service.sessions.clear_cookie(answer, request)
    return answer


def _page(service: Service, *, error: str | None = None, status: int = 200) -> Response:
    offered = list(_offered(service)) if service.settings.service.sign_in.demo_page else []
    zone = service.settings.site.time_zone
    return sign_in_page(service.settings.site.name, zone=zone, offered=offered, error=error, status=status)


def _key(service: Service, form: Mapping[str, str]) -> KeyRecord | None:
    """The key that somebody typed, or one that is made for a role of the demo; None for one that opens nothing."""
    if service.settings.service.sign_in.demo_page and "role" in form:
        role, _, team = form["role"].partition(":")
        if form["role"] not in {one.value for one in _offered(service)}:
            return None
        longest = service.settings.service.sign_in.longest
        return make_key(service.engine, role=role, team=team or None, valid_for=longest).record
    found = key_of(service.engine, form.get("key", "").strip())
    return found if found is not None and found.role in service.settings.roles else None


def _offered(service: Service) -> list[Offered]:
    """Every role of the site, of those that belong to a team one of each team."""
    teams = sorted(service.settings.site.teams)
    return [one for role in service.settings.roles.values() for one in _of_role(role, teams)]


def _of_role(role: Role, teams: list[str]) -> list[Offered]:
    words = role.name.replace("_", " ")
    if not role.needs_team:
        return [Offered(role.name, words)]
    return [Offered(f"{role.name}:{team}", f"{words}, {team}") for team in teams]
