"""Whose history is thin: as it was known on each date."""

from datetime import timedelta

import pytest
from tests.lib.histories import BASE, EventVersion, PersonVersion, event_table, people_table, rows_of

from crisisrisk.scoring.history import ThinHistory

DAY = timedelta(days=1)


def contact(number: int, days: float, *, late: float = 0.1) -> EventVersion:
    at = BASE + days * DAY
    return EventVersion(event_id=f"e{number}", person_id="a", occurred_at=at, known_at=at + late * DAY)


def thin(events: list[EventVersion], when: float, people: tuple[PersonVersion, ...] = (), **rule: int) -> bool:
    rows = rows_of({"a": [BASE + when * DAY]})
    found = ThinHistory(**rule).of(event_table(events), people_table(people), rows)
    return bool(found[0])


THREE = [contact(1, 0), contact(2, 1), contact(3, 2)]


def test_a_history_grows_out_of_being_thin():
    assert thin(THREE, 182)  # known 0.1 days after it happened
    assert not thin(THREE, 182.1)
    assert not thin(THREE, 60, days=30)


def test_contacts_count_once_they_are_known():
    assert thin([*THREE[:2], contact(3, 2, late=300)], 200)
    assert not thin([*THREE[:2], contact(3, 2, late=300)], 303)
    assert not thin(THREE[:1], 200, contacts=1)
    assert thin([], 200)


def test_who_stands_in_a_register_has_been_known_since():
    registered = PersonVersion(person_id="a", valid_from=BASE - 900 * DAY, known_at=BASE - 900 * DAY)
    assert not thin(THREE, 10, people=(registered,))
    late = PersonVersion(person_id="a", valid_from=BASE - 900 * DAY, known_at=BASE + 9 * DAY)
    assert thin(THREE, 10, people=(late,))


@pytest.mark.parametrize("moment", [3, 100])
def test_what_becomes_known_later_changes_nothing(moment: int):
    before = [contact(1, 0), contact(2, 1), contact(3, 2)]
    after = [contact(number, moment + number) for number in range(4, 9)]
    assert thin(before, moment) == thin([*before, *after], moment)
