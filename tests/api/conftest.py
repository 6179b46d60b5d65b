"""What the tests of the service share. Those of modules that are marked `both_databases` run on a PostgreSQL too."""

import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url
from tests.lib.database import temporary_postgresql
from tests.lib.service_site import ServiceSite, fill, make_site, opened

from crisisrisk.database.upgrade import current_engine

SITES = ("own_site", "shared_site")
DATABASES = ("sqlite", "postgresql")
TEMPLATE = "template_site"

MakeDatabase = Callable[[], str]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The sites of a marked test, in both databases."""
    names = [name for name in SITES if name in metafunc.fixturenames]
    if names and metafunc.definition.get_closest_marker("both_databases"):
        both = [(kind,) * len(names) for kind in DATABASES]
        metafunc.parametrize(names, both, indirect=True, ids=DATABASES)


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a site that is only copied."""
    site = make_site(tmp_path_factory.mktemp("pristine") / "site")
    site.engine.dispose()
    return site.site.path


@pytest.fixture(scope="session")
def postgresql_database(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeDatabase]:
    """The URL of a new database that holds what that of the pristine site does. One server for all of them."""
    numbers = count()
    with temporary_postgresql() as server:
        admin = create_engine(make_url(server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")

        def make(name: str, template: str) -> str:
            with admin.connect() as connection:
                connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
            return server.rpartition("/")[0] + f"/{name}"

        url = make(TEMPLATE, "template1")
        current_engine(url).dispose()
        made = opened(_copy(pristine, tmp_path_factory.mktemp("template"), url))
        fill(made)
        made.engine.dispose()
        yield lambda: make(f"site_{next(numbers)}", TEMPLATE)
        admin.dispose()


@pytest.fixture(scope="session")
def shared_site(
    request: pytest.FixtureRequest, pristine: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceSite]:
    """A site that no test changes, but for the keys that it makes."""
    site = _site(request, pristine, tmp_path_factory.mktemp("shared"))
    yield site
    site.engine.dispose()


@pytest.fixture
def own_site(request: pytest.FixtureRequest, pristine: Path, tmp_path: Path) -> Iterator[ServiceSite]:
    """A site that a test may change: a copy of one that nothing has touched."""
    site = _site(request, pristine, tmp_path)
    yield site
    site.engine.dispose()


def _site(request: pytest.FixtureRequest, pristine: Path, folder: Path) -> ServiceSite:
    if getattr(request, "param", "sqlite") == "sqlite":
        return opened(_copy(pristine, folder, None))
    return opened(_copy(pristine, folder, request.getfixturevalue("postgresql_database")()))


def _copy(pristine: Path, folder: Path, url: str | None) -> Path:
    copy = Path(shutil.copytree(pristine, folder / "site"))
    if url is not None:
        (copy / "crisisrisk.db").unlink()
        configuration = copy / "crisisrisk.toml"
        configuration.write_text(f'database_url = "{url}"\n' + configuration.read_text(encoding="utf-8"))
    return copy
