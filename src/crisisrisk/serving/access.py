"""Who may call a route, and what for: its parameters say so, by type.

`AnyViewer` every role · `StatusViewer` loaded data · `ModelViewer` which model answers · `ModelReloader` whether
another one should · `PlaceViewer` places · `PlanViewer` where teams stand and which sites are full · `CareViewer` a
care team or its lead · `OwnPerson` and `OwnTeam` what is on that team's caseload now · `UsefulnessViewer` how useful
lists were, for a team's lead and for analysis · `CallerViewer` the care of a person on the line, never a score ·
`Allocator` people who are with no team · `LinkSteward` doubtful links · `AuditViewer` who looked · `AlertViewer` what
the privacy officer is alerted to · `ConcernViewer` what was reported as unsafe · `QueryViewer` which records are said
to be wrong · `EmergencyViewer` who may have a person of another team opened · `SignedIn` and `KeyHolder` every key.
Each has a purpose; a route without one keeps the service from starting.
"""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request, Security
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from crisisrisk.database.keys import KeyRecord, key_of
from crisisrisk.errors import ServiceError
from crisisrisk.purposes import (
    ALLOCATION,
    AUDIT,
    CALLER_CARE,
    CRISIS_RESPONSE,
    DATA_QUALITY,
    DIRECT_CARE,
    EMERGENCY,
    LINKAGE,
    OPERATION,
    SAFETY,
    STATUS,
    USEFULNESS,
    Purpose,
    Reach,
)
from crisisrisk.serving.bodies import form_of
from crisisrisk.serving.declarations import SCORES_OFF, SWITCH_ON
from crisisrisk.serving.emergency import opened_to
from crisisrisk.serving.problems import (
    NoAnswerError,
    form_refused,
    key_needed_at,
    nothing_here,
    role_refused,
    too_much,
)
from crisisrisk.serving.roles import Role
from crisisrisk.serving.sessions import Session, same_site
from crisisrisk.serving.state import Service, ServiceOf
from crisisrisk.serving.tokens import is_token

_BEARER = HTTPBearer(auto_error=False, description="A key of this service (`crisisrisk keys create`), or a token.")
_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, description="The same key, for clients without Bearer.")
FORM_TOKEN = "X-Form-Token"  # noqa: S105 -- a header's name; scripts of pages send it where they send no form
_LOOKS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """Who asks: a key or the user of a token, a role and, for care, a team. `session`: of who is signed in to pages."""

    key_id: str
    role: Role
    team: str | None
    worker: str | None = None
    """Which care coordinator it is, as the caseloads name workers; None where that was not said."""
    session: Session | None = None

    @property
    def form_token(self) -> str | None:
        """What a form of a page carries; None for who sends a key with each request."""
        return None if self.session is None else self.session.form_token

    @property
    def role_name(self) -> str:
        """The role's name, for the log."""
        return self.role.name

    def reaches(self, what: Reach) -> bool:
        """Whether the role reaches something."""
        return what in self.role.reaches


def _viewer(
    request: Request,
    service: ServiceOf,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    header: Annotated[str | None, Security(_HEADER)],
) -> Viewer:
    """By a key or a token that was sent; a cookie counts where there is none."""
    if bearer is not None or header is not None or "authorization" in request.headers:
        viewer = _sender(service, header, None if bearer is None else bearer.credentials)
    else:
        viewer = _signed_in(service, service.sessions.session(request))
    if viewer is None:
        raise key_needed_at(request)
    if viewer.session is not None and request.method not in _LOOKS:
        _check_form(request, viewer.session)
    request.state.viewer = viewer
    return viewer


def _sender(service: Service, header: str | None, bearer: str | None) -> Viewer | None:
    if service.tokens is not None and bearer is not None and is_token(bearer):
        holder = service.tokens.holder(bearer)
        return None if holder is None else Viewer(
            key_id=holder.user_id, role=holder.role, team=holder.team, worker=holder.worker
        )  # fmt: skip
    secret = header if bearer is None else bearer
    return None if secret is None else _of_key(service, key_of(service.engine, secret))


