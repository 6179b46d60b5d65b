"""Where teams were, and how a contact that a team itself set out to make counts."""

from datetime import UTC, datetime, timedelta

import h3
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lib.histories import EventVersion, event_table
from tests.lib.place_tables import CELLS, SITE
from tests.lib.reference_place_features import FAR, MIDDLE, NEIGHBOUR

from crisisrisk.episodes import EpisodeRule
from crisisrisk.errors import DataError
from crisisrisk.features.counting import CountingRule
from crisisrisk.features.place_demand import Demand, demand_of
from crisisrisk.features.place_visit_kernels import team_time
from crisisrisk.features.place_visits import Visits, drawn, visits_of
from crisisrisk.timeline import microseconds

MONDAY = datetime(2025, 3, 3, tzinfo=UTC)
TIME = pa.timestamp("us", tz="UTC")
RULE = EpisodeRule(sources=("street_triage",), origins=("public", "partner"))


def hours(number: float) -> datetime:
    return MONDAY + timedelta(hours=number)


def teams(*stood: tuple[float, float, str], known: dict[int, float] | None = None) -> Visits:
    """Stretches in hours after Monday, each at a place or, by the name `base`, at the site in the far cell.

    `known`: by number, when a stretch was known, where that is said.
    """
    north, east = h3.cell_to_latlng(FAR)
    sites = pa.table({"site_id": ["base"], "latitude": [north], "longitude": [east]})
    begins, ends, where = zip(*stood, strict=True) if stood else ((), (), ())
    deployments = pa.table(
        {
            "from": pa.array([hours(one) for one in begins], TIME),
            "to": pa.array([hours(one) for one in ends], TIME),
            "site_id": pa.array([one if one == "base" else None for one in where], pa.string()),
            "place_id": pa.array([None if one == "base" else one for one in where], pa.string()),
            "known_at": pa.array(
                [None if one not in (known or {}) else hours((known or {})[one]) for one in range(len(where))], TIME
            ),
        }
    )
    return visits_of(deployments, sites, CELLS, SITE.cells)


def rate(visits: Visits, place: str, at: float, *, days: int = 7) -> float:
    cell = np.array([CELLS.ids.index(place)], dtype=np.int32)
    return float(visits.rates(cell, np.array([microseconds(hours(at))]), days=days)[0])


def test_the_rate_of_a_place_is_its_share_of_the_teams_time_before_the_moment() -> None:
    """Six hours in the middle, two at the base; one team is still at the base, and what is to come is not known."""
    visits = teams((0, 6, MIDDLE), (6, 10, "base"), (20, 30, MIDDLE))
    assert (rate(visits, MIDDLE, 8), rate(visits, FAR, 8), rate(visits, NEIGHBOUR, 8)) == (0.75, 0.25, 0.0)
    assert rate(visits, MIDDLE, 7 * 24 + 3) == pytest.approx(13 / 17)
    assert np.isnan(rate(visits, MIDDLE, 0))
    assert np.isnan(rate(visits, MIDDLE, 1000))


def test_whether_a_team_was_out_during_a_shift() -> None:
    visits = teams((0, 6, MIDDLE), (5, 10, "base"))
    bounds = [(-2, 0), (-2, 1), (7, 8), (9, 20), (10, 20)]
    start, end = (np.array([microseconds(hours(one)) for one in ends]) for ends in zip(*bounds, strict=True))
    assert visits.during(start, end).tolist() == [False, True, True, True, False]
    assert not teams().during(start, end).any()


def found(place: str, number: int, *, origin: str = "team_initiated", at: float = 100) -> list[EventVersion]:
    """Contacts of one hour that a team set out to make."""
    return [
        EventVersion(
            event_id=f"{place} {at} {one}", occurred_at=hours(at), known_at=hours(at), source="street_triage",
            person_id=None, origin=origin, place_id=place,
        )
        for one in range(number)
    ]  # fmt: skip


def demand(events: list[EventVersion], visits: Visits | None, **rule: object) -> Demand:
    counting = CountingRule(**{"team_initiated": "weight", "most_weight": 10.0, "visit_days": 30, **rule})  # type: ignore[arg-type]
    return demand_of(event_table(events), CELLS, SITE, outcome=RULE, counting=counting, visits=visits)


def counted(made: Demand) -> dict[str, int]:
    places = made.events["place_id"].to_pylist()
    return {place: places.count(place) for place in sorted(set(places))}


