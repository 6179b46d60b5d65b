"""Where the invented city is: hexagonal cells with invented names, residents and a night-time economy.

The coordinates lie in the West Midlands so that maps, distances and the national grid look right. The
city, its quarters and everything about them are made up.
"""

from dataclasses import dataclass

import h3
import numpy as np

from crisisrisk.simulation.period import Indices, Numbers, stream

CENTRE = (52.4472, -1.9583)
RESOLUTION = 8
RINGS = 7
TEAMS = ("north", "east", "south", "west")

_BEGINNINGS = (
    "Alder", "Bramble", "Calder", "Dunnock", "Ember", "Fallow", "Gorse", "Hollin", "Ivy", "Juniper", "Kestrel", "Larch",
    "Marl", "Nettle", "Orchard", "Plover", "Quarry", "Rowan", "Saffron", "Tanner", "Umber", "Vetch", "Willet", "Yarrow",
)  # fmt: skip
_ENDINGS = ("Bank", "Cross", "End", "Fold", "Gate", "Green", "Heath", "Lane", "Mill", "Reach", "Rise", "Wharf")


@dataclass(frozen=True)
class City:
    """The cells of the city. Arrays have shape (cells,).

    `near` is (cells, 6): the neighbours of a cell, and itself where there are fewer. `night_life` and
    `streets` are shares that sum to one: of what happens around bars and clubs, and of what happens
    anywhere else in public. `quarter` is an index of TEAMS.
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
    quarter: Indices
    near: Indices

    def __len__(self) -> int:
        return len(self.ids)

    def points_in(self, cell: Indices, random: np.random.Generator) -> tuple[Numbers, Numbers]:
        """Latitudes and longitudes well inside each cell: shape of `cell`; NaN where it is -1."""
        radius_km = 0.36 * np.sqrt(random.random(len(cell)))
        angle = random.random(len(cell)) * 2 * np.pi
        latitude = self.latitude[cell] + radius_km * np.cos(angle) / 111.2
        longitude = self.longitude[cell] + radius_km * np.sin(angle) / 67.8
        return np.where(cell < 0, np.nan, latitude), np.where(cell < 0, np.nan, longitude)


def build_city(seed: int) -> City:
    """About 150 cells around the centre, the outermost ring with gaps."""
    random = stream(seed, "city")
    ids = _cells(random)
    centres = np.array([h3.cell_to_latlng(cell) for cell in ids])
    east_km, north_km = (centres[:, 1] - CENTRE[1]) * 67.8, (centres[:, 0] - CENTRE[0]) * 111.2
    distance = np.hypot(east_km, north_km)
    poverty = _smooth(random, east_km, north_km) - 0.12 * distance
    decile = 1 + np.argsort(np.argsort(-poverty)) * 10 // len(ids)
    population = np.rint(2600 * np.exp(-distance / 7 + random.normal(0, 0.35, len(ids)))).astype(np.int64)
    night_life = _night_life(random, distance)
    liveliness = population * np.exp(0.10 * (5 - decile) + random.normal(0, 0.55, len(ids))) * (1 + 40 * night_life)
    return City(
        ids=ids,
        names=_names(random, len(ids)),
        latitude=centres[:, 0],
        longitude=centres[:, 1],
        area_km2=np.array([round(h3.cell_area(cell), 3) for cell in ids]),
        distance=distance,
        population=population,
        decile=decile,
        night_life=night_life,
        streets=liveliness / liveliness.sum(),
        quarter=_quarter(east_km, north_km),
        near=_neighbours(ids),
    )


def _cells(random: np.random.Generator) -> tuple[str, ...]:
    centre = h3.latlng_to_cell(*CENTRE, RESOLUTION)
    inner = set(h3.grid_disk(centre, RINGS - 1))
    outer = sorted(set(h3.grid_disk(centre, RINGS)) - inner)
    kept = [cell for cell, keep in zip(outer, random.random(len(outer)) < 0.5, strict=True) if keep]
    return tuple(sorted([*inner, *kept]))


def _smooth(random: np.random.Generator, east_km: Numbers, north_km: Numbers) -> Numbers:
    """A surface of a few hills and hollows over the city."""
    hills = random.normal(0, 2.6, (7, 2))
    heights = random.normal(0, 1.0, 7)
    squared = (east_km[:, None] - hills[:, 0]) ** 2 + (north_km[:, None] - hills[:, 1]) ** 2
    return np.asarray((heights * np.exp(-squared / 4.5)).sum(axis=1))


def _night_life(random: np.random.Generator, distance: Numbers) -> Numbers:
    """Mostly the centre, and a few high streets further out."""
    share = np.exp(-distance / 0.7)
    share[random.choice(np.flatnonzero(distance > 2), 6, replace=False)] += random.uniform(0.15, 0.5, 6)
    share[share < 0.02] = 0.0
    return np.asarray(share / share.sum())


def _quarter(east_km: Numbers, north_km: Numbers) -> Indices:
    upright = np.abs(north_km) >= np.abs(east_km)
    return np.where(upright, np.where(north_km >= 0, 0, 2), np.where(east_km >= 0, 1, 3))


def _names(random: np.random.Generator, count: int) -> tuple[str, ...]:
    every = [f"{beginning} {ending}" for beginning in _BEGINNINGS for ending in _ENDINGS]
    return tuple(every[number] for number in random.permutation(len(every))[:count])


def _neighbours(ids: tuple[str, ...]) -> Indices:
    number = {cell: index for index, cell in enumerate(ids)}
    rows = []
    for index, cell in enumerate(ids):
        found = sorted(number[other] for other in h3.grid_disk(cell, 1) if other in number and other != cell)
        rows.append((found + [index] * 6)[:6])
    return np.array(rows)
