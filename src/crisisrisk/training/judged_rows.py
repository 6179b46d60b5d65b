"""The judged rows of a run: what the model and the baselines said of the test rows, and what was known of them."""

from collections.abc import Iterator

import numpy as np

from crisisrisk.cohorts import PersonRows
from crisisrisk.evaluation.groupings import NO_TEAM, KnownRows, group_values
from crisisrisk.evaluation.judged import JudgedPredictions, Judging, person_numbers
from crisisrisk.labels import days_to_onset
from crisisrisk.models.trees import Numbers
from crisisrisk.tables.store import Snapshot
from crisisrisk.training.person import JudgedPerson, Rows
from crisisrisk.training.person_data import EVENT_COLUMNS, PersonData, crisis_rule
from crisisrisk.training.recipe import TrainingRecipe
from crisisrisk.training.row_stream import rows_taken


def judged_predictions(
    recipe: TrainingRecipe, data: PersonData, judged: JudgedPerson, snapshot: Snapshot
) -> JudgedPredictions:
    """The test rows with everything that reports are made of. Reads each bucket that has a test row once more."""
    test, columns = judged.test, recipe.subgroups.columns
    onset, groups = _known_of(recipe, data, test, snapshot)
    if data.team is not None and "team" in columns:
        groups["team"] = np.where(data.team[test] == "", NO_TEAM, data.team[test])
    return JudgedPredictions(
        as_of=data.as_of[test],
        person=person_numbers(data.person_ids)[data.person[test]],
        team=None if data.team is None else data.team[test],
        risk=judged.risk,
        lower=judged.ends[0],
        upper=judged.ends[1],
        happened=data.happened[test],
        days_to_onset=onset,
        baselines=judged.baselines,
        groups={name: groups[name] for name in columns if name in groups},
        judging=judging_of(recipe),
    )


def judging_of(recipe: TrainingRecipe) -> Judging:
    """How a recipe wants its rows judged."""
    return Judging(
        list_length=recipe.report.list_length,
        horizon_days=recipe.outcome.horizon_days,
        dated=recipe.split.kind == "time",
        most_groups=recipe.subgroups.most_groups,
        seed=recipe.model.seed,
        resamples=recipe.report.bootstrap_samples,
    )


def _known_of(
    recipe: TrainingRecipe, data: PersonData, test: Rows, snapshot: Snapshot
) -> tuple[Numbers, dict[str, np.ndarray]]:
    onsets: list[Numbers] = [np.empty(0)]
    groups: dict[str, list[np.ndarray]] = {}
    for bucket, rows in _test_rows(data, test):
        events, people = snapshot.person_events(bucket, EVENT_COLUMNS), snapshot.people_in(bucket)
        onsets.append(
            days_to_onset(
                crisis_rule(recipe), events, rows, horizon_days=recipe.outcome.horizon_days,
                gap_days=recipe.outcome.gap_days, cut_off_us=data.cut_off_us,
            )
        )  # fmt: skip
        for name, values in group_values(KnownRows(events, people, rows), recipe.subgroups.columns).items():
            groups.setdefault(name, []).append(values)
    return np.concatenate(onsets), {name: np.concatenate(parts) for name, parts in groups.items()}


def _test_rows(data: PersonData, test: Rows) -> Iterator[tuple[int, PersonRows]]:
    """The number of each bucket with a test row, and those rows. `test` ascends."""
    edges = np.cumsum([0, *(len(rows) for rows in data.buckets)])
    for bucket, rows in enumerate(data.buckets):
        begin, end = np.searchsorted(test, edges[bucket : bucket + 2])
        if begin < end:
            yield bucket, rows_taken(rows, test[begin:end] - edges[bucket])
