"""The simple forecast that a place model starts from, and what a coordinator would call usual."""

from dataclasses import replace
from datetime import datetime, timedelta
from math import exp, isnan

import numpy as np
import pytest
from tests.lib.place_tables import CELLS, HERE, SITE, asked, every, history, shift
from tests.lib.reference_place_features import FAR, MIDDLE, NEIGHBOUR, SECOND

from crisisrisk.features.place_offset import observed_since, offset_rates, usual_counts
from crisisrisk.timeline import Shift, microseconds

FIRST = datetime(2024, 12, 2)


def daily(hours: str, *, place: str = "middle", days: int = 120, every_days: int = 1) -> list[str]:
    """One contact a day at each of the hours."""
    return [
        f"{FIRST + timedelta(days=day):%Y-%m-%d} {hour}:00  {place}"
        for day in range(0, days, every_days)
        for hour in hours.split()
    ]


def table(*rows: list[str]) -> str:
    return "\n".join(["occurred  place", *(row for some in rows for row in some)])


def expected(text: str, *shifts: Shift, **how: float | None) -> list[list[float]]:
    """Expected contacts in each shift and cell."""
    return np.exp(offset_rates(history(text), asked(*shifts), SITE, **how)).tolist()


def test_without_any_history_it_is_small_finite_and_the_same_everywhere() -> None:
    [row] = expected(table(), shift("day 2025-03-31"))
    assert len(set(row)) == 1
    assert 0 < row[0] < 0.1


def test_with_much_history_it_is_the_long_run_rate_of_the_shift() -> None:
    """Three contacts every day shift, one every night, in one cell of four."""
    [day, night] = expected(
        table(daily("09 10 11 23")), shift("day 2025-03-31"), shift("night 2025-03-31"), lookback_days=91
    )
    assert day[HERE] == pytest.approx(3, rel=0.05)
    assert night[HERE] == pytest.approx(1, rel=0.1)
    assert sum(day) == pytest.approx(3, rel=0.05)


def test_it_counts_real_hours_so_the_short_night_expects_less() -> None:
    text = table(daily("01", place="middle"))
    short, usual = shift("night 2025-03-29"), shift("night 2025-03-28")
    assert (short.hours, usual.hours) == (9, 10)
    long_ago = asked(short, usual, issued="2025-03-27")
    [one, other] = np.exp(offset_rates(history(text), long_ago, SITE))[:, HERE]
    assert one / other == pytest.approx(0.9, rel=0.05)


def test_a_cell_with_little_is_drawn_to_the_mean_and_one_with_much_keeps_its_own_rate() -> None:
    text = table(daily("09 12"), daily("10", place="neighbour", every_days=60))
    [row] = expected(text, shift("day 2025-03-31"), lookback_days=91)
    plain_mean = sum(row) / len(row)
    assert row[HERE] == pytest.approx(2, rel=0.05)
    others = sorted(row[cell] for cell in range(len(CELLS)) if cell != HERE)
    assert 0 < others[0] == others[1] < others[2] < plain_mean


def test_a_fixed_prior_draws_harder_the_larger_it_is() -> None:
    text, on = table(daily("09 12")), shift("day 2025-03-31")
    own = [expected(text, on, prior_events=prior)[0][HERE] for prior in (1.0, 100.0, 1e9)]
    assert own == sorted(own, reverse=True)
    [row] = expected(text, on, prior_events=1e9)
    assert row[HERE] == pytest.approx(sum(row) / 4, rel=1e-3)


def test_the_offset_knows_only_what_was_known_at_the_issue_time() -> None:
    later = [f"2025-03-{day} 10:00  2025-04-10  middle" for day in range(10, 30)]
    early = ["2024-12-02 10:00  2024-12-02 11:00  middle", "2025-03-03 10:00  2025-03-03 11:00  far"]
    with_later, without = ("\n".join(["occurred  known  place", *rows]) for rows in (early + later, early))
    on = shift("day 2025-03-31")
    assert expected(with_later, on) == expected(without, on)
    assert expected(with_later, shift("day 2025-04-14")) != expected(without, shift("day 2025-04-14"))


