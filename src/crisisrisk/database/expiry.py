"""Ending scoring runs and forecasts that the site keeps no longer, with all that hangs on them."""

from datetime import datetime

from sqlalchemy import Connection, Engine, and_, delete, func, select

from crisisrisk.database.engine import writing
from crisisrisk.database.runs import IDS_AT_ONCE
from crisisrisk.database.schema import ForecastRun, ScoringRun


def end_scoring_runs(engine: Engine, *, before: datetime) -> int:
    """End the scoring runs that stand before a moment, but never the newest of a model. Returns how many."""
    return _end(engine, ScoringRun, before)


def end_forecast_runs(engine: Engine, *, before: datetime) -> int:
    """End the forecasts that were issued before a moment, but never the newest of a model. Plans go with theirs."""
    return _end(engine, ForecastRun, before)


def _end(engine: Engine, table: type[ScoringRun] | type[ForecastRun], before: datetime) -> int:
    with writing(engine) as connection:
        old = _old(connection, table, before)
        for start in range(0, len(old), IDS_AT_ONCE):
            connection.execute(delete(table).where(table.id.in_(old[start : start + IDS_AT_ONCE])))
    return len(old)


def _old(connection: Connection, table: type[ScoringRun] | type[ForecastRun], before: datetime) -> list[int]:
    model = (table.model_name, table.model_version)
    newest = select(*model, func.max(table.as_of).label("as_of")).group_by(*model).subquery()
    same = (newest.c.model_name == table.model_name, newest.c.model_version == table.model_version)
    query = select(table.id).join(newest, and_(*same)).where(table.as_of < before, table.as_of < newest.c.as_of)
    return list(connection.execute(query.order_by(table.id)).scalars())
