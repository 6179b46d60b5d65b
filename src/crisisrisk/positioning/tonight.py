"""What a plan of one shift is made on: a forecast's cells, a site's standing points, and the ways between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from crisisrisk.errors import UsageError
from crisisrisk.positioning.barriers_file import barriers_of
from crisisrisk.positioning.care import STANDING, TAKING, SitesOfCare, ages_of, sites_of_kinds
from crisisrisk.positioning.ground import Ground, Need
from crisisrisk.positioning.journeys import with_learned_detour
from crisisrisk.positioning.left_out import LeftOut, shut_then
from crisisrisk.positioning.past_journeys import journeys_of
from crisisrisk.positioning.question import CODE, Counts, Mask, Numbers
from crisisrisk.positioning.site_names import SiteNames, names_of_sites
from crisisrisk.positioning.stretches import HOUR
from crisisrisk.positioning.taken import Refuges
from crisisrisk.positioning.travel import Barriers, Points, Roads, TravelTimes, road_kilometres, straight_line_over
from crisisrisk.positioning.travel_matrix import matrix_times
from crisisrisk.tables.areas import numbers_of
from crisisrisk.tables.cells import Cells, density_of
from crisisrisk.tables.mobile_teams import PositionSettings, SkillNeed
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot
from crisisrisk.timeline import Shift

DRAWS, SEED = 2000, 1
TOWN_PER_KM2 = 1000.0
"""Cells of fewer residents a square kilometre are country, where roads are longer and faster."""
MOST_DEPRIVED = 2


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
    @property
    def hourly(self) -> Numbers:
        """The share of the contacts in each real hour since the shift began."""
        ...

    def counts(self, *, draws: int, seed: int) -> NDArray[Any]:
        """Counts of all cells drawn together. Shape (draws, cells)."""
        ...


@dataclass(frozen=True)
class Tonight:
    """One shift of a site. `care`: the table `sites_of_care`. `full`: ids of sites that take nobody tonight; `out`:
    sites that take nobody for some hours. A team stands only where nothing is shut for any time of the shift.

    `travel`: a file of minutes by site and place, None for straight lines. `modes`: the expected contacts made in each
    way, empty where nothing is known of that. `youngest`: of a service for children. Raises UsageError for a site that
    is not.
    """

    care: pa.Table
    cells: Cells
    shift: Shift
    zone: ZoneInfo
    full: tuple[str, ...] = ()
    out: tuple[LeftOut, ...] = ()
    travel: Path | None = None
    modes: Mapping[str, float] = field(default_factory=dict)
    settings: PositionSettings = field(default_factory=PositionSettings)
    roads: Roads = field(default_factory=Roads)
    journeys: int | None = None
    """How many past journeys there were to learn the detour from; None where it is not learned."""
    youngest: int | None = None

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
        if not self._room(found, 1).any():
            raise UsageError(
                CODE, "no site where a team can stand is open all shift", found=self._why_shut(found),
                wanted="one that is open, not full, and has room",
            )  # fmt: skip
        return found

    @cached_property
    def names(self) -> SiteNames:
        """What the sites are called."""
        return names_of_sites(self.care)

    def _why_shut(self, sites: SitesOfCare) -> str:
        """Why nobody can stand at any of some sites: how many are full or closed, shut by their hours, without room."""
        span = self.shift.start, self.shift.end, self.zone
        out = {*self.full, *(one.site for one in self.out)}
        full = sum(name in out for name in sites.points.ids)
        none = sum(sites.places(one) == 0 for one, name in enumerate(sites.points.ids) if name not in out)
        hours = sum(
            not sites.open_all(one, *span)
            for one, name in enumerate(sites.points.ids) if name not in out and sites.places(one) != 0
        )  # fmt: skip
        whys = ((full, "full or closed"), (hours, "not open all shift by their hours"), (none, "without room"))
        return f"{len(sites)} sites: {', '.join(f'{many} {why}' for many, why in whys if many)}"

    def ground(self, demand: Demand, *, teams: int, hours_each: float) -> Ground:
        """What a plan for so many teams is made on."""
        points = self._points(demand)
        ways = self._ways(self.standing.points, points, self._hours(demand))
        nearest = _nearest_cell(self.standing.points.latitude, self.standing.points.longitude, self.cells)
        places = _known_as(self.cells)
        return Ground(
            start=self.shift.start,
            end=self.shift.end,
            cells=points,
            cell_names=self.cells.names,
            sites=self.standing.points,
            site_names=tuple(map(self.names.both, self.standing.points.ids)),
            room=self._room(self.standing, teams + 1),  # one more may be asked about
            minutes=ways.minutes,
            travel_said=ways.said,
            expected=demand.expected,
            samples=demand.counts(draws=DRAWS, seed=SEED).astype(np.float64),
            hours_each=hours_each,
            groups=_groups(self.cells),
            hourly=np.asarray(demand.hourly, dtype=np.float64),
            cell_places=places,
            site_places=tuple(places[cell] if cell >= 0 else frozenset() for cell in nearest.tolist()),
            needs=self.needs,
        )

    @property
    def needs(self) -> tuple[Need, ...]:
        """The needs for skills whose share is known, and above 0."""
        found = (Need(skills=need.skills, share=self._share(need) or 0.0) for need in self.settings.needs_skills)
        return tuple(need for need in found if need.share > 0)

    def _share(self, need: SkillNeed) -> float | None:
        if need.share is not None:
            return need.share
        total = sum(self.modes.values())
        return self.modes.get(need.mode, 0.0) / total if total > 0 else None

    @property
    def remarks(self) -> tuple[str, ...]:
        """What could not be taken into account, in sentences."""
        unknown = [need.name for need in self.settings.needs_skills if self._share(need) is None]
        taking = self._sites(TAKING)
        unread = [
            f'{self.names.label(name)} ("{ages}")'
            for name, ages in zip(taking.points.ids, taking.ages, strict=True) if ages_of(ages) is None
        ]  # fmt: skip
        few = self.journeys is not None and not self.roads.learned_from
        return (
            *([f"{self.journeys} past journeys are too few to learn the detour of roads from"] if few else []),
            *(f"how many contacts need {name} is not known: none says how it was made" for name in unknown),
            *([f"nobody is sent to sites whose ages are not understood: {', '.join(unread)}"] if unread else []),
        )  # fmt: skip

    def refuges(self, demand: Demand) -> Refuges:
        """The places that take people, and the ways to them from standing sites and from cells."""
        taking, points = self._sites(TAKING), self._points(demand)
        rolling = replace(self, roads=replace(self.roads, set_off_minutes=0.0))
        hours = self._hours(demand)
        from_sites = self._straight(self.standing.points, taking.points, hours).minutes
        to_cells = rolling._ways(taking.points, points, hours, may_lack_all=True).minutes
        kilometres = [
            road_kilometres(one, other, self.barriers) * self.roads.detour
            for one, other in ((self.standing.points, taking.points), (taking.points, points))
        ]
        return Refuges(
            sites=taking, zone=self.zone, from_sites=(from_sites, kilometres[0]),
            from_cells=(to_cells.T, kilometres[1].T), youngest=self.youngest,
        )  # fmt: skip

    def _points(self, demand: Demand) -> Points:
        return Points(
            ids=demand.place_ids, latitude=demand.latitude, longitude=demand.longitude, urban=_towns(self.cells)
        )

    def _sites(self, kinds: tuple[str, ...]) -> SitesOfCare:
        latitude, longitude = (np.nan_to_num(numbers_of(self.care, name)) for name in ("latitude", "longitude"))
        urban = towns_at(latitude, longitude, self.cells)
        return replace(sites_of_kinds(self.care, kinds, urban=urban), full=self.full, shut=shut_then(self.out))

    def _room(self, sites: SitesOfCare, teams: int) -> Counts:
        """How many teams each site holds: none where it is not open for the whole of the shift."""
        span = self.shift.start, self.shift.end, self.zone
        places = [sites.places(one) for one in range(len(sites))]
        holds = [teams if held is None else min(held, teams) for held in places]
        return np.array([held if sites.open_all(one, *span) else 0 for one, held in enumerate(holds)], dtype=np.int64)

    def _ways(
        self, sites: Points, places: Points, hours: Mapping[int, float], *, may_lack_all: bool = False
    ) -> TravelTimes:
        if self.travel is None:
            return self._straight(sites, places, hours)
        located = np.isfinite([*places.latitude, *places.longitude]).all()
        nowhere = TravelTimes(
            minutes=np.full((len(sites), len(places)), np.inf), said="no way is known, nobody says where they are"
        )
        otherwise = self._straight(sites, places, hours) if located else nowhere
        return matrix_times(
            self.travel, sites.ids, places.ids, hours=hours, otherwise=otherwise, may_lack_all=may_lack_all
        )

    def _straight(self, sites: Points, places: Points, hours: Mapping[int, float]) -> TravelTimes:
        return straight_line_over(sites, places, self.roads, hours=hours, barriers=self.barriers)

    @cached_property
    def barriers(self) -> Barriers:
        """What roads cannot cross. Raises DataError for a file that cannot be used."""
        return Barriers() if self.settings.barriers is None else barriers_of(self.settings.barriers)

    def _hours(self, demand: Demand) -> dict[int, float]:
        """The local hours of the shift, each with the share of the contacts that come in it; by length if not known."""
        start, length = self.shift.start, (self.shift.end - self.shift.start) / HOUR
        ends = np.minimum(np.arange(1, int(np.ceil(length)) + 1), length)
        begins = np.concatenate([[0.0], ends[:-1]])
        hourly = np.asarray(demand.hourly, dtype=np.float64)
        weights = hourly if len(hourly) == len(ends) and hourly.sum() > 0 else ends - begins
        found: dict[int, float] = {}
        for middle, weight in zip((begins + ends) / 2, weights / weights.sum(), strict=True):
            hour = (start + middle * HOUR).astimezone(self.zone).hour
            found[hour] = found.get(hour, 0.0) + float(weight)
        return {hour: weight for hour, weight in found.items() if weight > 0}


def tonight_of(
    site: Site, snapshot: Snapshot, cells: Cells, shift: Shift, *, issued_at: datetime,
    modes: Mapping[str, float] | None = None, full: tuple[str, ...] = (), out: Sequence[LeftOut] = (),
    travel: Path | None = None,
) -> Tonight:  # fmt: skip
    """A shift under the rules of a site: its travel file unless another is named, its barriers, its learned detour.

    `issued_at`: of the forecast; journeys known by then are learned from.
    """
    roads, learned = Roads(), None
    if site.positions.learn_detour:
        journeys = journeys_of(
            snapshot, issued_at=issued_at, zone=site.time_zone,
            towns_at=lambda latitude, longitude: towns_at(latitude, longitude, cells),
        )  # fmt: skip
        roads, learned = with_learned_detour(roads, journeys), len(journeys)
    return Tonight(
        snapshot.table("sites_of_care"), cells, shift, site.time_zone, full, tuple(out),
        travel or site.positions.travel, modes=dict(modes or {}), settings=site.positions, roads=roads,
        journeys=learned, youngest=site.people.youngest_age if site.people.child_service else None,
    )  # fmt: skip


def _towns(cells: Cells) -> Mask:
    return np.asarray(~(density_of(cells) < TOWN_PER_KM2))


def towns_at(latitude: Numbers, longitude: Numbers, cells: Cells) -> Mask:
    """Whether points lie in a town: as the cell whose centre is nearest; everything does where no centre is known."""
    nearest = _nearest_cell(latitude, longitude, cells)
    return np.where(nearest >= 0, _towns(cells)[nearest], True)


def _nearest_cell(latitude: Numbers, longitude: Numbers, cells: Cells) -> Counts:
    """The number of the cell whose centre is nearest to each point; -1 where no centre is known. Shape (points,)."""
    known = np.flatnonzero(np.isfinite(cells.latitude + cells.longitude))
    if not len(known) or not len(latitude):
        return np.full(len(latitude), -1, dtype=np.int64)
    tree = cKDTree(_on_sphere(cells.latitude[known], cells.longitude[known]))
    return np.asarray(known[tree.query(_on_sphere(latitude, longitude))[1]], dtype=np.int64)


def _on_sphere(latitude: Numbers, longitude: Numbers) -> Numbers:
    """Shape (points, 3)."""
    north, east = np.radians(latitude), np.radians(longitude)
    return np.stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)], axis=1)


def _known_as(cells: Cells) -> tuple[frozenset[str], ...]:
    """By what each cell can be named: its id, its name, and the larger place that it lies in."""
    parents = cells.parents or (None,) * len(cells)
    named = zip(cells.ids, cells.names, parents, strict=True)
    return tuple(frozenset(name for name in own if name) for own in named)


def _groups(cells: Cells) -> dict[str, Mask]:
    """Cells whose cover is watched: those of the most deprived fifth, and the country. None of which there is none."""
    found = {"most deprived fifth": cells.deprivation_decile <= MOST_DEPRIVED, "country": ~_towns(cells)}
    return {name: np.asarray(inside) for name, inside in found.items() if inside.any()}
