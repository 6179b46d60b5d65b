"""Reading an agency's file in blocks: CSV, gzipped CSV, Parquet or Excel, one interface.

A file that is not what its mapping says (wrong delimiter or encoding, NUL bytes, cut short, no rows, columns missing)
raises DataError or MappingError: nothing of it is loaded. Lines with too many or too few fields are handed out as such.
"""

import codecs
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from crisisrisk.compiled import njit
from crisisrisk.errors import DataError, MappingError, did_you_mean
from crisisrisk.tables.headers import require_columns
from crisisrisk.tables.mapping import FileMapping
from crisisrisk.tables.parquet_files import parquet_tables, without_empty
from crisisrisk.tables.schema import CATEGORY

BLOCK_BYTES = 6 << 20
BLOCK_ROWS = 131_072
_LIKE_ASCII = ("utf-8", "ascii", "cp1252", "iso8859-1", "iso8859-15", "cp1250", "cp850", "mac-roman")


@dataclass(frozen=True)
class Block:
    """Some rows of a file. `rows`: their row numbers, the header being row 1. Shape (rows,)."""

    columns: pa.Table
    rows: NDArray[np.int64]


@dataclass
class BrokenLines:
    """Lines with another number of fields than the header, found so far: row number, and fields found."""

    wanted: int = 0
    found: list[tuple[int, int]] = field(default_factory=list)


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes. Raises DataError where it cannot be opened."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as problem:
        raise DataError(
            "CR-DATA-001", "the data file cannot be opened", where=path.name, found=problem.strerror
        ) from None


def read_blocks(path: Path, mapping: FileMapping, broken: BrokenLines) -> Iterator[Block]:
    """The mapped columns of a file, block by block, in the file's order. Empty cells are nulls."""
    name = path.name.lower()
    if name.endswith(".parquet"):
        return (Block(table, rows) for table, rows in parquet_tables(path, mapping, BLOCK_ROWS))
    if name.endswith((".xlsx", ".xlsm")):
        return _excel_blocks(path, mapping)
    if name.endswith((".csv", ".csv.gz", ".txt", ".txt.gz", ".tsv", ".tsv.gz")):
        return _csv_blocks(path, mapping, broken)
    raise DataError(
        "CR-DATA-001",
        "the file is of no known kind",
        where=path.name,
        wanted=".csv, .csv.gz, .txt, .tsv, .parquet or .xlsx",
    )


# CSV


