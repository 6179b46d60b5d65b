"""Where teams were, and what that makes of contacts that a team itself set out to make.

A team finds what there is to find where it goes. Where a site learns from such contacts at all, each counts by the
inverse of how much of the teams' time was spent in its cell before it happened (Ensign and others 2018: runaway
feedback ends where a discovered incident is accepted inversely to the rate at which its place is visited). Counts of
places are whole numbers, so a contact of weight w counts with chance w ÷ the greatest weight, drawn from its own id:
the same contact always counts, or never, whatever else is in the table.

Presence is a team's own record of itself: known when it begins, unless the record has a `known_at` of its own. A
contact is weighted by what was known of presence when it happened, so that nothing filed later changes the past.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crisisrisk.episodes import instants_of, is_one_of
from crisisrisk.errors import DataError
from crisisrisk.features.counting import ACCEPTED_AS, TEAM_INITIATED, CountingRule
from crisisrisk.features.place_visit_kernels import team_time
from crisisrisk.tables.areas import numbers_of
from crisisrisk.tables.cell_settings import CellSettings
from crisisrisk.tables.cells import NOWHERE, Cells, assign
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot
from crisisrisk.tables.text_hashes import text_hashes
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_DAY, Instants

Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]

NOBODY_SAYS = np.iinfo(np.int64).min


@dataclass(frozen=True, eq=False)
class Visits:
    """Stretches of time in which a team stood somewhere, `[begin, end)`, and its cell or `NOWHERE`. Shape (visits,)."""

    cell: NDArray[np.int32]
    begin: Instants
    end: Instants
    known: Instants
    """When each was known; where nobody says, when it began."""

    def __len__(self) -> int:
        return len(self.cell)

    def rates(self, cell: NDArray[np.int32], at: Instants, *, days: int) -> Numbers:
        """The share of all teams' time in the `days` before each moment that was in each cell. Shape (moments,).

        Of visits known by then; NaN where no team was known to be anywhere.
        """
        here, total = team_time(cell, at, days * MICROSECONDS_PER_DAY, self.cell, self.begin, self.end, self.known)
        return np.asarray(np.divide(here, total, out=np.full(len(at), np.nan), where=total > 0))

    def during(self, start: Instants, end: Instants) -> Mask:
        """Whether any team was out at any time of each stretch `[start, end)`. Shape (stretches,)."""
        begun = np.searchsorted(np.sort(self.begin), end, side="left")
        return np.asarray(begun > np.searchsorted(np.sort(self.end), start, side="right"))


def visits_of(deployments: pa.Table, sites_of_care: pa.Table, cells: Cells, settings: CellSettings) -> Visits:
    """The deployments in cells: that of the place they name, else that of the site where the team stood."""
    begin, end = (instants_of(deployments, name, missing=FOREVER_US) for name in ("from", "to"))
    known = instants_of(deployments, "known_at", missing=NOBODY_SAYS)
    sites = sites_of_care["site_id"].to_pylist()
    row = {site: number for number, site in enumerate(sites)}
    stood = np.array([row.get(one, len(sites)) for one in deployments["site_id"].to_pylist()], dtype=np.int64)
    where = {"place_id": deployments["place_id"]} | {
        name: pa.array(np.append(numbers_of(sites_of_care, name), np.nan)[stood]) for name in ("latitude", "longitude")
    }
    cell = assign(pa.table(where), cells, settings) if len(deployments) else np.zeros(0, dtype=np.int32)
    real = end > begin
    return Visits(cell[real], begin[real], end[real], np.where(known == NOBODY_SAYS, begin, known)[real])


def visits_in(snapshot: Snapshot, cells: Cells, site: Site) -> Visits:
    """The deployments of a site, in these cells."""
    return visits_of(snapshot.table("deployments"), snapshot.table("sites_of_care"), cells, site.cells)


def with_team_initiated(
    events: pa.Table, cell: NDArray[np.int32], visits: Visits | None, counting: CountingRule
) -> pa.Table:
    """The events, those of a team's own that count among them said to be begun by the public; the rest as they are.

    `cell`: shape (events,). Raises DataError where weights are asked for and nobody says where teams were.
    """
    if counting.team_initiated != "weight":
        return events
    if visits is None or not len(visits):
        raise DataError(
            "CR-TRAIN-002", "contacts that a team set out to make cannot be weighted: nobody says where teams were",
            where="the deployments table", wanted="a stretch of time and a site or place for each team",
            hint='load deployments, or say team_initiated = "exclude" in the recipe',
        )  # fmt: skip
    asked = np.flatnonzero(is_one_of(events, "origin", (TEAM_INITIATED,)) & (cell != NOWHERE))
    at = instants_of(events, "occurred_at", missing=FOREVER_US)[asked]
    rates = visits.rates(cell[asked], at, days=counting.visit_days)
    with np.errstate(divide="ignore"):
        weight = np.where(np.isnan(rates), 0.0, np.minimum(1.0 / rates, counting.most_weight))
    accepted = np.zeros(len(events), dtype=bool)
    accepted[asked] = drawn(events["event_id"].take(pa.array(asked))) < weight / counting.most_weight
    origin = events["origin"].cast(pa.string())
    changed = pc.if_else(pa.array(accepted), ACCEPTED_AS, origin)
    column = changed if isinstance(changed, pa.ChunkedArray) else pa.chunked_array([changed])
    return events.set_column(events.column_names.index("origin"), "origin", column.combine_chunks().dictionary_encode())


def drawn(names: pa.ChunkedArray) -> Numbers:
    """A number from 0 up to 1 for each name, evenly spread, always the same. Shape (names,)."""
    return (text_hashes(names) >> np.uint64(11)).astype(np.float64) / 2.0**53
