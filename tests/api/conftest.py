"""What the tests of the service share. Those of modules that are marked `both_databases` run on a PostgreSQL too."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.lib.operational import DATABASES, copied, usual_database, with_new_database
from tests.lib.service_site import ServiceSite, fill, make_site, opened

SITES = ("own_site", "shared_site")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The sites of a marked test, in both databases; in the run's only one where all of it is on a PostgreSQL."""
    names = [name for name in SITES if name in metafunc.fixturenames]
    if names and usual_database() == "sqlite" and metafunc.definition.get_closest_marker("both_databases"):
        both = [(kind,) * len(names) for kind in DATABASES]
        metafunc.parametrize(names, both, indirect=True, ids=DATABASES)


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a site that is only copied."""
    site = make_site(tmp_path_factory.mktemp("pristine") / "site")
    site.engine.dispose()
    return site.site.path


@pytest.fixture(scope="session")
def pristine_postgresql(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with its operational database on a PostgreSQL."""
    if usual_database() == "postgresql":
        return pristine
    copy = copied(pristine, tmp_path_factory.mktemp("pristine-postgresql") / "site")
    made = opened(with_new_database(copy, "postgresql"))
    fill(made)
    made.engine.dispose()
    return made.site.path


@pytest.fixture(scope="session")
def shared_site(
    request: pytest.FixtureRequest, pristine: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceSite]:
    """A site that no test changes, but for the keys that it makes."""
    site = opened(copied(_template(request, pristine), tmp_path_factory.mktemp("shared") / "site"))
    yield site
    site.engine.dispose()


@pytest.fixture
def own_site(request: pytest.FixtureRequest, pristine: Path, tmp_path: Path) -> Iterator[ServiceSite]:
    """A site that a test may change: a copy of one that nothing has touched."""
    site = opened(copied(_template(request, pristine), tmp_path / "site"))
    yield site
    site.engine.dispose()


def _template(request: pytest.FixtureRequest, pristine: Path) -> Path:
    if getattr(request, "param", usual_database()) == "sqlite":
        return pristine
    found: Path = request.getfixturevalue("pristine_postgresql")
    return found
