"""What a coordinator's own posts come to, on a ground that can be reckoned by hand."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from tests.unit.test_plan import GROUND, ONE, TWO

from crisisrisk.positioning.crews import Crew
from crisisrisk.positioning.plan import Wish, plans_for
from crisisrisk.positioning.posts import Post
from crisisrisk.positioning.weighing import LeftRule, Weighing

START, END = GROUND.start, GROUND.end
MIDDLE = START + timedelta(hours=4)


def post(team: str, site: str, start: object = START, end: object = END) -> Post:
    return Post(team=team, site=site, start=start, end=end)  # type: ignore[arg-type]


def test_posts_of_a_plan_cover_what_the_plan_says() -> None:
    for crews in (ONE, TWO):
        for plan in plans_for(GROUND, crews, Wish()):
            assert Weighing(GROUND, crews, 15.0).covered(plan.posts) == pytest.approx(plan.covered[15])


def test_half_a_shift_covers_half_and_what_is_nearer_covers_more() -> None:
    weighing = Weighing(GROUND, ONE, 15.0)
    whole, half = weighing.covered([post("alpha", "west")]), weighing.covered([post("alpha", "west", START, MIDDLE)])
    assert half == pytest.approx(whole / 2)
    both = weighing.covered([post("alpha", "west", START, MIDDLE), post("alpha", "east", MIDDLE, END)])
    assert half < both < whole
    assert weighing.covered([]) == 0.0


def test_a_team_that_is_off_duty_covers_nothing_wherever_it_is_put() -> None:
    crew = replace(ONE[0], spans=((START, MIDDLE),))
    assert Weighing(GROUND, [crew], 15.0).covered([post("alpha", "west", MIDDLE, END)]) == 0.0


def test_every_rule_that_is_left_is_named() -> None:
    ground = replace(
        GROUND, room=np.array([1, 2, 2]),
        cell_places=(frozenset({"Aston"}), frozenset({"Bordesley"}), frozenset({"Castle"})),
        site_places=(frozenset({"Aston"}), frozenset({"Bordesley"}), frozenset({"Castle"})),
    )  # fmt: skip
    crews = [
        Crew(name="alpha", may_stand=("east",)), Crew(name="bravo", areas=("Castle",)),
        Crew(name="charlie", spans=((START, MIDDLE),)),
    ]  # fmt: skip
    posts = [post("alpha", "west"), post("bravo", "west"), post("charlie", "east", START, START + timedelta(hours=1))]
    found = list(Weighing(ground, crews, 15.0).left_rules(posts))
    assert found == [
        LeftRule(kind="site", team="alpha", site="west", allowed=("east",)),
        LeftRule(kind="area", team="bravo", site="west", allowed=("Castle",)),
        LeftRule(kind="room", team="", site="west", allowed=("1",), stand=2, span=(START, END)),
        LeftRule(kind="gap", team="charlie", site="", span=(START + timedelta(hours=1), MIDDLE)),
    ]


def test_posts_that_keep_every_rule_are_not_spoken_of() -> None:
    turns = [post("alpha", "west", START, MIDDLE), post("alpha", "east", MIDDLE, END)]
    assert list(Weighing(GROUND, ONE, 15.0).left_rules(turns)) == []
