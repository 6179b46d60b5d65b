"""Why a simple rule of places says what it says: its parts, strongest first, in words."""

from typing import Any

import numpy as np

from crisisrisk.features.place_past import PlacePast
from crisisrisk.models.place_rules.rules import PlaceRule
from crisisrisk.models.reasons import LEAST_SHARE

Told = tuple[dict[str, Any], ...]


def rule_reasons(rule: PlaceRule, past: PlacePast) -> tuple[list[Told], list[Told]]:
    """For each target and cell, targets first, its reasons: with true counts, and without any count for files.

    A part that moves the forecast by less than 3 % of all movement is not told. Those that raise it come first.
    """
    parts = rule.parts(past)
    effects = np.stack([part.effect for part in parts], axis=-1)
    movement = np.abs(effects).sum(axis=-1)
    share = np.abs(effects) / np.where(movement > 0, movement, 1.0)[..., None]
    order = np.argsort(-effects, axis=-1, kind="stable")
    live: list[Told] = []
    released: list[Told] = []
    for target in range(len(past.rows)):
        for cell in range(len(past.cells)):
            told = [one for one in order[target, cell].tolist() if share[target, cell, one] > LEAST_SHARE]
            told = [one for one in told if effects[target, cell, one] > 0] + [
                one for one in reversed(told) if effects[target, cell, one] < 0
            ]
            named = [
                {
                    "direction": "up" if effects[target, cell, one] > 0 else "down",
                    "share": round(float(share[target, cell, one]), 3),
                }
                for one in told
            ]
            live.append(_texts(named, [parts[one].live(target, cell) for one in told]))
            released.append(_texts(named, [parts[one].released(target, cell) for one in told]))
    return live, released


def _texts(named: list[dict[str, Any]], texts: list[str]) -> Told:
    return tuple({**one, "text": text, "events": []} for one, text in zip(named, texts, strict=True))
