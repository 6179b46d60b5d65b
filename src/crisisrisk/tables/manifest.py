"""What a site's data folder holds at a moment: one manifest file, and `CURRENT`, which names it.

```
data/CURRENT                      the name of the manifest that counts: replaced in one step
data/manifests/000012-….json      tables, their files and digests, and the ledger of loads
data/people/bucket-07-….parquet   events of persons · data/unlinked/… events without one
data/places/month-2026-11-….parquet   all events by month · data/tables/people-….parquet
data/counted/…                    what forecasts of places made of the load that counts; it goes with the next load
data/staging-…/                   a load under way; whatever a killed one left is swept by the next
```

A file is named by the digest of its content and never changes. The files of the manifest before the current one stay,
so that a reader that began before a load can finish.
"""

import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from crisisrisk.errors import DataError
from crisisrisk.tables.days_alone import DaysAlone
from crisisrisk.tables.site import Site

FORMAT = 1
FOLDERS = ("people", "unlinked", "places", "tables")
COUNTED = "counted"
"""Where what was made of a load is kept, by names that begin with `Manifest.digest[:16]`."""
_FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


@dataclass(frozen=True, kw_only=True)
class SourceCounts:
    """Events of one source in one file. Instants in microseconds."""

    rows: int
    first_occurred: int
    last_occurred: int
    last_known: int
    final: int
    """Rows that no later version has superseded."""
    final_through_link: int = 0


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """One Parquet file. `path` is relative to the data folder and holds the digest of the content."""

    path: str
    rows: int
    sources: Mapping[str, SourceCounts] = field(default_factory=dict)
    keyed_rows: int = 0
    """Rows that have an agency's key of a person."""


@dataclass(frozen=True, kw_only=True)
class LoadedFile:
    """One line of the ledger: which file was loaded, how, and what came of it. No value of any row."""

    file: str
    digest: str
    mapping: str
    mapping_digest: str
    table: str
    loaded_at: str
    rows_read: int
    rows_loaded: int
    rows_duplicate: int
    rows_correcting: int
    rows_quarantined: int
    rows_left_out: int
    broken_rules: Mapping[str, int] = field(default_factory=dict)
    quarantine: str | None = None
    days_alone: tuple[DaysAlone, ...] = ()
    """Of events, by source: rows that say no time of day of when it happened."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Everything that is stored. `files`: logical name, such as `people/bucket-07`, to the file that holds it."""

    number: int = 0
    buckets: int
    key_check: str | None = None
    files: Mapping[str, StoredFile] = field(default_factory=dict)
    loads: tuple[LoadedFile, ...] = ()

    @property
    def digest(self) -> str:
        """Names the stored rows: another digest, other rows. Which files they came from does not matter."""
        lines = [f"{self.buckets}", *(f"{name} {file.path}" for name, file in sorted(self.files.items()))]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def under(self, folder: str) -> dict[str, StoredFile]:
        """The files of one folder by logical name."""
        return {name: file for name, file in sorted(self.files.items()) if name.startswith(folder + "/")}

    def loaded(self, digest: str, mapping_digest: str) -> bool:
        """Whether this file was loaded with this mapping before."""
        return any(load.digest == digest and load.mapping_digest == mapping_digest for load in self.loads)


def current_manifest(site: Site) -> Path | None:
    """The file of the manifest that counts; None for a site into which nothing was loaded."""
    try:
        name = (site.data / "CURRENT").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    return site.data / "manifests" / name


def read_manifest(site: Site) -> Manifest | None:
    """The manifest that counts, or None for a site into which nothing was loaded."""
    path = current_manifest(site)
    if path is None:
        return None
    try:
        content = json.loads(path.read_bytes())
        manifest = _manifest_from(content)
    except (OSError, ValueError, KeyError, TypeError):
        raise DataError(
            "CR-DATA-008", "the list of the stored tables cannot be read", where=str(path),
            hint="restore the data folder from its backup, or load the files again into a new site",
        ) from None  # fmt: skip
    if manifest.buckets != site.buckets:
        raise DataError(
            "CR-DATA-008", "the site's configuration asks for another number of buckets than its tables have",
            where=str(site.path / "crisisrisk.toml"), wanted=f"buckets = {manifest.buckets}",
            found=f"buckets = {site.buckets}",
            hint="set it back, or load the files into a new site",
        )  # fmt: skip
    return manifest


def _manifest_from(content: dict[str, Any]) -> Manifest:
    if content["format"] != FORMAT:
        raise ValueError("another format")
    files = {name: _stored_file(value) for name, value in content["files"].items()}
    loads = tuple(_loaded_file(load) for load in content["loads"])
    return Manifest(
        number=content["number"], buckets=content["buckets"], key_check=content["key_check"], files=files, loads=loads
    )


def _loaded_file(value: dict[str, Any]) -> LoadedFile:
    noted = tuple(DaysAlone(**one) for one in value.get("days_alone", ()))
    return LoadedFile(**{**value, "days_alone": noted})


def _stored_file(value: dict[str, Any]) -> StoredFile:
    sources = {name: SourceCounts(**counts) for name, counts in value["sources"].items()}
    return StoredFile(**{**value, "sources": sources})


@contextmanager
def loading(site: Site) -> Iterator["Staging"]:
    """The one load that may run on a site. Raises DataError at once where another is running."""
    try:
        site.data.mkdir(parents=True, exist_ok=True)
        with (site.data / ".lock").open("a") as lock:
            _lock(lock.fileno(), site)
            staging = Staging(site)
            try:
                yield staging
            finally:
                staging.remove()
    except OSError as problem:
        raise disk_problem(problem, site) from None


