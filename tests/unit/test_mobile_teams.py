"""Teams as a site declares them: what is read and refused, who is on duty in a shift, and overrides of a plan."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from crisisrisk.errors import SiteError, UsageError
from crisisrisk.positioning.crews import Crew, crews_on
from crisisrisk.positioning.override import Override, Post, override_from, scored
from crisisrisk.positioning.replay import Night, Ways
from crisisrisk.tables.mobile_teams import MobileTeam, PositionSettings, SkillNeed, team_of
from crisisrisk.tables.site import Site, read_configuration
from crisisrisk.timeline import shift_on, shift_pattern

LONDON = ZoneInfo("Europe/London")
HEAD = """
name = "Test"
time_zone = "Europe/London"
[[shift]]
name = "late"
starts = "15:00"
ends = "22:00"
[[shift]]
name = "night"
starts = "22:00"
ends = "08:00"
[source]
"""
TEAMS = """
[positions]
lone_working_until = "22:00"
needs_skills = [{ skills = ["nurse", "officer"], mode = "s136" }]
travel = "travel/minutes.csv"
learn_detour = true
[[mobile_team]]
name = "north car"
base = "site-01"
may_stand = ["site-01", "site-03"]
areas = ["north"]
skills = ["nurse", "officer"]
shifts = ["late", "night"]
starts = "18:00"
ends = "03:00"
break_minutes = 30
break_between = ["00:00", "02:00"]
[[mobile_team]]
name = "single nurse"
staff = 1
"""
NIGHT = shift_on(shift_pattern("night", "22:00", "08:00"), date(2026, 11, 28), LONDON)
LATE = shift_on(shift_pattern("late", "15:00", "22:00"), date(2026, 11, 28), LONDON)


def site(more: str = TEAMS) -> Site:
    return read_configuration(HEAD + more)


def utc(hour: int, day: int = 28) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def test_declared_teams_and_rules_are_read() -> None:
    made = site()
    car, nurse = made.mobile_teams
    assert (car.base, car.areas, car.skills, car.starts) == ("site-01", ("north",), ("nurse", "officer"), time(18))
    assert car.break_between == (time(0), time(2))
    assert (nurse.staff, nurse.shifts, nurse.starts) == (1, (), None)
    assert made.positions.lone_working_until == time(22)
    assert made.positions.needs_skills == (SkillNeed(skills=("nurse", "officer"), mode="s136"),)
    assert made.positions.travel == Path("travel/minutes.csv").resolve()
    assert made.positions.learn_detour is True
    assert site("").mobile_teams == ()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (('name = "north car"', 'nam = "north car"'), 'unknown key "nam"'),
        (('name = "north car"', 'name = "single nurse"'), 'two mobile teams are called "single nurse"'),
        (('starts = "18:00"\nends = "03:00"', 'starts = "18:00"'), '"north car" cannot be'),
        (('starts = "18:00"', 'starts = "25:00"'), "not a time of day"),
        (("staff = 1", "staff = 0"), '"single nurse" cannot be'),
        (("staff = 1", "staff = true"), '"staff" of a mobile team cannot be used'),
        (('["site-01", "site-03"]', '["site-03"]'), '"north car" cannot be'),
        (('["00:00", "02:00"]', '["00:00"]'), '"break_between" is not two times'),
        (("break_minutes = 30\n", ""), '"north car" cannot be'),
        (('["late", "night"]', '["dawn"]'), "mobile_team north car cannot be used"),
        (("lone_working_until", "lone_working_til"), 'unknown key "lone_working_til"'),
        (('lone_working_until = "22:00"', 'lone_working_until = "07:00"'), "nobody could ever work alone"),
        (('mode = "s136"', "share = 2.0"), "a need for skills that is none"),
        (('mode = "s136"', 'mode = "s136", share = 0.2'), "a need for skills that is none"),
        (('{ skills = ["nurse", "officer"], mode = "s136" }',
          '{ skills = ["nurse"], share = 0.7 }, { skills = ["officer"], share = 0.4 }'), "more contacts need skills"),
    ],
)  # fmt: skip
def test_wrong_teams_are_refused_by_what_is_wrong(change: tuple[str, str], problem: str) -> None:
    assert change[0] in TEAMS
    with pytest.raises(SiteError) as caught:
        site(TEAMS.replace(*change))
    assert problem in caught.value.problem
    assert caught.value.code == "CR-SITE-002"


def test_a_request_that_names_a_wrong_team_is_told_so() -> None:
    with pytest.raises(UsageError, match='unknown key "skill"'):
        team_of({"name": "a", "skill": ["nurse"]})
    with pytest.raises(UsageError, match="has no name"):
        team_of({"base": "site-01"})


def test_a_team_works_its_own_part_of_each_shift() -> None:
    car = site().mobile_teams[:1]
    late, night = crews_on(car, LATE, LONDON), crews_on(car, NIGHT, LONDON)
    assert late[0].spans == ((utc(18), utc(22)),)
    assert night[0].spans == ((utc(22), utc(3, 29)),)
    assert night[0].breaks == ((30.0, (utc(0, 29), utc(2, 29))),)
    assert (late[0].breaks, late[0].break_elsewhere) == ((), 30.0)  # its break is after midnight
    assert night[0].break_elsewhere == 0.0
    assert night[0].resting(utc(0, 29), utc(1, 29)) == pytest.approx(0.25)
    assert night[0].resting(utc(2, 29), utc(3, 29)) == 0.0
    assert (night[0].out(utc(22), utc(3, 29)), night[0].out(utc(2, 29), utc(4, 29))) == (True, False)
    assert crews_on([MobileTeam(name="day", shifts=("day",))], LATE, LONDON) == ()
    assert crews_on([MobileTeam(name="early", starts=time(9), ends=time(14))], LATE, LONDON) == ()


def test_nobody_goes_alone_after_the_stated_hour() -> None:
    rules = PositionSettings(lone_working_until=time(21), lone_working_from=time(7))
    teams = [MobileTeam(name="single nurse", staff=1), MobileTeam(name="pair")]
    alone, pair = crews_on(teams, LATE, LONDON, rules)
    assert (alone.spans, alone.advises) == (((utc(15), utc(21)),), ((utc(21), utc(22)),))
    assert pair == Crew(name="pair")
    by_night = crews_on(teams[:1], NIGHT, LONDON, rules)[0]
    assert by_night.spans == ((utc(7, 29), utc(8, 29)),)
    assert crews_on(teams[:1], NIGHT, LONDON)[0].spans is None  # no such rule


def _post(site: str, team: str = "alpha") -> Post:
    return Post(team=team, site=site, start=LATE.start, end=LATE.end)


def test_an_override_is_kept_with_its_reason_and_scored_beside_the_plan() -> None:
    made = Override(shift_id=LATE.id, plan=(_post("west"),), posts=(_post("east"),), reason="match at the stadium")
    assert override_from(made.as_json()) == made
    assert made.changed == (_post("east"),)
    ways = Ways(
        site_to_cell=np.array([[5.0, 40.0], [40.0, 5.0]]), cell_to_cell=np.array([[0.0, 40.0], [40.0, 0.0]]),
        site_to_site=np.array([[0.0, 40.0], [40.0, 0.0]]),
    )  # fmt: skip
    night = Night(minute=np.array([10.0, 200.0]), cell=np.array([1, 1]), service=np.array([30.0, 30.0]))
    score = scored(made, night, ways, sites=("west", "east"), start=LATE.start)
    assert (score.contacts, score.gained) == (2, {15.0: 2, 30.0: 2})
    assert score.as_json()["override"]["covered_15"] == 1.0
    assert score.as_json()["plan"]["covered_15"] == 0.0


def test_a_team_is_scored_for_as_long_as_it_has_a_post() -> None:
    """The override lets it go at 19:00; a call at 20:00 then finds nobody."""
    shorter = replace(_post("west"), end=utc(19))
    made = Override(shift_id=LATE.id, plan=(_post("west"),), posts=(shorter,), reason="asked for elsewhere")
    ways = Ways(site_to_cell=np.array([[5.0]]), cell_to_cell=np.zeros((1, 1)), site_to_site=np.zeros((1, 1)))
    night = Night(minute=np.array([60.0, 300.0]), cell=np.array([0, 0]), service=np.array([30.0, 30.0]))
    score = scored(made, night, ways, sites=("west",), start=LATE.start)
    assert (score.plan.covered(15), score.override.covered(15), score.gained[15.0]) == (1.0, 0.5, -1)


@pytest.mark.parametrize(
    ("posts", "reason"),
    [((_post("east"),), " "), ((_post("west"),), "why not"), ((_post("east", "bravo"),), "other teams")],
)
def test_an_override_without_a_reason_or_a_change_is_none(posts: tuple[Post, ...], reason: str) -> None:
    with pytest.raises(UsageError, match="cannot be overridden so"):
        Override(shift_id=LATE.id, plan=(_post("west"),), posts=posts, reason=reason)


def test_an_override_to_a_site_that_is_none_is_refused_when_it_is_scored() -> None:
    made = Override(shift_id=LATE.id, plan=(_post("west"),), posts=(_post("moon"),), reason="a view")
    ways = Ways(site_to_cell=np.zeros((1, 1)), cell_to_cell=np.zeros((1, 1)), site_to_site=np.zeros((1, 1)))
    night = Night(minute=np.array([1.0]), cell=np.array([0]), service=np.array([1.0]))
    with pytest.raises(UsageError, match='no site "moon"'):
        scored(made, night, ways, sites=("west",), start=LATE.start)
