"""The blocks of a recipe as text: what stands where, and the gap between."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from crisisrisk.training.split_drawing import DrawnBlock, DrawnSplit, SplitPlan

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
WEEK = timedelta(weeks=1)


def _block(name: str, first: int, weeks: int) -> DrawnBlock:
    dates = tuple(MONDAY + (first + week) * WEEK for week in range(weeks))
    return DrawnBlock(name=name, dates=dates, label_windows_end=dates[-1] + 4 * WEEK, rows=weeks * 1000, outcomes=weeks)


def _plan(**changes: object) -> SplitPlan:
    split = DrawnSplit(name="train", blocks=(_block("train", 0, 9), _block("validate", 12, 3), _block("judge", 18, 5)))
    fields = {"model": "person_test", "subject": "person", "by_time": True, "splits": (split,), **changes}
    return SplitPlan(**fields, zone=ZoneInfo("UTC"))


def test_a_line_of_time_shows_the_blocks_and_what_is_left_free_between_them() -> None:
    lines = _plan().as_text().splitlines()
    assert lines[2:5] == [
        "       5 Jan 2026                                            6 Jul 2026",
        "train  tttttttttttttttttttt·········vvvvvv·········JJJJJJJJJJJ·········",
        "       t train  v validate  J judge  · left free: the horizon of the dates before it",
    ]


def test_each_block_says_its_dates_rows_and_outcomes() -> None:
    lines = _plan().as_text().splitlines()
    assert lines[6:8] == [
        "               dates        rows    outcomes",
        "train              9       9,000           9    5 Jan 2026 to 2 Mar 2026, outcomes until 30 Mar 2026",
    ]


def test_without_a_calendar_there_is_no_line_of_time() -> None:
    text = _plan(by_time=False, note="too short").as_text()
    assert "ttt" not in text
    assert text.splitlines()[4].split() == ["train", "9", "9,000", "9"]
    assert text.endswith("too short")


def test_as_json_every_block_is_a_table() -> None:
    block = _plan().as_json()["splits"][0]["blocks"][1]
    assert (block["name"], block["dates"], block["rows"]) == ("validate", 3, 3000)
    assert block["label_windows_end"] == (MONDAY + 18 * WEEK).isoformat()
