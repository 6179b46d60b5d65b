"""Where triage teams stood on which shifts: one team for each area and evening, moved between the sites of its area."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crisisrisk.simulation.city import City
from crisisrisk.simulation.footprint import WITH_TRIAGE, kinds_of_day
from crisisrisk.simulation.period import Indices, Numbers, Period, Seconds, stream

if TYPE_CHECKING:
    from crisisrisk.simulation.settings import CitySettings

CREWS = ("triage-1", "triage-2")
STANDING_KINDS = ("base", "standby_point")


@dataclass(frozen=True, kw_only=True)
class Deployments:
    """Shifts of triage teams in order of time. Shape (shifts,) each.

    `team` is a place in `teams`, `site` one in the city's sites; `begins` and `ends` are instants.
    """

    teams: tuple[str, ...]
    team: Indices
    site: Indices
    begins: Seconds
    ends: Seconds

    def __len__(self) -> int:
        return len(self.begins)


def deployments(settings: "CitySettings", city: City, period: Period) -> Deployments:
    """Every shift from the day that triage starts to the end of the data."""
    random, footprint = stream(settings.seed, "deployments"), settings.footprint
    days = np.flatnonzero(kinds_of_day(footprint, period) == WITH_TRIAGE)
    teams = crew_names(len(city.areas))
    day, team = np.repeat(days, len(teams)), np.tile(np.arange(len(teams)), len(days))
    past_midnight = footprint.ends_hour <= footprint.starts_hour
    begins = period.at(day, np.full(len(day), float(footprint.starts_hour)))
    last = np.minimum(day + past_midnight, len(period) - 1)
    ends = period.at(last, np.full(len(day), float(footprint.ends_hour)))
    inside = (begins < ends) & (ends <= period.end)
    site = _sites(city, team // len(CREWS), random)
    return Deployments(teams=teams, team=team[inside], site=site[inside], begins=begins[inside], ends=ends[inside])


def crew_names(areas: int) -> tuple[str, ...]:
    """Two crews; in a city of several areas, two for each."""
    return CREWS if areas == 1 else tuple(f"triage-{number + 1}" for number in range(len(CREWS) * areas))


def _sites(city: City, area: Indices, random: np.random.Generator) -> NDArray[np.int64]:
    """A base or standby point in each team's area, the livelier the likelier."""
    standing = np.array([number for number, site in enumerate(city.sites) if site.kind in STANDING_KINDS])
    cells = np.array([city.sites[number].cell for number in standing])
    chosen = np.empty(len(area), dtype=np.int64)
    for number in range(len(city.areas)):
        own = city.area[cells] == number
        weight: Numbers = city.streets[cells] * (own if own.any() else 1.0)
        mine = area == number
        chosen[mine] = standing[random.choice(len(standing), int(mine.sum()), p=weight / weight.sum())]
    return chosen
