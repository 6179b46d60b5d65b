"""Who lives in the invented city and is known to its services. Nobody here exists.

People are drawn block by block, so that a city of any size takes the memory of one block.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from crisisrisk.simulation.city import City
from crisisrisk.simulation.names import HOUSES, draw_names
from crisisrisk.simulation.period import END, Indices, Mask, Numbers, Period, stream
from crisisrisk.simulation.person_dynamics import CHANNELS
from crisisrisk.simulation.settings import BLOCK_PEOPLE
from crisisrisk.simulation.teams import teams_per_quarter

if TYPE_CHECKING:
    from crisisrisk.simulation.settings import CitySettings

ETHNICITIES = ("White", "Asian or Asian British", "Black, Black British, Caribbean or African", "Mixed", "Other", "")
NEVER = 1_000_000
# From so many people on, one of them rings every day.
FEWEST_WITH_DAILY_CALLER = 20_000

_ETHNICITY_SHARES = (0.56, 0.20, 0.11, 0.05, 0.03, 0.05)
_WORKERS = 12
_DAYS_PER_YEAR = 365.25
_COMING, _LEAVING = 0.08, 0.03
_APPOINTMENT_EVERY = {14: 0.07, 21: 0.13, 28: 0.22, 42: 0.26, 56: 0.20, 84: 0.12}
# How much more often frequent callers ring: a heavy tail.
_CALLER_SHARE, _CALLER_TAIL, _FEWEST_CALLS, _MOST_CALLS = 0.012, 1.3, 10.0, 120.0


@dataclass(frozen=True, kw_only=True)
class People:
    """Everything fixed about each person of a block. Arrays have shape (people,); days are numbers of the period.

    `first` is the number of the first person in the whole city.
    `registered` is below 0 for people known before it starts. `left` is the day of death or of moving away,
    NEVER for most. `open`: cared for by a team at present; `team` is -1 for the others. `frailty` is standard
    normal: how easily things go wrong in the long run; `talkative` has a mean of 1. `channels` is (people, channels),
    rows sum to one. `second_home` is -1 for people who do not move inside the city. `caller` multiplies calls
    about other things than a crisis; `daily_caller` marks the one person in a large city who rings every day.
    """

    first: int
    birth_date: Indices
    birth_year: Indices
    sex: Indices
    ethnicity: Indices
    surname: Indices
    forename: Indices
    house: Indices
    home: Indices
    area: Indices
    latitude: Numbers
    longitude: Numbers
    second_home: Indices
    second_latitude: Numbers
    second_longitude: Numbers
    moves_on: Indices
    registered: Indices
    left: Indices
    died: Mask
    open: Mask
    team: Indices
    worker: Indices
    second_team: Indices
    transfers_on: Indices
    appointment_every: Indices
    appointment_phase: Indices
    misses: Numbers
    frailty: Numbers
    talkative: Numbers
    drinks: Mask
    anniversary: Indices
    channels: Numbers
    caller: Numbers
    daily_caller: Mask

    def __len__(self) -> int:
        return len(self.home)

    def present(self, days: int) -> Mask:
        """Who is registered, alive and here. Shape (days, people)."""
        day = np.arange(days)[:, None]
        return (day >= self.registered) & (day < self.left)


def block_people(settings: "CitySettings", city: City, period: Period, block: int) -> People:
    """The people of one block: the last may hold fewer."""
    random = stream(settings.seed, "people", block)
    first = block * BLOCK_PEOPLE
    count = min(BLOCK_PEOPLE, settings.people - first)
    home, second_home = random.choice(len(city), (2, count), p=_where_people_live(city))
    traits = _traits(random, count)
    registered, left, died = _comings_and_goings(random, traits["birth_year"], len(period))
    latitude, longitude = city.points_in(home, random)
    second_home = np.where(random.random(count) < 0.08, second_home, -1)
    second_latitude, second_longitude = city.points_in(second_home, random)
    stays = (registered < -365) & (left == NEVER)
    return People(
        first=first,
        home=home,
        area=np.asarray(city.area, dtype=np.int64)[home],
        latitude=latitude,
        longitude=longitude,
        second_home=second_home,
        second_latitude=second_latitude,
        second_longitude=second_longitude,
        moves_on=random.integers(60, len(period), count),
        registered=registered,
        left=left,
        died=died,
        daily_caller=_daily_caller(stays, settings.people, block),
        **traits,
        **_care(random, count, city.quarter[home], home, settings.people, len(period)),
    )


def _where_people_live(city: City) -> Numbers:
    """Shares of the cells: services know more people where there are more, and where life is harder."""
    weight = city.population * np.exp(0.09 * (5 - city.decile))
    return np.asarray(weight / weight.sum())


def _traits(random: np.random.Generator, count: int) -> dict[str, Any]:
    sex = random.choice(4, count, p=(0.50, 0.48, 0.01, 0.01))
    surname, forename = draw_names(random, sex)
    birth_date, birth_year = _births(random, count)
    caller = np.minimum(_FEWEST_CALLS * (1 + random.pareto(_CALLER_TAIL, count)), _MOST_CALLS)
    return {
        "birth_date": birth_date,
        "birth_year": birth_year,
        "sex": sex,
        "ethnicity": random.choice(len(ETHNICITIES), count, p=_ETHNICITY_SHARES),
        "surname": surname,
        "forename": forename,
        "house": random.integers(1, HOUSES + 1, count),
        "misses": random.beta(1.6, 11, count),
        "frailty": random.normal(0, 1, count),
        "talkative": random.gamma(1.1, 1 / 1.1, count),
        "drinks": random.random(count) < 0.28,
        "anniversary": random.integers(0, 365, count),
        "channels": random.dirichlet(np.array([0.9, 0.9, 0.7, 0.9, 0.5]), count)[:, : len(CHANNELS)],
        "caller": np.where(random.random(count) < _CALLER_SHARE, caller, 1.0),
    }


def _births(random: np.random.Generator, count: int) -> tuple[Indices, Indices]:
    """Birth dates as days since 1970, and their years."""
    ages = np.clip(random.gamma(6.5, 6.6, count) + 3, 15, 97)
    year = END.year - ages.astype(np.int64)
    january = (year - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    return january + random.integers(0, 365, count), year


def _comings_and_goings(random: np.random.Generator, birth_year: Indices, days: int) -> tuple[Indices, Indices, Mask]:
    """When people came, when they left, and whether that was by dying."""
    count = len(birth_year)
    new = random.random(count) < -np.expm1(-_COMING * days / _DAYS_PER_YEAR)
    registered = np.where(new, random.integers(1, days - 20, count), -random.integers(30, 3000, count))
    yearly_deaths = 0.004 * np.exp(0.055 * np.maximum(0, END.year - birth_year - 40))
    death = np.ceil(random.exponential(1, count) / yearly_deaths * _DAYS_PER_YEAR)
    move = np.ceil(random.exponential(1, count) / _LEAVING * _DAYS_PER_YEAR)
    left = (np.maximum(registered, 0) + np.minimum(death, move)).astype(np.int64)
    gone = left < days
    return registered, np.where(gone, left, NEVER), gone & (death < move)


def _daily_caller(stays: Mask, people: int, block: int) -> Mask:
    """The first person of a large city who was there before it starts and stays until it ends."""
    chosen = np.zeros(len(stays), dtype=bool)
    if block == 0 and people >= FEWEST_WITH_DAILY_CALLER:
        chosen[np.flatnonzero(stays)[:1]] = True
    return chosen


def _care(
    random: np.random.Generator, count: int, quarter: Indices, home: Indices, people: int, days: int
) -> dict[str, Any]:
    """Teams, workers, transfers and the diary of appointments."""
    each = teams_per_quarter(people)
    is_open = random.random(count) < 0.8
    team = np.where(is_open, quarter * each + home % each, -1)
    every = random.choice(list(_APPOINTMENT_EVERY), count, p=list(_APPOINTMENT_EVERY.values()))
    return {
        "open": is_open,
        "team": team,
        "worker": random.integers(1, _WORKERS + 1, count),
        "second_team": np.where(is_open & (random.random(count) < 0.05), (team + each) % (4 * each), -1),
        "transfers_on": random.integers(90, days, count),
        "appointment_every": every,
        "appointment_phase": 7 * random.integers(0, every // 7) + random.integers(0, 5, count),
    }
