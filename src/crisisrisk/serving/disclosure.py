"""Disclosure control: the one rule by which numbers of places leave the live board. No count of 1 to 7 is released.

The board that a signed-in crisis team sees is care and shows what is so. Everything else — a download, a file, another
role — is a release, and passes through here.
"""

import re
from dataclasses import replace

from crisisrisk.database.latest import Reasons, StoredPlace, StoredShift

SMALLEST_RELEASED = 8
ROUNDED_TO = 5
NOT_RELEASED = "a small number, which is not released"

_SMALL_NUMBER = re.compile(
    r"(?<![\d,])[1-7](?![\d,])|\d\.\d|\b(one|once|two|twice|three|four|five|six|seven|single)\b", re.IGNORECASE
)


def released_count(count: int) -> int | None:
    """A count as it may be released: none of 1 to 7, others to the nearest 5, as OpenSAFELY does."""
    if 0 < count < SMALLEST_RELEASED:
        return None
    return (2 * count + ROUNDED_TO) // (2 * ROUNDED_TO) * ROUNDED_TO


def released_place(place: StoredPlace) -> StoredPlace:
    """A place as it may be released.

    `expected` is a forecast, not a count, and keeps two decimals. `usual` is a mean of counts: to the nearest half, and
    left out below that, so that the few contacts behind it cannot be worked back. A reason that tells a small number
    is not told.
    """
    return replace(
        place,
        expected=round(place.expected, 2),
        lower=None if place.lower is None else round(place.lower, 2),
        upper=None if place.upper is None else round(place.upper, 2),
        usual=_nearest_half(place.usual),
        reasons=_released_reasons(place.reasons),
    )


def released_shift(shift: StoredShift) -> StoredShift:
    """The totals of a shift as they may be released."""
    return replace(shift, expected=round(shift.expected, 1), usual=_nearest_half(shift.usual))


def tells_small_number(text: str) -> bool:
    """Whether a text tells a number from 1 to 7, in figures or in words, or a fraction."""
    return _SMALL_NUMBER.search(text) is not None


def _released_reasons(reasons: Reasons) -> Reasons:
    """Texts without small numbers, and never the events behind them."""
    return tuple(
        {**reason, "text": NOT_RELEASED if tells_small_number(str(reason["text"])) else reason["text"], "events": []}
        for reason in reasons
    )


def _nearest_half(number: float | None) -> float | None:
    """None below that: 0 would say that nothing is usual there."""
    return None if number is None else round(number * 2) / 2 or None
