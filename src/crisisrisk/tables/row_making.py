"""Rows of a table from blocks of a file, as a mapping says. What cannot be read is noted as a fault of the row."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crisisrisk.errors import MappingError, did_you_mean
from crisisrisk.tables.cell_values import (
    Encoded,
    Mask,
    Read,
    degrees_from_grid,
    encoded,
    flags,
    nothing,
    numbers,
    one_chunk,
    repeated_text,
    texts_of,
    whole_numbers,
)
from crisisrisk.tables.core import EVENTS
from crisisrisk.tables.days_alone import DaysOfFile
from crisisrisk.tables.erased import NOT_ERASED, erased_people
from crisisrisk.tables.known_texts import KnownTexts
from crisisrisk.tables.mapping import (
    Constant,
    Delay,
    FileMapping,
    FromColumn,
    HashOf,
    KeepTimes,
    KeepValues,
    PersonFrom,
    TimeFrom,
    TrueFor,
    columns_of,
)
from crisisrisk.tables.pseudonyms import PseudonymKey, are_ten_digit_codes, has_nhs_number, pseudonym_forms, pseudonyms
from crisisrisk.tables.reading import Block
from crisisrisk.tables.schema import CATEGORIES, FLAG, IDENTIFIER, INSTANT, NUMBER, TIME, WHOLE, Column
from crisisrisk.tables.site import Site
from crisisrisk.tables.text_hashes import keyed_ids
from crisisrisk.tables.time_values import DOUBLE_HOUR, SKIPPED_HOUR, times, wanted_form, without_time_of_day
from crisisrisk.timeline import microseconds, utc_from_local

UNKNOWN_VALUE = "a value that the mapping lists"
NOT_IN_THE_FUTURE = "not in the future"
NO_NHS_NUMBER = "no NHS number outside the person's column"
# An agency's clock may be wrong by its zone; beyond a day the time itself is.
_CLOCKS_DIFFER = timedelta(hours=24)
_UNREADABLE = {NUMBER: "a number", WHOLE: "a whole number", FLAG: "true or false"}
_CHECKS = {"nhs_number": "a valid NHS number", "pseudonym": "a pseudonym of this site"}
_MOST_CACHED = 1_000_000


@dataclass(frozen=True)
class Fault:
    """Rows of a block that break one rule in one column. `texts`: what the file has there; None if identifying."""

    column: str
    rule: str
    rows: Mask
    texts: pa.Array | None = None


@dataclass
class MadeRows:
    """Rows of the table made from a block, in the block's order, those with faults among them."""

    table: pa.Table
    rows: NDArray[np.int64]
    faults: list[Fault]
    left_out: int = 0
    given: dict[str, int] = field(default_factory=dict)
    """By column: cells that hold something."""
    unreadable: dict[str, int] = field(default_factory=dict)
    """By column: of those, cells that are not of the wanted type."""
    raw: dict[str, pa.Array] = field(default_factory=dict)
    """By column of the table: what the file has there."""
    counted_from: dict[str, str] = field(default_factory=dict)
    """By column of the table: the other column of which it is a stated delay."""
    days_alone: Mask | None = None
    """Of events, which rows say no time of day of when it happened. Shape (rows,)."""


