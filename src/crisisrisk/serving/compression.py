"""Pages are compressed on the way out, after their row of the audit trail: that has what is read."""

import gzip
import io
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Scope, Send

LEAST_BYTES = 1_000
LEVEL = 8
"""A board of 600 places is 8 in 100 lighter than at 6, for 5 milliseconds more."""
MOST_PADDING = 64


def pages_compressed(scope: Scope, send: Send) -> Send:
    """Sends pages compressed to who takes that, and everything else as it is."""
    if not _takes_gzip(Headers(scope=scope)):
        return send
    held: Message | None = None

    async def send_compressed(message: Message) -> None:
        nonlocal held
        if message["type"] == "http.response.start" and _is_page(message):
            held = message
            return
        if held is not None:
            start, held = held, None
            if not message.get("more_body", False) and len(message.get("body", b"")) >= LEAST_BYTES:
                message = {**message, "body": _compressed(message["body"])}
                headers = MutableHeaders(scope=start)
                headers["Content-Encoding"] = "gzip"
                headers["Content-Length"] = str(len(message["body"]))
                headers.add_vary_header("Accept-Encoding")
            await send(start)
        await send(message)

    return send_compressed


def _takes_gzip(headers: Headers) -> bool:
    """`gzip` in the list, and not with a quality of nothing."""
    for one in headers.get("accept-encoding", "").lower().split(","):
        name, _, quality = one.partition(";")
        if name.strip() == "gzip":
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _is_page(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    return headers.get("content-type", "").startswith("text/html") and "content-encoding" not in headers


def _compressed(body: bytes) -> bytes:
    """By how well something compresses its content can be guessed: a name of any length in the head hides that."""
    kept = io.BytesIO()
    name = "x" * (1 + secrets.randbelow(MOST_PADDING))
    with gzip.GzipFile(name, "wb", LEVEL, kept, mtime=0) as written:
        written.write(body)
    return kept.getvalue()
