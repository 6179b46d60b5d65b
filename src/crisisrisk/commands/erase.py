"""Use-cases of `crisisrisk people`: erase somebody, take an erasure up again, admit somebody again.

Each step may be cut off anywhere and done again. The register comes first, so that whoever is half erased cannot come
back with the next file, and an erasure counts as ended when a search found nothing.
"""

import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from crisisrisk.commands.audit import keep, opened_trail
from crisisrisk.database.audit import AuditTrail
from crisisrisk.database.engine import open_engine
from crisisrisk.database.erasure import Why, compact, erase, people_in, rows_about
from crisisrisk.database.upgrade import current_engine
from crisisrisk.database.work_lock import working
from crisisrisk.errors import DataError, UsageError
from crisisrisk.operations.erasing_files import end_files, kept_files, renew_backups, searched_folders
from crisisrisk.operations.traces import files_naming
from crisisrisk.scoring.pseudonyms import LEAST_TYPED, the_one
from crisisrisk.tables.erased import admit_again, end_all, end_erasure, erased_people
from crisisrisk.tables.erasing import erase_stored, people_stored, rows_stored
from crisisrisk.tables.loading import site_key
from crisisrisk.tables.manifest import read_manifest
from crisisrisk.tables.pseudonyms import BETWEEN, PSEUDONYM, has_nhs_number, pseudonym_forms, without_blanks
from crisisrisk.tables.rotation import asked_until
from crisisrisk.tables.site import Site

READMISSION = "people readmit"
LEAST_SEARCHED = 8


@dataclass(frozen=True, kw_only=True)
class Whom:
    """A person: the pseudonym, and an identifier that was given, which files are searched for too.

    `former`: their pseudonyms of former keys, as far as an identifier leads to them.
    """

    person_id: str
    identifier: str | None = field(default=None, repr=False)
    former: tuple[str, ...] = ()

    @property
    def forms(self) -> Sequence[str]:
        """Every pseudonym that is known of the person: an erasure is known by the one of its day."""
        return (*self.former, self.person_id)

    @property
    def texts(self) -> Sequence[str]:
        """How the person may stand in a file. A short identifier stands in too many to be looked for."""
        said = without_blanks(self.identifier or "")
        spaced = [by.join((said[:3], said[3:6], said[6:])) for by in BETWEEN] if re.fullmatch(r"\d{10}", said) else []
        return [self.person_id, *([said, *spaced] if len(said) >= LEAST_SEARCHED else [])]


@dataclass(frozen=True, kw_only=True)
class ErasedRows:
    """What went, or would go: rows by stored table, by table of the database, and files by kind.

    `left`: files that still name the person and that no program of the site keeps.
    """

    stored: Mapping[str, int]
    database: Mapping[str, int]
    files: Mapping[str, int]
    left: tuple[Path, ...] = ()
    erased_before: bool = False
    done: bool = False
    seconds: float = 0.0

    @property
    def found(self) -> bool:
        """Whether anything of the person is kept."""
        return bool(self.stored or self.database or self.left)

    def as_json(self) -> dict[str, Any]:
        return {
            "done": self.done, "stored": dict(self.stored), "database": dict(self.database), "files": dict(self.files),
            "left": [str(path) for path in self.left], "erased_before": self.erased_before,
            "seconds": round(self.seconds, 3),
        }  # fmt: skip


def whom(site: Site, *, typed: str | None, identifier: str | None, kind: str = "nhs_number") -> Whom:
    """The person that is meant, by pseudonym or its beginning, or by an identifier that was read from elsewhere.

    Raises UsageError for an NHS number as an argument, what is no identifier, and a beginning that fits several people.
    """
    if typed is not None and has_nhs_number(typed):
        raise UsageError(
            "CR-USE-001", "an NHS number stays in the shell's history when it is an argument",
            hint="leave it out and type it when asked, or say --identifier-file FILE; clear the history",
        )  # fmt: skip
    if typed is not None:
        return Whom(person_id=_pseudonym_of(site, typed))
    (found,) = pseudonym_forms(site_key(site, read_manifest(site)), kind, [identifier or ""])
    if found is None:
        raise UsageError("CR-USE-001", f"that is no valid {kind}", hint="nothing was changed")
    return Whom(person_id=found[-1], identifier=identifier, former=found[:-1])


def would_erase(site: Site, person: Whom) -> ErasedRows:
    """What an erasure would end. Changes nothing."""
    started = time.perf_counter()
    engine, known = current_engine(site.database_url), erased_people(site)
    try:
        return ErasedRows(
            stored=rows_stored(site, person.person_id), database=rows_about(engine, person.person_id),
            files=kept_files(site, person.person_id), left=_outside(site, person),
            erased_before=known is not None and known.of_any(person.forms) is not None,
            seconds=time.perf_counter() - started,
        )  # fmt: skip
    finally:
        engine.dispose()


