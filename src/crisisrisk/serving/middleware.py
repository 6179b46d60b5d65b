"""What happens round every request: an id, a limit on its body, headers on its answer, one line in the log."""

import logging
import secrets
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crisisrisk.serving.headers import ALWAYS, REQUEST_ID
from crisisrisk.serving.logs import log
from crisisrisk.serving.problems import problem


class Requests:
    """Wraps the application. The log has the route's template, never the path: paths name people."""

    def __init__(self, app: ASGIApp, *, body_bytes: int) -> None:
        self.app = app
        self.body_bytes = body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id, started = secrets.token_hex(8), time.perf_counter()
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).update({**ALWAYS, REQUEST_ID: request_id})
            await send(message)

        try:
            await self._answer(scope, receive, send_with_headers)
        finally:
            _log_request(scope, status, started)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _body_is_too_large(Headers(scope=scope), self.body_bytes):
            refusal = problem(413, "CR-HTTP-413", f"a body of more than {self.body_bytes} bytes, or of unstated length")
            await refusal(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _body_is_too_large(headers: Headers, most: int) -> bool:
    if "transfer-encoding" in headers:
        return True
    length = headers.get("content-length", "0")
    return not length.isdecimal() or int(length) > most


def _log_request(scope: Scope, status: int, started: float) -> None:
    viewer = scope["state"].get("viewer")
    log(
        logging.INFO, "request", method=scope["method"], route=getattr(scope.get("route"), "path", "(none)"),
        status=status, milliseconds=round((time.perf_counter() - started) * 1000, 1),
        request_id=scope["state"]["request_id"], key_id=getattr(viewer, "key_id", None),
        role=getattr(viewer, "role_name", None),
    )  # fmt: skip
