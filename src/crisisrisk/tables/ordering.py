"""The one order in which rows are stored, so that the same set of rows is the same file to the byte."""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crisisrisk.tables.text_hashes import Hashes

Ranks = NDArray[np.int64] | NDArray[np.int32]

# Agencies note minutes, or seconds at best.
_STEPS = (60_000_000, 1_000_000)
_BITS = 63


def canonical_order(
    keys: Sequence[Ranks], ids: pa.Array | None, content: Callable[[pa.Array], Hashes]
) -> NDArray[np.int64]:
    """Row numbers in order of `keys` (the first counts most), then of `ids` as text, then of content.

    Texts and content are only compared where all keys tie; `content` gives the hashes of some rows. O(rows log rows).
    """
    joint = _joint_key(keys)
    order: NDArray[np.int64] = np.argsort(joint)
    same = joint[order[1:]] == joint[order[:-1]]
    if not same.any():
        return order
    places = np.flatnonzero(np.append(same, False) | np.append(False, same))
    tied = order[places]
    rows = pa.array(tied)
    by_id = np.zeros(len(tied), dtype=np.int32) if ids is None else text_ranks(ids.take(rows))
    order[places] = tied[np.lexsort((content(rows), by_id, joint[tied]))]
    return order


def _joint_key(keys: Sequence[Ranks]) -> NDArray[np.int64]:
    """One number per row that orders and ties rows as all keys together do."""
    joint = np.zeros(len(keys[0]), dtype=np.int64)
    left = _BITS
    for key in keys if len(joint) else ():
        values, width = _from_zero(key)
        left -= width
        if left < 0:
            return _joint_key_of_any(keys)
        joint = (joint << width) | values
    return joint


def _from_zero(key: Ranks) -> tuple[NDArray[np.int64], int]:
    """Values in steps above their least, and how many bits the largest takes."""
    values = key.astype(np.int64)
    least, largest = int(values.min()), int(values.max())
    if largest - least >= 1 << _BITS:
        return values, _BITS + 1
    values -= least
    for step in _STEPS:
        if largest - least >= step and not (values % step).any():
            return values // step, ((largest - least) // step).bit_length()
    return values, (largest - least).bit_length()


def _joint_key_of_any(keys: Sequence[Ranks]) -> NDArray[np.int64]:
    order = np.lexsort(tuple(reversed(keys)))
    differs = np.zeros(len(order), dtype=np.bool_)
    for key in keys:
        differs[1:] |= key[order[1:]] != key[order[:-1]]
    joint = np.empty(len(order), dtype=np.int64)
    joint[order] = np.cumsum(differs)
    return joint


def text_ranks(texts: pa.Array) -> NDArray[np.int32]:
    """The place of each text among the distinct texts in order; -1 for empty cells."""
    if not pa.types.is_dictionary(texts.type):
        texts = texts.dictionary_encode()
    distinct = texts.dictionary
    by_text = np.asarray(pc.sort_indices(distinct))
    rank = np.empty(len(distinct) + 1, dtype=np.int32)
    rank[by_text] = np.arange(len(distinct), dtype=np.int32)
    rank[-1] = -1
    ranks: NDArray[np.int32] = rank[np.asarray(texts.indices.fill_null(-1))]
    return ranks
