"""Forecasts as they are kept: what is stored of a shift and of each of its cells, as values."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, Row, func, select

from crisisrisk.database.runs import IDS_AT_ONCE, StoredRun, stored_run
from crisisrisk.database.schema import Forecast, ForecastRun
from crisisrisk.database.scores import RELEASED_NUMBERS
from crisisrisk.database.totals import StoredTotal, whole_totals

Reasons = tuple[Mapping[str, Any], ...]


class Standing(Protocol):
    """How many contacts a shift were expected at one cell, and which rank it had in it."""

    @property
    def expected(self) -> float:
        """Contacts."""

    @property
    def rank(self) -> int:
        """1 is the highest."""


@dataclass(frozen=True, kw_only=True)
class StoredPlace:
    """What was forecast for one cell and shift. `expected`, `lower`, `upper` and `usual` are contacts a shift."""

    place_id: str
    place_name: str
    latitude: float | None
    longitude: float | None
    expected: float
    lower: float | None
    upper: float | None
    usual: float | None
    rank: int
    reasons: Reasons
    released_expected: float | None = None
    """What scoring made of the cell for release, and the five after it; None where it may not be released."""
    released_lower: float | None = None
    released_upper: float | None = None
    released_usual: float | None = None
    released_rank: int | None = None
    released_reasons: Reasons = ()
    own_dispersion: float | None = None
    """How much the count scatters beside what all cells share; None for forecasts of before."""
    last_contact: datetime | None = None
    """When the last crisis contact came there that was known as the forecast was made, for the live board alone.

    None where none was known, and for forecasts of before.
    """


@dataclass(frozen=True, kw_only=True)
class StoredShift:
    """A shift that was forecast: its newest forecast, summed over its cells."""

    shift_id: str
    shift_name: str
    start: datetime
    end: datetime
    run: StoredRun
    places: int
    expected: float
    usual: float | None
    released_usual: float | None
    modes: Mapping[str, float] = field(default_factory=dict)
    """The expected contacts made in each way; empty where the forecast said nothing of it."""
    released_modes: Mapping[str, float] = field(default_factory=dict)
    total: StoredTotal | None = None
    """The same as its forecast gave it, with its interval; None for forecasts of before, which kept none."""
    released_expected: float | None = None
    """The sum of what may be released of its cells; None where nothing may."""


def shifts_of_runs(connection: Connection, runs: Collection[int]) -> list[StoredShift]:
    """Every shift that some runs forecast, summed over its cells. At most as many runs as one statement may name."""
    totals = (
        select(
            Forecast.run_id, Forecast.shift_id, Forecast.shift_name, Forecast.shift_start, Forecast.shift_end,
            func.count().label("places"), func.sum(Forecast.expected).label("expected"),
            func.sum(Forecast.usual).label("usual"), func.sum(Forecast.released_usual).label("released_usual"),
            func.sum(Forecast.released_expected).label("released_expected"),
        )
        .where(Forecast.run_id.in_(sorted(runs)))
        .group_by(
            Forecast.run_id, Forecast.shift_id, Forecast.shift_name, Forecast.shift_start, Forecast.shift_end
        )
        .subquery()
    )  # fmt: skip
    query = select(totals, ForecastRun.__table__).join(ForecastRun, ForecastRun.id == totals.c.run_id)
    found = [_shift(row) for row in connection.execute(query).all()]
    kept = whole_totals(connection, runs)
    return [replace(shift, total=kept.get((shift.run.number, shift.shift_id))) for shift in found]


def cells_of_run(engine: Engine, run: int, shift_id: str) -> list[StoredPlace]:
    """The cells of a shift as a run forecast them, in order of rank."""
    query = select(Forecast.__table__).where(Forecast.shift_id == shift_id, Forecast.run_id == run)
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(Forecast.rank, Forecast.place_id)).all()
    # Parsed only after the connection is given back: a damaged row must not keep the database locked.
    return [_place(row) for row in rows]


def standings_of_runs(engine: Engine, runs: Collection[int], shift_id: str) -> dict[int, dict[str, Standing]]:
    """By run and id of a cell what some runs forecast of a shift, in numbers alone."""
    found: dict[int, dict[str, Standing]] = {run: {} for run in runs}
    numbers = sorted(found)
    query = select(Forecast.run_id, Forecast.place_id, Forecast.expected, Forecast.rank)
    with engine.connect() as connection:
        for start in range(0, len(numbers), IDS_AT_ONCE):
            some = Forecast.run_id.in_(numbers[start : start + IDS_AT_ONCE])
            for row in connection.execute(query.where(Forecast.shift_id == shift_id, some)).all():
                found[row.run_id][row.place_id] = row
    return found


def highest_of(engine: Engine, shifts: Collection[tuple[int, str]], most: int) -> dict[str, frozenset[str]]:
    """By id of a shift the ids of its `most` highest cells. `shifts`: the run that is asked for and the shift's id."""
    found: dict[str, set[str]] = {shift_id: set() for _, shift_id in shifts}
    asked = sorted(shifts)
    query = select(Forecast.run_id, Forecast.shift_id, Forecast.place_id).where(Forecast.rank <= most)
    with engine.connect() as connection:
        for start in range(0, len(asked), IDS_AT_ONCE):
            some = asked[start : start + IDS_AT_ONCE]
            runs, ids = {run for run, _ in some}, {shift_id for _, shift_id in some}
            for row in connection.execute(query.where(Forecast.run_id.in_(runs), Forecast.shift_id.in_(ids))).all():
                if (row.run_id, row.shift_id) in shifts:
                    found[row.shift_id].add(row.place_id)
    return {shift_id: frozenset(places) for shift_id, places in found.items()}


def _place(row: Row[Any]) -> StoredPlace:
    names = ("place_id", "place_name", "latitude", "longitude", "expected", "lower", "upper", "usual", "rank",
             "released_rank", "own_dispersion", "last_contact", *RELEASED_NUMBERS)  # fmt: skip
    return StoredPlace(
        **{name: getattr(row, name) for name in names},
        reasons=tuple(json.loads(row.reasons)),
        released_reasons=tuple(json.loads(row.released_reasons)),
    )


def _shift(row: Row[Any]) -> StoredShift:
    modes = (row.modes or {}).get(row.shift_id, {})
    return StoredShift(
        shift_id=row.shift_id, shift_name=row.shift_name, start=row.shift_start, end=row.shift_end, run=stored_run(row),
        places=row.places, expected=row.expected, usual=row.usual, released_usual=row.released_usual,
        modes=modes.get("expected", {}), released_modes=modes.get("released", {}),
        released_expected=row.released_expected,
    )  # fmt: skip
