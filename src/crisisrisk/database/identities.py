"""Who people are: encrypted with a key that lies outside the database, read by person, never searched by name.

AES-256-GCM. What a ciphertext is bound to (person, version, column) goes into its tag, so that one that was moved to
another row or column is refused and not shown as somebody else's.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, Engine, Row, and_, bindparam, func, insert, or_, select, update

from crisisrisk.database.engine import writing
from crisisrisk.database.identity_schema import IdentityRow
from crisisrisk.database.runs import IDS_AT_ONCE
from crisisrisk.errors import DataError
from crisisrisk.secret_files import add_secret, create_secret, keep_newest_secret, read_secrets

_NONCE = 12
_HINT = "restore it from where the site keeps its secrets; without it nobody's name can be read again"


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who somebody is. Its text form says nothing."""

    nhs_number: str | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)
    birth_date: str | None = field(default=None, repr=False)
    """ISO 8601."""
    phone: str | None = field(default=None, repr=False)


COLUMNS = tuple(one.name for one in fields(Identity))


@dataclass(frozen=True)
class IdentityKey:
    """The newest secret and all that rows may have been encrypted with, by name. Its text form never shows one."""

    name: str
    secrets: Mapping[str, bytes] = field(repr=False)

    def encrypt(self, text: str | None, bound_to: bytes) -> bytes | None:
        """Nonce and ciphertext; None for nothing."""
        if text is None:
            return None
        nonce = os.urandom(_NONCE)
        return nonce + AESGCM(self.secrets[self.name]).encrypt(nonce, text.encode(), bound_to)

    def decrypt(self, name: str, content: bytes | None, bound_to: bytes) -> str | None:
        """What was encrypted with the key of that name. Raises DataError where that is gone, or the content another."""
        if content is None:
            return None
        self.require(name)
        try:
            return AESGCM(self.secrets[name]).decrypt(content[:_NONCE], content[_NONCE:], bound_to).decode()
        except InvalidTag:
            raise DataError(
                "CR-KEY-003", "an identity is damaged, or was encrypted with another key of this name", hint=_HINT
            ) from None

    def require(self, name: str) -> None:
        """Raises DataError where the key of that name is gone."""
        if name not in self.secrets:
            raise DataError(
                "CR-KEY-003", "identities were encrypted with a key that is not in the file", found=name, hint=_HINT
            )


def read_identity_key(path: Path) -> IdentityKey:
    """The keys of a file; the last line is used from now on. Raises DataError."""
    found = read_secrets(path, "i", code="CR-KEY-003", whose="identities", hint=_HINT)
    return IdentityKey(list(found)[-1], found)


def made_identity_key(path: Path) -> IdentityKey:
    """The same, made where there is none."""
    if not path.exists():
        create_secret(path, "i1")
    return read_identity_key(path)


@dataclass(frozen=True, kw_only=True)
class SavedIdentities:
    """What came of a list."""

    new: int
    changed: int
    same: int


def save_identities(
    engine: Engine, key: IdentityKey, people: Mapping[str, Identity], *, now: datetime
) -> SavedIdentities:
    """Keep who people are, by pseudonym: a new version of whom something changed, or the newest is damaged.

    In one commit, or not at all.
    """
    new, changed, rows = 0, 0, []
    with writing(engine) as connection:
        known = dict(_newest(connection, people))
        for person, said in people.items():
            before = known.get(person)
            if before is not None and _read_if_sound(before, key) == said:
                continue
            new, changed = new + (before is None), changed + (before is not None)
            version = 1 if before is None else before.version + 1
            sealed = _sealed(person, version, said, key)
            rows.append({"person_id": person, "version": version, "made_at": now, **sealed})
        if rows:
            connection.execute(insert(IdentityRow), rows)
    return SavedIdentities(new=new, changed=changed, same=len(people) - new - changed)


@dataclass(frozen=True, kw_only=True)
class NewestIdentities:
    """Of each of some people who is known the newest version and its number. `damaged`: whose cannot be read."""

    known: Mapping[str, tuple[int, Identity]]
    damaged: frozenset[str]


def newest_identities(engine: Engine, key: IdentityKey, people: Collection[str]) -> NewestIdentities:
    """Who some people are. What is damaged, moved or of another key is nobody's name, and hides no other."""
    with engine.connect() as connection:
        rows = list(_newest(connection, people))
    read = {person: (row.version, _read_if_sound(row, key)) for person, row in rows}
    return NewestIdentities(
        known={person: (version, said) for person, (version, said) in read.items() if said is not None},
        damaged=frozenset(person for person, (_, said) in read.items() if said is None),
    )


