"""Loads that are killed by SIGKILL at each file operation in turn: `python -m tests.lib.killed_loads FOLDER`.

A warmed process forks one child per point. The child loads a second file into a copy of a site and kills itself just
before its n-th file operation inside the site. Prints one JSON line per point: the digest that the site then shows, the
digest after the same load was run again, and what is left of the killed load.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crisisrisk.commands.data import load_files
from crisisrisk.tables.site import Site, read_site
from crisisrisk.tables.store import Store

WATCHED = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir")


def kill_at(point: int, folder: Path) -> None:
    """From now on this process dies just before its `point`-th file operation inside a folder."""
    seen = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event in WATCHED and str(arguments[0]).startswith(str(folder)):
            seen += 1
            if seen == point:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def in_child(work: Callable[[], object]) -> tuple[bool, Any]:
    """Whether a forked child was killed at its work, and the JSON value that it gave."""
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writer, json.dumps(work()).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        given = pipe.read()
    killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
    return killed, None if killed else json.loads(given)


def state(site: Site) -> str:
    """The digest of a site, once every row of it was read."""
    snapshot = Store(site).snapshot()
    for bucket in range(snapshot.buckets):
        snapshot.person_events(bucket)
    snapshot.place_events()
    return snapshot.digest


def load(site: Site, name: str) -> str:
    """Load one of the folder's files; the digest afterwards."""
    load_files(site, [site.path / name], site.path / "mapping.toml")
    return state(site)


def _load_until_killed(site: Site, point: int) -> str:
    kill_at(point, site.path)
    return load(site, "second.csv")


def main(folder: Path) -> None:
    """Kill at every point until a load comes through."""
    load(read_site(folder / "site"), "first.csv")  # in this process: its children find everything imported and compiled
    point, killed = 0, True
    while killed:
        point += 1
        copy = folder / f"copy-{point}"
        shutil.copytree(folder / "site", copy)
        site = read_site(copy)
        killed, _ = in_child(lambda site=site, point=point: _load_until_killed(site, point))  # type: ignore[misc]
        _, seen = in_child(lambda site=site: state(site))  # type: ignore[misc]
        _, again = in_child(lambda site=site: load(site, "second.csv"))  # type: ignore[misc]
        left = sorted(path.name for path in (copy / "data").glob("staging-*"))
        quarantine = sorted(path.name for path in (copy / "quarantine").glob("*"))
        print(
            json.dumps({"killed": killed, "seen": seen, "again": again, "left": left, "quarantine": quarantine}),
            flush=True,
        )
        shutil.rmtree(copy)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
