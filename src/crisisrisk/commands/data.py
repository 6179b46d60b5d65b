"""Use-cases of `crisisrisk data`: try a file, load files, say what is stored."""

import tempfile
import time
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from crisisrisk.database.engine import is_there, open_engine
from crisisrisk.database.jobs import JobState, job_states
from crisisrisk.errors import DataError
from crisisrisk.tables.checked_people import checked_people, today_of
from crisisrisk.tables.linkage import SMALLEST_COUNT, LinkedShare, linked_shares
from crisisrisk.tables.loading import FileCounts, FileReader, key_for, load
from crisisrisk.tables.manifest import read_manifest
from crisisrisk.tables.mapping_files import read_mapping
from crisisrisk.tables.quarantine import RefusedRows, refused_files
from crisisrisk.tables.reading import file_digest
from crisisrisk.tables.row_making import RowMaker
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot, Store, rules_broken
from crisisrisk.timeline import instant

LOAD_ORDER = "load_order.toml"
_SHOWN_ROWS = 10
_NOT_SHOWN = ("event_id", "source_person_key")


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """What loading a file would come to. Nothing was stored. `first_rows` have no agency's id or key."""

    file: str
    table: str
    rows_read: int
    rows_fine: int
    rows_left_out: int
    rows_quarantined: int
    broken_rules: dict[str, int]
    already_loaded: bool
    first_rows: tuple[dict[str, Any], ...]
    days_alone: dict[str, int]
    """Of events, by source: rows that say no time of day of when it happened."""
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return {key: _plain(value) for key, value in asdict(self).items()}


@dataclass(frozen=True, kw_only=True)
class LoadResult:
    """What a load came to, over all its files. `already_loaded`: none of them was new, and nothing changed."""

    table: str
    files: int
    rows_read: int
    rows_loaded: int
    rows_duplicate: int
    rows_correcting: int
    rows_quarantined: int
    rows_left_out: int
    broken_rules: dict[str, int]
    quarantine: tuple[str, ...]
    already_loaded: bool
    files_already_loaded: int
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return {key: _plain(value) for key, value in asdict(self).items()}


@dataclass(frozen=True, kw_only=True)
class SourceStatus:
    """One source as stored. `rows` counts every version; `late`: silent for longer than its usual gaps explain."""

    source: str
    rows: int
    first_occurred: datetime
    last_occurred: datetime
    last_known: datetime
    complete_to: datetime
    late: bool


@dataclass(frozen=True, kw_only=True)
class OptOutStatus:
    """The list of people without a national data opt-out that is in use; without any its numbers are None.

    `usable`: whether training, judging, sums over the caseload and exports go by it; else they refuse to begin.
    """

    maximum_age_days: int
    usable: bool
    checked_on: date | None = None
    age_days: int | None = None
    people: int | None = None


