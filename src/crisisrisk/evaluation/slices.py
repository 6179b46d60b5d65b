"""The weekly lists of a model of people: which rows compete, and how each list turned out.

A slice is one `as_of`: the list a team would have had that week. Rows are sorted once; a bootstrap then asks for the
same metrics again and again with rows that count several times.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.evaluation.bootstrap import Rows
from crisisrisk.evaluation.logistic import FloatArray
from crisisrisk.evaluation.metrics import NOT_A_NUMBER, Happened, wrong_values
from crisisrisk.evaluation.ranking_kernels import listed_weights, ranked

SPECIFICITY = 0.85

RANKINGS = ("auroc", "auprc", "auprc_over_prevalence", "sensitivity_at_85_specificity", "precision_at_k", "recall_at_k")
PROBABILITIES = ("brier", "scaled_brier")

NO_TEAM = ""


@dataclass(frozen=True, kw_only=True)
class JudgedRows:
    """The rows a report is about: observed test rows. Every array has shape (rows,).

    `as_of`: the slice of each row. `person`: who, as any number or id, only to keep a person's rows together.
    `team`: the list a row competes for within its slice; without it there is one list a slice.
    """

    happened: Happened
    as_of: NDArray[np.int64]
    person: NDArray[Any]
    team: NDArray[Any] | None = None

    @cached_property
    def slices(self) -> NDArray[np.int64]:
        """For each row the number of its slice, in order of time."""
        return np.unique(self.as_of, return_inverse=True)[1].astype(np.int64)

    def lists(self) -> NDArray[np.int64]:
        """For each row the team × slice it competes in; -1 for somebody on no team's caseload, whom nobody lists."""
        if self.team is None:
            return self.slices
        teams = np.unique(self.team.astype(str), return_inverse=True)[1]
        lists: NDArray[np.int64] = self.slices * (teams.max(initial=0) + 1) + teams
        nobody = self.team.astype(str) == NO_TEAM
        # Where no team is known at all, everyone competes for one list.
        return self.slices if nobody.all() else np.where(nobody, -1, lists)

    def where(self, rows: NDArray[Any]) -> "JudgedRows":
        """Only the rows of a mask or of indices."""
        team = None if self.team is None else self.team[rows]
        return JudgedRows(happened=self.happened[rows], as_of=self.as_of[rows], person=self.person[rows], team=team)


class Groups:
    """Rows of one risk, sorted from the highest within each group: slices, or subgroups. Groups are numbered from 0."""

    def __init__(self, risk: FloatArray, happened: Happened, group: NDArray[np.int64]) -> None:
        _require_finite(risk)
        self.count = int(group.max(initial=-1)) + 1
        self._order = np.lexsort((-risk, group))
        self._starts = np.searchsorted(group[self._order], np.arange(self.count + 1))
        self._risk, self._happened = risk[self._order], happened[self._order]

    def ranked(self, weights: Rows) -> NDArray[np.float64]:
        """AUROC, AUPRC and sensitivity at 85 % specificity of each group. Shape (groups, 3)."""
        found: NDArray[np.float64] = ranked(
            self._starts, self._risk, self._happened, weights[self._order], SPECIFICITY
        )  # fmt: skip
        return found


class Lists:
    """Rows in the order in which lists of a length take them, ties in the worst case."""

    def __init__(self, risk: FloatArray, judged: JudgedRows, length: int) -> None:
        _require_finite(risk)
        if length < 1:
            raise wrong_values("a list has no length", wanted="k of 1 or more", found=str(length))
        lists = judged.lists()
        order = np.lexsort((judged.happened, -risk, lists))
        self._order, self._length = order[lists[order] >= 0], length
        names = lists[self._order]
        self._starts = np.append(np.flatnonzero(np.diff(names, prepend=-1)), len(names)).astype(np.int64)
        self._rows = len(risk)

    def listed(self, weights: Rows) -> Rows:
        """How much of each row's weight is listed. Shape (rows,), in the order of the rows."""
        found = np.zeros(self._rows, dtype=np.int64)
        found[self._order] = listed_weights(self._starts, weights[self._order], self._length)
        return found


class SliceMetrics:
    """Every metric of one risk, slice by slice, for any weights of its rows. NaN as in `metrics.py`."""

    def __init__(self, risk: FloatArray, judged: JudgedRows, *, list_length: int, probability: bool) -> None:
        self._happened, self._slices = judged.happened, judged.slices
        self._groups = Groups(risk, judged.happened, judged.slices)
        self._lists = Lists(risk, judged, list_length)
        self._squares = (risk - judged.happened) ** 2 if probability else None

    def per_slice(self, weights: Rows | None = None) -> dict[str, FloatArray]:
        """Each metric, shape (slices,). Without weights every row counts once."""
        counts = np.ones(len(self._slices), dtype=np.int64) if weights is None else weights
        listed = self._lists.listed(counts)
        outcomes, rows = self._total(counts * self._happened), self._total(counts)
        hits, taken = self._total(listed * self._happened), self._total(listed)
        area, precision, sensitivity = self._groups.ranked(counts).T
        prevalence = share(outcomes, rows)
        found = dict(
            zip(
                RANKINGS,
                (area, precision, precision / prevalence, sensitivity, share(hits, taken), share(hits, outcomes)),
                strict=True,
            )
        )
        if self._squares is not None:
            brier = share(self._total(counts * self._squares), rows)
            spread = prevalence * (1.0 - prevalence)
            found |= {"brier": brier, "scaled_brier": 1.0 - share(brier, spread)}
        return found

    def means(self, weights: Rows | None = None) -> dict[str, float]:
        """The mean of each metric over the slices that have a value."""
        return {name: mean_of(values) for name, values in self.per_slice(weights).items()}

    def _total(self, values: NDArray[Any]) -> FloatArray:
        return np.bincount(self._slices, weights=values, minlength=self._groups.count).astype(np.float64)


def mean_of(values: FloatArray) -> float:
    """The mean of the finite values; NaN without any."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else NOT_A_NUMBER


def spread_of(values: FloatArray) -> float:
    """The standard deviation of the finite values; NaN with fewer than two."""
    known = values[np.isfinite(values)]
    return float(known.std(ddof=1)) if len(known) > 1 else NOT_A_NUMBER


def share(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Part ÷ whole, NaN where the whole is not above 0. Any shape."""
    shares: FloatArray = np.divide(part, whole, out=np.full(part.shape, NOT_A_NUMBER), where=whole > 0)
    return shares


def _require_finite(risk: FloatArray) -> None:
    if not np.isfinite(risk).all():
        raise wrong_values("a risk is not a finite number", wanted="finite risks", found="NaN or infinity")


def slices_of(as_of: NDArray[np.int64]) -> list[Rows]:
    """The rows of each slice, slices in order of time."""
    which = np.unique(as_of, return_inverse=True)[1]
    order = np.argsort(which, kind="stable")
    return np.split(order, np.cumsum(np.bincount(which))[:-1]) if len(as_of) else []


def plain_values(value: Any) -> Any:
    """The same with only dictionaries, lists, text and numbers that JSON knows: NaN and infinity become None."""
    if isinstance(value, Mapping):
        return {str(key): plain_values(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain_values(inner) for inner in value]
    if isinstance(value, np.ndarray):
        return plain_values(value.tolist())
    if isinstance(value, float):
        return float(value) if isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
