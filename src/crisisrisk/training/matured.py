"""What became of people who were scored, by the labels of training, once a horizon and its records are over."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.cohorts import PersonRows
from crisisrisk.episodes import EpisodeRule
from crisisrisk.labels import Labels, onset_labels
from crisisrisk.models.bundle import Bundle
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot, bucket_of
from crisisrisk.timeline import MICROSECONDS_PER_DAY, Instants, microseconds
from crisisrisk.training.coverage import coverage_of
from crisisrisk.training.exposures import exposed_rows
from crisisrisk.training.person_data import EVENT_COLUMNS

Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a model was asked, as far as telling what came needs it."""

    crisis: EpisodeRule
    horizon_days: int
    gap_days: int
    death: str = "censor"
    moved: str = "censor"

    @property
    def reach_us(self) -> int:
        """From a scoring to the end of its label window, microseconds."""
        return (self.gap_days + self.horizon_days) * MICROSECONDS_PER_DAY


def question_of(model: Bundle) -> Question:
    """The question of a bundle of people; what deaths and moves do is in the training recipe that it carries."""
    outcome: Mapping[str, Any] = json.loads(model.training_recipe).get("outcome", {})
    words = {name: outcome[name] for name in ("death", "moved") if name in outcome}
    assert model.task.horizon_days is not None, "a model of people has a horizon"
    return Question(
        crisis=model.task.crisis, horizon_days=model.task.horizon_days, gap_days=model.task.gap_days, **words
    )  # fmt: skip


@dataclass(frozen=True)
class Outcomes:
    """What came after each row. All have shape (rows,); `happened` means something where `observed` is true."""

    happened: Mask
    observed: Mask
    """False for who died or moved away inside the label window, by the words of the recipe."""
    shown: Mask
    """Whether the score was shown to anybody inside the label window."""


class Aftermath:
    """The loaded tables as outcomes: up to when they are complete for a question, and what came after scorings."""

    def __init__(self, question: Question, snapshot: Snapshot, site: Site) -> None:
        """Raises DataError when a source that the outcome names has sent nothing."""
        self.question, self._snapshot = question, snapshot
        self._cut_off_us = microseconds(snapshot.as_of_now())
        events = (snapshot.person_events(bucket, EVENT_COLUMNS) for bucket in range(snapshot.buckets))
        coverage = coverage_of(question.crisis, events).with_all_rows(snapshot.sources())
        self._complete_to = coverage.complete_to(site.sources, now_us=self._cut_off_us)

    @property
    def last_matured_us(self) -> int:
        """The latest scoring of which everything that followed in its label window is known."""
        return min([self._cut_off_us, *self._complete_to.values()]) - self.question.reach_us

    def of(self, person_id: NDArray[np.object_], as_of: Instants) -> Outcomes:
        """What came after each scored person and moment. Shapes (rows,). Memory: one bucket of the store."""
        ids, person = np.unique(person_id, return_inverse=True)
        bucket = bucket_of(pa.array(ids, pa.string()), self._snapshot.buckets)[person]
        happened, observed = np.zeros(len(as_of), dtype=bool), np.zeros(len(as_of), dtype=bool)
        for number in np.unique(bucket):
            mine = np.flatnonzero(bucket == number)
            mine = mine[np.lexsort((as_of[mine], person[mine]))]
            labels = self._labels(int(number), _rows(ids, person[mine], as_of[mine]))
            happened[mine], observed[mine] = labels.happened == 1, labels.observed
        days = self.question.gap_days + self.question.horizon_days
        exposed = exposed_rows(
            self._snapshot.table("exposures"), ids, person, as_of, lasts_days=0, reach_days=days, actions=()
        )
        return Outcomes(happened, observed, exposed.shown)

    def _labels(self, bucket: int, rows: PersonRows) -> Labels:
        asked = self.question
        return onset_labels(
            asked.crisis, self._snapshot.person_events(bucket, EVENT_COLUMNS), self._snapshot.people_in(bucket), rows,
            horizon_days=asked.horizon_days, gap_days=asked.gap_days, complete_to_us=self._complete_to,
            cut_off_us=self._cut_off_us, death=asked.death, moved=asked.moved,
        )  # fmt: skip


def _rows(ids: NDArray[np.object_], person: NDArray[np.int64], as_of: Instants) -> PersonRows:
    """Rows in order of person and time, as the label builder takes them."""
    who, begins = np.unique(person, return_index=True)
    return PersonRows(ids[who], np.append(begins, len(person)).astype(np.int64), as_of)
