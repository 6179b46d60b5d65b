"""The invented city's places: where things are, how the map moves, and that the truth about them is the truth."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import h3
import numpy as np
import pytest
from numpy.typing import NDArray

from crisisrisk.errors import UsageError
from crisisrisk.simulation.city import City, build_city
from crisisrisk.simulation.contacts import ORIGINS, Contacts, number_of
from crisisrisk.simulation.deployments import deployments
from crisisrisk.simulation.footprint import KNOWN, OFTEN, effects, habits, person_classes, reach
from crisisrisk.simulation.intensity import CRISIS_HOURS, PlaceMap, draw_map, foreseen_cells, foreseen_level, months
from crisisrisk.simulation.people import People, block_people
from crisisrisk.simulation.period import Period, local_clock, period_of
from crisisrisk.simulation.person_dynamics import CHANNELS, TEAM_FOUND, WHERE_SHARES
from crisisrisk.simulation.person_kernel import Lives, PersonIncidents, live
from crisisrisk.simulation.recording import recorded
from crisisrisk.simulation.responses import responses
from crisisrisk.simulation.settings import CitySettings, settings_for
from crisisrisk.simulation.strangers import strangers_contacts
from crisisrisk.simulation.truth_incidents import expected_incidents
from crisisrisk.simulation.truth_places import ISSUE_HOURS, PlaceTruth, _later, place_truth

SMALL = settings_for("sample", people=1_000, years=1.0, residents=120_000)


@cache
def ground(settings: CitySettings) -> tuple[Period, City, PlaceMap]:
    period, city = period_of(settings.years), build_city(settings)
    return period, city, draw_map(settings, city, period)


def of_strangers(settings: CitySettings) -> Contacts:
    period, city, place_map = ground(settings)
    parts = [strangers_contacts(settings, city, period, place_map, month) for month in range(months(period))]
    return Contacts.concatenated(parts)


@cache
def block_of(settings: CitySettings) -> tuple[People, Lives, Contacts]:
    period, city, _ = ground(settings)
    people = block_people(settings, city, period, 0)
    lives = live(settings, people, period, reach(settings, city, period))
    return people, lives, responses(settings, city, period, lives.incidents, people, block=0)


# The city


@pytest.mark.parametrize(
    ("preset", "residents", "cells", "areas"),
    [("sample", 190_000, 146, 1), ("birmingham", 1_300_000, 1_000, 1), ("force", 2_900_000, 2_231, 3)],
)
def test_a_city_has_a_cell_for_every_1300_residents(preset: str, residents: int, cells: int, areas: int) -> None:
    city = build_city(settings_for(preset))
    assert (len(city), len(city.areas)) == (cells, areas)
    assert city.population.sum() == pytest.approx(residents, rel=1e-3)
    assert len(set(city.ids)) == len(set(city.names)) == cells
    for share in (city.streets, city.night_life, city.football, city.railway):
        assert share.min() >= 0
        assert share.sum() == pytest.approx(1)


def test_the_largest_city_becomes_fuller_not_wider() -> None:
    city = build_city(settings_for("birmingham", people=2_000_000))
    assert len(city) == 5_000
    assert city.population.sum() > 40_000_000


def test_a_city_has_what_the_story_needs() -> None:
    city = build_city(settings_for("birmingham"))
    assert {"station", "bridge", "hospital", "stadium"} <= set(city.kinds)
    kinds = {site.kind for site in city.sites}
    assert kinds == {"base", "standby_point", "place_of_safety", "crisis_cafe", "emergency_department"}
    assert {(site.opens, site.closes) for site in city.sites if site.kind == "crisis_cafe"} == {("16:00", "23:00")}


def test_areas_lie_from_west_to_east_with_their_shares_of_residents() -> None:
    city = build_city(settings_for("force"))
    longitude = [city.longitude[city.area == area].mean() for area in range(3)]
    assert longitude == sorted(longitude)
    shares = [city.residents_of(area) / city.population.sum() for area in range(3)]
    assert shares == pytest.approx([0.41, 0.45, 0.14], abs=0.01)


def test_points_lie_in_their_cells() -> None:
    city = build_city(SMALL)
    cell = np.repeat(np.arange(len(city)), 20)
    latitude, longitude = city.points_in(cell, np.random.default_rng(1))
    found = [h3.latlng_to_cell(*point, 8) for point in zip(latitude.tolist(), longitude.tolist(), strict=True)]
    assert found == [city.ids[number] for number in cell]


def test_the_same_seed_gives_the_same_city_and_another_seed_another() -> None:
    first, again, other = (build_city(replace(SMALL, seed=seed)) for seed in (1, 1, 2))
    assert first.names == again.names
    assert np.array_equal(first.streets, again.streets)
    assert not np.array_equal(first.streets, other.streets)


# How the map moves


def test_what_is_foreseen_of_cells_a_week_ahead_is_the_mean_of_what_comes() -> None:
    settings = replace(SMALL, residents=3_000_000, years=4.0)
    _, _, place_map = ground(settings)
    weeks = range(1, len(place_map.drift))
    foreseen = np.array([foreseen_cells(place_map, settings.places, week=week, ahead=1) for week in weeks])
    came = np.array([foreseen_cells(place_map, settings.places, week=week, ahead=0) for week in weeks])
    for part in np.array_split(np.argsort(foreseen.ravel()), 10):
        assert came.ravel()[part].mean() == pytest.approx(foreseen.ravel()[part].mean(), rel=0.01)
    assert came.mean() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("ahead", [1, 2])
def test_what_is_foreseen_of_the_citys_level_is_the_mean_of_what_comes(ahead: int) -> None:
    settings = replace(SMALL, years=10.0)
    period, _, place_map = ground(settings)
    days = range(ahead, len(period))
    foreseen = np.array([foreseen_level(place_map, settings.places, day=day, ahead=ahead) for day in days])
    came = np.array([foreseen_level(place_map, settings.places, day=day, ahead=0) for day in days])
    ratio = came / foreseen
    assert ratio.mean() == pytest.approx(1, abs=0.01)
    for half in np.array_split(np.argsort(foreseen), 2):
        assert ratio[half].mean() == pytest.approx(1, abs=0.015)


def test_hot_spells_come_and_go() -> None:
    _, _, place_map = ground(replace(SMALL, residents=3_000_000, years=4.0))
    hot = place_map.hot > 0
    assert 0.005 < hot.mean() < 0.06
    assert (hot[:-1] & ~hot[1:]).any()
    assert (~hot[:-1] & hot[1:]).any()


# The truth


def counted(found: Contacts, settings: CitySettings, truths: Sequence[PlaceTruth]) -> NDArray[np.float64]:
    """Contacts of the place recipe's outcome by shift and cell, straight from its words. Shape (shifts, cells)."""
    _, city, _ = ground(settings)
    outcome = found.crisis | found.is_from("s136", "street_triage")
    public_or_partner = (found.origin == 1) | (found.origin == 2)
    own = found.taken(outcome & public_or_partner & ~np.isnan(found.latitude))
    starts = np.concatenate([truth.start for truth in truths])
    ends = np.concatenate([truth.end for truth in truths])
    number = {cell: place for place, cell in enumerate(city.ids)}
    points = zip(own.latitude.tolist(), own.longitude.tolist(), strict=True)
    cell = np.array([number[h3.latlng_to_cell(*point, 8)] for point in points])
    shift = np.searchsorted(starts, own.at, side="right") - 1
    inside = (shift >= 0) & (own.at < ends[shift])
    counts = np.zeros((len(starts), len(city)))
    np.add.at(counts, (shift[inside], cell[inside]), 1)
    return counts


