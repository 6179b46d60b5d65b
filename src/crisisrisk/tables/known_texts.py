"""Distinct texts met so far, numbered in order of meeting: the Arrow counterpart of a dict, without a Python loop."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


class KnownTexts:
    """Texts and their numbers. One look-up costs O(known + asked): made for many texts at a time."""

    def __init__(self) -> None:
        self.texts: pa.StringArray = pa.array([], pa.string())

    def __len__(self) -> int:
        return len(self.texts)

    def numbers_of(self, asked: pa.Array) -> NDArray[np.int32]:
        """The number of each text, new ones added. Shape (asked,)."""
        found = pc.index_in(asked, value_set=self.texts)
        if found.null_count:
            fresh = pc.unique(asked.filter(found.is_null()))
            self.texts = pa.concat_arrays([self.texts, fresh])
            found = pc.index_in(asked, value_set=self.texts)
        return np.asarray(found)
