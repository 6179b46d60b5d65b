"""Reading back: the newest scores and forecasts, each with the run that made it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, func, select

from crisisrisk.database.runs import IDS_AT_ONCE, StoredRun, stored_run
from crisisrisk.database.schema import Forecast, ForecastRun, Score, ScoringRun
from crisisrisk.database.scores import RELEASED_NUMBERS
from crisisrisk.database.totals import StoredTotal, whole_totals

if TYPE_CHECKING:
    import pandas as pd

Reasons = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, kw_only=True)
class StoredScore:
    """One person's score, or the state that says why there is none."""

    person_id: str
    state: str
    probability: float | None
    lower: float | None
    upper: float | None
    reasons: Reasons
    thin_history: bool = False
    model_version: int | None = None
    """Whose number it is; None for scores of before, which are those of the run's own model."""
    tie_key: float | None = None


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


def latest_run(engine: Engine, *, model_name: str | None = None, at: datetime | None = None) -> StoredRun | None:
    """The scoring run with the newest `as_of` (not after `at`), of one model or of any."""
    with engine.connect() as connection:
        return _newest(connection, ScoringRun, _chosen(ScoringRun, model_name, at))


def latest_forecast_run(
    engine: Engine, *, model_name: str | None = None, at: datetime | None = None
) -> StoredRun | None:
    """The forecast issued last (not after `at`), of one model or of any."""
    with engine.connect() as connection:
        return _newest(connection, ForecastRun, _chosen(ForecastRun, model_name, at))


def latest_person_scores(
    engine: Engine, *, model_name: str | None = None, at: datetime | None = None
) -> "tuple[StoredRun, pd.DataFrame] | None":
    """The newest scoring run and everyone's score: the columns that were saved, highest probability first."""
    import pandas as pd

    with engine.connect() as connection:
        run = _newest(connection, ScoringRun, _chosen(ScoringRun, model_name, at))
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
        run = _newest(connection, ScoringRun, _chosen(ScoringRun, model_name, at, model_version))
        if run is None:
            return None
        rows: list[Row[Any]] = []
        for start in range(0, len(wanted), IDS_AT_ONCE):
            some = wanted[start : start + IDS_AT_ONCE]
            query = select(Score.__table__).where(Score.run_id == run.number, Score.person_id.in_(some))
            rows.extend(connection.execute(query).all())
    # Parsed only after the connection is given back: a damaged row must not keep the database locked.
    return run, {row.person_id: _score(row) for row in rows}


def forecast_for(
    engine: Engine, shift_id: str, *, model_name: str | None = None, at: datetime | None = None
) -> tuple[StoredShift, Sequence[StoredPlace]] | None:
    """The newest forecast of a shift (issued not after `at`) and its cells in order of rank."""
    with engine.connect() as connection:
        shift = _summaries(connection, [Forecast.shift_id == shift_id, *_chosen(ForecastRun, model_name, at)])
        if not shift:
            return None
        query = select(Forecast.__table__).where(
            Forecast.shift_id == shift_id, Forecast.run_id == shift[0].run.number
        )  # fmt: skip
        rows = connection.execute(query.order_by(Forecast.rank, Forecast.place_id)).all()
    return shift[0], [_place(row) for row in rows]


def shifts_between(
    engine: Engine, start: datetime, end: datetime, *, model_name: str | None = None, at: datetime | None = None
) -> Sequence[StoredShift]:
    """Every forecast shift that starts in `[start, end)`, each from its newest forecast, in order of start."""
    within = [Forecast.shift_start >= start, Forecast.shift_start < end]
    with engine.connect() as connection:
        return _summaries(connection, [*within, *_chosen(ForecastRun, model_name, at)])


def _chosen(
    table: type[ScoringRun] | type[ForecastRun], model_name: str | None, at: datetime | None,
    model_version: int | None = None,
) -> list[ColumnElement[bool]]:  # fmt: skip
    conditions: list[ColumnElement[bool]] = []
    if model_name is not None:
        conditions.append(table.model_name == model_name)
    if model_version is not None:
        conditions.append(table.model_version == model_version)
    if at is not None:
        conditions.append(table.as_of <= at)
    return conditions


def _highest_first() -> tuple[ColumnElement[Any], ...]:
    return (Score.probability.is_(None), Score.probability.desc(), Score.person_id.expression)


def _newest(
    connection: Connection, table: type[ScoringRun] | type[ForecastRun], conditions: list[ColumnElement[bool]]
) -> StoredRun | None:
    query = select(table.__table__).where(*conditions).order_by(table.as_of.desc(), table.id.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else stored_run(row)


def _summaries(connection: Connection, conditions: list[ColumnElement[bool]]) -> list[StoredShift]:
    totals = (
        select(
            Forecast.run_id, Forecast.shift_id, Forecast.shift_name, Forecast.shift_start, Forecast.shift_end,
            func.count().label("places"), func.sum(Forecast.expected).label("expected"),
            func.sum(Forecast.usual).label("usual"), func.sum(Forecast.released_usual).label("released_usual"),
            func.sum(Forecast.released_expected).label("released_expected"),
        )
        .join(ForecastRun, ForecastRun.id == Forecast.run_id)
        .where(*conditions)
        .group_by(
            Forecast.run_id, Forecast.shift_id, Forecast.shift_name, Forecast.shift_start, Forecast.shift_end
        )
        .subquery()
    )  # fmt: skip
    query = select(totals, ForecastRun.__table__).join(ForecastRun, ForecastRun.id == totals.c.run_id)
    newest: dict[str, StoredShift] = {}
    for row in connection.execute(query.order_by(ForecastRun.as_of, ForecastRun.id)).all():
        newest[row.shift_id] = _shift(row)  # later runs take the place of earlier ones
    kept = whole_totals(connection, [shift.run.number for shift in newest.values()])
    found = [replace(shift, total=kept.get((shift.run.number, shift.shift_id))) for shift in newest.values()]
    return sorted(found, key=lambda shift: (shift.start, shift.shift_id))


def _score(row: Row[Any]) -> StoredScore:
    return StoredScore(
        person_id=row.person_id, state=row.state, probability=row.probability, lower=row.lower, upper=row.upper,
        reasons=tuple(json.loads(row.reasons)), thin_history=row.thin_history, model_version=row.model_version,
        tie_key=row.tie_key,
    )  # fmt: skip


def _place(row: Row[Any]) -> StoredPlace:
    names = ("place_id", "place_name", "latitude", "longitude", "expected", "lower", "upper", "usual", "rank",
             "released_rank", "own_dispersion", *RELEASED_NUMBERS)  # fmt: skip
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
