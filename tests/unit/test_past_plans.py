"""Where teams would have stood: each way to plan by its own expectation, all by the same rules."""

import numpy as np

from crisisrisk.positioning.past_plans import (
    FIXED,
    FORECAST,
    LAST_MONTH,
    NEVER_BUSY,
    TRUE,
    Expected,
    NightToPlan,
    SitesOfShift,
    plans_of,
)
from crisisrisk.positioning.plan import Wish

WHOLE = np.full(3, 2)
NEAR = np.array([[5.0, 40.0, 40.0], [40.0, 5.0, 40.0], [40.0, 40.0, 5.0]])


def night(contacts: list[float], *, teams: int = 2, hours_each: float = 1.0, **more: object) -> NightToPlan:
    """Three cells with a site at each; every team is usually at the first."""
    expected = np.array(contacts)
    samples = np.tile(expected, (4, 1))
    return NightToPlan(
        sites=SitesOfShift(minutes=NEAR, room=WHOLE, bases=np.zeros(teams, dtype=np.int64), hours=10.0),
        forecast=Expected(contacts=expected, samples=samples), hours_each=hours_each, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def test_each_way_to_plan_goes_where_it_expects_most() -> None:
    found = plans_of(
        night([0.0, 4.0, 2.0], maps={LAST_MONTH: np.array([4.0, 0.0, 2.0])},
              true=Expected(contacts=np.array([0.0, 0.0, 9.0]), samples=np.full((4, 3), [0.0, 0.0, 9.0]))),
        Wish(),
    )  # fmt: skip
    assert {name: sorted(at.tolist()) for name, at in found.items()} == {
        FORECAST: [1, 2], NEVER_BUSY: [1, 2], FIXED: [0, 0], LAST_MONTH: [0, 2], TRUE: [2, 2],
    }  # fmt: skip


def test_busy_teams_stand_together_where_much_comes() -> None:
    """At a busy share of 0.8 the second team near 9 contacts is worth 9 × 0.2 × 0.8, the first near 1 only 0.2."""
    found = plans_of(night([0.0, 9.0, 1.0], hours_each=1.6), Wish())
    assert sorted(found[FORECAST].tolist()) == [1, 1]
    assert sorted(found[NEVER_BUSY].tolist()) == [1, 2]


def test_nobody_moves_for_less_than_the_least_gain_and_as_few_as_can_be_move() -> None:
    assert plans_of(night([1.0, 1.05, 0.0], teams=1), Wish())[FORECAST].tolist() == [0]
    assert plans_of(night([1.0, 1.05, 0.0], teams=1), Wish(least_gain=0.0))[FORECAST].tolist() == [1]
    assert plans_of(night([2.0, 2.0, 0.0]), Wish())[FORECAST].tolist() == [0, 1]
