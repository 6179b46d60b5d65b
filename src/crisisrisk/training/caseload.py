"""What to expect of known people by their homes: fitted on ever more of the past, each fit used only from then on.

A fit made at a Monday F sees persons on earlier Mondays, what was known of them then, and which crisis contacts came in
the `HORIZON_DAYS` after, as known before F. It is used for issue times from F to the next fit: whatever block a model
is judged on, no weight in its features came from that block or later.
"""

from typing import NamedTuple

import numpy as np

from crisisrisk.episodes import EpisodeRule
from crisisrisk.features.caseload import (
    FACTORS,
    HORIZON_DAYS,
    LOOKBACKS_US,
    Caseload,
    CaseloadNumbers,
    CaseloadRisk,
    Integers,
    Numbers,
    asks_for_caseload,
)
from crisisrisk.features.caseload_kernels import NEVER_DAYS, contacts_ahead, contacts_of_quiet, rows_to_fit
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
FITTED_EVERY_WEEKS = 4
"""Rows of one person repeat themselves from week to week."""
FEWEST_CONTACTS = 100
RIDGE = 1.0
HORIZON_US = HORIZON_DAYS * MICROSECONDS_PER_DAY


def caseload_risk(
    recipe: FeatureRecipe, snapshot: Snapshot, site: Site, cells: Cells, *, rule: EpisodeRule, minimum_age: int,
    latency_hours: float, numbers: CaseloadNumbers | None = None,
) -> CaseloadRisk | None:  # fmt: skip
    """The people and their weights, `numbers` where given and else fitted; None where no column asks for them.

    Raises RecipeError where the site has not named the assessment that allows it.
    """
    if not asks_for_caseload(recipe):
        return None
    caseload = caseload_in(snapshot, site, cells, rule=rule, minimum_age=minimum_age)
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
    weighed = mondays[::FITTED_EVERY_WEEKS]
    found_rows = rows_to_fit(
        caseload.starts, caseload.occurred_at, caseload.enters, caseload.superseded_at, caseload.state_starts,
        caseload.state_known, caseload.cell, caseload.adult_from, caseload.gone_at, weighed, LOOKBACKS_US,
    )  # fmt: skip
    rows = _Rows(*found_rows)
    found: dict[int, tuple[float, ...]] = {}
    late = round(latency_hours * MICROSECONDS_PER_HOUR)
    for moment in mondays[FIRST_FIT_WEEKS::REFIT_WEEKS].tolist():
        ended = int(np.searchsorted(weighed, moment - late - HORIZON_US, side="right"))
        if (weights := _fitted(caseload, rows, weighed, ended, moment)) is not None:
            found[moment] = tuple(weights.tolist())
    return CaseloadNumbers(applies_from=tuple(found), weights=tuple(found.values()))


class _Rows(NamedTuple):
    """Everybody at each moment: `person`, `moment` and `factors` of those with a contact known, `quiet` others."""

    person: Integers
    moment: Integers
    factors: Numbers
    quiet: Integers


def _fitted(caseload: Caseload, rows: _Rows, times: Instants, ended: int, known_before: int) -> Numbers | None:
    """Weights from the first `ended` moments, as known before another; None with too few contacts.

    Those without any contact are alike: they are one row that counts as often as there are of them.
    """
    used = np.flatnonzero(rows.moment < ended)
    came = contacts_ahead(
        caseload.starts, caseload.occurred_at, caseload.enters, caseload.superseded_at, rows.person[used],
        times[rows.moment[used]], HORIZON_US, known_before,
    )  # fmt: skip
    quiet = int(rows.quiet[:ended].sum())
    first = contacts_of_quiet(
        caseload.starts, caseload.occurred_at, caseload.enters, caseload.superseded_at, caseload.state_starts,
        caseload.state_known, caseload.cell, caseload.adult_from, caseload.gone_at, times[:ended], HORIZON_US,
        known_before,
    )  # fmt: skip
    if came.sum() + first < FEWEST_CONTACTS or not quiet:
        return None
    none_known = np.zeros(FACTORS)
    none_known[0], none_known[-1] = 1.0, np.log1p(NEVER_DAYS)
    columns = np.vstack([rows.factors[used], none_known])
    counts = np.append(came, first).astype(np.float64)
    times_each = np.append(np.zeros(len(used)), np.log(quiet))
    return fit_poisson(columns, counts, times_each, ridge=RIDGE)
