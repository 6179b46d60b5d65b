"""Sums over the caseload: as the slow reference says, the same for one moment as for many, and of the past alone."""

import random
from dataclasses import replace

import numpy as np
import pytest
from tests.lib.reference_caseload import Contact, Known, State, cell_of, factors_of, reference_sum

from crisisrisk.features.caseload import AROUND, COUNTED, FACTORS, FULL, HERE, LAST_SLOT, Caseload, CaseloadNumbers
from crisisrisk.features.caseload_kernels import contacts_ahead, rows_to_fit
from crisisrisk.tables.cells import Neighbours
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_DAY

DAY = MICROSECONDS_PER_DAY
CELLS = 3
NOBODY_NEAR = Neighbours(np.zeros(4, dtype=np.int32), np.zeros(0, dtype=np.int32))
IN_A_ROW = Neighbours(np.array([0, 1, 3, 4], dtype=np.int32), np.array([1, 0, 2, 1], dtype=np.int32))
NUMBERS = CaseloadNumbers(
    applies_from=(40 * DAY, 90 * DAY),
    weights=tuple(
        (level, *np.random.default_rng(seed).normal(0.1, 0.4, FACTORS - 1).round(3).tolist())
        for level, seed in ((-1.2, 1), (-2.0, 2))
    ),
)


def people_from(seed: int, count: int = 90) -> list[Known]:
    draw = random.Random(seed)
    return [Known(_contacts(draw), _states(draw)) for _ in range(count)]


def _contacts(draw: random.Random) -> tuple[Contact, ...]:
    found = []
    for _ in range(draw.choice([0, 0, 1, 2, 6, 14])):
        occurred = draw.randrange(150 * DAY)
        # Some are known days late, some are booked ahead, some are corrected away.
        known = max(0, occurred + draw.choice([0, 1, 3600 * 10**6, 5 * DAY, -2 * DAY]))
        superseded = draw.choice([FOREVER_US, FOREVER_US, known + 9 * DAY])
        found.append(Contact(occurred, known, superseded, draw.choice([COUNTED, COUNTED, *range(8)])))
    return tuple(sorted(found, key=lambda one: one.occurred_at))


def _states(draw: random.Random) -> tuple[State, ...]:
    known = sorted(draw.sample(range(120 * DAY), draw.choice([1, 1, 2, 3])))
    return tuple(
        State(
            moment if place else 0, draw.choice([-1, 0, 0, 0, 1, 1, 1, 2]), draw.choice([0, 0, 0, 70 * DAY]),
            draw.choice([FOREVER_US, FOREVER_US, 110 * DAY]),
        )
        for place, moment in enumerate(known)
    )  # fmt: skip


def caseload(people: list[Known]) -> Caseload:
    contacts, states = [[*one.contacts] for one in people], [[*one.states] for one in people]
    ends = [
        np.concatenate([[0], np.cumsum([len(one) for one in each])]).astype(np.int64) for each in (contacts, states)
    ]
    every, state = [one for each in contacts for one in each], [one for each in states for one in each]

    def column(values: list[int]) -> np.ndarray:
        return np.array(values, dtype=np.int64)

    return Caseload(
        ends[0], np.array([one.sort for one in every], dtype=np.int8), column([one.occurred_at for one in every]),
        column([max(one.known_at, one.occurred_at) for one in every]), column([one.superseded_at for one in every]),
        ends[1], column([one.known_at for one in state]), column([one.cell for one in state]),
        column([one.adult_from for one in state]), column([one.gone_at for one in state]), CELLS,
    )  # fmt: skip


def sums(made: Caseload, times: np.ndarray, numbers: CaseloadNumbers = NUMBERS) -> np.ndarray:
    return made.tables(numbers, times, NOBODY_NEAR)[HERE]


def moments_of(people: list[Known], seed: int) -> np.ndarray:
    """Some at random, and the very instants at which something becomes known, occurs, is corrected or moves house."""
    draw = random.Random(seed)
    edges = [moment for one in people for each in one.contacts for moment in (each.known_at, each.superseded_at)]
    edges += [state.known_at for one in people for state in one.states]
    near = [moment + more for moment in draw.sample(edges, 12) for more in (0, 1) if moment < 200 * DAY]
    chosen = near + [draw.randrange(30 * DAY, 160 * DAY) for _ in range(12)] + [40 * DAY, 90 * DAY, 110 * DAY]
    return np.unique(np.array(chosen, dtype=np.int64))


@pytest.mark.parametrize("seed", range(12))
def test_sums_are_those_of_the_slow_reference(seed: int) -> None:
    people = people_from(seed)
    times = moments_of(people, seed)
    table = sums(caseload(people), times)
    wanted = np.array([[reference_sum(people, NUMBERS, int(one), cell) for one in times] for cell in range(CELLS)])
    assert np.array_equal(np.isnan(table), np.isnan(wanted))
    assert np.isfinite(table).any()
    assert np.isnan(table[2]).all()  # too few live there
    assert np.nanmax(np.abs(table - wanted)) <= len(people) / FULL


