"""What a whole shift looks like: its likely span, and how likely it is busier or quieter than is usual for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.features.place_modes import ModeShares
from crisisrisk.models.place_distribution import (
    LEAST_EXPECTED,
    SHOWN_LEVEL,
    BesideUsual,
    Interval,
    PlaceDistribution,
    beside_usual,
)
from crisisrisk.timeline import Shift

Numbers = NDArray[np.float64]

RELEASED_STEP = 5
"""Chances leave the site in steps of so many in 100."""


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """One shift, all cells together. Contacts a shift, ends of spans inside; `quieter` and `busier` are chances.

    Usual is the middle half of the counts that would come if as much were expected as in earlier shifts of the name
    and weekday.
    """

    shift_id: str
    expected: float
    lower: int
    upper: int
    usual: float
    usual_low: int
    usual_high: int
    quieter: float
    busier: float
    hourly: tuple[float, ...]
    """The share of the contacts in each real hour since the shift began; the last hour may be a part of one."""
    modes: Mapping[str, float] = field(default_factory=dict)
    """The expected contacts made in each way, which add up to `expected`; empty where no earlier contact was known."""
    released_modes: Mapping[str, float] = field(default_factory=dict)
    """The same to one decimal, adding up to `expected` to one decimal, small ones put together."""

    @property
    def about_usual(self) -> float:
        """The chance that the shift is neither quieter nor busier than usual."""
        return max(1.0 - self.quieter - self.busier, 0.0)

    @property
    def likeliest(self) -> str:
        """Quieter than usual, about usual or busier than usual: whichever has the greatest chance."""
        chances = {
            "about usual": self.about_usual,
            "busier than usual": self.busier,
            "quieter than usual": self.quieter,
        }
        return max(chances, key=lambda name: chances[name])

    def text(self) -> str:
        """For the signed-in board: with the counts that are usual."""
        usual = f"{self.usual_low}" if self.usual_low == self.usual_high else f"{self.usual_low} to {self.usual_high}"
        chances = _in_100(self, step=1)
        quiet, busy = chances["quieter"], chances["busier"]
        head = {
            "about usual": f"looks ordinary: {chances['about usual']} in 100 that {usual} come, as usual",
            "busier than usual": f"busier than usual: {busy} in 100 that more than {self.usual_high} come",
            "quieter than usual": f"quieter than usual: {quiet} in 100 that fewer than {self.usual_low} come",
        }[self.likeliest]
        return f"{head}; {_others(self.likeliest, chances)}"

    def released_text(self) -> str:
        """For a file: without a count, chances in steps of five in 100."""
        chances = _in_100(self, step=RELEASED_STEP)
        name = self.likeliest
        own = chances[name.removesuffix(" than usual")]
        head = (
            f"looks ordinary: {own} in 100 that it is about usual" if name == "about usual" else f"{name}: {own} in 100"
        )
        return f"{head}; {_others(name, chances)}"

    def released(self) -> dict[str, Any]:
        """As a file holds it: forecasts alone, no count of events."""
        chances = _in_100(self, step=RELEASED_STEP)
        return {
            "shift_id": self.shift_id,
            "lower": self.lower,
            "upper": self.upper,
            "quieter_in_100": chances["quieter"],
            "busier_in_100": chances["busier"],
            "outlook": self.released_text(),
            "modes": dict(self.released_modes),
        }


def _in_100(outlook: Outlook, *, step: int) -> dict[str, int]:
    named = {"quieter": outlook.quieter, "about usual": outlook.about_usual, "busier": outlook.busier}
    return {name: step * round(100 * chance / step) for name, chance in named.items()}


def _others(likeliest: str, chances: dict[str, int]) -> str:
    left = [name for name in ("about usual", "busier", "quieter") if not likeliest.startswith(name)]
    return ", ".join(f"{name} {chances[name]}" for name in left)


@dataclass(frozen=True)
class Spread:
    """How the counts of some shifts scatter: `expected` of shape (shifts, cells) and what the model says around it."""

    distribution: PlaceDistribution
    shifts: Sequence[Shift]
    density: Numbers
    """Residents per km², shape (cells,)."""
    expected: Numbers

    @property
    def kinds(self) -> NDArray[np.int64]:
        return self.distribution.kind_numbers([shift.name for shift in self.shifts])

    @property
    def strata(self) -> NDArray[np.int64]:
        return self.distribution.strata(self.kinds, self.density, self.expected)

    def of_cells(self) -> Interval:
        """The shown interval of each cell. Arrays of shape (shifts, cells)."""
        return self.distribution.interval(self.expected, self.strata, level=SHOWN_LEVEL)

    def cells_beside(self, usual: Numbers) -> BesideUsual:
        """Each cell beside its usual count, shape (shifts, cells)."""
        return beside_usual(self.expected, usual, self.distribution.dispersions(self.strata))

    def outlooks(self, usual: Numbers, hourly: Sequence[Numbers], modes: Sequence[ModeShares]) -> tuple[Outlook, ...]:
        """Each shift beside the usual counts of its cells, shape (shifts, cells).

        `hourly`, `modes`: the shares of its hours and of the ways in which contacts are made.
        """
        strata = self.strata
        span = self.distribution.total_interval(self.expected, strata, self.kinds, level=SHOWN_LEVEL)
        total, usually = self.expected.sum(axis=1), np.maximum(usual.sum(axis=1), LEAST_EXPECTED)
        beside = beside_usual(total, usually, self.distribution.total_dispersion(self.expected, strata))
        return tuple(
            Outlook(
                shift_id=shift.id,
                expected=float(total[row]),
                lower=int(span.lower[row]),
                upper=int(span.upper[row]),
                usual=float(usually[row]),
                usual_low=int(beside.low[row]),
                usual_high=int(beside.high[row]),
                quieter=float(beside.quieter[row]),
                busier=float(beside.busier[row]),
                hourly=tuple(hourly[row].tolist()),
                modes=modes[row].expected(float(total[row])),
                released_modes=modes[row].released(float(total[row])),
            )
            for row, shift in enumerate(self.shifts)
        )

    def samples(self, row: int, *, draws: int, seed: int) -> NDArray[np.int32]:
        """Counts of all cells in one of the shifts, drawn together. Shape (draws, cells)."""
        return self.distribution.samples(self.expected[row], self.strata[row], draws=draws, seed=seed)
