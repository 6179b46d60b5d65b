"""What happens round every request: an id, a limit on its body, headers on its answer, one line in the log."""

import logging
import secrets
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crisisrisk.serving.headers import ALWAYS, REQUEST_ID
from crisisrisk.serving.logs import log
from crisisrisk.serving.problems import problem

# Any other text in place of a method is the caller's own, and never written.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
LONGEST_NUMBER = 19


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
        headers = Headers(scope=scope)
        read: list[Message] | None = []
        if _stated_too_large(headers, self.body_bytes):
            read = None
        elif "transfer-encoding" in headers:  # of a length that nobody stated: it is counted as it comes
            read = await _counted(receive, self.body_bytes)
        if read is None:
            refusal = problem(413, "CR-HTTP-413", f"a body of more than {self.body_bytes} bytes")
            await refusal(scope, receive, send)
            return
        await self.app(scope, _again(read, receive), send)


def _stated_too_large(headers: Headers, most: int) -> bool:
    length = headers.get("content-length", "0")
    return not length.isdecimal() or len(length) > LONGEST_NUMBER or int(length) > most


async def _counted(receive: Receive, most: int) -> list[Message] | None:
    """The messages of a body, or None as soon as they carry more than `most` bytes."""
    read: list[Message] = []
    count, more = 0, True
    while more:
        message = await receive()
        count += len(message.get("body", b""))
        if count > most:
            return None
        read.append(message)
        more = message["type"] == "http.request" and message.get("more_body", False)
    return read


def _again(read: list[Message], receive: Receive) -> Receive:
    """Hands over what was read already, then what still comes."""
    left = iter(read)

    async def receive_again() -> Message:
        message = next(left, None)
        return await receive() if message is None else message

    return receive_again


def _method(scope: Scope) -> str:
    return str(scope["method"]) if scope["method"] in METHODS else "(other)"


def _log_request(scope: Scope, status: int, started: float) -> None:
    viewer = scope["state"].get("viewer")
    log(
        logging.INFO, "request", method=_method(scope), route=getattr(scope.get("route"), "path", "(none)"),
        status=status, milliseconds=round((time.perf_counter() - started) * 1000, 1),
        request_id=scope["state"]["request_id"], key_id=getattr(viewer, "key_id", None),
        role=getattr(viewer, "role_name", None),
    )  # fmt: skip