def _signed_in(service: Service, session: Session | None) -> Viewer | None:
    return None if session is None else _of_key(service, service.sessions.key_of(session), session)


def _of_key(service: Service, record: KeyRecord | None, session: Session | None = None) -> Viewer | None:
    role = None if record is None else service.settings.roles.get(record.role)
    if record is None or role is None:
        return None
    return Viewer(key_id=record.key_id, role=role, team=record.team, worker=record.worker_id, session=session)


def _check_form(request: Request, session: Session) -> None:
    """Raises NoAnswerError for a change that none of our own forms sent: a browser adds the cookie by itself."""
    given = request.headers.get(FORM_TOKEN) or form_of(request).get("form_token", "")
    wanted = session.form_token.encode()
    if not hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted) or not same_site(request):
        raise form_refused()


@dataclass(frozen=True)
class Permission:
    """A dependency that lets through roles that reach something, and refuses the rest before anything is looked up.

    `purpose`: what the route is for. `reach`: what the role must reach, one of what the purpose is reached by; None
    where a key is enough.
    """

    purpose: Purpose
    reach: Reach | None

    def __post_init__(self) -> None:
        if self.reach is not None and self.reach not in self.purpose.reaches:
            raise ValueError(f"{self.purpose.name} is not reached by {self.reach}")

    async def __call__(self, request: Request, viewer: Annotated[Viewer, Depends(_viewer)]) -> Viewer:
        """Who asks, with the purpose noted for the audit trail. Nothing here waits, so no thread is taken for it."""
        return self.check(request, viewer)

    def check(self, request: Request, viewer: Viewer) -> Viewer:
        """The same, for who has the viewer."""
        if self.reach is not None and not viewer.reaches(self.reach):
            raise role_refused(viewer.role.name)
        if request.query_params and not _takes_a_query(request.scope.get("route")):
            # Whatever stands there would be kept with the look: it may be anything, a number of somebody's too.
            raise too_much("query", "no parameters at this address")
        request.state.purpose = self.purpose
        return viewer


@dataclass(frozen=True)
class Everybody:
    """A dependency of routes that need no key. Its purpose can name nobody."""

    purpose: Purpose

    def __post_init__(self) -> None:
        if self.purpose.names_people or self.purpose.reaches:
            raise ValueError(f"{self.purpose.name} is not for everybody")

    def __call__(self) -> None:
        """Lets everybody through."""


WELL = Depends(Everybody(OPERATION))
AnyViewer = Annotated[Viewer, Depends(Permission(STATUS, "version"))]
StatusViewer = Annotated[Viewer, Depends(Permission(STATUS, "data_status"))]
ModelViewer = Annotated[Viewer, Depends(Permission(STATUS, "models"))]
ModelReloader = Annotated[Viewer, Depends(Permission(STATUS, "reload_models"))]
PlaceViewer = Annotated[Viewer, Depends(Permission(CRISIS_RESPONSE, "places"))]
PlanViewer = Annotated[Viewer, Depends(Permission(CRISIS_RESPONSE, "plan"))]
Allocator = Annotated[Viewer, Depends(Permission(ALLOCATION, "unallocated"))]
LinkSteward = Annotated[Viewer, Depends(Permission(LINKAGE, "doubtful_links"))]
UsefulnessViewer = Annotated[Viewer, Depends(Permission(USEFULNESS, "usefulness"))]
AuditViewer = Annotated[Viewer, Depends(Permission(AUDIT, "audit"))]
AlertViewer = Annotated[Viewer, Depends(Permission(AUDIT, "alerts"))]
ConcernViewer = Annotated[Viewer, Depends(Permission(SAFETY, "safety_concerns"))]
QueryViewer = Annotated[Viewer, Depends(Permission(DATA_QUALITY, "data_queries"))]
SignedIn = Annotated[Viewer, Depends(Permission(STATUS, None))]
KeyHolder = Annotated[Viewer, Depends(Permission(SAFETY, None))]


