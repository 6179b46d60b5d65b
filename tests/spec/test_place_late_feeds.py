"""Ranges while feeds are late: wider by what was measured, never narrower, and untouched where no feed is late."""

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from tests.lib.database import place_run

from crisisrisk.errors import ModelError
from crisisrisk.models.issue_time import IssueTime
from crisisrisk.models.late_feeds import MOST_ADDED, NOT_MEASURED, NOT_WIDENED, LateFeed, LateFeeds, Widening
from crisisrisk.models.place_distribution import LEVELS, Interval, PlaceDistribution
from crisisrisk.scoring.spread import Spread
from crisisrisk.scoring.widened import MAY_BE_LOW, widened_text
from crisisrisk.tables.larger_places import Area
from crisisrisk.tables.site import Source
from crisisrisk.timeline import Shift
from crisisrisk.training.late_feeds import added_by

START = datetime(2026, 11, 22, 22, tzinfo=UTC)
NIGHT = Shift(id="night-2026-11-22", name="night", start=START, end=START + timedelta(hours=8), weekday=6)
MEASURED = LateFeeds(
    days=(1.0, 3.0), outcome_shared=(0.01, 0.09), outcome_own=(0.0, 0.04), signals_shared=(0.0, 0.0004),
    signals_own=(0.0, 0.0),
)  # fmt: skip
MEANS = np.array([[1e-9, 0.004, 0.03, 0.1, 0.3, 0.9, 2.0, 7.0, 40.0]])
AREA = Area("a", "Area", np.arange(4))


def late(days: float, share: float = 1.0, source: str = "police_999") -> LateFeed:
    return LateFeed(source=source, silent_days=days, share=share)


def law(dispersion: float = 0.4, shared: float = 0.05, tail: float = 1.0) -> PlaceDistribution:
    """Of one stratum; `tail`: how much of the tails as they are named is left out."""
    return PlaceDistribution(
        dispersion=(dispersion,) * 2, shared_dispersion=shared,
        tails=tuple(((1 - level) / 2 * tail,) * 2 for level in LEVELS),
        area_tails=tuple(((1 - level) / 2 * tail,) for level in LEVELS),
    )  # fmt: skip


def spread(widening: Widening, distribution: PlaceDistribution, means: np.ndarray = MEANS) -> Spread:
    time = IssueTime(hours=24, distribution=distribution)
    return Spread([time], [16.0], [NIGHT], np.full(means.shape[1], np.nan), means, widening)


# What is added


@pytest.mark.parametrize(
    ("feeds", "shared", "own"),
    [
        ([], 0.0, 0.0),
        ([late(1)], 0.01, 0.0),
        ([late(2)], 0.04, 0.01),  # the step is half way between those of 1 and 3 days; its square is added
        ([late(0.5)], 0.0025, 0.0),
        ([late(3)], 0.09, 0.04),
        ([late(6)], 0.36, 0.16),  # beyond the last day the step grows as up to it
        ([late(300)], MOST_ADDED, MOST_ADDED),
        ([late(3, 0.5)], 0.0225, 0.01),  # half of the contacts: half of the step
        ([late(3, 0.5), late(3, 0.5, "s136")], 0.09, 0.04),  # both halves: the whole
        ([late(3, 0.0, "fire")], 0.0004, 0.0),  # no contact of the outcome: a signal
        ([late(3, 0.0, "fire"), late(1, 0.0, "gp")], 0.0004, 0.0),  # the one that is silent longest
        ([late(1), late(3, 0.0, "fire")], 0.0104, 0.0),  # signals that add next to nothing are not named
    ],
)  # fmt: skip
def test_late_feeds_add_what_was_measured(feeds: list[LateFeed], shared: float, own: float) -> None:
    found = MEASURED.widening(feeds)
    assert (found.shared, found.own) == (pytest.approx(shared), pytest.approx(own))
    assert set(found.by) == {one.source for one in feeds if one.share} or not any(one.share for one in feeds)
    assert bool(found) == bool(feeds)


def test_a_longer_silence_never_adds_less() -> None:
    """Also where less was measured of more days, which is chance."""
    falling = replace(MEASURED, outcome_shared=(0.02, 0.01))
    for measured in (MEASURED, falling, NOT_MEASURED):
        found = [measured.widening([late(days)]).shared for days in np.linspace(0.05, 60, 200)]
        assert found == sorted(found)
        assert max(found) <= MOST_ADDED


def test_the_feed_of_the_most_contacts_is_named_first_and_signals_where_they_matter() -> None:
    feeds = [late(3, 0.0, "fire"), late(9, 0.0, "gp"), late(1, 0.3, "a"), late(1, 0.6, "b")]
    assert MEASURED.widening(feeds).by == ("b", "a", "gp", "fire")
    assert MEASURED.widening([late(3, 0.0, "fire"), late(3)]).by == ("police_999",)
    assert MEASURED.widening([late(3, 0.0, "fire")]).by == ("fire",)


SOURCES = {name: Source(name=name, agency="", singular="", plural=f"{name} calls") for name in ("999", "111", "101")}
SILENT = {name: datetime(2026, 11, 20 + day, 14, tzinfo=UTC) for day, name in enumerate(("999", "111", "101", "gp"))}


@pytest.mark.parametrize(
    ("by", "says"),
    [
        ((), ""),
        (("999",), "999 calls are complete only to Fri 20 Nov 14:00"),
        (("999", "111"), "999 calls are complete only to Fri 20 Nov 14:00 and 111 calls only to Sat 21 Nov 14:00"),
        (("999", "111", "101", "gp"), "999 calls are complete only to Fri 20 Nov 14:00, 111 calls only to Sat 21 Nov "
         "14:00, 101 calls only to Sun 22 Nov 14:00 and 1 more"),
    ],
)  # fmt: skip
def test_the_sentence_names_three_feeds_at_most(by: tuple[str, ...], says: str) -> None:
    run = place_run(widened_by=by, data_complete_to=SILENT)
    told = widened_text(run, SOURCES, ZoneInfo("Europe/London"))
    assert told == (f"Ranges are wider: {says}. {MAY_BE_LOW}" if says else "")


