"""What this service asks of the issuer: at a declared address alone, for a few seconds in all, and never elsewhere."""

import threading
import time
import urllib.request
from collections.abc import Mapping
from concurrent.futures import Future
from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.error import HTTPError
from urllib.parse import urlencode

MOST_BYTES = 131_072
SECONDS = 3.0
"""What an answer of the issuer may take, from first to last."""
_PIECE = 16_384


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Answers come from the declared address or not at all."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


def answer_of(
    address: str,
    *,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    seconds: float = SECONDS,
) -> bytes:
    """The body of a 200; `form` is posted. Raises OSError for anything else and for no answer in time (HTTPError for
    another status), HTTPException for what is no HTTP, ValueError for an answer that is too large.

    It waits in a thread of its own: a name server, or a server that sends a byte now and then, would outlast the
    timeouts of sockets, each of which begins anew.
    """
    content = None if form is None else urlencode(form).encode("ascii")
    said = {"Accept": "application/json", **(headers or {})}
    request = urllib.request.Request(address, content, said)  # noqa: S310 -- declared
    answered: Future[bytes] = Future()

    def ask() -> None:
        try:
            answered.set_result(_read(request, seconds))
        except (OSError, ValueError, HTTPException) as failure:
            answered.set_exception(failure)

    threading.Thread(target=ask, name="issuer", daemon=True).start()
    return answered.result(seconds)


def _read(request: urllib.request.Request, seconds: float) -> bytes:
    until = time.monotonic() + seconds
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=seconds) as answer:
            read = b""
            while len(read) <= MOST_BYTES and time.monotonic() < until:
                piece = answer.read1(_PIECE)
                if not piece:
                    return read
                read += piece
    except HTTPError as refused:
        refused.close()
        raise
    raise ValueError("too large, or too slow")