def identities_shown(engine: Engine, key: IdentityKey, shown: Mapping[str, int]) -> dict[str, Identity]:
    """By person the version that was shown; whoever was erased since is left out. Raises DataError."""
    found: dict[str, Identity] = {}
    with engine.connect() as connection:
        for some in _in_parts(sorted(shown)):
            pairs = [and_(IdentityRow.person_id == one, IdentityRow.version == shown[one]) for one in some]
            for row in connection.execute(select(IdentityRow.__table__).where(or_(*pairs))):
                found[row.person_id] = _read(row, key)
    return found


def reencrypt(engine: Engine, key_file: Path) -> int:
    """Encrypt every row with a new key, and end the ones before. Returns how many rows that were.

    The same call again takes up what was cut off: the new key is in the file before a row is encrypted with it, and the
    old ones leave it after the last. Raises DataError.
    """
    key = read_identity_key(key_file)
    with engine.connect() as connection:
        behind = connection.execute(_count_behind(key)).scalar_one()
    if not behind:  # nothing of an earlier call is left to be done: this one begins anew
        add_secret(key_file, f"i{int(key.name[1:]) + 1}")
        key = read_identity_key(key_file)
    done = 0
    while some := _reencrypt_some(engine, key):
        done += some
    keep_newest_secret(key_file)
    return done


def rename_identities(connection: Connection, key_file: Path, newer: Callable[[str], str]) -> int:
    """Bind everybody's identity to the pseudonym that they have now. Returns how many rows had another.

    One that is damaged stays damaged. Raises DataError where a key is missing, as nobody could be read afterwards.
    """
    table = IdentityRow.__table__
    people = connection.execute(select(IdentityRow.person_id).distinct()).scalars().all()
    moved, done = {one: newer(one) for one in people if newer(one) != one}, 0
    if not moved:
        return 0
    key = read_identity_key(key_file)
    for some in _in_parts(sorted(moved)):
        rows = connection.execute(select(table).where(table.c.person_id.in_(some))).all()
        for row in rows:
            key.require(row.key_name)
            said = _read_if_sound(row, key)
            sealed = {} if said is None else _sealed(moved[row.person_id], row.version, said, key)
            one = and_(table.c.person_id == row.person_id, table.c.version == row.version)
            connection.execute(update(IdentityRow).where(one).values(person_id=moved[row.person_id], **sealed))
        done += len(rows)
    return done


def _count_behind(key: IdentityKey) -> Any:
    return select(func.count()).select_from(IdentityRow).where(IdentityRow.key_name != key.name)


def _reencrypt_some(engine: Engine, key: IdentityKey) -> int:
    with writing(engine) as connection:
        behind = select(IdentityRow.__table__).where(IdentityRow.key_name != key.name).limit(IDS_AT_ONCE)
        rows = connection.execute(behind.order_by(IdentityRow.person_id, IdentityRow.version)).all()
        if rows:
            made = [
                {"of": row.person_id, "number": row.version} | _sealed(row.person_id, row.version, _read(row, key), key)
                for row in rows
            ]
            one = and_(IdentityRow.person_id == bindparam("of"), IdentityRow.version == bindparam("number"))
            table = IdentityRow.__table__
            connection.execute(update(table).where(one), made)  # type: ignore[arg-type]
    return len(rows)


def _newest(connection: Connection, people: Iterable[str]) -> Iterator[tuple[str, Row[Any]]]:
    for some in _in_parts(sorted(set(people))):
        table = IdentityRow.__table__
        last = (
            select(IdentityRow.person_id, func.max(IdentityRow.version).label("version"))
            .where(IdentityRow.person_id.in_(some))
            .group_by(IdentityRow.person_id)
            .subquery()
        )
        query = select(table).join(
            last, and_(table.c.person_id == last.c.person_id, table.c.version == last.c.version)
        )  # fmt: skip
        for row in connection.execute(query).all():
            yield row.person_id, row


def _in_parts(people: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(people), IDS_AT_ONCE // 2):
        yield people[start : start + IDS_AT_ONCE // 2]


def _bound_to(person: str, version: int, column: str) -> bytes:
    return f"crisisrisk identity 1\n{column}\n{person}\n{version}".encode()


def _sealed(person: str, version: int, said: Identity, key: IdentityKey) -> dict[str, object]:
    sealed = {name: key.encrypt(getattr(said, name), _bound_to(person, version, name)) for name in COLUMNS}
    return {"key_name": key.name, **sealed}


def _read_if_sound(row: Row[Any], key: IdentityKey) -> Identity | None:
    try:
        return _read(row, key)
    except DataError:
        return None


def _read(row: Row[Any], key: IdentityKey) -> Identity:
    said = {
        name: key.decrypt(row.key_name, getattr(row, name), _bound_to(row.person_id, row.version, name))
        for name in COLUMNS
    }
    return replace(Identity(), **said)
