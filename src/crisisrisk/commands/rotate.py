"""Use-cases of `crisisrisk people rotate` and `people renamed`: another key of pseudonyms, and what a former became.

What everybody is called is a pure function of the keys, so that each step may be cut off anywhere and done again. The
new key is on the disk first, and for as long as it waits there every other command refuses the site.
"""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from crisisrisk.commands.audit import keep, opened_trail
from crisisrisk.commands.identities import identity_key_file
from crisisrisk.database.audit import AuditTrail
from crisisrisk.database.engine import open_engine
from crisisrisk.database.erasure import compact, people_in
from crisisrisk.database.rotation import WhyRotated, former_rows_in, is_said, rotate
from crisisrisk.database.upgrade import current_engine
from crisisrisk.database.work_lock import SERVE_LOCK, nobody_answers, working
from crisisrisk.errors import DataError, UsageError
from crisisrisk.operations.erasing_files import renew_backups
from crisisrisk.operations.rotating_files import files_with_former, former_files, rotate_files
from crisisrisk.tables.erased import erased_people
from crisisrisk.tables.erasing import people_stored
from crisisrisk.tables.pseudonyms import PSEUDONYM, PseudonymKey, newer_forms, read_pseudonym_key
from crisisrisk.tables.renaming import Renaming
from crisisrisk.tables.rotating import former_rows, refuse_merged, rotate_stored
from crisisrisk.tables.rotation import asked_until, begin_rotation, coming_name, end_rotation, take_key
from crisisrisk.tables.site import Site
from crisisrisk.training.progress import unfinished_folders

RENAMED = "people renamed"


@dataclass(frozen=True, kw_only=True)
class RotatedRows:
    """In how many rows a former pseudonym was, or would be, replaced: by stored table, by table of the database, and
    files by kind.

    `key`: the newest key's name. `people`: how many are called otherwise. `left`: files that hold a former pseudonym
    and that no program of the site keeps.
    """

    key: str
    people: int
    stored: Mapping[str, int]
    database: Mapping[str, int]
    files: Mapping[str, int]
    left: tuple[Path, ...] = ()
    done: bool = False
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "done": self.done, "key": self.key, "people": self.people, "stored": dict(self.stored),
            "database": dict(self.database), "files": dict(self.files), "left": [str(path) for path in self.left],
            "seconds": round(self.seconds, 2),
        }  # fmt: skip


def would_rotate(site: Site, *, again: bool = False) -> RotatedRows:
    """What a new key would change; with `again` what has pseudonyms of a key before the newest. Changes nothing."""
    started, present = time.perf_counter(), read_pseudonym_key(site)
    key = _replacing(site, present) if again else PseudonymKey(
        id=coming_name(site), secret=secrets.token_bytes(32), before=present.steps
    )  # fmt: skip
    engine = current_engine(site.database_url)
    try:
        return replace(_found(site, engine, key), seconds=time.perf_counter() - started)
    finally:
        engine.dispose()


def rotate_pseudonyms(
    site: Site, *, reason: str, by: str, user: str, asked_days: int, again: bool = False
) -> RotatedRows:  # fmt: skip
    """Make a new key and call everybody by it. The same again takes up what was cut off.

    `asked_days`: for how long former pseudonyms may be asked about. `again`: no new key, but what came back with
    pseudonyms of a former one, as after a copy was put back. Nothing else may be at work on the site, and no service
    may answer. Raises UsageError, DataError and ServiceError.
    """
    if not reason.strip() or not by.strip():
        raise UsageError("CR-USE-001", "a key is changed for a reason, by somebody", wanted="--reason TEXT --by NAME")
    started, engine = time.perf_counter(), current_engine(site.database_url)
    try:
        with nobody_answers(site.state / SERVE_LOCK), working(engine, site.state / "work.lock"):
            people = people_stored(site) | people_in(engine)
            _refuse_half_erased(site, people)
            unfinished_folders(site)  # raises while a command is at work on a model
            now = datetime.now(UTC)
            key = _replacing(site, read_pseudonym_key(site)) if again else begin_rotation(
                site, now=now, asked_days=asked_days
            )  # fmt: skip
            why = WhyRotated(key=key.id, reason=reason.strip(), user=f"{user} for {by.strip()}", at=now)
            made = _rotate(site, engine, key, why, people, again=again)
    finally:
        engine.dispose()
    return replace(made, seconds=time.perf_counter() - started)


