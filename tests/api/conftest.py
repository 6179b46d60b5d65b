"""What the tests of the service share."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.lib.service_site import ServiceSite, make_site, opened


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a site that is only copied."""
    site = make_site(tmp_path_factory.mktemp("pristine") / "site")
    site.engine.dispose()
    return site.site.path


@pytest.fixture(scope="session")
def shared_site(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> ServiceSite:
    """A site that no test changes, but for the keys that it makes."""
    return opened(Path(shutil.copytree(pristine, tmp_path_factory.mktemp("shared") / "site")))


@pytest.fixture
def own_site(pristine: Path, tmp_path: Path) -> Iterator[ServiceSite]:
    """A site that a test may change: a copy of one that nothing has touched."""
    site = opened(Path(shutil.copytree(pristine, tmp_path / "site")))
    yield site
    site.engine.dispose()
