"""Versions of events: exact duplicates dropped, and for each version the moment when a later one replaced it.

The result depends on the set of rows only, not on their order. Of two versions that became known in the same instant
the one with the higher content hash counts; the other is superseded in that instant and so never seen.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.tables.cell_values import Mask
from crisisrisk.tables.coding import Texts, column_of, content_hashes, event_hashes, instants_of
from crisisrisk.tables.text_hashes import Hashes, combined
from crisisrisk.timeline import FOREVER_US, Instants


@dataclass(frozen=True)
class Versions:
    """What tells rows apart. `event`, `content`: hashes; `known_us`: microseconds. Shapes (rows,)."""

    event: Hashes
    known_us: Instants
    content: Hashes

    @property
    def row(self) -> Hashes:
        """A hash of the whole row."""
        return combined(combined(self.event, self.known_us.view(np.uint64)), self.content)


def versions_of(rows: pa.Table, texts: Texts) -> Versions:
    """The hashes of coded rows."""
    return Versions(event_hashes(rows, texts), instants_of(rows, "known_at"), content_hashes(rows, texts))


@dataclass(frozen=True)
class Resolved:
    """`keep`: the first of each set of exact duplicates. `superseded_us`: when the next version became known, else
    forever. `corrects`: another version of the event became known earlier. Shapes (rows,)."""

    keep: Mask
    superseded_us: Instants
    corrects: Mask


def resolved(rows: pa.Table, versions: Versions) -> Resolved:
    """Duplicates and versions among some rows. O(rows log rows)."""
    keep = np.ones(len(versions.event), dtype=np.bool_)
    superseded = np.full(len(keep), FOREVER_US, dtype=np.int64)
    corrects = np.zeros(len(keep), dtype=np.bool_)
    shared = _with_shared_hash(versions.event)
    if len(shared) == 0:
        return Resolved(keep, superseded, corrects)
    event = _true_events(rows, shared, versions)
    known, content = versions.known_us[shared], versions.content[shared]
    order = np.lexsort((shared, content, known, event))
    event, known, content, place = event[order], known[order], content[order], shared[order]
    same_event = event[1:] == event[:-1]
    same_row = same_event & (known[1:] == known[:-1]) & (content[1:] == content[:-1])
    keep[place[1:][same_row]] = False
    corrects[place[1:][same_event]] = True
    superseded[place] = _next_known(event, known, np.append(False, same_row))
    return Resolved(keep, superseded, corrects)


def _with_shared_hash(events: Hashes) -> NDArray[np.int64]:
    """The rows whose event hash some other row has too."""
    order = np.argsort(events)
    ordered = events[order]
    same = ordered[1:] == ordered[:-1]
    if not same.any():
        return np.zeros(0, dtype=np.int64)
    return np.sort(order[np.append(same, False) | np.append(False, same)])


def _true_events(rows: pa.Table, shared: NDArray[np.int64], versions: Versions) -> NDArray[np.int64]:
    """A number per real (source, event_id): two events may share a hash by chance."""
    place = pa.array(shared)
    ids = column_of(rows, "event_id").take(place).dictionary_encode().indices
    sources = column_of(rows, "source").take(place)
    return np.asarray(ids).astype(np.int64) << 32 | np.asarray(sources.fill_null(-1)).astype(np.int64) & 0xFFFFFFFF


def _next_known(event: NDArray[np.int64], known: Instants, repeats: Mask) -> Instants:
    """For rows in order of (event, known, content): when the event's next distinct version became known."""
    following = np.full(len(event), FOREVER_US, dtype=np.int64)
    distinct = np.flatnonzero(~repeats)
    same = event[distinct[1:]] == event[distinct[:-1]]
    following[distinct[:-1][same]] = known[distinct[1:]][same]
    return following


# Versions of one event in different parts of the store: a correction that names another person, or the first one.

PART_BITS = np.uint64(0x1FF)


def marked_with_parts(events: Hashes, parts: NDArray[np.int64] | int) -> Hashes:
    """Event hashes whose lowest nine bits are replaced by the number of the part (0 to 511) that holds the row."""
    return (events & ~PART_BITS) | np.asarray(parts, dtype=np.uint64)


def in_several_parts(marked: Hashes) -> Hashes:
    """The upper 55 bits of event hashes that occur in more than one part, in order. They may agree by chance."""
    upper = sorted_distinct(marked) & ~PART_BITS
    return sorted_distinct(upper[1:][upper[1:] == upper[:-1]])


def sorted_distinct(hashes: Hashes) -> Hashes:
    """The distinct hashes in order. Sorting is several times as fast here as the hash table of `numpy.unique`."""
    ordered = np.sort(hashes)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered


def among(events: Hashes, upper: Hashes) -> Mask:
    """Which event hashes have their upper bits in an ordered list."""
    if len(upper) == 0:
        return np.zeros(len(events), dtype=np.bool_)
    wanted = events & ~PART_BITS
    place = np.minimum(np.searchsorted(upper, wanted), len(upper) - 1)
    return np.asarray(upper[place] == wanted)


class ForeignVersions:
    """When rows of events that lie in several parts are superseded, by whichever part's later version."""

    def __init__(self, ids: list[pa.Array], sources: list[NDArray[np.int32]], versions: list[Versions]) -> None:
        known = np.concatenate([one.known_us for one in versions])
        content = np.concatenate([one.content for one in versions])
        whole = np.concatenate([one.row for one in versions])
        codes = np.asarray(pa.chunked_array(ids).combine_chunks().dictionary_encode().indices).astype(np.int64)
        event = codes << 32 | np.concatenate(sources).astype(np.int64)
        order = np.lexsort((content, known, event))
        event, known, content, whole = event[order], known[order], content[order], whole[order]
        repeats = np.append(False, (event[1:] == event[:-1]) & (whole[1:] == whole[:-1]))
        superseded = _next_known(event, known, repeats)
        distinct = np.flatnonzero(~repeats)
        by_row = distinct[np.argsort(whole[distinct])]
        self._rows, self._superseded = whole[by_row], superseded[by_row]
        first = np.append(True, event[1:] != event[:-1])
        self._later = ~first[by_row]

    def lowered(self, superseded_us: Instants, versions: Versions, rows: NDArray[np.int64]) -> Instants:
        """`superseded_us` with what later versions elsewhere make of some rows."""
        place = self._places(versions, rows)
        lowered = superseded_us.copy()
        lowered[rows] = np.minimum(superseded_us[rows], self._superseded[place])
        return lowered

    def corrects(self, versions: Versions, rows: NDArray[np.int64]) -> Mask:
        """Which of some rows have an earlier version in any part. Shape (len(rows),)."""
        return self._later[self._places(versions, rows)]

    def _places(self, versions: Versions, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.searchsorted(self._rows, versions.row[rows])
