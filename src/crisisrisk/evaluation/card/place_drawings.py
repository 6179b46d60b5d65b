"""The drawings of a report of places: where it was right and wrong, calibration, PIT. Readable without colour."""

from collections.abc import Mapping, Sequence
from math import cos, radians
from typing import Any

import numpy as np

from crisisrisk.evaluation.place_record import AS_EXPECTED, FEWER, MORE, TOO_FEW
from crisisrisk.evaluation.svg import DARK, GREY, SHEET_WIDTH, Frame, figure, text
from crisisrisk.tables.cells import corners_of

FILLS = {MORE: "url(#more)", FEWER: "url(#fewer)", AS_EXPECTED: "#e3e3e3", TOO_FEW: "#ffffff"}
"""Hatched close, ruled wide, plain grey and white: told apart on a printer without colour."""
PATTERNS = (
    '<defs><pattern id="more" width="5" height="5" patternUnits="userSpaceOnUse"><rect width="5" height="5" '
    f'fill="#ffffff"/><path d="M0 5L5 0M-1 1L1 -1M4 6L6 4M0 0L5 5" stroke="{DARK}" stroke-width="1.3"/></pattern>'
    '<pattern id="fewer" width="6" height="6" patternUnits="userSpaceOnUse"><rect width="6" height="6" '
    f'fill="#ffffff"/><path d="M0 3H6" stroke="{DARK}" stroke-width="1.2"/></pattern></defs>'
)
DRAWINGS = ("map", "pit", "area_pit", "tenths")
TALLEST = 460
_LEGEND = 96

Point = tuple[float, float]


def place_drawings(content: Mapping[str, Any]) -> dict[str, str]:
    """Each drawing by name; one that has nothing to show is left out."""
    drawn = {
        "map": _map(content["places"]),
        "pit": _pit(content["pit"], "pit", "places in shifts"),
        "area_pit": _pit(content["area_pit"], "area-pit", "totals of shifts"),
        "tenths": _tenths(content["calibration"]),
    }
    return {name: svg for name, svg in drawn.items() if svg}


def _map(places: Sequence[Mapping[str, Any]]) -> str:
    """Every place as its hexagon or square, a named area as a disc at its centre, filled by what was the case there."""
    shapes = [(one["says"], shape) for one in places if (shape := _shape(one))]
    if not shapes:
        return ""
    every = np.array([point for _, shape in shapes for point in shape])
    (south, west), (north, east) = every.min(axis=0), every.max(axis=0)
    stretch = cos(radians((south + north) / 2))
    across, up = max((east - west) * stretch, 1e-6), max(north - south, 1e-6)
    scale = min((SHEET_WIDTH - 20) / across, TALLEST / up)
    left, height = (SHEET_WIDTH - across * scale) / 2, round(up * scale) + 20 + _LEGEND

    def at(point: Point) -> Point:
        return left + (point[1] - west) * stretch * scale, 10 + (north - point[0]) * scale

    body = [PATTERNS]
    for says, fill in FILLS.items():
        drawn = [[at(point) for point in shape] for kind, shape in shapes if kind == says]
        outlines = "".join(_outline(one) for one in drawn if len(one) > 1)
        if outlines:
            body.append(f'<path d="{outlines}" fill="{fill}" stroke="{GREY}" stroke-width="0.5"/>')
        body += [_disc(one[0], fill) for one in drawn if len(one) == 1]
    counts = {says: sum(kind == says for kind, _ in shapes) for says in FILLS}
    told = ", ".join(f"{number} {says}" for says, number in counts.items())
    body += _legend(height - _LEGEND + 8, counts)
    return figure(
        "map", "Where the forecast was right and wrong", f"Over all judged shifts: {told}. The table below says it of "
        f"each place.", body, width=SHEET_WIDTH, height=height,
    )  # fmt: skip


def _shape(one: Mapping[str, Any]) -> list[Point] | None:
    """Latitudes and longitudes of the corners, or the one of the centre; None where nobody knows."""
    corners = corners_of(one["place_id"])
    if corners is not None:
        return [(north, east) for north, east in corners]
    if one["latitude"] is None or one["longitude"] is None:
        return None
    return [(one["latitude"], one["longitude"])]


def _outline(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + "Z"


def _disc(point: Point, fill: str, *, radius: float = 5) -> str:
    return (
        f'<circle cx="{point[0]:.1f}" cy="{point[1]:.1f}" r="{radius:g}" fill="{fill}" stroke="{DARK}" '
        f'stroke-width="0.8"/>'
    )


def _legend(y: float, counts: Mapping[str, int]) -> list[str]:
    parts = []
    for number, (says, fill) in enumerate(FILLS.items()):
        down = y + 22 * number
        parts.append(f'<rect x="14" y="{down:.0f}" width="14" height="14" fill="{fill}" stroke="{GREY}"/>')
        parts.append(text(34, down + 12, f"{says} ({counts[says]:,})"))
    return parts


def _pit(shares: Sequence[float | None], name: str, of: str) -> str:
    """Ten columns that a right forecast makes equally high."""
    heights = np.array([np.nan if one is None else one for one in shares], dtype=np.float64)
    if not len(heights) or not np.isfinite(heights).all():
        return ""
    top = max(0.2, float(heights.max()) * 1.1)
    frame = Frame(across=(0, len(heights)), up=(0, top), width=SHEET_WIDTH, height=220, left=48)
    marks = [float(number) for number in range(0, len(heights) + 1, 2)]
    body = frame.axes(
        labels=("where the count lay in what was forecast", "share of counts"),
        marks=marks, shown=lambda mark: f"{mark / len(heights):g}",
    )  # fmt: skip
    body += frame.bars(heights)
    body.append(frame.line([0, len(heights)], [1 / len(heights)] * 2, dashes="6 4"))
    told = ", ".join(f"{100 * one:.1f}" for one in heights.tolist())
    return figure(
        name, f"Probability integral transform of {of}", f"Shares in 100 from the lowest tenth to the highest: {told}. "
        f"All at 10 would be right.", body, width=SHEET_WIDTH, height=220,
    )  # fmt: skip


def _tenths(calibration: Sequence[Mapping[str, Any]]) -> str:
    """Contacts that came beside those expected, by tenth of the forecast."""
    groups: Sequence[Mapping[str, Any]] = next(
        (one["groups"] for one in calibration if one["by"].startswith("Tenth")), ()
    )
    known = [(place + 1, one["ratio"]) for place, one in enumerate(groups) if one["ratio"] is not None]
    if len(known) < 2:
        return ""
    x, y = zip(*known, strict=True)
    top = max(1.5, np.ceil(2.2 * max(y)) / 2)
    frame = Frame(across=(0.5, 10.5), up=(0, top), width=SHEET_WIDTH, height=220, left=48)
    body = frame.axes(
        labels=("tenth of the forecast, from the lowest", "came ÷ expected"), marks=list(range(1, 11)),
        up_marks=np.arange(0, top + 0.25, 0.5).tolist(),
    )  # fmt: skip
    body += [frame.line([0.5, 10.5], [1, 1], dashes="6 4"), *frame.dots(x, y).splitlines()]
    told = ", ".join(f"{place}: {ratio:.2f}" for place, ratio in known)
    return figure(
        "tenths", "Contacts that came ÷ expected, by tenth of the forecast", f"By tenth: {told}. 1 would be right.",
        body, width=SHEET_WIDTH, height=220,
    )  # fmt: skip