def test_a_teams_own_contacts_count_by_the_inverse_of_how_often_it_was_there() -> None:
    """Eight in ten hours in the middle, two in ten far away: 4,000 found in each, weights 1.25 and 5 of at most 10."""
    made = demand([*found(MIDDLE, 4000), *found(FAR, 4000)], teams((0, 80, MIDDLE), (80, 100, "base")))
    number = counted(made)
    assert number[MIDDLE] == pytest.approx(4000 * 0.125, rel=0.1)
    assert number[FAR] == pytest.approx(4000 * 0.5, rel=0.05)
    assert set(made.events["origin"].to_pylist()) == {"public"}
    assert [stage.name for stage in made.stages[:2]] == ["known", "demand"]
    assert made.stages[0].left(microseconds(hours(200))) == 8000


def test_a_weight_is_capped_and_where_no_team_was_anywhere_nothing_counts() -> None:
    seldom = teams((0, 99, MIDDLE), (99, 100, "base"))
    assert counted(demand(found(FAR, 50), seldom))[FAR] == 50
    assert counted(demand(found(NEIGHBOUR, 50), seldom))[NEIGHBOUR] == 50
    assert counted(demand(found(MIDDLE, 50, at=-1), seldom)) == {}


def test_follow_ups_count_nowhere_and_what_the_public_began_always() -> None:
    events = [*found(MIDDLE, 30, origin="follow_up"), *found(FAR, 30, origin="public")]
    assert counted(demand(events, teams((0, 100, MIDDLE)))) == {FAR: 30}


def test_a_teams_own_contacts_are_left_out_unless_the_recipe_weights_them() -> None:
    visits = teams((0, 99, MIDDLE), (99, 100, "base"))
    assert counted(demand(found(FAR, 50), visits, team_initiated="exclude")) == {}


def test_presence_that_comes_after_a_contact_does_not_change_how_it_counts() -> None:
    events = found(MIDDLE, 500)
    before = demand(events, teams((0, 60, MIDDLE), (60, 100, "base")))
    after = demand(events, teams((0, 60, MIDDLE), (60, 100, "base"), (100, 400, MIDDLE)))
    assert before.events.equals(after.events)
    assert 0 < len(before.events) < 500


def test_presence_counts_from_when_it_was_known() -> None:
    """The middle's first six hours are filed at hour 200: until then two hours at the base are all that is known."""
    visits = teams((0, 6, MIDDLE), (6, 8, "base"), known={0: 200})
    assert [rate(visits, MIDDLE, at, days=30) for at in (100, 199, 200, 300)] == [0.0, 0.0, 0.75, 0.75]
    events = found(MIDDLE, 500)
    filed_late = demand(events, teams((0, 60, MIDDLE), (60, 100, "base"), (2, 90, MIDDLE), known={2: 101}))
    assert filed_late.events.equals(demand(events, teams((0, 60, MIDDLE), (60, 100, "base"))).events)
    filed_at_once = demand(events, teams((0, 60, MIDDLE), (60, 100, "base"), (2, 90, MIDDLE)))
    assert not filed_late.events.equals(filed_at_once.events)


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(0, 15))
@settings(max_examples=60, deadline=None)
def test_team_time_is_what_counting_minutes_says(seed: int, moments: int, visits: int) -> None:
    random = np.random.default_rng(seed)
    begin = random.integers(0, 200, visits)
    end, known = begin + random.integers(1, 80, visits), begin + random.integers(0, 120, visits)
    at, cell = random.integers(0, 300, moments), random.integers(0, 3, moments).astype(np.int32)
    where, span = random.integers(-1, 3, visits).astype(np.int32), 90
    here, everywhere = team_time(cell, at, span, where, begin, end, known)
    for one in range(moments):
        minutes = [
            place
            for place, first, last, told in zip(where, begin, end, known, strict=True)
            for minute in range(first, last)
            if told <= at[one] and at[one] - span <= minute < at[one]
        ]
        assert (here[one], everywhere[one]) == (minutes.count(cell[one]), len(minutes))


def test_without_deployments_nothing_can_be_weighted() -> None:
    with pytest.raises(DataError) as caught:
        demand(found(MIDDLE, 1), teams())
    assert caught.value.hint == 'load deployments, or say team_initiated = "exclude" in the recipe'


def test_draws_are_even_and_always_the_same() -> None:
    names = pa.chunked_array([[f"e_{one}" for one in range(10_000)]])
    first = drawn(names)
    assert np.array_equal(first, drawn(names))
    assert 0 <= first.min() < first.max() < 1
    assert np.histogram(first, bins=10, range=(0, 1))[0] == pytest.approx([1000] * 10, rel=0.12)
