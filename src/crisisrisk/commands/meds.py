"""Data in the MEDS format: loaded from a folder, and written to one."""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from crisisrisk import __version__
from crisisrisk.commands.data import LoadResult, load_files
from crisisrisk.episodes import people_of
from crisisrisk.errors import DataError, UsageError
from crisisrisk.scoring.objections import planning_objections
from crisisrisk.tables.meds import (
    CLOCKS,
    CODES,
    DATA,
    EVENT_COLUMNS,
    MODIFIERS,
    TIME,
    VERSION,
    code_table,
    dated_rows,
    meds_rows,
    people_gathered,
)
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot, Store
from crisisrisk.timeline import microseconds

MAPPING = "meds.toml"
_REQUIRED = ("subject_id", "time", "code")


@dataclass(frozen=True, kw_only=True)
class MedsExport:
    """What was written, and how many people were left out because they object."""

    out: Path
    files: int
    subjects: int
    rows: int
    codes: int
    objected: int
    clock: str
    seconds: float

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "out": str(self.out), "seconds": round(self.seconds, 3)}


def export_meds(site: Site, out: Path, *, clock: str) -> MedsExport:
    """Write the people of a site and their contacts as a MEDS data set into a new or empty folder.

    One file for each bucket. People who object now are left out. Raises DataError where
    nobody can say who does, UsageError where the folder holds anything.
    """
    started = time.monotonic()
    if clock not in CLOCKS:
        raise UsageError("CR-USE-001", "no such clock", found=clock, wanted=" or ".join(CLOCKS))
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError("CR-USE-001", "an export goes into a new or empty folder", found=str(out))
    snapshot = Store(site).snapshot()
    now_us = microseconds(snapshot.as_of_now())
    objections = planning_objections(snapshot, site, now_us)
    objected = set(objections.registered)
    staging = _staging(out)
    try:
        written = _Written(staging)
        for bucket in range(snapshot.buckets):
            events, people = snapshot.person_events(bucket, EVENT_COLUMNS), snapshot.people_in(bucket)
            here = objections.among(people_of(events, people))
            written.add(bucket, meds_rows(events, people, clock=clock, leave_out=here))
            objected |= here
        written.metadata(site, snapshot)
        if out.exists():
            out.rmdir()
        staging.rename(out)
    except OSError as problem:
        raise DataError("CR-DATA-007", "the export cannot be written", where=str(out), found=problem.strerror) from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return MedsExport(
        out=out, files=written.files, subjects=written.subjects, rows=written.rows, codes=len(written.codes),
        objected=len(objected), clock=clock, seconds=time.monotonic() - started,
    )  # fmt: skip


def _staging(out: Path) -> Path:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-"))
    except OSError as problem:
        raise UsageError("CR-USE-001", "the folder cannot be made", found=f"{out}: {problem.strerror}") from None


