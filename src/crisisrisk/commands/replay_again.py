"""The nights of an invented city drawn again from its truth: what of a replay is the chance of the one year that came.

One year of nights is one draw. Of two plans that reach nearly as many it often cannot say which is the better; an
invented city can be asked again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from crisisrisk.commands.replay_nights import PastNights
from crisisrisk.commands.replay_report import beside_forecast, share_of_true
from crisisrisk.positioning.past_plans import FORECAST
from crisisrisk.positioning.question import TARGETS, Counts
from crisisrisk.positioning.replay import Played, Posts, played

DRAWS = 20


@dataclass(frozen=True, kw_only=True)
class Again:
    """`plans`: the share covered by target; `beside`: how much more the forecast plan covers, weeks drawn again."""

    draws: int
    plans: Mapping[str, Mapping[str, float]]
    beside: Mapping[str, Mapping[str, Any]]

    def as_json(self) -> dict[str, Any]:
        """As the answer of a replay has it."""
        return {
            "draws": self.draws,
            "plans": {name: dict(one) for name, one in self.plans.items()},
            "forecast_less": {name: dict(one) for name, one in self.beside.items()},
            "share_of_true": share_of_true(self.plans),
        }


def played_again(nights: PastNights, plans: Sequence[Mapping[str, Counts]], draws: int) -> Again | None:
    """Every plan that was made for all nights, in every draw of them. None without the truth, a draw or a contact."""
    if nights.true is None or not draws:
        return None
    names = [name for name in plans[0] if all(name in one for one in plans)]
    posts = {name: [Posts(homes=one[name][None], begins=np.zeros(1)) for one in plans] for name in names}
    found: dict[str, list[Played]] = {name: [] for name in names}
    for draw in range(draws):
        contacts, ways = zip(*(nights.drawn_again(one, draw) for one in range(len(nights))), strict=True)
        for name in names:
            found[name].append(played(contacts, posts[name], ways))
    every = {name: _together(some) for name, some in found.items()}
    forecast, weeks = every[FORECAST], nights.weeks()
    if not len(forecast.night):
        return None
    return Again(
        draws=draws,
        plans={
            name: {f"covered_{target:.0f}": one.covered(target) for target in TARGETS} for name, one in every.items()
        },
        beside={
            name: {f"covered_{target:.0f}": beside_forecast(forecast, one, target, weeks) for target in TARGETS}
            for name, one in every.items() if name != FORECAST
        },
    )  # fmt: skip


def _together(draws: Sequence[Played]) -> Played:
    """All draws as if they were one: a night's contacts of every draw are that night's."""
    return Played(
        night=np.concatenate([one.night for one in draws]),
        waited=np.concatenate([one.waited for one in draws]),
        travelled=np.concatenate([one.travelled for one in draws]),
        moves=draws[0].moves,
        nights=draws[0].nights,
    )
