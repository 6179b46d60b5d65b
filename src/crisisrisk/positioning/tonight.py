"""What a plan of one shift is made on: a forecast's cells, a site's standing points, and the ways between them."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.errors import UsageError
from crisisrisk.positioning.care import STANDING, TAKING, SitesOfCare, sites_of_kinds
from crisisrisk.positioning.ground import Ground
from crisisrisk.positioning.question import CODE, Mask, Numbers
from crisisrisk.positioning.travel import (
    Barriers,
    Points,
    Roads,
    TravelTimes,
    great_circle_km,
    straight_line_times,
)
from crisisrisk.positioning.travel_matrix import matrix_times
from crisisrisk.tables.areas import numbers_of
from crisisrisk.tables.cells import Cells, density_of
from crisisrisk.tables.store import Snapshot
from crisisrisk.timeline import Shift

DRAWS, SEED = 2000, 1
TOWN_PER_KM2 = 1000.0
"""Cells of fewer residents a square kilometre are country, where roads are longer and faster."""
MOST_DEPRIVED = 2
FEWEST_VISITS, A_DAY = 30, 24
HOURS_EACH = 1.5
"""From being sent to being free again, where the site's records do not say."""


@dataclass(frozen=True, kw_only=True)
class Refuge:
    """The nearest place of a kind that takes people all shift, from where a team stands."""

    kind: str
    site: str
    minutes: float
    phone: str


class Demand(Protocol):
    """What is expected in a shift. Arrays have shape (cells,), cells ascending by id, and are contacts a shift."""

    @property
    def place_ids(self) -> tuple[str, ...]: ...
    @property
    def latitude(self) -> Numbers: ...
    @property
    def longitude(self) -> Numbers: ...
    @property
    def expected(self) -> Numbers: ...

    def counts(self, *, draws: int, seed: int) -> NDArray[Any]:
        """Counts of all cells drawn together. Shape (draws, cells)."""
        ...


@dataclass(frozen=True)
class Tonight:
    """One shift of a site. `care`: the table `sites_of_care`. `full`: ids of sites that take nobody tonight.

    `travel`: a file of minutes by site and place, None for straight lines. Raises UsageError for a site that is not.
    """

    care: pa.Table
    cells: Cells
    shift: Shift
    zone: ZoneInfo
    full: tuple[str, ...] = ()
    travel: Path | None = None

    def __post_init__(self) -> None:
        known = self.care["site_id"].cast(pa.string()).to_pylist()
        if unknown := [name for name in self.full if name not in known]:
            raise UsageError(
                CODE, f'there is no site "{unknown[0]}" to be full', found=unknown[0],
                wanted=", ".join(sorted(map(str, known))),
            )  # fmt: skip

    @cached_property
    def standing(self) -> SitesOfCare:
        """Where a team can stand. Raises UsageError where there is nowhere, or nowhere that is open all shift."""
        found = self._sites(STANDING)
        if not len(found):
            raise UsageError(
                CODE, "the site has nowhere for a team to stand", found="no base and no standby point with coordinates",
                hint="load sites_of_care with kinds base and standby_point",
            )  # fmt: skip
        if not self._open(found).any():
            raise UsageError(CODE, "no site where a team can stand is open all shift", found=f"{len(found)} sites")
        return found

    def ground(self, demand: Demand, *, teams: int, hours_each: float) -> Ground:
        """What a plan for so many teams is made on."""
        points = Points(
            ids=demand.place_ids, latitude=demand.latitude, longitude=demand.longitude, urban=_towns(self.cells)
        )
        ways = self._ways(self.standing.points, points)
        return Ground(
            start=self.shift.start,
            end=self.shift.end,
            cells=points,
            cell_names=self.cells.names,
            sites=self.standing.points,
            site_names=self.standing.points.ids,
            room=np.where(self._open(self.standing), teams, 0),
            minutes=ways.minutes,
            travel_said=ways.said,
            expected=demand.expected,
            samples=demand.counts(draws=DRAWS, seed=SEED).astype(np.float64),
            hours_each=hours_each,
            groups=_groups(self.cells),
        )

    def near(self, standing: str) -> tuple[Refuge, ...]:
        """The nearest site of each kind that takes people all shift, for a team that stands there."""
        taking, minutes = self._taking
        row = minutes[self.standing.points.ids.index(standing)]
        usable = np.flatnonzero(self._open(taking))
        found = []
        for kind in TAKING:
            those = [one for one in usable.tolist() if taking.kinds[one] == kind]
            if those:
                nearest = min(those, key=lambda one: float(row[one]))
                found.append(
                    Refuge(kind=kind, site=taking.points.ids[nearest], minutes=float(row[nearest]),
                           phone=taking.phones[nearest])
                )  # fmt: skip
        return tuple(found)

    @cached_property
    def _taking(self) -> tuple[SitesOfCare, "np.ndarray[tuple[int, int], np.dtype[np.float64]]"]:
        taking = self._sites(TAKING)
        return taking, self._straight(self.standing.points, taking.points).minutes

    def _sites(self, kinds: tuple[str, ...]) -> SitesOfCare:
        return replace(sites_of_kinds(self.care, kinds, urban=_towns_at(self.care, self.cells)), full=self.full)

    def _open(self, sites: SitesOfCare) -> Mask:
        span = self.shift.start, self.shift.end, self.zone
        return np.array([sites.open_all(one, *span) for one in range(len(sites))], dtype=bool)

    def _ways(self, sites: Points, places: Points) -> TravelTimes:
        straight = self._straight(sites, places)
        if self.travel is None:
            return straight
        return matrix_times(self.travel, sites.ids, places.ids, hour=self._hour, otherwise=straight)

    def _straight(self, sites: Points, places: Points) -> TravelTimes:
        return straight_line_times(sites, places, Roads(), hour=self._hour, barriers=Barriers())

    @property
    def _hour(self) -> int:
        """The local hour in the middle of the shift."""
        return (self.shift.start + (self.shift.end - self.shift.start) / 2).astimezone(self.zone).hour


