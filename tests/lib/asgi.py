"""Requests put to an application in its own process, many at once, without a client between them."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from starlette.types import ASGIApp, Message

MOST_AT_ONCE = 32


@dataclass(frozen=True)
class Asked:
    """One request. `path` is as it stands in a request line, with its query."""

    method: str
    path: str
    key: str | None = None
    body: bytes = b""


@dataclass(frozen=True)
class Answered:
    """Its answer; `headers` without those that differ between any two answers."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes = field(repr=False)


def ask_all(app: ASGIApp, requests: Iterable[Asked]) -> Sequence[Answered]:
    """The answers in the order of the requests."""
    return asyncio.run(_ask_all(app, list(requests)))


async def _ask_all(app: ASGIApp, requests: list[Asked]) -> list[Answered]:
    answers: list[Answered | None] = [None] * len(requests)
    left = iter(enumerate(requests))

    async def work() -> None:
        for number, request in left:
            answers[number] = await _ask(app, request)

    await asyncio.gather(*(work() for _ in range(MOST_AT_ONCE)))
    return [answer for answer in answers if answer is not None]


async def _ask(app: ASGIApp, request: Asked) -> Answered:
    path, _, query = request.path.partition("?")
    headers = [(b"host", b"testserver"), (b"content-length", str(len(request.body)).encode())]
    if request.body:
        headers.append((b"content-type", b"application/json"))
    if request.key is not None:
        headers.append((b"x-api-key", request.key.encode()))
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": request.method, "scheme": "http",
        "path": unquote(path), "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
        "headers": headers, "client": ("127.0.0.1", 1), "server": ("testserver", 80),
    }  # fmt: skip
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": request.body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    told = tuple(sorted((name, value) for name, value in sent[0]["headers"] if name.lower() != b"x-request-id"))
    return Answered(sent[0]["status"], told, b"".join(message.get("body", b"") for message in sent[1:]))