@dataclass(frozen=True, kw_only=True)
class DataStatus:
    """What a site holds. Shares are None where they would tell of fewer than eight."""

    as_of: datetime
    digest: str
    tables: dict[str, int]
    sources: tuple[SourceStatus, ...]
    quarantined: dict[str, int]
    refused_files: tuple[dict[str, str], ...]
    linked: tuple[LinkedShare, ...]
    jobs: tuple[JobState, ...] = ()
    """The site's worker's; none where no worker was ever at work, or the operational database does not answer."""
    national_opt_out: OptOutStatus | None = None
    """None where the site does not declare that it applies."""
    smallest_count: int = SMALLEST_COUNT

    def as_json(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return {key: _plain(value) for key, value in asdict(self).items()}


def check_file(site: Site, file: Path, mapping: Path) -> CheckResult:
    """Read a file through a mapping without storing anything.

    Raises MappingError for a wrong mapping, DataError for a file that would be refused as a whole.
    """
    started = time.perf_counter()
    rules = read_mapping(mapping)
    before = read_manifest(site)
    counts = FileCounts(Path(file), file_digest(file))
    maker = RowMaker(rules, site, key_for(site, rules, before, create=False))
    first: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        refused = RefusedRows(Path(folder) / "rows.parquet", file.name)
        for rows in FileReader(file, maker, refused, counts).rows():
            shown = rows.drop_columns([name for name in _NOT_SHOWN if name in rows.column_names])
            first.extend(shown.slice(0, _SHOWN_ROWS - len(first)).to_pylist())
    return CheckResult(
        file=file.name,
        table=rules.table.name,
        rows_read=counts.rows_read,
        rows_fine=counts.rows_fine,
        rows_left_out=counts.rows_left_out,
        rows_quarantined=counts.rows_quarantined,
        broken_rules=dict(sorted((counts.broken_rules or {}).items())),
        already_loaded=before is not None and before.loaded(counts.digest, rules.digest),
        days_alone={one.source: one.rows for one in counts.days.found()} if counts.days else {},
        first_rows=tuple(first),
        seconds=time.perf_counter() - started,
    )


def load_files(site: Site, files: Sequence[Path], mapping: Path, *, create_key: bool = False) -> LoadResult:
    """Load files of one kind, all or none. The same file with the same mapping again is a no-op.

    `create_key` makes the site's pseudonym key where there is none and nothing was loaded yet. Raises MappingError or
    DataError; the site is then as it was, and refused files are written down in its quarantine.
    """
    started = time.perf_counter()
    if not files:
        raise DataError("CR-DATA-001", "no data file was named")
    rules = read_mapping(mapping)
    lines = load(site, files, rules, create_key=create_key)
    new = {line.digest for line in lines}
    return LoadResult(
        table=rules.table.name,
        files=len(files),
        rows_read=sum(line.rows_read for line in lines),
        rows_loaded=sum(line.rows_loaded for line in lines),
        rows_duplicate=sum(line.rows_duplicate for line in lines),
        rows_correcting=sum(line.rows_correcting for line in lines),
        rows_quarantined=sum(line.rows_quarantined for line in lines),
        rows_left_out=sum(line.rows_left_out for line in lines),
        broken_rules=rules_broken([line.broken_rules for line in lines]),
        quarantine=tuple(line.quarantine for line in lines if line.quarantine),
        already_loaded=not lines,
        files_already_loaded=len(files) - len(new),
        seconds=time.perf_counter() - started,
    )


def load_folder(site: Site, folder: Path) -> list[LoadResult]:
    """Load every file that the folder's `load_order.toml` names, in its order, with the mappings of the site.

    Raises DataError where the order cannot be read or names a file that is not there: then nothing was loaded.
    """
    steps = _load_order(folder / LOAD_ORDER)
    missing = [name for files, _ in steps for name in files if not (folder / name).is_file()]
    if missing:
        raise DataError(
            "CR-DATA-001", "the load order names files that are not there", where=str(folder / LOAD_ORDER),
            found=", ".join(missing),
        )  # fmt: skip
    return [load_files(site, [folder / name for name in files], site.path / mapping) for files, mapping in steps]


def _load_order(path: Path) -> list[tuple[list[str], str]]:
    try:
        steps = tomllib.loads(path.read_text(encoding="utf-8"))["load"]
        return [([str(name) for name in step["files"]], str(step["mapping"])) for step in steps]
    except FileNotFoundError:
        raise DataError("CR-DATA-001", "the folder has no load order", where=str(path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError):
        raise DataError(
            "CR-DATA-003", "the load order cannot be read", where=str(path),
            wanted='[[load]] with files = ["…"] and mapping = "…"',
        ) from None  # fmt: skip


def data_status(site: Site) -> DataStatus:
    """What is stored, how far each source is complete, what is in quarantine and how much is linked to persons."""
    snapshot = Store(site).snapshot()
    loads = snapshot.manifest.loads
    return DataStatus(
        as_of=snapshot.as_of_now(),
        digest=snapshot.digest,
        tables=_table_rows(snapshot),
        sources=_source_statuses(snapshot),
        quarantined=rules_broken([line.broken_rules for line in loads]),
        refused_files=tuple(refused_files(site)),
        linked=linked_shares(snapshot),
        jobs=_jobs(site),
        national_opt_out=_national_opt_out(site),
    )


def _national_opt_out(site: Site) -> OptOutStatus | None:
    if not site.national_opt_out.applies:
        return None
    most, kept = site.national_opt_out.maximum_age_days, checked_people(site)
    if kept is None:
        return OptOutStatus(maximum_age_days=most, usable=False)
    age = kept.age_days(today_of(site))
    return OptOutStatus(
        maximum_age_days=most, usable=0 <= age <= most, checked_on=kept.checked_on, age_days=age, people=kept.people
    )


def _jobs(site: Site) -> tuple[JobState, ...]:
    engine = open_engine(site.database_url)
    try:
        return tuple(job_states(engine).values()) if is_there(engine) else ()
    except SQLAlchemyError:
        return ()
    finally:
        engine.dispose()


def _table_rows(snapshot: Snapshot) -> dict[str, int]:
    rows = {"events": sum(file.rows for file in snapshot.manifest.under("places").values())}
    for name, file in snapshot.manifest.under("tables").items():
        rows[name.removeprefix("tables/")] = file.rows
    return rows


def _source_statuses(snapshot: Snapshot) -> tuple[SourceStatus, ...]:
    complete, late = snapshot.complete_to(), snapshot.late(snapshot.as_of_now())
    return tuple(
        SourceStatus(
            source=name,
            rows=counts.rows,
            first_occurred=instant(counts.first_occurred),
            last_occurred=instant(counts.last_occurred),
            last_known=instant(counts.last_known),
            complete_to=complete[name],
            late=late[name],
        )
        for name, counts in snapshot.sources().items()
        if counts.rows
    )


def _plain(value: Any) -> Any:
    """Values as JSON has them: times as ISO text with Z, tuples as lists."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, date) else value
