"""How much further off a forecast of places is while a feed is late: measured in training, kept as a few numbers.

In training the feeds of the outcome are held back by some days, as if they had been silent so long, and validation
shifts are forecast again by the same model. The mean square of the step from the forecast with the feeds to the one
without is what the missing records add to the variance of a count (Pythagoras: a forecast that knows more is the mean
given what it knows). A dispersion is a variance ÷ mean²: so are these.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np

from crisisrisk.errors import ModelError

NAMED_FROM = 0.1
"""Signals are named where they add at least so much of what is added."""
MOST_ADDED = 1.0
"""A feed that has been silent for long makes a count uncertain by as much as itself; more cannot be said."""


@dataclass(frozen=True, kw_only=True)
class Widening:
    """Dispersions that late feeds add: of what all cells of a shift share, and of each cell beside it."""

    shared: float = 0.0
    own: float = 0.0
    by: tuple[str, ...] = ()
    """The sources that are late, those of the most contacts first."""

    def __bool__(self) -> bool:
        return self.shared > 0 or self.own > 0


NOT_WIDENED = Widening()


@dataclass(frozen=True, kw_only=True)
class LateFeed:
    """A source that is late: how long it has been silent, and its share of the outcome's contacts (0: a signal)."""

    source: str
    silent_days: float
    share: float


@dataclass(frozen=True, kw_only=True)
class LateFeeds:
    """What feeds held back by `days` add to dispersions, one number for each of them.

    `outcome_`: all feeds that carry the outcome at once. `signals_`: all others that the model reads at once.
    """

    days: tuple[float, ...]
    outcome_shared: tuple[float, ...]
    outcome_own: tuple[float, ...]
    signals_shared: tuple[float, ...] = ()
    signals_own: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        added = (self.outcome_shared, self.outcome_own, self.signals_shared, self.signals_own)
        rising = bool(self.days) and self.days[0] > 0 and all(low < high for low, high in pairwise(self.days))
        numbers = np.array([number for one in added for number in one] or [0.0])
        whole = all(len(one) in (0, len(self.days)) for one in added)
        if not rising or not whole or not np.isfinite(numbers).all() or (numbers < 0).any():
            raise ModelError("CR-MODEL-002", "what late feeds add cannot be used", wanted="numbers from 0, by days")

    def widening(self, late: Sequence[LateFeed]) -> Widening:
        """What the feeds that are late add together; nothing where none is.

        The steps that the outcome's feeds make add up, each by its share of the contacts: all of them lose records. Of
        the others the one that is silent longest says it.
        """
        signals = max((one.silent_days for one in late if not one.share), default=0.0)
        added = {
            name: sum(one.share * self._step(of_outcome, one.silent_days) for one in late) ** 2
            + self._step(of_signals, signals) ** 2
            for name, of_outcome, of_signals in (
                ("shared", self.outcome_shared, self.signals_shared), ("own", self.outcome_own, self.signals_own),
            )
        }  # fmt: skip
        if not any(added.values()):
            return NOT_WIDENED
        of_signals = sum(self._step(one, signals) ** 2 for one in (self.signals_shared, self.signals_own))
        named = [one for one in late if one.share or of_signals >= NAMED_FROM * sum(added.values())]
        named.sort(key=lambda one: (-one.share, -one.silent_days, one.source))
        return Widening(
            **{name: min(one, MOST_ADDED) for name, one in added.items()}, by=tuple(one.source for one in named)
        )

    def _step(self, measured: Sequence[float], silent_days: float) -> float:
        """The root of what is added: evenly from one measured day to the next, and beyond the last as up to it."""
        if not measured or silent_days <= 0:
            return 0.0
        steps = np.maximum.accumulate(np.sqrt(measured))  # longer is never better
        if silent_days > self.days[-1]:
            return float(min(steps[-1] * silent_days / self.days[-1], MOST_ADDED))
        return float(np.interp(silent_days, (0.0, *self.days), (0.0, *steps)))

    def as_json(self) -> dict[str, list[float]]:
        """Plain numbers."""
        return {one.name: list(getattr(self, one.name)) for one in fields(self)}


NOT_MEASURED = LateFeeds(
    days=(1.0, 3.0, 7.0, 14.0, 28.0),
    outcome_shared=(0.002, 0.005, 0.04, 0.2, 1.0), outcome_own=(0.002, 0.005, 0.01, 0.06, 0.12),
    signals_shared=(0.0001, 0.0005, 0.001, 0.001, 0.001), signals_own=(0.0001, 0.0005, 0.001, 0.001, 0.001),
)  # fmt: skip
"""Of a model that was trained before this was measured: what was found on any data, rounded up (docs/adr/0080)."""
