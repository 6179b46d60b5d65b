"""How long teams were away, as known at a moment: of later records nothing, of too few what is assumed."""

import numpy as np
import pytest

from crisisrisk.positioning.service_times import HOURS_EACH, ServiceRecords
from crisisrisk.timeline import FOREVER_US

HOUR = 3_600_000_000


def records(hours: list[float], known: list[int]) -> ServiceRecords:
    return ServiceRecords(
        known_at=np.array(known) * HOUR, superseded_at=np.full(len(known), FOREVER_US), hours=np.array(hours),
        scene=np.array(hours) * 50.0,
    )  # fmt: skip


def test_what_became_known_later_changes_nothing() -> None:
    early = records([1.0] * 40, [0] * 40)
    late = records([1.0] * 40 + [9.0] * 40, [0] * 40 + [10] * 40)
    assert (early.hours_each(10 * HOUR), late.hours_each(10 * HOUR), late.hours_each(11 * HOUR)) == (1.0, 1.0, 5.0)
    chances = np.array([0.1, 0.9])
    assert late.minutes(10 * HOUR, chances).tolist() == [50.0, 50.0]
    assert late.minutes(11 * HOUR, chances).tolist() == [50.0, 450.0]


def test_of_too_few_records_nothing_is_learned() -> None:
    few = records([9.0] * 5, [0] * 5)
    assert not few.says(HOUR)
    assert few.hours_each(HOUR) == HOURS_EACH
    drawn = few.minutes(HOUR, np.linspace(0.0005, 0.9995, 1000))
    assert drawn.mean() == pytest.approx(75.0, rel=0.02)


def test_a_record_that_was_corrected_counts_until_then() -> None:
    once = records([2.0] * 30, [0] * 30)
    once.superseded_at[:] = 5 * HOUR
    assert (once.hours_each(5 * HOUR), once.hours_each(5 * HOUR + 1)) == (2.0, HOURS_EACH)
