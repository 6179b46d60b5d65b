"""What to expect of known people by their homes: fitted on ever more of the past, each fit used only from then on.

A fit made at a Monday F sees persons on earlier Mondays, what was known of them then, and which contacts came in the
`HORIZON_DAYS` after, as known before F. It is used for issue times from F to the next fit: whatever block a model
is judged on, no weight in its features came from that block or later.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crisisrisk.cohorts import CohortRule
from crisisrisk.episodes import EpisodeRule
from crisisrisk.features.caseload import (
    COUNTED,
    FIRST_SLOT,
    HORIZON_DAYS,
    LAST_SLOT,
    SLOTS_US,
    Caseload,
    CaseloadNumbers,
    CaseloadRisk,
    Integers,
    Numbers,
    asks_for_caseload,
)
from crisisrisk.features.caseload_kernels import Counts, contacts_ahead, rows_to_fit
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.models.place_rules.calendar_glm import fit_poisson
from crisisrisk.scoring.caseload import caseload_in
from crisisrisk.tables.cells import Cells
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot
from crisisrisk.timeline import (
    MICROSECONDS_PER_DAY,
    MICROSECONDS_PER_HOUR,
    Instants,
    Window,
    grid,
    instant,
    microseconds,
)

FIRST_FIT_WEEKS, REFIT_WEEKS = 52, 26
RECENT_DAYS, MOST_ONE_IN, DRAWN_ROWS = 28, 50, 240_000
"""Whoever had no crisis contact known in the last so many days is alike enough to be drawn, one in so many at most.

Where so few rows are all that there are, everybody is.
"""
FEWEST_CONTACTS = 100
RIDGE = 1.0
HORIZON_US = HORIZON_DAYS * MICROSECONDS_PER_DAY


def caseload_risk(
    recipe: FeatureRecipe, snapshot: Snapshot, site: Site, cells: Cells, *, rule: EpisodeRule, cohort: CohortRule,
    latency_hours: float, numbers: CaseloadNumbers | None = None,
) -> CaseloadRisk | None:  # fmt: skip
    """The people and their weights, `numbers` where given and else fitted; None where no column asks for them.

    Raises RecipeError where the site has not named the assessment that allows it.
    """
    if not asks_for_caseload(recipe):
        return None
    caseload = caseload_in(snapshot, site, cells, rule=rule, cohort=cohort)
    if numbers is None:
        until = microseconds(snapshot.as_of_now())
        numbers = fit_caseload(caseload, site, until=until, latency_hours=latency_hours)
    return CaseloadRisk(caseload, numbers)


def fit_caseload(caseload: Caseload, site: Site, *, until: int, latency_hours: float = 0.0) -> CaseloadNumbers:
    """A fit a half year, from a year after the first contact known on; none without enough contacts to fit on.

    `until`, microseconds: no fit is made after it.
    """
    if not len(caseload.enters) or int(caseload.enters.min()) >= until:
        return CaseloadNumbers()
    window = Window(instant(int(caseload.enters.min())), instant(until))
    mondays = np.array([microseconds(one) for one in grid(window, site.time_zone)], dtype=np.int64)
    one_in = min(MOST_ONE_IN, max(1, len(caseload) * len(mondays) // DRAWN_ROWS))
    recent = RECENT_DAYS * MICROSECONDS_PER_DAY
    rows = _Rows(*rows_to_fit(caseload.events, caseload.states, mondays, recent, one_in, HORIZON_US), one_in=one_in)
    found: dict[int, tuple[float, ...]] = {}
    late = round(latency_hours * MICROSECONDS_PER_HOUR)
    for moment in mondays[FIRST_FIT_WEEKS::REFIT_WEEKS].tolist():
        ended = int(np.searchsorted(mondays, moment - late - HORIZON_US, side="right"))
        if (weights := _fitted(caseload, rows, mondays, ended, moment)) is not None:
            found[moment] = tuple(weights.tolist())
    return CaseloadNumbers(applies_from=tuple(found), weights=tuple(found.values()))


class _Rows(NamedTuple):
    """People at moments: their counts, and whether they were drawn. See `rows_to_fit`."""

    person: Integers
    moment: Integers
    counts: Counts
    drawn: NDArray[np.bool_]
    one_in: int

    def stands_for(self) -> Integers:
        """How many a drawn row stands for. Shape (rows,)."""
        crises = slice(int(FIRST_SLOT[COUNTED]), int(LAST_SLOT[COUNTED]))
        recent = SLOTS_US[crises] <= RECENT_DAYS * MICROSECONDS_PER_DAY
        return np.where(self.counts[:, crises][:, recent].any(axis=1), 1, self.one_in)


def _fitted(caseload: Caseload, rows: _Rows, times: Instants, ended: int, known_before: int) -> Numbers | None:
    """Weights from the first `ended` moments, as known before another; None with too few contacts.

    A row with a contact in its horizon stands for itself, another drawn one for all that it was drawn from.
    """
    events = caseload.events
    used = np.flatnonzero(rows.moment < ended)
    came = contacts_ahead(events, rows.person[used], times[rows.moment[used]], HORIZON_US, known_before)
    kept = rows.drawn[used] | (came > 0)
    used, came = used[kept], came[kept]
    if came.sum() < FEWEST_CONTACTS or not (came == 0).any():
        return None
    each = np.where(came > 0, 1, rows.stands_for()[used])
    columns = np.column_stack([np.ones(len(used)), np.log1p(rows.counts[used])])
    return fit_poisson(columns, came.astype(np.float64), np.log(each), ridge=RIDGE)
