"""Slow, obvious calculations on the real files with NumPy and pandas alone: what the fast path is held against.

Nothing here imports crisisrisk. Each function reads a file as published and says in its loop what is meant.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tests.acceptance.ctn0094.prepare import FOLLOW_UP_DAYS, prepared_events

NEVER = 10_000

# Scores


def auroc(score: NDArray[np.float64], happened: NDArray[np.bool_]) -> float:
    """Share of pairs (one with, one without the outcome) in the right order; ties count half."""
    rank = pd.Series(score).rank().to_numpy()
    with_it = int(happened.sum())
    return float((rank[happened].sum() - with_it * (with_it + 1) / 2) / (with_it * (len(score) - with_it)))


def poisson_deviance(count: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    """Mean of 2 (y ln(y / mu) - (y - mu)) over all cells and shifts."""
    ratio = np.where(count > 0, count / expected, 1.0)
    return float(2 * np.mean(count * np.log(ratio) - (count - expected)))


# Places: counts of events in cells and shifts, by when they were known


class Happenings(NamedTuple):
    """Outcome events as whole numbers: local hour of occurrence and of knowledge since the first day, and the cell."""

    occurred_hour: NDArray[np.int64]
    known_hour: NDArray[np.int64]
    cell: NDArray[np.int64]
    cells: int
    days: int


def toronto(real_data: Path, *, repeated_rows: bool = True) -> Happenings:
    """Apprehensions with a neighbourhood that occurred in the 1,369 complete days from 2014-01-01.

    36 rows repeat another in every column: two people alike in one incident, or one written twice. The published
    baselines count them; a load takes them for duplicates.
    """
    table = pd.read_parquet(real_data / "toronto_mha_apprehensions_2014_2017.parquet")
    table = table if repeated_rows else table.drop_duplicates()
    table = table[table["hood_158"].astype(str) != "NSA"]
    start, end = pd.Timestamp("2014-01-01"), pd.Timestamp("2017-10-01")
    inside = table[(table["occ_ts_hour"] >= start) & (table["occ_ts_hour"] < end)]
    hours = [_whole_hours(inside[name], start) for name in ("occ_ts_hour", "report_ts_hour")]
    cell, names = pd.factorize(inside["hood_158"].astype(str), sort=True)
    return Happenings(hours[0], hours[1], cell, len(names), (end - start).days)


def montgomery_townships(real_data: Path) -> Happenings:
    """Overdose and altered-mental-status calls with a township, known an hour later, in 257 whole days."""
    table = pd.read_csv(real_data / "montgomery_pa_911_calls.csv.gz", parse_dates=["ts"])
    cell_of = {name: number for number, name in enumerate(sorted(table["twp"].dropna().unique()))}
    table = table[table["call_type"].isin(["OVERDOSE", "ALTERED MENTAL STATUS"])].dropna(subset=["twp"])
    start, end = pd.Timestamp("2015-12-11"), pd.Timestamp("2016-08-24")
    inside = table[(table["ts"] >= start) & (table["ts"] < end)]
    hour = _whole_hours(inside["ts"], start)
    return Happenings(hour, hour + 1, inside["twp"].map(cell_of).to_numpy(), len(cell_of), (end - start).days)


def _whole_hours(local: pd.Series, start: pd.Timestamp) -> NDArray[np.int64]:
    return np.asarray((local - start) // pd.Timedelta(hours=1), dtype=np.int64)


def place_baselines(seen: Happenings, shifts: range, *, prior_events: float) -> dict[str, float]:
    """Mean Poisson deviance of four simple forecasts of each cell and eight-hour shift, made 24 h before its start.

    `shifts`: numbers of the shifts to forecast, from 0 on the first day.

    The trailing year is divided by the days there are where history is shorter. `prior_events` draws each cell's
    trailing count towards the mean cell.
    """
    expected: dict[str, list[NDArray[np.float64]]] = {}
    counts = []
    for shift in shifts:
        counts.append(np.bincount(seen.cell[seen.occurred_hour // 8 == shift], minlength=seen.cells).astype(float))
        for name, forecast in _forecasts(seen, shift, prior_events).items():
            expected.setdefault(name, []).append(np.maximum(forecast, 1e-4))
    return {name: poisson_deviance(np.array(counts), np.array(rows)) for name, rows in expected.items()}


def _forecasts(seen: Happenings, shift: int, prior_events: float) -> dict[str, NDArray[np.float64]]:
    issued = (shift - 3) * 8
    known = (seen.known_hour < issued) & (seen.occurred_hour < issued)
    recent = known & (seen.occurred_hour >= issued - 365 * 24)
    shifts, recent_shifts = shift - 3, min(shift - 3, 365 * 3)
    ever = np.bincount(seen.cell[known], minlength=seen.cells)
    year = np.bincount(seen.cell[recent], minlength=seen.cells)
    of_shift = np.bincount((seen.occurred_hour[known] // 8) % 3, minlength=3)
    factor = of_shift[shift % 3] / of_shift.mean()
    shrunken = (year + prior_events) / (1 + prior_events / year.mean())
    return {
        "all_history_mean": ever / shifts,
        "trailing_365_days": year / recent_shifts,
        "mean_times_shift_factor": ever / shifts * factor,
        "shrunken_365_days_times_shift_factor": shrunken / recent_shifts * factor,
    }


# People: the rows of CTN-0094


class Definition(NamedTuple):
    """What may be chosen differently. `end`: where observation ends; `seen_within_days` None asks nothing."""

    name: str
    end: str
    seen_within_days: int | None = 28


AS_BUILT = Definition("last record or follow-up, whichever comes first", "first of both")
OTHER_DEFINITIONS = (
    Definition("last record only", "last record"),
    Definition("follow-up only: people who stopped coming count as free of use", "follow-up"),
    Definition("one date for everybody (day 1,121), seen at any time", "one date", None),
)


@dataclass(frozen=True)
class PersonWeeks:
    """Rows of persons and days. All arrays have shape (rows,)."""

    person: NDArray[np.int64]
    as_of_day: NDArray[np.int64]
    happened: NDArray[np.bool_]
    days_since_use: NDArray[np.int64]
    days_since_any: NDArray[np.int64]

    @property
    def use_auroc(self) -> float:
        """How well days since the last known opioid use rank the rows."""
        return auroc(-self.days_since_use.astype(float), self.happened)

    @property
    def any_record_auroc(self) -> float:
        """How well days since the last known record of any kind rank the rows: high where censoring leaks."""
        return auroc(-self.days_since_any.astype(float), self.happened)


class Records(NamedTuple):
    """One person's records. All arrays have shape (records,)."""

    day: NDArray[np.int64]
    known_day: NDArray[np.int64]
    opioid_use: NDArray[np.bool_]

    def days_since(self, as_of: int) -> tuple[int, int]:
        """Days since the last opioid use and since the last record of any kind, as known at the start of a day."""
        known = (self.known_day < as_of) & (self.day < as_of)
        use = known & self.opioid_use
        since_use = int(as_of - self.day[use].max()) if use.any() else NEVER
        return since_use, int(as_of - self.day[known].max()) if known.any() else NEVER

    def onset_days(self) -> NDArray[np.int64]:
        """Days of use at least seven days after the one before."""
        use_days = np.unique(self.day[self.opioid_use])
        return use_days[np.diff(use_days, prepend=-NEVER) >= 7]

    def last_day(self, follow_up_days: int, end: str) -> int:
        """The last day of observation."""
        last_record = int(self.day.max())
        return {
            "first of both": min(last_record, follow_up_days),
            "last record": last_record,
            "follow-up": follow_up_days,
            "one date": 1_121,
        }[end]


