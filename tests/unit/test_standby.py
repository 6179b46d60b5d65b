"""Plans of one shift as a site's rules make them: teams, skills, travel, where people are taken, what is refused."""

import json
import re
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from tests.lib.table_sites import make_site, write_csv, write_mapping

from crisisrisk.commands.data import load_files
from crisisrisk.errors import DataError, UsageError
from crisisrisk.positioning.advice import advice_of, amhp_cover
from crisisrisk.positioning.care import TAKING, ages_of, sites_of_kinds
from crisisrisk.positioning.crews import Crew, crews_on
from crisisrisk.positioning.ground import Ground
from crisisrisk.positioning.plan import BAD_NIGHTS, KEPT_FAIR, MOST_COVER, Wish, plans_for
from crisisrisk.positioning.posts import Post
from crisisrisk.positioning.realised import realised_in
from crisisrisk.positioning.site_names import SiteNames
from crisisrisk.positioning.standby import _of_bases, _of_floors, _remarks, standby
from crisisrisk.positioning.taken import ADULTS, ANYONE, YOUNG
from crisisrisk.positioning.tonight import Tonight
from crisisrisk.scoring.demand import ShiftDemand
from crisisrisk.tables.cells import Cells, Neighbours
from crisisrisk.tables.mobile_teams import MobileTeam, PositionSettings, SkillNeed
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Store
from crisisrisk.timeline import shift_on, shift_pattern

LONDON = ZoneInfo("Europe/London")
LATE = shift_on(shift_pattern("late", "16:00", "00:00"), date(2026, 11, 27), LONDON)
NOBODY = Neighbours(np.zeros(4, dtype=np.int32), np.zeros(0, dtype=np.int32))
CELLS = Cells(
    ids=("a", "b", "c"), names=("Aston", "Bordesley", "Castle"), latitude=np.full(3, 52.4),
    longitude=np.array([-2.00, -1.90, -1.70]), area_km2=np.ones(3), population=np.full(3, 2000.0),
    deprivation_decile=np.array([1.0, 5.0, 9.0]), neighbours_1=NOBODY, neighbours_2=NOBODY,
    parents=("West", "West", "East"),
)  # fmt: skip
DEMAND = ShiftDemand(
    shift_id=LATE.id, place_ids=CELLS.ids, latitude=CELLS.latitude, longitude=CELLS.longitude,
    expected=np.array([2.0, 0.5, 1.0]), own_dispersion=np.zeros(3), shared_dispersion=0.3,
    hourly=np.array([0.05, 0.05, 0.05, 0.05, 0.2, 0.2, 0.2, 0.2]),
)  # fmt: skip
CARE = pa.table({
    "site_id": ["east", "west", "cafe", "children", "full house", "hospital", "suite"],
    "kind": ["base", "standby_point", "crisis_cafe", "crisis_cafe", "place_of_safety", "emergency_department",
             "place_of_safety"],
    "latitude": [52.4] * 7,
    "longitude": [-1.70, -2.00, -1.99, -2.00, -2.00, -1.71, -1.90],
    "opens": [None, None, "16:00", None, None, None, None],
    "closes": [None, None, "20:00", None, None, None, None],
    "capacity": [None, None, 12, 4, 0, None, 2],
    "ages": [None, None, "18 and over", "under 18", "all ages", "all ages", "18 and over"],
    "conditions": [None, None, "not after drinking", None, None, None, "not with an injury"],
    "phone": ["1", "2", "3", "4", "5", "6", "7"],
})  # fmt: skip
TONIGHT = Tonight(CARE, CELLS, LATE, LONDON, modes={"attendance": 1.5, "s136": 1.0, "telephone_advice": 1.0})


def ground(tonight: Tonight = TONIGHT, *, teams: int = 2) -> Ground:
    return tonight.ground(DEMAND, teams=teams, hours_each=1.0)


def at(hour: int, day: int = 27) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=LONDON)


