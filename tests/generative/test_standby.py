"""Plans for crews with areas, skills, breaks and parts of a shift beside every way to place them, on small grounds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lib.reference_standby import (
    every_placing,
    going_back,
    leaving_in,
    may_stand,
    moves_in,
    worth_of,
)

from crisisrisk.errors import UsageError
from crisisrisk.positioning.cover import most_covered
from crisisrisk.positioning.crews import Crew
from crisisrisk.positioning.ground import Ground, Need, places_of, question_of
from crisisrisk.positioning.plan import BAD_NIGHTS, Wish, plans_for
from crisisrisk.positioning.posts import Post, moves_between, posts_in
from crisisrisk.positioning.travel import Points
from crisisrisk.positioning.weighing import Weighing
from crisisrisk.positioning.worth import Worth

START, TARGET = datetime(2026, 11, 28, 18, tzinfo=UTC), 15.0
AREAS, SKILLS = ("north", "south"), ("nurse", "officer")


def _points(prefix: str, count: int) -> Points:
    return Points(ids=tuple(f"{prefix}{one}" for one in range(count)), latitude=np.zeros(count),
                  longitude=np.zeros(count), urban=np.ones(count, dtype=bool))  # fmt: skip


def _crew(random: np.random.Generator, number: int, sites: int) -> Crew:
    begins = START + timedelta(hours=int(random.integers(0, 3)))
    span = (begins, START + timedelta(hours=int(random.integers(4, 7))))
    chosen = tuple(f"s{one}" for one in range(sites) if random.random() < 0.6)
    between = (START + timedelta(hours=2), START + timedelta(hours=4))
    return Crew(
        name=f"crew {number}",
        base=f"s{random.integers(0, sites)}",
        may_stand=chosen if random.random() < 0.3 else (),
        areas=(AREAS[random.integers(0, 2)],) if random.random() < 0.4 else (),
        skills=tuple(skill for skill in SKILLS if random.random() < 0.6),
        spans=(span,) if random.random() < 0.5 else None,
        breaks=((30.0, between),) if random.random() < 0.4 else (),
    )


@st.composite
def grounds(draw: st.DrawFn) -> tuple[Ground, tuple[Crew, ...], Wish]:
    """Up to 5 cells, 3 sites and 3 crews; a shift of 6 hours in one period or two, moves dear or not."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    cells, sites = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    expected = random.gamma(0.7, 1.0, cells)
    hourly = random.dirichlet(np.ones(6)) if draw(st.booleans()) else np.zeros(0)
    needs = (Need(skills=SKILLS, share=0.3),) if draw(st.booleans()) else ()
    ground = Ground(
        start=START, end=START + timedelta(hours=6), cells=_points("c", cells),
        cell_names=tuple(f"c{one}" for one in range(cells)), sites=_points("s", sites),
        site_names=tuple(f"s{one}" for one in range(sites)), room=random.integers(1, 3, sites),
        minutes=np.where(random.random((sites, cells)) < 0.6, 10.0, 20.0), travel_said="drawn", expected=expected,
        samples=random.poisson(expected, (12, cells)).astype(np.float64), hours_each=1.2, hourly=hourly,
        cell_places=tuple(frozenset({f"c{one}", AREAS[random.integers(0, 2)]}) for one in range(cells)),
        site_places=tuple(frozenset({AREAS[random.integers(0, 2)]}) for _ in range(sites)), needs=needs,
    )  # fmt: skip
    crews = tuple(_crew(random, number, sites) for number in range(draw(st.integers(1, 3))))
    return ground, crews, Wish(
        target=TARGET, periods=draw(st.integers(1, 2)), move_cost=draw(st.sampled_from([0.0, 0.05])),
        least_gain=draw(st.sampled_from([0.0, 0.05, 0.3])),
    )  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(grounds())
def test_no_way_to_place_the_crews_is_worth_more(drawn: tuple[Ground, tuple[Crew, ...], Wish]) -> None:
    ground, crews, wish = drawn
    periods, cost, least = wish.periods, wish.move_cost, wish.least_gain
    known = set[str]().union(*ground.cell_places)
    possible = list(every_placing(ground, crews, periods)) if all(set(crew.areas) <= known for crew in crews) else []
    if not possible:
        with pytest.raises(UsageError) as refused:
            plans_for(ground, crews, wish)
        assert refused.value.found or "room" in refused.value.problem
        return
    worths = [
        worth_of(ground, crews, places, TARGET) - cost * moves_in(places) - least * leaving_in(ground, crews, places)
        for places in possible
    ]
    question = question_of(ground, crews, TARGET, periods=periods, move_cost=cost, least_gain=least)
    found = most_covered(question)
    places = places_of(ground, crews, question, found.teams_at)
    assert found.value == pytest.approx(max(worths), abs=1e-6)
    own = worth_of(ground, crews, places, TARGET)
    costs = cost * moves_between(places) + least * leaving_in(ground, crews, places)
    assert own - costs == pytest.approx(max(worths), abs=1e-6)
    worth = Worth(ground, TARGET, ground.stretches(crews, periods))
    assert worth.of(crews, places) == pytest.approx(own, abs=1e-9)
    for row in places:
        assert all(site < 0 or may_stand(ground, crew, site) for crew, site in zip(crews, row, strict=True))


