"""A site whose people were looked at, talked about and kept in files, and everything that is kept of it as bytes."""

import io
import json
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from click.testing import CliRunner, Result
from sqlalchemy import select

from crisisrisk.cli import crisisrisk
from crisisrisk.database.schema import AuditRow
from crisisrisk.evaluation.judged import person_numbers
from crisisrisk.operations.backup import back_up
from tests.lib.harmed_database import rows_of
from tests.lib.service_site import ServiceSite, opened

CANARY = "CANARY she lives above the bakery"
WHY = ("--reason", "asked by letter", "--by", "A. Nobody", "--yes")
INBOX = """
[[inbox.file]]
name = "*.csv"
mapping = "events.toml"
[inbox]
folder = "inbox"
"""


def full_site_of(own_site: ServiceSite) -> ServiceSite:
    """A site whose people were looked at, judged, talked about, copied, and kept in files."""
    folder = own_site.site.path
    configuration = folder / "crisisrisk.toml"
    configuration.write_text(configuration.read_text() + INBOX)
    _talk(own_site)
    ann, ben = own_site.people["ann"], own_site.people["ben"]
    if own_site.engine.dialect.name == "sqlite":
        back_up(own_site.engine, folder / "backups", kept=7, now=datetime(2026, 11, 20, 2, tzinfo=UTC))
    for name in ("done", "refused"):
        (folder / "inbox" / name).mkdir(parents=True)
        (folder / "inbox" / name / "0123456789ab-events.csv").write_text(f"id,person\ne1,{ann}\n")
    runs, work = folder / "mlruns" / "1" / "artifacts", folder / "unfinished" / "train-person-0123"
    runs.mkdir(parents=True)
    work.mkdir(parents=True)
    pq.write_table(
        pa.table({"person": person_numbers([ben, ann, ben]), "risk": [0.1, 0.2, 0.3]}), runs / "judged.parquet"
    )
    np.savez(work / "people.npz", people=np.array([ann, ben]))
    own_site.engine.dispose()
    return opened(folder)


def _talk(site: ServiceSite) -> None:
    care, ann = site.client("care", "north"), site.people["ann"]
    address = f"/api/v1/people/{ann}"
    said = [
        ("feedback", {"verdict": "disagree", "reason": "knows_more", "words": CANARY}),
        ("reviews", {"decision": "contact", "words": CANARY}),
        ("snoozes", {"until": "2026-12-06", "reason": CANARY}),
        ("data-queries", {"event_id": "e1", "problem": "another_person", "words": CANARY}),
    ]
    for name in ("ann", "ben"):
        assert care.get(f"/api/v1/people/{site.people[name]}/risk").status_code == 200
    assert care.get("/api/v1/caseloads/north").status_code == 200
    for what, body in said:
        assert care.post(f"{address}/{what}", json=body).status_code == 201, what
    concern = {"about": "score", "text": CANARY, "person_id": ann}
    assert care.post("/api/v1/safety-concerns", json=concern).status_code == 201


def run(site: ServiceSite, *arguments: str, typed: str | None = None) -> Result:
    """A command on the site."""
    command = [*arguments, "--site", str(site.site.path)]
    return CliRunner().invoke(crisisrisk, command, standalone_mode=False, input=typed)


def said(site: ServiceSite, *arguments: str) -> dict[str, Any]:
    """What a command says as JSON."""
    result: dict[str, Any] = json.loads(run(site, *arguments, "--json").stdout)
    return result


def everything(site: ServiceSite) -> bytes:
    """Every byte of the site's files, what is packed in them, and every cell of the database."""
    parts = [part for path in sorted(site.site.path.rglob("*")) if path.is_file() for part in parts_of(path)]
    with site.engine.connect() as connection:
        parts += rows_of(connection)
        parts += [zlib.decompress(body) for body in connection.execute(select(AuditRow.body)).scalars()]
    return b"\n".join(parts)


def parts_of(path: Path) -> Iterator[bytes]:
    """A file's bytes, and what is packed in them."""
    content = path.read_bytes()
    yield content
    if path.suffix == ".parquet":
        yield repr(pq.read_table(path).to_pydict()).encode()
    if path.suffix == ".npz":
        with np.load(io.BytesIO(content)) as arrays:
            yield repr(
                {name: arrays[name].tolist() for name in arrays.files if arrays[name].dtype.kind == "U"}
            ).encode()
