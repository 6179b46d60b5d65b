"""The tables beside the contacts: people, links between records, caseloads, objections, places, sites of care.

Each is a dated history as an agency would send it: a later row corrects or ends an earlier one, and every
row says when it became known. Those about people are written block by block: a block's rows stand together.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.simulation.city import City
from crisisrisk.simulation.contacts import SOURCES, code_numbers, source_number
from crisisrisk.simulation.defects import ETHNICITY_UNDER_RECORDED, UNDER_RECORDED_GROUP, UNDER_RECORDED_SHARE
from crisisrisk.simulation.identities import ambulance_keys, nhs_numbers, police_keys
from crisisrisk.simulation.names import forename_words, surname_words
from crisisrisk.simulation.pages import address_texts, nominal_texts, patient_texts
from crisisrisk.simulation.people import ETHNICITIES, NEVER, People
from crisisrisk.simulation.period import SECONDS_PER_DAY, Indices, Mask, Numbers, Period, Seconds, stream
from crisisrisk.simulation.recording import Recorded, address
from crisisrisk.simulation.teams import team_ids
from crisisrisk.simulation.texts import (
    DAY,
    Columns,
    Texts,
    csv_bytes,
    date_texts,
    decimals,
    header_line,
    local_texts,
    nhs_texts,
    whole,
    word_table,
)

if TYPE_CHECKING:
    from crisisrisk.simulation.settings import CitySettings

_SEXES = ("F", "M", "X", "U")
# How the sources with keys are called in the list of links.
LINKED_SOURCES = {
    "police_999": "999", "police_101": "101", "welfare_check_request": "WELFARE", "s136": "S136",
    "missing_person": "MISPER", "ambulance_999": "AMB",
}  # fmt: skip
_LINKED_LATE, _OLD_LINK, _DOUBTFUL = 0.10, 0.5, 0.3
_WRONG_AT_FIRST = 0.0025
_OBJECTS = 1 / 130
REGISTERS = ("people.csv", "person_links.csv", "caseloads.csv", "opt_outs.csv", "places.csv", "sites_of_care.csv")
_COLUMNS = {
    "people.csv": (
        "nhs_number", "surname", "forename", "birth_date", "address", "born", "sex", "ethnic_group", "home",
        "imd_decile", "from", "to", "died", "known",
    ),
    "person_links.csv": ("system", "key", "nhs_number", "confidence", "from", "known"),
    "caseloads.csv": ("nhs_number", "team", "worker", "from", "to", "known"),
    "opt_outs.csv": ("nhs_number", "kind", "from", "known"),
}  # fmt: skip


def register_parts(
    settings: "CitySettings", period: Period, city: City, people: People, kept: Recorded, *, block: int, folder: Path
) -> None:
    """Leave the rows of one block in each register of people in a folder, for `write_register`."""
    makers = {
        "people.csv": _people(settings, period, city, people, block),
        "person_links.csv": _person_links(settings, period, people, kept, block),
        "caseloads.csv": _caseloads(settings, period, people),
        "opt_outs.csv": _opt_outs(settings, period, people, block),
    }
    for name, columns in makers.items():
        ordered = {column: columns[column] for column in _COLUMNS[name]}
        _part(folder, name, block).write_bytes(csv_bytes(ordered).tobytes())


def write_register(name: str, settings: "CitySettings", city: City, working: Path, out: Path) -> None:
    """Write one register whole: those about people from the parts of their blocks. One without rows is not made."""
    if name not in _COLUMNS:
        columns = _places(city) if name == "places.csv" else _sites_of_care(city)
        (out / name).write_bytes(header_line(columns) + csv_bytes(columns).tobytes())
        return
    parts = [_part(working, name, block) for block in range(settings.blocks)]
    if not any(part.stat().st_size for part in parts):
        return
    with (out / name).open("wb") as handle:
        handle.write(header_line(_COLUMNS[name]))
        for part in parts:
            handle.write(part.read_bytes())


def _part(folder: Path, name: str, block: int) -> Path:
    return folder / f"{block:06d}-part-{name}"


@dataclass(frozen=True, kw_only=True)
class _States:
    """Dated states of people: the place of each in the block, when it begins, ends (-1 if not) and becomes known."""

    row: Indices
    begins: Seconds
    ends: Seconds
    known: Seconds
    kind: Indices

    def arrived(self, end: int) -> "_States":
        """What is known by the end: person by person, oldest first."""
        order = np.lexsort((self.known, self.row))
        return self.taken(order[self.known[order] <= end])

    def taken(self, order: NDArray[Any]) -> "_States":
        return _States(**{field.name: getattr(self, field.name)[order] for field in fields(self)})

    def dates(self) -> Columns:
        return {
            "from": local_texts(self.begins, DAY),
            "to": local_texts(self.ends, DAY),
            "known": local_texts(self.known, DAY),
        }


def _together(parts: list[_States]) -> _States:
    return _States(
        **{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(_States)}
    )


def _states(row: Indices, begins: Seconds, known: Seconds, *, ends: Seconds | None = None, kind: int = 0) -> _States:
    nothing = np.full(len(row), -1, dtype=np.int64)
    return _States(
        row=row, begins=begins, ends=nothing if ends is None else ends, known=known, kind=np.full(len(row), kind)
    )


def _nhs(settings: "CitySettings", people: People, row: Indices) -> Texts:
    return nhs_texts(nhs_numbers(settings.seed, people.first + row))


_REGISTERED, _MOVED, _GONE = 0, 1, 2


def _people(settings: "CitySettings", period: Period, city: City, people: People, block: int) -> Columns:
    """One state at registration, another after a move, a last one for those who died or went away."""
    random = stream(settings.seed, "register people", block)
    row = np.arange(len(people))
    moved = (people.second_home >= 0) & (people.moves_on > people.registered) & (people.moves_on < people.left)
    gone = people.left < NEVER
    parts = []
    for kind, mask, day, most_days in (
        (_REGISTERED, np.ones(len(row), dtype=bool), people.registered, 2),
        (_MOVED, moved, people.moves_on, 40),
        (_GONE, gone, people.left, 25),
    ):
        own = row[mask]
        begins = period.midnight_of(day[own])
        known = period.midnight_of(day[own] + random.integers(1, most_days, len(own)))
        parts.append(_states(own, begins, known, ends=begins if kind == _GONE else None, kind=kind))
    states = _together(parts).arrived(period.end)
    return _person_columns(settings, city, people, states, moved, random)


def _person_columns(
    settings: "CitySettings", city: City, people: People, states: _States, moved: Mask, random: np.random.Generator
) -> Columns:
    row, last = states.row, states.kind == _GONE
    second = (states.kind == _MOVED) | (last & moved[row])
    home = np.where(second, people.second_home[row], people.home[row])
    left = np.where(last & people.died[row], states.begins, -1)
    return {
        "nhs_number": _nhs(settings, people, row),
        "surname": surname_words().taken(people.surname[row]),
        "forename": forename_words().taken(people.forename[row]),
        "birth_date": date_texts(people.birth_date[row]),
        "address": address_texts(*address(people, row, second=second)),
        "born": whole(people.birth_year[row]),
        "sex": word_table(_SEXES).taken(people.sex[row]),
        "ethnic_group": word_table(ETHNICITIES).taken(_ethnicity(settings, people, random)[row]),
        "home": word_table(city.ids).taken(home),
        "imd_decile": whole(city.decile[home]),
        "died": local_texts(left, DAY),
        **states.dates(),
    }


def _ethnicity(settings: "CitySettings", people: People, random: np.random.Generator) -> Indices:
    """Ethnic groups as the register has them; one of them may be under-recorded on purpose."""
    missing = (people.ethnicity == UNDER_RECORDED_GROUP) & (random.random(len(people)) < UNDER_RECORDED_SHARE)
    if ETHNICITY_UNDER_RECORDED not in settings.defects:
        return people.ethnicity
    return np.where(missing, ETHNICITIES.index(""), people.ethnicity)


def _person_links(settings: "CitySettings", period: Period, people: People, kept: Recorded, block: int) -> Columns:
    """Which key is which person, from the first row that has it. Some links came late, a few were wrong at first."""
    random = stream(settings.seed, "register links", block)
    row, source, first = _first_named(people, kept)
    fate, doubt = random.random(len(people))[row], random.uniform(0.7, 0.95, len(row))
    delay = np.where(fate < _LINKED_LATE, random.integers(10, 45, len(row)), random.integers(0, 4, len(row)))
    old = (fate > _OLD_LINK) & (people.registered[row] < 0)
    begins = np.where(old, period.midnight[0] - 30 * SECONDS_PER_DAY, period.midnight_of(period.day_of(first)))
    known = begins + np.where(old, 1, 1 + delay) * SECONDS_PER_DAY
    right = np.where(fate < _DOUBTFUL, doubt, 1.0)
    wrong = np.flatnonzero(random.random(len(row)) < _WRONG_AT_FIRST)
    # The same keys tied to another person half a day before the right link.
    place = np.concatenate([wrong, np.arange(len(row))])
    confidence: Numbers = np.concatenate([np.full(len(wrong), 0.55), right])
    owner = np.concatenate([(row[wrong] * 13 + 1) % len(people), row])
    moment = np.concatenate([known[wrong] - 12 * 3_600, known])
    order = np.lexsort((moment, source[place], row[place]))
    order = order[moment[order] <= period.end]
    return {
        "system": _systems().taken(source[place][order]),
        "key": _keys(settings, people, row[place][order], source[place][order]),
        "nhs_number": _nhs(settings, people, owner[order]),
        "confidence": decimals(confidence[order], 2),
        "from": local_texts(begins[place][order], DAY),
        "known": local_texts(moment[order], DAY),
    }


def _first_named(people: People, kept: Recorded) -> tuple[Indices, Indices, Seconds]:
    """Person (in the block), source and instant of the first row that names each person in each source with keys."""
    rows = kept.contacts
    suite = rows.code == code_numbers(["SUITE"])[0]
    named = np.flatnonzero((kept.named >= 0) & rows.is_from(*LINKED_SOURCES) & ~suite)
    own = (kept.named[named].astype(np.int64) - people.first) * len(SOURCES) + rows.source[named]
    order = np.lexsort((rows.at[named], own))
    pairs, first = np.unique(own[order], return_index=True)
    row, source = np.divmod(pairs, len(SOURCES))
    return row, source, rows.at[named][order][first]


def _systems() -> Texts:
    return word_table([LINKED_SOURCES.get(source, "") for source in SOURCES])


def _keys(settings: "CitySettings", people: People, row: Indices, source: Indices) -> Texts:
    number = people.first + row
    ambulance = source == source_number("ambulance_999")
    patients = patient_texts(ambulance_keys(settings.seed, number))
    return nominal_texts(police_keys(settings.seed, number)).where(~ambulance, patients)


def _caseloads(settings: "CitySettings", period: Period, people: People) -> Columns:
    """Who is with which team and worker; a transfer ends one row and begins another."""
    own = np.flatnonzero(people.team >= 0)
    in_between = (people.transfers_on > people.registered) & (people.transfers_on < people.left)
    transferred = (people.second_team >= 0) & in_between
    begins, ends = people.registered + 1, np.where(transferred, people.transfers_on, people.left)
    moved, leaving = own[transferred[own]], own[ends[own] < NEVER]
    later = moved[people.left[moved] < NEVER]
    parts = [
        _caseload(period, own, begins, None, second=False),
        _caseload(period, leaving, begins, ends, second=False),
        _caseload(period, moved, people.transfers_on, None, second=True),
        _caseload(period, later, people.transfers_on, people.left, second=True),
    ]
    states = _together(parts).arrived(period.end)
    team = np.where(states.kind == 1, people.second_team[states.row], people.team[states.row])
    ids = team_ids(settings.people)
    return {
        "nhs_number": _nhs(settings, people, states.row),
        "team": word_table(ids).taken(team),
        "worker": _workers(ids, team, people.worker[states.row]),
        **states.dates(),
    }


def _caseload(period: Period, own: Indices, begins: Indices, ends: Indices | None, *, second: bool) -> _States:
    known = period.midnight_of((begins if ends is None else ends)[own] + 1)
    over = None if ends is None else period.midnight_of(ends[own])
    return _states(own, period.midnight_of(begins[own]), known, ends=over, kind=int(second))


def _workers(teams: tuple[str, ...], team: Indices, worker: Indices) -> Texts:
    """The worker's number after the first letter of the team, and its own number where there is one: E03, N2-07."""
    initials = [
        f"{quarter[0].upper()}{number}{mark}" for quarter, mark, number in (team.partition("-") for team in teams)
    ]
    return word_table(initials).taken(team).beside(whole(worker, least_digits=2))


