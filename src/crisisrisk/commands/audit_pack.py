"""The incident pack: for one person and one stretch of time what was shown, to whom, and what was done."""

import json
import os
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from crisisrisk.commands.audit import VerifiedTrail, keep, opened_trail, verify_trail
from crisisrisk.database.audit_erasure import ERASED_NAME
from crisisrisk.database.audit_read import AuditedLook, AuditFilter, Shown, audited_looks, shown
from crisisrisk.database.concerns import concerns
from crisisrisk.database.history import scores_about
from crisisrisk.errors import UsageError
from crisisrisk.tables.erased import erased_people
from crisisrisk.tables.pseudonyms import PSEUDONYM
from crisisrisk.tables.site import Site

README = """What is in this pack
====================

pack.json     who looked at the person, when, why and what answered; what each scoring said of the person; what was
              reported as unsafe; and whether the whole audit trail verified when the pack was made.
shown/N.*     the exact bytes that row N of the trail recorded as shown. Their SHA-256 is in pack.json.

Where "erased" says when the person was erased, what was kept until then is gone: rows of the trail name them by a name
that stands for nobody, which the row of the erasure says, and show what was left of them.

The person is named by pseudonym. Keep the pack as you keep the person's record.
"""


@dataclass(frozen=True, kw_only=True)
class Pack:
    """Where the pack is and what is in it."""

    path: Path
    looks: int
    scores: int
    concerns: int
    verified: VerifiedTrail

    def as_json(self) -> dict[str, Any]:
        return {
            "file": str(self.path), "looks": self.looks, "scores": self.scores, "concerns": self.concerns,
            "findings": list(self.verified.found.findings),
        }  # fmt: skip


def pack(site: Site, *, person: str, start: datetime, end: datetime, out: Path, user: str) -> Pack:
    """Write the pack, readable by its owner alone; that it was made is a row of the trail, written first.

    Raises UsageError for what is no pseudonym, an empty stretch of time or a file that is there already.
    """
    if not (PSEUDONYM.fullmatch(person) or ERASED_NAME.fullmatch(person)):
        raise UsageError("CR-AUDIT-004", "a person is named by pseudonym", wanted="k1_ and 16 characters")
    if end <= start:
        raise UsageError("CR-AUDIT-004", "the stretch of time is empty", found=f"{start} to {end}")
    if out.exists():
        raise UsageError("CR-AUDIT-004", "there is a file already", where=str(out))
    verified = verify_trail(site)
    trail, _ = opened_trail(site)
    looks = audited_looks(trail.engine, AuditFilter(person_id=person, start=start, end=end), limit=None)
    scores, reported = _scores(trail.engine, person, start, end), _concerns(trail.engine, person)
    content = {
        "person_id": person, "from": start.isoformat(), "to": end.isoformat(),
        "made_at": datetime.now(UTC).isoformat(), "made_by": user, "trail": verified.as_json(),
        "erased": _erased(site, person),
        "looks": [_told(look) for look in reversed(looks)], "scores": scores, "concerns": reported,
    }  # fmt: skip
    text = json.dumps(content, indent=1, ensure_ascii=False).encode()
    detail = {"person": person, "from": start.isoformat(), "to": end.isoformat()}
    keep(trail, "audit pack", text, detail, user)
    _write(out, text, [one for one in shown(trail.engine, [look.number for look in looks]) if one.body])
    return Pack(path=out, looks=len(looks), scores=len(scores), concerns=len(reported), verified=verified)


def _erased(site: Site, person: str) -> dict[str, str | None] | None:
    """When the person was erased, by the site's register; None for somebody who was not."""
    known = erased_people(site)
    found = None if known is None else known.of(person)
    return None if found is None else {"begun_at": found.begun_at, "ended_at": found.ended_at}


def _write(out: Path, text: bytes, bodies: Sequence[Shown]) -> None:
    descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", README)
        archive.writestr("pack.json", text)
        for one in bodies:
            archive.writestr(_name(one.number, one.media_type), one.body)


def _name(number: int, media_type: str) -> str:
    return f"shown/{number}.{'json' if 'json' in media_type else 'bin'}"


def _told(look: AuditedLook) -> dict[str, Any]:
    return {**asdict(look), "at": look.at.isoformat(), "detail": json.loads(look.detail)}


def _scores(engine: Engine, person: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
    return [
        {
            "reference": f"R-{run.number}", "as_of": run.meta.as_of.isoformat(),
            "made_at": run.meta.made_at.isoformat(), "valid_until": run.meta.valid_until.isoformat(),
            "model": run.meta.model_name,
            "model_version": score.model_version or run.meta.model_version, "state": score.state,
            "probability": score.probability, "lower": score.lower, "upper": score.upper,
            "reasons": json.loads(score.reasons),
        }
        for run, score in scores_about(engine, person, start, end)
    ]  # fmt: skip


def _concerns(engine: Engine, person: str) -> list[dict[str, Any]]:
    """Every concern about the person, whenever it was raised: what was done about it may come much later."""
    return [
        {
            **asdict(one), "raised_at": one.raised_at.isoformat(),
            "closed_at": one.closed_at and one.closed_at.isoformat(),
        }
        for one in concerns(engine, person_id=person)
    ]  # fmt: skip