@settings(max_examples=80, deadline=None)
@given(grounds(), st.sampled_from([0.0, 10.0]), st.booleans())
def test_no_team_is_asked_to_move_whose_going_back_would_lose_less_than_the_least_gain(
    drawn: tuple[Ground, tuple[Crew, ...], Wish], seconds: float, floored: bool
) -> None:
    ground, crews, wish = drawn
    if floored:
        ground = replace(ground, groups={"first": np.arange(len(ground.cells)) == 0})
        wish = replace(wish, floors=(("first", 0.8),))
    try:
        plans = plans_for(ground, crews, replace(wish, seconds=seconds))
    except UsageError:
        return  # see above
    busiest = ground.samples[[int(np.argmax(ground.samples.sum(axis=1)))]]
    for plan in plans:
        busy = replace(ground, samples=busiest, expected=busiest[0]) if plan.name == BAD_NIGHTS else ground
        back = going_back(ground, crews, plan.places)
        assert set(plan.loses) == {crews[number].name for number in back}
        for number, places in back.items():
            told, loses = (
                worth_of(nights, crews, plan.places, TARGET) - worth_of(nights, crews, places, TARGET)
                for nights in (ground, busy)
            )
            assert plan.loses[crews[number].name] == pytest.approx(told, abs=1e-9)
            floor_needs_it = plan.floors_kept and not _kept(ground, crews, places, dict(wish.floors))
            assert floor_needs_it or loses >= wish.least_gain - 1e-5
            assert floor_needs_it or loses > 0


def _kept(ground: Ground, crews: tuple[Crew, ...], places: tuple[tuple[int, ...], ...], floors: dict) -> bool:
    served = Worth(ground, TARGET, ground.stretches(crews, len(places))).of_cells(crews, places)
    return all(
        served[ground.groups[name]].sum() * ground.expected.sum()
        >= share * served.sum() * ground.expected[ground.groups[name]].sum() * (1 - 1e-6)
        for name, share in floors.items()
    )


@settings(max_examples=80, deadline=None)
@given(grounds(), st.integers(2, 4), st.integers(1, 359))
def test_the_same_posts_are_worth_the_same_however_the_shift_is_cut(
    drawn: tuple[Ground, tuple[Crew, ...], Wish], periods: int, minutes: int
) -> None:
    """In periods that begin within an hour, and as a coordinator's posts with one more moment at which nobody moves."""
    ground, crews = drawn[0], drawn[1]
    if not all(set(crew.areas) <= set[str]().union(*ground.cell_places) for crew in crews):
        return
    random = np.random.default_rng(minutes)
    at = tuple(int(site) for site in random.integers(0, len(ground.sites), len(crews)))
    whole, cut = (Worth(ground, TARGET, ground.stretches(crews, count)) for count in (1, periods))
    assert cut.of(crews, (at,) * periods) == pytest.approx(whole.of(crews, (at,)), abs=1e-12)
    assert cut.shares_of_nights(crews, (at,) * periods) == pytest.approx(
        whole.shares_of_nights(crews, (at,)), abs=1e-12, nan_ok=True
    )
    posts, moment = posts_in((at,), crews, whole.stretches, ground.sites.ids), START + timedelta(minutes=minutes)
    halves = [half for post in posts for half in _halves(post, moment)]
    weighing = Weighing(ground, crews, TARGET)
    assert weighing.covered(posts) == pytest.approx(whole.of(crews, (at,)), abs=1e-9)
    assert weighing.covered(halves) == pytest.approx(whole.of(crews, (at,)), abs=1e-9)


def _halves(post: Post, moment: datetime) -> list[Post]:
    if not post.start < moment < post.end:
        return [post]
    return [replace(post, end=moment), replace(post, start=moment)]


@settings(max_examples=40, deadline=None)
@given(grounds())
def test_one_more_at_each_site_is_what_the_crews_together_are_worth(
    drawn: tuple[Ground, tuple[Crew, ...], Wish],
) -> None:
    ground, crews, periods = drawn[0], drawn[1], drawn[2].periods
    if not all(set(crew.areas) <= set[str]().union(*ground.cell_places) for crew in crews):
        return
    worth, last = Worth(ground, TARGET, ground.stretches(crews, periods)), crews[-1]
    before = tuple((0,) * (len(crews) - 1) for _ in range(periods))
    near = [worth.reaching(crews[:-1], before, row) for row in range(len(worth.stretches))]
    together = worth.with_one_at(near, last, of=crews)
    for site in range(len(ground.sites)):
        assert together[site] == pytest.approx(worth.of(crews, tuple((*row, site) for row in before)))
