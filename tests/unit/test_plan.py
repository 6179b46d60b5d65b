"""Plans on a ground that can be reckoned by hand: three sites in a row, contacts around the outer two."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from crisisrisk.errors import UsageError
from crisisrisk.positioning.crews import Crew
from crisisrisk.positioning.ground import Ground, Need, question_of
from crisisrisk.positioning.other_models import DOUBLE_STANDARD, MODELS, P_MEDIAN
from crisisrisk.positioning.plan import AS_USUAL, BAD_NIGHTS, KEPT_FAIR, MOST_COVER, Wish, plans_for
from crisisrisk.positioning.site_names import SiteNames
from crisisrisk.positioning.standby_text import _more
from crisisrisk.positioning.time_given import TimeGiven
from crisisrisk.positioning.travel import Points

CELLS = Points(ids=("a", "b", "c"), latitude=np.zeros(3), longitude=np.zeros(3), urban=np.ones(3, dtype=bool))
SITES = Points(
    ids=("west", "middle", "east"), latitude=np.zeros(3), longitude=np.zeros(3), urban=np.ones(3, dtype=bool)
)
GROUND = Ground(
    start=datetime(2026, 11, 28, 22, tzinfo=UTC),
    end=datetime(2026, 11, 29, 6, tzinfo=UTC),
    cells=CELLS,
    cell_names=("Aston", "Bordesley", "Castle"),
    sites=SITES,
    site_names=("West base", "Middle", "East base"),
    room=np.array([2, 2, 2]),
    minutes=np.array([[10.0, 20.0, 40.0], [20.0, 10.0, 20.0], [40.0, 20.0, 10.0]]),
    travel_said="by hand",
    expected=np.array([4.0, 0.5, 2.0]),
    samples=np.array([[4.0, 0.5, 2.0]]),
    hours_each=1.0,
    groups={"most deprived": np.array([False, False, True])},
)
ONE, TWO = (Crew(name="alpha", base="east"),), (Crew(name="alpha", base="east"), Crew(name="bravo", base="middle"))


def test_one_team_goes_where_most_is_expected_and_the_usual_place_is_shown_beside_it() -> None:
    best, usual = plans_for(GROUND, ONE, Wish())
    busy = 6.5 / 8  # contacts of an hour each, for one team of eight hours
    assert (best.name, best.at, usual.name, usual.at) == (MOST_COVER, ("west",), AS_USUAL, ("east",))
    assert best.covered[15] == pytest.approx(4 * (1 - busy))
    assert best.covered[30] == pytest.approx(4.5 * (1 - busy))
    assert best.gain == pytest.approx(2 * (1 - busy))
    assert best.share[15] == pytest.approx(best.covered[15] / 6.5)
    assert best.worst_decile == pytest.approx(best.share[15])
    assert (best.worst_area, usual.worst_area) == ("Castle", "Aston")
    assert best.groups == {"most deprived": 0.0}
    assert best.loses == {"alpha": pytest.approx(best.gain)}
    assert best.in_reach == {"alpha": {15.0: 4.0, 30.0: 4.5}}
    assert best.adds == {"alpha": best.covered[15]}
    assert (best.optimal, best.gap) == (True, 0.0)
    # With a second team both are away half as often: west and east are then the best two places.
    assert best.one_more_team == pytest.approx(6 * (1 - busy / 2) - best.covered[15])
    assert best.reason == (
        "covers most: about 12 in 100 expected contacts find a free team within 15 minutes, 0.4 contacts more than"
        " from the usual places, for 1 move"
    )


def test_nobody_is_asked_to_move_for_less_than_the_least_gain() -> None:
    [stays] = plans_for(GROUND, ONE, Wish(least_gain=1.0))
    assert (stays.name, stays.at, stays.optimal, stays.gap) == (AS_USUAL, ("east",), True, 0.0)


@pytest.mark.parametrize("seconds", [0.0, 10.0])
def test_the_least_gain_is_asked_of_each_team_and_not_of_all_together(seconds: float) -> None:
    """All is expected in the west, where the second team adds what it finds while the first is away."""
    ground = replace(GROUND, expected=np.array([4.0, 0.0, 0.0]), samples=np.array([[4.0, 0.0, 0.0]]))
    plan = plans_for(ground, TWO, Wish(seconds=seconds))[0]
    busy = 4 / 16
    assert plan.at == ("west", "west")
    assert min(plan.loses.values()) == pytest.approx(4 * busy * (1 - busy))
    dearer = plans_for(ground, TWO, Wish(seconds=seconds, least_gain=0.8))[0]
    assert ("west" in dearer.at, list(dearer.loses.values())) == (True, [pytest.approx(4 * (1 - busy))])


def test_the_same_posts_tell_the_same_coverage_in_one_period_and_in_two() -> None:
    uneven = replace(GROUND, hourly=np.array([0.3, 0.3, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05]), hours_each=2.0)
    one, two = (plans_for(uneven, ONE, Wish(periods=periods, least_gain=9.0))[0] for periods in (1, 2))
    assert (one.at, two.at) == (("east",), ("east",))
    # Away for 3.9 hours of the first two, for 1.3 of the next: at most 0.95; then for 0.65 of each.
    busy = np.minimum(6.5 * 2.0 * uneven.hourly, 0.95)
    assert one.covered[15] == pytest.approx(2.0 * (uneven.hourly @ (1 - busy)))
    assert two.covered == pytest.approx(one.covered)
    assert (two.worst_decile, two.share) == (pytest.approx(one.worst_decile), pytest.approx(one.share))
    assert np.mean([stretch.mean for stretch in two.busy]) == pytest.approx(one.busy[0].mean)


def test_one_more_hour_says_which_and_where_a_team_more_would_stand() -> None:
    hourly = np.array([0.05, 0.05, 0.05, 0.45, 0.1, 0.1, 0.1, 0.1])
    plan = plans_for(replace(GROUND, hourly=hourly, hours_each=0.25), ONE, Wish())[0]
    busy = 6.5 * 0.45 * 0.25, 6.5 * 0.45 * 0.25 / 2  # in the fourth hour, alone and with one more
    hour = plan.one_more_hour
    assert hour is not None
    assert (plan.at, hour.start, hour.end) == (("west",), "2026-11-29T01:00:00+00:00", "2026-11-29T02:00:00+00:00")
    alone, both, apart = 4 * (1 - busy[0]), 4 * (1 - busy[1] ** 2), 6 * (1 - busy[1])
    assert (hour.site, hour.gain) == ("east", pytest.approx(0.45 * (max(both, apart) - alone)))
    assert plan.as_json()["one_more_team_hour"]["from"] == hour.start


def test_what_there_was_no_time_for_is_left_out_and_said() -> None:
    over = TimeGiven(until=0.0)
    plan, *_ = plans_for(GROUND, TWO, Wish(), given=over)
    assert (plan.method, set(plan.at)) == ("greedy", {"west", "east"})
    assert (plan.adds, plan.if_called_away, plan.one_more_team, plan.by_mean) == ({}, (), None, None)
    assert plan.one_more_hour is None
    assert plan.as_json()["not_told"] == [
        "what one more team would gain", "what 2 of 2 teams add", "who moves for 2 of 2 teams that may be called away",
        "what one more hour would gain",
        "where everybody would stand by the mean night alone", "a plan for the busiest nights",
    ]  # fmt: skip
    assert "one more team" not in "\n".join(_more(plan, ZoneInfo("Europe/London"), SiteNames(), None))
    whole, *_ = plans_for(GROUND, TWO, Wish())
    assert (whole.not_told, whole.covered) == ((), plan.covered)


def test_many_teams_with_rules_of_their_own_are_planned_within_the_time_given() -> None:
    """So many kinds of team find room, or not, by what flows to the sites: not by looking at every set of them."""
    random, sites = np.random.default_rng(0), 12
    where = Points(ids=tuple(f"s{one}" for one in range(sites)), latitude=np.zeros(sites), longitude=np.zeros(sites),
                   urban=np.ones(sites, dtype=bool))  # fmt: skip
    ground = replace(
        GROUND, sites=where, site_names=where.ids, room=np.full(sites, 4), minutes=random.uniform(5, 30, (sites, 3))
    )
    crews = tuple(
        Crew(name=f"team {one}", base=f"s{one % sites}",
             may_stand=tuple(f"s{site}" for site in sorted({one % sites, *random.choice(sites, 3).tolist()})))
        for one in range(40)
    )  # fmt: skip
    began = time.process_time()
    plan = plans_for(ground, crews, Wish(seconds=2.0))[0]
    assert time.process_time() - began < 8.0  # of a processor that others use too
    assert all(site in crew.may_stand for site, crew in zip(plan.at, crews, strict=True))
    assert max(plan.at.count(site) for site in set(plan.at)) <= 4


def test_a_team_whose_base_cannot_take_it_moves_for_nothing() -> None:
    wish = Wish(least_gain=9.0)
    crowded = replace(GROUND, room=np.array([2, 2, 1]))
    plan = plans_for(crowded, (ONE[0], replace(ONE[0], name="bravo")), wish)[0]
    assert sorted(plan.at) == ["east", "west"]
    assert (plan.loses, plan.gain, plan.optimal) == ({}, None, True)


def test_when_a_team_is_called_away_another_takes_its_place_where_that_pays() -> None:
    best = plans_for(GROUND, TWO, Wish())[0]
    assert set(best.at) == {"west", "east"}
    # Two halve the busy share; the one in the west alone would have all of it.
    assert best.adds[TWO[best.at.index("east")].name] == pytest.approx(6 * (1 - 6.5 / 16) - 4 * (1 - 6.5 / 8))
    away = {call.away: call for call in best.if_called_away}
    stays_west = TWO[best.at.index("west")].name
    moves = away[stays_west]  # the team in the east then goes west, where twice as much is expected
    assert (moves.team, moves.site) == (TWO[best.at.index("east")].name, "west")
    assert moves.gain == pytest.approx(2 * (1 - 6.5 / 8))
    other = away[TWO[best.at.index("east")].name]
    assert (other.team, other.site, other.gain) == (None, None, 0.0)


def test_a_floor_gives_a_plan_of_its_own() -> None:
    plans = plans_for(GROUND, ONE, Wish(floors=(("most deprived", 1.0),)))
    fair = next(plan for plan in plans if plan.name == KEPT_FAIR)
    assert fair.at == ("east",)
    assert fair.groups["most deprived"] > 0


def test_teams_stay_where_they_may() -> None:
    tied = (replace(ONE[0], may_stand=("middle", "east")),)
    assert plans_for(GROUND, tied, Wish())[0].at == ("east",)
    assert question_of(GROUND, tied, 15.0).kinds[0].name == "alpha (only at middle or east)"


@pytest.mark.parametrize(
    ("crews", "ground", "problem"),
    [
        ((), GROUND, "no team to place"),
        ((ONE[0],) * 7, GROUND, "7 teams, and room for 6 where they may"),
        (
            ONE,
            replace(GROUND, expected=np.array([np.nan, 1, 1]), samples=np.array([[np.nan, 1, 1]])),
            "1 cell are not a number",
        ),
        (
            (replace(ONE[0], may_stand=("north",)),),
            GROUND,
            r"\(only at north\): 1 team, and no room where it may",
        ),
    ],
)
def test_what_cannot_be_planned_is_said(crews: tuple[Crew, ...], ground: Ground, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        plans_for(ground, crews, Wish())


def test_an_area_that_is_none_is_answered_with_names_and_not_with_cells() -> None:
    named = tuple(frozenset((cell, name)) for cell, name in zip(GROUND.cells.ids, GROUND.cell_names, strict=True))
    with pytest.raises(UsageError, match='stays in "Narnia"') as raised:
        plans_for(replace(GROUND, cell_places=named), (replace(ONE[0], areas=("Narnia",)),), Wish())
    assert raised.value.hint == "known: Aston, Bordesley, Castle"


def test_a_night_without_demand_has_a_plan_that_covers_nothing() -> None:
    quiet = replace(GROUND, expected=np.zeros(3), samples=np.zeros((1, 3)))
    plan = plans_for(quiet, ONE, Wish())[0]
    assert (plan.name, plan.at, plan.covered[15]) == (AS_USUAL, ("east",), 0.0)


def test_a_closed_base_is_no_place_to_stay() -> None:
    closed = replace(GROUND, room=np.array([2, 2, 0]))
    plans = plans_for(closed, ONE, Wish(least_gain=9.0))
    assert [plan.at for plan in plans] == [("west",)]
    assert plans[0].loses == {}
    assert plans[0].gain is None  # beside what cannot be
    crowded = replace(GROUND, room=np.array([2, 2, 1]))
    assert AS_USUAL not in {plan.name for plan in plans_for(crowded, (*ONE, replace(ONE[0], name="bravo")), Wish())}


def test_the_usual_plan_says_how_far_it_is_below_the_best() -> None:
    best, usual = plans_for(GROUND, ONE, Wish())
    assert (usual.optimal, usual.gap) == (False, pytest.approx(1 - 2 * (1 - 6.5 / 8) / (4 * (1 - 6.5 / 8) - 0.1)))
    assert best.floors_kept is None


def test_a_plan_found_at_once_says_so_and_whether_the_floors_are_kept() -> None:
    wish = Wish(seconds=0.0, floors=(("most deprived", 1.0),))
    first, at_once, *_ = plans_for(GROUND, ONE, wish)
    assert (first.name, first.floors_kept) == ("as usual", True)  # it keeps what was wished, whoever does not
    assert (at_once.method, at_once.floors_kept) == ("greedy", False)
    assert KEPT_FAIR not in {plan.name for plan in plans_for(GROUND, ONE, wish)}
    exact = {plan.name: plan.floors_kept for plan in plans_for(GROUND, ONE, replace(wish, seconds=10.0))}
    assert exact[KEPT_FAIR] is True


@pytest.mark.parametrize("model", [P_MEDIAN, DOUBLE_STANDARD])
def test_teams_that_all_lack_a_skill_are_alike_to_another_aim(model: str) -> None:
    needs = replace(GROUND, needs=(Need(skills=("nurse",), share=0.1),))
    assert plans_for(needs, TWO, Wish(model=model))[0].at == plans_for(GROUND, TWO, Wish(model=model))[0].at
    one_nurse = (replace(TWO[0], skills=("nurse",)), TWO[1])
    with pytest.raises(UsageError, match="all alike"):
        plans_for(needs, one_nurse, Wish(model=model))


def test_a_plan_for_nothing_expected_prints_no_number_that_is_none() -> None:
    plan = plans_for(replace(GROUND, expected=np.zeros(3), samples=np.zeros((10, 3))), ONE, Wish())[0]
    assert "nan" not in "\n".join(_more(plan, ZoneInfo("Europe/London"), SiteNames(), None))


def test_the_target_wished_is_among_the_shares_and_carries_the_claim() -> None:
    plan = plans_for(GROUND, ONE, Wish(target=25.0))[0]
    assert set(plan.share) == {15.0, 25.0, 30.0}
    assert (plan.target, plan.at) == (25.0, ("middle",))
    assert plan.as_json()["share"]["25"] == plan.share[25.0]


def test_shares_never_pass_one_however_few_nights_were_drawn() -> None:
    random = np.random.default_rng(1)
    ground = replace(GROUND, samples=random.poisson(GROUND.expected, (5, 3)).astype(float), room=np.array([30, 30, 30]))
    many = tuple(Crew(name=f"team {number}", base="east") for number in range(40))
    plan = plans_for(ground, many, Wish())[0]
    assert plan.share[15.0] <= 1.0
    assert plan.groups["most deprived"] <= 1.0


@pytest.mark.parametrize(
    "wish",
    [{"target": float("nan")}, {"target": 0.0}, {"least_gain": -1.0}, {"seconds": float("nan")},
     {"floors": (("most deprived", -1.0),)}],
)  # fmt: skip
def test_impossible_wishes_are_refused(wish: dict) -> None:
    with pytest.raises(UsageError, match="cannot be wished so") as raised:
        Wish(**wish)
    assert raised.value.wanted == "numbers: a target above 0 minutes, everything else not below 0"


def test_nobody_moves_to_where_they_are() -> None:
    assert [call.team for call in plans_for(GROUND, ONE, Wish(least_gain=0.0))[0].if_called_away] == [None]


def test_a_plan_by_travel_time_comes_first_and_says_what_it_comes_to() -> None:
    plans = plans_for(GROUND, ONE, Wish(model=P_MEDIAN))
    # West: (40 + 10 + 80) / 6.5 minutes; middle: (80 + 5 + 40) / 6.5, the least.
    assert [plan.name for plan in plans] == ["is nearest on average", MOST_COVER, AS_USUAL]
    assert (plans[0].at, plans[0].method) == (("middle",), P_MEDIAN)
    assert plans[0].price == pytest.approx(plans[1].covered[15] - plans[0].covered[15])
    assert plans[0].reason.endswith("the nearest team is 19.2 minutes away on average, were it free")


def test_a_plan_by_the_double_standard_stands_twice_where_most_is_expected() -> None:
    near = replace(GROUND, minutes=np.minimum(GROUND.minutes, 30.0))
    plans = plans_for(near, TWO, Wish(model=DOUBLE_STANDARD, target=20.0))
    # Two teams reach at most everybody once within 20 minutes, from the middle; both there reach everybody twice.
    assert plans[0].at == ("middle", "middle")
    assert plans[0].reason.endswith(
        "100 in 100 contacts are in reach of two teams within 20 minutes and 100 in 100 of one, everybody who can be"
        " within 40"
    )


@pytest.mark.parametrize("model", [P_MEDIAN, DOUBLE_STANDARD])
def test_what_another_aim_cannot_take_into_account_is_refused(model: str) -> None:
    bound = (replace(ONE[0], may_stand=("east",)),)
    with pytest.raises(UsageError, match="all alike") as raised:
        plans_for(GROUND, bound, Wish(model=model))
    assert "alpha (only at east)" in (raised.value.found or "")
    with pytest.raises(UsageError, match="nothing is expected"):
        plans_for(replace(GROUND, expected=np.zeros(3), samples=np.zeros((1, 3))), ONE, Wish(model=model))
    for wrong in ({"floors": (("most deprived", 1.0),)}, {"periods": 2}):
        with pytest.raises(UsageError, match="neither floors nor two periods"):
            Wish(model=model, **wrong)
    with pytest.raises(UsageError, match="no such model"):
        Wish(model="median")


def test_every_model_can_be_wished_at_the_command_line_and_over_http() -> None:
    from crisisrisk.cli.positions import positions
    from crisisrisk.serving.asked import PositionsAsked

    [option] = [one for one in positions.params if one.name == "model"]
    assert tuple(option.type.choices) == MODELS
    assert get_args(PositionsAsked.model_fields["model"].annotation) == MODELS


def test_the_plan_for_the_busiest_nights_says_what_going_back_loses_on_those() -> None:
    """One night in twenty much comes to the west, on every other a little to the middle, where bravo has its base."""
    nights = np.array([[0.0, 0.3, 1.0]] * 19 + [[6.0, 0.0, 1.0]])
    plans = plans_for(replace(GROUND, expected=nights.mean(axis=0), samples=nights), TWO, Wish())
    busiest = next(plan for plan in plans if plan.name == BAD_NIGHTS)
    others = [plan for plan in plans if plan is not busiest]
    assert busiest.at == ("east", "west")
    assert busiest.loses["bravo"] < Wish().least_gain < busiest.loses_busiest["bravo"]
    assert [plan.loses_busiest for plan in others] == [{}] * len(others)
    assert busiest.as_json()["loses_busiest"] == busiest.loses_busiest
