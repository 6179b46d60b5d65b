"""Counts of what happened, for the pictures: they add up, so that they can be kept block by block."""

from dataclasses import dataclass, fields

import h3
import numpy as np

from crisisrisk.episodes import onsets
from crisisrisk.simulation.city import City
from crisisrisk.simulation.contacts import ORIGINS, SOURCES, Contacts, number_of
from crisisrisk.simulation.period import SECONDS_PER_DAY, SECONDS_PER_HOUR, Indices, Mask, Period, local_clock

MOST_PER_PERSON = 1_000
LONGEST_EPISODE_DAYS = 60
STABLE_GAP_DAYS = 7
CRISIS_SOURCES = ("s136", "street_triage", "mh_admission", "crisis_line")
PLACE_SOURCES = ("s136", "street_triage")
_NOT_DEMAND = [number_of(origin, ORIGINS) for origin in ("team_initiated", "follow_up")]
_NIGHT_STARTS, _NIGHT_HOURS, _NIGHT_DAYS_BEFORE_END = 22, 10, 8


@dataclass(frozen=True)
class Tally:
    """`by_hour` (sources, 24) counts contacts by local hour; `night` (cells,) those of one Saturday night.

    `crises` and `detentions` (MOST_PER_PERSON + 1,) say how many people had so many in the last year, the last entry
    those with more; `episodes` (LONGEST_EPISODE_DAYS + 1,) how many episodes lasted so many whole days.
    """

    by_hour: Indices
    night: Indices
    crises: Indices
    detentions: Indices
    episodes: Indices

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    @property
    def by_source(self) -> Indices:
        """Contacts of each source. Shape (sources,)."""
        return np.asarray(self.by_hour.sum(axis=1))


def nothing(city: City) -> Tally:
    """The tally of no contacts."""
    return Tally(
        by_hour=np.zeros((len(SOURCES), 24), dtype=np.int64),
        night=np.zeros(len(city), dtype=np.int64),
        crises=np.zeros(MOST_PER_PERSON + 1, dtype=np.int64),
        detentions=np.zeros(MOST_PER_PERSON + 1, dtype=np.int64),
        episodes=np.zeros(LONGEST_EPISODE_DAYS + 1, dtype=np.int64),
    )


def tally(contacts: Contacts, people: int, city: City, period: Period) -> Tally:
    """Count contacts of a block of so many people (0: of people whom nobody knows)."""
    crisis = (contacts.crisis | contacts.is_from(*CRISIS_SOURCES)) & (contacts.person >= 0)
    hour = local_clock(contacts.at).hour.to_numpy()
    cells = contacts.source.astype(np.int64) * 24 + hour
    return Tally(
        by_hour=np.bincount(cells, minlength=len(SOURCES) * 24).reshape(len(SOURCES), 24),
        night=_night(contacts, city, period),
        crises=_per_person(contacts, crisis, people, period),
        detentions=_per_person(contacts, contacts.is_from("s136") & (contacts.person >= 0), people, period),
        episodes=_episodes(contacts.taken(crisis)),
    )


def night_of(period: Period) -> tuple[int, int]:
    """When the night on the map starts and ends: the last whole Saturday night."""
    starts = int(period.midnight[len(period) - _NIGHT_DAYS_BEFORE_END]) - (24 - _NIGHT_STARTS) * SECONDS_PER_HOUR
    return starts, starts + _NIGHT_HOURS * SECONDS_PER_HOUR


def _per_person(contacts: Contacts, mask: Mask, people: int, period: Period) -> Indices:
    """How many people had so many in the year before the end, people with none among them."""
    lately = mask & (contacts.at >= period.end - 365 * SECONDS_PER_DAY)
    _, counts = np.unique(contacts.person[lately], return_counts=True)
    found = np.bincount(np.minimum(counts, MOST_PER_PERSON), minlength=MOST_PER_PERSON + 1)
    found[0] = people - len(counts)
    return found


def _episodes(crises: Contacts) -> Indices:
    """Whole days from the first to the last crisis contact of each episode."""
    if len(crises) == 0:
        return np.zeros(LONGEST_EPISODE_DAYS + 1, dtype=np.int64)
    crises = crises.taken(np.lexsort((crises.at, crises.person)))
    firsts = np.flatnonzero(np.diff(crises.person, prepend=-1))
    offsets = np.append(firsts, len(crises))
    begins = np.flatnonzero(onsets(offsets, crises.at, stable_gap_us=STABLE_GAP_DAYS * SECONDS_PER_DAY))
    last = np.append(begins[1:], len(crises)) - 1
    days = (crises.at[last] - crises.at[begins]) // SECONDS_PER_DAY
    return np.bincount(np.minimum(days, LONGEST_EPISODE_DAYS), minlength=LONGEST_EPISODE_DAYS + 1)


def _night(contacts: Contacts, city: City, period: Period) -> Indices:
    """What the truth of places counts, by cell, on the night of the map: demand, not what teams set out to do."""
    starts, ends = night_of(period)
    shown = (contacts.at >= starts) & (contacts.at < ends) & ~np.isnan(contacts.latitude)
    counts = contacts.crisis | contacts.is_from(*PLACE_SOURCES)
    chosen = contacts.taken(shown & counts & ~np.isin(contacts.origin, _NOT_DEMAND))
    number = {cell: index for index, cell in enumerate(city.ids)}
    resolution = h3.get_resolution(city.ids[0])
    found = [
        number[cell]
        for point in zip(chosen.latitude.tolist(), chosen.longitude.tolist(), strict=True)
        if (cell := h3.latlng_to_cell(*point, resolution)) in number
    ]
    return np.bincount(np.array(found, dtype=np.int64), minlength=len(city))
