"""Colours as people see them who see fewer than most, and on a printer without colours; and how far apart two are.

A colour is three parts of sRGB from 0 to 1. Who lacks one kind of cone: Machado, Oliveira and Fernandes 2009, "A
physiologically-based model for simulation of color vision deficiency", IEEE Transactions on Visualization and Computer
Graphics 15, 1291-1298, their matrices for a severity of 1 on linear light. Distances: CIELAB (CIE 15:2004) under D65.
"""

import re
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Colour = NDArray[np.float64]

_LACKING: Mapping[str, list[list[float]]] = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def colour(text: str) -> Colour:
    """`#12436d` or `#fff`. Raises ValueError for anything else."""
    if not re.fullmatch(r"#(?:[0-9a-fA-F]{3}){1,2}", text):
        raise ValueError(f"{text!r} is no colour such as #12436d")
    digits = text[1:] if len(text) == len("#12436d") else "".join(2 * one for one in text[1:])
    return np.array([int(digits[at : at + 2], 16) for at in (0, 2, 4)]) / 255


def over(above: Colour, opacity: float, below: Colour) -> Colour:
    """What is seen of a colour that lets another through."""
    return opacity * above + (1 - opacity) * below


def _linear(seen: Colour) -> Colour:
    return np.where(seen <= 0.04045, seen / 12.92, ((seen + 0.055) / 1.055) ** 2.4)


def _encoded(light: Colour) -> Colour:
    within = np.clip(light, 0, 1)
    return np.where(within <= 0.0031308, within * 12.92, 1.055 * within ** (1 / 2.4) - 0.055)


def luminance(seen: Colour) -> float:
    """From 0 to 1 (WCAG 2.2, relative luminance)."""
    return float(_TO_XYZ[1] @ _linear(seen))


def contrast(one: Colour, other: Colour) -> float:
    """From 1 to 21 (WCAG 2.2, contrast ratio)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def distance(one: Colour, other: Colour) -> float:
    """Of CIELAB; 2.3 is what is just seen (Mahy and others 1994, Color Research and Application 19, 105-121)."""
    return float(np.linalg.norm(_lab(one) - _lab(other)))


def _lab(seen: Colour) -> Colour:
    share = _TO_XYZ @ _linear(seen) / _TO_XYZ.sum(axis=1)
    x, y, z = np.where(share > (6 / 29) ** 3, np.cbrt(share), share / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def _without(lacking: str) -> Callable[[Colour], Colour]:
    matrix = np.array(_LACKING[lacking])
    return lambda seen: _encoded(matrix @ _linear(seen))


def _grey(seen: Colour) -> Colour:
    return _encoded(np.full(3, luminance(seen)))


VISIONS: Mapping[str, Callable[[Colour], Colour]] = {
    "most": lambda seen: seen,
    **{name: _without(name) for name in _LACKING},
    "grey": _grey,
}
"""How colours are seen, by what somebody lacks; `grey` is a printer without colours, and who sees none."""
