"""Reading back: the newest scores and forecasts, each with the run that made it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, bindparam, exists, select

from crisisrisk.database.kept_forecasts import kept_forecasts
from crisisrisk.database.runs import IDS_AT_ONCE, StoredRun, stored_run
from crisisrisk.database.schema import Forecast, ForecastRun, Score, ScoringRun
from crisisrisk.database.stored_forecasts import Reasons, StoredPlace, StoredShift

__all__ = [
    "Reasons",
    "StoredPlace",
    "StoredScore",
    "StoredShift",
    "caseload_scores",
    "forecast_for",
    "latest_forecast_run",
    "latest_person_scores",
    "latest_run",
    "newest_made",
    "person_score",
    "shifts_between",
]

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class StoredScore:
    """One person's score, or the state that says why there is none."""

    person_id: str
    state: str
    probability: float | None
    lower: float | None
    upper: float | None
    reasons_kept: Reasons | str = field(repr=False)
    """As text where they are read from the database: of a caseload those of a few are shown."""
    thin_history: bool = False
    model_version: int | None = None
    """Whose number it is; None for scores of before, which are those of the run's own model."""
    tie_key: float | None = None

    @cached_property
    def reasons(self) -> Reasons:
        """Up, down and not known. Raises ValueError for a damaged row."""
        return tuple(json.loads(self.reasons_kept)) if isinstance(self.reasons_kept, str) else self.reasons_kept


def latest_run(engine: Engine, *, model_name: str | None = None, at: datetime | None = None) -> StoredRun | None:
    """The scoring run with the newest `as_of` (not after `at`), of one model or of any."""
    with engine.connect() as connection:
        return _newest(connection, ScoringRun, model_name=model_name, at=at)


def latest_forecast_run(
    engine: Engine, *, model_name: str | None = None, at: datetime | None = None
) -> StoredRun | None:
    """The forecast issued last (not after `at`), of one model or of any."""
    with engine.connect() as connection:
        return _newest(connection, ForecastRun, model_name=model_name, at=at)


def newest_made(engine: Engine, table: type[ScoringRun] | type[ForecastRun], *, since: datetime) -> int | None:
    """The number of the newest run that was made at or after a moment of the wall clock; None where there is none."""
    query = select(table.id).where(table.made_at >= since).order_by(table.id.desc()).limit(1)
    with engine.connect() as connection:
        return connection.execute(query).scalar_one_or_none()


def latest_person_scores(
    engine: Engine, *, model_name: str | None = None, at: datetime | None = None
) -> "tuple[StoredRun, pd.DataFrame] | None":
    """The newest scoring run and everyone's score: the columns that were saved, highest probability first."""
    import pandas as pd

    with engine.connect() as connection:
        run = _newest(connection, ScoringRun, model_name=model_name, at=at)
        if run is None:
            return None
        query = select(Score.__table__).where(Score.run_id == run.number).order_by(*_highest_first())
        frame = pd.DataFrame(
            [row._mapping for row in connection.execute(query).all()], columns=list(Score.__table__.c.keys())
        )
    numbers = dict.fromkeys(("probability", "lower", "upper", "tie_key"), float)
    return run, frame.astype(numbers).drop(columns="run_id")


def person_score(
    engine: Engine, person_id: str, *, model_name: str | None = None, model_version: int | None = None,
    at: datetime | None = None,
) -> tuple[StoredRun, StoredScore | None] | None:  # fmt: skip
    """One person in the newest scoring run; the score is None where the run does not know the person."""
    found = caseload_scores(engine, [person_id], model_name=model_name, model_version=model_version, at=at)
    return None if found is None else (found[0], found[1].get(person_id))