def test_travel_takes_as_long_as_in_the_hours_in_which_contacts_come() -> None:
    """From 16:00 to midnight: four in five contacts come after 20:00, when roads are faster, and some at 23:00."""
    minutes = {name: ground(replace(TONIGHT, shift=LATE)).minutes if name == "late" else replace(
        TONIGHT, shift=LATE).ground(replace(DEMAND, hourly=np.eye(8)[hour]), teams=2, hours_each=1.0).minutes
        for name, hour in (("late", 0), ("day", 0), ("evening", 4), ("night", 7))}  # fmt: skip
    mixed = 0.15 * minutes["day"] + 0.65 * minutes["evening"] + 0.2 * minutes["night"]
    assert minutes["late"] == pytest.approx(mixed)
    assert (minutes["day"] > minutes["evening"]).any()
    assert "26 to 40 km/h in towns" in ground().travel_said


def test_a_team_that_cannot_leave_an_area_stands_in_it_and_serves_it_alone() -> None:
    free = plans_for(ground(), (Crew(name="alpha", base="east"),), Wish())[0]
    tied = plans_for(ground(), (Crew(name="alpha", base="east", areas=("East",)),), Wish())[0]
    assert (free.at, tied.at) == (("west",), ("east",))
    both = (Crew(name="alpha", base="east", areas=("Castle",)), Crew(name="bravo", base="west", areas=("West",)))
    plan = plans_for(ground(), both, Wish(target=60.0))[0]
    assert plan.at == ("east", "west")
    busy = {one.area: one for one in plan.busy}
    assert set(busy) == {"Castle", "West"}
    assert busy["West"].mean > busy["Castle"].mean
    alone = [alone_in(np.array(inside), crew) for inside, crew in (([0, 0, 1], both[0]), ([1, 1, 0], both[1]))]
    assert plan.covered[60.0] == pytest.approx(sum(alone))  # each team has its own work


def alone_in(inside: np.ndarray, crew: Crew) -> float:
    """What a crew covers where nothing is expected outside of its area."""
    whole = ground()
    own = replace(whole, expected=whole.expected * inside, samples=whole.samples * inside)
    return plans_for(own, (crew,), Wish(target=60.0))[0].covered[60.0]


def test_contacts_that_need_skills_are_served_by_teams_that_have_them() -> None:
    needs = PositionSettings(needs_skills=(SkillNeed(skills=("nurse", "officer"), mode="s136"),))
    asked = replace(TONIGHT, settings=needs)
    assert [(need.name, round(need.share, 3)) for need in asked.needs] == [("nurse and officer", 0.286)]
    able, unable = Crew(name="a", base="west", skills=("officer", "nurse", "driver")), Crew(name="a", base="west")
    covered = [plans_for(ground(asked), (crew,), Wish())[0].covered[15.0] for crew in (able, unable)]
    assert covered[1] == pytest.approx(covered[0] * (1 - 1 / 3.5))
    unknown = replace(asked, modes={})
    assert unknown.needs == ()
    assert "how many contacts need nurse and officer is not known" in unknown.remarks[0]


def test_part_shifts_and_lone_working_give_posts_with_from_and_to() -> None:
    teams = [
        MobileTeam(name="pair", base="west", starts=time(18), ends=time(23)),
        MobileTeam(name="single", base="east", staff=1),
        MobileTeam(name="night single", base="east", staff=1, starts=time(22), ends=time(6)),
    ]
    crews = crews_on(teams, LATE, LONDON, PositionSettings(lone_working_until=time(21)))
    plan = plans_for(ground(teams=3), crews, Wish())[0]
    spans = {post.team: (post.start, post.end) for post in plan.posts}
    assert spans == {"pair": (at(18), at(23)), "single": (at(16), at(21))}
    assert plan.at[2] == ""
    until = at(18).astimezone(LATE.start.tzinfo)
    assert (plan.busy[0].start, plan.busy[0].end) == (LATE.start.isoformat(), until.isoformat())
    assert "night single" in advice_of(TONIGHT.modes, crews).advises


