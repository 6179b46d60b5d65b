"""The people without a national data opt-out as last checked: whoever is not named counts as opted out.

`opt_outs/national.json` says when the check was made and names the list beside it, a Parquet file of pseudonyms whose
name is its digest: a list is in use whole or not at all.
"""

import hashlib
import json
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from crisisrisk.errors import DataError
from crisisrisk.tables.manifest import write_durably
from crisisrisk.tables.site import CONFIGURATION, Site

FOLDER, HEAD = "opt_outs", "national.json"
_HINT = "crisisrisk optouts apply FILE --checked-on DATE"


@dataclass(frozen=True, kw_only=True)
class CheckedPeople:
    """A list that is in use: the day of the check, how many it names, and its SHA-256 (64 hexadecimal digits)."""

    checked_on: date
    people: int
    sha256: str

    @property
    def file(self) -> str:
        """The list's own file."""
        return f"national-{self.sha256[:16]}.parquet"

    def age_days(self, today: date) -> int:
        """Whole days since the check."""
        return (today - self.checked_on).days


def today_of(site: Site) -> date:
    """The day it is, by the machine's clock even where the site's follows its data: the law's days go on."""
    return datetime.now(site.time_zone).date()


def checked_people(site: Site) -> CheckedPeople | None:
    """The list that is in use; None where there is none. Raises DataError where what is there cannot be read."""
    path = site.path / FOLDER / HEAD
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return CheckedPeople(
            checked_on=date.fromisoformat(content["checked_on"]), people=int(content["people"]),
            sha256=str(content["sha256"]),
        )  # fmt: skip
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError):
        raise _unusable("the list of people without a national opt-out cannot be read", path) from None


def keep_checked_people(site: Site, people: Collection[str], checked_on: date) -> CheckedPeople:
    """Put a list in use in place of the one before. `people`: pseudonyms. Files are readable by their owner alone."""
    folder = site.path / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    names = sorted(set(people))
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"person_id": pa.array(names, pa.string())}), sink, compression="zstd")
    content = sink.getvalue()
    kept = CheckedPeople(checked_on=checked_on, people=len(names), sha256=hashlib.sha256(content).hexdigest())
    _put(folder / kept.file, content)
    _put(folder / HEAD, json.dumps({**asdict(kept), "checked_on": checked_on.isoformat()}).encode())
    for former in folder.glob("national-*.parquet"):
        if former.name != kept.file:
            former.unlink()
    return kept


def keep_without(site: Site, person_id: str) -> None:
    """Take a person off the list in use, whose day stays. What a killed change left goes too."""
    kept, folder = checked_people(site), site.path / FOLDER
    for left in folder.glob(".*.new"):
        left.unlink()
    if kept is not None:
        named = pq.read_table(folder / kept.file).column("person_id").to_pylist()
        keep_checked_people(site, set(named) - {person_id}, kept.checked_on)


def keep_renamed(site: Site, newer: Callable[[str], str]) -> None:
    """Call everybody on the list in use by another pseudonym; its day stays. What a killed change left goes too."""
    kept, folder = checked_people(site), site.path / FOLDER
    for left in folder.glob(".*.new"):
        left.unlink()
    if kept is not None:
        named = pq.read_table(folder / kept.file).column("person_id").to_pylist()
        keep_checked_people(site, [newer(one) for one in named], kept.checked_on)


def permitted_people(site: Site) -> frozenset[str] | None:
    """Who may be used for planning; None where the site does not declare that the national opt-out applies.

    Raises DataError where it applies and the list is missing, damaged or older than the site allows: nobody knows then
    who objects, so nobody is used.
    """
    if not site.national_opt_out.applies:
        return None
    kept = checked_people(site)
    path = site.path / FOLDER
    if kept is None:
        raise _unusable("there is no list of people without a national opt-out", path)
    age, most = kept.age_days(today_of(site)), site.national_opt_out.maximum_age_days
    if not 0 <= age <= most:
        raise _unusable(
            "the list of people without a national opt-out is too old" if age > 0 else
            "the list of people without a national opt-out was checked on a day that is still to come",
            path, found=f"checked on {kept.checked_on}", wanted=f"a check of the last {most} days",
        )  # fmt: skip
    try:
        content = (path / kept.file).read_bytes()
    except OSError:
        content = b""
    if hashlib.sha256(content).hexdigest() != kept.sha256:
        raise _unusable("the list of people without a national opt-out is gone or not as it was kept", path)
    return frozenset(pq.read_table(pa.BufferReader(content)).column("person_id").to_pylist())


def planning_digest(site: Site, digest: str) -> str:
    """A digest of the stored rows, and of who of them may be used for planning where that is checked."""
    if not site.national_opt_out.applies:
        return digest
    try:
        kept = checked_people(site)
    except DataError:
        kept = None
    return hashlib.sha256(f"{digest}\n{kept.sha256 if kept else ''}".encode()).hexdigest()


def _put(path: Path, content: bytes | pa.Buffer) -> None:
    staged = path.with_name(f".{path.name}.new")
    staged.unlink(missing_ok=True)
    staged.touch(mode=0o600)
    write_durably(staged, content)
    staged.replace(path)


def _unusable(problem: str, path: Path, *, found: str | None = None, wanted: str | None = None) -> DataError:
    return DataError(
        "CR-OPT-001", problem, where=str(path), found=found, wanted=wanted,
        hint=f"{_HINT}; [national_opt_out] of {CONFIGURATION} says that it applies",
    )  # fmt: skip
