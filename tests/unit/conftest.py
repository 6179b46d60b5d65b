"""What unit tests share: an operational database, on SQLite and on a real PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.lib.database import temporary_postgresql

from crisisrisk.database.engine import writing
from crisisrisk.database.schema import Base
from crisisrisk.database.upgrade import current_engine


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    with temporary_postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        made = current_engine(f"sqlite:///{tmp_path / 'crisisrisk.db'}")
    else:
        made = current_engine(request.getfixturevalue("postgresql"))
        with writing(made) as connection:
            for table in reversed(Base.metadata.sorted_tables):
                connection.execute(table.delete())
    yield made
    made.dispose()
