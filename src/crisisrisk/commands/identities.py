"""Use-cases of `crisisrisk people identities` and `people rekey`: who the people of a site are, encrypted."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from crisisrisk.commands.audit import keep, opened_trail
from crisisrisk.commands.optouts import loaded_people
from crisisrisk.database.audit_read import shown
from crisisrisk.database.identities import (
    Identity,
    SavedIdentities,
    identities_shown,
    made_identity_key,
    read_identity_key,
    reencrypt,
    save_identities,
)
from crisisrisk.database.work_lock import working
from crisisrisk.errors import DataError, UsageError
from crisisrisk.secret_files import refuse_among
from crisisrisk.serving.identities import NAMES_SHOWN, filled
from crisisrisk.serving.settings import Settings
from crisisrisk.tables.erased import erased_people
from crisisrisk.tables.loading import site_key
from crisisrisk.tables.manifest import read_manifest
from crisisrisk.tables.pseudonyms import pseudonym_forms, valid_nhs_numbers
from crisisrisk.tables.quarantine import LINE_RULE, RefusedLine, quarantine_identities
from crisisrisk.tables.reading import file_digest
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot

NAMES = ("name", "forename", "surname")
DATES = ("%Y-%m-%d", "%d/%m/%Y")
LONGEST = 200
KNOWN = frozenset({*NAMES, "nhs_number", "study_id", "birth_date", "phone"})
Row = Mapping[str, str]


@dataclass(frozen=True)
class Line:
    """One line of a file by its columns. `whole`: whether it has as many fields as the heading."""

    number: int
    row: Row
    whole: bool


@dataclass(frozen=True, kw_only=True)
class LoadedIdentities:
    """What came of a file. `refused`: each line that was left out; `quarantine`: the file that says so, if any was."""

    rows: int
    saved: SavedIdentities
    refused: tuple[RefusedLine, ...]
    quarantine: Path | None

    def as_json(self) -> dict[str, Any]:
        quarantine = None if self.quarantine is None else self.quarantine.name
        refused = [asdict(one) for one in self.refused]
        return {"rows": self.rows, **asdict(self.saved), "refused": refused, "quarantine": quarantine}


def identity_key_file(site: Site, settings: Settings) -> Path:
    """Where the key is. Raises DataError where that is among the data that it protects."""
    path = site.path / settings.service.identities.key_file
    folders = (site.data, site.quarantine, site.models, site.reports)
    refuse_among(path, folders, code="CR-KEY-003", whose="identities")
    return path


def load_identities(site: Site, file: Path, *, kind: str, user: str) -> LoadedIdentities:
    """Read names, birth dates, numbers and telephones from a CSV file with a column `kind` and keep them encrypted.

    Of somebody who stands there twice the last line counts. Left out, and written to quarantine line by line without
    what they hold: who is not loaded, who was erased, and what cannot be read. The same file again changes nothing.
    Raises DataError, and ServiceError while a worker, an erasure or a change of the key is at work.
    """
    trail, settings = opened_trail(site)
    lines, digest = list(_lines(file, kind)), file_digest(file)
    with working(trail.engine, site.state / "work.lock"):  # so that nobody's key is ended while it is written with
        key = made_identity_key(identity_key_file(site, settings))
        kept, refused = _sorted_out(site, lines, kind)
        saved = save_identities(trail.engine, key, kept, now=datetime.now(UTC))
        quarantine = quarantine_identities(site, file, digest, refused)
    said = {"people": len(kept), **asdict(saved), "refused": len(refused)}
    keep(trail, "people identities", b"", said, user)
    return LoadedIdentities(rows=len(lines), saved=saved, refused=tuple(refused), quarantine=quarantine)


def _sorted_out(site: Site, lines: Sequence[Line], kind: str) -> tuple[Mapping[str, Identity], Sequence[RefusedLine]]:
    people = pseudonym_forms(site_key(site, read_manifest(site)), kind, [line.row.get(kind, "") for line in lines])
    here, erased = _known_here(site), erased_people(site)
    kept: dict[str, Identity] = {}
    refused: list[RefusedLine] = []
    for line, forms in zip(lines, people, strict=True):
        person = None if forms is None else forms[-1]
        wrong = (
            (None, LINE_RULE) if not line.whole
            else (kind, f"no valid {kind}") if forms is None
            else (kind, "this person was erased") if erased and erased.of_any(forms)
            else (kind, "nobody with this identifier is loaded") if person not in here
            else _wrong(line.row)
        )  # fmt: skip
        if wrong is not None or person is None:
            column, reason = wrong or (kind, f"no valid {kind}")
            refused.append(RefusedLine(line=line.number, column=column, reason=reason))
        else:
            kept[person] = _identity(line.row, kind)
    return kept, refused


def rekey_identities(site: Site, *, user: str) -> int:
    """Encrypt everybody with a new key and end the one before. Returns how many rows that were. Raises DataError."""
    trail, settings = opened_trail(site)
    with working(trail.engine, site.state / "work.lock"):
        rows = reencrypt(trail.engine, identity_key_file(site, settings))
    keep(trail, "people rekey", b"", {"rows": rows}, user)
    return rows


@dataclass(frozen=True, kw_only=True)
class ShownAgain:
    """An answer as it was shown. `erased`: who was named in it and has been erased since."""

    number: int
    media_type: str
    body: bytes
    named: int
    erased: int


def shown_again(site: Site, number: int, *, user: str) -> ShownAgain:
    """The exact answer of a look, with the names that were in it, as far as nobody was erased. Kept as a look itself.

    Raises UsageError for a number that no look has, and DataError where the names cannot be read.
    """
    trail, settings = opened_trail(site)
    found = next(iter(shown(trail.engine, [number])), None)
    if found is None:
        raise UsageError("CR-AUDIT-004", "no look has this number", found=str(number))
    versions: Mapping[str, int] = json.loads(found.detail).get(NAMES_SHOWN, {})
    known: Mapping[str, Identity] = {}
    if versions:
        key = read_identity_key(identity_key_file(site, settings))
        known = identities_shown(trail.engine, key, versions)
    keep(trail, "people shown", found.body, {"look": number}, user)
    return ShownAgain(
        number=number, media_type=found.media_type, body=filled(found.body, known), named=len(versions),
        erased=len(versions) - len(known),
    )  # fmt: skip


def _known_here(site: Site) -> frozenset[str]:
    """Everybody who is registered, known by contacts, or on a caseload."""
    manifest = read_manifest(site)
    if manifest is None:
        return frozenset()
    return loaded_people(site) | frozenset(Snapshot(site, manifest).table("caseloads")["person_id"].to_pylist())


def _lines(file: Path, kind: str) -> Iterator[Line]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            reader = csv.DictReader(opened)
            columns = [name.strip().lower() for name in reader.fieldnames or []]
            if kind not in columns or not set(NAMES) & set(columns):
                raise DataError(
                    "CR-DATA-002", "the file does not say who people are", where=file.name,
                    wanted=f"columns {kind} and name, or forename and surname; birth_date and phone where there are",
                    # A file without a heading has somebody's name where the heading is wanted.
                    found=", ".join(sorted(KNOWN & set(columns))) or "a first line with none of these columns",
                )  # fmt: skip
            for row in reader:
                texts = {name: text for name, text in row.items() if name is not None and isinstance(text, str)}
                said = {name.strip().lower(): text.strip() for name, text in texts.items()}
                whole = None not in row and None not in row.values()
                yield Line(reader.line_num, said, whole)
    except OSError as problem:
        raise DataError("CR-DATA-001", "the file cannot be opened", where=file.name, found=problem.strerror) from None
    except (UnicodeDecodeError, csv.Error):
        raise DataError("CR-DATA-003", "the file is not CSV in UTF-8", where=file.name) from None


def _wrong(row: Row) -> tuple[str, str] | None:
    """In which column what is wrong; None where nothing is."""
    if not _name(row):
        return "name", "no name"
    for column, text in (("name", _name(row)), ("phone", row.get("phone", ""))):
        if len(text) > LONGEST or not text.isprintable():
            return column, f"a name or telephone of more than {LONGEST} characters, or with some that cannot be printed"
    born = row.get("birth_date", "")
    return ("birth_date", "a birth date that is none") if born and _date(born) is None else None


def _identity(row: Row, kind: str) -> Identity:
    number = row.get("nhs_number", "") if kind != "nhs_number" else row[kind]
    born = _date(row.get("birth_date", ""))
    return Identity(
        nhs_number=valid_nhs_numbers([number])[0], name=_name(row),
        birth_date=None if born is None else born.isoformat(), phone=row.get("phone") or None,
    )  # fmt: skip


def _name(row: Row) -> str:
    parts: Sequence[str] = [row.get("forename", ""), row.get("surname", "")]
    return row.get("name", "") or " ".join(part for part in parts if part)


def _date(text: str) -> date | None:
    for form in DATES:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 -- a birth date has no zone
        except ValueError:
            continue
    return None
