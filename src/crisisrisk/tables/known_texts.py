"""Distinct texts met so far, numbered in order of meeting: a hash table over Arrow's buffers, by a compiled kernel.

One look-up costs O(bytes asked), however many texts are known: a load asks once for every block of every file.
"""

from typing import TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.compiled import njit
from crisisrisk.tables.clock_texts import string_buffers
from crisisrisk.tables.text_hashes import Hashes, text_hashes

_FIRST_SLOTS = 64
_Kind = TypeVar("_Kind", bound=np.generic)


class KnownTexts:
    """Texts and their numbers, from 0 in order of meeting."""

    def __init__(self) -> None:
        self._count = 0
        self._slots = np.full(_FIRST_SLOTS, -1, dtype=np.int32)
        self._ends = np.zeros(1, dtype=np.int32)
        self._content = np.zeros(0, dtype=np.uint8)
        self._hashes = np.zeros(0, dtype=np.uint64)
        self._texts = pa.array([], pa.string())

    def __len__(self) -> int:
        return self._count

    @property
    def texts(self) -> pa.StringArray:
        """All texts by number."""
        if len(self._texts) != self._count:
            ends = pa.py_buffer(self._ends[: self._count + 1].copy())
            content = pa.py_buffer(self._content[: self._ends[self._count]].copy())
            self._texts = pa.StringArray.from_buffers(self._count, ends, content)
        return self._texts

    @property
    def hashes(self) -> Hashes:
        """`text_hashes` of all texts by number."""
        return self._hashes[: self._count]

    def numbers_of(self, asked: pa.StringArray) -> NDArray[np.int32]:
        """The number of each text, new ones added. Shape (asked,)."""
        offsets, content = string_buffers(asked)
        self._make_room(len(asked), int(offsets[-1] - offsets[0]))
        numbers = np.empty(len(asked), dtype=np.int32)
        self._count = _look_up(
            content, offsets, text_hashes(asked), numbers,
            self._slots, self._ends, self._content, self._hashes, self._count,
        )  # fmt: skip
        return numbers

    def _make_room(self, more: int, more_bytes: int) -> None:
        """Room for so many more texts and bytes, at most half of the slots taken."""
        count, used = self._count, int(self._ends[self._count])
        if len(self._hashes) < count + more:
            self._hashes = _grown(self._hashes, count + more)
            self._ends = _grown(self._ends, count + more + 1)
        if len(self._content) < used + more_bytes:
            self._content = _grown(self._content, used + more_bytes)
        if len(self._slots) < 2 * (count + more):
            self._slots = np.full(1 << (2 * (count + more)).bit_length(), -1, dtype=np.int32)
            _place_again(self._hashes, count, self._slots)


def _grown(values: NDArray[_Kind], least: int) -> NDArray[_Kind]:
    larger = np.empty(max(least, 2 * len(values)), dtype=values.dtype)
    larger[: len(values)] = values
    return larger


@njit(cache=True, nogil=True)
def _place_again(hashes, count, slots):  # type: ignore[no-untyped-def]
    last = np.uint64(len(slots) - 1)
    for number in range(count):
        slot = hashes[number] & last
        while slots[slot] >= 0:
            slot = (slot + np.uint64(1)) & last
        slots[slot] = number


@njit(cache=True, nogil=True)
def _look_up(asked, offsets, asked_hashes, numbers, slots, ends, content, hashes, count):  # type: ignore[no-untyped-def]
    last = np.uint64(len(slots) - 1)
    for row in range(len(numbers)):
        start, size = offsets[row], offsets[row + 1] - offsets[row]
        slot = asked_hashes[row] & last
        number = slots[slot]
        while number >= 0 and not (
            hashes[number] == asked_hashes[row] and _same(asked, start, size, content, ends[number], ends[number + 1])
        ):
            slot = (slot + np.uint64(1)) & last
            number = slots[slot]
        if number < 0:
            number = count
            slots[slot] = number
            hashes[number] = asked_hashes[row]
            for place in range(size):
                content[ends[number] + place] = asked[start + place]
            ends[number + 1] = ends[number] + size
            count += 1
        numbers[row] = number
    return count


@njit(cache=True, nogil=True)
def _same(asked, start, size, content, first, end):  # type: ignore[no-untyped-def]
    if end - first != size:
        return False
    same = 0
    while same < size and asked[start + same] == content[first + same]:
        same += 1
    return same == size