class RowMaker:
    """Applies one mapping to blocks. Keeps the pseudonyms that it has made, so that each person costs once."""

    def __init__(self, mapping: FileMapping, site: Site, key: PseudonymKey | None) -> None:
        self._mapping = mapping
        self._site = site
        self._key = key or PseudonymKey(id="k0", secret=b"")
        self._pseudonyms: dict[str, tuple[KnownTexts, pa.StringArray]] = {}
        self._erased = erased_people(site)
        self._erased_forms: dict[str, tuple[str, ...]] = {}
        self._refuse_unknown_source()

    def made_from(self, block: Block) -> MadeRows:
        """The rows of a block: filters first, then columns, then what depends on other columns."""
        columns = {name: one_chunk(block.columns.column(name)) for name in block.columns.column_names}
        kept = self._kept(columns, len(block.rows))
        left_out = int(len(kept) - kept.sum())
        if left_out:
            taken = pa.array(np.flatnonzero(kept))
            columns = {name: column.take(taken) for name, column in columns.items()}
        making = _Making(self, columns, block.rows[kept])
        made = making.finished(left_out)
        made.faults.extend(self._of_erased(made.table))
        return self._inside_times(made)

    def _of_erased(self, rows: pa.Table) -> list[Fault]:
        """Rows of people who were erased, by their pseudonym or an agency's key of theirs."""
        if self._erased is None:
            return []
        found = {
            "person_id": self._erased.rows_by_person(rows, self._erased_forms),
            "source_person_key": self._erased.rows_by_key(rows, self._erased_forms),
        }  # fmt: skip
        return [Fault(name, NOT_ERASED, mask) for name, mask in found.items() if mask.any()]

    def _refuse_unknown_source(self) -> None:
        rule = self._mapping.columns.get("source")
        known = tuple(self._site.sources)
        named = [str(rule.value)] if isinstance(rule, Constant) else []
        if isinstance(rule, FromColumn):
            named = [name for _, name in rule.values or ()]
        for name in named:
            if name not in known:
                raise MappingError(
                    "CR-MAP-003", f'the site has no source "{name}"', where=f"{self._mapping.path}, [columns] source",
                    hint=did_you_mean(name, known) + " · sources are named in crisisrisk.toml",
                )  # fmt: skip

    def _kept(self, columns: dict[str, pa.Array], rows: int) -> Mask:
        kept = np.ones(rows, dtype=np.bool_)
        for keep in self._mapping.keep:
            if isinstance(keep, KeepValues):
                listed = set(keep.values)
                kept &= encoded(columns[keep.column]).rows_with(listed.__contains__) == keep.listed
        return kept

    def _inside_times(self, made: MadeRows) -> MadeRows:
        keeps = [keep for keep in self._mapping.keep if isinstance(keep, KeepTimes)]
        if not keeps:
            return made
        inside = np.ones(len(made.rows), dtype=np.bool_)
        for keep in keeps:
            instants = np.asarray(made.table.column(keep.time).cast(pa.int64()).fill_null(0))
            readable = np.asarray(made.table.column(keep.time).is_valid())
            if keep.start is not None:
                inside &= ~readable | (instants >= self._midnight(keep.start))
            if keep.before is not None:
                inside &= ~readable | (instants < self._midnight(keep.before))
        if inside.all():
            return made
        return only(made, inside, left_out=made.left_out + int((~inside).sum()))

    def _midnight(self, day: date) -> int:
        return microseconds(utc_from_local(datetime.combine(day, time()), self._site.time_zone, ambiguous="first"))

    def pseudonyms_of(self, kind: str, texts: pa.StringArray) -> pa.StringArray:
        """The pseudonyms of distinct identifiers, each made once; nothing for one that fails its check."""
        known, made = self._pseudonyms.get(kind, (KnownTexts(), pa.array([], pa.string())))
        if len(known) > _MOST_CACHED:
            known, made = KnownTexts(), pa.array([], pa.string())
        numbers = known.numbers_of(texts)
        fresh = self._made_of(kind, known.texts[len(made) :].to_pylist())
        made = pa.concat_arrays([made, pa.array(fresh, pa.string())])
        self._pseudonyms[kind] = known, made
        return made.take(pa.array(numbers))

    def _made_of(self, kind: str, texts: list[str]) -> list[str | None]:
        if self._erased is None or not self._key.before:
            return pseudonyms(self._key, kind, texts)
        forms, erased = pseudonym_forms(self._key, kind, texts), self._erased
        for one in forms:
            if one and (erased.of_any(one) or any(erased.has_key(source, *one) for source in self._site.sources)):
                self._erased_forms[one[-1]] = one
        return [one[-1] if one else None for one in forms]

    def days_of_file(self) -> DaysOfFile:
        """For what a file tells of times of day."""
        rule = self._mapping.columns["occurred_at"]
        assert isinstance(rule, TimeFrom)
        return DaysOfFile(rule.zone or self._site.time_zone, ends=rule.day == "end")

    @property
    def mapping(self) -> FileMapping:
        """The mapping that is applied."""
        return self._mapping

    @property
    def site(self) -> Site:
        """The site, for its zone and sources."""
        return self._site

    @property
    def secret(self) -> bytes:
        """What event ids are keyed with."""
        return self._key.of_events


def only(made: MadeRows, rows: Mask, *, left_out: int) -> MadeRows:
    """Some of the rows, with their faults."""
    place = np.flatnonzero(rows)
    faults = [
        Fault(
            fault.column,
            fault.rule,
            fault.rows[rows],
            fault.texts.take(pa.array(place)) if fault.texts is not None else None,
        )
        for fault in made.faults
    ]
    raw = {name: column.take(pa.array(place)) for name, column in made.raw.items()}
    return replace(
        made, table=made.table.take(pa.array(place)), rows=made.rows[rows], faults=faults, left_out=left_out, raw=raw,
        days_alone=None if made.days_alone is None else made.days_alone[rows],
    )  # fmt: skip


