"""Sites of care: which there are, and which a coordinator says are full or closed tonight."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import AwareDatetime, Field, model_validator

from crisisrisk.database.site_status import OPEN, StoredStatus, set_status, statuses
from crisisrisk.serving.access import PlanViewer
from crisisrisk.serving.asked import Asked, Reason
from crisisrisk.serving.examples import SITE, SITES, answered
from crisisrisk.serving.plan_answers import SiteShown, SitesShown, StatusSaid
from crisisrisk.serving.problems import NoAnswerError, too_much
from crisisrisk.serving.routes import API
from crisisrisk.serving.state import Service, ServiceOf
from crisisrisk.tables.site import Site
from crisisrisk.timeline import EARLIEST, LATEST, Window, shifts_starting_in

sites = APIRouter(prefix=API, tags=["sites"])

A_DAY, HALF_A_DAY, CLOSE_AT_HAND = timedelta(days=1), timedelta(hours=12), timedelta(hours=2)
_SHOWN = ("kind", "latitude", "longitude", "opens", "closes", "capacity", "ages", "conditions", "phone")

SiteId = Annotated[str, Path(alias="id", description="The site's id in `sites_of_care`.", examples=["site-09"])]


class StatusAsked(Asked):
    """What a coordinator says of a site."""

    state: Literal["full", "closed", "open"] = Field(description="`open` takes back what was set before.")
    reason: Reason | None = Field(None, description="In a line, and nothing about a person. `open` needs none.")
    start: AwareDatetime | None = Field(None, alias="from", description="From when. Left out: now.")
    end: AwareDatetime | None = Field(
        None,
        alias="until",
        description="Until when. Left out: the first end of a shift that is two hours away at least.",
    )

    @model_validator(mode="after")
    def _reasoned(self) -> "StatusAsked":
        if self.state != OPEN and self.reason is None:
            raise ValueError("wanted a reason for a site that is full or closed")
        for moment in (self.start, self.end):
            if moment is not None and not EARLIEST <= moment < LATEST:
                raise ValueError(f"wanted moments from {EARLIEST.year} and before {LATEST.year}")
        return self


@sites.get("/sites", summary="The sites of care and their status", responses=answered(SITES, parameters=False))
def listed(_viewer: PlanViewer, service: ServiceOf) -> SitesShown:
    """Where teams can stand and people can be taken, and which of them are full or closed."""
    now, said = service.now(), statuses(service.engine)
    return SitesShown(now=now, sites=[_shown(service, row, said, now) for row in _rows(service)])


@sites.get("/sites/{id}/status", summary="A site's status", responses=answered(SITE))
def status(site_id: SiteId, _viewer: PlanViewer, service: ServiceOf) -> SiteShown:
    """One site of care, and what was set of it last."""
    return _shown(service, _row(service, site_id), statuses(service.engine), service.now())


@sites.put("/sites/{id}/status", summary="Say that a site is full, closed or open again", responses=answered(SITE))
def put_status(site_id: SiteId, viewer: PlanViewer, asked: StatusAsked, service: ServiceOf) -> SiteShown:
    """Plans of shifts that it touches leave the site out until it ends, which it does by itself."""
    row, now = _row(service, site_id), service.now()
    starts = asked.start or now
    ends = asked.end or _ends(service.settings.site, starts)
    most = timedelta(days=service.settings.service.limits.shift_days)
    if not (starts < ends and now < ends <= starts + most):
        raise too_much("until", f"after `from` and after now, and at most {most.days} days after `from`")
    set_status(
        service.engine,
        StoredStatus(
            site_id=site_id, state=asked.state, reason=asked.reason or "", starts=starts, ends=ends, set_at=now,
            set_by=viewer.key_id, role=viewer.role_name,
        ),
    )  # fmt: skip
    return _shown(service, row, statuses(service.engine), now)


def _ends(site: Site, moment: datetime) -> datetime:
    """The first end of a shift that is not close at hand; half a day later where no shift ends within a day or so."""
    around = shifts_starting_in(site.shifts, Window(moment - A_DAY, moment + A_DAY), site.time_zone)
    # "Tonight", said just before the evening shift ends, is not over with it.
    return min((shift.end for shift in around if shift.end >= moment + CLOSE_AT_HAND), default=moment + HALF_A_DAY)


def _rows(service: Service) -> list[dict[str, Any]]:
    return sorted(service.view().snapshot.table("sites_of_care").to_pylist(), key=lambda row: str(row["site_id"]))


def _row(service: Service, site_id: str) -> dict[str, Any]:
    found = next((row for row in _rows(service) if row["site_id"] == site_id), None)
    if found is None:
        raise NoAnswerError("CR-HTTP-404", "there is no such site of care", hint="see /api/v1/sites")
    return found


def _shown(
    service: Service, row: Mapping[str, Any], said: Mapping[str, StoredStatus], now: datetime
) -> SiteShown:  # fmt: skip
    site_id = str(row["site_id"])
    kept, name = said.get(site_id), service.view().site_names.name(site_id)
    status = None if kept is None or kept.ends <= now else status_said(kept, now)
    return SiteShown(id=site_id, name=name, status=status, **{column: row[column] for column in _SHOWN})


def status_said(kept: StoredStatus, now: datetime) -> StatusSaid:
    """A status as it is answered."""
    return StatusSaid(
        state=kept.state, reason=kept.reason, set_at=kept.set_at, set_by=kept.set_by, role=kept.role,
        holds_now=kept.takes_nobody_in(now, now + timedelta(microseconds=1)),
        **{"from": kept.starts, "until": kept.ends},
    )  # fmt: skip
