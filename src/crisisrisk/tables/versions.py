"""Versions of events: exact duplicates dropped, and for each version the moment when a later one replaced it.

The result depends on the set of rows only, not on their order. Of two versions that became known in the same instant
the one with the higher content hash counts; the other is superseded in that instant and so never seen.
"""

from collections.abc import Sequence
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


def resolved(rows: pa.Table, events: Hashes, texts: Texts) -> Resolved:
    """Duplicates and versions among some rows, whose `event_hashes` are `events`. O(rows log rows)."""
    keep = np.ones(len(events), dtype=np.bool_)
    superseded = np.full(len(keep), FOREVER_US, dtype=np.int64)
    corrects = np.zeros(len(keep), dtype=np.bool_)
    shared = _with_shared_hash(events)
    if len(shared) == 0:
        return Resolved(keep, superseded, corrects)
    among_shared = rows.take(pa.array(shared))
    event = _true_events(among_shared)
    known, content = instants_of(among_shared, "known_at"), content_hashes(among_shared, texts)
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
    ordered = np.sort(events)
    if not (ordered[1:] == ordered[:-1]).any():
        return np.zeros(0, dtype=np.int64)
    order = np.argsort(events)
    same = events[order[1:]] == events[order[:-1]]
    return np.sort(order[np.append(same, False) | np.append(False, same)])


def _true_events(rows: pa.Table) -> NDArray[np.int64]:
    """A number per real (source, event_id): two events may share a hash by chance."""
    ids = column_of(rows, "event_id").dictionary_encode().indices
    sources = column_of(rows, "source").fill_null(-1)
    return np.asarray(ids).astype(np.int64) << 32 | np.asarray(sources).astype(np.int64) & 0xFFFFFFFF


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


def in_several_parts(fresh: Sequence[Hashes], stored: Sequence[Hashes]) -> Hashes:
    """The upper 55 bits of event hashes that occur in more than one part, and among the new rows. In order.

    Each array is marked with parts, and sorted. Works through slices of the hashes' range, so that memory beyond the
    arrays themselves stays small. Two events may agree in those bits by chance: these are candidates.
    """
    found = []
    for start in range(0, 1 << 64, 1 << 60):
        new = _in_range(fresh, start)
        everything = sorted_distinct(np.concatenate([new, _in_range(stored, start)])) & ~PART_BITS
        several = sorted_distinct(everything[1:][everything[1:] == everything[:-1]])
        found.append(several[among(several, sorted_distinct(new & ~PART_BITS))])
    return np.concatenate(found)


def _in_range(arrays: Sequence[Hashes], start: int) -> Hashes:
    last = np.uint64(start + (1 << 60) - 1)
    pieces = [one[np.searchsorted(one, np.uint64(start)) : np.searchsorted(one, last, "right")] for one in arrays]
    return np.concatenate([np.zeros(0, dtype=np.uint64), *pieces])


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

    def __init__(self, rows: pa.Table, texts: Texts) -> None:
        versions, event = versions_of(rows, texts), _true_events(rows)
        order = np.lexsort((versions.content, versions.known_us, event))
        event, known, whole = event[order], versions.known_us[order], versions.row[order]
        repeats = np.append(False, (event[1:] == event[:-1]) & (whole[1:] == whole[:-1]))
        superseded = _next_known(event, known, repeats)
        distinct = np.flatnonzero(~repeats)
        by_row = distinct[np.argsort(whole[distinct])]
        self._texts = texts
        self._rows, self._superseded = whole[by_row], superseded[by_row]
        first = np.append(True, event[1:] != event[:-1])
        self._later = ~first[by_row]

    def of(self, rows: pa.Table) -> tuple[Instants, Mask]:
        """When later versions in any part end each of some rows, and which have an earlier version anywhere."""
        place = np.searchsorted(self._rows, versions_of(rows, self._texts).row)
        return self._superseded[place], self._later[place]
