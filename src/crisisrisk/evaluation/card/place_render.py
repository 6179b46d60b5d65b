"""The report of a model of places as one HTML file that needs nothing beside it, and as JSON."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from crisisrisk.disclosure import shown_count
from crisisrisk.evaluation.card.place_drawings import DRAWINGS, place_drawings
from crisisrisk.evaluation.card.render import HTML, JSON, capital, filled, interval, number, words
from crisisrisk.evaluation.fairness import TOO_FEW
from crisisrisk.evaluation.issue_time_rows import hours_in_words
from crisisrisk.evaluation.place_record import TOO_FEW as UNTOLD

MOST_PLACES = 300
"""So many places stand on the page, those that were wrong first; the JSON has all."""


def place_files(content: Mapping[str, Any]) -> dict[str, str]:
    """The two files by name. The same content gives the same bytes."""
    return {HTML: _page(content), JSON: json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"}


def _page(content: Mapping[str, Any]) -> str:
    filters: dict[str, Callable[..., str]] = {
        "count": shown_count,
        "number": number,
        "interval": interval,
        "words": words,
        "capital": capital,
        "hundred": _hundred,
        "outside": _outside,
        "before": hours_in_words,
    }
    made = place_drawings(content)
    drawn = {name: made.get(name) for name in DRAWINGS}
    return filled("places.html", drawn, filters, card=content, shown=_shown(content["places"]), too_few=TOO_FEW)


def _shown(places: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those where it was wrong first, then by what was expected."""
    order = sorted(places, key=lambda one: (one["says"] in ("as expected", UNTOLD), -_size(one["expected"])))
    return order[:MOST_PLACES]


def _hundred(share: float | None, digits: int = 0) -> str:
    """A share as so many in 100; a dash where it is withheld."""
    return "–" if share is None else f"{100 * share:.{digits}f}"


def _size(expected: int | str) -> int:
    return expected if isinstance(expected, int) else 0


def _outside(place: Mapping[str, Any], shifts: int) -> str:
    """How often the count was inside its range, from the rounded number of shifts outside."""
    outside = place["outside"]
    if not isinstance(outside, int):
        return f"in all but {outside} of {shifts:,}"
    return f"in all of {shifts:,}" if outside == 0 else f"in about {max(shifts - outside, 0):,} of {shifts:,}"
