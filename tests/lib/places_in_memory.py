"""Two cells in shifts of a day each, with counts that one feature says something of."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np

from crisisrisk.features.place import PlaceHistory
from crisisrisk.timeline import FOREVER_US, Shift, Window, microseconds, shift_pattern, shifts_starting_in
from crisisrisk.training.place_data import PlaceData
from crisisrisk.training.recipe import parse_training_recipe
from tests.lib.histories import BASE
from tests.lib.reference_place_features import MIDDLE, NEIGHBOUR, hexagons, site_of

PATTERN = shift_pattern("day", "08:00", "20:00")
PLACE_SITE = replace(site_of(), shifts=(PATTERN,), time_zone=ZoneInfo("Europe/London"))
PLACE = parse_training_recipe(
    {
        "name": "place_test", "subject": "place", "features": "place.toml", "outcome": {"crisis_flag": True},
        "split": {"validation_days": 30, "test_days": 40, "origins": 3}, "model": {"rounds": 10, "threads": 1},
    },
    sources=(), where="test",
)  # fmt: skip


def invented_places(days: int) -> PlaceData:
    """So many days of them; the feature is called `x`."""
    random = np.random.default_rng(5)
    shifts = shifts_starting_in([PATTERN], Window(BASE, BASE + timedelta(days=days)), PLACE_SITE.time_zone)
    features = random.normal(size=(len(shifts), 2, 1)).astype(np.float32)
    counts = random.poisson(np.exp(features[:, :, 0] - 1)).astype(np.int32)
    return PlaceData(
        cells=hexagons(MIDDLE, NEIGHBOUR), cells_known_before=BASE, shifts=shifts, usable=np.arange(len(shifts)),
        counts=counts, history=_history(counts, shifts), features=features, offset=np.full((len(shifts), 2), -1.0),
        latency_hours=0.0, cut_off_us=0,
    )  # fmt: skip


def _history(counts: np.ndarray, shifts: tuple[Shift, ...]) -> PlaceHistory:
    """The events of the counts, each at the beginning of its shift and known at once."""
    shift, cell = np.nonzero(counts)
    shift, cell = (np.repeat(one, counts[shift, cell]) for one in (shift, cell))
    occurred = np.array([microseconds(one.start) for one in shifts], dtype=np.int64)[shift]
    order = np.lexsort((-occurred, cell))
    starts, occurred = np.searchsorted(cell[order], np.arange(3)).astype(np.int64), occurred[order]
    return PlaceHistory(starts, order.astype(np.int64), occurred, occurred, np.full(len(order), FOREVER_US))
