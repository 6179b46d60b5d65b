"""Use-case of `crisisrisk people destroy-keys`: the keys of pseudonyms end, once nothing needs them.

Every new pseudonym is made from the one before, so that none of the keys can end alone: they end together, at a site
that takes no more files, or that another site follows to which everything was loaded anew.
"""

import base64
import json
import mmap
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Engine, func, select

from crisisrisk.commands.audit import keep, opened_trail
from crisisrisk.database.schema import IdentityRow
from crisisrisk.database.upgrade import current_engine
from crisisrisk.database.work_lock import SERVE_LOCK, nobody_answers, working
from crisisrisk.errors import CrisisRiskError, DataError, UsageError
from crisisrisk.operations.erasing_files import searched_folders
from crisisrisk.operations.inbox import arrived
from crisisrisk.operations.traces import Search, files_with
from crisisrisk.tables.destroyed_key import destroy
from crisisrisk.tables.erased import erased_people
from crisisrisk.tables.loading import site_key
from crisisrisk.tables.manifest import Manifest, read_manifest
from crisisrisk.tables.mapping import HashOf
from crisisrisk.tables.mapping_files import read_mapping
from crisisrisk.tables.pseudonyms import PseudonymKey, pseudonym_key_file, read_pseudonym_key
from crisisrisk.tables.rotation import rotations
from crisisrisk.tables.site import Site, read_site

DESTROYED = "people destroy-keys"
_NAMED = 3
LOST = (
    "no file with NHS numbers, study ids or agencies' own keys can be loaded here, nor one whose contacts have no ids",
    "nobody is looked up by NHS number, and names, objections and erasures cannot be given by it",
    "no list without a national opt-out can be taken: planning, fitting and judging end when the last is too old",
    "the key cannot be changed again, and what a former pseudonym became is said no more",
    "whoever asks what is kept about them must be known by pseudonym",
)
"""What ends with the keys, whatever a site holds."""


@dataclass(frozen=True, kw_only=True)
class DestroyedKeys:
    """`keys`: their names. `needed`: what still needs them, and kept them. `lost`: what ends with them. `left`: files
    in which a secret still stands."""

    keys: Sequence[str]
    needed: Sequence[str]
    lost: Sequence[str]
    left: Sequence[Path] = ()
    done: bool = False
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "left": [str(path) for path in self.left], "seconds": round(self.seconds, 2)}


def would_destroy(site: Site, *, successor: Path | None = None, no_more_files: bool = False) -> DestroyedKeys:
    """What needs the keys, and what ends with them. Changes nothing. Raises DataError where there are none.

    `successor`: the folder of the site that follows; `no_more_files`: that none does, and nothing is loaded again.
    """
    key, engine = site_key(site, read_manifest(site)), current_engine(site.database_url)
    try:
        return _found(site, engine, key, successor, no_more_files=no_more_files)
    finally:
        engine.dispose()


def destroy_keys(
    site: Site, *, reason: str, by: str, user: str, successor: Path | None = None, no_more_files: bool = False
) -> DestroyedKeys:  # fmt: skip
    """Destroy every key of the pseudonyms, and search for copies of them. Raises DataError, before anything, while
    something needs them, and ServiceError while a service or a worker is at work."""
    if not reason.strip() or not by.strip():
        raise UsageError("CR-USE-001", "keys are destroyed for a reason, by somebody", wanted="--reason TEXT --by NAME")
    started, key, engine = time.perf_counter(), site_key(site, read_manifest(site)), current_engine(site.database_url)
    try:
        with nobody_answers(site.state / SERVE_LOCK), working(engine, site.state / "work.lock"):
            found = _found(site, engine, key, successor, no_more_files=no_more_files)
            if found.needed:
                raise DataError(
                    "CR-KEY-005", "the keys of the pseudonyms are still needed", where=str(site.path),
                    found=" · ".join(found.needed), hint="crisisrisk people destroy-keys --dry-run",
                )  # fmt: skip
            detail = {"reason": reason.strip(), "by": by.strip(), "keys": list(found.keys)}
            keep(opened_trail(site)[0], DESTROYED, json.dumps({"lost": list(found.lost)}).encode(), detail, user)
            file = pseudonym_key_file(site)
            destroy(file, now=datetime.now(UTC))
            left = files_with([*searched_folders(site), file.parent], _of_secrets(key))
    finally:
        engine.dispose()
    return replace(found, left=sorted(set(left)), done=True, seconds=time.perf_counter() - started)


