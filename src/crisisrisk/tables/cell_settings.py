"""What a cell is at a site, and its level in one word: `h3:8`, `squares:1000`, `squares:500+250+250`, `areas`."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from crisisrisk.errors import SiteError

KINDS = ("h3", "squares", "areas")
SMALLEST_SQUARE, LARGEST_SQUARE = 50, 100_000
WANTED = f'"areas", "h3:8" (0 to 15), or "squares:1000" ({SMALLEST_SQUARE} to {LARGEST_SQUARE} metres), if shifted '\
    '"squares:1000+500+250"'  # fmt: skip

_LEVEL = re.compile(r"areas|h3:(\d{1,2})|squares:([1-9]\d{1,5})(?:\+(\d{1,6})\+(\d{1,6}))?")


@dataclass(frozen=True, kw_only=True)
class CellSettings:
    """What a cell is here: an H3 hexagon, a square of the British National Grid, or a named area of the `places` table.

    `origin_m`: how far east and north, in metres, the corners of squares stand from whole multiples of their side.
    `least_residents`: how many residents a cell has at least whose population the `places` table does not know.
    `neighbours`, `boundaries`: files that say which areas touch, as pairs or by their shared boundaries.
    """

    kind: str = "h3"
    h3_resolution: int = 8
    square_m: int = 1000
    origin_m: tuple[int, int] = (0, 0)
    least_residents: int | None = None
    neighbours: Path | None = None
    boundaries: Path | None = None

    def __post_init__(self) -> None:
        fits = (
            self.kind in KINDS
            and 0 <= self.h3_resolution <= 15
            and SMALLEST_SQUARE <= self.square_m <= LARGEST_SQUARE
            and all(0 <= shift < self.square_m for shift in self.origin_m)
            and (self.least_residents is None or self.least_residents >= 0)
        )
        if not fits:
            raise SiteError("CR-SITE-002", "these cells do not exist", wanted=WANTED, found=self.level)

    @property
    def level(self) -> str:
        """The one word."""
        if self.kind == "h3":
            return f"h3:{self.h3_resolution}"
        if self.kind != "squares":
            return self.kind
        east, north = self.origin_m
        return f"squares:{self.square_m}" + (f"+{east}+{north}" if east or north else "")

    def at(self, level: str) -> "CellSettings":
        """The same site at another level. Raises SiteError for a word that is none."""
        read = _LEVEL.fullmatch(level)
        if read is None:
            raise SiteError("CR-SITE-002", "not a kind and size of cells", wanted=WANTED, found=repr(level))
        resolution, side, east, north = read.groups()
        if resolution:
            return replace(self, kind="h3", h3_resolution=int(resolution))
        if side:
            return replace(self, kind="squares", square_m=int(side), origin_m=(int(east or 0), int(north or 0)))
        return replace(self, kind="areas")
