"""The audit trail on the machine itself: verify it, read it, end what is old, go on after it came apart."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from crisisrisk.database.audit import AuditTrail
from crisisrisk.database.audit_chain import COMMAND, Look
from crisisrisk.database.audit_read import AuditedLook, AuditFilter, audited_looks
from crisisrisk.database.audit_retention import Removed, remove_old
from crisisrisk.database.audit_verify import Verified, verify
from crisisrisk.database.upgrade import current_engine
from crisisrisk.errors import UsageError
from crisisrisk.purposes import AUDIT
from crisisrisk.serving.settings import Settings, read_settings
from crisisrisk.serving.trail import audit_trail, people_named
from crisisrisk.tables.site import Site


@dataclass(frozen=True)
class VerifiedTrail:
    """What verifying found, and how long it took."""

    found: Verified
    seconds: float

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self.found), "findings": list(self.found.findings), "seconds": round(self.seconds, 3)}


@dataclass(frozen=True)
class ShownLooks:
    """The looks that fit, newest first."""

    looks: Sequence[AuditedLook]

    def as_json(self) -> dict[str, Any]:
        return {"looks": [{**asdict(look), "at": look.at.isoformat()} for look in self.looks]}


@dataclass(frozen=True)
class Resumed:
    """The row that says why the trail goes on, and where the old witness is."""

    number: int
    old_witness: str | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def verify_trail(site: Site) -> VerifiedTrail:
    """Check every row against the chain, what was shown, whom it names, and the witness. Names nobody."""
    trail, started = opened_trail(site)[0], time.perf_counter()
    found = verify(trail.engine, trail.files)
    return VerifiedTrail(found, time.perf_counter() - started)


def show_looks(site: Site, chosen: AuditFilter, *, limit: int, user: str) -> ShownLooks:
    """The newest looks that fit. This look at the trail is kept in it before it is given."""
    trail, _ = opened_trail(site)
    shown = ShownLooks(audited_looks(trail.engine, chosen, limit=limit))
    asked = {name: str(value) for name, value in asdict(chosen).items() if value is not None}
    keep(trail, "audit show", json.dumps(shown.as_json()).encode(), {**asked, "limit": limit}, user)
    return shown


def prune(site: Site, *, user: str) -> Removed:
    """End the looks that no purpose keeps any longer, by the site's retention."""
    trail, settings = opened_trail(site)
    return remove_old(trail, kept_days=settings.service.audit.days(), now=datetime.now(UTC), user=user)


def resume(site: Site, *, reason: str, user: str) -> Resumed:
    """Go on after the trail and its witness came apart, as after a restored backup. Raises UsageError without why."""
    if not reason.strip():
        raise UsageError("CR-AUDIT-004", "a trail goes on for a reason", wanted="--reason TEXT")
    trail, _ = opened_trail(site)
    found = verify(trail.engine, trail.files)
    detail = {"reason": reason, "rows": found.rows, "findings": list(found.findings)}
    moved = trail.resume(look_of("audit resume", b"", detail, user))
    newest = audited_looks(trail.engine, AuditFilter(), limit=1)[0].number
    return Resumed(newest, None if moved is None else str(moved))


def opened_trail(site: Site) -> tuple[AuditTrail, Settings]:
    """The site's trail in a database that is up to date, and the settings that it comes from."""
    current_engine(site.database_url).dispose()
    settings = read_settings(site, {})
    return audit_trail(settings), settings


def keep(trail: AuditTrail, action: str, body: bytes, detail: dict[str, Any], user: str) -> int:
    """Keep a look by a command. Returns the number of its row. Raises ServiceError where it cannot be kept."""
    return trail.append([look_of(action, body, detail, user)])[0]


def look_of(action: str, body: bytes, detail: dict[str, Any], user: str) -> Look:
    """A look by a command: `user` is the account on the machine."""
    return Look(
        at=datetime.now(UTC), purpose=AUDIT.name, action=action, status=200, key_id=None, role=COMMAND, team=None,
        request_id="", detail=json.dumps({**detail, "user": user}, sort_keys=True, ensure_ascii=False),
        media_type="application/json", body=body, people=tuple(sorted(people_named(body))),
    )  # fmt: skip
