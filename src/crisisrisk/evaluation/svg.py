"""Plots as SVG, without a plotting library: small, the same bytes always, readable on paper and by a screen reader.

A drawing is one <svg> element with a title and a description. Lengths are in pixels. Nothing is told by colour alone:
lines differ in their dashes, points in their fill.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import ArrayLike, NDArray

WIDTH, HEIGHT = 640, 300
SHEET_WIDTH = 400
"""Of drawings that are read on a phone too: there they are not made so small that nobody can read their words."""
DARK, GREY, PALE, BLUE, ORANGE = "#1b1b1b", "#5f5f5f", "#dddddd", "#1f5fa8", "#b34700"

Numbers = NDArray[np.float64]


def figure(
    name: str, title: str, description: str, body: Sequence[str], *, width: int = WIDTH, height: int = HEIGHT
) -> str:
    """The <svg> element around the parts of a plot."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-labelledby="{name}-title {name}-description" font-family="sans-serif" font-size="12" fill="{DARK}">\n'
        f'<title id="{name}-title">{escape(title)}</title>\n'
        f'<desc id="{name}-description">{escape(description)}</desc>\n' + "\n".join(body) + "\n</svg>\n"
    )


def text(x: float, y: float, words: str, *, anchor: str = "start", colour: str = DARK) -> str:
    """Words at a point."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'


@dataclass(frozen=True, kw_only=True)
class Frame:
    """Where values lie: `across` and `up` are the values at the ends of the two axes."""

    across: tuple[float, float]
    up: tuple[float, float]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = 60
    right: int = 20
    top: int = 16
    bottom: int = 44

    def x(self, value: float) -> float:
        """From a value to pixels from the left."""
        share = (value - self.across[0]) / (self.across[1] - self.across[0])
        return self.left + share * (self.width - self.right - self.left)

    def y(self, value: float) -> float:
        """From a value to pixels from the top."""
        share = (value - self.up[0]) / (self.up[1] - self.up[0])
        return self.height - self.bottom - share * (self.height - self.bottom - self.top)

    def axes(
        self,
        *,
        labels: tuple[str, str],
        marks: Sequence[float],
        up_marks: Sequence[float] | None = None,
        shown: Callable[[float], str] = "{:g}".format,
        up_shown: Callable[[float], str] = "{:,.3g}".format,
    ) -> list[str]:
        """A frame with marks along the bottom and up the side (five, if none are given), and what the axes are."""
        floor, end = self.height - self.bottom, self.width - self.right
        parts = [f'<path d="M{self.left} {self.top}V{floor}H{end}" fill="none" stroke="{GREY}"/>']
        for mark in marks:
            parts.append(text(self.x(mark), floor + 16, shown(mark), anchor="middle"))
        for mark in np.linspace(*self.up, 5) if up_marks is None else up_marks:
            parts.append(f'<path d="M{self.left} {self.y(mark):.1f}H{end}" stroke="{PALE}"/>')
            parts.append(text(self.left - 6, self.y(mark) + 4, up_shown(mark), anchor="end"))
        parts.append(text((self.left + end) / 2, self.height - 8, labels[0], anchor="middle"))
        parts.append(text(self.left + 4, self.top - 6, labels[1]))
        return parts

    def bars(self, heights: Numbers) -> list[str]:
        """One bar for each whole number from the left end on."""
        width = (self.width - self.right - self.left) / (self.across[1] - self.across[0])
        floor = self.height - self.bottom
        return [
            f'<rect x="{self.x(self.across[0] + number) + 1:.1f}" y="{self.y(height):.1f}" width="{width - 2:.1f}" '
            f'height="{floor - self.y(height):.1f}" fill="{BLUE}"/>'
            for number, height in enumerate(heights.tolist())
        ]

    def line(self, x: ArrayLike, y: ArrayLike, *, colour: str = DARK, dashes: str = "", width: float = 2) -> str:
        """A line through points."""
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        return (
            f'<polyline points="{self._points(x, y)}" fill="none" stroke="{colour}" stroke-width="{width:g}"{dashed}/>'
        )

    def band(self, x: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> str:
        """The area between two lines, grey with its edges drawn."""
        there, back = self._points(x, lower), self._points(np.asarray(x)[::-1], np.asarray(upper)[::-1])
        return f'<polygon points="{there} {back}" fill="{PALE}" stroke="{GREY}" stroke-width="0.5"/>'

    def dots(self, x: ArrayLike, y: ArrayLike, *, filled: bool = True, colour: str = DARK, radius: float = 3.5) -> str:
        """A dot or a ring at each point."""
        fill = colour if filled else "#ffffff"
        return "".join(
            f'<circle cx="{self.x(one):.1f}" cy="{self.y(other):.1f}" r="{radius:g}" fill="{fill}" '
            f'stroke="{colour}" stroke-width="1.5"/>'
            for one, other in zip(np.asarray(x).tolist(), np.asarray(y).tolist(), strict=True)
        )

    def _points(self, x: ArrayLike, y: ArrayLike) -> str:
        pairs = zip(np.asarray(x).tolist(), np.asarray(y).tolist(), strict=True)
        return " ".join(f"{self.x(one):.1f},{self.y(other):.1f}" for one, other in pairs)


def grid(shares: Numbers, names: Sequence[str], *, row_height: int = 18) -> tuple[list[str], int]:
    """A row of shaded fields for each name: darker where more. `shares` (rows, 24), 0 to 1. Also the height."""
    left, right, top = 190, 20, 16
    step = (WIDTH - right - left) / shares.shape[1]
    parts = []
    for row, name in enumerate(names):
        upper = top + row * row_height
        parts.append(text(left - 6, upper + 13, name, anchor="end"))
        for column, share in enumerate(shares[row].tolist()):
            parts.append(
                f'<rect x="{left + column * step:.1f}" y="{upper}" width="{step - 1:.1f}" height="{row_height - 1}" '
                f'fill="{shade(share)}"/>'
            )
    bottom = top + len(names) * row_height
    for hour in range(0, 24, 3):
        parts.append(text(left + (hour + 0.5) * step, bottom + 14, f"{hour:02d}", anchor="middle"))
    parts.append(text((left + WIDTH - right) / 2, bottom + 32, "hour of the local day", anchor="middle"))
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
