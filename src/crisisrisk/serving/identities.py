"""Identities at the edge: names go into an answer after it was kept, so that no trail, log or model ever holds one.

An answer that may carry them has an empty `identities`, a page a mark behind each pseudonym. Both are filled when the
look is on the disk; the look says which version of whom was shown.
"""

import json
import logging
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from html import escape
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import MutableHeaders
from starlette.types import Message

from crisisrisk.database.identities import Identity, newest_identities, read_identity_key
from crisisrisk.database.identity_schema import IdentityRow
from crisisrisk.errors import CrisisRiskError, DataError
from crisisrisk.purposes import CALLER_CARE, DIRECT_CARE, EMERGENCY, Purpose, Reach
from crisisrisk.serving.logs import log
from crisisrisk.tables.pseudonyms import PSEUDONYM

NAMES: Reach = "names"
NAMED = frozenset({DIRECT_CARE.name, CALLER_CARE.name, EMERGENCY.name})
"""What somebody may be named for."""
NAMES_SHOWN = "identities"
"""In a look's detail: which version of whom was shown with it."""
DAMAGED = "CR-KEY-003"
PLACE = b'"identities":{}'
_NAME = re.compile(rf"<!--name ({PSEUDONYM.pattern})-->\1<!--/name-->".encode())
_MORE = re.compile(f"<!--more ({PSEUDONYM.pattern})-->".encode())
_MARK_BEGINS = b"<!--name "

Known = Mapping[str, tuple[int, Identity]]


def name_mark(person_id: str) -> str:
    """What a page has where somebody's name belongs: the pseudonym, until it is filled."""
    return f"<!--name {person_id}-->{person_id}<!--/name-->"


def more_mark(person_id: str) -> str:
    """What a page has where birth date and NHS number belong: nothing that is seen, until it is filled."""
    return f"<!--more {person_id}-->"


@dataclass(frozen=True)
class Identities:
    """Who the people of one site are."""

    engine: Engine
    key_file: Path

    def of(self, people: Collection[str]) -> Known:
        """Of each who is known the version and who it is. Who cannot be read is left out, and the log says so."""
        try:
            if not self.any():
                return {}
            found = newest_identities(self.engine, read_identity_key(self.key_file), people)
        except (CrisisRiskError, SQLAlchemyError, OSError) as failure:
            code = failure.code if isinstance(failure, CrisisRiskError) else type(failure).__name__
            log(logging.ERROR, "names cannot be read, and are left out", code=code)
            return {}
        if found.damaged:
            log(logging.ERROR, "names cannot be read, and are left out", code=DAMAGED)
        return found.known

    def any(self) -> bool:
        """Whether anybody's is known."""
        with self.engine.connect() as connection:
            return connection.execute(select(IdentityRow.person_id).limit(1)).first() is not None

    def check(self) -> None:
        """Raises DataError where somebody's is known and cannot be read with the key that is there."""
        with self.engine.connect() as connection:
            one = connection.execute(select(IdentityRow.person_id).limit(1)).scalar_one_or_none()
        if one is not None:
            found = newest_identities(self.engine, read_identity_key(self.key_file), [one])
            if found.damaged:
                raise DataError(DAMAGED, "names cannot be read with the key that is there")


def may_be_named(purpose: Purpose, body: bytes, reaches: Collection[Reach]) -> bool:
    """Whether an answer has places for names, and the role and the purpose allow them."""
    return purpose.name in NAMED and NAMES in reaches and (PLACE in body or _MARK_BEGINS in body)


def with_names(held: Sequence[Message], known: Known) -> Sequence[Message]:
    """A whole answer with its places filled."""
    if not known:
        return held
    body = b"".join(message.get("body", b"") for message in held[1:])
    named = filled(body, {person: identity for person, (_, identity) in known.items()})
    start = {**held[0], "headers": list(held[0]["headers"])}
    MutableHeaders(scope=start)["content-length"] = str(len(named))
    return [start, {"type": "http.response.body", "body": named}]


def filled(body: bytes, known: Mapping[str, Identity]) -> bytes:
    """An answer's bytes with names in their places."""
    said = {person: asdict(identity) for person, identity in sorted(known.items())}
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    named = body.replace(PLACE, f'"identities":{text}'.encode())
    named = _NAME.sub(lambda found: _name_of(known.get(found[1].decode())) or found[1], named)
    return _MORE.sub(lambda found: _more_of(known.get(found[1].decode()), found[1].decode()), named)


def _name_of(who: Identity | None) -> bytes:
    return b"" if who is None or not who.name else f'<span class="cr-name">{escape(who.name)}</span>'.encode()


def _more_of(who: Identity | None, person_id: str) -> bytes:
    """The pseudonym too, where a name stands in its place."""
    if who is None:
        return b""
    found = [*_details(who), *([person_id] if who.name else [])]
    return f'<span class="cr-born">{escape(" · ".join(found))}</span>'.encode() if found else b""


def _details(who: Identity) -> list[str]:
    """Birth date, NHS number and telephone as far as they are known, none of them broken across lines."""
    born = None if who.birth_date is None else f"{date.fromisoformat(who.birth_date):%-d %b %Y}"
    number = (
        None
        if who.nhs_number is None
        else "\N{NO-BREAK SPACE}".join((who.nhs_number[:3], who.nhs_number[3:6], who.nhs_number[6:]))
    )
    phone = None if who.phone is None else who.phone.replace(" ", "\N{NO-BREAK SPACE}")
    found = (born and f"born {born}", number and f"NHS\N{NO-BREAK SPACE}{number}", phone)
    return [text for text in found if text]
