"""New files: loaded one by one, then moved to `done/`; what is refused goes to `refused/` with a file that says why.

A file is first loaded and only then moved, and what was loaded before changes nothing: however often this is cut off,
each file counts once. Files are kept under the beginning of their digest and their name.
"""

import os
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

from sqlalchemy import Engine

from crisisrisk.database.ingest_ledger import Ingested, keep_ingested
from crisisrisk.errors import CrisisRiskError, DataError
from crisisrisk.tables.erased import NOT_ERASED, erased_people
from crisisrisk.tables.loading import load
from crisisrisk.tables.manifest import LoadedFile, read_manifest, write_durably
from crisisrisk.tables.mapping import FileMapping
from crisisrisk.tables.mapping_files import read_mapping
from crisisrisk.tables.reading import file_digest
from crisisrisk.tables.site import Site
from crisisrisk.tables.work_settings import InboxSettings

DONE, REFUSED = "done", "refused"
REASON = ".reason.txt"
NOT_WHOLE = (".part", ".partial", ".tmp", ".filepart", ".crdownload")
OF_THE_FILE = frozenset(
    {"CR-DATA-001", "CR-DATA-002", "CR-DATA-003", "CR-DATA-004", "CR-MAP-004", "CR-PLACE-003", "CR-WORK-005"}
)
"""What is wrong with a file itself. Anything else is wrong with the site, and the file waits for it to be mended."""


@dataclass
class LoadedFiles:
    """Counts of files, by what became of them."""

    loaded: int = 0
    already_loaded: int = 0
    refused: int = 0
    waiting: int = 0
    """Written to too lately, or kept from being loaded by something that is wrong with the site."""

    def as_result(self) -> dict[str, int]:
        return {f"files_{name}": count for name, count in vars(self).items()}


def load_inbox(site: Site, inbox: InboxSettings, engine: Engine) -> LoadedFiles:
    """Load whatever has arrived whole. Every file is tried before the first problem of the site is raised."""
    counts, problems = LoadedFiles(), list[CrisisRiskError]()
    _follow(site, engine)
    for path in arrived(inbox):
        if time.time() - path.stat().st_mtime < inbox.settled_seconds:
            counts.waiting += 1
            continue
        try:
            _take(site, inbox, path, engine, counts)
        except CrisisRiskError as problem:
            counts.waiting += 1
            problems.append(problem)
    if problems:
        raise problems[0]
    return counts


def arrived(inbox: InboxSettings) -> Iterator[Path]:
    """The files that lie in the inbox itself, in order of name; none that is still being copied by its name."""
    inbox.folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(inbox.folder.iterdir()):
        plain = stat.S_ISREG(path.lstat().st_mode)
        if plain and not path.name.startswith(".") and not path.name.lower().endswith(NOT_WHOLE):
            yield path


def _take(site: Site, inbox: InboxSettings, path: Path, engine: Engine, counts: LoadedFiles) -> None:
    digest, mapping = file_digest(path), None
    try:
        mapping = _mapping_for(inbox, path)
        lines = load(site, [path], mapping)
    except CrisisRiskError as problem:
        if problem.code not in OF_THE_FILE:
            raise
        keep_ingested(engine, [_refused(digest, mapping, problem.code)])
        _refuse(inbox, path, digest, problem)
        counts.refused += 1
        return
    _follow(site, engine)
    if _may_name_erased(site, mapping, lines):
        path.unlink()
    else:
        _move(path, inbox.folder / DONE, digest)
    counts.loaded += len(lines)
    counts.already_loaded += not lines


def _may_name_erased(site: Site, mapping: FileMapping, lines: Sequence[LoadedFile]) -> bool:
    """Whether a file that was loaded has rows of somebody who was erased, or, loaded before that, may have."""
    if not lines:
        return (
            erased_people(site) is not None and {"person_id", "source_person_key"} & set(mapping.table.names) != set()
        )
    return any(rule.endswith(NOT_ERASED) for line in lines for rule in line.broken_rules)


def _mapping_for(inbox: InboxSettings, path: Path) -> FileMapping:
    for one in inbox.files:
        if fnmatchcase(path.name.lower(), one.name.lower()):
            return read_mapping(one.mapping)
    raise DataError(
        "CR-WORK-005", "no pattern of the inbox fits the name of this file", where="crisisrisk.toml, [[inbox.file]]",
        wanted=", ".join(one.name for one in inbox.files),
    )  # fmt: skip


def _refuse(inbox: InboxSettings, path: Path, digest: str, problem: CrisisRiskError) -> None:
    """The reason first: a file among those that were refused is never without one."""
    folder = inbox.folder / REFUSED
    folder.mkdir(exist_ok=True)
    write_durably(folder / f"{_kept_name(path, digest)}{REASON}", (problem.rendered() + "\n").encode())
    _move(path, folder, digest)


def _move(path: Path, folder: Path, digest: str) -> None:
    folder.mkdir(exist_ok=True)
    os.utime(path)  # how long it is kept counts from now
    path.replace(folder / _kept_name(path, digest))


def _kept_name(path: Path, digest: str) -> str:
    return f"{digest[:12]}-{path.name}"


def _follow(site: Site, engine: Engine) -> None:
    """Keep in the database what the ledger of the stored tables says."""
    manifest = read_manifest(site)
    keep_ingested(engine, [_loaded(line) for line in manifest.loads] if manifest else [])


def _loaded(line: LoadedFile) -> Ingested:
    return Ingested(
        sha256=line.digest, mapping_sha256=line.mapping_digest, mapping=line.mapping,
        at=datetime.fromisoformat(line.loaded_at), rows_read=line.rows_read, rows_loaded=line.rows_loaded,
        rows_duplicate=line.rows_duplicate, rows_quarantined=line.rows_quarantined,
    )  # fmt: skip


def _refused(digest: str, mapping: FileMapping | None, code: str) -> Ingested:
    name, mapping_digest = ("", "") if mapping is None else (mapping.name, mapping.digest)
    return Ingested(sha256=digest, mapping_sha256=mapping_digest, mapping=name, at=datetime.now(UTC), code=code)