def _texts(texts: Iterable[str | None]) -> pa.StringArray:
    return pa.array(list(texts), pa.string())


class _Making:
    """One block on its way to rows."""

    def __init__(self, maker: RowMaker, columns: dict[str, pa.Array], rows: NDArray[np.int64]) -> None:
        self._maker = maker
        self._mapping = maker.mapping
        self._columns = columns
        self._numbers = rows
        self._rows = len(rows)
        self._dropped = np.zeros(self._rows, dtype=np.bool_)
        self._made: dict[str, pa.Array] = {}
        self._faults: list[Fault] = []
        self._given: dict[str, int] = {}
        self._unreadable: dict[str, int] = {}
        self._days_alone: Mask | None = None

    def finished(self, left_out: int) -> MadeRows:
        table = self._mapping.table
        for column in table.columns:
            rule = self._mapping.columns.get(column.name)
            if not isinstance(rule, HashOf | Delay):
                self._made[column.name] = self._column(column)
        if self._mapping.coordinates:
            self._place()
        for column in table.columns:
            rule = self._mapping.columns.get(column.name)
            if isinstance(rule, HashOf):
                self._made[column.name] = self._hashed(rule)
            elif isinstance(rule, Delay):
                self._made[column.name] = self._delayed(rule)
        self._refuse_the_future()
        made = MadeRows(
            pa.table([self._made[name] for name in table.names], schema=table.arrow_schema), self._numbers,
            [fault for fault in self._faults if fault.rows.any()], left_out, self._given, self._unreadable,
            self._raw(), {name: rule.after for name, rule in self._mapping.columns.items() if isinstance(rule, Delay)},
            self._days_alone,
        )  # fmt: skip
        if self._dropped.any():
            return only(made, ~self._dropped, left_out=left_out + int(self._dropped.sum()))
        return made

    def _raw(self) -> dict[str, pa.Array]:
        named = {target: columns_of(rule)[0] for target, rule in self._mapping.columns.items() if columns_of(rule)}
        if self._mapping.coordinates:
            named |= dict(zip(("latitude", "longitude"), self._mapping.coordinates.columns, strict=True))
        return {target: self._columns[name] for target, name in named.items()}

    def _column(self, column: Column) -> pa.Array:
        rule = self._mapping.columns.get(column.name)
        if rule is None:
            if column.default is not None:
                return pa.array(np.full(self._rows, column.default))
            return nothing(column.kind.stored, self._rows)
        if isinstance(rule, Constant):
            return self._constant(column, rule)
        if isinstance(rule, TrueFor):
            listed = set(rule.true_values)
            return pa.array(encoded(self._columns[rule.column]).rows_with(listed.__contains__))
        if isinstance(rule, PersonFrom):
            return self._person(column, rule)
        if isinstance(rule, TimeFrom):
            return self._time(column, rule)
        assert isinstance(rule, FromColumn)
        return self._plain(column, rule)

    def _constant(self, column: Column, rule: Constant) -> pa.Array:
        if column.kind is CATEGORIES:
            return repeated_text(str(rule.value), self._rows)
        if column.kind is TIME:
            moment = microseconds(datetime.fromisoformat(str(rule.value)).astimezone(UTC))
            return pa.array(np.full(self._rows, moment)).cast(INSTANT)
        return pa.array(np.full(self._rows, rule.value)).cast(column.kind.stored)

    def _plain(self, column: Column, rule: FromColumn) -> pa.Array:
        values = self._columns[rule.column]
        if rule.values is not None:
            values = self._replaced(column, rule, values)
        if column.kind is CATEGORIES:
            kept = encoded(values)
            if column.name == "source":
                self._check_source(kept, rule)
            if not column.identifying:
                self._refuse_nhs_numbers(column, kept)
            return kept.as_array()
        if column.kind is IDENTIFIER:
            return texts_of(values)
        read = {NUMBER: numbers, WHOLE: whole_numbers, FLAG: flags}[column.kind](values)
        self._note(column, rule.column, _UNREADABLE[column.kind], read.unreadable)
        return read.values if column.default is None else pc.fill_null(read.values, column.default)

    def _replaced(self, column: Column, rule: FromColumn, values: pa.Array) -> pa.Array:
        known = dict(rule.values or ())
        before = encoded(values)
        if rule.unknown == "keep":
            return before.renamed(_texts(known.get(text, text) for text in before.texts.to_pylist()))[0].as_array()
        after, unknown = before.renamed(_texts(known.get(text) for text in before.texts.to_pylist()))
        if rule.unknown == "drop":
            self._dropped |= unknown
        elif rule.unknown == "quarantine":
            self._fault(column, rule.column, UNKNOWN_VALUE, unknown)
        return after.as_array()

    def _check_source(self, sources: Encoded, rule: FromColumn) -> None:
        known = self._maker.site.sources
        unknown = sources.rows_with(lambda text: text not in known)
        self._fault(self._mapping.table.column("source"), rule.column, "a source named in crisisrisk.toml", unknown)

    def _person(self, column: Column, rule: PersonFrom) -> pa.Array:
        before = encoded(self._columns[rule.column])
        after, invalid = before.renamed(self._maker.pseudonyms_of(rule.kind, before.texts))
        if rule.invalid == "quarantine":
            self._note(column, rule.column, _CHECKS.get(rule.kind, "an id that is not blank"), invalid)
        return after.as_array()

    def _time(self, column: Column, rule: TimeFrom) -> pa.Array:
        columns = {name: self._columns[name] for name in columns_of(rule)}
        read = times(rule, columns, self._maker.site.time_zone)
        if self._mapping.table is EVENTS and column.name == "occurred_at":
            self._days_alone = without_time_of_day(rule, columns)
        self._note(column, rule.column, wanted_form(rule), read.unreadable)
        self._fault(column, rule.column, SKIPPED_HOUR, read.skipped)
        self._fault(column, rule.column, DOUBLE_HOUR, read.double)
        return read.values

    def _place(self) -> None:
        rule = self._mapping.coordinates
        assert rule is not None
        first, second = (numbers(self._columns[name]) for name in rule.columns)
        if rule.system == "british_national_grid":
            first, second = degrees_from_grid(first, second)
        reads = {"latitude": first, "longitude": second}
        if rule.invalid == "empty":
            reads = self._without_half_places(reads)
        for name, source in zip(reads, rule.columns, strict=True):
            if rule.invalid == "quarantine":
                wanted = "a number" if rule.system == "degrees" else "metres on the British National Grid"
                self._note(self._mapping.table.column(name), source, wanted, reads[name].unreadable)
            self._made[name] = reads[name].values

    def _without_half_places(self, reads: dict[str, Read]) -> dict[str, Read]:
        fine = np.ones(self._rows, dtype=np.bool_)
        for read, most in zip(reads.values(), (90.0, 180.0), strict=True):
            fine &= np.abs(np.asarray(read.values.fill_null(np.inf))) <= most
        return {
            name: Read(pc.if_else(pa.array(fine), read.values, None), read.unreadable) for name, read in reads.items()
        }

    def _hashed(self, rule: HashOf) -> pa.Array:
        named = [texts_of(self._columns[name]) for name in rule.columns]
        return keyed_ids([texts_of(self._made["source"]), *named], self._maker.secret)

    def _delayed(self, rule: Delay) -> pa.Array:
        delay = pa.scalar(round(rule.hours * 3_600_000_000), pa.duration("us"))
        return pc.add(self._made[rule.after], delay)

    def _refuse_the_future(self) -> None:
        """What is known later than now hides that a source fell silent. Invented data may lie ahead of the machine."""
        if self._maker.site.clock != "system" or "known_at" not in self._made:
            return
        known = self._made["known_at"]
        latest = microseconds(datetime.now(UTC) + _CLOCKS_DIFFER)
        future = np.asarray(known.cast(pa.int64()).fill_null(0)) > latest
        if future.any():
            self._faults.append(Fault("known_at", NOT_IN_THE_FUTURE, future, texts_of(known)))

    def _refuse_nhs_numbers(self, column: Column, values: Encoded) -> None:
        if are_ten_digit_codes(values.texts.to_pylist()):
            return
        with_number = values.rows_with(has_nhs_number)
        if with_number.any():
            self._faults.append(Fault(column.name, NO_NHS_NUMBER, with_number))

    def _note(self, column: Column, source: str, rule: str, unreadable: Mask) -> None:
        """A fault that also counts towards the column having changed its type."""
        self._given[source] = int(self._rows - self._columns[source].null_count)
        self._unreadable[source] = max(self._unreadable.get(source, 0), int(unreadable.sum()))
        self._fault(column, source, rule, unreadable)

    def _fault(self, column: Column, source: str, rule: str, rows: Mask) -> None:
        if rows.any():
            texts = None if column.identifying else texts_of(self._columns[source])
            self._faults.append(Fault(column.name, rule, rows, texts))
