"""How agencies write times, numbers and names in their files."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crisisrisk.simulation.period import ZONE, Indices, Mask, Numbers, Seconds, local_clock

Texts = NDArray[np.object_]
Columns = dict[str, Texts]

DAY_AND_MINUTE = "%d/%m/%Y %H:%M"
DAY = "%d/%m/%Y"
ISO_MINUTE = "%Y-%m-%d %H:%M"


def local_texts(instants: Seconds, pattern: str) -> Texts:
    """Local wall-clock texts; empty where the instant is negative.

    Clocks that note no zone repeat an hour in autumn. What falls into its second pass is written at the
    end of it, so that the order of a row's times survives.
    """
    clock = local_clock(np.maximum(instants, 0))
    wall = clock.tz_localize(None)
    first_reading = wall.tz_localize(ZONE, ambiguous=np.ones(len(wall), dtype=bool))
    repeated = np.asarray(first_reading != clock)
    wall = pd.DatetimeIndex(np.where(repeated, wall.ceil("h"), wall))
    return np.where(instants < 0, "", np.asarray(wall.strftime(pattern), dtype=object)).astype(object)


def utc_texts(instants: Seconds) -> Texts:
    """ISO texts with seconds and a Z; empty where the instant is negative."""
    found = np.datetime_as_string(instants.astype("datetime64[s]"), timezone="UTC")
    return np.where(instants < 0, "", found).astype(object)


def offset_texts(instants: Seconds) -> Texts:
    """ISO texts of local time with its offset from UTC, such as +01:00."""
    clock = local_clock(instants)
    offset = np.asarray(clock.tz_localize(None).as_unit("s").asi8) - instants
    signs = np.where(offset == 0, "+00:00", "+01:00").astype(object)
    return np.asarray(np.asarray(clock.strftime("%Y-%m-%dT%H:%M:%S"), dtype=object) + signs)


def decimals(numbers: Numbers, places: int) -> Texts:
    """Numbers with a fixed number of decimals; empty where NaN."""
    return np.array(["" if np.isnan(number) else f"{number:.{places}f}" for number in numbers.tolist()], dtype=object)


def whole(numbers: Indices) -> Texts:
    """Whole numbers; empty where negative."""
    return np.array(["" if number < 0 else str(number) for number in numbers.tolist()], dtype=object)


def of_person(person: Indices, texts: Sequence[str] | NDArray[Any]) -> Texts:
    """The text of each person; empty for nobody (-1)."""
    found = np.asarray(texts, dtype=object)[person]
    return np.where(person < 0, "", found).astype(object)


def spaced(numbers: Texts) -> Texts:
    """NHS numbers as people write them: 999 123 4567."""
    return np.array([f"{number[:3]} {number[3:6]} {number[6:]}" if number else "" for number in numbers], dtype=object)


def numbered(prefix: str, count: int, *, start: int = 1) -> Texts:
    """Reference numbers in order."""
    return np.array([f"{prefix}{number:06d}" for number in range(start, start + count)], dtype=object)


def chosen(condition: Mask, yes: str, no: str) -> Texts:
    """One of two texts in each row."""
    return np.where(condition, yes, no).astype(object)
