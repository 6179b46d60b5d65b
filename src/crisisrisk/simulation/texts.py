"""How agencies write times, numbers and names in their files: columns of bytes, never of Python objects."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from crisisrisk.simulation import text_kernels as kernels
from crisisrisk.simulation.period import SECONDS_PER_DAY, SECONDS_PER_HOUR, Indices, Mask, Numbers, Seconds
from crisisrisk.simulation.text_kernels import Lengths, Letters

DAY_AND_MINUTE = "%d/%m/%Y %H:%M"
DAY = "%d/%m/%Y"
CLOCK = "%H:%M"
ISO_DAY = "%Y-%m-%d"
ISO_MINUTE = "%Y-%m-%d %H:%M"
_UTC = "%Y-%m-%dT%H:%M:%SZ"
_WITH_OFFSET = "%Y-%m-%dT%H:%M:%S%z"
_PARTS = {
    "Y": kernels.YEAR, "m": kernels.MONTH, "d": kernels.DAY, "H": kernels.HOUR, "M": kernels.MINUTE,
    "S": kernels.SECOND, "b": kernels.MONTH_NAME, "z": kernels.OFFSET,
}  # fmt: skip
_MONTHS = np.frombuffer(b"JanFebMarAprMayJunJulAugSepOctNovDec", dtype=np.uint8).reshape(12, 3)


@dataclass(frozen=True)
class Texts:
    """One text in each row: its bytes in `letters` (rows, widest), as many of them as `lengths` (rows,) says."""

    letters: Letters
    lengths: Lengths

    def __len__(self) -> int:
        return len(self.lengths)

    def taken(self, order: NDArray[Any]) -> "Texts":
        """The texts of a mask or of places, in that order."""
        return Texts(self.letters[order], self.lengths[order])

    def strings(self, encoding: str = "utf-8") -> list[str]:
        """The texts as Python has them; for a few rows."""
        return [row[:length].tobytes().decode(encoding) for row, length in zip(self.letters, self.lengths, strict=True)]

    def with_cells(self, rows: Indices, replacements: Sequence[str]) -> "Texts":
        """The same texts with a few of them replaced."""
        new = word_table(replacements)
        width = max(self.letters.shape[1], new.letters.shape[1])
        letters, lengths = _widened(self.letters, width), self.lengths.copy()
        letters[rows], lengths[rows] = _widened(new.letters, width), new.lengths
        return Texts(letters, lengths)

    def only(self, shown: Mask) -> "Texts":
        """The same texts, empty where not shown."""
        return Texts(self.letters, np.where(shown, self.lengths, 0).astype(np.int32))

    def where(self, shown: Mask, others: "Texts") -> "Texts":
        """These texts where shown, the others elsewhere."""
        width = max(self.letters.shape[1], others.letters.shape[1])
        letters = np.where(shown[:, None], _widened(self.letters, width), _widened(others.letters, width))
        return Texts(letters, np.where(shown, self.lengths, others.lengths).astype(np.int32))

    def beside(self, others: "Texts", between: str = "") -> "Texts":
        """Two texts in one cell, with a letter between them where neither is empty."""
        out = np.empty((len(self), self.letters.shape[1] + others.letters.shape[1] + 1), dtype=np.uint8)
        lengths = np.empty(len(self), dtype=np.int32)
        letter = ord(between) if between else -1
        kernels.side_by_side(self.letters, self.lengths, others.letters, others.lengths, letter, out, lengths)
        return Texts(out, lengths)


Columns = dict[str, Texts]


def _widened(letters: Letters, width: int) -> Letters:
    return np.pad(letters, ((0, 0), (0, width - letters.shape[1])))


def word_table(words: Sequence[str], *, delimiter: str = ",", encoding: str = "utf-8") -> Texts:
    """Words to take from by their place, quoted where a CSV file with this delimiter needs it."""
    cells = [_quoted(word, delimiter).encode(encoding) for word in words]
    letters = np.zeros((len(cells), max(map(len, cells), default=0)), dtype=np.uint8)
    for row, cell in enumerate(cells):
        letters[row, : len(cell)] = np.frombuffer(cell, dtype=np.uint8)
    return Texts(letters, np.array([len(cell) for cell in cells], dtype=np.int32))


def _quoted(word: str, delimiter: str) -> str:
    if any(mark in word for mark in (delimiter, '"', "\n", "\r")):
        return '"' + word.replace('"', '""') + '"'
    return word


def constant(text: str, rows: int) -> Texts:
    """The same text in every row."""
    return word_table([text]).taken(np.zeros(rows, dtype=np.int64))


def chosen(condition: Mask, yes: str, no: str) -> Texts:
    """One of two texts in each row."""
    return word_table([no, yes]).taken(condition.astype(np.int64))


def drawn(random: np.random.Generator, weights: dict[str, float], rows: int, *, encoding: str = "utf-8") -> Texts:
    """Texts with the chances given by their weights."""
    shares = np.cumsum(list(weights.values()))
    places = np.searchsorted(shares, random.random(rows) * shares[-1], side="right")
    return word_table(list(weights), encoding=encoding).taken(np.minimum(places, len(weights) - 1))


def whole(numbers: ArrayLike, *, least_digits: int = 1, prefix: str = "") -> Texts:
    """Whole numbers, after a prefix; empty where negative."""
    values = np.asarray(numbers, dtype=np.int64)
    most = int(values.max(initial=0))
    width = max(len(str(most)), least_digits)
    head = np.frombuffer(prefix.encode("ascii"), dtype=np.uint8)
    letters = np.empty((len(values), len(head) + width), dtype=np.uint8)
    letters[:, : len(head)] = head
    lengths = np.empty(len(values), dtype=np.int32)
    kernels.write_whole(values, least_digits, letters[:, len(head) :], lengths)
    return Texts(letters, np.where(lengths > 0, lengths + len(head), 0).astype(np.int32))


def decimals(numbers: Numbers, places: int) -> Texts:
    """Numbers with a fixed number of decimals; empty where NaN."""
    letters = np.empty((len(numbers), 12 + places), dtype=np.uint8)
    lengths = np.empty(len(numbers), dtype=np.int32)
    kernels.write_decimals(np.ascontiguousarray(numbers, dtype=np.float64), places, letters, lengths)
    return Texts(letters, lengths)


def nhs_texts(numbers: Indices, *, spaced: bool = False) -> Texts:
    """NHS numbers as ten digits, or as people write them: 999 123 4567. Empty for nobody (-1)."""
    texts = whole(numbers, least_digits=10)
    if not spaced:
        return texts
    letters = np.full((len(texts), 12), ord(" "), dtype=np.uint8)
    for begin, end, gap in ((0, 3, 0), (3, 6, 1), (6, 10, 2)):
        letters[:, begin + gap : end + gap] = texts.letters[:, begin:end]
    return Texts(letters, np.where(texts.lengths > 0, 12, 0).astype(np.int32))


def local_texts(instants: Seconds, pattern: str) -> Texts:
    """Local wall-clock texts; empty where the instant is negative.

    Clocks that note no zone repeat an hour in autumn. What falls into its second pass is written at the
    end of it, so that the order of a row's times survives.
    """
    wall, _, repeated = _local(instants)
    return _times(np.where(repeated, -(-wall // SECONDS_PER_HOUR) * SECONDS_PER_HOUR, wall), pattern)


def utc_texts(instants: Seconds) -> Texts:
    """ISO texts with seconds and a Z; empty where the instant is negative."""
    return _times(instants, _UTC)


def offset_texts(instants: Seconds) -> Texts:
    """ISO texts of local time with its offset from UTC, such as +01:00; empty where the instant is negative."""
    wall, offset, _ = _local(instants)
    return _times(wall, _WITH_OFFSET, offset)


def date_texts(days: Indices, pattern: str = DAY, *, shown: Mask | None = None) -> Texts:
    """Texts of days since 1970, which may be before it; empty where not shown."""
    texts = _times(np.asarray(days, dtype=np.int64) * SECONDS_PER_DAY, pattern, before_1970=True)
    return texts if shown is None else texts.only(shown)


def local_hours(instants: Seconds) -> Indices:
    """The hour of the local clock. Shape as `instants`."""
    return np.asarray(_local(instants)[0] % SECONDS_PER_DAY // SECONDS_PER_HOUR)


def _times(wall: Seconds, pattern: str, offset: Seconds | None = None, *, before_1970: bool = False) -> Texts:
    wall = np.ascontiguousarray(wall, dtype=np.int64)
    letters = np.empty((len(wall), 32), dtype=np.uint8)
    lengths = np.empty(len(wall), dtype=np.int32)
    offsets = np.zeros(len(wall), dtype=np.int64) if offset is None else offset
    kernels.write_times(wall, offsets, _pattern(pattern), _MONTHS, before_1970, letters, lengths)
    return Texts(letters[:, : int(lengths.max(initial=0))], lengths)


@lru_cache(maxsize=64)
def _pattern(pattern: str) -> NDArray[np.int64]:
    parts: list[int] = []
    letters = iter(pattern)
    for letter in letters:
        parts.append(_PARTS[next(letters)] if letter == "%" else ord(letter))
    return np.array(parts, dtype=np.int64)


def _last_sunday(year: int, month: int) -> int:
    """One in the morning UTC of the last Sunday of a month of 31 days, when British clocks change."""
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return int((last - timedelta(days=(last.weekday() + 1) % 7)).timestamp())


# The rule of British Summer Time since 1996, written out so that no machine's table of zones changes a byte.
_CLOCK_CHANGES = np.array(
    [_last_sunday(year, month) for year in range(1996, 2040) for month in (3, 10)], dtype=np.int64
)


def _local(instants: Seconds) -> tuple[Seconds, Seconds, Mask]:
    """Wall-clock seconds, the offset from UTC, and which fall into the second pass of a repeated hour."""
    moments = np.asarray(instants, dtype=np.int64)
    passed = np.searchsorted(_CLOCK_CHANGES, moments, side="right")
    summer = passed % 2 == 1
    since = moments - _CLOCK_CHANGES[np.maximum(passed - 1, 0)]
    repeated = ~summer & (passed > 0) & (since < SECONDS_PER_HOUR)
    offset = np.where(summer, SECONDS_PER_HOUR, 0)
    return moments + np.where(moments < 0, 0, offset), offset, repeated


def csv_bytes(columns: Columns, *, delimiter: str = ",") -> NDArray[np.uint8]:
    """The lines of a CSV file, without the line of names. Shape (bytes,)."""
    texts = list(columns.values())
    widths = [text.letters.shape[1] for text in texts]
    begins = np.concatenate([[0], np.cumsum(widths)[:-1]]).astype(np.int64)
    side_by_side = np.concatenate([text.letters for text in texts], axis=1)
    lengths = np.stack([text.lengths for text in texts], axis=1)
    return np.asarray(kernels.join_lines(side_by_side, begins, lengths, np.uint8(ord(delimiter))))


def header_line(names: Iterable[str], *, delimiter: str = ",") -> bytes:
    """The first line of a CSV file."""
    return (delimiter.join(_quoted(name, delimiter) for name in names) + "\n").encode("ascii")


class CsvFile:
    """A CSV file that is written page by page, and is not made at all when no page has rows."""

    def __init__(self, path: Path, delimiter: str = ",") -> None:
        self._path, self._delimiter = path, delimiter
        self._handle: BinaryIO | None = None

    def __enter__(self) -> "CsvFile":
        return self

    def __exit__(self, *problem: object) -> None:
        if self._handle is not None:
            self._handle.close()

    def add(self, columns: Columns) -> None:
        """The rows of one page."""
        if not len(next(iter(columns.values()))):
            return
        if self._handle is None:
            self._handle = self._path.open("wb")
            self._handle.write(header_line(columns, delimiter=self._delimiter))
        self._handle.write(csv_bytes(columns, delimiter=self._delimiter).tobytes())


def taken_columns(columns: Columns, order: NDArray[Any]) -> Columns:
    """Some rows of every column, in an order."""
    return {name: texts.taken(order) for name, texts in columns.items()}


def arrow_strings(texts: Texts) -> pa.Array:
    """The texts as an Arrow column, null where empty."""
    inside = np.arange(texts.letters.shape[1]) < texts.lengths[:, None]
    offsets = np.concatenate([[0], np.cumsum(texts.lengths)]).astype(np.int32)
    missing = np.packbits(texts.lengths > 0, bitorder="little")
    buffers = [pa.py_buffer(missing), pa.py_buffer(offsets), pa.py_buffer(texts.letters[inside])]
    return pa.Array.from_buffers(pa.string(), len(texts), buffers)
