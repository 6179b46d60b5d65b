"""What leaves the live board of places: the numbers and words that scoring made for release, in place of what is so.

The board that a signed-in crisis team sees is care and shows what is so. Everything else — a download, another role —
is a release. What may be said is decided in `crisisrisk.disclosure`; where scoring made nothing, nothing is released.
"""

from collections.abc import Sequence
from dataclasses import replace

from crisisrisk.database.latest import Reasons, StoredPlace, StoredShift
from crisisrisk.database.totals import StoredTotal
from crisisrisk.disclosure import DECIMALS, tells_small_number
from crisisrisk.scoring.outlook import RELEASED_STEP


def released_places(places: Sequence[StoredPlace]) -> list[StoredPlace]:
    """The places of a shift as they may be released, in order of their released rank and id: the live order tells."""
    told = [
        replace(
            place,
            expected=place.released_expected,
            lower=place.released_lower,
            upper=place.released_upper,
            usual=place.released_usual,
            rank=place.released_rank,
            reasons=_released_reasons(place.released_reasons),
            last_contact=None,
        )
        for place in places
        if place.released_expected is not None and place.released_rank is not None
    ]
    return sorted(told, key=lambda place: (place.rank, place.place_id))


def released_shift(shift: StoredShift) -> StoredShift | None:
    """The totals of a shift as they may be released; None where nothing of it may."""
    if shift.released_expected is None:
        return None
    usual = None if shift.released_usual is None else round(shift.released_usual, DECIMALS)
    expected = round(shift.released_expected, DECIMALS)
    total = None if shift.total is None else released_total(shift.total)
    return replace(shift, expected=expected, usual=usual, modes=shift.released_modes, total=total)


def released_total(total: StoredTotal) -> StoredTotal | None:
    """The same of a total, chances in steps of five in 100; None where nothing of it may be released."""
    if total.released_expected is None or total.released_lower is None or total.released_upper is None:
        return None
    return replace(
        total,
        expected=round(total.released_expected, DECIMALS),
        lower=total.released_lower,
        upper=total.released_upper,
        usual=round(total.released_usual, DECIMALS),
        quieter=_in_steps(total.released_quieter),
        busier=_in_steps(total.released_busier),
        outlook=total.released_outlook,
    )


def _in_steps(chance: float) -> float:
    return RELEASED_STEP * round(100 * chance / RELEASED_STEP) / 100


def _released_reasons(reasons: Reasons) -> Reasons:
    """Never the contacts behind them nor their shares; and whatever scoring made, none that tells a small number."""
    return tuple(
        {"direction": reason["direction"], "text": reason["text"], "events": []}
        for reason in reasons
        if not tells_small_number(str(reason["text"]))
    )
