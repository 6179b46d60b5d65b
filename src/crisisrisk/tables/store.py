"""What is stored, as others read it: an immutable snapshot of the last load that was completed."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from crisisrisk.concurrency import cores, in_order
from crisisrisk.errors import DataError, did_you_mean
from crisisrisk.tables.cell_values import as_declared, one_chunk
from crisisrisk.tables.checked_people import planning_digest
from crisisrisk.tables.coding import CATEGORY_NAMES, PLACE_EVENTS, STORED_EVENTS
from crisisrisk.tables.core import SMALL_TABLES, TABLES
from crisisrisk.tables.days_alone import RecordedDays
from crisisrisk.tables.manifest import Manifest, SourceCounts, StoredFile, read_manifest
from crisisrisk.tables.merging import month_name, month_numbers
from crisisrisk.tables.schema import INSTANT
from crisisrisk.tables.silence import is_late
from crisisrisk.tables.site import Site
from crisisrisk.tables.stamp import Stamp
from crisisrisk.tables.text_hashes import bucket_of
from crisisrisk.timeline import FOREVER, Instants, Window, instant, microseconds

__all__ = ["Snapshot", "Store", "bucket_of"]

PERSON_EVENTS = pa.schema([field for field in STORED_EVENTS if field.name not in ("source_person_key", "through_link")])
PLACE_VIEW = pa.schema([field for field in PLACE_EVENTS if field.name != "source_person_key"])
PLACE_COLUMNS = PLACE_EVENTS.names
"""All columns of the events of places, the agencies' keys of people among them: to count one person once."""


