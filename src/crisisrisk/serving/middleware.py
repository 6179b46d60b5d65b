"""What happens round every request: an id, limits, its turn, headers on its answer, a line in the log, measures."""

import logging
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import ceil

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crisisrisk.serving.admission import (
    NEVER_WAIT,
    WAITS_FOR_OTHERS,
    Admission,
    BusyError,
    Priority,
    caller_of,
    priority_of,
)
from crisisrisk.serving.audit import held_answer, let_go
from crisisrisk.serving.bodies import BodyError, again, body_of
from crisisrisk.serving.compression import pages_compressed
from crisisrisk.serving.fhir import as_outcome, under_fhir, with_outcomes
from crisisrisk.serving.headers import ALWAYS, REQUEST_ID
from crisisrisk.serving.logs import log
from crisisrisk.serving.metrics import Metrics
from crisisrisk.serving.pages.problems import refusals_as_pages
from crisisrisk.serving.problems import problem
from crisisrisk.serving.state import Service

# Any other text in place of a method is the caller's own, and never written.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
RETRY_SECONDS = 1


class Requests:
    """Wraps the application. The log has the route's template, never the path: paths name people."""

    def __init__(self, app: ASGIApp, *, service: Service, admission: Admission, metrics: Metrics) -> None:
        self.app = app
        self.service = service
        self.limits = service.settings.service.limits
        self.admission = admission
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id, started = secrets.token_hex(8), time.perf_counter()
        scope.setdefault("state", {})["request_id"] = request_id
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in ALWAYS.items():  # a page says itself what it may load, an asset how long it stays
                    headers.setdefault(name, value)
                headers[REQUEST_ID] = request_id
                if self.service.stopping:  # so that the caller's next request goes elsewhere
                    headers["Connection"] = "close"
            await send(message)

        try:
            fhir = under_fhir(scope["path"])
            shaped = with_outcomes(send_with_headers) if fhir else _shown(scope, send_with_headers)
            await self._answer(scope, receive, shaped)
        finally:
            seconds = time.perf_counter() - started
            self.metrics.answered(_method(scope), _template(scope), status, seconds)
            _log_request(scope, status, seconds)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        priority = priority_of(scope)
        refusal = self._too_often(scope, priority)
        if refusal is None:
            try:
                read = await body_of(
                    Headers(scope=scope), receive, most=self.limits.body_bytes, seconds=self.limits.body_seconds
                )
            except BodyError as error:
                refusal = self._refused_body(error.status, priority)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        scope["state"]["body"] = b"".join(message.get("body", b"") for message in read)
        await self._in_turn(scope, again(read, receive), send, priority)

    async def _in_turn(self, scope: Scope, receive: Receive, send: Send, priority: Priority) -> None:
        if scope["path"] in NEVER_WAIT | WAITS_FOR_OTHERS:
            await let_go(await held_answer(self.app, scope, receive), scope, receive, send)
            return
        caller = caller_of(scope)
        try:
            async with self._turn(priority if self.admission.callers.knows(caller) else Priority.BATCH):
                held = await held_answer(self.app, scope, receive)
            if under_fhir(scope["path"]):  # before it is kept: the trail has what is shown
                held = as_outcome(list(held))
            # Waiting for the disk takes no turn away: those who wait go into one commit together.
            await let_go(held, scope, receive, send)
        except BusyError:
            self.metrics.shed(priority, "busy")
            retry = {"Retry-After": str(RETRY_SECONDS)}
            await problem(503, "CR-HTTP-503", "more is asked than can be answered now", headers=retry)(
                scope, receive, send
            )
        if "viewer" in scope["state"]:
            self.admission.callers.remember(caller)

    @asynccontextmanager
    async def _turn(self, priority: Priority) -> AsyncIterator[None]:
        await self.admission.turns.take(priority)
        try:
            yield
        finally:
            self.admission.turns.give_back()

    def _too_often(self, scope: Scope, priority: Priority) -> Response | None:
        if scope["path"] in NEVER_WAIT:
            return None
        wait = self.admission.rates.wait(caller_of(scope))
        if not wait:
            return None
        self.metrics.shed(priority, "rate")
        return problem(
            429, "CR-HTTP-429", f"more than {self.limits.requests_a_second:g} requests a second came with this key",
            headers={"Retry-After": str(ceil(wait))},
        )  # fmt: skip

    def _refused_body(self, status: int, priority: Priority) -> Response:
        self.metrics.shed(priority, "large_body" if status == 413 else "slow_body")
        if status == 413:
            return problem(413, "CR-HTTP-413", f"a body of more than {self.limits.body_bytes} bytes")
        said = f"the body took more than {self.limits.body_seconds:g} seconds to come"
        return problem(408, "CR-HTTP-408", said, headers={"Connection": "close"})


def _shown(scope: Scope, send: Send) -> Send:
    """What browsers are sent: compressed, and what is refused as pages where they ask for one."""
    return refusals_as_pages(scope, pages_compressed(scope, send))


def _method(scope: Scope) -> str:
    return str(scope["method"]) if scope["method"] in METHODS else "(other)"


def _template(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path", "(none)"))


def _log_request(scope: Scope, status: int, seconds: float) -> None:
    viewer = scope["state"].get("viewer")
    log(
        logging.INFO, "request", method=_method(scope), route=_template(scope), status=status,
        milliseconds=round(seconds * 1000, 1), request_id=scope["state"]["request_id"],
        key_id=getattr(viewer, "key_id", None), role=getattr(viewer, "role_name", None),
    )  # fmt: skip