def test_teams_move_between_two_periods_where_that_gains_more_than_it_costs() -> None:
    early, late = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 2.0])
    uneven = replace(ground(), expected=early + late, samples=np.tile(early + late, (20, 1)))
    one = (Crew(name="alpha", base="west"),)
    free = plans_for(uneven, one, Wish(periods=2, move_cost=0.0))[0]
    assert (free.moves, free.at) == (0, ("east",))  # what is expected is the same in both halves of the night
    busy_later = (Crew(name="alpha", base="west"), Crew(name="bravo", base="west", areas=("East",),
                                                        spans=((at(16), at(20)),)))  # fmt: skip
    moved = plans_for(uneven, busy_later, Wish(periods=2, move_cost=0.0))[0]
    assert [(post.team, post.site, post.start, post.end) for post in moved.posts] == [
        ("alpha", "west", at(16), at(20)), ("alpha", "east", at(20), at(0, 28)), ("bravo", "east", at(16), at(20)),
    ]  # fmt: skip
    assert moved.moves == 1
    stays = plans_for(uneven, busy_later, Wish(periods=2, move_cost=5.0))[0]
    assert stays.moves == 0
    middle = LATE.start + timedelta(hours=4)
    assert {call.start for call in moved.if_called_away} == {LATE.start.isoformat(), middle.isoformat()}


def test_breaks_make_teams_away_for_longer() -> None:
    crew = Crew(name="alpha", base="west")
    rested = replace(crew, breaks=((60.0, (LATE.start, LATE.end)),))
    plain, tired = (plans_for(ground(), (one,), Wish())[0] for one in (crew, rested))
    assert tired.busy[0].mean > plain.busy[0].mean + 0.05
    assert tired.covered[15.0] < plain.covered[15.0]


def test_a_break_at_no_time_of_the_shift_is_noted() -> None:
    teams = [
        MobileTeam(name=name, base="west", break_minutes=30, break_between=between)
        for name, between in (("alpha", (time(1), time(3))), ("bravo", (time(23), time(2))), ("charlie", None))
    ]
    crews, whole = crews_on(teams, LATE, LONDON), ground(teams=3)
    assert [
        note for note in _remarks(whole, crews, plans_for(whole, crews, Wish())[0], SiteNames()) if "break" in note
    ] == ["alpha has its break of 30 min outside its hours in this shift: none is planned"]


def test_nobody_is_taken_to_a_site_that_cannot_take_them() -> None:
    tonight = replace(TONIGHT, youngest=12)
    plan = plans_for(ground(tonight), (Crew(name="alpha", base="west"),), Wish())[0]
    refuges = tonight.refuges(DEMAND)
    found = refuges.near(plan.posts[0], 1)  # the second site is the west one
    assert [(one.kind, one.site, one.whom) for one in found] == [
        ("place_of_safety", "suite", ADULTS),  # the one next door has no place left
        ("crisis_cafe", "cafe", ADULTS),
        ("emergency_department", "hospital", ADULTS),
        ("crisis_cafe", "children", YOUNG),
    ]  # fmt: skip
    suite, cafe, hospital, _ = found
    assert (cafe.start, cafe.end) == (at(16), at(20))  # it closes during the shift
    assert {(one.start, one.end) for one in (suite, hospital)} == {(LATE.start, LATE.end)}
    assert (suite.places, suite.conditions, suite.ages, suite.phone) == (2, "not with an injury", "18 and over", "7")
    assert 0 < suite.kilometres < hospital.kilometres
    full = replace(tonight, full=("suite",)).refuges(DEMAND).near(plan.posts[0], 1)
    assert "suite" not in {one.site for one in full}
    early = replace(plan.posts[0], end=at(20))
    assert refuges.near(early, 1)[1].site == "cafe"
    late = replace(plan.posts[0], start=at(20))
    assert "cafe" not in {one.site for one in refuges.near(late, 1)}
    only_with_conditions = replace(tonight, full=("hospital", "children"), youngest=None).refuges(DEMAND)
    assert [one.whom for one in only_with_conditions.near(plan.posts[0], 1)] == [ADULTS, ADULTS]
    anyone = replace(TONIGHT, full=("suite",)).refuges(DEMAND).near(plan.posts[0], 1)
    assert ANYONE not in {one.whom for one in anyone}  # the hospital is named already, and takes anyone


