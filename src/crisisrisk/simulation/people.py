"""Who lives in the invented city and is known to its services. Nobody here exists.

NHS numbers are valid and come from the range 999 000 0000 upwards, which is never issued to a patient.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from crisisrisk.simulation.city import TEAMS, City
from crisisrisk.simulation.period import Indices, Mask, Numbers, Period, stream

# Ways in which a crisis reaches a service first.
CHANNELS = ("police_999", "ambulance_999", "ed_attendance", "crisis_line", "nhs_111_mh")

ETHNICITIES = ("White", "Asian or Asian British", "Black, Black British, Caribbean or African", "Mixed", "Other", "")
_ETHNICITY_SHARES = (0.56, 0.20, 0.11, 0.05, 0.03, 0.05)
_WORKERS = 12
NEVER = 1_000_000


@dataclass(frozen=True)
class People:
    """Everything fixed about each person. Arrays have shape (people,); days are numbers of the period.

    `registered` is below 0 for people known before it starts. `left` is the day of death or of moving away,
    NEVER for most. `team` is -1 for people whom no team cares for. `frailty` is standard normal: how easily
    things go wrong in the long run. `channels` is (people, channels), rows sum to one. `second_home` is -1
    for people who do not move inside the city.
    """

    nhs_number: Indices
    birth_year: Indices
    sex: Indices
    ethnicity: Indices
    home: Indices
    latitude: Numbers
    longitude: Numbers
    second_home: Indices
    moves_on: Indices
    registered: Indices
    left: Indices
    died: Mask
    team: Indices
    worker: Indices
    second_team: Indices
    transfers_on: Indices
    appointment_every: Indices
    misses: Numbers
    frailty: Numbers
    talkative: Numbers
    drinks: Mask
    anniversary: Indices
    channels: Numbers
    frequent_caller: Mask

    def __len__(self) -> int:
        return len(self.nhs_number)

    def present(self, days: int) -> Mask:
        """Who is registered, alive and here. Shape (days, people)."""
        day = np.arange(days)[:, None]
        return (day >= self.registered) & (day < self.left)

    @cached_property
    def nhs_numbers(self) -> NDArray[np.str_]:
        """NHS numbers as ten digits."""
        return self.nhs_number.astype(str)


def build_people(seed: int, count: int, city: City, period: Period) -> People:
    """Draw `count` people."""
    random = stream(seed, "people")
    home = random.choice(len(city), count, p=_where_people_live(city))
    latitude, longitude = city.points_in(home, random)
    birth_year = _birth_years(random, count)
    registered, left, died = _comings_and_goings(random, birth_year, len(period))
    movers = random.random(count) < 0.08
    team = np.where(random.random(count) < 0.8, city.quarter[home], -1)
    return People(
        nhs_number=_nhs_numbers(random, count),
        birth_year=birth_year,
        sex=random.choice(4, count, p=(0.50, 0.48, 0.01, 0.01)),
        ethnicity=random.choice(len(ETHNICITIES), count, p=_ETHNICITY_SHARES),
        home=home,
        latitude=latitude,
        longitude=longitude,
        second_home=np.where(movers, random.choice(len(city), count, p=_where_people_live(city)), -1),
        moves_on=random.integers(60, len(period), count),
        registered=registered,
        left=left,
        died=died,
        team=team,
        worker=random.integers(1, _WORKERS + 1, count),
        second_team=np.where(random.random(count) < 0.05, (team + 1) % len(TEAMS), -1),
        transfers_on=random.integers(90, len(period), count),
        appointment_every=random.choice([14, 21, 28, 42, 56, 84], count, p=(0.07, 0.13, 0.22, 0.26, 0.20, 0.12)),
        misses=random.beta(1.6, 11, count),
        frailty=random.normal(0, 1, count),
        talkative=random.gamma(1.1, 1 / 1.1, count),
        drinks=random.random(count) < 0.28,
        anniversary=random.integers(0, 365, count),
        channels=random.dirichlet((0.9, 0.9, 0.7, 0.9, 0.5), count),
        frequent_caller=_frequent_callers(random, count),
    )


def _where_people_live(city: City) -> Numbers:
    """Shares of the cells: services know more people where there are more, and where life is harder."""
    weight = city.population * np.exp(0.09 * (5 - city.decile))
    return np.asarray(weight / weight.sum())


def _birth_years(random: np.random.Generator, count: int) -> Indices:
    ages = np.clip(random.gamma(6.5, 6.6, count) + 3, 15, 97)
    return 2026 - ages.astype(np.int64)


def _comings_and_goings(random: np.random.Generator, birth_year: Indices, days: int) -> tuple[Indices, Indices, Mask]:
    """When people came, when they left, and whether that was by dying."""
    count = len(birth_year)
    new = random.random(count) < 0.15
    registered = np.where(new, random.integers(1, days - 20, count), -random.integers(30, 3000, count))
    yearly_deaths = 0.004 * np.exp(0.055 * np.maximum(0, 2026 - birth_year - 40))
    death = np.ceil(random.exponential(1, count) / yearly_deaths * 365.25)
    move = np.ceil(random.exponential(1, count) / 0.03 * 365.25)
    start = np.maximum(registered, 0)
    left = (start + np.minimum(death, move)).astype(np.int64)
    gone = left < days
    return registered, np.where(gone, left, NEVER), gone & (death < move)


def _frequent_callers(random: np.random.Generator, count: int) -> Mask:
    chosen = np.zeros(count, dtype=bool)
    chosen[random.choice(count, max(1, count // 100), replace=False)] = True
    return chosen


def _nhs_numbers(random: np.random.Generator, count: int) -> Indices:
    """Distinct valid numbers from the range for tests: nine digits and the modulus-11 check digit."""
    candidates = 999_000_000 + random.choice(999_999, 2 * count + 50, replace=False)
    digits = (candidates[:, None] // 10 ** np.arange(8, -1, -1)) % 10
    check = (11 - (digits * np.arange(10, 1, -1)).sum(axis=1) % 11) % 11
    return np.asarray((candidates * 10 + check)[check < 10][:count])
