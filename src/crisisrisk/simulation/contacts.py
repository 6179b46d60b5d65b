"""The frame that every part of the city writes contacts into, before any agency records them."""

from typing import Any

import numpy as np
import pandas as pd

from crisisrisk.simulation.period import Indices, Seconds

# Values of a contact that does not say: nobody, nowhere, not ended.
DEFAULTS: dict[str, Any] = {
    "person": -1,
    "code": "",
    "crisis": False,
    "latitude": np.nan,
    "longitude": np.nan,
    "premises": "",
    "outcome": "",
    "origin": "",
    "ended": -1,
}
COLUMNS = ("source", "at", *DEFAULTS)
# Said outright, because a frame of no rows would otherwise forget them.
_WHOLE, _DEGREES = (
    dict.fromkeys(("at", "person", "ended"), np.int64),
    dict.fromkeys(("latitude", "longitude"), np.float64),
)
_TYPES = {**_WHOLE, **_DEGREES, "crisis": np.bool_}


def contacts(source: str, at: Seconds, person: Indices, **columns: Any) -> pd.DataFrame:
    """Contacts of one source: instants, people (-1 where it is nobody known), and any of the columns of DEFAULTS."""
    if unknown := set(columns) - set(DEFAULTS):
        raise TypeError(f"no columns of a contact: {sorted(unknown)}")
    content = {"source": source, "at": at, **DEFAULTS, "person": person, **columns}
    frame = pd.DataFrame(content, columns=list(COLUMNS), index=range(len(at))).astype(_TYPES)
    return frame.astype(dict.fromkeys(set(COLUMNS) - set(_TYPES), object))


def pick(random: np.random.Generator, weights: dict[str, float], count: int) -> np.ndarray[Any, np.dtype[np.object_]]:
    """`count` texts, each with the chance given by its weight."""
    names = np.array(list(weights), dtype=object)
    shares = np.array(list(weights.values()), dtype=np.float64)
    return names[random.choice(len(names), count, p=shares / shares.sum())]
