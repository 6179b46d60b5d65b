"""Who may call a route: its parameters say so, by type.

`AnyViewer` every key · `StatusViewer` loaded data · `PlaceViewer` places · `PlanViewer` where
teams stand and which sites are full · `CareViewer` a care team · `OwnPerson` and
`OwnTeam` what is on that team's caseload now. A route under /api without one of them fails a test.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from crisisrisk.database.keys import key_of
from crisisrisk.serving.declarations import SCORES_OFF, SWITCH_ON
from crisisrisk.serving.problems import NoAnswerError, key_needed, nothing_here, role_refused
from crisisrisk.serving.roles import Role
from crisisrisk.serving.state import ServiceOf

_BEARER = HTTPBearer(auto_error=False, description="A key of this service: `crisisrisk keys create`.")
_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, description="The same key, for clients without Bearer.")


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """Who asks: a key, its role and, for care, its team."""

    key_id: str
    role: Role
    team: str | None

    @property
    def role_name(self) -> str:
        """The role's name, for the log."""
        return self.role.name

    def reaches(self, what: str) -> bool:
        """Whether the role reaches something."""
        return what in self.role.reaches


def _viewer(
    request: Request,
    service: ServiceOf,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    header: Annotated[str | None, Security(_HEADER)],
) -> Viewer:
    secret = bearer.credentials if bearer is not None else header
    record = None if secret is None else key_of(service.engine, secret)
    role = None if record is None else service.settings.roles.get(record.role)
    if record is None or role is None:
        raise key_needed()
    viewer = Viewer(key_id=record.key_id, role=role, team=record.team)
    request.state.viewer = viewer
    return viewer


def may(reach: str) -> Callable[[Viewer], Viewer]:
    """A dependency that lets through roles that reach something, and refuses the rest before anything is looked up."""

    def allowed(viewer: Annotated[Viewer, Depends(_viewer)]) -> Viewer:
        if not viewer.reaches(reach):
            raise role_refused(viewer.role.name)
        return viewer

    return allowed


AnyViewer = Annotated[Viewer, Depends(may("version"))]
StatusViewer = Annotated[Viewer, Depends(may("data_status"))]
PlaceViewer = Annotated[Viewer, Depends(may("places"))]
PlanViewer = Annotated[Viewer, Depends(may("plan"))]


def _care_viewer(viewer: Annotated[Viewer, Depends(may("own_people"))], service: ServiceOf) -> Viewer:
    missing = service.settings.service.person_scores.missing
    if missing:
        raise NoAnswerError("CR-PERSON-001", SCORES_OFF, missing=list(missing), hint=SWITCH_ON)
    return viewer


CareViewer = Annotated[Viewer, Depends(_care_viewer)]


def _own_person(
    pid: Annotated[str, Path(description="The person's pseudonym.", examples=["k1_7Q4M2XK0D3RT5VWZ"])],
    viewer: CareViewer,
    service: ServiceOf,
) -> str:
    if viewer.team is None or not service.view().caseloads.has(viewer.team, pid, service.now()):
        raise nothing_here()
    return pid


def _own_team(team: Annotated[str, Path(description="The team's id.", examples=["north"])], viewer: CareViewer) -> str:
    if viewer.team is None or team != viewer.team:
        raise nothing_here()
    return team


OwnPerson = Annotated[str, Depends(_own_person)]
OwnTeam = Annotated[str, Depends(_own_team)]
