"""An outcome of which a part changes with the team's own presence: the same forecast judged with that part and without.

A street triage team that answers a call may be the reason why nobody is detained under section 136: fewer detentions
where the team was are no sign of less need there. Nor are more of them where nobody came a sign of more.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crisisrisk.evaluation.place_ranking import hit_rate_at_coverage, pai
from crisisrisk.evaluation.slices import plain_values

COVERAGES = {"1": 0.01, "5": 0.05, "10": 0.1}
WARNING = (
    "the number of {sources} contacts changes with the team's own presence: where it falls, need may not have fallen. "
    "Read the ranking without them beside the one with them."
)


def affected_outcome(
    expected: ArrayLike, counts: ArrayLike, unaffected: ArrayLike, *, sources: Sequence[str], area: ArrayLike | None
) -> dict[str, Any]:
    """One forecast beside the whole outcome and beside the part that presence does not change.

    All arrays have shape (shifts, cells), `area` (cells,). `sources, warning, share_affected`, and under `with` and
    `without`: `events`, and by coverage in per cent `hit_rate` and `pai` (NaN with no event).
    """
    forecast = np.asarray(expected, dtype=np.float64)
    whole, part = np.asarray(counts), np.asarray(unaffected)
    events = int(whole.sum())
    return dict(
        plain_values(
            {
                "sources": list(sources),
                "warning": WARNING.format(sources=" and ".join(sources)),
                "share_affected": 1 - int(part.sum()) / events if events else float("nan"),
                "with": _ranking(forecast, whole, area),
                "without": _ranking(forecast, part, area),
            }
        )
    )


def _ranking(expected: NDArray[np.float64], counts: NDArray[Any], area: ArrayLike | None) -> dict[str, Any]:
    found: dict[str, Any] = {"events": int(counts.sum())}
    for name, metric in (("hit_rate", hit_rate_at_coverage), ("pai", pai)):
        found[name] = {
            percent: metric(expected, counts, coverage=share, area=area) for percent, share in COVERAGES.items()
        }
    return found


def affected_text(affected: Mapping[str, Any] | None) -> list[str]:
    """The warning and both rankings, for a terminal; nothing where the recipe names no such source."""
    if not affected:
        return []
    lines = [
        f"  {name:<8}{affected[name]['events']:>9,} events   hit rate at 5 % of the area "
        + _share(affected[name]["hit_rate"]["5"])
        for name in ("with", "without")
    ]
    return ["", f"warning: {affected['warning']}", *lines]


def _share(value: float | None) -> str:
    return "–" if value is None or value != value else f"{value:.3f}"