def cafes(*hours: tuple[str | None, str | None]) -> list[tuple[str, int, int]]:
    """The cafés that are told to a team in the west, each further than the one before, and from when to when."""
    care = pa.table({
        "site_id": ["west", *(f"cafe {number}" for number in range(len(hours)))],
        "kind": ["base", *["crisis_cafe"] * len(hours)],
        "latitude": [52.4] * (len(hours) + 1),
        "longitude": [-2.0, *(-1.99 + 0.01 * number for number in range(len(hours)))],
        "opens": [None, *(opens for opens, _ in hours)],
        "closes": [None, *(closes for _, closes in hours)],
    })  # fmt: skip
    refuges = replace(TONIGHT, care=care).refuges(DEMAND)
    found = refuges.near(Post(team="alpha", site="west", start=LATE.start, end=LATE.end), 0)
    return [(one.site, one.start.astimezone(LONDON).hour, one.end.astimezone(LONDON).hour) for one in found]


def test_a_place_that_is_open_for_a_part_is_told_with_its_hours_until_one_is_open_all_the_time() -> None:
    assert cafes(("18:00", "23:00"), (None, None), (None, None)) == [("cafe 0", 18, 23), ("cafe 1", 16, 0)]
    assert cafes(("18:00", "23:00")) == [("cafe 0", 18, 23)]
    assert cafes(("01:00", "09:00")) == []
    # Of two that are open at the same time the nearer is told; the further one for what the nearer leaves.
    assert cafes(("16:00", "20:00"), ("17:00", "19:00"), ("19:00", "22:00")) == [("cafe 0", 16, 20), ("cafe 2", 19, 22)]
    assert cafes(("22:00", "18:00")) == [("cafe 0", 16, 18), ("cafe 0", 22, 0)]


def test_how_far_people_are_taken_is_weighted_by_what_is_expected() -> None:
    refuges = TONIGHT.refuges(DEMAND)
    minutes = refuges.from_cells[0]
    hospital = refuges.sites.points.ids.index("hospital")
    weights = np.array([3.0, 0.0, 1.0])
    found = {one.kind: one for one in refuges.taken("", [(weights, LATE.start, LATE.end)])}
    assert set(found) == {"place_of_safety", "crisis_cafe", "emergency_department"}
    assert found["crisis_cafe"].share == pytest.approx(0.5)  # it is open for half of the shift
    late = list(refuges.taken("", [(weights, LATE.start, LATE.end)], ground().come_between))
    assert late[1].share == pytest.approx(0.2)  # in which a fifth of the contacts come
    assert found["emergency_department"].minutes == pytest.approx((3 * minutes[0, hospital] + minutes[2, hospital]) / 4)
    assert found["emergency_department"].share == 1.0
    assert found["place_of_safety"].kilometres > 0


@pytest.mark.parametrize(
    ("text", "ages"),
    [("18 and over", (18, 130)), ("16+", (16, 130)), ("Under 18", (0, 17)), ("18 to 65", (18, 65)), ("", (0, 130)),
     ("All ages", (0, 130)), ("grown-ups", None)],
)  # fmt: skip
def test_ages_are_read_as_people_write_them(text: str, ages: tuple[int, int] | None) -> None:
    assert ages_of(text) == ages


def test_ages_that_are_not_understood_take_nobody_and_are_named() -> None:
    care = CARE.set_column(CARE.column_names.index("ages"), "ages", pa.array([None] * 5 + ["grown-ups", None]))
    assert not sites_of_kinds(care, TAKING).takes(2, 30, 30)
    assert 'hospital ("grown-ups")' in replace(TONIGHT, care=care).remarks[0]


def test_rooms_at_a_base_are_kept_to() -> None:
    care = CARE.set_column(CARE.column_names.index("capacity"), "capacity", pa.array([1, 1, 12, 4, 0, None, 2]))
    limited = ground(replace(TONIGHT, care=care))
    assert limited.room.tolist() == [1, 1]
    two = tuple(Crew(name=name, base="west") for name in ("alpha", "bravo"))
    assert sorted(plans_for(limited, two, Wish())[0].at) == ["east", "west"]