def test_a_shift_that_the_rota_does_not_have_expects_the_plain_rate() -> None:
    odd = Shift(id="x", name="x", start=shift("day 2025-03-31").start, end=shift("night 2025-03-31").end, weekday=0)
    [row] = expected(table(daily("09 23")), odd, lookback_days=91)
    assert row[HERE] == pytest.approx(2 * odd.hours / 24, rel=0.05)


def test_a_report_that_comes_years_late_does_not_lengthen_the_history() -> None:
    rows = [
        "2019-01-01  2024-12-05  middle",
        *(f"2024-12-{day:02}  2024-12-{day:02} 01:00  middle" for day in (3, 4, 8)),
    ]
    times = np.array([microseconds(shift(f"day 2024-12-{day:02}").start) for day in (2, 3, 9)])
    since = observed_since(history("\n".join(["occurred  known  place", *rows])), times)
    assert since[0] == times[0]
    assert since[1:].tolist() == [microseconds(shift("day 2024-12-03").start) - 8 * 3_600_000_000] * 2


def test_late_reports_alone_are_the_history_there_is() -> None:
    late = "occurred  known  place\n2024-01-01  2024-06-01  middle\n2024-02-01  2024-06-01  middle"
    [since] = observed_since(history(late), np.array([microseconds(shift("day 2024-12-02").start)]))
    assert since == microseconds(shift("day 2024-01-01").start) - 8 * 3_600_000_000


@pytest.mark.parametrize(
    ("known", "days_before"),
    [("2024-12-15 08:00", 14), ("2024-12-15 08:00:00.000001", 1), ("2024-12-20", 1)],
)
def test_a_record_is_prompt_up_to_fourteen_days_after(known: str, days_before: int) -> None:
    rows = ["occurred  known", f"2024-12-01 08:00  {known}", "2024-12-14 08:00  2024-12-14 08:00"]
    on = shift("day 2024-12-30")
    [since] = observed_since(history("\n".join(rows)), np.array([microseconds(on.start)]))
    assert since == microseconds(shift("day 2024-12-15").start - timedelta(days=days_before))


def test_the_first_record_makes_history_only_after_it_became_known() -> None:
    text = "occurred  known\n2024-12-01 08:00  2024-12-01 12:00"
    noon = microseconds(shift("day 2024-12-01").start + timedelta(hours=4))
    since = observed_since(history(text), np.array([noon, noon + 1]))
    assert since.tolist() == [noon, noon - 4 * 3_600_000_000]


def test_a_cell_without_contacts_expects_more_beside_busy_cells_of_its_parent() -> None:
    """Two parts of the city: middle and far are one, neighbour and second the other."""
    parents = tuple("south" if cell in (MIDDLE, FAR) else "north" for cell in CELLS.ids)
    cells = replace(CELLS, parents=parents)
    rows = replace(asked(shift("day 2025-03-31")), cells=cells)
    [row] = np.exp(offset_rates(history(table(daily("09 12"))), rows, SITE)).tolist()
    here = dict(zip(cells.ids, row, strict=True))
    assert here[FAR] > 2 * here[NEIGHBOUR] == 2 * here[SECOND] > 0
    assert here[MIDDLE] > 10 * here[FAR]


def test_the_last_eight_weeks_move_the_whole_area_as_far_as_they_are_no_chance() -> None:
    """One contact a day for ten months, then three: the year says 1.3, the last eight weeks 3."""
    first = (
        microseconds(shift("day 2025-03-31").start) - microseconds(shift("day 2024-12-02").start)
    ) // 86_400_000_000
    calm = [f"{datetime(2024, 4, 1) + timedelta(days=day):%Y-%m-%d} 10:00  middle" for day in range(245 + first - 56)]
    busy = [f"{datetime(2025, 2, 3) + timedelta(days=day):%Y-%m-%d} {hour}:00  middle"
            for day in range(56) for hour in ("09", "10", "11")]  # fmt: skip
    [row] = expected(table(calm, busy), shift("day 2025-03-31"))
    assert sum(row) == pytest.approx(2.9, abs=0.2)


