"""Behind the numbers: how fresh the data are, what was refused, which models answer, how useful they were."""

from datetime import date, datetime
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from crisisrisk.errors import ModelError
from crisisrisk.evaluation.card.rule_words import rule_words
from crisisrisk.models.bundle_files import read_file
from crisisrisk.serving.access import ModelViewer, StatusViewer, UsefulnessViewer
from crisisrisk.serving.answers import CurrentModel
from crisisrisk.serving.pages.frame import framed
from crisisrisk.serving.pages.kinds import Kinds
from crisisrisk.serving.pages.page import page
from crisisrisk.serving.pages.queues import AT_ONCE, OPEN_QUERIES
from crisisrisk.serving.problems import NoAnswerError
from crisisrisk.serving.routes.data_queries import queue
from crisisrisk.serving.routes.models import Task, current, list_models
from crisisrisk.serving.routes.status import data_status
from crisisrisk.serving.routes.usefulness import useful
from crisisrisk.serving.state import ServiceOf
from crisisrisk.tables.work_settings import JOBS

running_pages = APIRouter(tags=["pages"], include_in_schema=False)

SUBJECTS = {"person": "People", "place": "Places"}
SHEET_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
"""The sheet is one file with its own style and drawings. It runs nothing and loads nothing."""


@running_pages.get("/data")
def data(viewer: StatusViewer, service: ServiceOf) -> HTMLResponse:
    """Every source and up to when it is complete, rows and files that were refused and why, what the worker did."""
    told = data_status(viewer, service)
    status: dict[str, Any] = {
        **framed(service, viewer, here="data", about=None), "told": told, "jobs": JOBS,
        "kinds": Kinds(service.settings.site.sources),
        "models": viewer.reaches("models"), "at_once": AT_ONCE,
        "queries": len(queue(viewer, OPEN_QUERIES, service).queries) if viewer.reaches("data_queries") else None,
    }  # fmt: skip
    return page("data.jinja", status, zone=service.settings.site.time_zone)


@running_pages.get("/models")
def models(viewer: ModelViewer, service: ServiceOf) -> HTMLResponse:
    """The models that answer: since when, who let them, what was checked, and what a change means for the numbers."""
    listed = list_models(viewer, service)
    shown = [
        {
            "about": about,
            "subject": SUBJECTS[about.subject],
            "since": _since(about),
            "sheet": _sheet(service, about) is not None,
        }
        for about in (current(one.name, viewer, service) for one in listed.models)
    ]
    told = {
        **framed(service, viewer, here="data", about=None), "shown": shown,
        "unavailable": {SUBJECTS[subject]: why for subject, why in listed.unavailable.items()},
        "moment_of": datetime.fromisoformat, "rule": rule_words,
    }  # fmt: skip
    return page("models.jinja", told, zone=service.settings.site.time_zone)


@running_pages.get("/models/{task}/sheet")
def sheet(task: Task, viewer: ModelViewer, service: ServiceOf) -> Response:
    """The trust sheet of the model that answers, as `crisisrisk card` wrote it. 404 where nobody did."""
    content = _sheet(service, current(task, viewer, service))
    if content is None:
        raise NoAnswerError("CR-HTTP-404", "there is no trust sheet of the model that answers",
                            hint="crisisrisk card RUN writes it")  # fmt: skip
    return HTMLResponse(content, headers={"Content-Security-Policy": SHEET_POLICY})


@running_pages.get("/usefulness")
def useful_page(viewer: UsefulnessViewer, service: ServiceOf) -> HTMLResponse:
    """How useful lists and forecasts were by month: of the own team for its lead, of every team for who has none."""
    told = {**framed(service, viewer, here="useful", about=None), "told": useful(viewer, service), "month": _month}
    return page("usefulness.jinja", told, zone=service.settings.site.time_zone)


def _month(name: str) -> str:
    return f"{date.fromisoformat(f'{name}-01'):%B %Y}"


def _sheet(service: ServiceOf, about: CurrentModel) -> str | None:
    try:
        return read_file(service.settings.site.reports, f"{about.name}-{about.run_id[:8]}.html").decode("utf-8")
    except (ModelError, UnicodeDecodeError):
        return None


def _since(about: CurrentModel) -> datetime | None:
    return None if about.promotion is None else datetime.fromisoformat(about.promotion.at)
