"""What placing teams needs of a forecast shift: expected counts, joint samples of them, and when within the shift.

Made from a forecast in memory or from one that the database keeps as issued; both draw the same counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crisisrisk.database.latest import StoredPlace, StoredShift
from crisisrisk.errors import DataError, UsageError
from crisisrisk.models.place_distribution import joint_counts
from crisisrisk.scoring.places import PlaceForecast

Numbers = NDArray[np.float64]
Counts = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class ShiftDemand:
    """One shift of one forecast. Arrays have shape (cells,), cells ascending by id, and are contacts a shift."""

    shift_id: str
    place_ids: tuple[str, ...]
    latitude: Numbers
    """Degrees of the centre; NaN where not known."""
    longitude: Numbers
    expected: Numbers
    own_dispersion: Numbers
    """How much each count scatters beside what all cells share."""
    shared_dispersion: float
    hourly: Numbers
    """The share of the contacts in each real hour since the shift began, 1 in all; the last may be a part of one."""

    def __len__(self) -> int:
        return len(self.place_ids)

    @property
    def expected_by_hour(self) -> Numbers:
        """Expected contacts of each cell in each hour. Shape (cells, hours)."""
        return np.outer(self.expected, self.hourly)

    def counts(self, *, draws: int, seed: int) -> Counts:
        """Counts of all cells drawn together: a busy night is busy everywhere. Shape (draws, cells)."""
        return joint_counts(self.expected, self.own_dispersion, self.shared_dispersion, draws=draws, seed=seed)

    def counts_by_hour(self, *, draws: int, seed: int) -> Counts:
        """The same counts, each contact in an hour by the shares of the hours. Shape (draws, cells, hours)."""
        counts = self.counts(draws=draws, seed=seed)
        random = np.random.default_rng([seed, 1])
        return random.multinomial(counts, self.hourly).astype(np.int32)


def demand_of_forecast(forecast: PlaceForecast, shift_id: str) -> ShiftDemand:
    """The demand of one of the shifts of a forecast. Raises UsageError for a shift that it does not have."""
    rows = forecast.frame[forecast.frame["shift_id"] == shift_id].sort_values("place_id")
    if not len(rows):
        listed = ", ".join(shift.id for shift in forecast.spread.shifts)
        raise UsageError("CR-USE-001", "the forecast is of other shifts", found=shift_id, wanted=listed)
    row = [shift.id for shift in forecast.spread.shifts].index(shift_id)
    outlook = next(one for one in forecast.outlooks if one.shift_id == shift_id)
    latitude, longitude, expected, own = (
        rows[name].to_numpy(dtype=np.float64) for name in ("latitude", "longitude", "expected", "own_dispersion")
    )
    return ShiftDemand(
        shift_id, tuple(rows["place_id"]), latitude, longitude, expected, own, forecast.spread.shared_dispersion(row),
        np.array(outlook.hourly),
    )  # fmt: skip


def demand_as_issued(shift: StoredShift, cells: Sequence[StoredPlace]) -> ShiftDemand:
    """The demand of a shift as its forecast was issued, from what the database keeps of it.

    Raises DataError for a forecast that was kept before forecasts said how counts scatter.
    """
    if shift.total is None or any(cell.own_dispersion is None for cell in cells):
        raise DataError(
            "CR-DATA-003", "the forecast does not say how counts scatter", where=f"S-{shift.run.number}",
            wanted="a forecast made by this version", hint="crisisrisk forecast",
        )  # fmt: skip
    ordered = sorted(cells, key=lambda cell: cell.place_id)
    return ShiftDemand(
        shift.shift_id, tuple(cell.place_id for cell in ordered), _numbers([cell.latitude for cell in ordered]),
        _numbers([cell.longitude for cell in ordered]), _numbers([cell.expected for cell in ordered]),
        _numbers([cell.own_dispersion for cell in ordered]), shift.total.shared_dispersion,
        np.array(shift.total.hourly),
    )  # fmt: skip


def _numbers(values: Sequence[float | None]) -> Numbers:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
