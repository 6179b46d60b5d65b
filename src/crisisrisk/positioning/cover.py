"""The maximal expected covering model, exact: the best plan, how good it is known to be, and what cannot hold together.

The programme is in `cover_model.py`, the fallback in `greedy.py`.
"""

import time
from dataclasses import replace

import numpy as np

from crisisrisk.errors import UsageError
from crisisrisk.positioning.answer import Standing, covered_in, leaving_of, moves_of, served_of
from crisisrisk.positioning.cover_model import CoverModel
from crisisrisk.positioning.greedy import greedy, upper_bound
from crisisrisk.positioning.programme import INFEASIBLE, TOLERANCE, least
from crisisrisk.positioning.question import CODE, Counts, Part, Question, require_sensible
from crisisrisk.positioning.reduction import reduced
from crisisrisk.positioning.time_given import AT_LEAST

EXACT, BEST_IN_TIME, GREEDY = "exact", "best found in time", "greedy"
SECONDS_FOR_ANY = 10.0


def most_covered(question: Question, *, seconds: float = 30.0) -> Standing:
    """The plan that covers most. Raises UsageError for what cannot be answered, naming everything in the way.

    `seconds`: after these the best plan found so far is given with its gap; with 0 at once the greedy one.
    """
    require_sensible(question)
    began = time.monotonic()
    start = greedy(question, until=began + max(seconds, AT_LEAST))
    if start is None:
        start = _any_plan(question)
    if seconds <= time.monotonic() - began or not question.expected:
        return _of(question, start, upper_bound(question, start), began, GREEDY)
    parts = reduced(question)
    model = CoverModel(question, parts)
    found = model.solved(max(seconds - (time.monotonic() - began), 0.1))
    if found.x is not None and not floors_hold(question, model.teams_at(found.x)):
        model = CoverModel(question, parts, tied=True)
        found = model.solved(max(seconds - (time.monotonic() - began), 0.1))
    if found.status == INFEASIBLE:
        raise UsageError(
            CODE, "what must hold cannot hold together", found="; ".join(conflict(question, seconds)),
            hint="lower a floor, or add a team or a site",
        )  # fmt: skip
    bound = question.least_gain * question.crowded_out - least(found)
    if found.x is None:
        return _of(question, start, min(upper_bound(question, start), bound), began, GREEDY)
    best = model.teams_at(found.x)
    if _value(question, start) > _value(question, best) and not question.floors:
        best = start
    return _of(question, best, bound, began, EXACT if found.status == 0 else BEST_IN_TIME)


def conflict(question: Question, seconds: float) -> list[str]:
    """The floors and bounds of teams of a smallest set that cannot hold together: without any one the others can."""
    kept = [*(floor.name for floor in question.floors), *(kind.bound for kind in question.kinds if kind.bound)]
    for name in list(kept):
        without = [one for one in kept if one != name]
        if _infeasible(_only(question, without), seconds):
            kept = without
    said = {floor.name: f"{floor.name}: at least {floor.share:g} times the average cover" for floor in question.floors}
    return [said.get(name, name) for name in kept]


def _only(question: Question, kept: list[str]) -> Question:
    """The question with these floors and bounds alone."""
    bound = np.array([not kind.bound or kind.bound in kept for kind in question.kinds])
    return replace(
        question,
        floors=tuple(floor for floor in question.floors if floor.name in kept),
        kinds=tuple(kind if held else kind.free for kind, held in zip(question.kinds, bound, strict=True)),
        present=question.presence | ~bound[None, :],
    )


def _infeasible(asked: Question, seconds: float) -> bool:
    return bool(CoverModel(asked, reduced(asked), tied=True).solved(seconds).status == INFEASIBLE)


def _any_plan(question: Question) -> Counts:
    """A plan that holds all teams, whatever it covers. Raises UsageError where there is none."""
    bare = replace(question, floors=(), move_costs=0.0, least_gain=0.0, parts=tuple(
        Part(demand=np.zeros_like(part.demand), gains=np.zeros_like(part.gains)) for part in question.parts
    ))  # fmt: skip
    model = CoverModel(bare, reduced(bare))
    found = model.solved(SECONDS_FOR_ANY)
    if found.x is None:
        raise UsageError(
            CODE, "what must hold cannot hold together", found="; ".join(conflict(bare, SECONDS_FOR_ANY)) or
            "the room at the sites", hint="add a site, or room at one",
        )  # fmt: skip
    return model.teams_at(found.x)


def floors_hold(question: Question, teams_at: Counts) -> bool:
    """Whether a plan covers its share of the average in every group, over all parts."""
    served = served_of(question, teams_at).sum(axis=0)
    demand = np.sum([part.demand for part in question.parts], axis=0)
    for floor in question.floors:
        least = floor.share * served.sum() * demand[floor.cells].sum()
        if served[floor.cells].sum() * demand.sum() < least * (1 - TOLERANCE) - TOLERANCE:
            return False
    return True


def _of(question: Question, teams_at: Counts, bound: float, began: float, method: str) -> Standing:
    value = _value(question, teams_at)
    optimal = method == EXACT or value >= bound * (1 - TOLERANCE)
    return Standing(
        teams_at=teams_at,
        covered=covered_in(question, teams_at),
        moves=moves_of(question, teams_at),
        value=value,
        bound=max(bound, value),
        optimal=bool(optimal),
        seconds=time.monotonic() - began,
        method=method,
    )


def _value(question: Question, teams_at: Counts) -> float:
    costs = question.move_costs * moves_of(question, teams_at)
    if question.least_gain:
        costs += question.least_gain * leaving_of(question, teams_at)
    return float(covered_in(question, teams_at).sum()) - costs
