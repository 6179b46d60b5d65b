"""What the demo says besides what it runs."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from crisisrisk.commands.demo import last_monday

LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("moment", "monday"),
    [
        (datetime(2026, 11, 22, 6, tzinfo=UTC), datetime(2026, 11, 16, tzinfo=UTC)),
        (datetime(2026, 11, 23, 0, 0, 1, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC)),
        (datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 16, tzinfo=UTC)),  # that very moment is not before
        (datetime(2026, 6, 14, 23, 30, tzinfo=UTC), datetime(2026, 6, 14, 23, tzinfo=UTC)),  # Monday in London already
        (datetime(2026, 10, 26, tzinfo=UTC), datetime(2026, 10, 18, 23, tzinfo=UTC)),  # the clocks went back between
    ],
)
def test_last_monday_is_the_local_start_of_the_one_before(moment: datetime, monday: datetime) -> None:
    assert last_monday(moment, LONDON) == monday
