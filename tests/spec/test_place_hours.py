"""When within a shift contacts come."""

from datetime import datetime, timedelta

import pytest
from tests.lib.place_tables import SITE, asked, history, shift

from crisisrisk.features.place_hours import hourly_shares
from crisisrisk.timeline import Shift

FIRST = datetime(2024, 12, 2)


def shares(text: str, on: Shift, *, issued: str | None = None, latency_hours: float = 0.0) -> list[float]:
    [found] = hourly_shares(history(text), asked(on, issued=issued), SITE, latency_hours=latency_hours)
    return found.tolist()


def daily(*hours: str, days: int = 100) -> str:
    rows = [f"{FIRST + timedelta(days=day):%Y-%m-%d} {hour}  middle" for day in range(days) for hour in hours]
    return "\n".join(["occurred  place", *rows])


def test_the_hour_in_which_contacts_come_has_its_share_of_them() -> None:
    """Three at half past nine, one at noon: hours two and five of a day that begins at eight."""
    found = shares(daily("09:10", "09:20", "09:30", "12:00"), shift("day 2025-03-20"))
    assert len(found) == 7
    assert found[1] == pytest.approx(0.75, abs=0.01)
    assert found[4] == pytest.approx(0.25, abs=0.01)
    assert sum(found) == pytest.approx(1)


def test_without_contacts_every_hour_is_alike_on_the_short_and_the_long_night_too() -> None:
    nights = {"night 2025-03-28": 10, "night 2025-03-29": 9, "night 2025-10-25": 11}
    for name, hours in nights.items():
        assert shares("occurred  place", shift(name)) == pytest.approx([1 / hours] * hours)


def test_hours_that_differ_by_chance_alone_stay_alike() -> None:
    found = shares(daily("08:30", "09:30", "10:30", "11:30", "12:30", "13:30", "14:30"), shift("day 2025-03-20"))
    assert found == pytest.approx([1 / 7] * 7)


def test_other_shifts_unfinished_ones_and_what_was_not_known_do_not_count() -> None:
    on = shift("day 2025-03-20")
    rows = [f"2024-12-03 10:{minute}  2024-12-09  middle" for minute in (10, 20, 30)]
    early = "\n".join(["occurred  known  place", "2024-12-02 07:00  2024-12-02 07:00  middle", *rows])
    assert shares(daily("09:10", "23:10"), on)[1] == pytest.approx(1, abs=0.02)
    known = shares(early, on, issued="2024-12-09 00:00:00.000001")
    assert known[2] > 0.5
    assert shares(early, on, issued="2024-12-09") == pytest.approx([1 / 7] * 7)
    at_once = early.replace("2024-12-09", "2024-12-03 11:00")
    assert shares(at_once, on, issued="2024-12-03 14:59") == pytest.approx([1 / 7] * 7)
    assert shares(at_once, on, issued="2024-12-03 15:00") == known


def test_the_latency_holds_back_the_last_hours() -> None:
    text, on = daily("07:00", "09:10", "09:20", "09:30", days=1), shift("day 2025-03-20")
    assert shares(text, on, issued="2024-12-02 16:00")[1] > 0.5
    assert shares(text, on, issued="2024-12-02 16:00", latency_hours=2) == pytest.approx([1 / 7] * 7)
