"""Where a team can stand or take someone: bases, standby points, crisis cafés, places of safety, departments."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crisisrisk.simulation.period import Numbers

CELLS_PER_SET = 400


@dataclass(frozen=True, kw_only=True)
class Site:
    """One site of care in a cell. Opening hours are local times of day; empty where it never closes."""

    id: str
    name: str
    kind: str
    cell: int
    opens: str
    closes: str
    places: str
    ages: str
    conditions: str
    phone: str


# Kind, how many in a small city, opens, closes, places, ages, conditions.
_KINDS = (
    ("base", 2, "", "", "", "", ""),
    ("standby_point", 6, "", "", "", "", ""),
    ("place_of_safety", 2, "", "", "3", "all ages", "not with an injury that needs an emergency department"),
    ("crisis_cafe", 3, "16:00", "23:00", "12", "18 and over", "not for people who have been drinking"),
    ("emergency_department", 2, "", "", "", "all ages", ""),
)


# The last words of the invented names, after the district in which a site lies.
_CALLED = {
    "base": "team base", "standby_point": "standby point", "place_of_safety": "place of safety",
    "crisis_cafe": "crisis café", "emergency_department": "emergency department",
}  # fmt: skip


def sites_of_care(liveliness: Numbers, districts: Sequence[str]) -> tuple[Site, ...]:
    """Spread over the liveliest cells, and called after them: `districts` are the names of the cells.

    Telephone numbers are from the range kept for drama.
    """
    order = np.argsort(-liveliness, kind="stable")
    sets = 1 + len(order) // CELLS_PER_SET
    table = [kind for kind in _KINDS for _ in range(kind[1] * sets)]
    return tuple(
        Site(
            id=f"site-{number + 1:02d}",
            name=f"{districts[cell]} {_CALLED[kind]}",
            kind=kind,
            cell=cell,
            opens=opens,
            closes=closes,
            places=places,
            ages=ages,
            conditions=conditions,
            phone=f"0121 496 {(100 + number) % 1_000:04d}",
        )
        for number, (kind, _, opens, closes, places, ages, conditions) in enumerate(table)
        for cell in [int(order[number * 5 % len(order)])]
    )
