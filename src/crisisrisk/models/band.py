"""The range around a calibrated probability, along the score: kept as numbers in JSON, applied by interpolation."""

from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import ModelError

Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]
CURVES = ("lower", "upper", "thin_lower", "thin_upper")


@dataclass(frozen=True, kw_only=True)
class Band:
    """For people with a score like this, between which ends the frequency of the outcome lies, at a stated level.

    Straight lines between the knots, level outside them. None of the curves falls as the score rises. The `thin_`
    curves are for people with a thin history, and are never narrower.
    """

    level: float
    """How often the range is to hold the frequency: 0.9 is nine times in ten."""
    scores: tuple[float, ...]
    """Log-odds before calibration, ascending."""
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    thin_lower: tuple[float, ...]
    thin_upper: tuple[float, ...]

    def __post_init__(self) -> None:
        if problem := _problem(self):
            raise ModelError("CR-MODEL-002", f"the range of the calibration cannot be used: {problem}")

    def around(self, log_odds: Numbers, probability: Numbers, thin: Mask) -> tuple[Numbers, Numbers]:
        """Lower and upper end of each probability, which lies between them. All arrays have shape (rows,)."""
        ends = {name: np.interp(log_odds, self.scores, getattr(self, name)) for name in CURVES}
        lower = np.where(thin, ends["thin_lower"], ends["lower"])
        upper = np.where(thin, ends["thin_upper"], ends["upper"])
        return np.minimum(lower, probability), np.maximum(upper, probability)

    def to_plain(self) -> dict[str, Any]:
        """Numbers only, for JSON."""
        return {"level": self.level, **{name: list(getattr(self, name)) for name in ("scores", *CURVES)}}

    @staticmethod
    def from_plain(content: dict[str, Any]) -> "Band":
        """What `to_plain` gave. Raises ModelError for numbers that are no band, TypeError or ValueError for others."""
        if set(content) != {one.name for one in fields(Band)}:
            raise ValueError("the keys are not those of a band")
        curves = {name: tuple(map(float, content[name])) for name in ("scores", *CURVES)}
        return Band(level=float(content["level"]), **curves)


def _problem(band: Band) -> str | None:
    knots = {name: np.array(getattr(band, name)) for name in ("scores", *CURVES)}
    lengths = {len(one) for one in knots.values()}
    if len(lengths) != 1 or lengths == {0} or not all(np.isfinite(one).all() for one in knots.values()):
        return "every curve needs as many finite numbers as there are scores, and at least one"
    if not 0 < band.level < 1:
        return "its level must lie between 0 and 1"
    if not (np.diff(knots["scores"]) > 0).all() or any((np.diff(knots[name]) < 0).any() for name in CURVES):
        return "scores must rise, and no curve may fall"
    order = [knots[name] for name in ("thin_lower", "lower", "upper", "thin_upper")]
    nested = all((below <= above).all() for below, above in pairwise(order))
    return None if nested and order[0][0] >= 0 and order[-1][-1] <= 1 else "its curves cross, or leave 0 to 1"
