"""What unit tests share: an operational database, on SQLite and on a real PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.lib.postgresql import drop_database, new_database

from crisisrisk.database.engine import writing
from crisisrisk.database.schema import Base
from crisisrisk.database.upgrade import current_engine


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """A database of the module's own, on the run's server."""
    url = new_database()
    yield url
    drop_database(url)


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