def _opt_outs(settings: "CitySettings", period: Period, people: People, block: int) -> Columns:
    """People who object, to the use of their records or to being scored."""
    random = stream(settings.seed, "register objections", block)
    own = np.flatnonzero(random.random(len(people)) < _OBJECTS)
    begins = period.midnight_of(random.integers(10, len(period) - 20, len(own)))
    kind = random.integers(0, 2, len(own))
    return {
        "nhs_number": _nhs(settings, people, own),
        "kind": word_table(("national", "scoring")).taken(kind),
        "from": local_texts(begins, DAY),
        "known": local_texts(begins + 5 * SECONDS_PER_DAY, DAY),
    }


def _places(city: City) -> Columns:
    return {
        "cell": word_table(city.ids),
        "name": word_table(city.names),
        "lat": decimals(city.latitude, 5),
        "lon": decimals(city.longitude, 5),
        "area_km2": decimals(city.area_km2, 3),
        "residents": whole(city.population),
        "imd_decile": whole(city.decile),
    }


def _sites_of_care(city: City) -> Columns:
    cells = np.array([site.cell for site in city.sites])
    words = {
        name: word_table([str(getattr(site, attribute)) for site in city.sites])
        for name, attribute in (
            ("site", "id"), ("name", "name"), ("kind", "kind"), ("opens", "opens"), ("closes", "closes"),
            ("places", "places"), ("ages", "ages"), ("conditions", "conditions"), ("phone", "phone"),
        )
    }  # fmt: skip
    return words | {"lat": decimals(city.latitude[cells], 5), "lon": decimals(city.longitude[cells], 5)}
