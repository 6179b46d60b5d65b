"""One load: files are read, checked and merged into staging, then the whole becomes the site's state in one step."""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from crisisrisk.errors import CrisisRiskError, DataError, MappingError
from crisisrisk.tables.cell_values import Mask, as_declared
from crisisrisk.tables.checking import broken_rules
from crisisrisk.tables.core import EVENTS, TABLES
from crisisrisk.tables.days_alone import DaysOfFile
from crisisrisk.tables.manifest import LoadedFile, Manifest, Staging, StoredFile, loading, read_manifest
from crisisrisk.tables.mapping import FileMapping, HashOf
from crisisrisk.tables.merging import EventMerge
from crisisrisk.tables.pseudonyms import PseudonymKey, create_pseudonym_key, read_pseudonym_key
from crisisrisk.tables.quarantine import RefusedRows, quarantine_file
from crisisrisk.tables.reading import Block, BrokenLines, file_digest, read_blocks
from crisisrisk.tables.rotation import was_rotated
from crisisrisk.tables.row_making import MadeRows, RowMaker
from crisisrisk.tables.site import Site
from crisisrisk.tables.small_tables import merged_table
from crisisrisk.tables.waiting_key import refuse_cut_off

_FEW_CELLS = 10

_Some = TypeVar("_Some")


@dataclass
class FileCounts:
    """What reading one file came to."""

    path: Path
    digest: str
    rows_read: int = 0
    rows_fine: int = 0
    rows_left_out: int = 0
    rows_quarantined: int = 0
    broken_rules: Counter[str] | None = None
    quarantine: str | None = None
    days: DaysOfFile | None = None
    """Of events whose time is read from the file."""


class FileReader:
    """Reads one file through a mapping: good rows come out block by block, the others go to a quarantine file."""

    def __init__(self, path: Path, maker: RowMaker, refused: RefusedRows, counts: FileCounts) -> None:
        self._path, self._maker, self._refused, self.counts = path, maker, refused, counts
        self._given: Counter[str] = Counter()
        self._unreadable: Counter[str] = Counter()

    def rows(self) -> Iterator[pa.Table]:
        """The good rows. Raises DataError or MappingError where the file as a whole is not what it should be."""
        broken = BrokenLines()
        table = self._maker.mapping.table
        # Each step has a thread of its own: reading, making rows, checking them, and whatever the caller does.
        made_rows = ahead(self._made(ahead(read_blocks(self._path, self._maker.mapping, broken))))
        for made, faults in ahead((made, broken_rules(table, made.table)) for made in made_rows):
            self.counts.rows_read += made.left_out + len(made.rows)
            self.counts.rows_left_out += made.left_out
            self._given.update(made.given)
            self._unreadable.update(made.unreadable)
            fine = self._refused.refuse(made, faults)
            self.counts.rows_fine += int(fine.sum())
            kept = made.table if fine.all() else made.table.take(pa.array(np.flatnonzero(fine)))
            self._note_days(kept, made.days_alone, fine)
            yield kept
        self._finish(broken)

    def _made(self, blocks: Iterator[Block]) -> Iterator[MadeRows]:
        return (self._maker.made_from(block) for block in blocks)

    def _note_days(self, kept: pa.Table, alone: Mask | None, fine: Mask) -> None:
        if alone is None:
            return
        if self.counts.days is None:
            self.counts.days = self._maker.days_of_file()
        self.counts.days.add(kept, alone[fine])

    def _finish(self, broken: BrokenLines) -> None:
        self.counts.rows_read += len(broken.found)
        self._refused.refuse_lines(broken.found, broken.wanted)
        self._refused.close()
        self.counts.rows_quarantined = self._refused.rows
        self.counts.broken_rules = self._refused.rules
        self.counts.quarantine = self._refused.path.name if self._refused.rows else None
        if self.counts.rows_read == 0:
            raise DataError(
                "CR-DATA-002", "the file has a header and no rows", where=self._path.name, wanted="at least one row"
            )
        if len(broken.found) > self.counts.rows_read // 2:
            raise DataError(
                "CR-DATA-003", "most lines do not have as many fields as the header", where=self._path.name,
                wanted=f"{broken.wanted} fields",
                found=f"other numbers in {len(broken.found):,} of {self.counts.rows_read:,} lines",
                hint="check the delimiter and the quotes",
            )  # fmt: skip
        self._refuse_changed_types()

    def _refuse_changed_types(self) -> None:
        changed = [
            name for name, given in sorted(self._given.items())
            if self._unreadable[name] >= _FEW_CELLS and self._unreadable[name] * 2 > given
        ]  # fmt: skip
        if changed:
            name = changed[0]
            raise DataError(
                "CR-DATA-004",
                f'column "{name}" is no longer what the mapping says'
                + (f", nor are {len(changed) - 1} more" * (len(changed) > 1)),
                where=self._path.name,
                found=f"{self._unreadable[name]:,} of {self._given[name]:,} filled cells cannot be read",
                hint="nothing was loaded · look at the file, then correct the mapping",
            )


