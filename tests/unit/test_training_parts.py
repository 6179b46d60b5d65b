"""The parts of training: what is complete, how trees are fitted, where to stand in the past."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from crisisrisk.episodes import EpisodeRule
from crisisrisk.errors import DataError
from crisisrisk.models.model_text import check_model_text
from crisisrisk.tables.manifest import SourceCounts
from crisisrisk.tables.site import Source
from crisisrisk.timeline import MICROSECONDS_PER_DAY, MICROSECONDS_PER_HOUR, microseconds
from crisisrisk.training.backtesting import Origins, _spaced
from crisisrisk.training.coverage import Coverage, SourceCoverage, coverage_of
from crisisrisk.training.fitting import Block, fit_trees
from crisisrisk.training.recipe import ModelSettings
from crisisrisk.training.results import comparison

NOW = microseconds(datetime(2026, 11, 22, tzinfo=UTC))
DAY = MICROSECONDS_PER_DAY
SETTINGS = ModelSettings(min_data_in_leaf=20, rounds=60, early_stopping_rounds=10, threads=1)
NAMES = ("a", "b")


def complete_to(seen: SourceCoverage, settled_hours: float = 0.0) -> int:
    declared = {"s136": Source(name="s136", agency="x", singular="x", plural="x", settled_after_hours=settled_hours)}
    return Coverage({"s136": seen}, ("s136",)).complete_to(declared, now_us=NOW)["s136"]


def test_a_source_is_complete_up_to_now_less_the_hours_in_which_it_settles():
    assert complete_to(SourceCoverage(1000, NOW - 500 * DAY, NOW - DAY), 48) == NOW - 48 * MICROSECONDS_PER_HOUR


def test_a_rare_source_is_not_taken_for_a_broken_one():
    # One event in 50 days; silent for 100.
    assert complete_to(SourceCoverage(11, NOW - 600 * DAY, NOW - 100 * DAY)) == NOW


def test_a_source_that_fell_silent_is_complete_up_to_what_it_last_sent():
    # Ten a day; silent for 30 days.
    last = NOW - 30 * DAY
    assert complete_to(SourceCoverage(5000, NOW - 530 * DAY, last), 24) == last - DAY


def block(seed: int, rows: int = 4000, *, offset: float | None = None, signal: float = 1.0) -> Block:
    random = np.random.default_rng(seed)
    features = random.normal(size=(rows, 2)).astype(np.float32)
    labels = random.poisson(np.exp(signal * features[:, 0] - 1.5))
    return Block(features, labels, None if offset is None else np.full(rows, offset))


def test_the_same_data_and_seed_give_the_same_trees_to_the_byte():
    first, second = (
        fit_trees("place", NAMES, block(1, offset=-1.5), block(2, offset=-1.5), SETTINGS) for _ in range(2)
    )
    assert first.text == second.text
    assert first.count > 5
    other = fit_trees("place", NAMES, block(1, offset=-1.5), block(2, offset=-1.5), replace(SETTINGS, seed=9))
    assert other.text != first.text


def test_two_threads_give_the_same_trees_twice():
    settings = replace(SETTINGS, threads=2)
    first, second = (
        fit_trees("place", NAMES, block(1, offset=-1.5), block(2, offset=-1.5), settings) for _ in range(2)
    )
    assert first.text == second.text


def test_where_no_tree_helps_there_are_none():
    # Validation goes the other way round: every tree makes it worse.
    other_way = block(2, offset=-1.5, signal=-1.0)
    trees = fit_trees("place", NAMES, block(1, offset=-1.5), other_way, SETTINGS)
    assert (trees.count, trees.text) == (0, "no trees\n")
    assert (trees.raw_score(other_way.features, NAMES) == 0).all()


MONDAYS = [datetime(2026, 1, 5, tzinfo=UTC) + timedelta(weeks=week) for week in range(20)]


def test_origins_are_the_last_ones_or_those_between_two_dates():
    assert Origins().among(MONDAYS, most=3) == tuple(MONDAYS[-3:])
    assert Origins(start=MONDAYS[2], end=MONDAYS[4]).among(MONDAYS, most=2) == tuple(MONDAYS[2:5])
    assert Origins(end=MONDAYS[4]).among(MONDAYS, most=2) == tuple(MONDAYS[3:5])
    with pytest.raises(DataError) as caught:
        Origins(start=MONDAYS[-1] + timedelta(days=1)).among(MONDAYS, most=2)
    assert caught.value.problem == "there is no moment to stand at"


def test_origins_further_apart_are_counted_back_from_the_last():
    assert _spaced(MONDAYS, 14) == MONDAYS[1::2]
    assert _spaced(MONDAYS, 7) == MONDAYS


def test_a_comparison_shows_what_is_missing_as_a_dash():
    text = comparison("place", {"deviance": 0.25, "rps": None}, {"mean": {"deviance": float("nan")}})
    assert text.splitlines()[1].split() == ["model", "0.2500", *["–"] * 4]
    assert text.splitlines()[2].split() == ["mean", *["–"] * 5]


def test_a_source_that_names_few_people_is_not_silent_while_it_keeps_sending() -> None:
    day = 24 * MICROSECONDS_PER_HOUR
    named = Coverage({"s136": SourceCoverage(events=3, first_known=0, last_known=20 * day)}, ("s136",))
    assert named.complete_to({}, now_us=100 * day) == {"s136": 20 * day}
    last = 100 * day - 1
    sent = {"s136": SourceCounts(rows=500, first_occurred=0, last_occurred=last, last_known=last, final=500)}
    assert named.with_all_rows(sent).complete_to({}, now_us=100 * day) == {"s136": 100 * day}


def test_trees_that_could_not_split_are_not_counted():
    """LightGBM drops a tree that cannot split and goes on counting rounds: the number kept is of trees that exist."""
    rng = np.random.default_rng(1)
    names = tuple(f"x{number}" for number in range(6))
    settings = replace(SETTINGS, min_data_in_leaf=400, feature_fraction=0.5, rounds=60, early_stopping_rounds=60)
    features = rng.normal(size=(1500, 6)).astype(np.float32)
    features[:, 1:] = 0.0  # one column alone can be split on, and half of the trees do not see it
    labels = (features[:, 0] + rng.normal(size=1500) > 0).astype(float)
    block = Block(features, labels)
    trees = fit_trees("person", names, block, block, settings)
    check_model_text(trees.text, feature_names=names, trees=trees.count, subject="person")
    assert trees.text.count("Tree=") == trees.count


def delayed(hours: dict[int, int], *, declared: float | None = None) -> tuple[Coverage, dict[str, Source]]:
    """A source that sent so many records a day apart until now, each known so many hours after the contact."""
    late = [hour for hour, count in hours.items() for _ in range(count)]
    known = [NOW - 1 - day * DAY for day in range(len(late))]
    occurred = [moment - hour * MICROSECONDS_PER_HOUR for moment, hour in zip(known, late, strict=True)]
    table = pa.table({
        "source": pa.array(["s136"] * len(late)),
        **{name: pa.array(values, pa.timestamp("us", tz="UTC"))
           for name, values in (("occurred_at", occurred), ("known_at", known))},
    })  # fmt: skip
    site = {"s136": Source(name="s136", agency="x", singular="x", plural="x", settled_after_hours=declared)}
    rule = EpisodeRule(sources=("s136",), crisis_flag=False)
    halves = [table.slice(0, len(late) // 3), table.slice(len(late) // 3), table.slice(0, 0)]
    return coverage_of(rule, halves), site


def test_a_source_that_declares_nothing_settles_when_19_in_20_of_its_records_were_known():
    coverage, site = delayed({2: 60, 30: 35, 500: 5})
    assert coverage.settled_hours(site) == {"s136": 30.0}
    assert coverage.complete_to(site, now_us=NOW) == {"s136": NOW - 30 * MICROSECONDS_PER_HOUR}
    assert coverage.late_records(site) == (
        "labels wait until 19 in 20 records of each source were known, longer than the site's settled_after_hours:"
        " s136 30 h (nothing declared)"
    )
    later, site = delayed({2: 60, 30: 34, 500: 6})
    assert later.settled_hours(site) == {"s136": 500.0}


def test_what_a_site_declares_counts_where_its_records_came_no_later():
    coverage, site = delayed({2: 60, 30: 35, 500: 5}, declared=48)
    assert coverage.settled_hours(site) == {"s136": 48.0}
    assert coverage.late_records(site) == ""
    coverage, site = delayed({2: 60, 30: 35, 500: 5}, declared=24)
    assert coverage.settled_hours(site) == {"s136": 30.0}
    assert coverage.late_records(site).endswith("settled_after_hours: s136 30 h (declared 24 h)")


def test_records_known_at_once_settle_at_once():
    coverage, site = delayed({0: 40})
    assert coverage.settled_hours(site) == {"s136": 0.0}
    assert coverage.late_records(site) == ""