def renamed(site: Site, typed: str, *, reason: str, by: str, user: str) -> str | None:
    """What somebody is called now who is known by a former pseudonym, written whole; None where nobody is kept by it.

    The trail keeps who asked, why, and about whom, by the newest pseudonym alone. Raises UsageError.
    """
    if not reason.strip() or not by.strip():
        raise UsageError("CR-USE-001", "it is asked for a reason, by somebody", wanted="--reason TEXT --by NAME")
    until = asked_until(site, typed) if PSEUDONYM.fullmatch(typed) else None
    if until is None:
        raise UsageError("CR-USE-001", "that is no pseudonym of a key that was replaced", wanted="a whole one")
    if datetime.now(UTC) >= until:
        raise UsageError(
            "CR-KEY-004", "the key of this pseudonym was replaced, and nobody may be asked for by it any more",
            found=f"until {until:%d %b %Y}", hint="with the NHS number the person is found as before",
        )  # fmt: skip
    trail, _ = opened_trail(site)
    newest = newer_forms(read_pseudonym_key(site), typed)[-1]
    found = newest in people_stored(site) | people_in(trail.engine)
    body = json.dumps({"person_id": newest} if found else {}).encode()
    keep(trail, RENAMED, body, {"reason": reason.strip(), "by": by.strip(), "found": found}, user)
    return newest if found else None


def _rotate(
    site: Site, engine: Engine, key: PseudonymKey, why: WhyRotated, people: frozenset[str], *, again: bool
) -> RotatedRows:  # fmt: skip
    """Every step, in the order in which each may be the last before the machine stops."""
    renaming = Renaming(key)
    refuse_merged(people, renaming)
    former = sum(renaming.is_former(one) for one in people)
    files = rotate_files(site, renaming, key.id, people)
    stored = rotate_stored(site, key, renaming)
    settings = opened_trail(site)[1]
    patient = open_engine(site.database_url)
    try:
        database: Mapping[str, int] = {}
        if again or former_rows_in(engine, renaming) or not is_said(engine, key.id):
            trail = AuditTrail(patient, opened_trail(site)[0].files)
            database = rotate(trail, renaming, why, identity_key_file(site, settings))
        compact(patient)
        files |= renew_backups(site, patient, now=datetime.now(UTC))
    finally:
        patient.dispose()
    if not again:
        take_key(site, key)
    if former_rows_in(engine, renaming) or former_rows(site, renaming):
        raise DataError(
            "CR-KEY-004", "something was written with former pseudonyms meanwhile", hint="say the same command again"
        )  # fmt: skip
    left = tuple(files_with_former(site, renaming))
    if not again:
        end_rotation(site, key, now=datetime.now(UTC))
    return RotatedRows(
        key=key.id, people=former, stored=stored, database=database, files=files, left=left, done=True
    )  # fmt: skip


def _found(site: Site, engine: Engine, key: PseudonymKey) -> RotatedRows:
    renaming = Renaming(key)
    people = people_stored(site) | people_in(engine)
    return RotatedRows(
        key=key.id, people=sum(renaming.is_former(one) for one in people), stored=former_rows(site, renaming),
        database=former_rows_in(engine, renaming), files=former_files(site, renaming, key.id),
    )  # fmt: skip


def _replacing(site: Site, key: PseudonymKey) -> PseudonymKey:
    """A key that replaced others. Raises UsageError for one that did not."""
    if not key.before:
        raise UsageError("CR-USE-001", "the key of the pseudonyms was never changed", where=str(site.path))
    return key


def _refuse_half_erased(site: Site, people: frozenset[str]) -> None:
    """Raises UsageError while somebody is half erased: by another pseudonym the register would not know them."""
    known = erased_people(site)
    if known is not None and (
        any(one.ended_at is None for one in known.people) or any(known.of(one) is not None for one in people)
    ):
        raise UsageError(
            "CR-USE-001", "somebody who was erased is there again, or half erased",
            hint="first: crisisrisk people erase --again",
        )  # fmt: skip