def ctn0094(real_data: Path, definition: Definition = AS_BUILT, *, every_person: int = 1) -> PersonWeeks:
    """Every person and every seventh day from consent with a whole horizon of 28 days, outside known opioid use.

    `every_person`: 10 takes every tenth person of the file.
    """
    rows = [
        (person, *row)
        for person, follow_up_days, records in _persons(real_data)
        if person % every_person == 0
        for row in _weeks(records, records.last_day(follow_up_days, definition.end), definition)
    ]
    person, day, happened, since_use, since_any = (np.array(column) for column in zip(*rows, strict=True))
    return PersonWeeks(person, day, happened.astype(bool), since_use, since_any)


def ctn0094_states(real_data: Path, as_of: int) -> dict[str, int]:
    """How many people may be scored on a day, and how many are in an episode of use, as far as was known by then."""
    found = {"scored": 0, "in_crisis_episode": 0}
    for _, follow_up_days, records in _persons(real_data):
        since_use, since_any = records.days_since(as_of)
        if as_of > records.last_day(follow_up_days, AS_BUILT.end):
            continue  # observation is over
        if since_use < 7:
            found["in_crisis_episode"] += 1
        elif since_any <= 28:
            found["scored"] += 1
    return found


def _persons(real_data: Path) -> Iterator[tuple[int, int, Records]]:
    """Each person's number, days of follow-up and records."""
    events = prepared_events(pd.read_csv(real_data / "ctn0094_events.csv.gz"))
    trials = pd.read_csv(real_data / "ctn0094_persons.csv.gz").set_index("person_id")["trial"].to_dict()
    events["opioid_use"] = events["opioid_use"] == "yes"
    for person, own in events.groupby("person_id"):
        records = Records(*(own[name].to_numpy() for name in Records._fields))
        yield int(str(person)), FOLLOW_UP_DAYS[trials[person]], records


def _weeks(records: Records, last_day: int, definition: Definition) -> Iterator[tuple[int, bool, int, int]]:
    onset_days = records.onset_days()
    for as_of in range(0, last_day + 1 - 28 + 1, 7):
        since_use, since_any = records.days_since(as_of)
        if since_use < 7 or since_any > (definition.seen_within_days or NEVER - 1):
            continue
        happened = bool(((onset_days >= as_of) & (onset_days < as_of + 28)).any())
        yield as_of, happened, since_use, since_any