def test_a_cell_has_its_own_clock_where_contacts_enough_say_so() -> None:
    """Middle by day, neighbour by night: each as often."""
    text = table(daily("09"), daily("23", place="neighbour"))
    [day, night] = expected(text, shift("day 2025-03-31"), shift("night 2025-03-31"), lookback_days=91)
    other = CELLS.ids.index(NEIGHBOUR)
    assert day[HERE] > 10 * day[other] > 0
    assert night[other] > 10 * night[HERE] > 0


def test_neither_contacts_nor_hours_of_the_latency_count() -> None:
    """Contacts become known three days later: without the latency the last days look empty."""
    rows = [
        f"{FIRST + timedelta(days=day):%Y-%m-%d} 09:00  {FIRST + timedelta(days=day + 3):%Y-%m-%d}  middle"
        for day in range(28)
    ]
    text, on = "\n".join(["occurred  known  place", *rows]), shift("day 2024-12-30")
    blind, [right] = expected(text, on, lookback_days=28)[0], expected(text, on, lookback_days=28, latency_hours=72)
    assert right[HERE] == pytest.approx(1, rel=0.1)
    assert blind[HERE] < 0.95 * right[HERE]


def test_cells_add_up_to_the_area_however_they_are_drawn() -> None:
    text = table(daily("09 12"), daily("10", place="neighbour", every_days=3), daily("23", place="far", every_days=7))
    drawn = [expected(text, shift("day 2025-03-31"), prior_events=prior)[0] for prior in (None, 2.0, 1e6)]
    assert [sum(row) for row in drawn] == pytest.approx([sum(drawn[0])] * 3, rel=1e-12)


# Usual


def test_usual_is_the_mean_of_the_earlier_shifts_of_the_same_name_and_weekday() -> None:
    """Since Sunday 2 March there were four Mondays, with one, two, no and no contact in the day shift."""
    text = table(
        ["2025-03-02 09:00  far", "2025-03-03 09:00  middle", "2025-03-10 09:00  middle", "2025-03-10 10:00  middle"]
    )
    usual = usual_counts(history(text), asked(shift("day 2025-03-31")), SITE)
    assert usual[0, HERE] == 3 / 4
    assert usual[0].sum() == usual[0, HERE]


def test_usual_leaves_out_shifts_before_the_first_record_and_unfinished_ones() -> None:
    """The first record is inside Monday's shift of 3 March, so the shifts of 10, 17 and 24 March are seen whole."""
    text = table(["2025-03-03 09:00  middle", "2025-03-10 09:00  middle", "2025-03-31 09:00  middle"])
    rows = asked(shift("day 2025-04-07"), issued="2025-03-31 12:00")
    assert usual_counts(history(text), rows, SITE)[0, HERE] == pytest.approx(1 / 3)


def test_a_shift_counts_from_the_moment_it_ends_and_when_the_first_record_is_at_its_start() -> None:
    text, on = table(["2025-03-24 08:00  middle", "2025-03-25 08:00  middle"]), shift("day 2025-03-31")
    assert usual_counts(history(text), asked(on, issued="2025-03-24 15:00"), SITE)[0, HERE] == 1
    before = asked(on, issued="2025-03-24 14:59:59.999999")
    assert isnan(usual_counts(history(text), before, SITE)[0, HERE])
    assert usual_counts(history(text), asked(on), SITE)[0, HERE] == 1


def test_usual_looks_back_only_so_far() -> None:
    text = table(daily("09", days=50), ["2025-03-24 09:00  middle"])
    usual = usual_counts(history(text), asked(shift("day 2025-03-31")), SITE, lookback_days=28)
    assert usual[0, HERE] == 0.25


def test_usual_is_not_known_before_any_such_shift_has_been_seen() -> None:
    text, on = table(["2025-03-30 09:00  middle"]), shift("day 2025-03-31")
    rows = asked(on, replace(on, name="a name that the rota does not have"))
    assert np.isnan(usual_counts(history(text), rows, SITE)).all()


def test_the_offset_is_close_to_usual_where_there_is_much_of_it() -> None:
    text = table(daily("09 12 14"))
    rows = asked(*every("day", "2025-03-24", 5))
    usual, offset = usual_counts(history(text), rows, SITE), offset_rates(history(text), rows, SITE)
    for row in range(len(rows)):
        assert exp(offset[row, HERE]) == pytest.approx(usual[row, HERE], rel=0.1)
        assert not isnan(usual[row, HERE])
