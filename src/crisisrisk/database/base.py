"""What every table of the operational database is built on: moments with their zone, and one set of names."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Float, MetaData, TypeDecorator
from sqlalchemy.orm import DeclarativeBase

from crisisrisk.timeline import microseconds


class Instant(TypeDecorator[datetime]):
    """An aware UTC moment. SQLite keeps no zones: the zone is taken off on the way in and put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        microseconds(value)  # refuses a time without its zone
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """What Alembic compares the migrations with."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 -- read once
        datetime: Instant, dict[str, Any]: JSON, list[int]: JSON, list[str]: JSON, list[dict[str, Any]]: JSON,
        float: Float(53),
    }  # fmt: skip
