"""Taking a person out of the audit trail: what rows say is rewritten, their codes stay, and a row of its own says so.
Calling everybody by another pseudonym is done in the same way.

A row's code covers what the row said. An erasure takes the person out of the row and adds, in the same commit, a row
whose body lists for each rewritten row its number, its own code, and a keyed code over what is left of it. A row that
was not what was written before is rewritten and not listed, so that it stays one that was changed.
"""

import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection, Row, bindparam, select, update

from crisisrisk.database.audit_chain import GENESIS, AuditKey, Covered, code_of, recode_of
from crisisrisk.database.audit_retention import last_removal
from crisisrisk.database.schema import AuditedPerson, AuditRow

ERASURE, ROTATION = "people erase", "people rotate"
ERASED_NAME = re.compile(r"erased-[0-9a-f]{16}")
"""What stands for a person in the trail after an erasure: drawn, the same in every row, and kept nowhere else."""
GONE = object()
TAKEN_OUT = "taken out with the person"
_AT_ONCE = 500
_TEXTS = ("action", "team", "request_id", "key_id")


class Recode(NamedTuple):
    """What an erasure says of one row: the row's own code, and the keyed code over what is left of it.

    `erasure`: the number of the erasure's row, or of a change of the key."""

    code: str
    recode: str
    key_name: str
    erasure: int


class Names(Protocol):
    """What whoever has a pseudonym of a former key is called now. `beginnings`: how former pseudonyms begin."""

    @property
    def beginnings(self) -> Sequence[str]: ...
    def of(self, person_id: str, /) -> str: ...
    def is_former(self, text: str | None, /) -> bool: ...
    def in_text(self, text: str, /) -> str: ...
    def in_bytes(self, content: bytes, /) -> bytes: ...


@dataclass(frozen=True, kw_only=True)
class Rewritten:
    """One row as an erasure leaves it. `listed`: whether it was what was written, and may be vouched for. `body`: as it
    is kept."""

    number: int
    code: str
    said: Covered
    people: Sequence[str]
    body: bytes
    listed: bool


def recodes(connection: Connection) -> Mapping[int, Recode]:
    """By number of a row what the last erasure or change of the pseudonyms' key says that rewrote it.

    Raises ValueError for a body that says nothing.
    """
    found: dict[int, Recode] = {}
    columns = (AuditRow.number, AuditRow.key_name, AuditRow.body)
    query = select(*columns).where(AuditRow.action.in_((ERASURE, ROTATION))).order_by(AuditRow.number)
    for row in connection.execute(query):
        for number, code, recode in json.loads(zlib.decompress(row.body))["rows"]:
            found[int(number)] = Recode(str(code), str(recode), row.key_name, row.number)
    return found


def rewritten_rows(
    connection: Connection, key: AuditKey, person_id: str, name: str, *, after: int = 0, until: int | None = None
) -> Iterator[Rewritten]:
    """The rows beyond a number that say anything of a person, without the person, who is called `name` from now on.

    Every body is looked into: O(rows). `until`: the last row to look at; between its parts nobody is kept from writing.
    """
    former = recodes(connection)
    for row, named in _rows(connection, after, until):
        if _says(row, named, person_id):
            yield _rewritten(connection, key, row, named, person_id, name, former.get(row.number))


def renamed_rows(connection: Connection, key: AuditKey, names: Names) -> Iterator[Rewritten]:
    """The rows that say a former pseudonym anywhere, with the newer one in its place, byte for byte else as they are.

    Every body is looked into: O(rows).
    """
    former = recodes(connection)
    for row, named in _rows(connection, 0, None):
        said = Covered(*row[: len(Covered._fields)])
        texts: dict[str, Any] = {
            one: names.in_text(text) for one in (*_TEXTS, "detail") if (text := getattr(row, one)) is not None
        }
        body = _body(row)
        renamed = None if body is None else names.in_bytes(body)
        people = tuple(names.of(one) for one in named)
        changed = said._replace(**texts)
        if (changed, renamed, people) != (said, body, tuple(named)):
            yield Rewritten(
                number=row.number, code=row.code, people=people,
                said=changed if renamed is None else changed._replace(sha256=sha256(renamed).hexdigest()),
                body=row.body if renamed is None else zlib.compress(renamed, 1),
                listed=_is_whole(connection, key, row, said, named, former.get(row.number)),
            )  # fmt: skip


def _rows(connection: Connection, after: int, until: int | None) -> Iterator[tuple[Row[Any], Sequence[str]]]:
    columns = [getattr(AuditRow, one) for one in (*Covered._fields, "key_name", "code", "body")]
    while True:
        query = select(*columns).where(AuditRow.number > after).order_by(AuditRow.number).limit(_AT_ONCE)
        rows = connection.execute(query if until is None else query.where(AuditRow.number <= until)).all()
        if not rows:
            return
        people = _people(connection, rows[0].number, rows[-1].number)
        for row in rows:
            yield row, people.get(row.number, ())
        after = rows[-1].number
        if until is not None:
            connection.rollback()  # a reader of a SQLite would keep others from committing for as long as it reads


def keep_rewritten(connection: Connection, rows: Sequence[Rewritten], person_id: str, name: str) -> None:
    """Put rows in place of what they were, and a name in place of the person."""
    put_rows(connection, rows)
    connection.execute(update(AuditedPerson).where(AuditedPerson.person_id == person_id).values(person_id=name))


