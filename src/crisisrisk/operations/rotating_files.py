"""What a site keeps of people outside its tables and its database, when everybody is called by a new pseudonym.

Reports are rewritten; raw files that came with former pseudonyms end, as what was loaded is in the tables.
"""

import os
import shutil
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from crisisrisk.evaluation.judged import is_numbered_by, person_numbers, renumber
from crisisrisk.operations.backup import copies
from crisisrisk.operations.erasing_files import judged_files, raw_files, searched_folders
from crisisrisk.operations.traces import files_matching
from crisisrisk.tables.pseudonyms import CHARACTERS, LENGTH
from crisisrisk.tables.renaming import Renaming
from crisisrisk.tables.site import Site
from crisisrisk.training.progress import FOLDER as UNFINISHED
from crisisrisk.training.progress import unfinished_folders


def files_with_former(site: Site, renaming: Renaming) -> list[Path]:
    """Every file of the site, its inbox and its MLflow store that holds a former pseudonym."""
    return files_matching(searched_folders(site), renaming.beginnings, CHARACTERS, LENGTH)


def former_files(site: Site, renaming: Renaming, key: str) -> dict[str, int]:
    """How many files of each kind are rewritten or end; kinds without any are left out."""
    found = files_with_former(site, renaming)
    counts = {
        "raw_files": len(set(raw_files(site)) & set(found)),
        "unfinished": len(list((site.path / UNFINISHED).glob("*"))),
        "judged_runs": sum(not is_numbered_by(path, key) for path in judged_files(site)),
        "reports": sum(path.is_relative_to(site.reports) for path in found), "backups": len(copies(site.backups)),
    }  # fmt: skip
    return {name: count for name, count in counts.items() if count}


def rotate_files(site: Site, renaming: Renaming, key: str, people: Collection[str]) -> dict[str, int]:
    """End unfinished work and raw files that name somebody, and rename people in judged runs and reports.

    `people`: everybody whose former pseudonym is known. It comes before the tables, after which nobody's is. Returns
    how many of each. Raises DataError, before anything, while a command is at work on a model.
    """
    folders, found = unfinished_folders(site), files_with_former(site, renaming)
    for folder in folders:
        shutil.rmtree(folder)
    raw = sorted(set(raw_files(site)) & set(found))
    for path in raw:
        path.unlink()
    known = sorted(one for one in people if renaming.is_former(one))
    newer = person_numbers(renaming.of(one) for one in known).tolist()
    numbers = dict(zip(person_numbers(known).tolist(), newer, strict=True))
    judged = sum(renumber(path, numbers, renaming.number, key) for path in judged_files(site))
    reports = sum(_renamed(path, renaming) for path in found if path.is_relative_to(site.reports))
    counts = {"raw_files": len(raw), "unfinished": len(folders), "judged_runs": judged, "reports": reports}
    return {name: count for name, count in counts.items() if count}


def _renamed(path: Path, renaming: Renaming) -> bool:
    """A table or a text with everybody renamed, in place. False for a file that is neither, which stays as it is."""
    staged = path.with_name(f".{path.name}.new")
    try:
        if path.suffix == ".parquet":
            pq.write_table(renaming.in_table(pq.read_table(path)), staged)
        else:
            content = path.read_bytes()
            content.decode()
            staged.write_bytes(renaming.in_bytes(content))
    except (UnicodeDecodeError, pa.ArrowException):
        staged.unlink(missing_ok=True)
        return False
    shutil.copymode(path, staged)
    with staged.open("rb") as written:
        os.fsync(written.fileno())
    staged.replace(path)
    return True
