"""The sites nearest to a place where a team can stand."""

from dataclasses import dataclass

import numpy as np

from crisisrisk.errors import CrisisRiskError
from crisisrisk.positioning.care import STANDING, sites_of_kinds
from crisisrisk.positioning.travel import kilometres_between
from crisisrisk.serving.state import Service

NEAREST = 3


@dataclass(frozen=True, kw_only=True)
class StandNear:
    """A site where a team can stand, and how far it is from the middle of a place in a straight line.

    `said`: what it is called, with its kind where the name does not tell it.
    """

    site: str
    said: str
    kilometres: float


def stand_near(service: Service, latitude: float | None, longitude: float | None) -> list[StandNear]:
    """The nearest sites, the nearest first; none where nobody says where the place or any site is."""
    if latitude is None or longitude is None:
        return []
    try:
        sites = sites_of_kinds(service.view().snapshot.table("sites_of_care"), STANDING)
    except (CrisisRiskError, OSError, ValueError, LookupError):
        return []
    points, names = sites.points, service.view().site_names
    away = kilometres_between(points.latitude, points.longitude, np.array(latitude), np.array(longitude))
    return [
        StandNear(
            site=points.ids[one], said=names.in_list(points.ids[one], sites.kinds[one]), kilometres=float(away[one])
        )
        for one in np.argsort(away, kind="stable")[:NEAREST].tolist()
    ]
