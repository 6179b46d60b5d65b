"""Names per week per team, held against a slow count with sets."""

from collections import defaultdict
from statistics import mean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crisisrisk.errors import ModelError
from crisisrisk.evaluation.judged import JudgedPredictions, Judging
from crisisrisk.evaluation.workload import workload
from crisisrisk.timeline import MICROSECONDS_PER_DAY

WEEK = 7 * MICROSECONDS_PER_DAY


def _predictions(seed: int, *, people: int, weeks: int) -> JudgedPredictions:
    """Everybody in every week, but for some weeks that someone misses; each person has a crisis or none."""
    random = np.random.default_rng(seed)
    person, week = np.repeat(np.arange(people), weeks), np.tile(np.arange(weeks), people)
    crisis_day = random.uniform(0, 7 * (weeks + 4), people)
    crisis_day[random.random(people) < 0.3] = np.inf
    days = crisis_day[person] - 7 * week
    days = np.where((days >= 0) & (days < 28), np.round(days, 3), np.nan)
    kept = (random.random(len(person)) < 0.9) & (7 * week <= crisis_day[person])
    teams = random.choice(np.array(["", "north", "south"], dtype=object), people)
    return JudgedPredictions(
        as_of=week * WEEK, person=person, team=teams[person], risk=random.random(len(person)),
        happened=np.isfinite(days), days_to_onset=days, judging=Judging(horizon_days=28),
    ).where(np.flatnonzero(kept))  # fmt: skip


def _lists(rows: JudgedPredictions, k: int) -> dict[tuple[str, int], set[int]]:
    """The names of each team and week; everyone on no caseload stays unlisted."""
    competing = defaultdict(list)
    for place in range(len(rows)):
        if rows.team[place]:
            competing[rows.team[place], rows.as_of[place] // WEEK].append((-rows.risk[place], rows.person[place]))
    return {key: {person for _, person in sorted(found)[:k]} for key, found in competing.items()}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), people=st.integers(12, 40), weeks=st.integers(1, 9), k=st.integers(1, 5))
def test_names_are_those_of_a_slow_count(seed: int, people: int, weeks: int, k: int) -> None:
    rows = _predictions(seed, people=people, weeks=weeks)
    if not any(rows.team) or len(np.unique(rows.as_of)) < weeks:
        return
    lists = _lists(rows, k)
    found = workload(rows, per_team=k)
    for team in found.teams:
        if team.team == "no team":
            assert team.names_a_week == 0
            continue
        each = [lists.get((team.team, week), set()) for week in range(weeks)]
        assert team.names_a_week == pytest.approx(mean(map(len, each)))
        if weeks > 1:
            new = [len(each[week] - each[week - 1]) for week in range(1, weeks)]
            first = [len(each[week] - set().union(*each[:week])) for week in range(1, weeks)]
            repeats = [len(each[week] & each[week - 1]) for week in range(1, weeks)]
            assert team.new_a_week == pytest.approx(mean(new))
            assert team.first_time_a_week == pytest.approx(mean(first))
            assert team.repeats_a_week == pytest.approx(mean(repeats))
    for number, week in enumerate(found.weeks):
        assert week.names == sum(len(names) for (_, at), names in lists.items() if at == number)
        assert week.new + week.repeats == week.names


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), people=st.integers(12, 40), weeks=st.integers(1, 9), k=st.integers(1, 5))
def test_crises_are_those_of_a_slow_count(seed: int, people: int, weeks: int, k: int) -> None:
    rows = _predictions(seed, people=people, weeks=weeks)
    if not any(rows.team) or not len(rows):
        return
    lists = _lists(rows, k)
    onsets, ahead = defaultdict(list), {}
    for place in np.flatnonzero(rows.happened):
        person, day = (
            int(rows.person[place]),
            round(rows.as_of[place] / MICROSECONDS_PER_DAY + rows.days_to_onset[place], 3),
        )
        onsets[person, day].append(place)
    weeks_seen = np.unique(rows.as_of) // WEEK
    step = float(np.median(np.diff(weeks_seen))) * 7 if len(weeks_seen) > 1 else 0
    inside = {
        key: places for key, places in onsets.items()
        if 7 * weeks_seen[0] + 28 <= key[1] < 7 * weeks_seen[-1] + step
    }  # fmt: skip
    found = workload(rows, per_team=k)
    assert found.every_crisis == (not inside)
    for key, places in (inside or onsets).items():
        listed = [
            rows.days_to_onset[place] for place in places
            if key[0] in lists.get((rows.team[place], rows.as_of[place] // WEEK), set())
        ]  # fmt: skip
        if listed:
            ahead[key] = max(listed)
    assert found.everybody.crises == len(inside or onsets)
    assert found.everybody.listed_first == len(ahead)
    assert sum(team.crises for team in found.teams) == found.everybody.crises
    if ahead:
        assert found.everybody.days_ahead == pytest.approx(np.quantile(list(ahead.values()), (0.25, 0.5, 0.75)))
    else:
        assert found.everybody.days_ahead is None


def test_another_risk_gives_other_lists() -> None:
    rows = _predictions(3, people=40, weeks=8)
    best = workload(rows, per_team=4, risk=rows.happened.astype(float)).everybody
    assert best.useful > workload(rows, per_team=4).everybody.useful
    assert best.names_a_week == 8


def test_a_list_of_nobody_is_refused() -> None:
    with pytest.raises(ModelError, match="CR-EVAL-001"):
        workload(_predictions(1, people=5, weeks=2), per_team=0)
