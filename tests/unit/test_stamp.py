"""What is stored is read anew exactly when a file says that it may have changed."""

import os
from pathlib import Path

import pytest
from tests.lib.service_site import ServiceSite, make_site

from crisisrisk.errors import DataError
from crisisrisk.tables.stamp import Stamp
from crisisrisk.tables.store import Store


@pytest.fixture
def made(tmp_path: Path) -> ServiceSite:
    return make_site(tmp_path / "site")


def test_a_state_that_did_not_change_is_not_read_again(made: ServiceSite) -> None:
    store = Store(made.site)
    assert store.snapshot() is store.snapshot()


def test_a_manifest_that_is_damaged_is_noticed_and_so_is_its_repair(made: ServiceSite) -> None:
    store = Store(made.site)
    before = store.snapshot()
    manifest = made.site.data / "manifests" / (made.site.data / "CURRENT").read_text().strip()
    content = manifest.read_bytes()
    manifest.write_bytes(content[:-9])
    with pytest.raises(DataError, match="CR-DATA-008"):
        store.snapshot()
    manifest.write_bytes(content)
    assert store.snapshot().digest == before.digest


def test_another_current_manifest_is_noticed_though_it_is_as_long_and_as_old(made: ServiceSite) -> None:
    current = made.site.data / "CURRENT"
    stamp, times = Stamp.of(made.site), current.stat()
    staged = current.with_name("CURRENT.new")
    staged.write_bytes(current.read_bytes())
    os.utime(staged, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert stamp.is_current()
    staged.replace(current)
    assert not stamp.is_current()


def test_a_site_without_tables_is_asked_again_each_time(made: ServiceSite) -> None:
    current = made.site.data / "CURRENT"
    name = current.read_text()
    current.unlink()
    store = Store(made.site)
    with pytest.raises(DataError, match="CR-DATA-005"):
        store.snapshot()
    current.write_text(name)
    assert store.snapshot().digest
