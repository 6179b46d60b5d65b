"""Refused rows and files: where they were, which rule they broke and what they held, never who they were about."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from crisisrisk.errors import CrisisRiskError
from crisisrisk.tables.cell_values import Mask, texts_of
from crisisrisk.tables.manifest import write_durably
from crisisrisk.tables.row_making import Fault, MadeRows
from crisisrisk.tables.schema import NOT_EMPTY
from crisisrisk.tables.site import Site

WITHHELD = "(withheld: identifying)"
LOOKS_IDENTIFYING = "(withheld: looks like an NHS number)"
LINE_RULE = "as many fields as the header"
_LONGEST_VALUE = 80
_LIKE_A_NUMBER = r"(?:^|[^0-9])[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}(?:[^0-9]|$)"

SCHEMA = pa.schema(
    [("file", pa.string()), ("row", pa.int64()), ("column", pa.string()), ("rule", pa.string()), ("value", pa.string())]
)


@dataclass
class RefusedRows:
    """Collects the refused rows of one file into one Parquet file, block by block."""

    path: Path
    file: str

    def __post_init__(self) -> None:
        self.rows = 0
        self.rules: Counter[str] = Counter()
        self._writer: pq.ParquetWriter | None = None

    def refuse(self, made: MadeRows, broken: list[Fault]) -> Mask:
        """Write down every fault of a block's rows. Gives the rows that have none."""
        faults = [*made.faults, *_without_repeats(made, broken)]
        fine = np.ones(len(made.rows), dtype=np.bool_)
        for fault in faults:
            fine &= ~fault.rows
            self.rules[f"{fault.column}: {fault.rule}"] += int(fault.rows.sum())
            self._write(_fault_table(self.file, made, fault))
        self.rows += int((~fine).sum())
        return fine

    def refuse_lines(self, lines: list[tuple[int, int]], wanted: int) -> None:
        """Write down lines of a CSV that have too many or too few fields."""
        if not lines:
            return
        self.rows += len(lines)
        self.rules[LINE_RULE] += len(lines)
        numbers, found = zip(*lines, strict=True)
        values = [f"{count} fields, wanted {wanted}" for count in found]
        rows = [self.file] * len(lines), numbers, [None] * len(lines), [LINE_RULE] * len(lines), values
        self._write(
            pa.table([pa.array(column, kind) for column, kind in zip(rows, SCHEMA.types, strict=True)], schema=SCHEMA)
        )

    def close(self) -> None:
        """Finish the Parquet file; there is none where no row was refused."""
        if self._writer is not None:
            self._writer.close()
            with self.path.open("rb") as written:
                os.fsync(written.fileno())

    def _write(self, table: pa.Table) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(str(self.path), SCHEMA, compression="zstd")
        self._writer.write_table(table)


def _without_repeats(made: MadeRows, broken: list[Fault]) -> list[Fault]:
    """Leaves out rules that a row only breaks because of a fault that is written down already.

    A cell is empty because what it held was refused; a `known_at` that counts from a refused time has no own reason.
    """
    kept = []
    for fault in broken:
        rows = fault.rows
        for earlier in (*made.faults, *broken):
            same = earlier.column == fault.column and fault.rule == NOT_EMPTY and earlier is not fault
            if same or earlier.column == made.counted_from.get(fault.column):
                rows = rows & ~earlier.rows
        if rows.any():
            kept.append(Fault(fault.column, fault.rule, rows, fault.texts))
    return kept


def _fault_table(file: str, made: MadeRows, fault: Fault) -> pa.Table:
    place = pa.array(np.flatnonzero(fault.rows))
    count = len(place)
    if fault.texts is None:
        values = pa.array([WITHHELD] * count, pa.string())
    else:
        raw = made.raw.get(fault.column)
        texts = texts_of(raw.take(place)) if raw is not None else fault.texts.take(place)
        texts = pc.utf8_slice_codeunits(texts, 0, _LONGEST_VALUE)
        values = pc.if_else(
            pc.fill_null(pc.match_substring_regex(texts, _LIKE_A_NUMBER), False), LOOKS_IDENTIFYING, texts
        )
    rows = pa.array(made.rows).take(place)
    named = [pa.array([text] * count, pa.string()) for text in (file, fault.column, fault.rule)]
    return pa.table([named[0], rows, named[1], named[2], values], schema=SCHEMA)


def quarantine_file(site: Site, file: Path, digest: str, problem: CrisisRiskError) -> Path:
    """Write down that a whole file was refused, and why. The file itself stays where it is."""
    site.quarantine.mkdir(parents=True, exist_ok=True)
    path = site.quarantine / f"file-{digest[:16]}.parquet"
    line = [[file.name], [None], [None], [f"{problem.code} {problem.problem}"], [problem.found]]
    sink = pa.BufferOutputStream()
    columns = [pa.array(value, kind) for value, kind in zip(line, SCHEMA.types, strict=True)]
    pq.write_table(pa.table(columns, schema=SCHEMA), sink)
    write_durably(path, sink.getvalue())
    return path


@dataclass(frozen=True, kw_only=True)
class RefusedLine:
    """A line that was left out, in which column (None: the whole line) and why. No value of it is said."""

    line: int
    column: str | None
    reason: str


def quarantine_identities(site: Site, file: Path, digest: str, refused: Sequence[RefusedLine]) -> Path | None:
    """Write down which lines of a file of identities were refused, and why. Every value is withheld.

    The same file again replaces what was written of it. Returns the path; None where no line was refused.
    """
    path = site.quarantine / f"identities-{digest[:16]}.parquet"
    if not refused:
        path.unlink(missing_ok=True)
        return None
    site.quarantine.mkdir(parents=True, exist_ok=True)
    columns = (
        [file.name] * len(refused), [one.line for one in refused], [one.column for one in refused],
        [one.reason for one in refused], [WITHHELD] * len(refused),
    )  # fmt: skip
    arrays = [pa.array(column, kind) for column, kind in zip(columns, SCHEMA.types, strict=True)]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(arrays, schema=SCHEMA), sink, compression="zstd")
    write_durably(path, sink.getvalue())
    return path


def refused_files(site: Site) -> list[dict[str, str]]:
    """The whole files that were refused: their names and why, in order of name."""
    tables = [pq.read_table(path) for path in sorted(site.quarantine.glob("file-*.parquet"))]
    lines = [line for table in tables for line in table.select(["file", "rule"]).to_pylist()]
    return sorted(lines, key=lambda line: (line["file"], line["rule"]))