@dataclass(frozen=True)
class PersonPermission:
    """A permission about people: nobody has it where the site does not say who answers for it."""

    permission: Permission

    async def __call__(
        self, request: Request, viewer: Annotated[Viewer, Depends(_viewer)], service: ServiceOf
    ) -> Viewer:
        """Who asks. The role is refused first, so that what a site offers is no news to others."""
        self.permission.check(request, viewer)
        missing = service.settings.service.person_scores.missing
        if missing:
            raise NoAnswerError("CR-PERSON-001", SCORES_OFF, missing=list(missing), hint=SWITCH_ON)
        return viewer


CareViewer = Annotated[Viewer, Depends(PersonPermission(Permission(DIRECT_CARE, "own_people")))]
CallerViewer = Annotated[Viewer, Depends(PersonPermission(Permission(CALLER_CARE, "look_up")))]


@dataclass(frozen=True)
class EmergencyPermission:
    """A permission to open people of other teams: nobody has it where the site names nobody who looks at it."""

    person: PersonPermission

    async def __call__(
        self, request: Request, viewer: Annotated[Viewer, Depends(_viewer)], service: ServiceOf
    ) -> Viewer:
        """Who asks."""
        await self.person(request, viewer, service)
        if not service.settings.service.privacy.named:
            raise NoAnswerError(
                "CR-ACCESS-005",
                "emergency access is off at this site",
                hint="serving/service.toml names a privacy officer",
            )
        return viewer


EmergencyViewer = Annotated[
    Viewer, Depends(EmergencyPermission(PersonPermission(Permission(EMERGENCY, "emergency_access"))))
]


def sees(service: Service, request: Request, viewer: Viewer, person_id: str) -> bool:
    """Whether a person is on the own caseload now, or open in an emergency; then the look is kept as one."""
    if viewer.team is None:
        return False
    if service.view().caseloads.has(viewer.team, person_id, service.now()):
        return True
    if not viewer.reaches("emergency_access") or not opened_to(service, person_id, key_id=viewer.key_id):
        return False
    request.state.purpose = EMERGENCY
    return True


def _own_person(
    pid: Annotated[str, Path(description="The person's pseudonym.", examples=["k1_7Q4M2XK0D3RT5VWZ"])],
    viewer: CareViewer,
    request: Request,
    service: ServiceOf,
) -> str:
    if not sees(service, request, viewer, pid):
        raise nothing_here()
    return pid


def _own_team(team: Annotated[str, Path(description="The team's id.", examples=["north"])], viewer: CareViewer) -> str:
    if viewer.team is None or team != viewer.team:
        raise nothing_here()
    return team


OwnPerson = Annotated[str, Depends(_own_person)]
OwnTeam = Annotated[str, Depends(_own_team)]


def purpose_of(route: object) -> Purpose:
    """What a route is for. Raises ServiceError where it does not say so, or says two things."""
    found = {one.purpose for one in _dependencies(route.dependant)} if isinstance(route, APIRoute) else set()
    if len(found) != 1:
        raise ServiceError(
            "CR-SERVE-004", "a route says more than one purpose" if found else "a route says no purpose",
            where=str(getattr(route, "path", route)), found=", ".join(sorted(one.name for one in found)) or None,
            hint="give it a parameter of one of the types in crisisrisk.serving.access",
        )  # fmt: skip
    return found.pop()


def _takes_a_query(route: object) -> bool:
    return isinstance(route, APIRoute) and any(one.query_params for one in _with_all_below(route.dependant))


def _with_all_below(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for below in dependant.dependencies:
        yield from _with_all_below(below)


def _dependencies(dependant: Dependant) -> Iterator[Permission | Everybody]:
    call = dependant.call
    call = call.person if isinstance(call, EmergencyPermission) else call
    if isinstance(call, PersonPermission):
        yield call.permission
    elif isinstance(call, Permission | Everybody):
        yield call
    for below in dependant.dependencies:
        yield from _dependencies(below)
