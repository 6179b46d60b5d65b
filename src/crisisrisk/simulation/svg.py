"""Plots as SVG, without a plotting library: small, the same bytes always, readable on paper and by a screen reader.

Every function gives the text of one <svg> element with a title and a description. Lengths are in pixels.
"""

from collections.abc import Sequence
from html import escape

import numpy as np

from crisisrisk.simulation.period import Numbers

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 60, 20, 16, 44
DARK, GREY, BLUE, ORANGE = "#1b1b1b", "#767676", "#1f5fa8", "#b34700"


def figure(name: str, title: str, description: str, body: Sequence[str], *, height: int = HEIGHT) -> str:
    """The <svg> element around the parts of a plot."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-labelledby="{name}-title {name}-description" font-family="sans-serif" font-size="12" fill="{DARK}">\n'
        f'<title id="{name}-title">{escape(title)}</title>\n'
        f'<desc id="{name}-description">{escape(description)}</desc>\n' + "\n".join(body) + "\n</svg>\n"
    )


def text(x: float, y: float, words: str, *, anchor: str = "start", colour: str = DARK) -> str:
    """Words at a point."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'


def axes(
    across: tuple[float, float], up: tuple[float, float], *, labels: tuple[str, str], marks: Sequence[float]
) -> list[str]:
    """A frame with marks along the bottom and five along the side, and what the axes are."""
    bottom = HEIGHT - BOTTOM
    parts = [f'<path d="M{LEFT} {TOP}V{bottom}H{WIDTH - RIGHT}" fill="none" stroke="{GREY}"/>']
    for mark in marks:
        parts.append(text(place_across(mark, across), bottom + 16, f"{mark:g}", anchor="middle"))
    for mark in np.linspace(*up, 5):
        y = place_up(mark, up)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#dddddd"/>')
        parts.append(text(LEFT - 6, y + 4, f"{mark:,.3g}", anchor="end"))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, labels[0], anchor="middle"))
    parts.append(text(LEFT + 4, TOP - 4, labels[1]))
    return parts


def place_across(value: float, across: tuple[float, float]) -> float:
    """From a value to pixels from the left."""
    return LEFT + (value - across[0]) / (across[1] - across[0]) * (WIDTH - RIGHT - LEFT)


def place_up(value: float, up: tuple[float, float]) -> float:
    """From a value to pixels from the top."""
    return HEIGHT - BOTTOM - (value - up[0]) / (up[1] - up[0]) * (HEIGHT - BOTTOM - TOP)


def bars(heights: Numbers, *, across: tuple[float, float], up: tuple[float, float]) -> list[str]:
    """One bar for each whole number from the left end on."""
    width = (WIDTH - RIGHT - LEFT) / (across[1] - across[0])
    parts = []
    for number, height in enumerate(heights.tolist()):
        left, top = place_across(across[0] + number, across), place_up(height, up)
        parts.append(
            f'<rect x="{left + 1:.1f}" y="{top:.1f}" width="{width - 2:.1f}" '
            f'height="{HEIGHT - BOTTOM - top:.1f}" fill="{BLUE}"/>'
        )
    return parts


def line(
    x: Numbers, y: Numbers, *, across: tuple[float, float], up: tuple[float, float], colour: str, dashes: str = ""
) -> str:
    """A line through points."""
    points = " ".join(
        f"{place_across(one, across):.1f},{place_up(other, up):.1f}"
        for one, other in zip(x.tolist(), y.tolist(), strict=True)
    )
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dashed}/>'


def grid(shares: Numbers, names: Sequence[str], *, row_height: int = 18) -> tuple[list[str], int]:
    """A row of shaded fields for each name: darker where more. `shares` (rows, 24), 0 to 1. Also the height."""
    left, step = 190, (WIDTH - RIGHT - 190) / shares.shape[1]
    parts = []
    for row, name in enumerate(names):
        top = TOP + row * row_height
        parts.append(text(left - 6, top + 13, name, anchor="end"))
        for column, share in enumerate(shares[row].tolist()):
            parts.append(
                f'<rect x="{left + column * step:.1f}" y="{top}" width="{step - 1:.1f}" height="{row_height - 1}" '
                f'fill="{shade(share)}"/>'
            )
    bottom = TOP + len(names) * row_height
    for hour in range(0, 24, 3):
        parts.append(text(left + (hour + 0.5) * step, bottom + 14, f"{hour:02d}", anchor="middle"))
    parts.append(text((left + WIDTH - RIGHT) / 2, bottom + 32, "hour of the local day", anchor="middle"))
    return parts, bottom + 40


def shade(share: float) -> str:
    """From near white (0) to dark blue (1), also on a printer without colour."""
    light, dark = np.array([238, 243, 249]), np.array([16, 58, 110])
    red, green, blue = np.rint(light + (dark - light) * min(max(share, 0.0), 1.0)).astype(int).tolist()
    return f"#{red:02x}{green:02x}{blue:02x}"


def polygon(points: Sequence[tuple[float, float]], *, fill: str) -> str:
    """A closed shape."""
    return f'<polygon points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}" fill="{fill}" stroke="#ffffff"/>'


def dot(x: float, y: float, *, radius: float) -> str:
    """A ring, seen on light and on dark."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="none" stroke="{ORANGE}" stroke-width="2"/>'