def ahead(blocks: Iterator[_Some]) -> Iterator[_Some]:
    """The same blocks, the next one made in a second thread while the caller works on the one before."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, blocks, None)
        while (block := coming.result()) is not None:
            coming = reader.submit(next, blocks, None)
            yield block


def load(
    site: Site, files: Sequence[Path], mapping: FileMapping, *, create_key: bool = False
) -> tuple[LoadedFile, ...]:
    """Load files into a site, all or none. Gives a ledger line for each file that was not loaded before."""
    with loading(site) as staging:
        before = read_manifest(site)
        digests = {file_digest(path): path for path in files}
        fresh = {
            digest: path for digest, path in digests.items() if not (before and before.loaded(digest, mapping.digest))
        }
        if not fresh:
            return ()
        key = key_for(site, mapping, before, create=create_key)
        maker = RowMaker(mapping, site, key)
        counts = [FileCounts(path, digest) for digest, path in fresh.items()]
        work = _Load(site, staging, before, maker)
        files_after, lines = work.events(counts) if mapping.table is EVENTS else work.small(counts)
        manifest = Manifest(
            buckets=site.buckets,
            key_check=key.check if key else (before.key_check if before else None),
            files=files_after,
            loads=(*(before.loads if before else ()), *lines),
        )
        staging.commit(manifest, before)
        for digest in fresh:
            (site.quarantine / f"file-{digest[:16]}.parquet").unlink(missing_ok=True)
        return lines


def key_for(site: Site, mapping: FileMapping, before: Manifest | None, *, create: bool) -> PseudonymKey | None:
    """The site's key where the mapping needs one. Raises DataError if it is not the key that was used before."""
    hashes = any(isinstance(rule, HashOf) for rule in mapping.columns.values()) and site.pseudonym_key_file is not None
    if not mapping.needs_key and not hashes and not (mapping.takes_pseudonyms and was_rotated(site)):
        return None
    known_key = before.key_check if before else None
    if create and known_key is None and site.pseudonym_key_file and not site.pseudonym_key_file.exists():
        create_pseudonym_key(site)
    return site_key(site, before)


def site_key(site: Site, before: Manifest | None) -> PseudonymKey:
    """The site's key. Raises DataError if it is not the key that was used before, or is being replaced."""
    refuse_cut_off(site)
    known_key = before.key_check if before else None
    key = read_pseudonym_key(site)
    if known_key and key.check != known_key:
        raise DataError(
            "CR-KEY-001", "this is not the key that the stored pseudonyms were made with",
            where=str(site.pseudonym_key_file),
            hint="restore the former key; with another every person would become someone else",
        )  # fmt: skip
    return key