def hours_each(snapshot: Snapshot, issued_at: datetime) -> float:
    """The mean time from being sent to being free, of the contacts of teams known by then, where the records say."""
    events = snapshot.place_events(columns=("dispatched_at", "cleared_at", "known_at", "team_id")).to_pandas()
    events = events[(events["known_at"] < issued_at) & events["team_id"].notna()]
    hours = (events["cleared_at"] - events["dispatched_at"]).dropna().dt.total_seconds() / 3600
    hours = hours[(hours > 0) & (hours < A_DAY)]
    return float(hours.mean()) if len(hours) >= FEWEST_VISITS else HOURS_EACH


def _towns(cells: Cells) -> Mask:
    return np.asarray(~(density_of(cells) < TOWN_PER_KM2))


def _towns_at(care: pa.Table, cells: Cells) -> Mask:
    """Whether each site lies in a town: as the cell whose centre is nearest. Shape (sites,)."""
    known = np.isfinite(cells.latitude)
    if not known.any():
        return np.ones(len(care), dtype=bool)
    latitude, longitude = (np.nan_to_num(numbers_of(care, name)) for name in ("latitude", "longitude"))
    everywhere = np.ones(len(care), dtype=bool)
    sites = Points(ids=("",) * len(care), latitude=latitude, longitude=longitude, urban=everywhere)
    centres = Points(
        ids=("",) * int(known.sum()), latitude=cells.latitude[known], longitude=cells.longitude[known],
        urban=_towns(cells)[known],
    )  # fmt: skip
    return np.asarray(centres.urban[great_circle_km(sites, centres).argmin(axis=1)])


def _groups(cells: Cells) -> dict[str, Mask]:
    """Cells whose cover is watched: those of the most deprived fifth, and the country. None of which there is none."""
    found = {"most deprived fifth": cells.deprivation_decile <= MOST_DEPRIVED, "country": ~_towns(cells)}
    return {name: np.asarray(inside) for name, inside in found.items() if inside.any()}
