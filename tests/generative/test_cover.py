"""The exact plan is the best of all plans; the greedy one is one of them, and no plan is above its bound."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lib.reference_cover import every_plan, holds, served_in, value_of

from crisisrisk.errors import UsageError
from crisisrisk.positioning.answer import served_of
from crisisrisk.positioning.cover import EXACT, GREEDY, most_covered
from crisisrisk.positioning.demand import part_of_samples, part_with_busy
from crisisrisk.positioning.greedy import greedy, upper_bound
from crisisrisk.positioning.question import Floor, Part, Question, TeamKind


def _part(random: np.random.Generator, cells: int, busy: np.ndarray, teams: int, sampled: bool) -> Part:
    if sampled:
        counts = random.poisson(random.gamma(0.5, 1, cells), (20, cells)).astype(float)
        return part_of_samples(counts, random.gamma(0.5, 1, cells), teams=teams, hours=8.0, hours_each=1.5)
    return part_with_busy(random.integers(0, 4, cells) * random.random(), busy, teams=teams)


@st.composite
def questions(draw: st.DrawFn, *, floors: bool = False) -> Question:
    """Up to 8 cells, 5 sites, 4 teams of two kinds; parts of other demand and busy shares in one period or two, kinds
    that are on duty in some of them; some cells alike, some out of reach."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    cells, sites = draw(st.integers(1, 8)), draw(st.integers(1, 5))
    period_of, kinds = draw(st.sampled_from([(0,), (0, 1), (0, 0), (0, 0, 1), (0, 1, 1)])), draw(st.integers(1, 2))
    parts = len(period_of)
    room = random.integers(0, 3, sites)
    room[0] = 4  # so that everybody finds a place
    made, homes = [], draw(st.booleans())
    for number in range(kinds):
        may = random.random(sites) < 0.8
        may[0] = True
        most = 3 if parts == 1 and kinds == 1 else 2
        teams = int(random.integers(1, most))
        bases = random.choice(np.flatnonzero(may & (room > 0)), int(random.integers(0, teams + 1)))
        made.append(TeamKind(name=f"kind {number}", teams=teams, may_stand=may,
                             reach=random.random((sites, cells)) < 0.4,
                             usual=np.bincount(bases, minlength=sites) if homes else None))  # fmt: skip
    sampled, alike = draw(st.booleans()), np.full(cells, draw(st.sampled_from([0.0, 0.4])))
    busy = random.choice([0.0, 0.3, 0.6], cells) if draw(st.booleans()) else alike
    return Question(
        parts=tuple(
            _part(random, cells, busy * factor, sum(kind.teams for kind in made), sampled)
            for factor in random.choice([1.0, 0.5], parts)
        ),
        kinds=tuple(made),
        room=room,
        floors=(Floor(name="rural", cells=random.random(cells) < 0.5, share=draw(st.sampled_from([0.3, 0.7, 1.0]))),)
        if floors
        else (),
        move_costs=draw(st.sampled_from([0.0, 0.05])) if period_of[-1] else 0.0,
        least_gain=draw(st.sampled_from([0.0, 0.05, 0.5])) if homes else 0.0,
        period_of=period_of,
        present=random.random((parts, kinds)) < 0.8 if draw(st.booleans()) else None,
    )


@settings(max_examples=200, deadline=None)
@given(questions())
def test_the_plan_covers_as_much_as_the_best_of_all(question: Question) -> None:
    found = most_covered(question)
    best = max(value_of(question, plan) for plan in every_plan(question))
    assert found.value == pytest.approx(best, abs=1e-6)
    assert value_of(question, found.teams_at) == pytest.approx(found.value, abs=1e-9)
    assert found.optimal
    wanted = np.array([kind.teams for kind in question.kinds]) * question.stands
    assert found.teams_at.sum(axis=2).tolist() == wanted.tolist()
    of_cells = [served_in(question, found.teams_at, 0, cell) for cell in range(question.cells)]
    assert served_of(question, found.teams_at)[0] == pytest.approx(of_cells)


@settings(max_examples=100, deadline=None)
@given(questions())
def test_no_plan_is_above_the_bound_of_the_greedy_one(question: Question) -> None:
    plan = greedy(question)
    best = max(value_of(question, plan) for plan in every_plan(question))
    at_once = most_covered(question, seconds=0)
    assert at_once.method == GREEDY
    assert (at_once.teams_at == plan).all()
    assert at_once.value <= best + 1e-9 <= upper_bound(question, plan) + 2e-9
    assert 0.0 <= at_once.gap <= 1.0


@settings(max_examples=60, deadline=None)
@given(questions(floors=True))
def test_a_floor_is_kept_at_the_least_price_or_said_to_be_impossible(question: Question) -> None:
    possible = [value_of(question, plan) for plan in every_plan(question) if holds(question, plan)]
    if not possible:
        with pytest.raises(UsageError, match="cannot hold together") as refusal:
            most_covered(question)
        assert "rural: at least" in (refusal.value.found or "")
        return
    found = most_covered(question)
    if found.method != EXACT:  # nothing is expected
        return
    assert holds(question, found.teams_at)
    assert found.value == pytest.approx(max(possible), abs=1e-6)
    assert found.value <= most_covered(replace(question, floors=())).value + 1e-6
