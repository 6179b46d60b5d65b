"""Coded rows sorted into parts while a file streams by, on disk once they are many: twice `MOST_BYTES` of memory."""

import ctypes
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

MOST_BYTES = 40 << 20


class _Spilled:
    """One file on disk, and which of its record batches holds which part."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.batches: dict[int, int] = {}
        self._reader: pa.ipc.RecordBatchFileReader | None = None
        self._lock = Lock()

    def write(self, waiting: dict[int, list[pa.Table]]) -> None:
        """Write the rows of every part, which are forgotten."""
        schema = pa.unify_schemas([piece.schema for pieces in waiting.values() for piece in pieces])
        with pa.OSFile(str(self.path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            for number, part in enumerate(sorted(waiting)):
                whole = pa.concat_tables([schema.empty_table(), *waiting.pop(part)], promote_options="default")
                writer.write_batch(whole.combine_chunks().to_batches()[0])
                self.batches[part] = number
        give_memory_back()

    def read(self, part: int) -> pa.Table:
        """The rows of a part. Several threads may read."""
        with self._lock:
            if self._reader is None:
                self._reader = pa.ipc.open_file(pa.OSFile(str(self.path)))
            return pa.Table.from_batches([self._reader.get_batch(self.batches[part])])


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
        self._writer = ThreadPoolExecutor(1)
        self._writing: Future[None] | None = None
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
        rows = self.look(part)
        self._waiting.pop(part, None)
        return rows

    def look(self, part: int) -> pa.Table | None:
        """The rows of a part, which stay."""
        pieces = [spilled.read(part) for spilled in self._spilled if part in spilled.batches]
        pieces.extend(self._waiting.get(part, []))
        return pa.concat_tables(pieces, promote_options="default").combine_chunks() if pieces else None

    def settle(self) -> None:
        """No more rows will be added: if some are on disk, the rest follows, to leave the memory to what comes next."""
        if self._spilled and self._waiting:
            self._spill()
        self._written()

    def close(self) -> None:
        """Wait until nothing writes any more, whatever became of it."""
        self._writer.shutdown(wait=True, cancel_futures=True)

    def _spill(self) -> None:
        """Hand what waits to a thread that writes it, once the one before is done."""
        self._written()
        spilled = _Spilled(self._folder / f"{self._name}-{len(self._spilled):04d}.arrow")
        self._spilled.append(spilled)
        self._writing = self._writer.submit(spilled.write, self._waiting)
        self._waiting, self._bytes = {}, 0

    def _written(self) -> None:
        if self._writing is not None:
            self._writing.result()
            self._writing = None