def test_advice_and_approved_professionals_are_told_or_said_not_to_be_known() -> None:
    told = advice_of(TONIGHT.modes, ())
    assert told.share == pytest.approx(1 / 3.5)
    assert "29 in 100 (1.0 contacts)" in told.as_text()
    silent = advice_of({"attendance": 1.0, "not_recorded": 3.0}, ())
    assert (silent.share, silent.not_recorded) == (None, 0.75)
    assert "not known" in silent.as_text()
    crews = (Crew(name="alpha", base="west", skills=("amhp",)), Crew(name="bravo", base="east"))
    cover = amhp_cover({"amhp_assessment": 0.5}, ground(), crews, ((1, 0),), target=15.0)
    assert (cover.expected, cover.teams) == (0.5, ("alpha",))
    assert cover.covered is not None
    assert 0.3 < cover.covered < 2 / 3.5  # only cell a is in its reach, and it is away for a part of the time
    none = amhp_cover({}, ground(), crews[1:], ((0,),), target=15.0)
    assert (none.expected, none.covered) == (None, None)
    assert 'no team on duty declares the skill "amhp"' in none.as_text(15.0)


TWO = tuple(Crew(name=name, base="west") for name in ("alpha", "bravo"))


def nights_of(*nights: tuple[list[float], int]) -> Ground:
    drawn = np.concatenate([np.tile(night, (times, 1)) for night, times in nights])
    return replace(ground(), samples=drawn, expected=drawn.mean(axis=0))


def replayed(folder: Path, name: str, **changes: object) -> None:
    usual = {
        "from": "2026-09-01", "to": "2026-11-14", "shifts": 74, "teams": {"late": 2}, "target_minutes": 15.0,
        "plans": {"forecast": {"covered_15": 0.574, "covered_30": 0.851}, "fixed bases": {"covered_15": 0.1}},
    }  # fmt: skip
    (folder / name).write_text(json.dumps({**usual, **changes}))


