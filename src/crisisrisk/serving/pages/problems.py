"""What is no answer, as a page: whoever looks at one in a browser is told in words, not in JSON."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import Response

from crisisrisk.serving.headers import REQUEST_ID
from crisisrisk.serving.pages.frame import framed
from crisisrisk.serving.pages.page import page
from crisisrisk.serving.problems import PROBLEM, for_programs
from crisisrisk.serving.state import Service

HEADINGS = {
    403: "Your role may not see this", 404: "There is nothing here", 405: "That cannot be done here",
    409: "Not now", 410: "Too old to be shown", 422: "That cannot be used", 429: "Too many requests",
    503: "There is no answer now",
}  # fmt: skip
OTHER = "Something went wrong"

Handler = Callable[[Request, Exception], Response | Awaitable[Response]]


def pages_for_problems(app: FastAPI) -> None:
    """Wrap every handler of errors that the application has: at a page its answer is one."""
    for kind, handler in list(app.exception_handlers.items()):
        app.exception_handlers[kind] = _paged(handler)


def _paged(handler: Handler) -> Handler:
    def handle(request: Request, error: Exception) -> Response:
        answer = handler(request, error)
        assert isinstance(answer, Response)
        wants_page = "text/html" in request.headers.get("accept", "")
        if answer.media_type != PROBLEM or not wants_page or for_programs(request.url.path):
            return answer
        return _as_page(request, json.loads(bytes(answer.body)), answer)

    return handle


def _as_page(request: Request, problem: dict[str, Any], answer: Response) -> Response:
    service: Service = request.app.state.service
    viewer = getattr(request.state, "viewer", None)
    told = {"site": service.settings.site.name} if viewer is None else framed(service, viewer, here="", about=None)
    kept = {"allow", "retry-after", "www-authenticate", REQUEST_ID.lower()}
    headers = {name: value for name, value in answer.headers.items() if name in kept}
    return page(
        "problem.jinja", {**told, **problem, "heading": HEADINGS.get(answer.status_code, OTHER)},
        zone=service.settings.site.time_zone, status=answer.status_code, headers=headers,
    )  # fmt: skip
