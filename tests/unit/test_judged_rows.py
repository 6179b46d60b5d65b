"""The judged rows of a run: written and read again, and what they say of people as it was known then."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.lib.histories import BASE, EventVersion, PersonVersion, event_table, people_table, rows_of

from crisisrisk.episodes import EpisodeRule
from crisisrisk.errors import UsageError
from crisisrisk.evaluation.groupings import KnownRows, group_values, merged
from crisisrisk.evaluation.judged import JudgedPredictions, Judging, person_numbers, read_judged, write_judged
from crisisrisk.labels import days_to_onset
from crisisrisk.timeline import microseconds

DAY = timedelta(days=1)


def _predictions(**changes: object) -> JudgedPredictions:
    values = {
        "as_of": np.array([0, 7, 0]) * 86_400_000_000,
        "person": person_numbers(["k1_A", "k1_A", "k1_B"]),
        "team": np.array(["north", "north", ""], dtype=object),
        "risk": np.array([0.1, 1 / 3, 0.7]),
        "happened": np.array([False, True, False]),
        "days_to_onset": np.array([np.nan, 2.5, np.nan]),
        "baselines": {"count": np.array([0.0, 3.0, 1.0])},
        "groups": {"sex": np.array(["female", "female", "not known"], dtype=object)},
        "judging": Judging(list_length=3, seed=4, resamples=9),
    }
    return JudgedPredictions(**{**values, **changes})  # type: ignore[arg-type]


def test_what_is_written_is_read_to_the_bit(tmp_path: Path) -> None:
    wrote = _predictions()
    write_judged(tmp_path, wrote)
    read = read_judged(tmp_path)
    assert read.judging == wrote.judging
    for name in ("as_of", "person", "team", "risk", "happened", "days_to_onset"):
        np.testing.assert_array_equal(getattr(read, name), getattr(wrote, name))
    assert read.lower is None
    np.testing.assert_array_equal(read.baselines["count"], wrote.baselines["count"])
    np.testing.assert_array_equal(read.groups["sex"], wrote.groups["sex"])


def test_intervals_and_absent_teams_come_back(tmp_path: Path) -> None:
    ends = np.array([0.05, 0.2, 0.6]), np.array([0.2, 0.5, 0.8])
    write_judged(tmp_path, _predictions(lower=ends[0], upper=ends[1], team=None, baselines={}))
    read = read_judged(tmp_path)
    np.testing.assert_array_equal(np.stack([read.lower, read.upper]), np.stack(ends))  # type: ignore[list-item]
    assert read.team is None
    assert read.where(np.array([True, False, True])).upper.tolist() == [0.2, 0.8]  # type: ignore[union-attr]


def test_no_pseudonym_is_in_the_file(tmp_path: Path) -> None:
    content = write_judged(tmp_path, _predictions()).read_bytes()
    assert b"k1_A" not in content
    assert pq.read_schema(tmp_path / "judged.parquet").field("person").type == "int64"


def test_a_person_has_the_same_number_in_every_run() -> None:
    first, second = person_numbers(["k1_A", "k1_B"]), person_numbers(["k1_B", "k1_C"])
    assert first[1] == second[0]
    assert len({*first.tolist(), *second.tolist()}) == 3
    assert (first >= 0).all()


def test_rows_without_dates_are_one_slice() -> None:
    assert _predictions(judging=Judging(dated=False)).rows.as_of.tolist() == [0, 0, 0]


def test_a_run_without_judged_rows_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="CR-TRAIN-003"):
        read_judged(tmp_path)
    (tmp_path / "judged.parquet").write_bytes(b"not parquet")
    with pytest.raises(UsageError, match="no judged rows"):
        read_judged(tmp_path)


# Groups, as known at the date


def test_groups_are_what_was_known_before_the_date() -> None:
    versions = [
        PersonVersion(person_id="a", known_at=BASE - 300 * DAY, birth_year=2000, deprivation_decile=1),
        PersonVersion(person_id="a", known_at=BASE, birth_year=1950, deprivation_decile=9, sex="female"),
    ]
    events = [
        EventVersion(event_id=f"e{day}", occurred_at=BASE - day * DAY, known_at=BASE - (day - 1) * DAY)
        for day in (1, 2, 3, 10, 400)
    ]
    rows = rows_of({"a": [BASE, BASE + DAY]})
    known = KnownRows(event_table(events), people_table(versions), rows)
    found = group_values(known, ["sex", "age_band", "ethnicity", "deprivation", "record_density", "known_for"])
    # What became known at the date itself counts from the next row on; so does the contact known then.
    assert {name: values.tolist() for name, values in found.items()} == {
        "sex": ["not known", "female"],
        "age_band": ["25 to 34", "65 and over"],
        "ethnicity": ["not known", "not known"],
        "deprivation": ["1, most deprived", "5, least deprived"],
        "record_density": ["under 5 contacts in a year", "under 5 contacts in a year"],
        "known_for": ["6 months or longer", "6 months or longer"],
    }


@pytest.mark.parametrize(("days", "words"), [(181, "less than 6 months"), (182, "6 months or longer")])
def test_somebody_is_new_for_half_a_year(days: int, words: str) -> None:
    first = EventVersion(event_id="e", occurred_at=BASE - days * DAY, known_at=BASE - days * DAY)
    known = KnownRows(event_table([first]), people_table([]), rows_of({"a": [BASE]}))
    assert group_values(known, ["known_for"])["known_for"].tolist() == [words]


def test_nothing_known_at_or_after_the_date_changes_a_group() -> None:
    before = [EventVersion(event_id="e", occurred_at=BASE - 9 * DAY, known_at=BASE - 8 * DAY)]
    later = [
        EventVersion(event_id="f", occurred_at=BASE - 5 * DAY, known_at=BASE),
        EventVersion(event_id="e", occurred_at=BASE - 500 * DAY, known_at=BASE + DAY),
    ]
    states = [PersonVersion(person_id="a", known_at=BASE - DAY, sex="male")]
    changed = [*states, PersonVersion(person_id="a", known_at=BASE, sex="female", birth_year=1930)]
    columns = ["sex", "age_band", "record_density", "known_for"]
    one, other = (
        group_values(KnownRows(event_table(events), people_table(people), rows_of({"a": [BASE]})), columns)
        for events, people in ((before, states), (before + later, changed))
    )
    assert {name: values.tolist() for name, values in one.items()} == {
        name: values.tolist() for name, values in other.items()
    }


def test_forty_values_become_twelve() -> None:
    values = np.repeat([f"group {number:02d}" for number in range(40)], np.arange(40, 0, -1))
    outcomes = np.zeros(len(values), dtype=bool)
    outcomes[-1] = True  # the smallest group has the only outcome, so it stays
    words, together = merged(values, most=12, outcomes=outcomes)
    assert set(words) == {"all others", "group 39", *(f"group {number:02d}" for number in range(10))}
    assert together == 29
    same, nothing = merged(values, most=40, outcomes=outcomes)
    assert nothing == 0
    np.testing.assert_array_equal(same, values)


# Days to the onset


def test_days_to_the_first_onset_of_the_window() -> None:
    events = [
        EventVersion(event_id=name, occurred_at=BASE + days * DAY, known_at=BASE + (days + 1) * DAY)
        for name, days in (("before", -3), ("episode", 2), ("own", 9.5), ("far", 40))
    ]
    rows = rows_of({"a": [BASE, BASE + 7 * DAY, BASE + 14 * DAY], "b": [BASE]})
    rule = EpisodeRule(sources=("crisis_line",), stable_gap_days=7)
    far = microseconds(BASE + 900 * DAY)
    days = days_to_onset(rule, event_table(events), rows, horizon_days=28, cut_off_us=far)
    # The contact on day 2 belongs to the episode of day -3; the one on day 40 is 26 days after the third row.
    np.testing.assert_allclose(days, [9.5, 2.5, 26.0, np.nan])
    gap = days_to_onset(rule, event_table(events), rows, horizon_days=28, gap_days=10, cut_off_us=far)
    np.testing.assert_allclose(gap, [np.nan, 33.0, 26.0, np.nan])
