"""The British National Grid (EPSG:27700): metres from degrees and back, and the letters that people read out.

By the seven-parameter transformation "OSGB36 to WGS 84 (6)" (EPSG:1314), good to about 5 m, whatever grid files a
machine has: the same file must give the same cells everywhere, and metres must come back to the same metre.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

EAST_END, NORTH_END = 700_000, 1_300_000

_PIPELINE = (
    "+proj=pipeline +step +inv +proj=tmerc +lat_0=49 +lon_0=-2 +k=0.9996012717 +x_0=400000 +y_0=-100000 +ellps=airy "
    "+step +proj=push +v_3 +step +proj=cart +ellps=airy "
    "+step +proj=helmert +x=446.448 +y=-125.157 +z=542.06 +rx=0.15 +ry=0.247 +rz=0.842 +s=-20.489 "
    "+convention=position_vector +step +inv +proj=cart +ellps=WGS84 +step +proj=pop +v_3 "
    "+step +proj=unitconvert +xy_in=rad +xy_out=deg"
)

Numbers = NDArray[np.float64]


@cache
def _to_degrees() -> Any:
    import pyproj

    return pyproj.Transformer.from_pipeline(_PIPELINE)


def is_on_grid(easting: Numbers, northing: Numbers) -> NDArray[np.bool_]:
    """Which metres lie on the grid; none of those that are not known does."""
    return (easting >= 0) & (easting <= EAST_END) & (northing >= 0) & (northing <= NORTH_END)


def degrees(easting: Numbers, northing: Numbers) -> tuple[Numbers, Numbers]:
    """Latitude and longitude; NaN off the grid."""
    inside = is_on_grid(easting, northing)
    longitude, latitude = _to_degrees().transform(np.where(inside, easting, np.nan), np.where(inside, northing, np.nan))
    return _finite(latitude), _finite(longitude)


def metres(latitude: Numbers, longitude: Numbers) -> tuple[Numbers, Numbers]:
    """Easting and northing in whole metres; NaN off the grid.

    Whole, because stored degrees are good to 0.1 m: a place given on the side of a square must not fall below it.
    """
    easting, northing = _to_degrees().transform(longitude, latitude, direction="INVERSE")
    easting, northing = np.rint(_finite(easting)), np.rint(_finite(northing))
    inside = is_on_grid(easting, northing)
    return np.where(inside, easting, np.nan), np.where(inside, northing, np.nan)


def _finite(values: Any) -> Numbers:
    found = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(found), found, np.nan)


def grid_reference(easting: int, northing: int) -> str:
    """A grid reference to ten metres, such as `SP 0700 8650`. For places on the grid."""
    letters = "ABCDEFGHJKLMNOPQRSTUVWXYZ"  # there is no I
    column, row = easting // 100_000, northing // 100_000
    first = letters[(19 - row) - (19 - row) % 5 + (column + 10) // 5]
    second = letters[(19 - row) * 5 % 25 + column % 5]
    return f"{first}{second} {easting % 100_000 // 10:04} {northing % 100_000 // 10:04}"