class _Load:
    """The work of one load, between taking the lock and committing."""

    def __init__(self, site: Site, staging: Staging, before: Manifest | None, maker: RowMaker) -> None:
        self._site, self._staging, self._maker = site, staging, maker
        self._files: dict[str, StoredFile] = dict(before.files) if before else {}

    def events(self, counts: list[FileCounts]) -> tuple[dict[str, StoredFile], tuple[LoadedFile, ...]]:
        with EventMerge(self._site.data, self._staging, self._site.buckets, self._files) as merge:
            read = ((number, rows) for number, rows in self._read_all(counts) if rows.num_rows)
            for coded in ahead(merge.coded(rows, number) for number, rows in read):
                merge.add(coded)
            files, result = merge.merged(self._links(), links_changed=False)
        lines = [
            self._line(one, int(_at(result.duplicate, number)), int(_at(result.correcting, number)))
            for number, one in enumerate(counts)
        ]
        return files, tuple(lines)

    def small(self, counts: list[FileCounts]) -> tuple[dict[str, StoredFile], tuple[LoadedFile, ...]]:
        table = self._maker.mapping.table
        pieces, numbers = [table.arrow_schema.empty_table()], []
        for number, rows in self._read_all(counts):
            pieces.append(rows)
            numbers.append(np.full(rows.num_rows, number, dtype=np.int64))
        merged = merged_table(table, self._stored(table.name), pa.concat_tables(pieces))
        self._files[f"tables/{table.name}"] = self._staging.parquet(f"tables/{table.name}", merged.rows)
        if table.name == "person_links":
            with EventMerge(self._site.data, self._staging, self._site.buckets, self._files) as merge:
                self._files, _ = merge.merged(merged.rows, links_changed=True)
        of_file = np.concatenate(numbers) if numbers else np.zeros(0, dtype=np.int64)
        repeats = np.bincount(of_file[merged.duplicate], minlength=len(counts))
        corrects = np.bincount(of_file[merged.correcting], minlength=len(counts))
        return self._files, tuple(
            self._line(one, int(repeats[number]), int(corrects[number])) for number, one in enumerate(counts)
        )

    def _read_all(self, counts: list[FileCounts]) -> Iterator[tuple[int, pa.Table]]:
        """The good rows of every file. All files are read before the first problem is raised."""
        problems: list[CrisisRiskError] = []
        for number, one in enumerate(counts):
            name = f"rows-{one.digest[:16]}-{self._maker.mapping.digest[:8]}.parquet"
            refused = RefusedRows(self._staging.quarantine_file(name), one.path.name)
            try:
                for rows in FileReader(one.path, self._maker, refused, one).rows():
                    yield number, rows
            except (DataError, MappingError) as problem:
                quarantine_file(self._site, one.path, one.digest, problem)
                problems.append(problem)
        raise_all(problems)

    def _stored(self, name: str) -> pa.Table:
        file = self._files.get(f"tables/{name}")
        schema = TABLES[name].arrow_schema
        if file is None:
            return schema.empty_table()
        return as_declared(pq.read_table(self._site.data / file.path), schema)

    def _links(self) -> pa.Table | None:
        return self._stored("person_links") if "tables/person_links" in self._files else None

    def _line(self, one: FileCounts, duplicate: int, correcting: int) -> LoadedFile:
        return LoadedFile(
            file=one.path.name,
            digest=one.digest,
            mapping=self._maker.mapping.name,
            mapping_digest=self._maker.mapping.digest,
            table=self._maker.mapping.table.name,
            loaded_at=datetime.now(UTC).isoformat(timespec="seconds"),
            rows_read=one.rows_read,
            rows_loaded=one.rows_fine - duplicate,
            rows_duplicate=duplicate,
            rows_correcting=correcting,
            rows_quarantined=one.rows_quarantined,
            rows_left_out=one.rows_left_out,
            broken_rules=dict(sorted((one.broken_rules or {}).items())),
            quarantine=one.quarantine,
            days_alone=one.days.found() if one.days else (),
        )


def _at(counts: "np.ndarray[tuple[int], np.dtype[np.int64]]", number: int) -> int:
    return int(counts[number]) if number < len(counts) else 0


def raise_all(problems: list[CrisisRiskError]) -> None:
    """Raise the problem of the only refused file, or one error that names those of all."""
    if not problems:
        return
    first = problems[0]
    if len(problems) > 1:
        lines = [f"{problem.where}: {problem.problem}" for problem in problems]
        raise type(first)(
            first.code,
            f"{len(problems)} files were refused",
            found="\n          ".join(lines),
            hint="nothing was loaded",
        )
    raise first