class _Written:
    """A data set being written into a folder, and what is in it so far."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.files = self.rows = 0
        self._subjects: set[int] = set()
        self.codes: set[str] = set()
        (folder / "data").mkdir()
        (folder / "metadata").mkdir()

    @property
    def subjects(self) -> int:
        """How many people so far."""
        return len(self._subjects)

    def add(self, bucket: int, rows: pa.Table) -> None:
        """One file, of the subjects of one bucket; none where there is nobody."""
        if not rows.num_rows:
            return
        pq.write_table(rows, self._folder / "data" / f"bucket-{bucket:03d}.parquet", compression="zstd")
        self.files += 1
        self.rows += rows.num_rows
        here = set(rows["subject_id"].unique().to_pylist())
        if here & self._subjects:
            # Nobody is in two buckets; of two million people one pair in ten million data sets would meet.
            raise DataError("CR-DATA-003", "two people would get the same number", where="subject_id")
        self._subjects |= here
        self.codes.update(rows["code"].unique().to_pylist())

    def metadata(self, site: Site, snapshot: Snapshot) -> None:
        """What the data set says of itself."""
        meanings = {name: source.plural for name, source in site.sources.items()}
        table = code_table(self.codes, meanings) if self.codes else CODES.empty_table()
        pq.write_table(table, self._folder / "metadata" / "codes.parquet")
        about = {
            "dataset_name": site.name,
            "dataset_version": snapshot.digest[:16],
            "etl_name": "crisisrisk",
            "etl_version": __version__,
            "meds_version": VERSION,
            "created_at": datetime.now(UTC).isoformat(),
            "code_modifier_columns": list(MODIFIERS),
            "other_extension_columns": ["source", "source_code", "is_crisis", "occurred_at", "known_at"],
        }
        text = json.dumps(about, indent=1, ensure_ascii=False)
        (self._folder / "metadata" / "dataset.json").write_text(text, encoding="utf-8")
        if not self.files:
            pq.write_table(DATA.empty_table(), self._folder / "data" / "bucket-000.parquet")


def load_meds(site: Site, folder: Path, *, mapping: Path | None = None) -> tuple[LoadResult, ...]:
    """Load a MEDS data set: its dated rows as contacts, births and deaths as people.

    `mapping`: by default the site's own `mappings/meds.toml`, else the shipped one. Rows without a time are facts that
    no mapping dates, and are left out. Raises DataError for files that are not MEDS; nothing is loaded then.
    """
    shards = _shards(folder)
    with (
        tempfile.TemporaryDirectory() as temporary,
        _mapping(site, mapping) as rules,
        _shipped("meds_people.toml") as who,
    ):
        staged = Path(temporary)
        register = pa.concat_tables(list(_staged(shards, folder, staged))).combine_chunks()
        people = staged / "meds-people.parquet"
        pq.write_table(register, people)
        events = load_files(site, sorted(path for path in staged.rglob("*.parquet") if path != people), rules)
        if not register.num_rows:
            return (events,)
        return events, load_files(site, [people], who)


def _mapping(site: Site, asked: Path | None) -> Any:
    from contextlib import nullcontext

    own = asked or site.path / "mappings" / MAPPING
    return nullcontext(own) if asked or own.is_file() else _shipped(MAPPING)


def _shipped(name: str) -> Any:
    return as_file(files("crisisrisk.commands").joinpath(name))


def _shards(folder: Path) -> list[Path]:
    inside = folder / "data" if (folder / "data").is_dir() else folder
    shards = [folder] if folder.is_file() else sorted(inside.rglob("*.parquet"))
    if not shards:
        raise DataError(
            "CR-DATA-001", "there is no Parquet file", where=str(folder), wanted="a MEDS folder, with data/*.parquet"
        )
    return shards


def _staged(shards: list[Path], folder: Path, staged: Path) -> Iterator[pa.Table]:
    """Writes the dated rows of each file, and gives its people."""
    for shard in shards:
        table = _read(shard)
        copy = staged / (shard.relative_to(folder) if folder.is_dir() else Path(shard.name))
        copy.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(dated_rows(table), copy)
        yield people_gathered(table)


def _read(shard: Path) -> pa.Table:
    try:
        table = pq.ParquetFile(shard).read()
    except (OSError, pa.ArrowException):
        raise DataError("CR-DATA-003", "the file cannot be read as Parquet", where=shard.name) from None
    missing = [name for name in _REQUIRED if name not in table.column_names]
    if missing or not pa.types.is_integer(table["subject_id"].type) or not pa.types.is_timestamp(table["time"].type):
        raise DataError(
            "CR-DATA-003", "the file is not in the MEDS format", where=shard.name,
            wanted="subject_id (whole numbers), time (timestamps), code",
            found=", ".join(f"{field.name} {field.type}" for field in table.schema),
        )  # fmt: skip
    if table["subject_id"].null_count or table["code"].null_count:
        raise DataError("CR-DATA-003", "rows without subject_id or code are not in the MEDS format", where=shard.name)
    return _in_microseconds(table, shard)


def _in_microseconds(table: pa.Table, shard: Path) -> pa.Table:
    """Times as MEDS has them: others write them by the second or the nanosecond, or with UTC said."""
    try:
        time = table["time"].cast(options=pc.CastOptions(TIME, allow_time_truncate=True))
    except pa.ArrowInvalid:
        raise DataError(
            "CR-DATA-003", "a time is too far away for microseconds in 64 bits", where=shard.name,
            found=str(table["time"].type), hint="is its unit right?",
        ) from None  # fmt: skip
    return table.set_column(table.column_names.index("time"), "time", time)
