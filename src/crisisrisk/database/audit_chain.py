"""The keyed chain of the audit trail: each row's code covers its own content and the code of the row before.

HMAC-SHA-256 (RFC 2104) over fields that each stand behind their own length, so that no byte can move from one field
into the next. Without the key nobody can make the code of a changed row, nor of any row after it.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from crisisrisk.timeline import microseconds

GENESIS = "0" * 64
"""What stands in place of a row before the first one."""

COMMAND = "command"
"""The role of who uses a command on the machine itself; who that is says the row's detail."""

_DOMAIN = "crisisrisk audit row 1"
_REWRITTEN = "crisisrisk audit row rewritten by an erasure 1"


@dataclass(frozen=True)
class AuditKey:
    """The newest secret and all that rows may have been made with, by name. Its text form never shows one."""

    name: str
    secrets: Mapping[str, bytes] = field(repr=False)

    @property
    def newest(self) -> bytes:
        """The secret for rows from now on."""
        return self.secrets[self.name]


@dataclass(frozen=True, kw_only=True)
class Look:
    """One answer that may name people, or one act: who asked, when, why, and the exact bytes that were shown.

    `key_id` is None for a command, whose role is COMMAND. `detail`: JSON text. `people`: pseudonyms, each once.
    """

    at: datetime
    purpose: str
    action: str
    status: int
    key_id: str | None
    role: str
    team: str | None
    request_id: str
    detail: str
    media_type: str
    body: bytes = field(repr=False)
    people: Sequence[str] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of what was shown."""
        return hashlib.sha256(self.body).hexdigest()


class Covered(NamedTuple):
    """What a row's code covers: all of it but the body, which is covered by its digest."""

    number: int
    at: datetime
    purpose: str
    action: str
    status: int
    key_id: str | None
    role: str
    team: str | None
    request_id: str
    detail: str
    media_type: str
    sha256: str


def code_of(row: Covered, people: Sequence[str], *, previous: str, key_name: str, secret: bytes) -> str:
    """A row's code, as 64 hexadecimal digits; `people` in any order. Raises TypeError for what is no such row."""
    return _keyed(_DOMAIN, row, people, previous, key_name, secret)


def recode_of(row: Covered, people: Sequence[str], *, code: str, key_name: str, secret: bytes) -> str:
    """The keyed code over what an erasure left of a row, bound to the row's own `code`, which stays in the chain."""
    return _keyed(_REWRITTEN, row, people, code, key_name, secret)


def _keyed(domain: str, row: Covered, people: Sequence[str], bound_to: str, key_name: str, secret: bytes) -> str:
    fields = (
        domain, bound_to, key_name, row.number, microseconds(row.at), row.purpose, row.action, row.status, row.key_id,
        row.role, row.team, row.request_id, row.detail, row.media_type, row.sha256, packed(sorted(people)),
    )  # fmt: skip
    return hmac.digest(secret, packed(fields).encode(), "sha256").hex()


def packed(fields: Sequence[str | int | None]) -> str:
    """Fields behind their lengths in characters; one that is absent differs from an empty one."""
    return "".join(["-" if value is None else f"{len(text := str(value))}:{text}" for value in fields])