def caseload_scores(
    engine: Engine, person_ids: Iterable[str], *, model_name: str | None = None, model_version: int | None = None,
    at: datetime | None = None,
) -> tuple[StoredRun, dict[str, StoredScore]] | None:  # fmt: skip
    """The scores of some people in the newest scoring run, by person. People whom it does not know are left out."""
    wanted = sorted(set(person_ids))
    with engine.connect() as connection:
        run = _newest(connection, ScoringRun, model_name=model_name, model_version=model_version, at=at)
        if run is None:
            return None
        rows: list[Row[Any]] = []
        for start in range(0, len(wanted), IDS_AT_ONCE):
            some = wanted[start : start + IDS_AT_ONCE]
            rows.extend(connection.execute(_SCORES, {"run_id": run.number, "people": some}).all())
    return run, {row.person_id: _score(row) for row in rows}


def forecast_for(
    engine: Engine, shift_id: str, *, model_name: str | None = None, at: datetime | None = None
) -> tuple[StoredShift, Sequence[StoredPlace]] | None:
    """The newest forecast of a shift (issued not after `at`) and its cells in order of rank."""
    kept, given = kept_forecasts(engine), _given(model_name=model_name, at=at)
    with engine.connect() as connection:
        row = connection.execute(_newest_of_shift(frozenset(given)), {**given, "shift_id": shift_id}).one_or_none()
        if row is None:
            return None
        run = (row.id, row.made_at)
        shift = kept.shift(connection, run, shift_id)
    return shift, kept.cells(engine, run, shift_id)


def shifts_between(
    engine: Engine, start: datetime, end: datetime, *, model_name: str | None = None, at: datetime | None = None
) -> Sequence[StoredShift]:
    """Every forecast shift that starts in `[start, end)`, each from its newest forecast, in order of start."""
    given = _given(model_name=model_name, at=at)
    chosen = select(ForecastRun.id, ForecastRun.made_at).where(*_chosen(ForecastRun, given))
    with engine.connect() as connection:
        rows = connection.execute(chosen.order_by(ForecastRun.as_of, ForecastRun.id), given).all()
        runs = [(row.id, row.made_at) for row in rows]
        found = kept_forecasts(engine).newest(connection, runs, lambda shift: start <= shift.start < end)
    return [shift for _, shift in found]


# Queries, each made once: to make one takes longer than a database takes to answer it. What is asked for comes by name.

_Run = type[ScoringRun] | type[ForecastRun]
_SCORES = select(Score.__table__).where(
    Score.run_id == bindparam("run_id"), Score.person_id.in_(bindparam("people", expanding=True))
)


def _given(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _chosen(table: _Run, given: Iterable[str]) -> list[ColumnElement[bool]]:
    conditions: dict[str, ColumnElement[bool]] = {
        "model_name": table.model_name == bindparam("model_name"),
        "model_version": table.model_version == bindparam("model_version"),
        "at": table.as_of <= bindparam("at"),
    }
    return [conditions[name] for name in sorted(given)]


@lru_cache
def _newest_run(table: _Run, given: frozenset[str]) -> Select[Any]:
    ordered = select(table.__table__).where(*_chosen(table, given)).order_by(table.as_of.desc(), table.id.desc())
    return ordered.limit(1)


@lru_cache
def _newest_of_shift(given: frozenset[str]) -> "Select[int, datetime]":
    of_shift = exists().where(Forecast.shift_id == bindparam("shift_id"), Forecast.run_id == ForecastRun.id)
    query = select(ForecastRun.id, ForecastRun.made_at).where(of_shift, *_chosen(ForecastRun, given))
    return query.order_by(ForecastRun.as_of.desc(), ForecastRun.id.desc()).limit(1)


def _highest_first() -> tuple[ColumnElement[Any], ...]:
    return (Score.probability.is_(None), Score.probability.desc(), Score.person_id.expression)


def _newest(connection: Connection, table: _Run, **asked: object) -> StoredRun | None:
    given = _given(**asked)
    row = connection.execute(_newest_run(table, frozenset(given)), given).one_or_none()
    return None if row is None else stored_run(row)


def _score(row: Row[Any]) -> StoredScore:
    return StoredScore(
        person_id=row.person_id, state=row.state, probability=row.probability, lower=row.lower, upper=row.upper,
        reasons_kept=row.reasons, thin_history=row.thin_history, model_version=row.model_version,
        tie_key=row.tie_key,
    )  # fmt: skip
