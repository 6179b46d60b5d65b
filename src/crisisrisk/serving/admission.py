"""Who is answered when more is asked than can be answered: the shift board first, batches last, the rest at once 503.

Everything here runs in the event loop of one process and needs no lock.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import blake2b
from secrets import token_bytes

from starlette.datastructures import Headers
from starlette.types import Scope

from crisisrisk.serving.code_flow_declaration import CALLBACK
from crisisrisk.serving.declarations import Limits

API = "/api/v1"
MOST_CALLERS = 10_000
_SECRET = token_bytes(16)


class Priority(IntEnum):
    """The order in which requests are answered. Lower is sooner."""

    BOARD = 0
    PEOPLE = 1
    OTHER = 2
    BATCH = 3

    @property
    def label(self) -> str:
        """Its name in metrics."""
        return self.name.lower()


# The longest beginning that fits decides.
_PATHS: Mapping[str, Priority] = {
    f"{API}/board": Priority.BOARD,
    f"{API}/shifts": Priority.BOARD,
    f"{API}/people": Priority.PEOPLE,
    f"{API}/caseloads": Priority.PEOPLE,
    f"{API}/unallocated": Priority.PEOPLE,
    "/shifts": Priority.BOARD,
    "/people": Priority.PEOPLE,
    "/caseload": Priority.PEOPLE,
    "/caller": Priority.PEOPLE,
    "/unallocated": Priority.PEOPLE,
    f"{API}/people/score": Priority.BATCH,
    f"{API}/exports": Priority.BATCH,
    "/fhir": Priority.BATCH,
}
_BY_LENGTH = sorted(_PATHS, key=len, reverse=True)
_BATCHES = (b"download=", b"f=csv", b"f=parquet", b"fresh=")
NEVER_WAIT = frozenset({"/healthz", "/readyz", "/metrics"})
"""What says whether the service is well must answer when it is not."""
WAITS_FOR_OTHERS = frozenset({CALLBACK})
"""What waits for somebody else's server holds up nobody's turn here; it counts for itself how many do."""


def priority_of(scope: Scope) -> Priority:
    """Of a request, by its path and by whether it asks for a file or for work that is done anew."""
    path, query = str(scope["path"]), bytes(scope.get("query_string", b""))
    if any(word in query for word in _BATCHES):
        return Priority.BATCH
    found = (start for start in _BY_LENGTH if path == start or path.startswith(f"{start}/"))
    return _PATHS.get(next(found, ""), Priority.OTHER)


class BusyError(Exception):
    """There is no turn for this request now."""


@dataclass
class Turns:
    """At most `at_once` requests are answered at a time, and at most `waiting` wait, none longer than `seconds`."""

    at_once: int
    waiting: int
    seconds: float
    taken: int = 0
    _queues: tuple["deque[asyncio.Future[None]]", ...] = field(default_factory=lambda: tuple(deque() for _ in Priority))

    async def take(self, priority: Priority) -> None:
        """Wait for a turn. Raises BusyError at once when too many wait already, and after `seconds`."""
        if self.taken < self.at_once:
            self.taken += 1
            return
        if self.queued() >= self.waiting and not self._send_away_one_after(priority):
            raise BusyError
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        queue = self._queues[priority]
        queue.append(turn)
        timer = loop.call_later(self.seconds, _send_away, turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.give_back()  # it came in the very moment in which nobody wanted it any more
            raise
        finally:
            timer.cancel()
            if turn in queue:
                queue.remove(turn)

    def give_back(self) -> None:
        """Hand the turn to the one who waits first, of the first priority that anybody waits in."""
        for queue in self._queues:
            while queue:
                turn = queue.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self.taken -= 1

    def queued(self, priority: Priority | None = None) -> int:
        """How many wait, in all or of one priority."""
        return sum(map(len, self._queues)) if priority is None else len(self._queues[priority])

    def _send_away_one_after(self, priority: Priority) -> bool:
        """Make room at the cost of whoever came last of the last priority, where that is after this one."""
        for later in reversed(Priority):
            if later <= priority:
                return False
            if self._queues[later]:
                _send_away(self._queues[later].pop())
                return True
        return False


def _send_away(turn: "asyncio.Future[None]") -> None:
    if not turn.done():
        turn.set_exception(BusyError())


@dataclass
class Rates:
    """How often each caller may ask: `a_second` on average, `burst` at once. The callers of late are remembered."""

    a_second: float
    burst: float
    clock: Callable[[], float] = time.monotonic
    most: int = MOST_CALLERS
    _left: "OrderedDict[bytes, tuple[float, float]]" = field(default_factory=OrderedDict)

    def wait(self, caller: bytes) -> float:
        """Seconds until the caller may ask; 0 when it may now, which is counted."""
        now = self.clock()
        left, since = self._left.pop(caller, (self.burst, now))
        left = min(self.burst, left + (now - since) * self.a_second)
        may = left >= 1
        self._left[caller] = (left - 1 if may else left, now)
        if len(self._left) > self.most:
            self._left.popitem(last=False)
        return 0.0 if may else (1 - left) / self.a_second


@dataclass
class Callers:
    """Whose key was found to work lately. Others wait behind everyone: a flood of invented keys takes nobody's turn."""

    most: int = MOST_CALLERS
    _known: "OrderedDict[bytes, None]" = field(default_factory=OrderedDict)

    def remember(self, caller: bytes) -> None:
        """A key of this caller worked just now."""
        self._known[caller] = None
        self._known.move_to_end(caller)
        if len(self._known) > self.most:
            self._known.popitem(last=False)

    def knows(self, caller: bytes) -> bool:
        """Whether one did lately."""
        return caller in self._known


class Admission:
    """The limits of a site on how much is asked of its service at once."""

    def __init__(self, limits: Limits) -> None:
        self.turns = Turns(limits.at_once, limits.waiting, limits.wait_seconds)
        self.rates = Rates(limits.requests_a_second, limits.burst)
        self.callers = Callers()


def caller_of(scope: Scope) -> bytes:
    """Who asks, as a digest that lives as long as the process: by what is shown as a key, else by the address."""
    headers = Headers(scope=scope)
    shown = [headers[name] for name in ("authorization", "x-api-key", "cookie") if name in headers]
    client = scope.get("client")
    text = "\n".join(shown) if shown else f"at {client[0] if client else 'nowhere'}"
    return blake2b(text.encode("utf-8", "surrogatepass"), key=_SECRET, digest_size=16).digest()