def put_rows(connection: Connection, rows: Sequence[Rewritten]) -> None:
    """Put rows in place of what they were. Whom they name stands in a table of its own, and is left."""
    if rows:
        names = (*_TEXTS, "detail", "sha256")
        changed = [
            {"row": one.number, "body": one.body, **{each: getattr(one.said, each) for each in names}} for one in rows
        ]
        values: dict[str, Any] = {each: bindparam(each) for each in (*names, "body")}
        connection.execute(update(AuditRow).where(AuditRow.number == bindparam("row")).values(**values), changed)


def listing(rows: Sequence[Rewritten], key: AuditKey) -> bytes:
    """The body of the row that says what an erasure changed: number, own code and new code of each row."""
    return listing_of([listed(one, key) for one in rows if one.listed])


def listed(row: Rewritten, key: AuditKey) -> Sequence[int | str]:
    """What is said of one rewritten row."""
    recode = recode_of(row.said, row.people, code=row.code, key_name=key.name, secret=key.newest)
    return (row.number, row.code, recode)


def listing_of(lines: Sequence[Sequence[int | str]]) -> bytes:
    """The body of a row that says what was changed."""
    return json.dumps({"rows": lines}).encode()


def is_shown(body: bytes, digest: str) -> bool:
    """Whether a kept body is the one of a digest."""
    try:
        return sha256(zlib.decompress(body)).hexdigest() == digest
    except (zlib.error, TypeError):
        return False


def without_person(body: bytes, person_id: str) -> bytes:
    """A JSON text without whatever names a person; nothing where it cannot be taken out of a list alone."""
    try:
        kept = _without(json.loads(body), person_id)
    except (ValueError, RecursionError):
        return b""
    if kept is GONE:
        return b""
    text = json.dumps(kept, ensure_ascii=False).encode()
    return b"" if person_id.encode() in text else text


def _without(value: Any, person_id: str) -> Any:
    """A value without the person. What holds the person itself is GONE, up to the list in which it is one of several.

    A list that held nobody else is GONE too: what stands beside it would be about the person.
    """
    if isinstance(value, str):
        return GONE if person_id in value else value
    if isinstance(value, list):
        kept = [left for one in value if (left := _without(one, person_id)) is not GONE]
        return GONE if value and not kept else kept
    if isinstance(value, dict):
        left = {name: _without(one, person_id) for name, one in value.items()}
        return GONE if any(one is GONE for one in left.values()) or any(person_id in name for name in left) else left
    return value


def _says(row: Row[Any], named: Sequence[str], person_id: str) -> bool:
    if person_id in named or person_id in row.detail or any(person_id in (getattr(row, one) or "") for one in _TEXTS):
        return True
    body = _body(row)
    return body is not None and person_id.encode() in body


def _body(row: Row[Any]) -> bytes | None:
    try:
        return zlib.decompress(row.body)
    except (zlib.error, TypeError):
        return None


def _rewritten(
    connection: Connection, key: AuditKey, row: Row[Any], named: Sequence[str], person_id: str, name: str,
    former: Recode | None,
) -> Rewritten:  # fmt: skip
    said = Covered(*row[: len(Covered._fields)])
    alone = set(named) == {person_id}
    try:
        body = b"" if alone else without_person(zlib.decompress(row.body), person_id)
    except (zlib.error, TypeError):
        body = b""
    texts = {one: text and text.replace(person_id, name) for one in _TEXTS if (text := getattr(row, one)) is not None}
    changed = said._replace(
        **texts, detail=_detail(row.detail, person_id, name, alone=alone), sha256=sha256(body).hexdigest()
    )
    people = tuple(name if one == person_id else one for one in named)
    listed = _is_whole(connection, key, row, said, named, former)
    return Rewritten(
        number=row.number, code=row.code, said=changed, people=people, body=zlib.compress(body, 1), listed=listed
    )


def _detail(detail: str, person_id: str, name: str, *, alone: bool) -> str:
    """What a row says beside what it showed. Words about one person alone are that person's, and go too."""
    text = detail.replace(person_id, name)
    try:
        said = json.loads(text)
    except ValueError:
        return text
    if not isinstance(said, dict):
        return text
    if alone and "reason" in said:
        said["reason"] = TAKEN_OUT
    return json.dumps({**said, "erased": name}, sort_keys=True, ensure_ascii=False)


def _is_whole(
    connection: Connection, key: AuditKey, row: Row[Any], said: Covered, named: Sequence[str], former: Recode | None
) -> bool:
    """Whether a row is what was written, or what the last erasure left of it."""
    if not is_shown(row.body, row.sha256):
        return False
    secret = key.secrets.get(row.key_name if former is None else former.key_name)
    if secret is None:
        return False
    if former is not None:
        again = recode_of(said, named, code=row.code, key_name=former.key_name, secret=secret)
        return bool(row.code == former.code and again == former.recode)
    previous = _code_before(connection, row.number)
    own = code_of(said, named, previous=previous, key_name=row.key_name, secret=secret)
    return bool(own == row.code)


def _code_before(connection: Connection, number: int) -> str:
    query = select(AuditRow.code).where(AuditRow.number == number - 1)
    code = connection.execute(query).scalar_one_or_none()
    if code is not None:
        return code
    removed_to, last = last_removal(connection)
    return last if removed_to == number - 1 else GENESIS


def _people(connection: Connection, first: int, last: int) -> Mapping[int, list[str]]:
    found: dict[int, list[str]] = {}
    query = select(AuditedPerson.number, AuditedPerson.person_id)
    for number, person in connection.execute(query.where(AuditedPerson.number.between(first, last))):
        found.setdefault(number, []).append(person)
    return found