def erase_person(site: Site, person: Whom, *, reason: str, by: str, user: str) -> ErasedRows:
    """Erase a person. The same again takes up what was cut off. Raises UsageError where nothing is known of them.

    While it runs the worker does nothing, and for the last of it nobody can write to the database.
    """
    started, before = time.perf_counter(), would_erase(site, person)
    if not before.found and not before.erased_before:
        raise UsageError(
            "CR-USE-001", "nothing is kept of such a person", hint="nothing was changed; is the pseudonym whole?"
        )
    engine = current_engine(site.database_url)
    try:
        with working(engine, site.state / "work.lock"):
            made = _erase(site, engine, person, _why(reason, by, user))
    finally:
        engine.dispose()
    return replace(made, erased_before=before.erased_before, seconds=time.perf_counter() - started)


def erase_again(site: Site, *, reason: str, by: str, user: str) -> list[ErasedRows]:
    """Erase whoever is in the register and there again, as after a copy was put back or an erasure was cut off."""
    known = erased_people(site)
    if known is None:
        return []
    engine = current_engine(site.database_url)
    try:
        with working(engine, site.state / "work.lock"):
            back = [one for one in sorted(people_stored(site) | people_in(engine)) if known.of(one) is not None]
            made = [_erase(site, engine, Whom(person_id=one), _why(reason, by, user)) for one in back]
            if any(one.ended_at is None for one in known.people):
                compact(engine)
                renew_backups(site, engine, now=datetime.now(UTC))
                end_all(site, now=datetime.now(UTC))
            return made
    finally:
        engine.dispose()


def readmit(site: Site, person: Whom, *, reason: str, by: str, user: str) -> bool:
    """Let new rows of somebody who was erased count again. Returns whether they had been. The trail says why."""
    known = erased_people(site)
    called = next((one for one in person.forms if known is not None and known.of(one) is not None), None)
    erasure = None if known is None or called is None else known.of(called)
    if called is None or erasure is None:
        return False
    trail, _ = opened_trail(site)
    keep(trail, READMISSION, b"", {"reason": reason, "by": by, "register": erasure.person}, user)
    return admit_again(site, called)


def _erase(site: Site, engine: Engine, person: Whom, why: Why) -> ErasedRows:
    """Every step, in the order in which each may be the last before the machine stops."""
    whose = person.person_id
    files = end_files(site, whose)
    stored = erase_stored(site, whose, now=why.at)
    settings = opened_trail(site)[0]
    patient = open_engine(site.database_url)
    try:
        database = erase(AuditTrail(patient, settings.files), whose, why)
        compact(patient)
        files |= renew_backups(site, patient, now=datetime.now(UTC))
    finally:
        patient.dispose()
    left = tuple(files_naming(searched_folders(site), person.texts))
    if rows_about(engine, whose) or rows_stored(site, whose):
        raise DataError(
            "CR-ERASE-003", "something wrote about the person meanwhile", hint="say the same command again"
        )  # fmt: skip
    end_erasure(site, whose, now=datetime.now(UTC))
    return ErasedRows(stored=stored, database=database, files=files, left=left, done=True)


def _why(reason: str, by: str, user: str) -> Why:
    if not reason.strip() or not by.strip():
        raise UsageError("CR-USE-001", "somebody is erased for a reason, by somebody", wanted="--reason TEXT --by NAME")
    name = f"erased-{secrets.token_hex(8)}"
    return Why(name=name, reason=reason.strip(), user=f"{user} for {by.strip()}", at=datetime.now(UTC))


def _pseudonym_of(site: Site, typed: str) -> str:
    beginning = typed.removesuffix("…")
    if asked_until(site, beginning) is not None:
        raise UsageError(
            "CR-USE-001", "that is a pseudonym of a key that was replaced", hint="see: crisisrisk people renamed --help"
        )
    if PSEUDONYM.fullmatch(beginning):
        return beginning
    engine = current_engine(site.database_url)
    try:
        known = people_stored(site) | people_in(engine)
    finally:
        engine.dispose()
    fitting = [one for one in known if len(beginning) >= LEAST_TYPED and one.startswith(beginning)]
    found = the_one(beginning, fitting)
    if found not in known:
        raise UsageError("CR-USE-001", "no pseudonym begins like that", wanted="k1_ and some of its 16 characters")
    return found


def _outside(site: Site, person: Whom) -> tuple[Path, ...]:
    """Files that name a person and that an erasure leaves: somebody put them there."""
    own = [site.data, site.quarantine, site.backups, site.path / "opt_outs", site.path / "unfinished"]
    own += [site.inbox.folder / name for name in ("done", "refused")] if site.inbox else []
    named = files_naming(searched_folders(site), person.texts)
    database = str(open_engine(site.database_url).url.database)
    return tuple(
        path for path in named
        if not any(path.is_relative_to(folder) for folder in own) and not str(path).startswith(database)
    )  # fmt: skip