@pytest.mark.parametrize("seed", range(6))
def test_one_moment_alone_gives_the_same_bits(seed: int) -> None:
    people = people_from(seed)
    times, made = moments_of(people, seed), caseload(people)
    whole = sums(made, times)
    shuffled = caseload(random.Random(seed).sample(people, len(people)))
    for place, moment in enumerate(times.tolist()):
        alone = np.array([moment], dtype=np.int64)
        assert sums(made, alone)[:, 0].tobytes() == whole[:, place].tobytes()
        assert sums(shuffled, alone)[:, 0].tobytes() == whole[:, place].tobytes()


@pytest.mark.parametrize("seed", range(12))
def test_nothing_known_from_the_moment_on_changes_a_sum(seed: int) -> None:
    people = people_from(seed)
    for moment in moments_of(people, seed)[::5].tolist():
        times = np.array([moment], dtype=np.int64)
        before = sums(caseload(people), times)
        later = [_with_another_future(one, moment, random.Random(seed + place)) for place, one in enumerate(people)]
        assert sums(caseload(later), times).tobytes() == before.tobytes()


def _with_another_future(person: Known, moment: int, draw: random.Random) -> Known:
    known = [one for one in person.contacts if one.known_at < moment]
    kept = [
        replace(one, superseded_at=one.superseded_at if one.superseded_at < moment else moment + draw.randrange(DAY))
        for one in known
    ]
    new = [
        Contact(draw.randrange(150 * DAY), moment + draw.randrange(DAY), FOREVER_US, draw.randrange(8))
        for _ in range(3)
    ]
    states = [state for state in person.states if state.known_at < moment]
    moved = State(moment + draw.randrange(DAY), draw.randrange(CELLS), 0, FOREVER_US)
    return Known(tuple(sorted([*kept, *new], key=lambda one: one.occurred_at)), (*states, moved))


def test_before_the_first_fit_nothing_is_known() -> None:
    made = caseload(people_from(1))
    assert np.isnan(sums(made, np.array([40 * DAY - 1], dtype=np.int64))).all()
    assert np.isfinite(sums(made, np.array([40 * DAY], dtype=np.int64))).any()
    assert np.isnan(sums(made, np.array([60 * DAY], dtype=np.int64), CaseloadNumbers())).all()
    assert len(NUMBERS.weights[0]) == FACTORS


@pytest.mark.parametrize("seed", range(4))
def test_a_cell_with_all_that_touch_it_is_one_place_with_the_people_of_all(seed: int) -> None:
    people = people_from(seed)
    times = moments_of(people, seed)
    tables = caseload(people).tables(NUMBERS, times, IN_A_ROW)
    merged = [
        replace(one, states=tuple(replace(state, cell=min(state.cell, 0)) for state in one.states)) for one in people
    ]
    assert tables[AROUND][1].tobytes() == sums(caseload(merged), times)[0].tobytes()  # the middle of three in a row
    assert np.isfinite(tables[AROUND][2]).any()  # too few alone, enough with its neighbour
    assert np.isnan(tables[HERE][2]).all()


@pytest.mark.parametrize("seed", range(6))
def test_rows_to_fit_are_those_of_the_slow_reference(seed: int) -> None:
    people = people_from(seed)
    times, made = moments_of(people, seed), caseload(people)
    person, moment, counts, drawn = rows_to_fit(made.events, made.states, times, 28 * DAY, 2**40, 3 * DAY)
    live = [
        (one, place)
        for one, known in enumerate(people)
        for place, at in enumerate(times.tolist())
        if cell_of(known, at) >= 0
    ]
    lately = {(one, place) for one, place in live if any(factors_of(people[one], int(times[place]))[1:5])}
    ahead = {
        (one, place)
        for one, place in live
        if any(
            contact.sort == COUNTED and times[place] <= contact.occurred_at < times[place] + 3 * DAY
            for contact in people[one].contacts
        )
    }
    found = list(zip(person.tolist(), moment.tolist(), strict=True))
    assert set(found) == lately | ahead
    assert len(found) == len(set(found))
    assert {pair for pair, one in zip(found, drawn.tolist(), strict=True) if one} == lately
    for pair, row in zip(found, counts, strict=True):
        assert np.allclose(np.log1p(row), factors_of(people[pair[0]], int(times[pair[1]]))[1:])
    assert counts.shape[1] == FACTORS - 1 == LAST_SLOT.max()


@pytest.mark.parametrize("seed", range(4))
def test_every_person_is_drawn_where_one_in_one_is(seed: int) -> None:
    people = people_from(seed)
    times, made = moments_of(people, seed), caseload(people)
    rows = rows_to_fit(made.events, made.states, times, 28 * DAY, 1, 3 * DAY)
    assert len(rows[0]) == sum(cell_of(one, at) >= 0 for one in people for at in times.tolist())
    half = rows_to_fit(made.events, made.states, times, 0, 2, 0)
    assert 0.35 < len(half[0]) / len(rows[0]) < 0.65


@pytest.mark.parametrize("seed", range(4))
def test_contacts_ahead_are_those_known_by_then(seed: int) -> None:
    people = people_from(seed)
    made = caseload(people)
    person = np.arange(len(people), dtype=np.int64)
    found = contacts_ahead(made.events, person, np.full(len(people), 60 * DAY), 20 * DAY, 75 * DAY)
    for one, known in enumerate(people):
        assert found[one] == sum(
            contact.sort == COUNTED
            and 60 * DAY <= contact.occurred_at < 80 * DAY
            and max(contact.known_at, contact.occurred_at) < 75 * DAY <= contact.superseded_at
            for contact in known.contacts
        )
