"""The map of a shift as inline SVG: it needs no script and no tiles, and prints as it is.

Cells are drawn as their hexagon or square, named areas as a disc at their centre. Three fills, an outline round every
cell and ranks printed in the highest tell what colour alone would not.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from crisisrisk.serving.answers import Hotspot
from crisisrisk.serving.ground_plan import GroundPlan, Outline, ground_plan

RANKED = 10
"""The highest cells, whose rank is printed whatever a coordinator listed."""
MOST_HOLD, SOME_HOLD = 0.5, 0.8
"""Of all contacts expected: the cells that hold the first half, and those that hold the next three tenths."""


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One cell of the map: its outline as a path, or a disc, and where its rank is written."""

    place_id: str
    name: str
    says: str
    level: str
    path: str
    x: float
    y: float
    rank: int | None


@dataclass(frozen=True, kw_only=True)
class Map:
    """Cells to draw, in the order of rank, and where the drawing lies. `legend`: a level, and what its cells hold."""

    cells: Sequence[Drawn]
    width: int
    height: int
    legend: Sequence[tuple[str, str]]
    plan: GroundPlan


def map_of(places: Sequence[Hotspot], *, listed: Collection[str] = ()) -> Map | None:
    """The map of some cells; None where nobody says where any of them is.

    `listed`: ids of places whose rank is printed though they are none of the highest.
    """
    plan = ground_plan(places)
    if plan is None:
        return None
    levels = _levels(places)
    drawn = [
        _drawn(place, plan.outlines[place.place_id], levels[place.place_id], listed=place.place_id in listed)
        for place in places
        if place.place_id in plan.outlines
    ]
    return Map(cells=drawn, width=plan.width, height=plan.height, legend=_legend(places, levels), plan=plan)


def _levels(places: Sequence[Hotspot]) -> dict[str, str]:
    """`most`, `some` or `few`: by what share of all contacts expected the cells before hold."""
    whole, before, found = sum(place.expected for place in places), 0.0, {}
    for place in sorted(places, key=lambda one: one.rank):
        share = before / whole if whole > 0 else 1.0
        found[place.place_id] = "most" if share < MOST_HOLD else "some" if share < SOME_HOLD else "few"
        before += place.expected
    return found


def _legend(places: Sequence[Hotspot], levels: dict[str, str]) -> list[tuple[str, str]]:
    said = {"most": "the first half of the contacts expected", "some": "the next 30 in 100", "few": "the rest"}
    counted = {level: sum(found == level for found in levels.values()) for level in said}
    return [
        (level, f"{counted[level]} {'place' if counted[level] == 1 else 'places'}: {words}")
        for level, words in said.items()
        if counted[level]
    ]


def _drawn(place: Hotspot, outline: Outline, level: str, *, listed: bool) -> Drawn:
    return Drawn(
        place_id=place.place_id, name=place.place_name, level=level, path=outline.path(),
        says=f"{place.place_name}, rank {place.rank}: about {place.likely_in_100:g} in 100 that a contact comes",
        x=outline.x, y=outline.y, rank=place.rank if listed or place.rank <= RANKED else None,
    )  # fmt: skip
