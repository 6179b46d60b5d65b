"""Whose labels a service has already changed: people who were shown to somebody, or helped, because of a score."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.episodes import instants_of
from crisisrisk.timeline import MICROSECONDS_PER_DAY, Instants, instant

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Exposed:
    """For each row what a score had led to. Arrays have shape (rows,)."""

    shown: Mask
    """The person's score was shown, opened or acted on, inside the label window or shortly before it."""
    helped: Mask
    """It led to one of the actions that the recipe takes for help, before the outcome came if it did."""
    first_us: int | None
    """When the first score of anybody was shown; None where none was."""

    def joined_with(self, other: "Exposed") -> "Exposed":
        """The rows of two tables, one after the other."""
        first = [one for one in (self.first_us, other.first_us) if one is not None]
        return Exposed(
            np.concatenate([self.shown, other.shown]), np.concatenate([self.helped, other.helped]),
            min(first, default=None),
        )  # fmt: skip


def exposed_rows(
    exposures: pa.Table, person_ids: NDArray[np.object_], person: NDArray[np.int64], as_of: Instants, *,
    lasts_days: int, reach_days: int, actions: Sequence[str], first_onset: Instants | None = None,
) -> Exposed:  # fmt: skip
    """Which rows a score may have changed. `person`: index into `person_ids`; rows have shape (rows,).

    A row is exposed by whatever was shown from `lasts_days` before its `as_of` to the end of its label window,
    `reach_days` after it. Help counts up to `first_onset` only, where the window has one: what came after cannot
    have changed whether it came, and leaving such rows out would leave out the outcome itself. It is no feature:
    labels look at what happened, whenever that became known.
    """
    nobody = np.zeros(len(as_of), dtype=bool)
    if not exposures.num_rows:
        return Exposed(nobody, nobody.copy(), None)
    place = {name: number for number, name in enumerate(person_ids)}
    whom = np.array([place.get(name, -1) for name in exposures.column("person_id").to_pylist()], dtype=np.int64)
    at = instants_of(exposures, "shown_at", missing=0)
    is_help = np.isin(np.array(exposures.column("action").to_pylist(), dtype=object), list(actions))

    starts, ends = as_of - lasts_days * MICROSECONDS_PER_DAY, as_of + reach_days * MICROSECONDS_PER_DAY
    settled = ends if first_onset is None else np.minimum(ends, first_onset)

    def reached(rows: Mask, until: Instants) -> Mask:
        return _any_between(whom[rows], at[rows], person, starts, until)

    return Exposed(reached(whom >= 0, ends), reached((whom >= 0) & is_help, settled), int(at.min()))


def _any_between(
    whom: NDArray[np.int64], at: Instants, person: NDArray[np.int64], start: Instants, end: Instants
) -> Mask:
    """For each row whether its person has an instant in `[start, end)`."""
    order = np.lexsort((at, whom))
    whom, at = whom[order], at[order]
    found = np.zeros(len(person), dtype=bool)
    begins, ends = np.searchsorted(whom, person, side="left"), np.searchsorted(whom, person, side="right")
    for row in np.flatnonzero(begins < ends):
        mine = at[begins[row] : ends[row]]
        found[row] = np.searchsorted(mine, start[row]) < np.searchsorted(mine, end[row])
    return found


def exposure_report(exposed: Exposed, as_of: Instants, happened: Mask, train: NDArray[np.int64]) -> dict[str, Any]:
    """What of the training rows followed a score, and how often the outcome came with and without one.

    Those shown are those ranked high: the two shares say nothing of what showing them did.
    """
    if exposed.first_us is None:
        return {"first_shown": None}
    after = train[as_of[train] >= exposed.first_us]
    shown, others = after[exposed.shown[after]], after[~exposed.shown[after]]
    return {
        "first_shown": instant(exposed.first_us).isoformat(),
        "training_rows_after": len(after) / len(train) if len(train) else 0.0,
        "training_rows_shown": int(exposed.shown[train].sum()),
        "training_rows_helped": int(exposed.helped[train].sum()),
        "outcome_among_shown": _share(happened[shown]),
        "outcome_among_not_shown": _share(happened[others]),
    }


def exposures_in_words(report: Mapping[str, Any]) -> str:
    """The report as a sentence: "31 of 100 training rows follow the first score shown (…)"."""
    shown, others = report["outcome_among_shown"], report["outcome_among_not_shown"]
    outcomes = [
        f"{100 * share:.1f} in 100 {who}"
        for who, share in (("shown", shown), ("not shown", others))
        if share is not None
    ]
    return (
        f"{100 * report['training_rows_after']:.0f} of 100 training rows follow the first score shown "
        f"({report['first_shown'][:10]}); of {report['training_rows_shown']:,} rows shown "
        f"{report['training_rows_helped']:,} led to help; the outcome came in {' and '.join(outcomes)}, which says "
        "nothing of what showing did"
    )


def _share(happened: Mask) -> float | None:
    return float(happened.mean()) if len(happened) else None
