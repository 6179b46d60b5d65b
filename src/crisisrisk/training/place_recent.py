"""Learning the regression of recent counts beside the map, on the shifts that ended before the first judged block."""

import numpy as np
from numpy.typing import NDArray

from crisisrisk.features.place_recent import CASELOAD, RecentLevel, term_values, terms_of
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.models.place_rules.calendar_glm import fit_poisson
from crisisrisk.tables.cells import Cells
from crisisrisk.training.sampling import sample_down_to

Numbers = NDArray[np.float64]

MOST_ROWS = 400_000
"""Rows that a dozen numbers are learned from at most: all with an event, and a weighted draw of the others."""
RIDGE = 1.0
KNOWN_PART = 0.1
"""Of the map's events as many as known people are taken to bring, before the weight of their term is learned."""


def fit_recent(
    features: FeatureRecipe, matrix: NDArray[np.float32], offset: Numbers, a_day: Numbers, counts: NDArray[np.int32],
    cells: Cells, *, seed: int,
) -> RecentLevel | None:  # fmt: skip
    """The weights of every term that the columns allow; None where nothing happened.

    `matrix`: shape (shifts, cells, features); `offset`: the log of the map, `a_day`: what it expects a day, `counts`:
    what came, all of shape (shifts, cells).
    """
    if not counts.sum():
        return None
    terms, happened = terms_of(features), counts.reshape(-1) > 0
    known_share = _known_share(features, matrix, a_day)
    sample = sample_down_to(np.arange(happened.size, dtype=np.int64), happened, most=MOST_ROWS, seed=seed)
    columns, seen = np.ones((len(sample.rows), len(terms) + 1)), len(cells)
    for first in range(0, len(counts), _BLOCK):
        run = slice(first, first + _BLOCK)
        low, high = np.searchsorted(sample.rows, [first * seen, (first + _BLOCK) * seen])
        made = term_values(terms, matrix[run], a_day[run], cells, known_share=known_share).reshape(-1, len(terms))
        columns[low:high, 1:] = made[sample.rows[low:high] - first * seen]
    weights = np.ones(len(sample.rows)) if sample.weights is None else sample.weights
    found = fit_poisson(
        columns, counts.reshape(-1)[sample.rows].astype(np.float64),
        offset.reshape(-1)[sample.rows] + np.log(weights), ridge=RIDGE,
    )  # fmt: skip
    return RecentLevel(
        names=tuple(one.name for one in terms),
        weights=tuple(found[1:].tolist()),
        level=float(found[0]),
        known_share=known_share,
    )


_BLOCK = 256


def _known_share(features: FeatureRecipe, matrix: NDArray[np.float32], a_day: Numbers) -> float:
    """So that all known people together are worth `KNOWN_PART` of the map; 0 where no column sums over them."""
    places = [one.column for one in terms_of(features) if one.kind == CASELOAD]
    total = sum(float(np.nansum(matrix[:, :, place], dtype=np.float64)) for place in places)
    return KNOWN_PART * float(a_day.sum()) / total if total > 0 else 0.0