def test_what_plans_like_one_reached_is_read_from_the_sites_own_replays(tmp_path: Path) -> None:
    def of(shift: str = "late", teams: int = 2, target: float = 15.0) -> str | None:
        found = realised_in(tmp_path, shift=shift, teams=teams, target=target)
        return None if found is None else found.as_text()

    assert of() is None
    replayed(tmp_path, "replay-a.json", to="2026-10-14", shifts=43)
    replayed(tmp_path, "replay-b.json")
    replayed(tmp_path, "replay-c.json", teams={"late": 2, "night": 3})  # of several shifts together
    replayed(tmp_path, "replay-d.json", to="2026-11-20", plans={"forecast": {"covered_15": None, "covered_30": None}})
    (tmp_path / "replay-e.json").write_text("{")
    assert of() == (
        "in the replay of 74 shifts from 2026-09-01 to 2026-11-14, with 2 teams all alike: 57 in 100 within 15 min and "
        "85 in 100 within 30 min"
    )
    assert [of("night"), of(teams=3), of(target=30.0)] == [None] * 3


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site of which one job is known: each is taken to keep a team for an hour and a half."""
    folder = tmp_path_factory.mktemp("planned")
    made, job = make_site(folder), {"id": 1, "sent": "2026-02-01T10:00:00Z", "known": "2026-02-02T12:00:00Z"}
    load_files(made, [write_csv(folder / "jobs.csv", [{**job, "free": "2026-02-01T11:00:00Z"}])],
               write_mapping(made, JOBS))  # fmt: skip
    return made


def said(site: Site, demand: ShiftDemand = DEMAND, **asked: object) -> list[str]:
    """What the command prints of a plan, by line."""
    found = standby(site, Store(site).snapshot(), TONIGHT, demand, issued_at=LATE.start, **asked)  # type: ignore[arg-type]
    return found.as_text().splitlines()


def test_a_plan_in_words_says_who_stands_where_what_is_near_and_who_moves(site: Site) -> None:
    lines = said(site, teams=2, wish=Wish(periods=2, move_cost=0.0))
    first = next(number for number, line in enumerate(lines) if line.startswith("  team 1"))
    assert re.match(r"  team 1     east   \d\.\d contacts in reach, adds \d\.\d", lines[first]), lines[first]
    assert lines[first + 1].startswith("             near: place of safety suite ")
    assert "crisis café cafe 52 min only 16:00–20:00" in lines[first + 1]
    assert "  if team 1 is called away: nobody else is asked to move" in lines
    assert any(line.startswith("  if team 2 is called away, 16:00–20:00: move team 1 to west, +") for line in lines)
    assert "   team 1 east, team 2 east" in lines  # the usual places beside it
    assert any("one for an hour alone +" in line for line in lines)
    short = said(site, crews=(Crew(name="a very long name", base="west", spans=((at(18), at(20)),)),))
    assert any(line.startswith("  a very long name west 18:00–20:00   ") for line in short)
    assert any(re.match(r"  within 15 min \d+ in 100 \(\d\.\d contacts\); within 30 min .* no plan is better", line)
               for line in lines)  # fmt: skip


def test_the_usual_places_are_told_with_why_nobody_moves(site: Site) -> None:
    crews = tuple(Crew(name=name, base=base) for name, base in (("alpha", "east"), ("bravo", "west")))
    reason = said(site, crews=crews)[1]
    assert reason.endswith("nobody is asked to move, as no move that is allowed gains 0.1 contacts")


def test_a_shift_in_which_nobody_is_expected_says_so_and_tells_no_shares(site: Site) -> None:
    lines = said(site, replace(DEMAND, expected=np.zeros(3)), teams=2)
    assert lines[1] == "as usual: no contacts are expected, so that every plan covers the same"
    assert not [line for line in lines if "in 100 within" in line or "more seconds" in line or "on average" in line]


def test_why_nobody_can_stand_anywhere_is_counted() -> None:
    care = CARE.set_column(CARE.column_names.index("opens"), "opens", pa.array([None, "09:00", *[None] * 5]))
    care = care.set_column(CARE.column_names.index("closes"), "closes", pa.array([None, "17:00", *[None] * 5]))
    with pytest.raises(UsageError) as refused:
        _ = replace(TONIGHT, care=care, full=("east",)).standing
    assert refused.value.found == "2 sites: 1 full or closed, 1 not open all shift by their hours"


def test_the_mean_night_plans_otherwise_where_nights_differ() -> None:
    """On one night of ten so much comes in the east that a second team there hardly helps; the mean does not say so."""
    uneven = nights_of(([1.0, 0.0, 0.0], 300), ([0.0, 0.0, 40.0], 100), ([0.0, 0.0, 0.0], 600))
    best = plans_for(uneven, TWO, Wish(least_gain=0.0))[0]
    assert (sorted(best.at), best.by_mean) == (["east", "west"], ("east", "east"))
    assert best.by_mean_loses > 0.04
    same = nights_of(([1.0, 0.0, 1.0], 20))
    assert plans_for(same, TWO, Wish(least_gain=0.0))[0].by_mean is None


def test_a_plan_for_the_busiest_nights_is_told_where_it_covers_the_worst_ones_better() -> None:
    uneven = nights_of(([1.0, 0.0, 1.0], 900), ([0.0, 0.0, 40.0], 100))
    plans = {plan.name: plan for plan in plans_for(uneven, TWO, Wish(least_gain=0.0))}
    best, busy = plans[MOST_COVER], plans[BAD_NIGHTS]
    assert (sorted(best.at), busy.at) == (["east", "west"], ("east", "east"))
    assert (best.worst_decile, busy.worst_decile) == (pytest.approx(0.05), pytest.approx(1 - 0.95**2))
    assert busy.price == pytest.approx(best.covered[15.0] - busy.covered[15.0])
    assert busy.price > 0


def test_a_floor_and_its_price() -> None:
    east = ground()
    east = replace(east, groups={"east": np.array([False, False, True])})
    plans = plans_for(east, (Crew(name="alpha", base="west"),), Wish(floors=(("east", 1.0),)))
    fair = next(plan for plan in plans if plan.name == KEPT_FAIR)
    assert fair.at == ("east",)
    assert plans[0] is fair  # what is wished comes first
    assert fair.price == pytest.approx(max(plan.covered[15.0] for plan in plans) - fair.covered[15.0])
    assert fair.price > 0


def test_a_need_is_met_and_a_conflict_named_with_every_rule_in_the_way() -> None:
    """The floor alone could be kept, and so could the area: together they cannot."""
    watched = replace(ground(), groups={"castle": np.array([False, False, True])})
    tied = (Crew(name="alpha", base="west", areas=("West",)),)
    with pytest.raises(UsageError, match="cannot hold together") as refused:
        plans_for(watched, tied, Wish(floors=(("castle", 1.0),)))
    assert refused.value.found == "castle: at least 1 times the average cover; alpha (stays in West)"


@pytest.mark.parametrize(
    ("crews", "found"),
    [
        ((Crew(name="alpha", may_stand=("west",), areas=("East",)),),
         "alpha (only at west; stays in East): 1 team, and no room where it may stand"),
        ((Crew(name="alpha", spans=()),), "alpha"),
        ((Crew(name="alpha", areas=("Utopia",)),), "Utopia"),
    ],
)  # fmt: skip
def test_teams_that_nowhere_fits_are_named_with_what_binds_them(crews: tuple[Crew, ...], found: str) -> None:
    with pytest.raises(UsageError) as refused:
        plans_for(ground(), crews, Wish())
    assert found in f"{refused.value.problem} {refused.value.found}"


def test_three_kinds_of_team_that_share_too_little_room_are_named_together() -> None:
    """No two of them are too many: only the pair that shares two sites with a third one is."""
    tight = replace(ground(), room=np.array([1, 1]))
    crews = (Crew(name="alpha", may_stand=("west",)), Crew(name="bravo", may_stand=("west",), skills=("nurse",)))
    with pytest.raises(UsageError) as refused:
        plans_for(replace(tight, needs=()), crews, Wish())
    assert refused.value.problem == "alpha, bravo (only at west): 2 teams, and room for 1 where they may stand"
    with pytest.raises(UsageError, match="3 teams, and room for 2 where they may stand"):
        plans_for(tight, tuple(Crew(name=name) for name in ("a", "b", "c")), Wish())


def test_a_base_that_is_closed_is_named_where_gains_cannot_be_told() -> None:
    crews, open_east = (Crew(name="alpha", base="west"),), replace(TONIGHT, full=("west",))
    plan = plans_for(ground(open_east), crews, Wish())[0]
    assert list(_of_bases(ground(open_east), crews, plan, SiteNames())) == [
        "not everybody can be at their usual base, so what moving gains is not known: closed, full or barred to alpha"
        " (west)"
    ]
    assert list(_of_bases(ground(), crews, plans_for(ground(), crews, Wish())[0], SiteNames())) == []
    floored = plans_for(ground(), crews, Wish(seconds=0.0, floors=(("most deprived fifth", 0.0),)))
    assert list(_of_floors(floored)) == []
    missed = [replace(floored[0], floors_kept=False)]
    assert list(_of_floors(missed)) == [
        "no plan that keeps every floor was found in the time given: more seconds may find one"
    ]


JOBS = """table = "events"
[columns]
event_id = "id"
occurred_at = { column = "sent" }
known_at = "known"
dispatched_at = "sent"
cleared_at = "free"
source = { constant = "police_999" }
code = { constant = "call" }
team_id = { constant = "car" }
"""


def test_hours_for_each_contact_are_those_of_records_that_count_then(tmp_path: Path) -> None:
    """Forty jobs of an hour, of which on the third day is known that each took five."""
    site = make_site(tmp_path)
    for name, hours, known in (("first", 1, 2), ("corrected", 5, 3)):
        jobs = [
            {"id": one, "sent": f"2026-02-01T{one % 10:02d}:00:00Z", "known": f"2026-02-0{known}T12:00:00Z",
             "free": f"2026-02-01T{one % 10 + hours:02d}:00:00Z"}
            for one in range(40)
        ]  # fmt: skip
        loaded = load_files(site, [write_csv(tmp_path / f"{name}.csv", jobs)], write_mapping(site, JOBS))
        assert loaded.rows_quarantined == 0
    snapshot = Store(site).snapshot()
    days = (datetime(2026, 2, day, 12, tzinfo=ZoneInfo("UTC")) for day in (2, 3, 4))
    planned = [standby(site, snapshot, TONIGHT, DEMAND, issued_at=day, teams=1).hours_each for day in days]
    assert planned == [1.5, 1.0, 5.0]


def test_no_site_and_only_closed_sites_are_said() -> None:
    with pytest.raises(UsageError, match="nowhere for a team to stand"):
        ground(replace(TONIGHT, care=CARE.slice(2)))
    with pytest.raises(UsageError, match="no site where a team can stand is open all shift"):
        ground(replace(TONIGHT, full=("east", "west")))


def test_demand_that_is_no_number_is_refused_and_no_demand_has_a_plan_with_a_reason() -> None:
    broken = replace(ground(), expected=np.array([np.nan, 1.0, 1.0]))
    with pytest.raises(UsageError, match="the expected contacts of 1 cell are not a number"):
        plans_for(broken, (Crew(name="alpha", base="west"),), Wish())
    quiet = replace(ground(), expected=np.zeros(3), samples=np.zeros((4, 3)))
    plan = plans_for(quiet, (Crew(name="alpha", base="west"),), Wish())[0]
    assert (plan.at, plan.as_json()["worst_decile"]) == (("west",), None)


def test_with_no_time_the_plan_is_the_greedy_one_and_says_so() -> None:
    plan = plans_for(ground(), (Crew(name="alpha", base="east"),), Wish(seconds=0.0))[0]
    assert (plan.method, plan.at) == ("greedy", ("west",))


def test_a_matrix_with_missing_pairs_falls_back_on_the_straight_line_and_says_for_how_many(tmp_path: Path) -> None:
    file = tmp_path / "minutes.csv"
    file.write_text("site_id,place_id,minutes\neast,a,3\n", encoding="utf-8")
    made = ground(replace(TONIGHT, travel=file))
    assert made.minutes[0, 0] == 3.0
    assert "5 of 6 pairs are not in it: straight line" in made.travel_said
    nowhere = replace(DEMAND, latitude=np.full(3, np.nan), longitude=np.full(3, np.nan))
    with pytest.raises(DataError, match="3 cells have no coordinates"):
        TONIGHT.ground(nowhere, teams=1, hours_each=1.0)
    by_file = replace(TONIGHT, travel=file).ground(nowhere, teams=1, hours_each=1.0)
    assert np.isinf(by_file.minutes).sum() == 5
    assert "5 of 6 pairs are not in it: no way is known" in by_file.travel_said


def test_barriers_of_a_file_are_gone_around_by_their_crossings(tmp_path: Path) -> None:
    river = tmp_path / "river.geojson"
    feature = '{"type": "Feature", "properties": {}, "geometry": {"type": "%s", "coordinates": %s}}'
    line, bridge = feature % ("LineString", "[[-1.8, 52.3], [-1.8, 52.5]]"), feature % ("Point", "[-1.8, 52.45]")
    river.write_text(f'{{"type": "FeatureCollection", "features": [{line}]}}', encoding="utf-8")
    closed = ground(replace(TONIGHT, settings=PositionSettings(barriers=river)))
    assert np.isinf(closed.minutes[0, :2]).all()
    assert np.isfinite(closed.minutes[0, 2])
    river.write_text(f'{{"type": "FeatureCollection", "features": [{line}, {bridge}]}}', encoding="utf-8")
    crossed = ground(replace(TONIGHT, settings=PositionSettings(barriers=river)))
    assert (crossed.minutes[0, 1] > ground().minutes[0, 1]).all()
    assert "around 1 barriers by 1 crossings" in crossed.travel_said


@pytest.mark.parametrize(
    "text", ["", "{}", '{"type": "Point", "coordinates": [0, 0]}', '{"type": "LineString", "coordinates": [[0, 0]]}',
             '{"type": "LineString", "coordinates": [[0, 0], [500, 0]]}'],
)  # fmt: skip
def test_a_file_of_barriers_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "river.geojson"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="the file of barriers cannot be used"):
        ground(replace(TONIGHT, settings=PositionSettings(barriers=file)))
