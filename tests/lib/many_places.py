"""A forecast of as many places as a city has: cells side by side, each with a name and reasons of its own."""

import random
from datetime import datetime

import h3
import pandas as pd

from tests.lib.database import forecast

CITY_CELLS = 608
_SIDES = ("Great", "Little", "Lower", "New", "North", "Old", "South", "Upper", "West")
_PARTS = ("Alder", "Birch", "Chapel", "Dale", "Elm", "Forge", "Grange", "Hazel", "Ivy", "Kiln", "Lime", "Mill", "Oak")
_ENDS = ("bridge", "brook", "croft", "field", "ford", "gate", "green", "ham", "hill", "ley", "stead", "ton", "wood")
_SOURCES = ("999 calls", "crisis-line calls", "triage calls", "visits to an emergency department")


def forecast_of_many(
    shift_id: str = "night-2026-11-22", *, start: datetime | None = None, count: int = CITY_CELLS
) -> pd.DataFrame:
    """The forecast of one shift, the highest place first; no two places say the same."""
    draw = random.Random(shift_id)
    cells = sorted(h3.grid_disk(h3.latlng_to_cell(52.48, -1.9, 8), 15))[:count]
    draw.shuffle(cells)
    located = [h3.cell_to_latlng(cell) for cell in cells]
    return forecast(shift_id, start=start, places=count).assign(
        own_dispersion=0.2, place_id=cells, latitude=[lat for lat, _ in located], longitude=[lon for _, lon in located],
        place_name=[f"{draw.choice(_SIDES)} {draw.choice(_PARTS)}{draw.choice(_ENDS)} {draw.randrange(1, 999):03}"
                    for _ in cells],
        expected=[round(1.3 / (1 + place / 40) * draw.uniform(0.97, 1.03), 4) for place in range(count)],
        usual=[round(draw.uniform(0.1, 1.4), 3) for _ in cells], lower=0, upper=[draw.randrange(1, 5) for _ in cells],
        reasons=[[_reason(draw, 0.5), _reason(draw, 0.2)] for _ in cells],
    )  # fmt: skip


def _reason(draw: random.Random, share: float) -> dict[str, object]:
    text = f"{draw.randrange(2, 60)} {draw.choice(_SOURCES)} here in the last {draw.choice((7, 28, 84))} days"
    return {"direction": "up", "share": share, "text": text, "events": []}
