"""Calling everybody in the stored tables by the pseudonym of a new key: what is left is what a load with it makes.

With the exception of what an erasure left: a contact that turned out to be an erased person's stays ended.
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from crisisrisk.errors import DataError
from crisisrisk.tables.cell_values import as_declared
from crisisrisk.tables.checked_people import checked_people, keep_renamed
from crisisrisk.tables.coding import CATEGORY_NAMES
from crisisrisk.tables.core import TABLES
from crisisrisk.tables.erasing import people_stored
from crisisrisk.tables.manifest import Manifest, Staging, StoredFile, loading, read_manifest
from crisisrisk.tables.merging import EventMerge
from crisisrisk.tables.pseudonyms import PseudonymKey
from crisisrisk.tables.renaming import Renaming
from crisisrisk.tables.site import Site
from crisisrisk.tables.small_tables import merged_table

OPT_OUTS, QUARANTINE = "opt_outs", "quarantine"


def former_rows(site: Site, renaming: Renaming) -> dict[str, int]:
    """By table how many stored rows have a former pseudonym, refused rows and the list of the opt-out among them."""
    manifest, counts = read_manifest(site), Counter[str]()
    for logical, file in manifest.files.items() if manifest else ():
        if not logical.startswith(("people/", "unlinked/")):  # every event stands in the copy by month
            table = logical.removeprefix("tables/") if logical.startswith("tables/") else "events"
            counts[table] += renaming.rows_in(_read(site, file))
    for path in _refused(site):
        counts[QUARANTINE] += renaming.rows_in(pq.read_table(path))
    listed = _listed(site)
    counts[OPT_OUTS] += 0 if listed is None else renaming.rows_in(listed)
    return {name: count for name, count in sorted(counts.items()) if count}


def refuse_merged(people: frozenset[str], renaming: Renaming) -> None:
    """Raises DataError where a new key would call two people alike: of a million about once in 10^12 keys."""
    former = [person for person in people if renaming.is_former(person)]
    if len({renaming.of(person) for person in former}) < len(former):
        raise DataError(
            "CR-KEY-004", "the new key calls two people alike, and nothing was changed",
            hint="remove the waiting key beside the key file, and say the same command again",
        )  # fmt: skip


def rotate_stored(site: Site, key: PseudonymKey, renaming: Renaming) -> dict[str, int]:
    """Replace every former pseudonym and agency's key in the stored tables, the list of the opt-out and refused rows.

    The former state of the tables goes at once. Returns by table in how many rows one stood. Raises DataError while a
    load runs.
    """
    with loading(site) as staging:
        before, counts = read_manifest(site), former_rows(site, renaming)
        refuse_merged(people_stored(site), renaming)
        if before is not None:
            if before.key_check != key.check or counts.keys() - {OPT_OUTS, QUARANTINE}:
                after = Manifest(
                    buckets=before.buckets, key_check=key.check, files=_files(site, staging, before, renaming),
                    loads=before.loads,
                )  # fmt: skip
                before = staging.commit(after, before)
            staging.forget_former(before)
        for path in _refused(site):
            _rename_refused(path, renaming)
        if OPT_OUTS in counts:
            keep_renamed(site, renaming.of)
    return counts


def _files(site: Site, staging: Staging, before: Manifest, renaming: Renaming) -> Mapping[str, StoredFile]:
    files: dict[str, StoredFile] = {}
    for name, table in TABLES.items():
        file = before.files.get(f"tables/{name}")
        if file is not None:
            empty = table.arrow_schema.empty_table()
            renamed = renaming.in_table(as_declared(_read(site, file), table.arrow_schema))
            files[f"tables/{name}"] = staging.parquet(f"tables/{name}", merged_table(table, empty, renamed).rows)
    with EventMerge(site.data, staging, site.buckets, {}) as merge:
        return files | merge.moved(_events(site, before, renaming), _months(site, before, renaming))


def _events(site: Site, before: Manifest, renaming: Renaming) -> Iterator[pa.Table]:
    for folder in ("people", "unlinked"):
        for file in before.under(folder).values():
            yield renaming.in_table(_read(site, file))


def _months(site: Site, before: Manifest, renaming: Renaming) -> Iterator[tuple[str, pa.Table]]:
    for logical, file in before.under("places").items():
        yield logical, renaming.in_table(_read(site, file))


def _read(site: Site, file: StoredFile) -> pa.Table:
    return pq.read_table(site.data / file.path, read_dictionary=list(CATEGORY_NAMES), use_threads=False)


# What lies beside the tables


def _refused(site: Site) -> list[Path]:
    return sorted(site.quarantine.glob("*.parquet"))


def _rename_refused(path: Path, renaming: Renaming) -> None:
    rows = pq.read_table(path)
    if renaming.rows_in(rows):
        staged = path.with_name(f".{path.name}.new")
        pq.write_table(renaming.in_table(rows), staged)
        with staged.open("rb") as written:
            os.fsync(written.fileno())
        staged.replace(path)


def _listed(site: Site) -> pa.Table | None:
    kept = checked_people(site)
    return None if kept is None else pq.read_table(site.path / OPT_OUTS / kept.file)
