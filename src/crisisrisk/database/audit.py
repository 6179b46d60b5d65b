"""The audit trail: rows added in one transaction, witnessed, and only then may what they record be shown."""

import threading
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select
from sqlalchemy.exc import SQLAlchemyError

from crisisrisk.database.audit_chain import GENESIS, AuditKey, Covered, Look, code_of
from crisisrisk.database.engine import writing
from crisisrisk.database.schema import AuditedPerson, AuditRow
from crisisrisk.database.witness import Witness
from crisisrisk.errors import ServiceError
from crisisrisk.secret_files import create_secret, read_secrets

# Any fixed number: writers of one PostgreSQL wait for each other on it, so that the chain never forks.
AUDIT_LOCK = 7_249_113_007
LONGEST_WAIT = timedelta(seconds=2)

UNWITNESSED = 1_000
"""How many rows the witness may be behind: those of commits that were cut off before their line, whose answers
nobody got."""

LEVEL = 1  # of compression: an answer of a kilobyte takes some microseconds
_HINT = "restore it from where the site keeps its secrets; without it the trail can be neither checked nor continued"


@dataclass(frozen=True, kw_only=True)
class AuditFiles:
    """Where the chain's key and the witness are."""

    key: Path
    witness: Path


class AuditTrail:
    """The trail of one database. Safe to use from several threads and processes."""

    def __init__(self, engine: Engine, files: AuditFiles) -> None:
        """`engine`: one that waits for a locked database no longer than LONGEST_WAIT."""
        self.engine = engine
        self.files = files
        self.witness = Witness(files.witness)
        self._lock = threading.Lock()
        self._owed: tuple[int, str] | None = None
        self._last = 0
        self._key: AuditKey | None = None

    def append(self, looks: Sequence[Look], *, together: Callable[[Connection], object] | None = None) -> Sequence[int]:
        """Add rows in one commit and witness the last. Returns their numbers once both are on the disk.

        `together`: what else belongs into the same commit.

        Raises ServiceError where that is not so, whatever the cause: then nothing of what they record may be shown.
        """

        def make(connection: Connection, _key: AuditKey) -> Sequence[Look]:
            if together is not None:
                together(connection)
            return looks

        return self.append_made(make)

    def append_made(self, make: Callable[[Connection, AuditKey], Sequence[Look]]) -> Sequence[int]:
        """As `append`, of rows that are only known once no other can be added: `make` works in the same commit."""
        try:
            with self._lock:
                return self._append(make)
        except (OSError, SQLAlchemyError) as failure:
            raise ServiceError(
                "CR-AUDIT-001", "the audit trail cannot be written", found=type(failure).__name__
            ) from failure

    def check(self) -> AuditKey:
        """The key. Raises ServiceError or DataError where the next row could not be added: key, witness or tables are
        wrong."""
        try:
            with self._lock, self.engine.connect() as connection:
                return self._ready(connection)
        except (OSError, SQLAlchemyError) as failure:
            raise ServiceError(
                "CR-AUDIT-001", "the audit trail cannot be read", found=type(failure).__name__
            ) from failure

    def resume(self, look: Look) -> Path | None:
        """Go on after a trail and its witness came apart for a known reason, which the row says.

        The old witness is moved aside, never deleted, and a new one begins with this row. Returns where the old one is
        now; None where it was gone. Raises ServiceError or DataError.
        """
        try:
            moved = self._move_witness()
            self.witness.start()
        except OSError as failure:
            raise ServiceError("CR-AUDIT-001", "the witness cannot be begun anew", found=failure.strerror) from failure
        self._key, self._last, self._owed = read_audit_key(self.files.key), 0, None
        self.append([look])
        return moved

    def _move_witness(self) -> Path | None:
        path = self.files.witness
        if not path.exists():
            return None
        names = (path.with_name(f"{path.name}.{number}") for number in count(1))
        free = next(name for name in names if not name.exists())
        path.rename(free)
        return free

    def _append(self, make: Callable[[Connection, AuditKey], Sequence[Look]]) -> Sequence[int]:
        with writing(self.engine) as connection:
            _wait_for_others(connection)
            key = self._ready(connection)
            if self._owed is not None:  # a witness that does not work must not fall further behind
                self.witness.add(*self._owed)
                self._owed = None
            number, code = head(connection)
            if number < self._last:
                raise _apart()
            looks = make(connection, key)
            rows: list[dict[str, Any]] = []
            for look in looks:
                number += 1
                rows.append(_row(look, number, code, key))
                code = rows[-1]["code"]
            connection.execute(insert(AuditRow), rows)
            named = [
                {"number": row["number"], "person_id": person}
                for row, look in zip(rows, looks, strict=True)
                for person in look.people
            ]
            if named:
                connection.execute(insert(AuditedPerson), named)
        self._last, self._owed = number, (number, code)
        self.witness.add(number, code)
        self._owed = None
        return [row["number"] for row in rows]

    def _ready(self, connection: Connection) -> AuditKey:
        """The key, read once; made with the witness where the trail has not begun."""
        if self._key is not None:
            return self._key
        if head(connection)[0] == 0:
            self._begin()
        key = read_audit_key(self.files.key)
        self._compare(connection)
        self._key = key
        return key

    def _begin(self) -> None:
        if not self.files.key.exists():
            create_secret(self.files.key, "a1")
        if not self.files.witness.exists():
            self.witness.start()

    def _compare(self, connection: Connection) -> None:
        """A trail that is behind its witness was cut, or is an older copy: continuing it would hide that."""
        last, newest = self.witness.newest(), head(connection)[0]
        held = None if last is None else _code(connection, last.number)
        if newest > UNWITNESSED + (0 if last is None else last.number) or (last is not None and held != last.code):
            raise _apart()


def _apart() -> ServiceError:
    return ServiceError(
        "CR-AUDIT-002", "the audit trail and its witness do not belong together", hint="see: crisisrisk audit verify"
    )


def read_audit_key(path: Path) -> AuditKey:
    """The key of the chain: the last line of its file is used from now on. Raises DataError."""
    found = read_secrets(path, "a", code="CR-AUDIT-003", whose="the audit trail", hint=_HINT)
    return AuditKey(list(found)[-1], found)


def head(connection: Connection) -> tuple[int, str]:
    """The number and the code of the newest row; 0 and GENESIS where there is none."""
    query = select(AuditRow.number, AuditRow.code).order_by(AuditRow.number.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return (0, GENESIS) if row is None else (row.number, row.code)


def _code(connection: Connection, number: int) -> str | None:
    return connection.execute(select(AuditRow.code).where(AuditRow.number == number)).scalar_one_or_none()


def _wait_for_others(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(AUDIT_LOCK)))


def _row(look: Look, number: int, previous: str, key: AuditKey) -> dict[str, Any]:
    said = Covered(
        number=number, at=look.at, purpose=look.purpose, action=look.action, status=look.status, key_id=look.key_id,
        role=look.role, team=look.team, request_id=look.request_id, detail=look.detail, media_type=look.media_type,
        sha256=look.digest,
    )  # fmt: skip
    code = code_of(said, look.people, previous=previous, key_name=key.name, secret=key.newest)
    return {**said._asdict(), "key_name": key.name, "code": code, "body": zlib.compress(look.body, LEVEL)}
