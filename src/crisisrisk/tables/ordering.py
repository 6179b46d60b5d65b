"""The one order in which rows are stored, so that the same set of rows is the same file to the byte."""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crisisrisk.tables.text_hashes import Hashes

Ranks = NDArray[np.int64] | NDArray[np.int32]


def canonical_order(
    keys: Sequence[Ranks], ids: pa.Array | None, content: Callable[[pa.Array], Hashes]
) -> NDArray[np.int64]:
    """Row numbers in order of `keys` (the first counts most), then of `ids` as text, then of content.

    Texts and content are only compared where all keys tie; `content` gives the hashes of some rows. O(rows log rows).
    """
    order = np.lexsort(tuple(reversed(keys)))
    tied = np.ones(max(len(order) - 1, 0), dtype=np.bool_)
    for key in keys:
        tied &= key[order[1:]] == key[order[:-1]]
    if not tied.any():
        return order
    among = order[np.append(tied, False) | np.append(False, tied)]
    last = np.zeros(len(order), dtype=np.int64)
    place = pa.array(among)
    by_id = np.zeros(len(among), dtype=np.int32) if ids is None else text_ranks(ids.take(place))
    last[among[np.lexsort((content(place), by_id))]] = np.arange(len(among))
    return np.lexsort((last, *reversed(keys)))


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
