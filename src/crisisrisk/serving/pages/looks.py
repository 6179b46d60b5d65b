"""Who has looked at somebody, for their own team: day, role, team and purpose. By which key, the audit role sees."""

from collections.abc import Sequence
from dataclasses import dataclass

from crisisrisk.database.audit_read import AuditedLook, AuditFilter, audited_looks
from crisisrisk.purposes import PURPOSES
from crisisrisk.serving.pages.frame import role_words, team_name
from crisisrisk.serving.pages.page import Local
from crisisrisk.serving.state import Service

READ, SHOWN = 300, 15


@dataclass(frozen=True)
class Looked:
    """Looks of one day, role, team and purpose. `alone`: how many of them were at this person alone."""

    day: str
    role: str
    team: str | None
    purpose: str
    looks: int
    alone: int


def looks_at(service: Service, pid: str, local: Local) -> Sequence[Looked]:
    """The newest looks that were answered, the last day first."""
    found: dict[tuple[str, str, str | None, str], list[AuditedLook]] = {}
    for look in audited_looks(service.engine, AuditFilter(person_id=pid), limit=READ):
        if look.status < 400:
            key = (local.date(look.at), role_words(look.role), look.team, look.purpose)
            found.setdefault(key, []).append(look)
    return [
        Looked(day, role, None if team is None else team_name(service, team),
               PURPOSES[purpose].meaning if purpose in PURPOSES else purpose, len(looks),
               sum(one.people == 1 for one in looks))
        for (day, role, team, purpose), looks in list(found.items())[:SHOWN]
    ]  # fmt: skip
