"""The person on the crisis line: looked up by NHS number with a reason, and who cares for them. Never a score."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path

from crisisrisk.database.audit_read import AuditFilter, audited_looks
from crisisrisk.purposes import CALLER_CARE
from crisisrisk.serving.access import CallerViewer, Viewer
from crisisrisk.serving.caller_answers import CARE, FOUND, CallerCare, CareTeam, CrisisPlan, LookUp, PersonFound
from crisisrisk.serving.contacts import DETENTIONS, PLAN, Contact, contacts_of, newest_plan, shown
from crisisrisk.serving.examples import answered
from crisisrisk.serving.problems import nothing_here
from crisisrisk.serving.routes import API
from crisisrisk.serving.state import Service, ServiceOf
from crisisrisk.tables.loading import site_key
from crisisrisk.tables.pseudonyms import pseudonym

callers = APIRouter(prefix=API, tags=["callers"])

LOOK_UP, CALLER_PAGE = "/people/lookup", "/caller"
_LOOKED_UP = frozenset({f"POST {API}{LOOK_UP}", f"POST {CALLER_PAGE}"})
LASTS = timedelta(minutes=30)
CONTACTS = 10


@callers.post(LOOK_UP, summary="Look up the person on the line", responses=answered(FOUND))
def look_up(asked: LookUp, _viewer: CallerViewer, service: ServiceOf) -> PersonFound:
    """By NHS number, with the reason. Of whom there is no record here is answered as nobody."""
    # Raises where it is not the key of what is stored: by another one everybody would be answered as nobody.
    key = site_key(service.settings.site, service.view().snapshot.manifest)
    person = pseudonym(key, "nhs_number", asked.nhs_number)
    if person is None or not _known(service, person):
        raise nothing_here()
    return PersonFound(person_id=person, reason=asked.reason, until=datetime.now(UTC) + LASTS)


@callers.get("/people/{pid}/care", summary="Who cares for the person on the line", responses=answered(CARE))
def care_of(
    pid: Annotated[str, Path(description="As the lookup has it.", examples=["k1_7Q4M2XK0D3RT5VWZ"])],
    viewer: CallerViewer, service: ServiceOf,
) -> CallerCare:  # fmt: skip
    """For half an hour after the same key looked the person up. Everybody else is as nobody."""
    if not _looked_up(service, pid, viewer.key_id):
        raise nothing_here()
    return care_told(service, viewer, pid)


def care_told(service: Service, viewer: Viewer, pid: str) -> CallerCare:
    """What is told of somebody who was looked up."""
    now, view = service.now(), service.view()
    objected = pid in view.opted_out([pid], now, CALLER_CARE)
    contacts = [] if objected else contacts_of(view.snapshot, [pid], now)[pid]
    plan = newest_plan(contacts, now)
    return CallerCare(
        person_id=pid, now=now, teams=_teams(service, pid, now), more=len(contacts) > CONTACTS, objected=objected,
        plan=None if plan is None else _plan(plan, now),
        plans_recorded=PLAN in view.snapshot.sources(),
        contacts=[shown(one, detentions=viewer.reaches(DETENTIONS)) for one in contacts[:CONTACTS]],
    )  # fmt: skip


def _plan(made: Contact, now: datetime) -> CrisisPlan:
    weeks = (now - made.occurred_at) // timedelta(weeks=1)
    return CrisisPlan(made_at=made.occurred_at, made_on=made.occurred_on, weeks_old=weeks)


def _known(service: Service, person: str) -> bool:
    now, view = service.now(), service.view()
    return bool(view.caseloads.open_to(person, now)) or bool(contacts_of(view.snapshot, [person], now)[person])


def _looked_up(service: Service, person: str, key_id: str) -> bool:
    """Whether the trail has a look-up of the person by this key of lately: no answer left without one."""
    lately = AuditFilter(person_id=person, key_id=key_id, purpose=CALLER_CARE.name, start=datetime.now(UTC) - LASTS)
    looks = audited_looks(service.engine, lately, limit=None)
    return any(look.status == 200 and look.action in _LOOKED_UP for look in looks)


def _teams(service: Service, person: str, now: datetime) -> list[CareTeam]:
    named = service.settings.site.teams
    return [
        CareTeam(
            team=one.team, name=named[one.team].name if one.team in named else None, worker=one.worker, since=one.since
        )
        for one in service.view().caseloads.open_to(person, now)
    ]
