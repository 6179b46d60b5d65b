"""Plans by another aim than the most contacts that find a free team: the double standard, and the p-median.

Both know teams that are all alike, for all of a shift: what binds only some of them they cannot take into account.
"""

from dataclasses import dataclass, replace

import numpy as np

from crisisrisk.errors import UsageError
from crisisrisk.positioning.answer import covered_in
from crisisrisk.positioning.crews import Crew
from crisisrisk.positioning.double_cover import covered_twice
from crisisrisk.positioning.greedy import greedy
from crisisrisk.positioning.ground import Ground, question_of
from crisisrisk.positioning.nearest import least_travel
from crisisrisk.positioning.question import CODE, Counts, Question

COVER, DOUBLE_STANDARD, P_MEDIAN = "cover", "double-standard", "p-median"
MODELS = (COVER, DOUBLE_STANDARD, P_MEDIAN)
NAMES = {DOUBLE_STANDARD: "covers twice", P_MEDIAN: "is nearest on average"}
"""What a plan by each is called."""
WIDER = 2.0
"""Everybody who can be is reached within so many times the target …"""
LEAST_ONCE = 0.9
"""… and of the most that so many teams can reach within it at least this share is."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ByAim:
    """Where teams stand by such an aim. `teams_at`: shape (1, 1, sites). `says`: in words what the aim comes to."""

    teams_at: Counts
    says: str
    optimal: bool


def by_aim(model: str, ground: Ground, crews: tuple[Crew, ...], *, target: float, seconds: float) -> ByAim:
    """The best plan by `DOUBLE_STANDARD` or `P_MEDIAN`. Raises UsageError where it cannot be asked of these teams."""
    # Neither knows of busy teams, nor of skills: teams that lack the same ones are alike.
    question = question_of(replace(ground, needs=()), crews, target, busy=0.0)
    _require_alike(model, question, skills=len({ground.meets(crew) for crew in crews}))
    if not question.expected:
        raise UsageError(CODE, f"nothing is expected, so there is no plan by {model}", hint="leave --model out")
    found = _twice if model == DOUBLE_STANDARD else _nearest
    return found(ground, question, target, max(seconds, 1.0))


def _require_alike(model: str, question: Question, *, skills: int) -> None:
    """`skills`: how many sorts of teams there are by which contacts they can serve."""
    bound = [kind.bound for kind in question.kinds if kind.bound]
    if len(question.kinds) > 1 or skills > 1 or bound or question.floors:
        raise UsageError(
            CODE, f"{model} plans teams that are all alike and out all the time", found="; ".join(bound) or
            f"{max(len(question.kinds), skills)} kinds of team", wanted="no areas, skills or hours of their own",
            hint="the covering model plans them: leave --model out",
        )  # fmt: skip


def _twice(ground: Ground, question: Question, target: float, seconds: float) -> ByAim:
    narrow, wide = ground.near(target), ground.near(WIDER * target)
    total = float(ground.expected.sum())
    found = covered_twice(
        narrow, wide, ground.expected, teams=question.teams, room=question.room,
        share=LEAST_ONCE * _most_once(question) / total, seconds=seconds,
    )  # fmt: skip
    says = (
        f"{100 * found.twice / total:.0f} in 100 contacts are in reach of two teams within {target:g} minutes and "
        f"{100 * found.once / total:.0f} in 100 of one, everybody who can be within {WIDER * target:g}"
    )
    return ByAim(teams_at=found.teams_at[None, None], says=says, optimal=found.optimal)


def _most_once(question: Question) -> float:
    """The contacts that so many teams reach, as far as the greedy plan tells. `question`: with teams never busy."""
    teams_at = greedy(question)
    assert teams_at is not None  # all are alike, and there is room for them
    return float(covered_in(question, teams_at).sum())


def _nearest(ground: Ground, question: Question, target: float, seconds: float) -> ByAim:
    """The p-median has no room for two at a site."""
    reached = np.isfinite(ground.minutes).any(axis=0)
    demand = np.where(reached, ground.expected, 0.0)
    found = least_travel(ground.minutes, demand, teams=question.teams, may_stand=ground.room > 0, seconds=seconds)
    says = f"the nearest team is {found.minutes:.1f} minutes away on average, were it free"
    return ByAim(teams_at=found.chosen.astype(np.int64)[None, None], says=says, optimal=found.optimal)