def _found(
    site: Site, engine: Engine, key: PseudonymKey, successor: Path | None, *, no_more_files: bool
) -> DestroyedKeys:  # fmt: skip
    now, known = datetime.now(UTC), erased_people(site)
    needed = [
        f"former pseudonyms may be asked about until {one.asked_until[:10]}"
        for one in rotations(site) if datetime.fromisoformat(one.asked_until) > now
    ]  # fmt: skip
    if known is not None and any(one.ended_at is None for one in known.people):
        needed.append("somebody is half erased: first crisisrisk people erase --again")
    waiting = 0 if site.inbox is None else sum(1 for _ in arrived(site.inbox))
    needed += [f"{waiting} files wait in the inbox"] if waiting else []
    if successor is not None:
        needed += _missing_there(site, key, successor)
    elif not no_more_files:
        needed += [f"{name} makes pseudonyms or ids of contacts" for name in _mappings(site)]
        needed += ["this site may be sent files: say --successor DIR, or --no-more-files"]
    return DestroyedKeys(keys=[step.id for step in key.steps], needed=needed, lost=_lost(site, engine))


def _lost(site: Site, engine: Engine) -> list[str]:
    with engine.connect() as connection:
        named = connection.execute(select(func.count(IdentityRow.person_id.distinct()))).scalar_one()
    known = erased_people(site)
    said = [f"{named} people whose names are kept stay named, and are found by pseudonym alone"] if named else []
    if known is not None and known.people:
        said.append(f"{len(known.people)} people who were erased: nobody could be kept out by an identifier any more")
    return [*LOST, *said]


def _mappings(site: Site) -> Iterator[str]:
    """The mappings of the site that need the keys; one that cannot be read may be one."""
    for path in sorted((site.path / "mappings").glob("*.toml")):
        try:
            mapping = read_mapping(path)
        except CrisisRiskError:
            yield f"{path.name} (it cannot be read)"
            continue
        if mapping.needs_key or any(isinstance(rule, HashOf) for rule in mapping.columns.values()):
            yield path.name


def _missing_there(site: Site, key: PseudonymKey, successor: Path) -> Iterator[str]:
    """What the site that follows has not: each of this one's files, keys of its own, and who was erased."""
    there = read_site(successor)
    if there.path.resolve() == site.path.resolve():
        yield "the site that follows is this one"
        return
    if {step.secret for step in read_pseudonym_key(there).steps} & {step.secret for step in key.steps}:
        yield "the site that follows has one of these keys"
    here, loaded = _loads(read_manifest(site)), _loads(read_manifest(there))
    missing = {digest: name for digest, name in here.items() if digest not in loaded}
    if missing:
        names = sorted(set(missing.values()))
        said = ", ".join([*names[:_NAMED], *(["…"] if len(names) > _NAMED else [])])
        yield f"{len(missing)} of {len(here)} files were loaded here and not there ({said})"
    out, out_there = (0 if one is None else len(one.people) for one in map(erased_people, (site, there)))
    if out_there < out:
        yield f"{out} people were erased here and {out_there} there: erase them there, by their identifiers"


def _loads(manifest: Manifest | None) -> dict[str, str]:
    return {} if manifest is None else {one.digest: one.file for one in manifest.loads}


def _of_secrets(key: PseudonymKey) -> Search:
    """A search for the secrets, as files hold such things: as bytes, in hexadecimal digits, and in base64."""
    secrets = [step.secret for step in key.steps]
    texts = [text for one in secrets for text in (one.hex(), one.hex().upper(), base64.b64encode(one).decode()[:42])]
    needles = [*secrets, *(text.encode(code) for text in texts for code in ("ascii", "utf-32-le"))]

    def in_bytes(content: bytes | mmap.mmap) -> bool:
        return any(content.find(needle) >= 0 for needle in needles)

    def in_texts(column: pa.Array) -> bool:
        return any(bool(pc.any(pc.match_substring(column, text)).as_py()) for text in texts)

    return Search(in_bytes=in_bytes, in_texts=in_texts)