def test_signals_that_add_nothing_are_not_named() -> None:
    alone = replace(MEASURED, signals_shared=(), signals_own=())
    assert alone.widening([late(3, 0.0, "fire")]) == NOT_WIDENED
    assert alone.widening([late(3), late(3, 0.0, "fire")]).by == ("police_999",)


@pytest.mark.parametrize(
    "wrong",
    [{"days": ()}, {"days": (3.0, 1.0)}, {"days": (0.0, 1.0)}, {"outcome_own": (0.1,)}, {"outcome_shared": (-0.1, 0.0)},
     {"signals_own": (0.0, float("nan"))}],
)  # fmt: skip
def test_numbers_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ModelError):
        LateFeeds(**{**asdict(MEASURED), **wrong})


def test_what_is_added_is_the_mean_square_of_the_step_between_two_forecasts() -> None:
    """All cells a fifth lower is shared; what goes up here and down there is each cell's own."""
    whole = np.array([[2.0, 2.0], [4.0, 4.0]])
    assert added_by(whole, whole) == (0.0, 0.0)
    assert added_by(whole, whole * 0.8) == (pytest.approx(0.0625), pytest.approx(0.0, abs=1e-12))
    assert added_by(whole, whole * [[0.9, 1.1]]) == (pytest.approx(0.0), pytest.approx(0.01 / 1.01))


# What it does to a forecast


def ends_of(one: Spread) -> list[Interval]:
    return [one.of_cells(), one._whole_interval(0), one._part_interval(0, AREA)]


@pytest.mark.parametrize("shared", [0.0, 0.0005, 0.02, 0.3, 1.0])
@pytest.mark.parametrize("own", [0.0, 0.003, 1.0])
@pytest.mark.parametrize("distribution", [law(), law(0.0, 0.0), law(3.0, 0.0), law(0.1, 0.4, tail=1.9), law(tail=0.1)])
def test_no_range_is_ever_narrower(shared: float, own: float, distribution: PlaceDistribution) -> None:
    plain, wide = spread(NOT_WIDENED, distribution), spread(Widening(shared=shared, own=own), distribution)
    for before, now in zip(ends_of(plain), ends_of(wide), strict=True):
        assert (now.lower <= before.lower).all()
        assert (now.upper >= before.upper).all()
        assert (now.chance >= before.chance).all()
    assert wide.shared_dispersion(0) >= plain.shared_dispersion(0)
    assert (wide.own_dispersions() >= plain.own_dispersions() - 1e-12).all()


def test_without_a_late_feed_all_is_as_before_to_the_bit() -> None:
    distribution, usual = law(), MEANS * 1.1
    plain, same = spread(NOT_WIDENED, distribution), spread(NOT_MEASURED.widening([]), distribution)
    assert same._of(0) is distribution
    assert not same.is_wider
    assert np.array_equal(plain.samples(0, draws=20, seed=1), same.samples(0, draws=20, seed=1))
    strata = distribution.strata(distribution.kind_numbers(["night"]), plain.density, MEANS)
    direct = distribution.interval(MEANS, strata, level=0.8)
    assert same.of_cells().lower.tolist() == direct.lower.tolist()
    assert same.of_cells().upper.tolist() == direct.upper.tolist()
    assert same.area_outlooks(usual, [AREA]) == plain.area_outlooks(usual, [AREA])


def test_dispersions_are_those_of_independent_factors() -> None:
    """(1 + shared) × (1 + own) of a count, each times 1 + what is added."""
    wide = law(0.4, 0.05).widened(shared=0.2, own=0.1)
    assert wide.shared_dispersion == pytest.approx(1.05 * 1.2 - 1)
    assert 1 + wide.dispersion[0] == pytest.approx(1.4 * 1.2 * 1.1)
    assert law().widened(shared=0.0, own=0.0) == law()


def test_a_range_is_wider_and_what_is_expected_and_usual_is_as_it_was() -> None:
    plain, wide = spread(NOT_WIDENED, law()), spread(Widening(shared=0.3, by=("police_999",)), law())
    assert wide.is_wider
    [before], [now] = (one.area_outlooks(MEANS, [replace(AREA, cells=np.arange(9))]) for one in (plain, wide))
    assert (now.expected, now.usual, now.usual_low, now.usual_high) == (
        before.expected, before.usual, before.usual_low, before.usual_high,
    )  # fmt: skip
    assert now.lower < before.lower
    assert now.upper > before.upper
    assert now.quieter > before.quieter  # less is known: the chance is spread over more counts
    assert now.about_usual < before.about_usual


def test_plans_are_made_of_samples_of_the_wider_law() -> None:
    means = np.full((1, 6), 4.0)
    plain, wide = (
        spread(one, law(0.1, 0.05), means).samples(0, draws=4_000, seed=2)
        for one in (NOT_WIDENED, Widening(shared=0.3, own=0.2))
    )
    assert wide.mean() == pytest.approx(plain.mean(), rel=0.03)
    assert wide.sum(axis=1).var() > 3 * plain.sum(axis=1).var()


def test_a_widening_that_moves_no_end_of_a_range_says_so() -> None:
    few = np.array([[0.01, 0.02]])
    assert not spread(Widening(shared=0.001), law(), few).is_wider
