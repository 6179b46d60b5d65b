"""Reading back what was forecast of whole shifts and of areas, every forecast as it was issued."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, select

from crisisrisk.database.runs import IDS_AT_ONCE, StoredRun, stored_run
from crisisrisk.database.schema import ForecastRun, ForecastTotal

WHOLE = ""
"""The `area_id` of all cells together."""


@dataclass(frozen=True, kw_only=True)
class StoredTotal:
    """What was forecast of all cells of a shift, or of those of one area. Contacts a shift; chances from 0 to 1.

    `outlook`: words, with the counts that are usual. What leaves the live board are the `released_` ones.
    """

    shift_id: str
    area_id: str
    area_name: str
    places: int
    issue_hours: int
    hours_ahead: float
    expected: float
    lower: float
    upper: float
    usual: float
    usual_low: float
    usual_high: float
    quieter: float
    busier: float
    outlook: str
    released_usual: float
    released_quieter: float
    released_busier: float
    released_outlook: str
    hourly: tuple[float, ...]
    """The share of the contacts in each real hour since the shift began; of an area it is not kept."""
    shared_dispersion: float
    released_expected: float | None = None
    """None where nothing of it may be released."""
    released_lower: float | None = None
    released_upper: float | None = None


@dataclass(frozen=True, kw_only=True)
class IssuedTotal:
    """One forecast of a shift among all that were issued of it."""

    run: StoredRun
    total: StoredTotal


def totals_of(engine: Engine, shift_id: str, run: int) -> Sequence[StoredTotal]:
    """What a run says of a shift: the whole first, then its areas by id. Empty for a run that kept no totals."""
    query = select(ForecastTotal.__table__).where(ForecastTotal.shift_id == shift_id, ForecastTotal.run_id == run)
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(ForecastTotal.area_id)).all()
    return [_total(row) for row in rows]


def issued_totals(
    engine: Engine, shift_id: str, *, model_name: str | None = None, at: datetime | None = None
) -> Sequence[IssuedTotal]:
    """Every forecast of a whole shift, as issued (not after `at`), the earliest first: none takes another's place."""
    run_columns = ForecastRun.__table__
    query = (
        select(run_columns, ForecastTotal.__table__)
        .join(ForecastTotal, ForecastTotal.run_id == ForecastRun.id)
        .where(ForecastTotal.shift_id == shift_id, ForecastTotal.area_id == WHOLE)
    )
    if model_name is not None:
        query = query.where(ForecastRun.model_name == model_name)
    if at is not None:
        query = query.where(ForecastRun.as_of <= at)
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(ForecastRun.as_of, ForecastRun.id)).all()
    return [IssuedTotal(run=stored_run(row), total=_total(row)) for row in rows]


def whole_totals(connection: Connection, runs: Collection[int]) -> dict[tuple[int, str], StoredTotal]:
    """The totals of whole shifts that some runs kept, by run and shift."""
    numbers, found = sorted(set(runs)), {}
    for start in range(0, len(numbers), IDS_AT_ONCE):
        some = numbers[start : start + IDS_AT_ONCE]
        query = select(ForecastTotal.__table__).where(
            ForecastTotal.run_id.in_(some), ForecastTotal.area_id == WHOLE
        )  # fmt: skip
        found.update({(row.run_id, row.shift_id): _total(row) for row in connection.execute(query).all()})
    return found


def _total(row: Row[Any]) -> StoredTotal:
    values = {one.name: getattr(row, one.name) for one in fields(StoredTotal) if one.name != "hourly"}
    return StoredTotal(**values, hourly=tuple(json.loads(row.hourly)))
