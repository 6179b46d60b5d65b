"""Fewer rows without the outcome to fit on, each standing for as many as it was drawn from. Never for judging."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class SampledRows:
    """Rows to fit on: every one with the outcome, and so many of those without as were drawn."""

    rows: Rows
    """Ascending. Shape (rows,)."""
    happened: Mask
    """Shape (rows,)."""
    drawn: int
    """How many rows without the outcome are here."""
    drawn_from: int
    """How many there were."""

    @property
    def weights(self) -> NDArray[np.float64] | None:
        """1 for a row with the outcome, `drawn_from / drawn` for one without; None when nothing was left out.

        Shape (rows,). They add up to the number of rows before drawing, to the last bits of a float.
        """
        if self.drawn == self.drawn_from:
            return None
        return np.where(self.happened, 1.0, self.drawn_from / self.drawn)

    def __str__(self) -> str:
        positives = len(self.rows) - self.drawn
        if self.drawn == self.drawn_from:
            return f"all {len(self.rows):,} rows, {positives:,} with the outcome"
        weight = self.drawn_from / self.drawn
        return (
            f"{positives:,} rows with the outcome and {self.drawn:,} of {self.drawn_from:,} without, "
            f"each counted {weight:.4g} times"
        )


def sample_negatives(rows: Rows, happened: Mask, *, per_positive: int | None, seed: int) -> SampledRows:
    """Every row with the outcome, and `per_positive` times as many without, drawn at random without replacement.

    `rows`: numbers of rows, ascending; `happened`: theirs, same shape. With `per_positive` None, or too few rows
    without the outcome to leave any out, all rows. The same rows and seed give the same draw.
    """
    return _drawn(rows, happened, None if per_positive is None else per_positive * int(happened.sum()), seed=seed)


def sample_down_to(rows: Rows, happened: Mask, *, most: int | None, seed: int) -> SampledRows:
    """Every row with the outcome, and of those without as many as leave `most` rows in all, but one for each with it.

    Otherwise as `sample_negatives`. `most` None: all rows.
    """
    positives = int(happened.sum())
    return _drawn(rows, happened, None if most is None else max(most - positives, positives), seed=seed)


def _drawn(rows: Rows, happened: Mask, wanted: int | None, *, seed: int) -> SampledRows:
    negatives = np.flatnonzero(~happened)
    if wanted is None or wanted >= len(negatives):
        return SampledRows(rows, happened, len(negatives), len(negatives))
    chosen = np.random.default_rng(seed).choice(negatives, wanted, replace=False, shuffle=False)
    kept = happened.copy()
    kept[chosen] = True
    return SampledRows(rows[kept], happened[kept], wanted, len(negatives))
