"""Recorded contacts wait on the disk, sorted by file and by stretch of days, until each file is written in order.

A block of people leaves one file of raw rows and one index beside it. Reading one stretch of one agency's file takes
that part of every block, so that neither the number of people nor that of years decides how much memory is needed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crisisrisk.simulation.contacts import Contacts
from crisisrisk.simulation.feeds import FILES, feeds_of
from crisisrisk.simulation.period import Indices, Period
from crisisrisk.simulation.recording import Recorded

Rows = NDArray[np.void]

ROW = np.dtype(
    [
        ("at", "<i8"), ("known", "<i8"), ("ended", "<i8"), ("latitude", "<f8"), ("longitude", "<f8"),
        ("person", "<i4"), ("named", "<i4"), ("birth_date", "<i4"), ("source", "i1"), ("premises", "i1"),
        ("origin", "i1"), ("crisis", "?"), ("code", "<i2"), ("outcome", "<i2"), ("surname", "<i2"),
        ("forename", "<i2"), ("house", "<i2"), ("street", "<i2"), ("second_key", "?"), ("followed", "?"),
    ]
)  # fmt: skip
_OF_CONTACTS = tuple(name for name in Contacts.__dataclass_fields__ if name in (ROW.names or ()))
_OF_RECORDED = tuple(name for name in Recorded.__dataclass_fields__ if name in (ROW.names or ()))
_ROWS, _INDEX = ".rows", ".index"
# A month in a city of this size; fewer days where there are more people.
_PEOPLE_FOR_A_MONTH, _DAYS_OF_A_MONTH = 60_000, 30


@dataclass(frozen=True)
class Slices:
    """Whole local days in stretches of equal length: `starts` (slices + 1,) are the local midnights between them."""

    starts: Indices

    def __len__(self) -> int:
        return len(self.starts) - 1

    def of(self, instants: Indices) -> Indices:
        """The stretch in which each instant lies."""
        return np.clip(np.searchsorted(self.starts, instants, side="right") - 1, 0, len(self) - 1)


def slices_of(period: Period, people: int) -> Slices:
    """Stretches that hold about as many rows however many people there are."""
    days = max(1, min(_DAYS_OF_A_MONTH, _DAYS_OF_A_MONTH * _PEOPLE_FOR_A_MONTH // people))
    return Slices(starts=np.append(period.midnight[:-1:days], period.midnight[-1]))


def spill(kept: Recorded, folder: Path, *, name: str, slices: Slices) -> None:
    """Leave the rows of one block under a name of its own."""
    place = feeds_of(kept.contacts, kept.late) * np.int64(len(slices)) + slices.of(kept.contacts.at)
    order = np.argsort(place, kind="stable")
    _rows(kept)[order].tofile(folder / f"{name}{_ROWS}")
    counts = np.bincount(place, minlength=len(FILES) * len(slices))
    np.concatenate([[0], np.cumsum(counts)]).astype("<i8").tofile(folder / f"{name}{_INDEX}")


def _rows(kept: Recorded) -> Rows:
    rows = np.empty(len(kept), dtype=ROW)
    for name in _OF_CONTACTS:
        rows[name] = getattr(kept.contacts, name)
    for name in _OF_RECORDED:
        rows[name] = getattr(kept, name)
    return rows


def spilled(folder: Path, file: str, slices: Slices) -> Iterator[Rows]:
    """The rows of one agency's file, one stretch of days after another, each in order of occurrence."""
    blocks = sorted(folder.glob(f"*{_ROWS}"))
    indexes = np.array([_index(path, file, slices) for path in blocks]).reshape(len(blocks), len(slices) + 1)
    for number in range(len(slices)):
        parts = [_part(path, *index[number : number + 2]) for path, index in zip(blocks, indexes, strict=True)]
        rows = np.concatenate([np.empty(0, dtype=ROW), *parts])
        yield rows[np.lexsort((rows["person"], rows["source"], rows["at"]))]


def rows_of_slices(folder: Path, file: str, slices: Slices) -> Indices:
    """How many rows a file has in each stretch of days. Shape (slices,)."""
    indexes = [_index(path, file, slices) for path in sorted(folder.glob(f"*{_ROWS}"))]
    return np.diff(np.sum(indexes, axis=0)) if indexes else np.zeros(len(slices), dtype=np.int64)


def _index(path: Path, file: str, slices: Slices) -> Indices:
    """Where each stretch of a file begins among the rows of a block. Shape (slices + 1,)."""
    begins = FILES.index(file) * len(slices) * 8
    return np.fromfile(path.with_suffix(_INDEX), dtype="<i8", count=len(slices) + 1, offset=begins)


def _part(path: Path, begins: int, ends: int) -> Rows:
    if begins == ends:
        return np.empty(0, dtype=ROW)
    return np.fromfile(path, dtype=ROW, count=int(ends - begins), offset=int(begins) * ROW.itemsize)
