"""Coded rows sorted into parts while a file streams by, on disk once they are many: `MOST_BYTES` of memory."""

import ctypes
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

MOST_BYTES = 96 << 20


@dataclass(frozen=True)
class _Spilled:
    """One file on disk: which record batch holds which part."""

    path: Path
    batches: dict[int, int]


def give_memory_back() -> None:
    """Return freed memory to the system. Allocators keep it otherwise, each for itself, and the sum is what counts."""
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)


class Parts:
    """Rows by the number of their part. Rows keep the order in which they were added."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._waiting: dict[int, list[pa.Table]] = {}
        self._bytes = 0
        self._spilled: list[_Spilled] = []
        self.rows: dict[int, int] = {}

    def add(self, rows: pa.Table, parts: NDArray[np.int64]) -> None:
        """Add rows, each to its part. Shape of `parts`: (rows,)."""
        order = np.argsort(parts.astype(np.uint16), kind="stable")
        ordered = rows.take(pa.array(order))
        met, starts = np.unique(parts[order], return_index=True)
        ends = np.append(starts[1:], len(parts))
        for part, start, end in zip(met.tolist(), starts.tolist(), ends.tolist(), strict=True):
            self._waiting.setdefault(part, []).append(ordered.slice(start, end - start))
            self.rows[part] = self.rows.get(part, 0) + end - start
        self._bytes += ordered.nbytes
        if self._bytes > MOST_BYTES:
            self._spill()

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self.rows))

    def taken(self, part: int) -> pa.Table | None:
        """The rows of a part, which are forgotten; None where it has none. Several threads may take different parts."""
        pieces = [self._read(spilled, part) for spilled in self._spilled if part in spilled.batches]
        pieces.extend(self._waiting.pop(part, []))
        return pa.concat_tables(pieces, promote_options="default").combine_chunks() if pieces else None

    def look(self, part: int) -> pa.Table | None:
        """The rows of a part, which stay."""
        pieces = [self._read(spilled, part) for spilled in self._spilled if part in spilled.batches]
        pieces.extend(self._waiting.get(part, []))
        return pa.concat_tables(pieces, promote_options="default").combine_chunks() if pieces else None

    def settle(self) -> None:
        """No more rows will be added: if some are on disk, the rest follows, to leave the memory to what comes next."""
        if self._spilled and self._waiting:
            self._spill()

    def _spill(self) -> None:
        merged = {
            part: pa.concat_tables(tables, promote_options="default") for part, tables in sorted(self._waiting.items())
        }
        schema = pa.unify_schemas([table.schema for table in merged.values()])
        path = self._folder / f"{self._name}-{len(self._spilled):04d}.arrow"
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            for table in merged.values():
                whole = pa.concat_tables([schema.empty_table(), table], promote_options="default").combine_chunks()
                writer.write_batch(whole.to_batches()[0])
        self._spilled.append(_Spilled(path, {part: place for place, part in enumerate(merged)}))
        self._waiting, self._bytes = {}, 0
        give_memory_back()

    @staticmethod
    def _read(spilled: _Spilled, part: int) -> pa.Table:
        with pa.OSFile(str(spilled.path)) as source:
            return pa.Table.from_batches([pa.ipc.open_file(source).get_batch(spilled.batches[part])])
