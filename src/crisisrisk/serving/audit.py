"""No audit row, no answer: what may name people is kept and witnessed before a byte of it leaves.

Every answer is held back whole. Whether it is audited follows from the purpose of its route, and whom it names from its
own bytes, so that no route can forget either.
"""

import asyncio
import json
import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from anyio import to_thread
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crisisrisk.database.audit import LONGEST_WAIT, AuditTrail
from crisisrisk.database.audit_chain import Look
from crisisrisk.errors import CrisisRiskError, ServiceError
from crisisrisk.purposes import Purpose
from crisisrisk.serving.identities import NAMES_SHOWN, Known, may_be_named, with_names
from crisisrisk.serving.logs import log
from crisisrisk.serving.people_budget import UNSEEN, PeopleBudget
from crisisrisk.serving.problems import problem
from crisisrisk.serving.trail import people_named

DOCUMENT = "/openapi.json"
"""Names nobody: its examples are invented."""
REFUSED = 403
"""The same bytes whoever is asked about, before anything was looked up."""


class Auditor:
    """Adds looks to the trail by one thread: whatever waits when a commit ends goes into the next one together."""

    def __init__(self, trail: AuditTrail, budget: PeopleBudget, *, longest: timedelta = LONGEST_WAIT) -> None:
        self.trail = trail
        self.budget = budget
        self.longest = longest
        """How long an answer waits for its row, before it is none."""
        self.failing: str | None = None
        """What the last commit failed with; None once one came through."""
        self._waiting: list[tuple[Look, frozenset[str], Future[int]]] = []
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="audit")

    async def keep(self, look: Look, *, looked_at: frozenset[str] = frozenset()) -> int:
        """The number of its row, once it is on the disk. Raises ServiceError where it is not there in time.

        `looked_at`: who counts in the user's budget of the day.
        """
        future: Future[int] = Future()
        with self._lock:
            self._waiting.append((look, looked_at, future))
        self._thread.submit(self._commit)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self.longest / timedelta(seconds=1))
        except TimeoutError:
            raise ServiceError("CR-AUDIT-001", "the audit trail was not written in time") from None

    def check(self) -> None:
        """Raises where a look could not be kept, or the last one could not."""
        self.trail.check()
        if self.failing is not None:
            raise ServiceError("CR-AUDIT-001", f"the last look could not be kept ({self.failing})")

    def close(self) -> None:
        """End the thread and the connections; what waits is kept first."""
        self._thread.shutdown()
        self.trail.engine.dispose()

    def _commit(self) -> None:
        with self._lock:
            taken, self._waiting = self._waiting, []
        # Who has given up waiting got no answer, so there is nothing to keep.
        looks = [one for one in taken if one[-1].set_running_or_notify_cancel()]
        if not looks:
            return
        uncounted = self.budget.uncounted([(look, people) for look, people, _ in looks])
        try:
            numbers = self.trail.append(
                [look for look, _, _ in looks], together=lambda connection: self.budget.count(connection, uncounted)
            )
        except Exception as failure:  # noqa: BLE001 -- handed to those who wait, whatever it is
            self.failing = type(failure.__cause__ or failure).__name__
            for _, _, future in looks:
                future.set_exception(failure)
            return
        self.failing = None
        self.budget.remember(uncounted)
        for number, (_, _, future) in zip(numbers, looks, strict=True):
            future.set_result(number)


async def held_answer(app: ASGIApp, scope: Scope, receive: Receive) -> Sequence[Message]:
    """The whole answer of an application, kept back."""
    held: list[Message] = []

    async def hold(message: Message) -> None:
        held.append(message)

    await app(scope, receive, hold)
    return held


async def let_go(held: Sequence[Message], scope: Scope, receive: Receive, send: Send) -> None:
    """Send an answer that was held, after its row; or say that it cannot be given.

    Raises LookupError for one that names people and belongs to no purpose that may.
    """
    status, body = held[0]["status"], b"".join(message.get("body", b"") for message in held[1:])
    purpose: Purpose | None = scope["state"].get("purpose")
    named = people_named(body)
    if purpose is not None and purpose.names_people and status < 500 and status != REFUSED:
        service = scope["app"].state.service
        auditor: Auditor = service.auditor
        known: Known = {}
        # A page whose form could not be used is the same page, and says as well whom it is about.
        if status in (200, 422) and may_be_named(purpose, body, scope["state"]["viewer"].role.reaches):
            known = await to_thread.run_sync(service.identities.of, sorted(named))
        try:
            people, looked_at = {*named, *_asked_about(scope)}, _looked_at(scope, purpose, status, named)
            await auditor.keep(_look(scope, purpose, status, held[0], body, people, known), looked_at=looked_at)
        except CrisisRiskError as failure:
            log(logging.ERROR, "an answer was not audited, and not given", code=failure.code, problem=failure.problem)
            refusal = problem(
                503, failure.code, "what was asked cannot be audited now, so it is not shown",
                headers={"Retry-After": "5"},
            )  # fmt: skip
            await refusal(scope, receive, send)
            return
        held = with_names(held, known)
    elif named and scope["path"] != DOCUMENT:
        raise LookupError("an answer names people, and its route has no purpose that is audited")
    for message in held:
        await send(message)


def _asked_about(scope: Scope) -> frozenset[str]:
    """Whom the address names. Anything but a pseudonym there is the caller's own text, and never kept."""
    return people_named(str(scope.get("path_params", {}).get("pid", "")).encode("utf-8", "replace"))


def _looked_at(scope: Scope, purpose: Purpose, status: int, named: frozenset[str]) -> frozenset[str]:
    """Who was looked at one by one: whom the address names, else whom the answer does, unless it is a whole list."""
    if status in UNSEEN:
        return frozenset()
    singly = purpose.one_by_one or scope["state"].get("one_by_one", False)
    return _asked_about(scope) or (named if singly else frozenset())


def _names_taken(route: object) -> frozenset[str]:
    """What a route takes in the query."""
    return frozenset(_names_below(route.dependant)) if isinstance(route, APIRoute) else frozenset()


def _names_below(dependant: Dependant) -> Iterator[str]:
    for one in dependant.query_params:
        kind = one.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from (field.alias or name for name, field in kind.model_fields.items())
        else:
            yield one.alias
    for below in dependant.dependencies:
        yield from _names_below(below)


def _look(
    scope: Scope, purpose: Purpose, status: int, start: Message, body: bytes, people: set[str], known: Known
) -> Look:  # fmt: skip
    viewer, request = scope["state"]["viewer"], Request(scope)
    route = getattr(scope.get("route"), "path", "(none)")
    # What was asked is kept where it was understood: a text that was refused, or a name that is none, may be anything.
    given = dict(request.query_params) if status == 200 else {}
    taken = _names_taken(scope.get("route")) if given else frozenset()
    asked: dict[str, Any] = {name: text for name, text in given.items() if name in taken}
    if known:
        asked[NAMES_SHOWN] = {person: version for person, (version, _) in known.items()}
    return Look(
        at=datetime.now(UTC), purpose=purpose.name, action=f"{scope['method']} {route}", status=status,
        key_id=viewer.key_id, role=viewer.role_name, team=viewer.team, request_id=scope["state"]["request_id"],
        detail=json.dumps(asked, sort_keys=True, ensure_ascii=False),
        media_type=Headers(raw=start["headers"]).get("content-type", ""), body=body, people=tuple(sorted(people)),
    )  # fmt: skip
