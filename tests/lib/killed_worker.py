"""A worker that is killed by SIGKILL at each of its steps in turn: `python -m tests.lib.killed_worker FOLDER [EVERY]`.

A warmed process forks one child per point. The child does everything that is due on a copy of the site in FOLDER and
kills itself just before its n-th file operation inside the site, statement that writes, or commit. Then a second child
does what is due then. Prints one JSON line per point: what there is afterwards. A site on a PostgreSQL
and its copies share one operational database, emptied before each point.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, delete, event, func, select

from crisisrisk.commands.work import work_once
from crisisrisk.database.engine import open_engine, writing
from crisisrisk.database.jobs import job_states
from crisisrisk.database.schema import Base, ForecastRun, IngestedFile, ScoringRun
from crisisrisk.operations.backup import copies
from crisisrisk.tables.site import Site, read_site
from crisisrisk.tables.store import Store
from tests.lib.killed_loads import WATCHED, in_child

MOMENT = datetime.now(UTC)
WRITES = ("INSERT", "UPDATE", "DELETE")
INBOX = """
[[inbox.file]]
name = "events*.csv"
mapping = "events.toml"
[inbox]
folder = "inbox"
settled_seconds = 0
[work]
load_every_minutes = 1440
[retention]
scores_days = 180
"""


def kill_at(point: int, folder: Path) -> None:
    """From now on this process dies just before its `point`-th step."""
    seen = 0

    def step() -> None:
        nonlocal seen
        seen += 1
        if seen == point:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(name: str, arguments: tuple[Any, ...]) -> None:
        if name in WATCHED and str(arguments[0]).startswith(str(folder)):
            step()

    sys.addaudithook(hook)

    @event.listens_for(Engine, "before_cursor_execute")
    def _statement(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(WRITES):
            step()

    event.listen(Engine, "commit", lambda _connection: step())


def work(site: Site) -> list[str]:
    """Do what is due; the codes of what failed. The moment stands still, so that nothing becomes due in between."""
    done = work_once(site, tell=lambda _: None, clock=lambda: MOMENT)
    return [one.code for one in done.jobs if one.code]


def state(site: Site) -> dict[str, Any]:
    """What there is of all that the jobs make."""
    engine = open_engine(site.database_url)
    with engine.connect() as connection:
        counts = {
            table.__tablename__: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (ScoringRun, ForecastRun, IngestedFile)
        }
    jobs = {name: (one.state, one.code) for name, one in job_states(engine).items()}
    inbox = site.path / "inbox"
    return {
        **counts, "jobs": jobs, "digest": Store(site).snapshot().digest, "copies": len(copies(site.backups)),
        "backups": len(list(site.backups.iterdir())),
        "files": sorted(str(path.relative_to(inbox)) for path in inbox.rglob("*") if path.is_file()),
    }  # fmt: skip


def fresh(folder: Path, point: int) -> Site:
    """A copy of the site, whose operational database is as it was."""
    copy = folder / f"copy-{point}"
    shutil.copytree(folder / "site", copy)
    site = read_site(copy)
    if site.database_url.startswith("sqlite"):
        return site
    engine = open_engine(site.database_url)
    with writing(engine) as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())
    engine.dispose()
    return site


def main(folder: Path, every: int = 1) -> None:
    """Kill at every point, or every so many-th, until the work comes through."""
    engine = open_engine(read_site(folder / "site").database_url)
    with writing(engine) as connection:  # what was made before the worker came
        for table in (ScoringRun, ForecastRun):
            connection.execute(delete(table))
    engine.dispose()
    warm = fresh(folder, 0)
    work(warm)  # in this process: its children find everything imported and compiled
    point, killed = 1, True
    while killed:
        site = fresh(folder, point)
        killed, _ = in_child(_killed_work(site, point))
        _, again = in_child(lambda site=site: work(site))  # type: ignore[misc]
        _, then = in_child(lambda site=site: state(site))  # type: ignore[misc]
        print(json.dumps({"point": point, "killed": killed, "again": again, "then": then}), flush=True)
        shutil.rmtree(site.path)
        point += every


def _killed_work(site: Site, point: int) -> Callable[[], object]:
    def do() -> object:
        kill_at(point, site.path)
        return work(site)

    return do


if __name__ == "__main__":
    main(Path(sys.argv[1]), int((sys.argv[2:] or ["1"])[0]))
