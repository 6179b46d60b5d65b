"""Bodies of requests: read whole before anything else is done, never more than is allowed, never for longer."""

import asyncio
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Message, Receive

LONGEST_NUMBER = 19
FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 200


class BodyError(Exception):
    """A body that is not read on: `status` is 413 for one that is too large, 408 for one that comes too slowly."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


async def body_of(headers: Headers, receive: Receive, *, most: int, seconds: float) -> Sequence[Message]:
    """The messages of a body of at most `most` bytes. Raises BodyError as soon as more come, and after `seconds`.

    A body that says its length is refused before a byte of it is read; one that does not is counted as it comes.
    What is compressed stays so: nothing here, nor behind it, ever unpacks a body.
    """
    length = headers.get("content-length", "0")
    if not length.isdecimal() or len(length) > LONGEST_NUMBER or int(length) > most:
        raise BodyError(413)
    if int(length) == 0 and "transfer-encoding" not in headers:
        return ()
    try:
        async with asyncio.timeout(seconds):
            return await _counted(receive, most)
    except TimeoutError:
        raise BodyError(408) from None


async def _counted(receive: Receive, most: int) -> Sequence[Message]:
    read: list[Message] = []
    count, more = 0, True
    while more:
        message = await receive()
        count += len(message.get("body", b""))
        if count > most:
            raise BodyError(413)
        read.append(message)
        more = message["type"] == "http.request" and message.get("more_body", False)
    return read


def form_of(request: Request) -> Mapping[str, str]:
    """The fields of a page's form, of one that stands there twice the last; none of what is no such form."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM:
        return {}
    return fields_of(request.scope["state"].get("body", b""))


def fields_of(body: bytes) -> Mapping[str, str]:
    """The fields of a form's body, in the same way."""
    try:
        return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        return {}


def again(read: Sequence[Message], receive: Receive) -> Receive:
    """Hands over what was read already, then what still comes."""
    left = iter(read)

    async def receive_again() -> Message:
        message = next(left, None)
        return await receive() if message is None else message

    return receive_again
