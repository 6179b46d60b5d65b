"""Exact plans at the size of a police force, beside spopt's covering model, which knows no busy teams.

`python -m benchmarks positioning`. Cells and sites at random over a square of a hexagon's area for each cell; expected
contacts gather around a middle; a site reaches what is 15 minutes away. Each team has a base at random, and must be
worth the least gain elsewhere. Medians over some cities.
"""

import time
from statistics import median

import numpy as np
import pulp
from spopt.locate import MCLP

from benchmarks.report import Figure, Outcome
from crisisrisk.positioning.answer import Standing
from crisisrisk.positioning.cover import most_covered
from crisisrisk.positioning.demand import part_with_busy
from crisisrisk.positioning.question import Mask, Numbers, Question, TeamKind

BUSY, CITIES, CELL_KM2, REACH_KM, CONTACTS = 0.4, 5, 0.74, 15 / 60 * 32 / 1.35, 12.0
LEAST_GAIN = 0.1
SIZES = {  # cells, sites, teams, parts: seconds wanted
    (2_000, 100, 8, 1): 1.0,
    (5_000, 200, 10, 1): 5.0,
    (1_000, 60, 6, 2): 30.0,
}
SMALLEST = (40, 8, 3)


def run(*, scale: float = 1.0, peers: bool = True) -> Outcome:
    """Seconds to the best of all plans."""
    figures = []
    cities = max(round(CITIES * scale), 1)
    for size, bar in SIZES.items():
        cells, sites, teams = (max(round(n * scale), least) for n, least in zip(size[:3], SMALLEST, strict=True))
        teams, parts = min(teams, sites), size[3]
        found = [_planned(seed, cells, sites, teams, parts) for seed in range(cities)]
        what = f"{cells:,} cells × {sites} sites × {teams} teams" + (
            f" × {parts} parts of a shift" if parts > 1 else ""
        )
        figures.append(Figure(what=what, value=median(one.seconds for one in found), unit="s", bar=bar,
                              less_is_better=True))  # fmt: skip
        figures.append(Figure(what="of them shown to be the best", value=float(sum(one.optimal for one in found)),
                              unit=f"of {cities}", bar=float(cities)))  # fmt: skip
    if peers:
        cells, sites, teams = (max(round(n * scale), least) for n, least in zip((2_000, 100, 8), SMALLEST, strict=True))
        figures += _beside_spopt(cells, sites, min(teams, sites))
    return Outcome(
        of=f"{cities} invented cities of each size; teams away for {BUSY:.0%} of the time",
        figures=tuple(figures),
        remarks=("spopt places teams that are never busy (MCLP); both find the same optimum of that.",),
    )


def _city(seed: int, cells: int, sites: int) -> tuple[Numbers, Mask, Numbers]:
    """Expected contacts, who reaches what, and kilometres. Shapes (cells,), (sites, cells), (sites, cells)."""
    random = np.random.default_rng(seed)
    side = np.sqrt(cells * CELL_KM2)
    at, stand = random.random((cells, 2)) * side, random.random((sites, 2)) * side
    kilometres = np.hypot(*(stand[:, None] - at[None]).transpose(2, 0, 1))
    around = np.exp(-((at - random.random(2) * side) ** 2).sum(axis=1) / (side / 3) ** 2)
    expected = random.gamma(0.4, 1.0, cells) * around
    return expected * CONTACTS / expected.sum(), kilometres <= REACH_KM, kilometres


def _question(seed: int, cells: int, sites: int, teams: int, parts: int, busy: float) -> Question:
    _, reach, _ = _city(seed, cells, sites)
    demand = [_city(seed + 1000 * part, cells, sites)[0] for part in range(parts)]
    bases = np.random.default_rng(seed).choice(sites, teams, replace=False)
    kind = TeamKind(
        name="any", teams=teams, may_stand=np.ones(sites, dtype=bool), reach=reach,
        usual=np.bincount(bases, minlength=sites),
    )  # fmt: skip
    return Question(
        parts=tuple(part_with_busy(one, busy, teams=teams) for one in demand),
        kinds=(kind,),
        least_gain=LEAST_GAIN if busy else 0.0,
        room=np.full(sites, 2 if busy else 1),
        move_costs=0.05 if parts > 1 else 0.0,
    )


def _planned(seed: int, cells: int, sites: int, teams: int, parts: int) -> Standing:
    return most_covered(_question(seed, cells, sites, teams, parts, BUSY), seconds=60.0)


def _beside_spopt(cells: int, sites: int, teams: int) -> list[Figure]:
    expected, _, kilometres = _city(0, cells, sites)
    began = time.perf_counter()
    theirs = MCLP.from_cost_matrix(kilometres.T, expected, REACH_KM, teams).solve(pulp.PULP_CBC_CMD(msg=False))
    seconds = time.perf_counter() - began
    ours = most_covered(_question(0, cells, sites, teams, 1, 0.0), seconds=60.0)
    covered = float(expected[[bool(sites_of) for sites_of in theirs.cli2fac]].sum())
    return [
        Figure(what="the same without busy teams, by spopt", value=seconds, unit="s"),
        Figure(what="by us: times as fast", value=seconds / ours.seconds, unit="x"),
        Figure(what="difference of the optima", value=abs(ours.value - covered), unit="contacts"),
    ]  # fmt: skip
