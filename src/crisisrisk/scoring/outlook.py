"""What a whole shift, or one area in it, looks like: its likely span, and how likely it is busier than its usual."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

RELEASED_STEP = 5
"""Chances leave the site in steps of so many in 100."""


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """One shift, all cells together, or those of one area.

    Contacts a shift, ends of spans inside; `quieter` and `busier` are chances. Usual is the middle half
    of the counts that would come if as much were expected as in earlier shifts of the name and weekday.
    """

    shift_id: str
    area_id: str = ""
    """Empty for the whole: all cells together."""
    area_name: str = ""
    places: int
    """How many cells it is the total of."""
    issue_hours: int
    """The issue time that answers: intervals and figures are those of forecasts made so many hours before."""
    hours_ahead: float
    """How long before the shift it was made."""
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
        area = {"area_id": self.area_id, "area_name": self.area_name} if self.area_id else {}
        return {
            "shift_id": self.shift_id,
            **area,
            "issue_hours": self.issue_hours,
            "hours_ahead": round(self.hours_ahead, 2),
            "lower": self.lower,
            "upper": self.upper,
            "quieter_in_100": chances["quieter"],
            "busier_in_100": chances["busier"],
            "outlook": self.released_text(),
            **({} if self.area_id else {"modes": dict(self.released_modes)}),
        }


def _in_100(outlook: Outlook, *, step: int) -> dict[str, int]:
    named = {"quieter": outlook.quieter, "about usual": outlook.about_usual, "busier": outlook.busier}
    return {name: step * round(100 * chance / step) for name, chance in named.items()}


def _others(likeliest: str, chances: dict[str, int]) -> str:
    left = [name for name in ("about usual", "busier", "quieter") if not likeliest.startswith(name)]
    return ", ".join(f"{name} {chances[name]}" for name in left)