class _CleanText(io.RawIOBase):
    """The bytes of a CSV as UTF-8, checked on the way: encoding, NUL bytes, and a gzip that ends too early."""

    def __init__(self, path: Path, encoding: str) -> None:
        self._path = path
        zipped = path.name.lower().endswith(".gz")
        self._file: IO[bytes] = gzip.GzipFile(path) if zipped else path.open("rb")  # type: ignore[assignment]
        self._decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)()
        self._encoding = encoding
        self._like_ascii = encoding in _LIKE_ASCII
        self._lines = 1
        self._rest = b""
        self._last = b""
        self.quotes = 0
        self.problem: DataError | None = None

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes, `size` or a few more at the end of a character."""
        try:
            return self._next(size if size >= 0 else -1)
        except DataError as problem:
            self.problem = problem
            raise

    def close(self) -> None:
        self._file.close()
        super().close()

    def _next(self, size: int) -> bytes:
        while not self._rest:
            raw = self._raw(BLOCK_BYTES if size < 0 else min(size, BLOCK_BYTES))
            self._rest = self._as_utf8(raw)
            self._refuse_nul()
            self._lines += self._rest.count(b"\n")
            self.quotes += self._rest.count(b'"')
            if not raw:
                self._rest += b"\n" if self._last not in (b"", b"\n") else b""
            self._last = self._rest[-1:] or self._last
            if not raw:
                break
        if size < 0 or size >= len(self._rest):
            given, self._rest = self._rest, b""
        else:
            given, self._rest = self._rest[:size], self._rest[size:]
        return given

    def _as_utf8(self, raw: bytes) -> bytes:
        # Most files are plain ASCII, which is the same in most encodings: nothing to convert.
        if raw and self._like_ascii and raw.isascii() and not self._decoder.getstate()[0]:
            return raw
        try:
            return self._decoder.decode(raw, final=not raw).encode()
        except UnicodeError as problem:
            raise self._not_in_encoding(problem) from None

    def _refuse_nul(self) -> None:
        if b"\x00" in self._rest:
            line = self._lines + self._rest[: self._rest.index(b"\x00")].count(b"\n")
            raise DataError(
                "CR-DATA-003", "the file has a NUL byte, which no text has", where=f"{self._path.name} line {line:,}",
                hint="ask for the file again, or name its real encoding in the mapping",
            )  # fmt: skip

    def _raw(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise DataError(
                "CR-DATA-003", "the gzip is damaged or was cut short",
                where=f"{self._path.name} after line {self._lines - 1:,}",
                hint="copy the file again",
            ) from None  # fmt: skip

    def _not_in_encoding(self, problem: UnicodeError) -> DataError:
        line, found = self._lines, None
        hint = 'if it came from Windows, say  encoding = "cp1252"  in the mapping'
        if isinstance(problem, UnicodeDecodeError) and problem.start < len(problem.object):
            line += problem.object[: problem.start].count(b"\n")
            found = f"byte 0x{problem.object[problem.start]:02x}"
            if line == 1 and problem.object.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                hint = 'say  encoding = "utf-16"  in the mapping'
        if self._encoding.startswith(("utf-16", "utf-32")):
            hint = 'if it is plain text, say  encoding = "utf-8"  in the mapping'
        return DataError(
            "CR-DATA-003", f"the file is not in the encoding {self._encoding}",
            where=f"{self._path.name} line {line:,}", found=found, hint=hint,
        )  # fmt: skip


def _csv_blocks(path: Path, mapping: FileMapping, broken: BrokenLines) -> Iterator[Block]:
    try:
        stream = _CleanText(path, mapping.encoding)
    except OSError as problem:
        raise DataError(
            "CR-DATA-001", "the data file cannot be opened", where=path.name, found=problem.strerror
        ) from None
    with stream:
        try:
            yield from _numbered(_open_csv(stream, path, mapping, broken), broken)
            if stream.quotes % 2 and ends_inside_quotes(path, mapping):
                raise DataError(
                    "CR-DATA-003", "a quoted value never ends", where=path.name, hint="the file may be cut short"
                )
        except pa.ArrowException as problem:
            raise stream.problem or _unreadable(path, problem) from None


def _unreadable(path: Path, problem: Exception) -> DataError:
    # Arrow quotes the offending row in its message, which may hold what identifies a person: none of it is shown.
    unending = "straddling" in str(problem) or "out of sync" in str(problem)
    return DataError(
        "CR-DATA-003", "the file cannot be read as CSV", where=path.name,
        found="a quoted value never ends, or is longer than a block" if unending else None,
        hint="check the delimiter, the quotes and the encoding",
    )  # fmt: skip


def _open_csv(
    stream: _CleanText, path: Path, mapping: FileMapping, broken: BrokenLines
) -> pyarrow.csv.CSVStreamingReader:
    head = _peek(stream)
    names = _header(head, path, mapping)
    broken.wanted = len(names)

    def skip(line: Any) -> str:
        broken.found.append((line.number, line.actual_columns))
        return "skip"

    long = mapping.long_columns
    return pyarrow.csv.open_csv(
        pa.PythonFile(stream, mode="r"),
        read_options=pyarrow.csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False, encoding="utf8"),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=mapping.delimiter, newlines_in_values=True, invalid_row_handler=skip
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={name: pa.string() if name in long else CATEGORY for name in mapping.file_columns},
            include_columns=list(mapping.file_columns),
            null_values=list(mapping.empty_values),
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            check_utf8=False,
        ),
    )


def _peek(stream: _CleanText) -> bytes:
    head = stream.read(1 << 16)
    while head and b"\n" not in head.lstrip(b"\r\n") and len(head) < BLOCK_BYTES and (more := stream.read(1 << 16)):
        head += more
    stream._rest = head + stream._rest
    return head


def _header(head: bytes, path: Path, mapping: FileMapping) -> list[str]:
    if not head.strip():
        raise DataError("CR-DATA-002", "the file is empty", where=path.name, wanted="a header and at least one row")
    first = head.lstrip(b"\r\n").split(b"\n")[0].rstrip(b"\r")
    try:
        names: list[str] = pyarrow.csv.read_csv(
            io.BytesIO(first + b"\n"), parse_options=pyarrow.csv.ParseOptions(delimiter=mapping.delimiter)
        ).column_names
    except pa.ArrowException:
        names = [first.decode("utf-8", "replace")]
    require_columns(names, path, mapping, first.decode("utf-8", "replace"))
    return names


def _numbered(reader: pyarrow.csv.CSVStreamingReader, broken: BrokenLines) -> Iterator[Block]:
    """Blocks with row numbers: lines that were skipped count, so that numbers fit the file."""
    passed = 0
    for batch in reader:
        rows = np.arange(passed, passed + batch.num_rows, dtype=np.int64) + 2
        passed += batch.num_rows
        yield Block(pa.Table.from_batches([batch]), after_broken_lines(rows, broken))


def after_broken_lines(rows: NDArray[np.int64], broken: BrokenLines) -> NDArray[np.int64]:
    """Row numbers in the file, from those among the lines that were not skipped."""
    lost = np.array([number for number, _ in broken.found], dtype=np.int64)
    return rows + np.searchsorted(lost - np.arange(len(lost)), rows, side="right")


def ends_inside_quotes(path: Path, mapping: FileMapping) -> bool:
    """Whether a CSV ends inside a quoted value, which has then swallowed every line since the quote."""
    state = 0
    with _CleanText(path, mapping.encoding) as stream:
        while content := stream.read(BLOCK_BYTES):
            state = _quote_state(np.frombuffer(content, dtype=np.uint8), state, ord(mapping.delimiter))
    return state == 2


@njit(cache=True)
def _quote_state(content, state, delimiter):  # type: ignore[no-untyped-def]
    """0 at the start of a value, 1 inside a plain one, 2 inside a quoted one, 3 after a quote that may end it."""
    for sign in content:
        if state == 2:
            state = 3 if sign == 34 else 2
        elif sign == 34 and state != 1:
            state = 2
        elif sign == delimiter or sign == 10 or sign == 13:
            state = 0
        else:
            state = 1
    return state


# Excel


def _excel_blocks(path: Path, mapping: FileMapping) -> Iterator[Block]:
    import zipfile

    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except FileNotFoundError as problem:
        raise DataError(
            "CR-DATA-001", "the data file cannot be opened", where=path.name, found=problem.strerror
        ) from None
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError):
        raise DataError("CR-DATA-003", "the file cannot be read as Excel", where=path.name) from None
    try:
        if mapping.sheet and mapping.sheet not in book.sheetnames:
            raise MappingError(
                "CR-MAP-004", "the mapping names a sheet that the file does not have", where=path.name,
                wanted=f'"{mapping.sheet}"', found=", ".join(book.sheetnames),
                hint=did_you_mean(mapping.sheet, book.sheetnames),
            )  # fmt: skip
        sheet = book[mapping.sheet] if mapping.sheet else book.worksheets[0]
        yield from _sheet_blocks(sheet.iter_rows(values_only=True), path, mapping)
    finally:
        book.close()


def _sheet_blocks(lines: Iterator[tuple[Any, ...]], path: Path, mapping: FileMapping) -> Iterator[Block]:
    header = [str(cell) if cell is not None else "" for cell in next(lines, ())]
    if not any(header):
        raise DataError("CR-DATA-002", "the file is empty", where=path.name, wanted="a header and at least one row")
    require_columns(header, path, mapping)
    places = [header.index(name) for name in mapping.file_columns]
    taken: list[tuple[Any, ...]] = []
    rows: list[int] = []
    for number, line in enumerate(lines, 2):
        if any(cell is not None for cell in line):
            taken.append(tuple(line[place] if place < len(line) else None for place in places))
            rows.append(number)
        if len(taken) == BLOCK_ROWS // 4:
            yield _excel_block(taken, rows, mapping)
            taken, rows = [], []
    if taken:
        yield _excel_block(taken, rows, mapping)


def _excel_block(taken: list[tuple[Any, ...]], rows: list[int], mapping: FileMapping) -> Block:
    columns = [_excel_column(cells) for cells in zip(*taken, strict=True)]
    table = pa.table(columns, names=list(mapping.file_columns))
    return Block(without_empty(table, mapping), np.array(rows, dtype=np.int64))


def _excel_column(cells: tuple[Any, ...]) -> pa.Array:
    """Real dates as times, whatever format the mapping names; anything else, or a mixture, as text."""
    filled = [cell for cell in cells if cell is not None]
    if filled and all(isinstance(cell, date) for cell in filled):
        return pa.array([cell and np.datetime64(cell, "us") for cell in cells], pa.timestamp("us"))
    return pa.array([_cell_text(cell) for cell in cells], pa.string())


def _cell_text(cell: object) -> str | None:
    """A cell as a CSV would hold it."""
    if cell is None:
        return None
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
