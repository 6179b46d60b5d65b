"""Disclosure control: the one rule by which numbers of places leave the live board. No count of 1 to 7 is released.

The board that a signed-in crisis team sees is care and shows what is so. Everything else — a download, another role —
is a release, and passes through here. It gets the forecast, which is no count, and the words that scoring made for
release, which tell none: where scoring made none, nothing is released in their place.
"""

import re
from dataclasses import replace

from crisisrisk.database.latest import Reasons, StoredPlace, StoredShift
from crisisrisk.database.totals import StoredTotal
from crisisrisk.scoring.outlook import RELEASED_STEP
from crisisrisk.scoring.release import released_number

_WINDOW = re.compile(r"\bin the last ([\w-]+ )?(days?|weeks?|months?|half year|years?)\b", re.IGNORECASE)
_SMALL_NUMBER = re.compile(
    r"(?<![\d,])[1-7](?![\d,])|\d\.\d|\b(one|once|two|twice|three|four|five|six|seven|single)\b", re.IGNORECASE
)


def released_place(place: StoredPlace) -> StoredPlace:
    """A place as it may be released: forecasts to one decimal, and what scoring worded for release."""
    return replace(
        place,
        expected=released_number(place.expected),
        lower=_rounded(place.lower),
        upper=_rounded(place.upper),
        usual=_rounded(place.released_usual),
        reasons=_released_reasons(place.released_reasons),
    )


def released_shift(shift: StoredShift) -> StoredShift:
    """The totals of a shift as they may be released."""
    total = None if shift.total is None else released_total(shift.total)
    return replace(
        shift,
        expected=released_number(shift.expected),
        usual=_rounded(shift.released_usual),
        modes=shift.released_modes,
        total=total,
    )


def released_total(total: StoredTotal) -> StoredTotal:
    """The same of its forecast: chances in steps of five in 100, and none of the counts that are usual."""
    return replace(
        total,
        expected=released_number(total.expected),
        usual=released_number(total.released_usual),
        quieter=_in_steps(total.released_quieter),
        busier=_in_steps(total.released_busier),
        outlook=total.released_outlook,
    )


def _in_steps(chance: float) -> float:
    return RELEASED_STEP * round(100 * chance / RELEASED_STEP) / 100


def tells_small_number(text: str) -> bool:
    """Whether a text tells a number from 1 to 7, in figures or in words, or a fraction; lengths of time aside."""
    return _SMALL_NUMBER.search(_WINDOW.sub("", text)) is not None


def _released_reasons(reasons: Reasons) -> Reasons:
    """Never the contacts behind them; and whatever scoring made, none that tells a small number."""
    return tuple({**reason, "events": []} for reason in reasons if not tells_small_number(str(reason["text"])))


def _rounded(number: float | None) -> float | None:
    return None if number is None else released_number(number)
