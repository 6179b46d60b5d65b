"""What holds in every invented city, whatever its seed."""

import pandas as pd
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from crisisrisk.simulation.defects import BAD_ROWS, SENT_TWICE, spoil
from crisisrisk.simulation.recording import SILENT_FROM, SILENT_SOURCES, local_seconds
from crisisrisk.simulation.sample import invent

PEOPLE = 250
SEEDS = st.integers(min_value=0, max_value=2**32)
# A city takes seconds to invent and one seed is as simple as another: nothing to shrink.
few_cities = settings(max_examples=3, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])


@few_cities
@given(seed=SEEDS)
def test_nothing_happens_to_people_who_are_not_there_and_nothing_is_known_before_it_happens(seed: int) -> None:
    invented = invent(seed=seed, people=PEOPLE)
    rows, people = invented.rows, invented.people
    ours = rows[rows["true_person"] >= 0]
    person, day = ours["true_person"].to_numpy(), invented.days.day_of(ours["at"].to_numpy())
    assert (day >= people.registered[person]).all()
    assert (day < people.left[person]).all()
    assert (rows["known"] >= rows["at"]).all()
    assert rows["known"].max() == invented.days.end
    assert rows["ended"].max() <= invented.days.end
    silent = rows[rows["source"].isin(SILENT_SOURCES)]
    assert silent["known"].max() == local_seconds(SILENT_FROM)
    assert ((rows["known"] - rows["at"]) > 86_400).mean() > 0.10


@few_cities
@given(seed=SEEDS)
def test_files_are_whole_and_exactly_the_planned_rows_are_wrong(seed: int) -> None:
    files = invent(seed=seed, people=PEOPLE).files
    before = {name: pd.DataFrame(columns).copy() for name, columns in files.items()}
    spoil(seed, files)
    changed = 0
    for name, columns in files.items():
        after = pd.DataFrame(columns)
        again = after.duplicated()
        assert again.sum() == (SENT_TWICE[1] if name == SENT_TWICE[0] else 0), name
        after = after[~again].reset_index(drop=True)
        assert len(after) == len(before[name]), name
        changed += int((after != before[name]).any(axis=1).sum())
    assert changed == BAD_ROWS == 61