class Store:
    """The checked tables of one site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._newest: tuple[Stamp, Snapshot] | None = None

    def snapshot(self) -> "Snapshot":
        """The state as of the last completed load, read anew where a file says so that it changed.

        Raises DataError where nothing was loaded yet.
        """
        newest = self._newest
        if newest is not None and newest[0].is_current():
            return newest[1]
        stamp = Stamp.of(self._site)
        snapshot = self._read_newest()
        self._newest = stamp, snapshot
        return snapshot

    def _read_newest(self) -> "Snapshot":
        manifest = read_manifest(self._site)
        if manifest is None:
            raise DataError(
                "CR-DATA-005", "nothing has been loaded into this site yet", where=str(self._site.path),
                hint="crisisrisk data load FILE --mapping mappings/…",
            )  # fmt: skip
        return Snapshot(self._site, manifest)


class Snapshot:
    """One committed state. Loads that come after do not change it; its files are kept until the second one."""

    def __init__(self, site: Site, manifest: Manifest, now: datetime | None = None) -> None:
        """`now`: where the site's clock is held; None lets it go on."""
        self._site, self._now = site, now
        self.manifest = manifest
        self.digest = planning_digest(site, manifest.digest)
        self.buckets = manifest.buckets

    def held_at(self, now: datetime) -> "Snapshot":
        """The same state with the site's clock held, for work that is taken up again later."""
        return Snapshot(self._site, self.manifest, now)

    def person_events(self, bucket: int, columns: Sequence[str] | None = None) -> pa.Table:
        """Event versions of the persons of a bucket, in order of (person_id, known_at, occurred_at, event_id).

        Events that came with an agency's key are here once they are linked, with the moment when both were known.
        """
        return self._read(self.manifest.files.get(f"people/bucket-{bucket:03d}"), PERSON_EVENTS, columns)

    def place_events(self, window: Window | None = None, columns: Sequence[str] | None = None) -> pa.Table:
        """Every event version that occurred in a window, with a person or without, by (occurred_at, known_at)."""
        wanted = list(columns) if columns is not None else PLACE_VIEW.names
        read = wanted if window is None or "occurred_at" in wanted else [*wanted, "occurred_at"]
        months = [partial(self._read, file, PLACE_EVENTS, read) for file in self._months(window)]
        pieces = in_order(months, workers=cores())
        if not pieces:
            return self._schema(PLACE_EVENTS, wanted).empty_table()
        rows = pa.concat_tables(pieces).unify_dictionaries().combine_chunks()
        if window is None:
            return rows
        start, end = (
            pa.scalar(microseconds(moment), pa.int64()).cast(INSTANT) for moment in (window.start, window.end)
        )
        occurred = rows.column("occurred_at")
        inside = pc.and_(pc.greater_equal(occurred, start), pc.less(occurred, end))
        return rows.filter(inside).select(wanted).combine_chunks()

    def keyed_events(self) -> pa.Table:
        """The clocks of every event version that came with an agency's key of its person, as sent: before any link."""
        columns = ("source", "source_person_key", "known_at", "superseded_at")
        pieces = [self._read(file, PLACE_EVENTS, columns) for file in self._months(None)]
        if not pieces:
            return self._schema(PLACE_EVENTS, columns).empty_table()
        rows = pa.concat_tables(pieces).unify_dictionaries().combine_chunks()
        return rows.filter(rows.column("source_person_key").is_valid())

    def people_in(self, bucket: int) -> pa.Table:
        """The `people` rows of a bucket's persons, all versions."""
        rows, starts = self._people_by_bucket
        return rows.slice(starts[bucket], starts[bucket + 1] - starts[bucket])

    def table(self, name: str) -> pa.Table:
        """A small table whole, all versions; without rows where none were loaded. Raises DataError for another name."""
        names = [table.name for table in SMALL_TABLES]
        if name not in names:
            raise DataError("CR-DATA-008", f'there is no small table "{name}"', hint=did_you_mean(name, names))
        return self._read(self.manifest.files.get(f"tables/{name}"), TABLES[name].arrow_schema, None)

    def caseloads(self) -> pa.Table | None:
        """Who cares for whom, all versions; None where no caseload was ever loaded, so that nobody can say."""
        table = self.table("caseloads")
        return table if table.num_rows else None

    def sources(self) -> dict[str, SourceCounts]:
        """What is stored of each source, over all buckets."""
        totals: dict[str, SourceCounts] = {}
        for file in (*self.manifest.under("people").values(), *self.manifest.under("unlinked").values()):
            for name, counts in file.sources.items():
                totals[name] = _summed(totals[name], counts) if name in totals else counts
        return dict(sorted(totals.items()))

    @cached_property
    def days_alone(self) -> RecordedDays:
        """Of which events the records say a day and no time of day."""
        return RecordedDays(one for load in self.manifest.loads for one in load.days_alone)

    def complete_to(self, as_of: datetime | None = None) -> dict[str, datetime]:
        """How far each source is complete: its newest `known_at` before `as_of`, less the hours that it settles in.

        Where the site's clock is the system's, nothing counts as known later than now.
        """
        newest = {name: instant(counts.last_known) for name, counts in self.sources().items() if counts.rows}
        if as_of is not None and any(known >= as_of for known in newest.values()):
            sent = self._known_before(microseconds(as_of))
            newest = {name: instant(int(moments.max())) for name, moments in sorted(sent.items())}
        last = datetime.now(UTC) if self._site.clock == "system" else FOREVER
        return {name: min(known, last) - timedelta(hours=self._settles(name)) for name, known in newest.items()}

    def late(self, now: datetime, *, among: Collection[str] | None = None) -> dict[str, bool]:
        """Of each source, whether it had been silent at a moment for longer than its own gaps explain.

        `among`: of these alone; of all by default.
        """
        sent = self._known_before(microseconds(now), among)
        return {name: is_late(moments, microseconds(now)) for name, moments in sent.items()}

    def _known_before(self, moment: int, among: Collection[str] | None = None) -> dict[str, Instants]:
        """When the events of each source became known, of those known before a moment; no source without one."""
        events = self.place_events(columns=("source", "known_at"))
        names = one_chunk(events["source"]).dictionary.to_pylist()
        codes = np.asarray(one_chunk(events["source"]).indices).astype(np.int16)  # few: sorted in one pass
        known_at = np.asarray(one_chunk(events["known_at"]).cast(pa.int64()))
        asked = np.array([among is None or name in among for name in names], dtype=bool)
        kept = np.flatnonzero((known_at < moment) & asked[codes])
        order = kept[np.argsort(codes[kept], kind="stable")]
        ends = np.searchsorted(codes[order], np.arange(len(names) + 1, dtype=np.int16))
        sent = {name: known_at[order[start:end]] for name, start, end in zip(names, ends[:-1], ends[1:], strict=True)}
        return {name: moments for name, moments in sent.items() if len(moments)}

    def as_of_now(self) -> datetime:
        """The site's clock: where it is held, the system's, or just after the newest event became known."""
        if self._now is not None:
            return self._now
        if self._site.clock == "system":
            return datetime.now(UTC)
        known = [counts.last_known for counts in self.sources().values() if counts.rows]
        if not known:
            raise DataError("CR-DATA-005", "the site's clock follows its data, and no events have been loaded yet")
        return instant(max(known) + 1)

    def _settles(self, source: str) -> float:
        known = self._site.sources.get(source)
        return (known.settled_after_hours if known else None) or 0.0

    @cached_property
    def _people_by_bucket(self) -> tuple[pa.Table, list[int]]:
        people = self.table("people")
        buckets = bucket_of(people.column("person_id"), self.buckets)
        order = np.argsort(buckets, kind="stable")
        starts = np.searchsorted(buckets[order], np.arange(self.buckets + 1))
        return people.take(pa.array(order)), starts.tolist()

    def _months(self, window: Window | None) -> list[StoredFile]:
        months = self.manifest.under("places")
        if window is None:
            return list(months.values())
        ends = np.array([microseconds(window.start), microseconds(window.end) - 1], dtype=np.int64)
        first, last = (month_name(month) for month in month_numbers(ends).tolist())
        return [file for name, file in months.items() if first <= name <= last]

    def _read(self, file: StoredFile | None, schema: pa.Schema, columns: Sequence[str] | None) -> pa.Table:
        names = list(columns) if columns is not None else schema.names
        wanted = self._schema(schema, names)
        if file is None:
            return wanted.empty_table()
        path = self._site.data / file.path
        texts = [name for name in names if name in CATEGORY_NAMES]
        try:
            rows = pq.ParquetFile(path, memory_map=True, read_dictionary=texts).read(names)
        except (OSError, pa.ArrowException):
            raise DataError(
                "CR-DATA-008", "a stored table cannot be read", where=str(path),
                hint="two loads since this view began replace it: start again · else restore the data folder",
            ) from None  # fmt: skip
        return _in_one_chunk(rows, wanted)

    @staticmethod
    def _schema(schema: pa.Schema, names: Sequence[str]) -> pa.Schema:
        for name in names:
            if name not in schema.names:
                raise DataError("CR-DATA-008", f'there is no column "{name}"', hint=did_you_mean(name, schema.names))
        return pa.schema([schema.field(name) for name in names])


def _in_one_chunk(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    declared = as_declared(rows, schema)
    return pa.table([one_chunk(column) for column in declared.columns], schema=schema)


def _summed(first: SourceCounts, second: SourceCounts) -> SourceCounts:
    return SourceCounts(
        rows=first.rows + second.rows,
        first_occurred=min(first.first_occurred, second.first_occurred),
        last_occurred=max(first.last_occurred, second.last_occurred),
        last_known=max(first.last_known, second.last_known),
        final=first.final + second.final,
        final_through_link=first.final_through_link + second.final_through_link,
    )


def rules_broken(loads: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """The sum of refused rows by rule."""
    totals: dict[str, int] = {}
    for rules in loads:
        for rule, count in rules.items():
            totals[rule] = totals.get(rule, 0) + count
    return dict(sorted(totals.items()))
