"""New event rows into the stored ones, bucket by bucket: versions, links to persons, and the copy by month.

Every stored file is a pure function of the set of rows that ever arrived. Memory: two buckets at a time.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from crisisrisk.tables.cell_values import Mask, nothing, one_chunk
from crisisrisk.tables.coding import (
    CATEGORY_NAMES,
    PLACE_EVENTS,
    STORED_EVENTS,
    Texts,
    column_of,
    content_hashes,
    event_hashes,
    instants_of,
)
from crisisrisk.tables.linking import Links, linked, links_from, without_links
from crisisrisk.tables.manifest import SourceCounts, Staging, StoredFile
from crisisrisk.tables.ordering import Ranks, canonical_order
from crisisrisk.tables.schema import INSTANT
from crisisrisk.tables.spilling import Parts
from crisisrisk.tables.text_hashes import Hashes, text_hashes
from crisisrisk.tables.versions import (
    ForeignVersions,
    among,
    in_several_parts,
    marked_with_parts,
    resolved,
    versions_of,
)
from crisisrisk.timeline import FOREVER_US

WORKERS = 2
LARGE_PART = 400_000
RARELY_REPEAT = ("event_id", "occurred_at", "known_at", "latitude", "longitude", "value")
_FROM_FILE = "from_file"
_FIRST_MONTH = np.datetime64("1900-01", "M")


def part_numbers(rows: pa.Table, texts: Texts, buckets: int) -> NDArray[np.int64]:
    """Where each coded row is kept: its person's bucket, or `buckets` + that of its agency's key or its event id."""
    person, key = (column_of(rows, name) for name in ("person_id", "source_person_key"))
    hashes = text_hashes(column_of(rows, "event_id"))
    for name, column in (("source_person_key", key), ("person_id", person)):
        of_texts = texts.hashes_of(name)[np.asarray(column.fill_null(-1))]
        hashes = np.where(np.asarray(column.is_valid()), of_texts, hashes)
    # The same bits as text_hashes.bucket_of.
    bucket = ((hashes >> np.uint64(17)) % np.uint64(buckets)).astype(np.int64)
    return np.where(np.asarray(person.is_valid()), bucket, bucket + buckets)


@dataclass
class Counts:
    """What became of the new rows, by number of the file that they came from."""

    duplicate: NDArray[np.int64]
    correcting: NDArray[np.int64]
    lock: Lock = field(default_factory=Lock)


@dataclass(frozen=True)
class CodedRows:
    """Rows of a file with their texts as numbers, the part of each, and the sorted hashes of their events."""

    rows: pa.Table
    parts: NDArray[np.int64]
    marks: Hashes
    file_number: int


@dataclass
class EventMerge:
    """One load's event rows on their way into the store."""

    folder: Path
    staging: Staging
    buckets: int
    before: dict[str, StoredFile]
    texts: Texts = field(default_factory=Texts)

    def __post_init__(self) -> None:
        self._new = Parts(self.staging.folder, "new")
        self._months = Parts(self.staging.folder, "months")
        self._linked = Parts(self.staging.folder, "linked")
        self._marked: list[Hashes] = []
        self._files = 0
        self._foreign: ForeignVersions | None = None
        self._several: Hashes = np.zeros(0, dtype=np.uint64)
        self._month_lock = Lock()

    def __enter__(self) -> "EventMerge":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing may still write into the load's folder when that is removed."""
        for parts in (self._new, self._months, self._linked):
            parts.close()

    def coded(self, rows: pa.Table, file_number: int) -> CodedRows:
        """Made rows of a file, ready to be added."""
        coded = self.texts.coded(rows)
        tag = pa.array(np.full(coded.num_rows, file_number, dtype=np.int16))
        parts = part_numbers(coded, self.texts, self.buckets)
        marks = np.sort(marked_with_parts(event_hashes(coded, self.texts), parts))
        return CodedRows(coded.append_column(_FROM_FILE, tag), parts, marks, file_number)

    def add(self, coded: CodedRows) -> None:
        """Add rows; they are kept until `merged`."""
        self._files = max(self._files, coded.file_number + 1)
        self._marked.append(coded.marks)
        self._new.add(coded.rows, coded.parts)

    def merged(self, links: pa.Table | None, *, links_changed: bool) -> tuple[dict[str, StoredFile], Counts]:
        """All event files after the load, by logical name. `links`: the whole `person_links` table, if there is one."""
        files = dict(self.before)
        counts = Counts(np.zeros(self._files, dtype=np.int64), np.zeros(self._files, dtype=np.int64))
        self._new.settle()
        self._find_foreign_versions()
        touched = {part for part in self._parts_to_merge() if part >= self.buckets}
        files |= self._each(sorted(touched), self._new.rows, lambda part: self._merged_part(part, None, counts))
        derived: Parts | None = None
        if links is not None and (links_changed or any(files[self._logical(part)].keyed_rows for part in touched)):
            derived = self._linked_rows(links_from(links, self.texts), files)
        people = {part for part in self._parts_to_merge() if part < self.buckets}
        if derived is not None:
            people |= {
                part for part in range(self.buckets) if part in derived.rows or self._logical(part) in self.before
            }
        files |= self._each(sorted(people), self._new.rows, lambda part: self._merged_part(part, derived, counts))
        self._months.settle()
        files |= self._each(list(self._months), self._months.rows, self._merged_month)
        return {name: file for name, file in files.items() if file.rows}, counts

    def moved(
        self, events: Iterable[pa.Table], months: Iterable[tuple[str, pa.Table]]
    ) -> dict[str, StoredFile]:  # fmt: skip
        """The event files of rows that are stored already, whose people are called otherwise now; nothing else of a
        row changes. `months`: the rows of the copy by month, by logical name."""
        for rows in events:
            coded = self.texts.coded(rows)
            self._new.add(coded, part_numbers(coded, self.texts, self.buckets))
        self._new.settle()
        files = self._each(sorted(self._new), self._new.rows, self._moved_part)
        return files | {logical: self._month_file(logical, self.texts.coded(rows)) for logical, rows in months}

    def _moved_part(self, part: int) -> tuple[str, StoredFile]:
        rows = self._new.taken(part)
        assert rows is not None, "a part is only named by rows"
        return self._logical(part), self._part_file(part, rows)

    def _each(
        self, parts: list[int], rows: Mapping[int, int], work: Callable[[int], tuple[str, StoredFile]]
    ) -> dict[str, StoredFile]:
        """The files of some parts; `rows` says how many new rows each has. Large parts take turns, to bound memory."""
        largest = max((rows.get(part, 0) for part in parts), default=0)
        with ThreadPoolExecutor(WORKERS if largest <= LARGE_PART else 1) as pool:
            return dict(pool.map(work, parts))

    def _logical(self, part: int) -> str:
        folder = "people" if part < self.buckets else "unlinked"
        return f"{folder}/bucket-{part % self.buckets:03d}"

    def _stored(self, logical: str, names: list[str] | None = None) -> pa.Table | None:
        file = self.before.get(logical)
        return self._read(file, names) if file else None

    def _read(self, file: StoredFile, names: list[str] | None = None) -> pa.Table:
        table = pq.read_table(
            self.folder / file.path, columns=names, read_dictionary=list(CATEGORY_NAMES), use_threads=False
        )
        return self.texts.coded(table)

    # Events whose versions lie in several parts

    def _find_foreign_versions(self) -> None:
        fresh, self._marked = self._marked, []
        stored = []
        for part in range(2 * self.buckets) if fresh else ():
            ids = self._stored(self._logical(part), ["source", "event_id", "through_link"])
            if ids is not None:
                stored.append(np.sort(marked_with_parts(event_hashes(without_links(ids), self.texts), part)))
        self._several = in_several_parts(fresh, stored)
        if len(self._several):
            self._foreign = self._foreign_versions()

    def _foreign_versions(self) -> ForeignVersions:
        picked: list[pa.Table] = []
        for part in range(2 * self.buckets):
            stored, fresh = self._stored(self._logical(part)), self._new.look(part)
            for rows in (stored if stored is None else without_links(stored), fresh):
                if rows is not None and rows.num_rows:
                    chosen = np.flatnonzero(among(event_hashes(rows, self.texts), self._several))
                    picked.append(rows.take(pa.array(chosen)))
        return ForeignVersions(pa.concat_tables(picked, promote_options="default").combine_chunks(), self.texts)

    def _parts_to_merge(self) -> Iterable[int]:
        if self._foreign is not None:
            # Versions elsewhere may end rows of a part that got no new ones.
            return [
                part for part in range(2 * self.buckets) if part in self._new.rows or self._logical(part) in self.before
            ]
        return list(self._new)

    # One part

    def _merged_part(self, part: int, derived: Parts | None, counts: Counts) -> tuple[str, StoredFile]:
        logical = self._logical(part)
        stored = self._stored(logical)
        through_links = derived.taken(part) if derived is not None else None
        if stored is not None and derived is None:
            through_links = _only_links(stored)
        truth = self._with_versions(
            without_links(stored) if stored is not None else None, self._new.taken(part), counts
        )
        pieces = [piece for piece in (truth, through_links) if piece is not None and piece.num_rows]
        if not pieces:
            return logical, StoredFile(path="", rows=0)
        return logical, self._part_file(part, pa.concat_tables(pieces, promote_options="default").combine_chunks())

    def _part_file(self, part: int, rows: pa.Table) -> StoredFile:
        table = self._in_order(rows, by_person=part < self.buckets)
        file = self.staging.parquet(self._logical(part), table, plain=RARELY_REPEAT)
        keyed = table.num_rows - table.column("source_person_key").null_count
        return replace(file, sources=source_counts(table), keyed_rows=keyed)

    def _with_versions(self, stored: pa.Table | None, fresh: pa.Table | None, counts: Counts) -> pa.Table | None:
        """Stored and new rows of a part with their `superseded_at`; what changed also goes to the copy by month."""
        pieces = [piece for piece in (stored, fresh) if piece is not None and piece.num_rows]
        if not pieces:
            return None
        rows = pa.concat_tables(pieces, promote_options="default").combine_chunks()
        old = stored.num_rows if stored is not None else 0
        events = event_hashes(rows, self.texts)
        found = resolved(rows, events, self.texts)
        before = np.full(rows.num_rows, FOREVER_US, dtype=np.int64)
        if stored is not None and old:
            before[:old] = instants_of(stored, "superseded_at")
        superseded, corrects = np.minimum(found.superseded_us, before), found.corrects
        if self._foreign is not None:
            shared = np.flatnonzero(among(events, self._several))
            ended, later = self._foreign.of(rows.take(pa.array(shared)))
            superseded[shared] = np.minimum(superseded[shared], ended)
            corrects[shared] |= later
        is_new = np.arange(rows.num_rows) >= old
        self._count(rows, is_new, ~found.keep, corrects, counts)
        changed = found.keep & (is_new | (superseded < before))
        rows = _with_superseded(rows, superseded)
        if changed.any():
            self._add_months(rows if changed.all() else rows.take(pa.array(np.flatnonzero(changed))))
        return rows if found.keep.all() else rows.take(pa.array(np.flatnonzero(found.keep)))

    @staticmethod
    def _count(rows: pa.Table, is_new: Mask, repeats: Mask, corrects: Mask, counts: Counts) -> None:
        if not is_new.any():
            return
        files = np.asarray(rows.column(_FROM_FILE).chunk(0).fill_null(0)).astype(np.int64)
        size = len(counts.duplicate)
        with counts.lock:
            counts.duplicate += np.bincount(files[is_new & repeats], minlength=size)
            counts.correcting += np.bincount(files[is_new & corrects & ~repeats], minlength=size)

    def _in_order(self, rows: pa.Table, *, by_person: bool) -> pa.Table:
        first = "person_id" if by_person else "source_person_key"
        _, ranks = self.texts.sorted_column(first, column_of(rows, first))
        keys: list[Ranks] = [ranks, instants_of(rows, "known_at"), instants_of(rows, "occurred_at")]
        return self._decoded(self._taken_in_order(rows, keys), STORED_EVENTS)

    def _taken_in_order(self, rows: pa.Table, keys: Sequence[Ranks]) -> pa.Table:
        order = canonical_order(
            keys, column_of(rows, "event_id"), lambda tied: content_hashes(rows.take(tied), self.texts)
        )
        return rows.take(pa.array(order))

    def _decoded(self, rows: pa.Table, schema: pa.Schema) -> pa.Table:
        columns: list[pa.Array] = []
        for one in schema:
            if one.name not in rows.column_names:
                column = nothing(one.type, rows.num_rows)
            elif one.name in CATEGORY_NAMES:
                column, _ = self.texts.sorted_column(one.name, column_of(rows, one.name))
            else:
                column = column_of(rows, one.name)
            columns.append(pc.fill_null(column, False) if one.name == "through_link" else column)
        return pa.table(columns, schema=schema)

    # Links

    def _linked_rows(self, links: Links, files: dict[str, StoredFile]) -> Parts:
        derived = self._linked
        for part in range(self.buckets, 2 * self.buckets):
            file = files.get(self._logical(part))
            if file is None or not file.keyed_rows:
                continue
            rows = linked(self._read_fresh(file), links)
            if rows.num_rows:
                derived.add(rows, part_numbers(rows, self.texts, self.buckets))
        derived.settle()
        return derived

    def _read_fresh(self, file: StoredFile) -> pa.Table:
        """A file of this load or of one before."""
        path = self.staging.written(file)
        table = pq.read_table(path, read_dictionary=list(CATEGORY_NAMES), use_threads=False)
        return self.texts.coded(table)

    # The copy by month

    def _add_months(self, rows: pa.Table) -> None:
        names = [name for name in rows.column_names if name in PLACE_EVENTS.names]
        with self._month_lock:
            self._months.add(rows.select(names), month_numbers(instants_of(rows, "occurred_at")))

    def _merged_month(self, month: int) -> tuple[str, StoredFile]:
        logical = month_name(month)
        stored, changed = self._stored(logical), self._months.taken(month)
        pieces = [piece for piece in (stored, changed) if piece is not None]
        rows = pa.concat_tables(pieces, promote_options="default").combine_chunks()
        if stored is not None:
            rows = self._without_former(rows)
        return logical, self._month_file(logical, rows)

    def _month_file(self, logical: str, rows: pa.Table) -> StoredFile:
        keys = [instants_of(rows, "occurred_at"), instants_of(rows, "known_at")]
        table = self._decoded(self._taken_in_order(rows, keys), PLACE_EVENTS)
        return self.staging.parquet(logical, table, plain=RARELY_REPEAT)

    def _without_former(self, rows: pa.Table) -> pa.Table:
        """Of each row only the state in which it was superseded first: a later load can only bring that forward."""
        superseded = instants_of(rows, "superseded_at")
        row = versions_of(rows, self.texts).row
        order = np.lexsort((superseded, row))
        first = np.append(True, row[order[1:]] != row[order[:-1]])
        return rows.take(pa.array(np.sort(order[first])))


