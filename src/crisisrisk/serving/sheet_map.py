"""The map on the printed page: outlines, and the ranks of the places that its table lists. It needs no colour.

It tells which places are listed and nothing of how many contacts they expect.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, cos, pi, sin

from crisisrisk.serving.ground_plan import Located, Outline, ground_plan

MAP_STYLE = (
    ".top{display:flex;gap:.5cm;align-items:flex-start}.top>div{flex:1;min-width:0}"
    "figure{margin:0;width:6.2cm}figure svg{display:block;width:100%}figcaption{font-size:.85em;line-height:1.2}"
    ".map path,.map circle{fill:#fff;stroke:#767676;stroke-width:1.2}"
    ".map .listed{fill:#d4d4d4;stroke:#000;stroke-width:4}"
    ".map circle.listed{r:22px}.map .line{fill:none;stroke:#000;stroke-width:2}"
    ".map text{font:bold 34px Arial,sans-serif;text-anchor:middle;fill:#000;stroke:#fff;stroke-width:7;"
    "stroke-linejoin:round;paint-order:stroke}"
    "@media screen and (max-width:40em){.top{display:block}figure{width:auto;max-width:10cm}}"
    "@media print{.much figure{width:5.6cm}.most figure{width:5cm}.least figure{width:4.2cm}}"
    "@media (forced-colors:active){.map path,.map circle{fill:Canvas;stroke:CanvasText}"
    ".map .listed{fill:Canvas;stroke:CanvasText}.map .line{fill:none;stroke:CanvasText}"
    ".map text{fill:CanvasText;stroke:Canvas}}"
)
BESIDE = 0.63
"""The share of a line that is left beside the map."""
_LINES = {"some": 13.4, "much": 14.1, "most": 14.8, "least": 13.8}
"""How many lines of text a map is high that is as high as wide, by the size of the letters."""
SAYS = "Thick outlines: the places of the table, by rank. North is up."
LISTED = ' class="listed"'
_DISC, _WIDE, _HIGH = 12, 21, 31
"""Of the drawing: the radius of a disc, and how wide and high a figure is."""
_AWAY = [(0.0, 0.0), *((away, pi * step / 6) for away in (36.0, 54.0, 72.0, 96.0, 120.0) for step in range(12))]
"""How far from a place and which way round its rank may stand, the nearest first."""
Spot = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class PaperMap:
    """A map as SVG with a line that explains it. `tall`: its height as a share of its width."""

    svg: str
    tall: float

    def lines(self, size: str) -> int:
        """About how many lines of text it is high, in letters of a size."""
        return ceil(self.tall * _LINES[size]) + 2


def map_for_paper(places: Sequence[Located], ranks: Mapping[str, int]) -> PaperMap | None:
    """The map of some places; None where nobody says where any of them is.

    `ranks`: of the places that the table lists, by id. One that is not on the map has none there.
    """
    plan = ground_plan(places)
    if plan is None:
        return None
    listed = {place: plan.outlines[place] for place in ranks if place in plan.outlines}
    rest = [outline for place, outline in plan.outlines.items() if place not in listed]
    texts = "".join(
        _label(ranks[place], listed[place], spot)
        for place, spot in _spots(listed, ranks, (plan.width, plan.height)).items()
    )
    says = f"Map of {len(plan.outlines)} places with the ranks of those in the table."
    drawn = f"{_shapes(rest, '')}{_shapes(list(listed.values()), LISTED)}{texts}"
    size = f'viewBox="0 0 {plan.width} {plan.height}"'
    svg = f'<svg class="map" {size} role="img" aria-label="{escape(says)}">{drawn}</svg>'
    return PaperMap(
        svg=f"<figure>{svg}<figcaption>{SAYS}</figcaption></figure>", tall=plan.height / plan.width,
    )  # fmt: skip


def _spots(listed: Mapping[str, Outline], ranks: Mapping[str, int], size: tuple[int, int]) -> dict[str, Spot]:
    """Where the rank of each place is written: at its centre, else as near to it as no other rank stands."""
    found: dict[str, Spot] = {}
    boxes: list[tuple[float, float, float]] = []
    for place in sorted(listed, key=lambda one: ranks[one]):
        wide = _WIDE * len(str(ranks[place]))
        spots = [
            (x, y) for away, around in _AWAY
            if wide / 2 <= (x := listed[place].x + away * cos(around)) <= size[0] - wide / 2
            and _HIGH / 2 <= (y := listed[place].y + away * sin(around)) <= size[1] - _HIGH / 2
        ] or [(listed[place].x, listed[place].y)]  # fmt: skip
        free = (
            (x, y) for x, y in spots
            if all(abs(x - a) >= (wide + other) / 2 or abs(y - b) >= _HIGH for a, b, other in boxes)
        )  # fmt: skip
        found[place] = x, y = next(free, spots[0])
        boxes.append((x, y, wide))
    return found


def _label(rank: int, outline: Outline, spot: Spot) -> str:
    """A rank; where it stands away from its place, with a line between them."""
    moved = spot != (outline.x, outline.y)
    line = f'<path class="line" d="M{outline.x:.0f} {outline.y:.0f}L{spot[0]:.0f} {spot[1]:.0f}"/>' if moved else ""
    return f'{line}<text x="{spot[0]:.0f}" y="{spot[1]:.0f}" dy=".36em">{rank}</text>'


def _shapes(outlines: Sequence[Outline], kind: str) -> str:
    """Cells as one path, since a page has hundreds of them; discs one by one."""
    path = "".join(outline.path(decimals=0) for outline in outlines)
    alone = [outline for outline in outlines if not outline.corners]
    discs = "".join(f'<circle{kind} cx="{one.x:.0f}" cy="{one.y:.0f}" r="{_DISC}"/>' for one in alone)
    return (f'<path{kind} d="{path}"/>' if path else "") + discs
