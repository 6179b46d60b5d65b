"""People who are with no team, for who finds one for them: by their contacts, never by a score."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from crisisrisk.serving.access import Allocator
from crisisrisk.serving.pages.frame import framed
from crisisrisk.serving.pages.kinds import Kinds
from crisisrisk.serving.pages.page import page
from crisisrisk.serving.routes.unallocated import MOST, UnallocatedQuery, queue
from crisisrisk.serving.state import ServiceOf

unallocated_pages = APIRouter(tags=["pages"], include_in_schema=False)

PAGE = "/unallocated"
STEP = 100
STATES = {"in_crisis_episode": "in a crisis episode now", "in_hospital": "in hospital now"}


@unallocated_pages.get(PAGE)
def with_no_team(
    viewer: Allocator, service: ServiceOf, query: Annotated[UnallocatedQuery, Query()]
) -> HTMLResponse:  # fmt: skip
    """The queue."""
    found, site = queue(viewer, query, service), service.settings.site
    more = min(query.limit + STEP, MOST) if found.people_in_all > query.limit < MOST else None
    told = {
        **framed(service, viewer, here="unallocated", about=None), "queue": found, "kinds": Kinds(site.sources),
        "teams": {name: team.name for name, team in site.teams.items()}, "states": STATES,
        "more": None if more is None else f"{PAGE}?limit={more}", "not_listed": found.people_in_all - len(found.people),
    }  # fmt: skip
    return page("unallocated.jinja", told, zone=site.time_zone)