def _lock(descriptor: int, site: Site) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DataError(
            "CR-DATA-006",
            "another load is running on this site",
            where=str(site.data),
            hint="wait for it, then try again",
        ) from None


def disk_problem(problem: OSError, site: Site) -> DataError:
    """A failure to write, as an error that says so. Nothing that counted has changed."""
    full = problem.errno in _FULL or "space left" in str(problem) or "File too large" in str(problem)
    what = "the disk is full" if full else "the site's folder cannot be written"
    found = os.strerror(problem.errno) if problem.errno else "writing failed"
    return DataError(
        "CR-DATA-007", what, where=str(site.data), found=found, hint="nothing was loaded; the tables are as they were"
    )


def as_stored(table: pa.Table, *, plain: tuple[str, ...] = ()) -> pa.Buffer:
    """The bytes of a Parquet file as a site keeps it. Columns of `plain` rarely repeat a value."""
    sink = pa.BufferOutputStream()
    repeating = [name for name in table.column_names if name not in plain]
    pq.write_table(table, sink, compression="snappy", use_dictionary=repeating, write_statistics=False)
    return sink.getvalue()


class Staging:
    """The folder of a load under way. Files move out of it, then `CURRENT` is replaced: that moment counts."""

    def __init__(self, site: Site) -> None:
        self._site = site
        for stale in site.data.glob("staging-*"):
            shutil.rmtree(stale)
        self._sweep_quarantine()
        self.folder = site.data / f"staging-{os.getpid()}"
        self.folder.mkdir()
        self._moves: list[tuple[Path, Path]] = []

    def remove(self) -> None:
        """Forget the load, unless it was committed."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def parquet(self, logical: str, table: pa.Table, *, plain: tuple[str, ...] = ()) -> StoredFile:
        """Write one table under a logical name such as `people/bucket-07`. Columns of `plain` rarely repeat a value."""
        content = as_stored(table, plain=plain)
        digest = hashlib.sha256(content).hexdigest()[:16]
        stored = StoredFile(path=f"{logical}-{digest}.parquet", rows=table.num_rows)
        target = self._site.data / stored.path
        if not target.exists():
            path = self.folder / stored.path.replace("/", "-")
            write_durably(path, content)
            self._moves.append((path, target))
        return stored

    def written(self, file: StoredFile) -> Path:
        """Where a file is now, whether this load wrote it or one before."""
        path = self.folder / file.path.replace("/", "-")
        return path if path.exists() else self._site.data / file.path

    def quarantine_file(self, name: str) -> Path:
        """Where rows refused by this load are written before it is committed."""
        path = self.folder / name
        self._moves.append((path, self._site.quarantine / name))
        return path

    def commit(self, manifest: Manifest, before: Manifest | None) -> Manifest:
        """Make a manifest the one that counts. Until the last step nothing that a reader sees has changed."""
        number = (before.number if before else 0) + 1
        manifest = replace(manifest, number=number)
        folders = {self._site.data / folder for folder in (*FOLDERS, "manifests")} | {self._site.quarantine}
        for folder in folders:
            folder.mkdir(exist_ok=True)
        for path, target in self._moves:
            if path.exists():
                path.replace(target)
        for folder in folders:
            _sync_folder(folder)
        name = f"{number:06d}-{manifest.digest[:16]}.json"
        write_durably(self._site.data / "manifests" / name, _manifest_text(manifest))
        _sync_folder(self._site.data / "manifests")
        write_durably(self.folder / "CURRENT", (name + "\n").encode())
        (self.folder / "CURRENT").replace(self._site.data / "CURRENT")
        _sync_folder(self._site.data)
        self._sweep(manifest, before)
        return manifest

    def forget_former(self, manifest: Manifest) -> None:
        """Remove at once what only the manifest before names: for what nobody may read any more."""
        self._sweep(manifest, None)

    def _sweep(self, manifest: Manifest, before: Manifest | None) -> None:
        """Remove what neither this manifest nor the one before it names."""
        kept = {file.path for one in (manifest, before) if one for file in one.files.values()}
        for folder in FOLDERS:
            for path in _entries(self._site.data / folder):
                if f"{folder}/{path.name}" not in kept:
                    path.unlink()
        for path in _entries(self._site.data / COUNTED):
            if not path.name.startswith(manifest.digest[:16]):
                path.unlink(missing_ok=True)
        numbers = {f"{one.number:06d}" for one in (manifest, before) if one}
        for path in (self._site.data / "manifests").iterdir():
            if path.name.split("-")[0] not in numbers:
                path.unlink()

    def _sweep_quarantine(self) -> None:
        """Remove rows that a killed load had moved to quarantine before it counted."""
        manifest = read_manifest(self._site)
        named = {load.quarantine for load in manifest.loads} if manifest else set()
        for path in self._site.quarantine.glob("rows-*.parquet"):
            if path.name not in named:
                path.unlink()


def _entries(folder: Path) -> Iterator[Path]:
    return folder.iterdir() if folder.is_dir() else iter(())


def write_durably(path: Path, content: bytes | pa.Buffer) -> None:
    """Write a whole file and wait until it is on disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _manifest_text(manifest: Manifest) -> bytes:
    return (json.dumps({"format": FORMAT, **asdict(manifest)}, indent=1) + "\n").encode()
