"""What agencies make of contacts: when they know of them, whom they name, and what never arrives.

The delays are those of such services: minutes at an emergency desk, a day or more in a trust, weeks in
social care. What would become known after the end of the period has not arrived yet.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crisisrisk.simulation.people import People
from crisisrisk.simulation.period import SECONDS_PER_HOUR, Mask, Period, Seconds, local_clock, stream


@dataclass(frozen=True, kw_only=True)
class Desk:
    """How one source is recorded: the delay is log-normal with this median and spread.

    `named` is the share of rows that name the person; `dates_only` desks note days, not hours.
    """

    median_hours: float
    spread: float = 0.7
    named: float = 1.0
    dates_only: bool = False


DESKS: dict[str, Desk] = {
    "police_999": Desk(median_hours=0.12, named=0.80),
    "police_101": Desk(median_hours=0.4, named=0.75),
    "welfare_check_request": Desk(median_hours=0.3, named=0.95),
    "s136": Desk(median_hours=5.0, named=0.98),
    "ambulance_999": Desk(median_hours=0.6, named=0.74),
    "nhs_111": Desk(median_hours=0.4, spread=0.5, named=0.93),
    "nhs_111_mh": Desk(median_hours=0.5, spread=0.5, named=0.92),
    "ed_attendance": Desk(median_hours=8.0, spread=1.0, named=0.97),
    "street_triage": Desk(median_hours=6.0, spread=0.9, named=0.95),
    "triage_advice": Desk(median_hours=5.0, spread=0.9, named=0.93),
    "crisis_line": Desk(median_hours=4.0, spread=1.0, named=0.88),
    "crisis_house": Desk(median_hours=20.0),
    "mh_contact": Desk(median_hours=26.0, spread=1.1),
    "mh_missed": Desk(median_hours=20.0, spread=1.1),
    "mh_admission": Desk(median_hours=11.0, spread=0.9),
    "mh_discharge": Desk(median_hours=26.0, spread=0.9),
    "liaison_diversion": Desk(median_hours=40.0, spread=0.8, named=0.9),
    "fire_safe_and_well_visit": Desk(median_hours=120.0, spread=0.6, dates_only=True),
    "social_care": Desk(median_hours=380.0, spread=0.7, dates_only=True),
    "gp": Desk(median_hours=60.0, spread=0.6, dates_only=True),
}
_LATE_FROM, _LATE_BEFORE, _LATE_KNOWN = "2026-03-02", "2026-04-13", "2026-05-11 09:30"
_LATE_TEAM = 3
SILENT_SOURCES = ("nhs_111", "nhs_111_mh")
SILENT_FROM = "2026-11-21 21:40"


def record(seed: int, found: pd.DataFrame, people: People, period: Period) -> pd.DataFrame:
    """Contacts as their agencies know them: with `known`, `late_batch` and `true_person`; `person` is -1 where unnamed.

    Contacts of people before they came or after they left are gone, and so is what is not known by the end.
    """
    random = stream(seed, "recording")
    here = _present(found, people, period)
    rows = found[here].sort_values(["at", "source", "person"], kind="stable", ignore_index=True)
    rows["known"] = _known(random, rows)
    rows["late_batch"] = _late_batch(rows, people)
    rows.loc[rows["late_batch"], "known"] = local_seconds(_LATE_KNOWN)
    rows["true_person"] = rows["person"]
    named = random.random(len(rows)) < rows["source"].map({name: desk.named for name, desk in DESKS.items()})
    rows["person"] = np.where(named, rows["person"], -1)
    rows["ended"] = np.where(rows["ended"] <= period.end, rows["ended"], -1)
    return _arrived(rows, period)


def local_seconds(moment: str) -> int:
    """The instant of a local time that exists once."""
    return int(pd.Timestamp(moment, tz="Europe/London").timestamp())


def _present(found: pd.DataFrame, people: People, period: Period) -> Mask:
    """Strangers always are; people from the day they registered to the day before they left."""
    person, day = found["person"].to_numpy(), period.day_of(found["at"].to_numpy())
    here = (day >= people.registered[person]) & (day < people.left[person])
    return np.asarray((person < 0) | here)


def _known(random: np.random.Generator, rows: pd.DataFrame) -> Seconds:
    """When each contact becomes known, at the resolution that its desk notes."""
    desks = rows["source"].map(DESKS)
    median = desks.map(lambda desk: desk.median_hours).to_numpy(np.float64)
    spread = desks.map(lambda desk: desk.spread).to_numpy(np.float64)
    hours = median * np.exp(spread * random.normal(0, 1, len(rows)))
    known = rows["at"].to_numpy() + 60 + (hours * SECONDS_PER_HOUR).astype(np.int64)
    dates_only = desks.map(lambda desk: desk.dates_only).to_numpy(bool)
    return np.where(dates_only, _next_midnight(known), known)


def _next_midnight(instants: Seconds) -> Seconds:
    """Local midnight after each instant: a date says when at the latest something was known."""
    days = local_clock(instants).tz_localize(None).normalize() + pd.Timedelta(days=1)
    return np.asarray(days.tz_localize("Europe/London").as_unit("s").asi8, dtype=np.int64)


def _late_batch(rows: pd.DataFrame, people: People) -> Mask:
    """One team's contacts of six weeks, which came all at once a month later."""
    person = rows["person"].to_numpy()
    between = rows["at"].between(local_seconds(_LATE_FROM), local_seconds(_LATE_BEFORE))
    own = (person >= 0) & (people.team[person] == _LATE_TEAM)
    return np.asarray(between & own & rows["source"].isin(("mh_contact", "mh_missed")))


def _arrived(rows: pd.DataFrame, period: Period) -> pd.DataFrame:
    """What is known by the end. One feed fell silent before; the newest row of the others is at the end itself."""
    silent = rows["source"].isin(SILENT_SOURCES).to_numpy()
    until = np.where(silent, local_seconds(SILENT_FROM), period.end)
    arrived = rows[rows["known"].to_numpy() <= until].reset_index(drop=True)
    for sources, moment in ((SILENT_SOURCES, local_seconds(SILENT_FROM)), (("police_999",), period.end)):
        newest = arrived.index[arrived["source"].isin(sources)][-1:]
        arrived.loc[newest, "known"] = moment
    return arrived
