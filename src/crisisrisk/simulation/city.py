"""Where the invented city is: hexagonal cells along roads, a railway and a river, with residents and a night life.

The coordinates lie in the West Midlands so that maps, distances and the national grid look right. The
city, its quarters and everything about them are made up.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import h3
import numpy as np
from numpy.typing import NDArray

from crisisrisk.simulation.period import Indices, Mask, Numbers, stream
from crisisrisk.simulation.sites import Site, sites_of_care

if TYPE_CHECKING:
    from crisisrisk.simulation.settings import CitySettings

CENTRE = (52.4472, -1.9583)
KM_PER_DEGREE = (111.2, 67.8)
RESOLUTION = 8
TEAMS = ("north", "east", "south", "west")
RESIDENTS_PER_CELL, MOST_CELLS, FEWEST_CELLS = 1_300, 5_000, 30
SMALL_CITY_CELLS = 146
CELLS_PER_TOWN, CELLS_PER_STADIUM, CELLS_PER_HOSPITAL = 600, 700, 300

# The areas whose figures are published, from west to east, with their shares of the residents.
ONE_AREA = (("Birmingham and Solihull", 1.0),)
FORCE_AREAS = (("Black Country", 0.41), ("Birmingham and Solihull", 0.45), ("Coventry and Warwickshire", 0.14))

_BEGINNINGS = (
    "Alder", "Bramble", "Calder", "Dunnock", "Ember", "Fallow", "Gorse", "Hollin", "Ivy", "Juniper", "Kestrel", "Larch",
    "Marl", "Nettle", "Orchard", "Plover", "Quarry", "Rowan", "Saffron", "Tanner", "Umber", "Vetch", "Willet", "Yarrow",
)  # fmt: skip
_ENDINGS = ("Bank", "Cross", "End", "Fold", "Gate", "Green", "Heath", "Lane", "Mill", "Reach", "Rise", "Wharf")
_BEFORE = (
    "", "Upper ", "Lower ", "Great ", "Little ", "Old ", "New ", "North ", "South ", "East ", "West ", "Nether ",
    "Over ", "High ", "Long ", "Abbot's ", "King's ", "Prior's ",
)  # fmt: skip


@dataclass(frozen=True)
class City:
    """The cells of the city. Arrays have shape (cells,) unless said otherwise.

    `near` is (cells, 6): the neighbours of a cell, and itself where there are fewer. `night_life`, `streets`,
    `football` and `railway` are shares that sum to one: of what happens around bars and clubs, anywhere else in
    public, around a stadium on the day of a match, and on the railway. `distance` is in km from the nearest town
    centre. `quarter` is a place in TEAMS, `area` one in `areas`. `kinds` says what stands in a cell: "station",
    "bridge", "hospital", "stadium" or nothing.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    latitude: Numbers
    longitude: Numbers
    area_km2: Numbers
    distance: Numbers
    population: Indices
    decile: Indices
    night_life: Numbers
    streets: Numbers
    football: Numbers
    railway: Numbers
    quarter: Indices
    near: Indices
    area: NDArray[np.int8]
    areas: tuple[str, ...]
    kinds: tuple[str, ...]
    sites: tuple[Site, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def points_in(self, cell: Indices, random: np.random.Generator) -> tuple[Numbers, Numbers]:
        """Latitudes and longitudes well inside each cell: shape of `cell`; NaN where it is -1."""
        radius_km = 0.36 * np.sqrt(random.random(len(cell)))
        angle = random.random(len(cell)) * 2 * np.pi
        latitude = self.latitude[cell] + radius_km * np.cos(angle) / KM_PER_DEGREE[0]
        longitude = self.longitude[cell] + radius_km * np.sin(angle) / KM_PER_DEGREE[1]
        return np.where(cell < 0, np.nan, latitude), np.where(cell < 0, np.nan, longitude)

    def residents_of(self, area: int) -> int:
        """Residents of one of the `areas`."""
        return int(self.population[self.area == area].sum())


@dataclass(frozen=True)
class _Ground:
    """Where cells lie, in km east and north of the centre, and how large the city is beside the small one."""

    east: Numbers
    north: Numbers
    scale: float

    def distance_to(self, east: float, north: float) -> Numbers:
        return np.asarray(np.hypot(self.east - east, self.north - north))

    def near_line(self, east: float, north: float, angle: float, width_km: float) -> Mask:
        """Which cells lie within a width of a straight line through a point."""
        across = (self.east - east) * np.cos(angle) - (self.north - north) * np.sin(angle)
        return np.asarray(np.abs(across) < width_km)


def cell_count(residents: int) -> int:
    """How many cells so many residents fill. Beyond the largest city, cells only become fuller."""
    return int(np.clip(round(residents / RESIDENTS_PER_CELL), FEWEST_CELLS, MOST_CELLS))


def build_city(settings: "CitySettings") -> City:
    """The city of some settings: about one cell for every 1,300 residents."""
    random = stream(settings.seed, "city")
    ids = _cells(random, cell_count(settings.residents))
    centres = np.array([h3.cell_to_latlng(cell) for cell in ids])
    ground = _Ground(
        east=(centres[:, 1] - CENTRE[1]) * KM_PER_DEGREE[1],
        north=(centres[:, 0] - CENTRE[0]) * KM_PER_DEGREE[0],
        scale=float(np.sqrt(len(ids) / SMALL_CITY_CELLS)),
    )
    distance = _distance_from_towns(random, ground)
    poverty = _smooth(random, ground) - 0.12 * distance
    decile = 1 + np.argsort(np.argsort(-poverty, kind="stable"), kind="stable") * 10 // len(ids)
    population = _population(random, distance, settings.residents)
    areas = FORCE_AREAS if settings.preset == "force" else ONE_AREA
    area = _area(ground, population, [share for _, share in areas])
    night_life = _as_residents(_night_life(random, distance), area, population)
    kinds, road, railway = _built(random, ground, distance)
    lively = population * np.exp(0.10 * (5 - decile) + random.normal(0, 0.55, len(ids))) * (1 + 0.6 * road)
    lively = lively * (1 + 40 * np.minimum(1, night_life * len(ids) / SMALL_CITY_CELLS))
    near, names = _neighbours(ids), _names(random, len(ids))
    return City(
        ids=ids,
        names=names,
        latitude=centres[:, 0],
        longitude=centres[:, 1],
        area_km2=np.array([round(h3.cell_area(cell), 3) for cell in ids]),
        distance=distance,
        population=population,
        decile=decile,
        night_life=night_life,
        streets=_as_residents(lively, area, population),
        football=_around(kinds, "stadium", near),
        railway=railway / railway.sum(),
        quarter=_quarter(ground),
        near=near,
        area=area,
        areas=tuple(name for name, _ in areas),
        kinds=kinds,
        sites=sites_of_care(lively, names),
    )


def _cells(random: np.random.Generator, count: int) -> tuple[str, ...]:
    """Whole rings around the centre, and some cells of one ring more."""
    centre = h3.latlng_to_cell(*CENTRE, RESOLUTION)
    rings = 0
    while 3 * (rings + 1) * (rings + 2) + 1 <= count:
        rings += 1
    inner = set(h3.grid_disk(centre, rings))
    outer = sorted(set(h3.grid_disk(centre, rings + 1)) - inner)
    kept = random.permutation(len(outer))[: count - len(inner)]
    return tuple(sorted([*inner, *(outer[number] for number in kept)]))


def _distance_from_towns(random: np.random.Generator, ground: _Ground) -> Numbers:
    """Distance in km from the nearest town centre; a large city has grown together from several towns."""
    distance = ground.distance_to(0.0, 0.0)
    for cell in random.choice(len(distance), len(distance) // CELLS_PER_TOWN, replace=False):
        distance = np.minimum(distance, ground.distance_to(float(ground.east[cell]), float(ground.north[cell])))
    return distance


def _population(random: np.random.Generator, distance: Numbers, residents: int) -> Indices:
    weight = np.exp(-distance / 7 + random.normal(0, 0.35, len(distance)))
    return np.asarray(np.maximum(1, np.rint(residents * weight / weight.sum())), dtype=np.int64)


def _smooth(random: np.random.Generator, ground: _Ground) -> Numbers:
    """A surface of a few hills and hollows over the city."""
    count = round(7 * ground.scale**2)
    hills = random.normal(0, 2.6 * ground.scale, (count, 2))
    heights = random.normal(0, 1.0, count)
    surface = np.zeros(len(ground.east))
    for (east, north), height in zip(hills, heights, strict=True):
        surface += height * np.exp(-(ground.distance_to(float(east), float(north)) ** 2) / 4.5)
    return surface


def _night_life(random: np.random.Generator, distance: Numbers) -> Numbers:
    """Mostly the centres of the towns, and a few high streets further out."""
    share = np.exp(-distance / 0.7)
    far = np.flatnonzero(distance > 2)
    streets = min(len(far), max(2, round(6 * len(distance) / SMALL_CITY_CELLS)))
    share[random.choice(far, streets, replace=False)] += random.uniform(0.15, 0.5, streets)
    share[share < 0.02] = 0.0
    return np.asarray(share / share.sum())


def _built(random: np.random.Generator, ground: _Ground, distance: Numbers) -> tuple[tuple[str, ...], Mask, Numbers]:
    """What stands in each cell, which cells lie on a main road, and how busy the railway is in each."""
    cells = len(distance)
    road = np.abs(np.hypot(ground.east, ground.north) - 3.2 * ground.scale) < 0.35
    for angle in np.pi * (np.arange(4) + random.random(4)) / 4:
        road |= ground.near_line(0.0, 0.0, float(angle), 0.4)
    rail = ground.near_line(0.3, 0.2, float(random.uniform(0, np.pi)), 0.45)
    river = ground.near_line(0.0, -1.6 * ground.scale, float(random.uniform(1.2, 1.9)), 0.45)
    kinds = np.full(cells, "", dtype=object)
    kinds[river & road] = "bridge"
    for kind, each in (("hospital", CELLS_PER_HOSPITAL), ("stadium", CELLS_PER_STADIUM)):
        kinds[random.choice(np.flatnonzero((distance > 1) & (kinds == "")), 1 + cells // each, replace=False)] = kind
    along = np.flatnonzero(rail & (kinds == ""))
    kinds[along[np.argsort(ground.east[along] + ground.north[along], kind="stable")][::3]] = "station"
    return tuple(kinds), road, 0.1 * rail + 1.0 * (kinds == "station")


def _around(kinds: tuple[str, ...], kind: str, near: Indices) -> Numbers:
    """Shares of cells of a kind, half of it in the cells next to them."""
    share = np.zeros(len(kinds))
    own = np.flatnonzero(np.array(kinds, dtype=object) == kind)
    share[own] += 0.5
    np.add.at(share, near[own].ravel(), 0.5 / near.shape[1])
    return np.asarray(share / share.sum())


def _quarter(ground: _Ground) -> Indices:
    upright = np.abs(ground.north) >= np.abs(ground.east)
    return np.where(upright, np.where(ground.north >= 0, 0, 2), np.where(ground.east >= 0, 1, 3))


def _area(ground: _Ground, population: Indices, shares: list[float]) -> NDArray[np.int8]:
    """Areas are strips from west to east, each with its share of the residents."""
    order = np.argsort(ground.east, kind="stable")
    reached = np.cumsum(population[order]) / population.sum()
    area = np.empty(len(order), dtype=np.int8)
    area[order] = np.minimum(np.searchsorted(np.cumsum(shares), reached, side="left"), len(shares) - 1)
    return area


def _as_residents(weight: Numbers, area: NDArray[np.int8], population: Indices) -> Numbers:
    """Shares of cells that sum to one, and in each area to its part of the residents, unless it has none at all."""
    share = np.zeros(len(weight))
    for number in np.unique(area):
        own = area == number
        if weight[own].sum() > 0:
            share[own] = weight[own] / weight[own].sum() * population[own].sum()
    return np.asarray(share / share.sum())


def _names(random: np.random.Generator, count: int) -> tuple[str, ...]:
    """Distinct names; the plain ones first."""
    plain = [f"{beginning} {ending}" for beginning in _BEGINNINGS for ending in _ENDINGS]
    every = [f"{before}{plain[number]}" for before in _BEFORE for number in random.permutation(len(plain))]
    return tuple(every[:count])


def _neighbours(ids: tuple[str, ...]) -> Indices:
    number = {cell: index for index, cell in enumerate(ids)}
    rows = []
    for index, cell in enumerate(ids):
        found = sorted(number[other] for other in h3.grid_disk(cell, 1) if other in number and other != cell)
        rows.append((found + [index] * 6)[:6])
    return np.array(rows)
