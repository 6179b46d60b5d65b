"""The tables beside the contacts: people, links between records, caseloads, objections, places, sites of care.

Each is a dated history as an agency would send it: a later row corrects or ends an earlier one, and every
row says when it became known.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from crisisrisk.simulation.agencies import police_nominals
from crisisrisk.simulation.city import TEAMS, City
from crisisrisk.simulation.people import ETHNICITIES, NEVER, People
from crisisrisk.simulation.period import SECONDS_PER_DAY, Indices, Mask, Period, Seconds, stream
from crisisrisk.simulation.texts import DAY, Columns, Texts, decimals, local_texts, of_person, whole

_SEXES = ("F", "M", "X", "U")
_POLICE_SOURCES = {"police_999": "999", "police_101": "101", "welfare_check_request": "WELFARE", "s136": "S136"}


def registers(seed: int, rows: pd.DataFrame, people: People, city: City, period: Period) -> dict[str, Columns]:
    """Every register by the name of its file."""
    return {
        "people.csv": _people(seed, people, city, period),
        "person_links.csv": _person_links(seed, rows, people, period),
        "caseloads.csv": _caseloads(people, period),
        "opt_outs.csv": _opt_outs(seed, people, period),
        "places.csv": _places(city),
        "sites_of_care.csv": _sites_of_care(city),
    }


def _arrived(frame: pd.DataFrame, period: Period) -> Columns:
    """What is known by the end, oldest first, with dates as texts."""
    kept = frame[frame["known"] <= period.end].sort_values(["known", "order"], kind="stable")
    names = [str(name) for name in kept if name != "order"]
    dates = [name for name in names if name in ("from", "known", "to", "died")]
    columns = {name: kept[name].to_numpy(object) for name in names if name not in dates}
    return columns | {name: local_texts(kept[name].to_numpy(np.int64), DAY) for name in dates}


def _frame(order: Indices, **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"order": order, **columns})


def _people(seed: int, people: People, city: City, period: Period) -> Columns:
    """One state at registration, another after a move, a last one for those who died or went away."""
    random = stream(seed, "register people")
    everybody = np.arange(len(people))
    moved = (people.second_home >= 0) & (people.moves_on > people.registered) & (people.moves_on < people.left)
    gone = people.left < NEVER
    states: Iterable[tuple[Mask, Indices, Indices, Indices]] = (
        (np.ones(len(people), dtype=bool), people.registered, people.home, np.ones(len(people), dtype=np.int64)),
        (moved, people.moves_on, people.second_home, random.integers(2, 40, len(people))),
        (gone, people.left, np.where(moved, people.second_home, people.home), random.integers(2, 25, len(people))),
    )
    frames = []
    for number, (mask, day, home, delay) in enumerate(states):
        own, ended = everybody[mask], number == 2
        begins = period.midnight_of(day[own])
        leaves = begins if ended else np.full(len(own), -1)
        frames.append(
            _frame(
                own,
                **_person_columns(people, city, own, home[own]),
                known=period.midnight_of(day[own] + delay[own]),
                to=leaves,
                died=np.where(people.died[own], leaves, -1),
            ).assign(**{"from": begins})
        )
    return _arrived(pd.concat(frames, ignore_index=True), period)


def _person_columns(people: People, city: City, own: Indices, home: Indices) -> dict[str, Texts]:
    return {
        "nhs_number": of_person(own, people.nhs_numbers),
        "born": whole(people.birth_year[own]),
        "sex": np.array(_SEXES, dtype=object)[people.sex[own]],
        "ethnic_group": np.array(ETHNICITIES, dtype=object)[people.ethnicity[own]],
        "home": np.array(city.ids, dtype=object)[home],
        "imd_decile": whole(city.decile[home]),
    }


def _person_links(seed: int, rows: pd.DataFrame, people: People, period: Period) -> Columns:
    """Which police key is which person. Some links are made late, some never, a few were wrong at first."""
    random = stream(seed, "register links")
    named = rows[(rows["person"] >= 0) & rows["source"].isin(_POLICE_SOURCES) & (rows["code"] != "SUITE")]
    first = named.groupby(["person", "source"], as_index=False)["at"].min()
    person, begins = first["person"].to_numpy(), first["at"].to_numpy(np.int64)
    fate = random.random(len(people))[person]
    delay = np.where(fate < 0.10, random.integers(20, 150, len(first)), random.integers(0, 4, len(first)))
    old = (fate > 0.5) & (people.registered[person] < 0)
    begins = np.where(old, period.midnight[0] - 30 * SECONDS_PER_DAY, _midnight(begins, period))
    frame = _frame(
        np.arange(len(first)),
        system=first["source"].map(_POLICE_SOURCES).to_numpy(object),
        nominal=of_person(person, police_nominals(people)),
        nhs_number=of_person(person, people.nhs_numbers),
        known=begins + np.where(old, 1, 1 + delay) * SECONDS_PER_DAY,
        confidence=decimals(np.where(fate < 0.3, random.uniform(0.7, 0.95, len(first)), 1.0), 2),
    ).assign(**{"from": begins})
    frame = frame[fate < 0.95]
    return _arrived(pd.concat([_wrong_at_first(frame, people), frame], ignore_index=True), period)


def _wrong_at_first(frame: pd.DataFrame, people: People) -> pd.DataFrame:
    """The same keys tied to another person a little before the right link."""
    wrong = frame.iloc[5::400].copy()
    wrong["known"] -= 3_600 * 12
    wrong["nhs_number"] = of_person((wrong["order"].to_numpy() * 13) % len(people), people.nhs_numbers)
    wrong["confidence"] = "0.55"
    return wrong


def _midnight(instants: Seconds, period: Period) -> Seconds:
    return period.midnight_of(period.day_of(instants))


def _caseloads(people: People, period: Period) -> Columns:
    """Who is with which team and worker; a transfer ends one row and begins another."""
    own = np.flatnonzero(people.team >= 0)
    in_between = (people.transfers_on > people.registered) & (people.transfers_on < people.left)
    transferred = (people.second_team >= 0) & in_between
    begins, ends = people.registered + 1, np.where(transferred, people.transfers_on, people.left)
    moved, leaving = own[transferred[own]], own[ends[own] < NEVER]
    later = moved[people.left[moved] < NEVER]
    frames = [
        _caseload(people, period, own, people.team, begins, None),
        _caseload(people, period, leaving, people.team, begins, ends),
        _caseload(people, period, moved, people.second_team, people.transfers_on, None),
        _caseload(people, period, later, people.second_team, people.transfers_on, people.left),
    ]
    return _arrived(pd.concat(frames, ignore_index=True), period)


def _caseload(
    people: People, period: Period, own: Indices, team: Indices, begins: Indices, ends: Indices | None
) -> pd.DataFrame:
    known = (begins if ends is None else ends)[own] + 1
    initials = [TEAMS[number][0].upper() for number in team]
    workers = np.array([f"{letter}{worker:02d}" for letter, worker in zip(initials, people.worker, strict=True)])
    return _frame(
        own,
        nhs_number=of_person(own, people.nhs_numbers),
        team=np.array(TEAMS, dtype=object)[team[own]],
        worker=workers[own].astype(object),
        known=period.midnight_of(known),
        to=np.full(len(own), -1) if ends is None else period.midnight_of(ends[own]),
    ).assign(**{"from": period.midnight_of(begins[own])})


def _opt_outs(seed: int, people: People, period: Period) -> Columns:
    random = stream(seed, "register objections")
    own = np.sort(random.choice(len(people), max(1, len(people) // 130), replace=False))
    begins = period.midnight_of(random.integers(10, len(period) - 20, len(own)))
    frame = _frame(
        own, nhs_number=of_person(own, people.nhs_numbers), kind=random.choice(["national", "scoring"], len(own)),
        known=begins + 5 * SECONDS_PER_DAY,
    ).assign(**{"from": begins})  # fmt: skip
    return _arrived(frame, period)


def _places(city: City) -> Columns:
    return {
        "cell": np.array(city.ids, dtype=object),
        "name": np.array(city.names, dtype=object),
        "lat": decimals(city.latitude, 5),
        "lon": decimals(city.longitude, 5),
        "area_km2": decimals(city.area_km2, 3),
        "residents": whole(city.population),
        "imd_decile": whole(city.decile),
    }


# Kind, how many, opens, closes, places, ages, conditions.
_SITES = (
    ("base", 2, "", "", "", "", ""),
    ("standby_point", 6, "", "", "", "", ""),
    ("place_of_safety", 2, "", "", "3", "all ages", "not with an injury that needs an emergency department"),
    ("crisis_cafe", 3, "16:00", "23:00", "12", "18 and over", "not for people who have been drinking"),
    ("emergency_department", 2, "", "", "", "all ages", ""),
)


def _sites_of_care(city: City) -> Columns:
    """Spread over the liveliest and the most populous cells. Telephone numbers are from the range for drama."""
    order = np.argsort(-city.streets, kind="stable")
    table = []
    for kind, count, *rest in _SITES:
        table += [(kind, *rest)] * count
    cells = order[np.arange(len(table)) * 5 % len(city)]
    columns = list(zip(*table, strict=True))
    names = ("kind", "opens", "closes", "places", "ages", "conditions")
    return {
        "site": np.array([f"site-{number:02d}" for number in range(1, len(table) + 1)], dtype=object),
        **{name: np.array(values, dtype=object) for name, values in zip(names, columns, strict=True)},
        "lat": decimals(city.latitude[cells], 5),
        "lon": decimals(city.longitude[cells], 5),
        "phone": np.array([f"0121 496 {number:04d}" for number in range(100, 100 + len(table))], dtype=object),
    }
