"""Degrees to British National Grid metres, to within about five metres, with no external files.

Formulas: Ordnance Survey, "A guide to coordinate systems in Great Britain", annexes B and C, with the
single seven-parameter transformation from WGS 84. Written out here because grid-shift files that one
machine has and another lacks would change the bytes of the sample.
"""

import numpy as np

from crisisrisk.simulation.period import Indices, Numbers

_WGS84 = (6_378_137.0, 6_356_752.3142)
_AIRY = (6_377_563.396, 6_356_256.909)
_SHIFT = (-446.448, 125.157, -542.060)
_TURN = tuple(np.radians(angle / 3600) for angle in (-0.1502, -0.2470, -0.8421))
_SCALE = 20.4894e-6
_F0, _LATITUDE0, _LONGITUDE0 = 0.9996012717, np.radians(49), np.radians(-2)
_EASTING0, _NORTHING0 = 400_000.0, -100_000.0


def to_national_grid(latitude: Numbers, longitude: Numbers) -> tuple[Indices, Indices]:
    """Easting and northing in whole metres of degrees (WGS 84). NaN gives -1."""
    known = ~np.isnan(latitude)
    phi, lam = _on_airy(*_cartesian(np.radians(latitude[known]), np.radians(longitude[known])))
    easting, northing = np.full(len(latitude), -1, dtype=np.int64), np.full(len(latitude), -1, dtype=np.int64)
    east, north = _project(phi, lam)
    easting[known], northing[known] = np.rint(east).astype(np.int64), np.rint(north).astype(np.int64)
    return easting, northing


def _cartesian(phi: Numbers, lam: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    major, minor = _WGS84
    squared = 1 - (minor / major) ** 2
    radius = major / np.sqrt(1 - squared * np.sin(phi) ** 2)
    across, z = radius * np.cos(phi), (1 - squared) * radius * np.sin(phi)
    x, y = across * np.cos(lam), across * np.sin(lam)
    (tx, ty, tz), (rx, ry, rz), scale = _SHIFT, _TURN, 1 + _SCALE
    return tx + scale * x - rz * y + ry * z, ty + rz * x + scale * y - rx * z, tz - ry * x + rx * y + scale * z


def _on_airy(x: Numbers, y: Numbers, z: Numbers) -> tuple[Numbers, Numbers]:
    major, minor = _AIRY
    squared = 1 - (minor / major) ** 2
    across = np.hypot(x, y)
    phi = np.arctan2(z, across * (1 - squared))
    for _ in range(6):
        radius = major / np.sqrt(1 - squared * np.sin(phi) ** 2)
        phi = np.arctan2(z + squared * radius * np.sin(phi), across)
    return phi, np.arctan2(y, x)


def _project(phi: Numbers, lam: Numbers) -> tuple[Numbers, Numbers]:
    major, minor = _AIRY
    squared = 1 - (minor / major) ** 2
    sine, cosine, tangent = np.sin(phi), np.cos(phi), np.tan(phi)
    nu = major * _F0 / np.sqrt(1 - squared * sine**2)
    rho = major * _F0 * (1 - squared) / (1 - squared * sine**2) ** 1.5
    eta = nu / rho - 1
    step = lam - _LONGITUDE0
    north = (
        _meridian(phi)
        + nu / 2 * sine * cosine * step**2
        + nu / 24 * sine * cosine**3 * (5 - tangent**2 + 9 * eta) * step**4
        + nu / 720 * sine * cosine**5 * (61 - 58 * tangent**2 + tangent**4) * step**6
    )
    east = (
        nu * cosine * step
        + nu / 6 * cosine**3 * (nu / rho - tangent**2) * step**3
        + nu / 120 * cosine**5 * (5 - 18 * tangent**2 + tangent**4 + 14 * eta - 58 * tangent**2 * eta) * step**5
    )
    return _EASTING0 + east, _NORTHING0 + north


def _meridian(phi: Numbers) -> Numbers:
    major, minor = _AIRY
    n = (major - minor) / (major + minor)
    less, more = phi - _LATITUDE0, phi + _LATITUDE0
    terms = (
        (1 + n + 1.25 * n**2 + 1.25 * n**3) * less
        - (3 * n + 3 * n**2 + 2.625 * n**3) * np.sin(less) * np.cos(more)
        + (1.875 * n**2 + 1.875 * n**3) * np.sin(2 * less) * np.cos(2 * more)
        - 35 / 24 * n**3 * np.sin(3 * less) * np.cos(3 * more)
    )
    return np.asarray(minor * _F0 * terms)
