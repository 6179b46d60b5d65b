"""How the contacts of a shift are made: a history in, shares out, which add up to the whole."""

from datetime import datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.lib.place_tables import CELLS, SITE, asked, placed, shift

from crisisrisk.features.place import place_history
from crisisrisk.features.place_modes import ModeShares, mode_shares
from crisisrisk.tables.core import MODES

FIRST = datetime(2024, 12, 2)
DAY, NIGHT = shift("day 2025-03-20"), shift("night 2025-03-20")


def table(*modes: str | None, hour: str = "09:10", days: int = 100) -> pa.Table:
    """So many contacts on each of many days, one of each mode."""
    rows = [f"{FIRST + timedelta(days=day):%Y-%m-%d} {hour}  middle" for day in range(days) for _ in modes]
    made = placed("\n".join(["occurred  place", *rows]))
    named = pa.array(list(modes) * days, pa.string())
    at = made.column_names.index("mode") if "mode" in made.column_names else None
    return made.append_column("mode", named) if at is None else made.set_column(at, "mode", named)


def shares(events: pa.Table, *, issued: str | None = None, on=DAY) -> ModeShares:
    [found] = mode_shares(place_history(events, CELLS, SITE.cells), events, asked(on, issued=issued), SITE)
    return found


def test_each_mode_has_its_share_and_those_not_recorded_theirs() -> None:
    found = shares(table("attendance", "attendance", "s136", None))
    assert found.shares == pytest.approx({"attendance": 0.5, "s136": 0.25, "not_recorded": 0.25})
    assert found.seen == {"attendance": 198, "s136": 99, "not_recorded": 99}  # the first shift began before any record
    assert found.expected(3.2) == pytest.approx({"attendance": 1.6, "s136": 0.8, "not_recorded": 0.8})


def test_a_shift_has_the_shares_of_its_own_name_as_far_as_they_differ_beyond_chance() -> None:
    """By day all are attended, by night all are advice on the telephone: beyond any chance."""
    events = pa.concat_tables([table("attendance"), table("telephone_advice", hour="23:10")]).unify_dictionaries()
    assert shares(events).shares["attendance"] > 0.97
    assert shares(events, on=NIGHT).shares["telephone_advice"] > 0.97
    few = pa.concat_tables([table("attendance", days=2), table("telephone_advice", hour="23:10", days=2)])
    assert shares(few.unify_dictionaries()).shares["attendance"] < 0.9


def test_without_a_contact_nothing_is_said_and_what_was_not_known_does_not_count() -> None:
    assert shares(table("s136"), issued="2024-12-02 09:00").shares == {}
    assert shares(table("s136"), issued="2024-12-02 09:00").released(4.0) == {}
    late = placed("occurred  known  place\n2024-12-02 10:00  2024-12-20  middle\n2024-12-02 09:30  2024-12-02  middle")
    modes = ["s136" if one.minute == 0 else "attendance" for one in late["occurred_at"].to_pylist()]
    named = late.set_column(late.column_names.index("mode"), "mode", pa.array(modes))
    assert shares(named, issued="2024-12-19").shares == {"attendance": 1}
    assert shares(named, issued="2024-12-21").shares == pytest.approx({"attendance": 0.5, "s136": 0.5})


def test_modes_with_few_contacts_behind_them_leave_the_site_together() -> None:
    of = ModeShares({"attendance": 0.9, "s136": 0.06, "message": 0.04}, {"attendance": 90, "s136": 6, "message": 4})
    assert of.released(10.0) == {"attendance": 9.0, "rest": 1.0}
    alone = ModeShares({"attendance": 0.9, "s136": 0.1}, {"attendance": 90, "s136": 4})
    assert alone.released(10.0) == {"rest": 10.0}, "the rest of one number would tell it"


@given(
    st.lists(st.tuples(st.floats(0.001, 1), st.integers(0, 40)), min_size=1, max_size=len(MODES)),
    st.floats(0.0, 60.0),
)
def test_what_is_released_adds_up_and_no_part_has_fewer_than_eight_behind_it(
    parts: list[tuple[float, int]], total: float
) -> None:
    weight = sum(share for share, _ in parts)
    names = MODES[: len(parts)]
    of = ModeShares({name: share / weight for name, (share, _) in zip(names, parts, strict=True)},
                    {name: seen for name, (_, seen) in zip(names, parts, strict=True)})  # fmt: skip
    released = of.released(total)
    assert sum(released.values()) == pytest.approx(round(total, 1))
    assert sum(of.expected(total).values()) == pytest.approx(total)
    for name, value in released.items():
        assert value >= 0
        assert name == "rest" or of.seen[name] >= 8
    rest = sum(seen for name, seen in of.seen.items() if name not in released)
    assert rest == 0 or rest >= 8 or set(released) == {"rest"}
