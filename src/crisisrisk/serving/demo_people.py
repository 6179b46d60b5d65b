"""Who can sign in to the demo: a person for each role of the site, made up like everybody else there."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from crisisrisk.errors import DataError
from crisisrisk.serving.caseloads import Caseloads
from crisisrisk.serving.roles import Role
from crisisrisk.serving.settings import Settings
from crisisrisk.tables.store import Store

_WHO: Mapping[str, str] = {
    "crisis_team": "a crisis team coordinator", "triage_clinician": "a triage clinician", "care": "a care coordinator",
    "lead": "the lead", "allocation": "an allocation officer", "steward": "a records steward",
    "data": "an analyst", "audit": "a privacy and safety officer",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class DemoPerson:
    """One of them. `subject`: who it is to the issuer, the same each time; `text`: on the button."""

    subject: str
    text: str
    role: str
    team: str | None = None
    worker: str | None = None

    @property
    def claims(self) -> Mapping[str, Any]:
        """What the issuer says of them, under the names that a site declares if it says nothing else."""
        said = {"sub": self.subject, "crisisrisk_role": self.role, "crisisrisk_team": self.team,
                "crisisrisk_worker": self.worker}  # fmt: skip
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True)
class DemoRole:
    """A role, what it is for, and who has it."""

    name: str
    meaning: str
    people: Sequence[DemoPerson]


def demo_people(settings: Settings) -> Sequence[DemoRole]:
    """Everybody: of roles that belong to a team one of each team, of `care` the worker with the most people."""
    workers = _workers(settings)
    return [
        DemoRole(role.name.replace("_", " "), role.meaning, _people(role, settings, workers))
        for role in settings.roles.values()
    ]


def _people(role: Role, settings: Settings, workers: Mapping[str, str]) -> Sequence[DemoPerson]:
    who = _WHO.get(role.name, role.name)
    if not role.needs_team:
        return [DemoPerson(subject=role.name, text=f"Sign in as {who}", role=role.name)]
    found = []
    for team, declared in sorted(settings.site.teams.items()):
        worker = workers.get(team) if role.name == "care" else None
        said = who if worker is None else f"care coordinator {worker}"
        subject = ":".join(part for part in (role.name, team, worker) if part is not None)
        text = f"Sign in as {said} of {declared.name}"
        found.append(DemoPerson(subject=subject, text=text, role=role.name, team=team, worker=worker))
    return found


def _workers(settings: Settings) -> Mapping[str, str]:
    """By team whoever cares for the most people now; nobody where nothing was loaded yet."""
    try:
        snapshot = Store(settings.site).snapshot()
        caseloads = Caseloads(snapshot.table("caseloads"))
        now = snapshot.as_of_now() if settings.site.clock == "data" else datetime.now(UTC)
    except DataError:
        return {}
    found = {}
    for team in settings.site.teams:
        counted = Counter(caseloads.worker_of(team, person, now) for person in caseloads.people(team, now))
        named = sorted((-count, worker) for worker, count in counted.items() if worker is not None)
        if named:
            found[team] = named[0][1]
    return found