def errors_apart(counts: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    """How many standard errors a sum of counts is off its expectation. Contacts of one incident come together."""
    return float((counts.sum() - expected.sum()) / np.sqrt(1.6 * expected.sum()))


@cache
def city_with_truth() -> tuple[NDArray[np.float64], NDArray[np.float64], list[PlaceTruth]]:
    """Counts and expected numbers of one year of strangers and 4,096 known people."""
    settings = settings_for("birmingham", people=4_096, years=2.0, residents=150_000, seed=7)
    period, city, place_map = ground(settings)
    people, lives, crises = block_of(settings)
    known = expected_incidents(settings, people, lives, period, reach(settings, city, period), city)
    truths = list(place_truth(settings, city, period, place_map, known.astype(np.float32)))
    here = recorded(settings, period, crises, people, block=0).contacts
    found = Contacts.concatenated([here, of_strangers(settings)])
    expected = np.concatenate([truth.expected for truth in truths]).astype(np.float64)
    return counted(found, settings, truths), expected, truths


def test_the_true_intensity_adds_up_to_what_happens() -> None:
    counts, expected, _ = city_with_truth()
    settled = slice(0, -9)  # of the last days not everything is known yet
    assert abs(errors_apart(counts[settled], expected[settled])) < 3


def test_the_true_intensity_holds_in_every_kind_of_shift() -> None:
    counts, expected, truths = city_with_truth()
    kinds = np.array([name.split("-")[0] for truth in truths for name in truth.shift_id])[:-9]
    for kind in ("day", "late", "night"):
        assert abs(errors_apart(counts[:-9][kinds == kind], expected[:-9][kinds == kind])) < 3.5


def test_the_true_intensity_holds_in_every_tenth_of_it() -> None:
    counts, expected, _ = city_with_truth()
    flat_counts, flat = counts[:-9].ravel(), expected[:-9].ravel()
    apart = [errors_apart(flat_counts[part], flat[part]) for part in np.array_split(np.argsort(flat), 10)]
    assert max(abs(value) for value in apart) < 3.5


def test_the_true_intensity_holds_before_and_after_triage_starts() -> None:
    counts, expected, _ = city_with_truth()
    half = len(counts) // 2
    for part in (slice(0, half), slice(half, -9)):
        assert abs(errors_apart(counts[part], expected[part])) < 3.5


def test_nothing_that_comes_after_the_issue_time_changes_a_truth() -> None:
    period, city, place_map = ground(SMALL)
    known = np.random.default_rng(1).random((2, len(period), len(city), len(CHANNELS) + 1)).astype(np.float32)
    day = 101
    drift, hot, mood = place_map.drift.copy(), place_map.hot.copy(), place_map.mood.copy()
    drift[day // 7 + 1 :], hot[day // 7 + 1 :], mood[day + 1 :] = 3.0, 1, -2.0
    changed = replace(place_map, drift=drift, hot=hot, mood=mood)
    before, after = (list(place_truth(SMALL, city, period, one, known)) for one in (place_map, changed))
    midnight_after = period.midnight[day + 1]
    for one, other in zip(before, after, strict=True):
        issued = one.issue < midnight_after
        assert np.array_equal(one.expected[issued], other.expected[issued])
    assert any(not np.array_equal(one.expected, other.expected) for one, other in zip(before, after, strict=True))


def test_shifts_are_those_of_the_site_and_are_issued_a_day_before() -> None:
    period, city, place_map = ground(SMALL)
    known = np.zeros((2, len(period), len(city), len(CHANNELS) + 1), dtype=np.float32)
    first = next(iter(place_truth(SMALL, city, period, place_map, known)))
    assert first.shift_id[:3] == tuple(f"{name}-{first.shift_id[0][4:]}" for name in ("day", "late", "night"))
    assert [clock.hour for clock in local_clock(first.start[:3])] == [8, 15, 22]
    assert np.array_equal(first.start - first.issue, np.full(len(first.start), ISSUE_HOURS * 3_600))


@pytest.mark.parametrize("delay", [(0.0, 0.0), (0.05, 0.4), (0.3, 1.5), (0.2, 1.0)])
def test_contacts_begin_as_many_hours_later_as_the_truth_thinks(delay: tuple[float, float]) -> None:
    random = np.random.default_rng(3)
    later = np.floor(random.random(200_000) + random.uniform(*delay, 200_000)).astype(np.int64)
    assert np.bincount(later, minlength=3) / 200_000 == pytest.approx(_later(*delay), abs=0.005)


# Chains and the footprint


def invented_incidents(settings: CitySettings, count: int, seed: int) -> tuple[People, PersonIncidents]:
    """As many incidents through every channel, in the last weeks of triage, of the people of a block in turn."""
    period, city, _ = ground(settings)
    people, random = block_people(settings, city, period, 0), np.random.default_rng(seed)
    teams = reach(settings, city, period)
    person = random.integers(0, len(people), count)
    day = random.integers(len(period) - 200, len(period) - 60, count)
    hour = random.choice(24, count, p=CRISIS_HOURS / CRISIS_HOURS.sum())
    channel = random.integers(0, len(CHANNELS), count)
    kind = teams.kind_of_day[day]
    attends = teams.attends[kind, people.area[person], channel] * teams.on_duty[kind, hour]
    incidents = PersonIncidents(
        person=person.astype(np.int32),
        day=day.astype(np.int32),
        at=period.midnight[day] + hour * 3_600 + random.integers(0, 3_600, count),
        channel=channel.astype(np.int8),
        where=random.choice(3, count, p=WHERE_SHARES).astype(np.int8),
        triage=random.random(count) < attends,
        admitted=np.zeros(count, dtype=bool),
        first=np.zeros(count, dtype=bool),
        condition=np.full(count, 2, dtype=np.int8),
        number=np.arange(count),
    )
    return people, incidents


@pytest.mark.parametrize("preset", ["birmingham", "force"])
def test_the_share_of_incidents_that_leave_a_counting_name_is_the_share_in_the_truth(preset: str) -> None:
    settings = settings_for(preset, people=4_096, years=1.0, residents=150_000, seed=3)
    settings = replace(settings, responses=replace(settings.responses, often_detained=0.5))
    period, city, _ = ground(settings)
    teams, count = reach(settings, city, period), 60_000
    people, incidents = invented_incidents(settings, count, 5)
    stays = replace(people, registered=np.full(len(people), -900), left=np.full(len(people), 1_000_000))
    kept = recorded(settings, period, responses(settings, city, period, incidents, stays, block=0), stays, block=0)
    counts = (kept.contacts.crisis | kept.contacts.is_from("s136", "street_triage", "crisis_line")) & (kept.named >= 0)
    qualified = np.isin(np.arange(count), kept.contacts.incident[counts])
    classes = person_classes(settings, 0, len(people))[incidents.person]
    for number in range(2):
        for channel in range(len(CHANNELS)):
            chosen = (classes == number) & (incidents.channel == channel)
            share = teams.qualifying[1, stays.area[incidents.person[chosen]], number, channel]
            error = np.sqrt(share.mean() * (1 - share.mean()) / chosen.sum())
            assert abs(qualified[chosen].mean() - share.mean()) < 3.5 * error, (number, CHANNELS[channel])


def test_detentions_that_would_have_happened_do_not_depend_on_triage() -> None:
    settings = settings_for("birmingham", people=4_096, years=1.0, residents=150_000, seed=3)
    habit = habits(settings.responses, settings.footprint)
    for whom in (KNOWN, OFTEN):
        public = habit.attends[whom, :, 0]
        mixed = public * habit.if_reached[whom] + (1 - public) * habit.if_not[whom]
        assert mixed == pytest.approx(np.broadcast_to(habit.would_be[whom], mixed.shape))
    assert effects(settings)["footprint"]["converts"] == settings.footprint.converts


def test_a_list_that_does_not_fit_the_areas_of_the_city_is_refused() -> None:
    settings = replace(SMALL, footprint=replace(SMALL.footprint, attends_known_police=(0.1, 0.2)))
    period, city, _ = ground(SMALL)
    with pytest.raises(UsageError, match="attends_known_police"):
        reach(settings, city, period)


def test_without_triage_nobody_is_reached() -> None:
    settings = replace(SMALL, footprint=replace(SMALL.footprint, triage_days=0))
    _, lives, crises = block_of(settings)
    assert not lives.incidents.triage.any()
    found = Contacts.concatenated([crises, of_strangers(settings)])
    assert not found.is_from("street_triage", "triage_advice").any()
    assert found.is_from("s136").any()


def test_teams_come_only_in_their_hours_and_since_they_exist() -> None:
    settings = settings_for("birmingham", people=4_096, years=2.0, residents=150_000, seed=7)
    period, _, _ = ground(settings)
    _, lives, crises = block_of(settings)
    jobs = Contacts.concatenated([crises, of_strangers(settings)]).of("street_triage", "triage_advice")
    first_day = len(period) - settings.footprint.triage_days
    assert len(jobs) > 100
    assert jobs.at.min() >= period.midnight[first_day]
    begun = np.isin(crises.incident, crises.of("street_triage").incident) & crises.is_from(
        "police_999", "ambulance_999"
    )
    hours = local_clock(crises.at[begun]).hour
    assert set(hours) <= {*range(10, 24), 0, 1, 2, 3}
    assert lives.incidents.triage.sum() == len(np.unique(crises.of("street_triage").incident))


def test_whom_nobody_reported_is_found_by_teams_alone() -> None:
    settings = settings_for("birmingham", people=4_096, years=2.0, residents=150_000, seed=7)
    _, lives, crises = block_of(settings)
    found = lives.incidents.number[lives.incidents.channel == TEAM_FOUND]
    assert len(found) > 0
    follow_up, team_initiated = ORIGINS.index("follow_up"), ORIGINS.index("team_initiated")
    theirs = crises.taken(np.isin(crises.incident, found) & (crises.origin != follow_up))
    assert theirs.is_from("street_triage", "amhp_assessment", "s135").all()
    assert (theirs.origin[theirs.is_from("street_triage")] == team_initiated).all()


def test_one_incident_is_reported_by_several_agencies() -> None:
    _, _, crises = block_of(settings_for("birmingham", people=4_096, years=2.0, residents=150_000, seed=7))
    police, ambulance = (np.unique(crises.of(name).incident) for name in ("police_999", "ambulance_999"))
    both = np.intersect1d(police, ambulance)
    assert 0.05 < len(both) / len(police) < 0.4
    detained = crises.taken(crises.is_from("s136") & (crises.code == number_of("DETAINED")))
    suite = crises.taken(crises.is_from("s136") & (crises.code == number_of("SUITE")))
    assert 0.6 < np.isin(detained.incident, suite.incident).mean() < 1
    assert (suite.ended > suite.at).all()
    assert np.isnan(suite.latitude).all()


def test_requests_for_welfare_checks_rise_from_15() -> None:
    hours = np.bincount(local_clock(of_strangers(SMALL).of("welfare_check_request").at).hour, minlength=24)
    assert hours[15:19].mean() > 1.3 * hours[11:15].mean()


def test_strangers_leave_no_names_and_reach_the_railway_and_custody() -> None:
    found = of_strangers(SMALL)
    assert (found.person == -1).all()
    for source in ("btp", "liaison_diversion", "missing_person", "fire", "police_999", "ambulance_999", "s136"):
        assert found.is_from(source).any(), source


def test_triage_teams_stand_at_sites_of_their_area() -> None:
    settings = settings_for("force", people=2_000)
    period, city, _ = ground(settings)
    shifts = deployments(settings, city, period)
    assert len(shifts.teams) == 6
    assert (shifts.ends > shifts.begins).all()
    cells = np.array([city.sites[site].cell for site in shifts.site])
    assert np.array_equal(city.area[cells], shifts.team // 2)
