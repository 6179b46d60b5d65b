"""Taking a person out of the stored tables: what is left is what would be stored had their rows never come.

With one exception: a contact that turned out to be theirs, and not somebody else's, stays ended for that other person.
"""

import os
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from crisisrisk.tables.cell_values import Mask, encoded, one_chunk
from crisisrisk.tables.checked_people import keep_without
from crisisrisk.tables.coding import PLACE_EVENTS, STORED_EVENTS
from crisisrisk.tables.core import TABLES
from crisisrisk.tables.erased import begin_erasure, rows_of_keys
from crisisrisk.tables.manifest import Manifest, Staging, StoredFile, loading, read_manifest
from crisisrisk.tables.merging import RARELY_REPEAT, source_counts
from crisisrisk.tables.quarantine import SCHEMA
from crisisrisk.tables.site import Site
from crisisrisk.tables.small_tables import sorted_texts

WITHHELD = "(withheld: somebody was erased)"
_WHO = ("person_id", "source_person_key", "source")
Keys = Mapping[str, frozenset[str]]
"""By source the agency's keys that are one person's."""


def keys_of(site: Site, manifest: Manifest, person_id: str) -> Keys:
    """The keys whose newest link is to a person; one that was linked to somebody else since is that person's."""
    file = manifest.files.get("tables/person_links")
    if file is None:
        return {}
    columns = ("source", "source_person_key", "known_at", "person_id")
    links = pq.read_table(site.data / file.path, columns=list(columns)).to_pydict()
    newest: dict[tuple[str, str], tuple[datetime, str]] = {}
    for source, key, known, person in zip(*(links[name] for name in columns), strict=True):
        if (source, key) not in newest or (known, person) >= newest[source, key]:
            newest[source, key] = (known, person)
    own = [pair for pair, (_, person) in newest.items() if person == person_id]
    return {source: frozenset(key for one, key in own if one == source) for source, _ in own}


def rows_stored(site: Site, person_id: str) -> dict[str, int]:
    """By table how many stored rows are about a person; tables without one are left out."""
    manifest = read_manifest(site)
    if manifest is None:
        return {}
    keys, counts = keys_of(site, manifest, person_id), Counter[str]()
    for logical, file in manifest.files.items():
        if not logical.startswith(("people/", "unlinked/")):  # every event stands in the copy by month
            counts[_table_of(logical)] += int(_about(_who(site, file), person_id, keys).sum())
    return {name: count for name, count in sorted(counts.items()) if count}


def people_stored(site: Site) -> frozenset[str]:
    """Every pseudonym in the stored tables."""
    manifest = read_manifest(site)
    found: set[str] = set()
    for file in manifest.files.values() if manifest else ():
        rows = _who(site, file)
        if "person_id" in rows.column_names:
            found |= set(pc.unique(one_chunk(rows.column("person_id")).cast(pa.string())).to_pylist())
    return frozenset(found - {None})


def erase_stored(site: Site, person_id: str, *, now: datetime) -> dict[str, int]:
    """Put a person into the register and take them out of every stored table, of the list of those without a national
    opt-out, and out of the values of refused rows. Returns by table how many rows went.

    The former state of the tables, which a reader may still be using, goes at once. Raises DataError while a load runs.
    """
    with loading(site) as staging:
        before = read_manifest(site)
        begin_erasure(site, person_id, keys_of(site, before, person_id) if before else {}, now=now)
        counts = rows_stored(site, person_id)
        if before is not None:
            files = _files_without(site, staging, before, person_id)
            if files != before.files:
                before = staging.commit(Manifest(
                    buckets=before.buckets, key_check=before.key_check, files=files, loads=before.loads
                ), before)  # fmt: skip
            staging.forget_former(before)
            counts |= _withhold_values(site, before)
        keep_without(site, person_id)
    return counts


def _files_without(site: Site, staging: Staging, before: Manifest, person_id: str) -> dict[str, StoredFile]:
    keys, files = keys_of(site, before, person_id), {}
    for logical, file in before.files.items():
        gone = _about(_who(site, file), person_id, keys)
        files[logical] = _without(site, staging, logical, file, ~gone) if gone.any() else file
    return {logical: file for logical, file in files.items() if file.rows or logical.startswith("tables/")}


def _without(site: Site, staging: Staging, logical: str, file: StoredFile, stays: Mask) -> StoredFile:
    folder, table = logical.split("/")[0], _table_of(logical)
    schema = {"people": STORED_EVENTS, "unlinked": STORED_EVENTS, "places": PLACE_EVENTS}.get(folder)
    rows = pq.read_table(site.data / file.path).cast(schema or TABLES[table].arrow_schema)
    rows = sorted_texts(rows.take(pa.array(np.flatnonzero(stays))))
    if schema is None:
        return staging.parquet(logical, rows)
    if not rows.num_rows:
        return StoredFile(path="", rows=0)
    made = staging.parquet(logical, rows, plain=RARELY_REPEAT)
    if folder == "places":
        return made
    keyed = rows.num_rows - rows.column("source_person_key").null_count
    return StoredFile(path=made.path, rows=made.rows, sources=source_counts(rows), keyed_rows=keyed)


def _who(site: Site, file: StoredFile) -> pa.Table:
    with pq.ParquetFile(site.data / file.path) as opened:
        return opened.read([name for name in _WHO if name in opened.schema_arrow.names])


def _about(rows: pa.Table, person_id: str, keys: Keys) -> Mask:
    gone = np.zeros(rows.num_rows, dtype=np.bool_)
    if not rows.num_rows:
        return gone
    if "person_id" in rows.column_names:
        gone |= encoded(one_chunk(rows.column("person_id"))).rows_with(person_id.__eq__)
    if "source_person_key" in rows.column_names:
        gone |= rows_of_keys(rows, {source: some.__contains__ for source, some in keys.items()})
    return gone


def _table_of(logical: str) -> str:
    return logical.removeprefix("tables/") if logical.startswith("tables/") else "events"


# Refused rows


def _withhold_values(site: Site, manifest: Manifest) -> dict[str, int]:
    """Refused rows do not say whose they are: of tables about people no value is kept, only where and which rule."""
    changed = 0
    for load in manifest.loads:
        if load.quarantine is not None and {"person_id", "source_person_key"} & set(TABLES[load.table].names):
            changed += _without_values(site.quarantine / load.quarantine)
    return {"quarantine": changed} if changed else {}


def _without_values(path: Path) -> int:
    if not path.exists():
        return 0
    rows = pq.read_table(path)
    values = rows.column("value")
    held = pc.and_(values.is_valid(), pc.invert(pc.fill_null(pc.starts_with(values, "(withheld"), False)))
    count = int(pc.sum(held).as_py() or 0)
    if count:
        kept = pc.if_else(held, pa.scalar(WITHHELD), values)
        staged = path.with_name(f".{path.name}.new")
        pq.write_table(rows.set_column(rows.column_names.index("value"), SCHEMA.field("value"), kept), staged)
        with staged.open("rb") as written:
            os.fsync(written.fileno())
        staged.replace(path)
    return count
