"""The application: settings in, a FastAPI out."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from crisisrisk import __version__
from crisisrisk.serving.access import purpose_of
from crisisrisk.serving.admission import Admission
from crisisrisk.serving.document import describe, docs_page
from crisisrisk.serving.logs import log
from crisisrisk.serving.metrics import Metrics
from crisisrisk.serving.middleware import Requests
from crisisrisk.serving.pages.board import board_pages
from crisisrisk.serving.pages.caller import caller_pages
from crisisrisk.serving.pages.caseload import caseload_pages
from crisisrisk.serving.pages.concern import concern_pages
from crisisrisk.serving.pages.handover import handover_pages
from crisisrisk.serving.pages.home import home_pages
from crisisrisk.serving.pages.oversight import oversight_pages
from crisisrisk.serving.pages.person import person_pages
from crisisrisk.serving.pages.place import place_pages
from crisisrisk.serving.pages.problems import pages_for_problems
from crisisrisk.serving.pages.queues import queue_pages
from crisisrisk.serving.pages.running import running_pages
from crisisrisk.serving.pages.saying import saying
from crisisrisk.serving.pages.sharing import sharing
from crisisrisk.serving.pages.shift_notes import shift_note_pages
from crisisrisk.serving.pages.shift_review import shift_review_pages
from crisisrisk.serving.pages.standing import standing_pages
from crisisrisk.serving.pages.unallocated import unallocated_pages
from crisisrisk.serving.problems import handle_problems
from crisisrisk.serving.routes.alerts import oversight
from crisisrisk.serving.routes.assets import asset_files
from crisisrisk.serving.routes.audit import audit
from crisisrisk.serving.routes.board import board
from crisisrisk.serving.routes.briefing import briefings
from crisisrisk.serving.routes.callers import callers
from crisisrisk.serving.routes.care import care
from crisisrisk.serving.routes.caseload import caseloads
from crisisrisk.serving.routes.data_queries import queries
from crisisrisk.serving.routes.emergency import emergency
from crisisrisk.serving.routes.fhir import fhir
from crisisrisk.serving.routes.map_tiles import map_tiles
from crisisrisk.serving.routes.metrics import measures
from crisisrisk.serving.routes.models import models
from crisisrisk.serving.routes.people import people
from crisisrisk.serving.routes.places import places
from crisisrisk.serving.routes.plans import plans
from crisisrisk.serving.routes.risk import risk
from crisisrisk.serving.routes.safety import safety
from crisisrisk.serving.routes.shift_feedback import shift_feedback
from crisisrisk.serving.routes.sign_in import entrance, way_out
from crisisrisk.serving.routes.sites import sites
from crisisrisk.serving.routes.status import status, well
from crisisrisk.serving.routes.unallocated import unallocated
from crisisrisk.serving.routes.usefulness import usefulness
from crisisrisk.serving.settings import Settings
from crisisrisk.serving.state import READY, Service

ROUTERS = (
    well,
    measures,
    status,
    models,
    people,
    risk,
    caseloads,
    care,
    callers,
    unallocated,
    usefulness,
    emergency,
    fhir,
    queries,
    board,
    places,
    plans,
    briefings,
    sites,
    shift_feedback,
    audit,
    oversight,
    safety,
    entrance,
    way_out,
    asset_files,
    map_tiles,
    home_pages,
    board_pages,
    place_pages,
    standing_pages,
    shift_note_pages,
    shift_review_pages,
    handover_pages,
    caseload_pages,
    caller_pages,
    unallocated_pages,
    person_pages,
    saying,
    sharing,
    concern_pages,
    running_pages,
    oversight_pages,
    queue_pages,
)


def create_app(settings: Settings) -> FastAPI:
    """The service of a site. It starts whatever is broken, says so in its log and at /readyz, and answers the rest.

    But for a route that does not say what it is for: then it raises ServiceError.
    """
    documented = settings.service.docs_page
    app = FastAPI(
        title="crisisrisk", version=__version__, lifespan=_lifespan, redirect_slashes=False,
        openapi_url="/openapi.json" if documented else None, docs_url=None, redoc_url=None,
    )  # fmt: skip
    service, admission = Service(settings), Admission(settings.service.limits)
    metrics = Metrics(service, admission)
    app.state.service, app.state.metrics = service, metrics
    app.add_middleware(Requests, service=service, admission=admission, metrics=metrics)
    handle_problems(app)
    pages_for_problems(app)
    for router in ROUTERS:
        for route in router.routes:
            purpose_of(route)
        # Taken over as they stand, ready for a request: included ones are worked out again, 0.2 s of the first request.
        app.router.routes.extend(router.routes)
    describe(app)
    if documented:
        docs_page(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service: Service = app.state.service
    missing = service.settings.service.person_scores.missing
    if missing:
        log(logging.WARNING, "scores of people are off; places work without", missing=list(missing))
    elif not service.settings.service.privacy.named:
        log(logging.WARNING, "emergency access is off: no privacy officer is named")
    service.watch_clock()
    for part, said in service.parts().items():
        if said != READY:
            log(logging.ERROR, "not ready", part=part, problem=said)
    service.start()
    yield
    service.stop()
