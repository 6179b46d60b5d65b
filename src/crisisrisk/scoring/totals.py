"""The totals of a forecast as the database keeps them: of the whole and of every area, as issued."""

from typing import TYPE_CHECKING

from crisisrisk.scoring.outlook import Outlook
from crisisrisk.scoring.places import PlaceForecast

if TYPE_CHECKING:
    import pandas as pd


def totals_frame(forecast: PlaceForecast) -> "pd.DataFrame":
    """One row for the whole of each shift, whose `area_id` is empty, and one for each area in it.

    Columns: `shift_id, area_id, area_name, start, end, places, issue_hours, hours_ahead, expected, lower, upper, usual,
    usual_low, usual_high, quieter, busier, outlook` (words, with the counts that are usual), `released_` and `expected,
    lower, upper, usual, quieter, busier, outlook` (made of what is released alone), `hourly` (shares; of the whole
    alone) and `shared_dispersion`.
    """
    import pandas as pd

    shifts = {one.id: (row, one) for row, one in enumerate(forecast.spread.shifts)}
    rows = []
    told = (*forecast.outlooks, *forecast.areas), (*forecast.released_outlooks, *forecast.released_areas)
    for live, released in zip(*told, strict=True):
        row, shift = shifts[live.shift_id]
        shared = forecast.spread.shared_dispersion(row)
        rows.append({**_as_row(live, released), "start": shift.start, "end": shift.end, "shared_dispersion": shared})
    return pd.DataFrame(rows)


def _as_row(live: Outlook, released: Outlook) -> dict[str, object]:
    names = ("shift_id", "area_id", "area_name", "places", "issue_hours", "hours_ahead", "expected", "lower", "upper",
             "usual", "usual_low", "usual_high", "quieter", "busier")  # fmt: skip
    return {
        **{name: getattr(live, name) for name in names},
        "outlook": live.text(),
        "released_expected": released.expected,
        "released_lower": released.lower,
        "released_upper": released.upper,
        "released_usual": released.usual,
        "released_outlook": released.released_text(),
        "released_quieter": released.quieter,
        "released_busier": released.busier,
        "hourly": list(live.hourly),
    }
