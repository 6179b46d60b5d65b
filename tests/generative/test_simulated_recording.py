"""What holds of every city's records, whatever its seed: nobody before or after their time, nothing known too soon."""

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from crisisrisk.simulation.contacts import SOURCES, Contacts, contacts
from crisisrisk.simulation.defects import DEFECTS
from crisisrisk.simulation.people import People, block_people
from crisisrisk.simulation.period import SECONDS_PER_DAY, Period, stream
from crisisrisk.simulation.recording import SILENT_FROM, SILENT_SOURCES, local_seconds, recorded
from crisisrisk.simulation.settings import settings_for
from crisisrisk.simulation.texts import DAY_AND_MINUTE, local_texts, utc_texts
from crisisrisk.simulation.world import world

CITY = settings_for("sample", people=5_000, years=2)
SEEDS = st.integers(min_value=0, max_value=2**31 - 1)
# A block of people takes a while to record and one seed is as simple as another: nothing to shrink.
few_blocks = settings(max_examples=5, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])


def everybody_always(seed: int, period: Period, people: People) -> Contacts:
    """Contacts of every source with everybody and nobody at any time, also before they came and after they left."""
    random = stream(seed, "contacts of a test")
    first, last = period.midnight[0] - 10 * SECONDS_PER_DAY, period.end + 10 * SECONDS_PER_DAY
    parts = []
    for source in SOURCES:
        person = random.integers(people.first, people.first + len(people), 2 * len(people))
        person = np.where(random.random(len(person)) < 0.2, -1, person)
        at = random.integers(first, last, len(person))
        parts.append(contacts(source, at, person, ended=at + random.integers(0, 90, len(at)) * SECONDS_PER_DAY))
    return Contacts.concatenated(parts)


@few_blocks
@given(seed=SEEDS, block=st.integers(0, 1), defects=st.sets(st.sampled_from(sorted(DEFECTS))))
def test_nobody_before_or_after_their_time_and_nothing_known_too_soon(seed: int, block: int, defects: set[str]) -> None:
    here = world(CITY)
    city = replace(CITY, seed=seed, defects=tuple(sorted(defects)))
    people = block_people(city, here.city, here.period, block)
    found = everybody_always(seed, here.period, people)
    rows = recorded(city, here.period, found, people, block=block)
    ours = rows.contacts.person >= 0
    row, day = rows.contacts.person[ours] - people.first, here.period.day_of(rows.contacts.at[ours])
    assert 0 < len(rows) < len(found)
    assert (day >= people.registered[row]).all()
    assert (day < people.left[row]).all()
    assert (rows.known > rows.contacts.at).all()
    assert rows.known.max() <= here.period.end
    assert rows.contacts.ended.max() <= here.period.end
    assert rows.known[rows.contacts.is_from(*SILENT_SOURCES)].max() <= local_seconds(SILENT_FROM)
    assert ((rows.named == -1) | (rows.named == rows.contacts.person)).all()


@few_blocks
@given(seed=SEEDS)
def test_recording_is_the_same_each_time(seed: int) -> None:
    here = world(CITY)
    city = replace(CITY, seed=seed)
    people = block_people(city, here.city, here.period, 0)
    found = everybody_always(seed, here.period, people)
    one, other = (recorded(city, here.period, found, people, block=0) for _ in range(2))
    for name in ("known", "named", "second_key", "late", "surname", "birth_date", "house"):
        assert (getattr(one, name) == getattr(other, name)).all()
    assert (one.contacts.at == other.contacts.at).all()


@settings(deadline=None)
@given(st.lists(st.integers(946_684_800, 2_000_000_000), min_size=1, max_size=50))
def test_written_times_never_run_backwards(moments: list[int]) -> None:
    """A later instant is never written as an earlier time of day of the same clock, also where the clocks go back."""
    instants = np.array(sorted(moments))
    written = [datetime.strptime(text, DAY_AND_MINUTE) for text in local_texts(instants, DAY_AND_MINUTE).strings()]  # noqa: DTZ007
    assert written == sorted(written)
    zone = ZoneInfo("Europe/London")
    for text, moment in zip(written, instants.tolist(), strict=True):
        true = datetime.fromtimestamp(moment, zone)
        assert timedelta(0) <= true.replace(tzinfo=None, fold=0) - text < timedelta(minutes=1) or true.fold == 1
    assert utc_texts(instants).strings() == sorted(utc_texts(instants).strings())
