"""The register of people who were erased: who comes again is known by a keyed hash, and kept out.

`erased/people.json` holds for each of them HMAC-SHA-256 of the pseudonym, and of each agency's key that was linked to
them; `keys/erased.key` holds the secret. Neither is part of a copy of the database: after one was put back, the
register says whom to erase again.
"""

import hmac
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa

from crisisrisk.errors import DataError
from crisisrisk.secret_files import create_secret, read_secrets
from crisisrisk.tables.cell_values import Mask, encoded, one_chunk
from crisisrisk.tables.manifest import write_durably
from crisisrisk.tables.site import Site

FOLDER, FILE, KEY = "erased", "people.json", "erased.key"
NOT_ERASED = "not of a person who was erased"
_FORMAT = 1

Forms = Mapping[str, Sequence[str]]
"""By pseudonym every one that the same person has had: an erasure is known by the one of its day."""


@dataclass(frozen=True, kw_only=True)
class ErasedPerson:
    """One erasure. `person` and `keys` are hashes; `ended_at` is None until nothing was left to do."""

    person: str
    keys: tuple[str, ...] = ()
    begun_at: str
    ended_at: str | None = None


@dataclass(frozen=True)
class ErasedPeople:
    """Everybody who was erased and not admitted again."""

    secret: bytes
    people: tuple[ErasedPerson, ...] = ()

    def __repr__(self) -> str:
        return f"ErasedPeople({len(self.people)} people)"

    @cached_property
    def _persons(self) -> Mapping[str, ErasedPerson]:
        return {one.person: one for one in self.people}

    @cached_property
    def _keys(self) -> frozenset[str]:
        return frozenset(key for one in self.people for key in one.keys)

    def of(self, person_id: str) -> ErasedPerson | None:
        """The erasure of a person, if there was one."""
        return self._persons.get(self.hash_of("person", person_id)) if self.people else None

    def of_any(self, forms: Iterable[str]) -> ErasedPerson | None:
        """The erasure of a person by any pseudonym that they have had, if there was one."""
        return next((found for one in forms if (found := self.of(one)) is not None), None)

    def has_key(self, source: str, *forms: str) -> bool:
        """Whether an agency's key, by any form that it has had, was that of a person who was erased."""
        return bool(self._keys) and any(self.hash_of("key", source, one) in self._keys for one in forms)

    def hash_of(self, *said: str) -> str:
        """128 bits of the keyed hash of some texts, each behind its length."""
        text = "".join(f"{len(one)}:{one}" for one in said)
        return hmac.digest(self.secret, text.encode(), "sha256")[:16].hex()

    def rows_by_person(self, table: pa.Table, forms: Forms = MappingProxyType({})) -> Mask:
        """Which rows say that they are of somebody who was erased. Shape (rows,)."""
        return _rows(table, "person_id", lambda person: self.of_any(forms.get(person, (person,))) is not None)

    def rows_by_key(self, table: pa.Table, forms: Forms = MappingProxyType({})) -> Mask:
        """Which rows have an agency's key that was somebody's who was erased. Shape (rows,)."""
        if not self._keys or not {"source", "source_person_key"} <= set(table.column_names):
            return np.zeros(table.num_rows, dtype=np.bool_)
        sources = set(one_chunk(table.column("source")).cast(pa.string()).unique().to_pylist()) - {None}

        def wanted(source: str, key: str) -> bool:
            return self.has_key(source, *forms.get(key, (key,)))

        return rows_of_keys(table, {source: partial(wanted, source) for source in sources})


def rows_of_keys(table: pa.Table, wanted: Mapping[str, Callable[[str], bool]]) -> Mask:
    """Which rows have a key of a source of which the source's own `wanted` is true. Shape (rows,)."""
    found = np.zeros(table.num_rows, dtype=np.bool_)
    for source, is_wanted in sorted(wanted.items()):
        found |= _rows(table, "source", source.__eq__) & _rows(table, "source_person_key", is_wanted)
    return found


def _rows(table: pa.Table, name: str, wanted: Callable[[str], bool]) -> Mask:
    if name not in table.column_names or not table.num_rows:
        return np.zeros(table.num_rows, dtype=np.bool_)
    return encoded(one_chunk(table.column(name))).rows_with(wanted)


def erased_people(site: Site) -> ErasedPeople | None:
    """The register; None where nobody was ever erased. Raises DataError where it or its key cannot be read."""
    path = site.path / FOLDER / FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != _FORMAT:
            raise ValueError("another format")
        people = tuple(ErasedPerson(**{**one, "keys": tuple(one["keys"])}) for one in content["people"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError):
        raise DataError(
            "CR-ERASE-002", "the register of people who were erased cannot be read", where=str(path),
            hint="restore it from the copy of the site's folder; without it they would come back with the next file",
        ) from None  # fmt: skip
    return ErasedPeople(_secret(site), people)


def begin_erasure(site: Site, person_id: str, keys: Mapping[str, frozenset[str]], *, now: datetime) -> None:
    """Put a person and their agencies' keys, by source, into the register. Whoever is there already stays, unfinished.

    Nothing else may be at work on the site's tables. Raises DataError.
    """
    path = site.path / "keys" / KEY
    known = erased_people(site)
    if known is None:
        if not path.exists():
            create_secret(path, "e1")
        known = ErasedPeople(_secret(site))
    linked = {known.hash_of("key", source, key) for source, some in keys.items() for key in some}
    former = known.of(person_id)
    said = former or ErasedPerson(person=known.hash_of("person", person_id), begun_at=now.isoformat())
    said = replace(said, keys=tuple(sorted(linked | set(said.keys))), ended_at=None)
    _put(site, (*(one for one in known.people if one is not former), said))


def end_erasure(site: Site, person_id: str, *, now: datetime) -> None:
    """Say that nothing is left of a person."""
    known = erased_people(site)
    former = None if known is None else known.of(person_id)
    if known is not None and former is not None:
        said = replace(former, ended_at=now.isoformat())
        _put(site, tuple(said if one is former else one for one in known.people))


def end_all(site: Site, *, now: datetime) -> int:
    """Say of every erasure that was begun that nothing is left. Returns of how many."""
    known = erased_people(site)
    begun = [] if known is None else [one for one in known.people if one.ended_at is None]
    if known is not None and begun:
        _put(site, tuple(replace(one, ended_at=one.ended_at or now.isoformat()) for one in known.people))
    return len(begun)


def admit_again(site: Site, person_id: str) -> bool:
    """Take a person out of the register, so that new rows count. Returns whether they were in it."""
    known = erased_people(site)
    former = None if known is None else known.of(person_id)
    if known is None or former is None:
        return False
    _put(site, tuple(one for one in known.people if one is not former))
    return True


def _secret(site: Site) -> bytes:
    found = read_secrets(
        site.path / "keys" / KEY, "e", code="CR-ERASE-002", whose="the register of people who were erased",
        hint="restore it from where the site keeps its secrets; without it who was erased is known by nothing",
    )  # fmt: skip
    return list(found.values())[-1]


def _put(site: Site, people: tuple[ErasedPerson, ...]) -> None:
    folder = site.path / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    content: dict[str, Any] = {"format": _FORMAT, "people": [asdict(one) for one in people]}
    staged = folder / f".{FILE}.new"
    staged.unlink(missing_ok=True)
    staged.touch(mode=0o600)
    write_durably(staged, json.dumps(content, indent=1).encode())
    staged.replace(folder / FILE)
