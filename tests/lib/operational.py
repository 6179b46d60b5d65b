"""The operational database of a test's site: SQLite, or with CRISISRISK_TEST_DATABASE=postgresql a PostgreSQL."""

import os
import re
import shutil
from pathlib import Path

import pytest

from crisisrisk.tables.site import read_site
from tests.lib.postgresql import copied_database, drop_database, new_database

VARIABLE = "CRISISRISK_TEST_DATABASE"
DATABASES = ("sqlite", "postgresql")
LINE = re.compile(r'^database_url = "(.*)"\n', flags=re.MULTILINE)

_made: dict[Path, str] = {}


def usual_database() -> str:
    """The kind of database that sites have in this run.

    Raises ValueError for a kind that there is not.
    """
    kind = os.environ.get(VARIABLE) or DATABASES[0]
    if kind not in DATABASES:
        raise ValueError(f"{VARIABLE}={kind}: wanted {' or '.join(DATABASES)}")
    return kind


def configure(folder: Path, text: str) -> None:
    """Write a site's configuration. Its operational database stays the one that it has; a new site has an empty one."""
    file = folder / "crisisrisk.toml"
    if file.exists():
        found = LINE.search(file.read_text(encoding="utf-8"))
        file.write_text((found[0] if found else "") + text, encoding="utf-8")
        return
    file.write_text(text, encoding="utf-8")
    if usual_database() == "postgresql":
        _move(folder, new_database())


def copied(folder: Path, target: Path) -> Path:
    """A copy of a site's folder, with a copy of its operational database."""
    copy = Path(shutil.copytree(folder, target))
    url = read_site(copy).database_url
    if url.startswith("postgresql"):
        _move(copy, copied_database(url))
    return copy


def with_new_database(folder: Path, kind: str | None = None) -> Path:
    """A site's folder whose operational database is a new one: no file yet in SQLite, or an empty PostgreSQL.

    `kind`: the usual one of this run where none is named.
    """
    for file in folder.glob("crisisrisk.db*"):
        file.unlink()
    if (kind or usual_database()) == "postgresql":
        _move(folder, new_database())
    return folder


def of_sqlite(what: str) -> pytest.MarkDecorator:
    """Marks a test of SQLite's own file, which is left out where sites have a PostgreSQL. `what`: of it is tested."""
    return pytest.mark.skipif(usual_database() != "sqlite", reason=f"of SQLite's file: {what}")


def drop_databases_below(folder: Path) -> None:
    """Take away the PostgreSQL databases of sites in a folder that nobody reads any more."""
    for site in [site for site in _made if site.is_relative_to(folder)]:
        drop_database(_made.pop(site))


def _move(folder: Path, url: str) -> None:
    _made[folder] = url
    file = folder / "crisisrisk.toml"
    text = LINE.sub("", file.read_text(encoding="utf-8"))
    file.write_text(f'database_url = "{url}"\n' + text, encoding="utf-8")
