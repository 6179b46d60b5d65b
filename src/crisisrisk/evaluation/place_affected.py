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
    "the number of {sources} changes with the team's own presence: where it falls, need may not have fallen. "
    "Read the ranking without them beside the one with them."
)


def affected_outcome(
    expected: ArrayLike, counts: ArrayLike, unaffected: ArrayLike, *, sources: Sequence[str], area: ArrayLike | None,
    team_out: ArrayLike | None = None,
) -> dict[str, Any]:  # fmt: skip
    """One forecast beside the whole outcome and beside the part that presence does not change.

    All arrays have shape (shifts, cells), `area` (cells,). `sources, warning, share_affected`, and under `with` and
    `without`: `events`, and by coverage in per cent `hit_rate` and `pai` (NaN with no event). `team_out`: whether a
    team was out in each shift, shape (shifts,); under `by_presence` then `team_out` and `no_team_out`, each with
    `shifts, events, affected, share_affected, expected` (None where no deployment is known).
    """
    forecast = np.asarray(expected, dtype=np.float64)
    whole, part = np.asarray(counts), np.asarray(unaffected)
    events = int(whole.sum())
    return dict(
        plain_values(
            {
                "sources": list(sources),
                "warning": WARNING.format(sources=f"{' and '.join(sources)} contacts"),
                "share_affected": 1 - int(part.sum()) / events if events else float("nan"),
                "with": _ranking(forecast, whole, area),
                "without": _ranking(forecast, part, area),
                "by_presence": None if team_out is None else _by_presence(forecast, whole, part, np.asarray(team_out)),
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


def _by_presence(
    expected: NDArray[np.float64], whole: NDArray[Any], part: NDArray[Any], team_out: NDArray[np.bool_]
) -> dict[str, Any]:
    found = {}
    for name, shifts in (("team_out", team_out), ("no_team_out", ~team_out)):
        events, affected = int(whole[shifts].sum()), int((whole - part)[shifts].sum())
        found[name] = {
            "shifts": int(shifts.sum()),
            "events": events,
            "affected": affected,
            "share_affected": affected / events if events else float("nan"),
            "expected": float(expected[shifts].sum()),
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
    return ["", f"warning: {affected['warning']}", *lines, *_presence_text(affected.get("by_presence"))]


def _presence_text(presence: Mapping[str, Any] | None) -> list[str]:
    named = {"team_out": "a team out", "no_team_out": "no team out"}
    return [
        f"  {named[name]:<12}{found['shifts']:>7,} shifts {found['events']:>9,} events, of these such a source's "
        + _share(found["share_affected"])
        for name, found in (presence or {}).items()
    ]


def _share(value: float | None) -> str:
    return "–" if value is None or value != value else f"{value:.3f}"