def month_numbers(occurred_us: NDArray[np.int64]) -> NDArray[np.int64]:
    """Months (UTC) since January 1900."""
    return (occurred_us.astype("datetime64[us]").astype("datetime64[M]") - _FIRST_MONTH).astype(np.int64)


def month_name(month: int) -> str:
    """The logical name of a month's file."""
    return f"places/month-{_FIRST_MONTH + month}"


def _only_links(rows: pa.Table) -> pa.Table | None:
    return (
        rows.filter(pc.fill_null(rows.column("through_link"), False)) if "through_link" in rows.column_names else None
    )


def _with_superseded(rows: pa.Table, superseded_us: NDArray[np.int64]) -> pa.Table:
    column = pa.array(superseded_us).cast(INSTANT)
    if "superseded_at" in rows.column_names:
        return rows.set_column(rows.column_names.index("superseded_at"), "superseded_at", column)
    return rows.append_column("superseded_at", column)


def source_counts(table: pa.Table) -> dict[str, SourceCounts]:
    """What a table of stored events holds of each source."""
    source = one_chunk(table.column("source"))
    codes = np.asarray(source.indices)
    occurred, known, superseded = (
        np.asarray(one_chunk(table.column(name)).cast(pa.int64()))
        for name in ("occurred_at", "known_at", "superseded_at")
    )
    link = np.asarray(one_chunk(table.column("through_link")))
    counts = {}
    for code, name in enumerate(source.dictionary.to_pylist()):
        own, through = (codes == code) & ~link, (codes == code) & link
        final = superseded == FOREVER_US
        counts[name] = SourceCounts(
            rows=int(own.sum()),
            first_occurred=int(occurred[own].min(initial=FOREVER_US)),
            last_occurred=int(occurred[own].max(initial=-FOREVER_US)),
            last_known=int(known[own].max(initial=-FOREVER_US)),
            final=int((final & own).sum()),
            final_through_link=int((final & through).sum()),
        )
    return counts
