"""What a site keeps of people outside its tables and its database, and how an erasure ends it.

Raw files cannot be emptied of one person with certainty: a filter of the mapping, a line with too many fields or a text
may hold them unseen. What was loaded is in the tables, so every such file ends.
"""

import shutil
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from crisisrisk.evaluation.judged import FILE as JUDGED
from crisisrisk.evaluation.judged import is_judged_with, without_link
from crisisrisk.operations.backup import back_up, copies
from crisisrisk.operations.inbox import DONE, REFUSED
from crisisrisk.tables.site import Site
from crisisrisk.training.progress import FOLDER as UNFINISHED
from crisisrisk.training.progress import unfinished_folders

_SQLITE = "sqlite:///"


def raw_files(site: Site) -> list[Path]:
    """The files that were loaded or refused and are kept, with the reasons beside them."""
    if site.inbox is None:
        return []
    folders = (site.inbox.folder / name for name in (DONE, REFUSED))
    return sorted(path for folder in folders for path in folder.glob("*") if path.is_file())


def kept_files(site: Site, person_id: str) -> dict[str, int]:
    """How many files of each kind an erasure ends or rewrites; kinds without any are left out."""
    counts = {
        "raw_files": len(raw_files(site)), "unfinished": len(list((site.path / UNFINISHED).glob("*"))),
        "judged_runs": sum(is_judged_with(path, person_id) for path in judged_files(site)),
        "backups": len(copies(site.backups)),
    }  # fmt: skip
    return {name: count for name, count in counts.items() if count}


def end_files(site: Site, person_id: str) -> dict[str, int]:
    """End raw files and unfinished work, and cut the links of judged runs to a person. Returns how many of each.

    Raises DataError, before anything, while a command is at work on a model.
    """
    folders, counts = unfinished_folders(site), {"raw_files": 0, "judged_runs": 0}
    for folder in folders:
        shutil.rmtree(folder)
    for path in raw_files(site):
        path.unlink()
        counts["raw_files"] += 1
    counts["judged_runs"] = sum(without_link(path, person_id) for path in judged_files(site))
    return {name: count for name, count in {**counts, "unfinished": len(folders)}.items() if count}


def renew_backups(site: Site, engine: Engine, *, now: datetime) -> dict[str, int]:
    """Make a copy of the database as it is now, and end all before it. A site without copies gets none."""
    former = len(copies(site.backups))
    if former:
        back_up(engine, site.backups, kept=1, now=now)
    return {"backups": former} if former else {}


def searched_folders(site: Site) -> list[Path]:
    """Where a site's files are: its folder, its inbox, and its MLflow store where that is on this machine."""
    found = [site.path, *([site.inbox.folder] if site.inbox else []), *_tracking_folder(site)]
    return [folder for folder in found if folder.is_dir()]


def judged_files(site: Site) -> list[Path]:
    """The judged rows of every run in the MLflow store, where that is on this machine."""
    return sorted(path for folder in _tracking_folder(site) for path in folder.rglob(JUDGED))


def _tracking_folder(site: Site) -> list[Path]:
    """None where a server keeps the runs: its files are not reached from here."""
    uri = site.mlflow_tracking_uri
    return [Path(uri.removeprefix(_SQLITE)).parent] if uri.startswith(_SQLITE) else []
