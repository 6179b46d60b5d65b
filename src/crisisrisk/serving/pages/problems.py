"""What is no answer, as a page: whoever looks at one in a browser is told in words, not in JSON."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Request
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Message, Scope, Send

from crisisrisk.serving.bodies import form_of
from crisisrisk.serving.headers import REQUEST_ID
from crisisrisk.serving.pages.frame import framed
from crisisrisk.serving.pages.in_place import ASKED, REFUSED, asked_in_place, sign_in_again
from crisisrisk.serving.pages.page import as_page, page
from crisisrisk.serving.pages.sending import shown_again
from crisisrisk.serving.problems import PROBLEM, SIGN_IN, SignInNeededError, for_programs, nothing_here
from crisisrisk.serving.sessions import same_site
from crisisrisk.serving.state import Service

HEADINGS = {
    401: "You are not signed in any more",
    403: "Your role may not see this", 404: "There is nothing here", 405: "That cannot be done here",
    408: "That came too slowly", 409: "Not now", 410: "Too old to be shown", 413: "That is too long",
    422: "That cannot be used", 429: "Too many requests", 503: "There is no answer now",
}  # fmt: skip
OF_ONE_CODE = {"CR-PERSON-001": "Numbers about people are off here"}
OTHER = "Something went wrong"
PLAIN = {
    "CR-ACCESS-004": (
        "this form is from before you signed in again, or from another site",
        "open its page again and send it from there",
    ),
    "CR-HTTP-401": ("nobody used this page for too long, or you signed out", "sign in again and send it once more"),
    "CR-HTTP-403": ("this page is not for your role", "whoever runs this site says what each role may see"),
    "CR-HTTP-404": ("there is nothing at this address, or it is not for you to see", None),
    "CR-HTTP-429": ("more was asked from here than this site answers at once", None),
    "CR-PERSON-001": (
        "this site gives no numbers about people",
        "whoever runs it can turn them on once it has a clinical safety officer and an impact assessment",
    ),
}  # fmt: skip
"""What is told to who uses pages where the API speaks of keys and files: what happened, and what to do."""
OF_A_TEAM = "somebody who is not with your team now is not shown here"
WRONG_ADDRESS = "part of this address cannot be used ({})"
_FOR_PROGRAMS = re.compile(r"/api/|docs/|\.toml|\[\[")
"""Hints that lead to an address of the API, or to a file."""
FROM_MENU = "open the page from the menu above"
BEFORE_ANYTHING = frozenset({408, 413, 429, 503})
"""Refusals that are made before a route is reached, so that nothing of what was sent is kept."""
WHO_SENT = frozenset({401, 403})
"""Refusals of a form because of who sent it; where that is known to be nobody, nothing of it was kept."""
WRITTEN = frozenset({"answer", "done", "reason", "text", "words"})
"""What fields are called that somebody writes sentences into, by the last part of their names."""
_KEPT = ("allow", "retry-after", "www-authenticate", "connection", REQUEST_ID.lower())
_MOST_KEPT = 64

Handler = Callable[[Request, Exception], Response | Awaitable[Response]]


def pages_for_problems(app: FastAPI) -> None:
    """Wrap every handler of errors that the application has: at a page its answer is one."""
    for kind, handler in list(app.exception_handlers.items()):
        app.exception_handlers[kind] = _paged(handler)


def refusals_as_pages(scope: Scope, send: Send) -> Send:
    """Sends on as pages what is refused outside of every route, and everything else as it is."""
    if not _wants_page(scope):
        return send
    held: list[Message] = []

    async def send_on(message: Message) -> None:
        if message["type"] == "http.response.start" and _kind(message) == PROBLEM:
            held.append(message)
        elif held and not message.get("more_body", False):
            start = held.pop()
            answer = _as_page(scope, json.loads(message["body"]), start["status"], Headers(raw=start["headers"]))
            await send({**start, "headers": answer.raw_headers})
            await send({"type": "http.response.body", "body": answer.body})
        else:
            await send(message)

    return send_on


def _paged(handler: Handler) -> Handler:
    def handle(request: Request, error: Exception) -> Response:
        answer = handler(request, error)
        assert isinstance(answer, Response)
        if isinstance(error, SignInNeededError) and asked_in_place(request.headers):
            return _sign_in_again(request.scope)
        if answer.media_type != PROBLEM or not _wants_page(request.scope):
            return answer
        return _as_page(request.scope, json.loads(bytes(answer.body)), answer.status_code, answer.headers)

    return handle


def _wants_page(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    wanted = "text/html" in headers.get("accept", "") or asked_in_place(headers)
    return wanted and not for_programs(scope["path"])


def _kind(start: Message) -> str:
    return Headers(raw=start["headers"]).get("content-type", "").partition(";")[0]


def _where_to_sign_in(scope: Scope, in_place: bool) -> str:
    """What is asked for in place leads back to its page."""
    return sign_in_again(Headers(scope=scope))["HX-Redirect"] if in_place else SIGN_IN


def _sign_in_again(scope: Scope) -> Response:
    """Who is not signed in any more sees a whole page that says so, never a part of one."""
    return Response(status_code=401, headers={"Vary": ASKED, **sign_in_again(Headers(scope=scope))})


def _as_page(scope: Scope, problem: Mapping[str, Any], status: int, headers: Mapping[str, str]) -> Response:
    in_place = asked_in_place(Headers(scope=scope))
    service: Service = scope["app"].state.service
    viewer, site = scope["state"].get("viewer"), service.settings.site
    told = {
        **problem, **_in_plain_words(scope, problem, status),
        "heading": OF_ONE_CODE.get(problem["code"], HEADINGS.get(status, OTHER)),
        "wait": headers.get("retry-after"),
        "sent": scope["method"] not in ("GET", "HEAD"), "nothing_kept": viewer is None and status in BEFORE_ANYTHING,
        "not_of_you": viewer is None and status in WHO_SENT,
        "sign_in": _where_to_sign_in(scope, in_place) if status == 401 else None,
    }  # fmt: skip
    written = _written(Request(scope)) if told["sent"] and not in_place and (viewer or told["not_of_you"]) else []
    kept = {name: value for name, value in headers.items() if name in _KEPT} | (REFUSED if in_place else {})
    template = "problem_in_place.jinja" if in_place else "problem.jinja"
    if viewer is None and written:
        told |= {"site": site.name, "written": written}
        return page(template, told, zone=site.time_zone, status=status, headers=kept)
    if viewer is None:
        content = _for_nobody(template, json.dumps({**told, "site": site.name}, sort_keys=True), site.time_zone, status)
        return as_page(content, status=status, headers=kept)
    around = framed(service, viewer, here="", about=None)
    return page(template, {**around, **told, "written": written}, zone=site.time_zone, status=status, headers=kept)


def _written(request: Request) -> list[str]:
    """What somebody wrote into a form that was refused, which stands nowhere else any more; of other sites' nothing."""
    form = form_of(request) if same_site(request) else {}
    if "withdraws" in form:  # its words are the page's own
        return []
    given = shown_again({name: text.strip() for name, text in form.items() if name.rpartition("-")[2] in WRITTEN})
    return [text for text in given.values() if text]


def _in_plain_words(scope: Scope, problem: Mapping[str, Any], status: int) -> Mapping[str, Any]:
    """What happened and what to do, for who uses pages."""
    viewer, asked = scope["state"].get("viewer"), scope["method"] in ("GET", "HEAD")
    if problem["code"] in PLAIN and (status != 404 or problem["detail"] == nothing_here().problem):
        detail, hint = PLAIN[problem["code"]]
        of_team = status == 404 and viewer is not None and viewer.team is not None
        return {"detail": detail, "hint": OF_A_TEAM if of_team else hint}
    if status == 422 and asked and problem.get("problems"):
        parts = ", ".join(dict.fromkeys(one["where"] for one in problem["problems"]))
        return {"detail": WRONG_ADDRESS.format(parts), "hint": FROM_MENU, "problems": []}
    return {"hint": None} if _FOR_PROGRAMS.search(str(problem.get("hint"))) else {}


@lru_cache(maxsize=_MOST_KEPT)
def _for_nobody(template: str, told: str, zone: ZoneInfo, status: int) -> bytes:
    """Made once: a flood of what is refused must not be answered by as many pages made anew."""
    return bytes(page(template, json.loads(told), zone=zone, status=status).body)
