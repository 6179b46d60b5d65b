"""Whether the audit trail is what was written: every row against the chain, its body, its people and the witness."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, select

from crisisrisk.database.audit import UNWITNESSED, AuditFiles, head, read_audit_key
from crisisrisk.database.audit_chain import GENESIS, AuditKey, Covered, code_of, recode_of
from crisisrisk.database.audit_erasure import Recode, is_shown, recodes
from crisisrisk.database.audit_retention import last_removal
from crisisrisk.database.schema import AuditedPerson, AuditRow
from crisisrisk.database.witness import Witness

AT_ONCE = 2_000
MOST_FINDINGS = 20


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What was found. `findings` is empty where the trail is whole; at most MOST_FINDINGS are listed of `wrong`."""

    rows: int
    first: int
    last: int
    head: str
    removed_to: int
    witness_lines: int
    unwitnessed: int
    wrong: int
    findings: Sequence[str]


@dataclass
class _Findings:
    listed: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, text: str) -> None:
        self.count += 1
        if self.count <= MOST_FINDINGS:
            self.listed.append(text)


def verify(engine: Engine, files: AuditFiles) -> Verified:
    """Check everything; a trail that has not begun is whole.

    Raises DataError where the key cannot be read, and what the database raises.
    O(rows); memory is that of AT_ONCE rows and the lines of the witness.
    """
    if not files.key.exists() and not files.witness.exists() and _is_empty(engine):
        return Verified(
            rows=0, first=0, last=0, head=GENESIS, removed_to=0, witness_lines=0, unwitnessed=0, wrong=0, findings=()
        )
    key, found = read_audit_key(files.key), _Findings()
    lines = _witness_lines(files, found)
    with engine.connect() as connection:
        removed_to, before = _beginning(connection, found)
        witnessed = {number: code for number, code in lines if number > removed_to}
        walk = _Walk(key, removed_to, before, witnessed, _rewritten(connection, found), found)
        try:
            for row, people in _rows_with_people(connection):
                walk.next(row, people)
        except (ValueError, TypeError):  # of the database's own types: what stands there is none of them
            found.add(f"after row {walk.last} there is one that cannot be read")
        walk.end(connection)
    newest = max((number for number, _ in lines), default=0)
    unwitnessed = max(walk.last - newest, 0)
    if unwitnessed > UNWITNESSED:
        found.add(f"the witness ends {unwitnessed} rows before the trail: lines of it are missing")
    return Verified(
        rows=walk.rows, first=walk.first, last=walk.last, head=walk.code, removed_to=removed_to,
        witness_lines=len(lines), unwitnessed=unwitnessed, wrong=found.count, findings=tuple(found.listed),
    )  # fmt: skip


def _is_empty(engine: Engine) -> bool:
    with engine.connect() as connection:
        return head(connection)[0] == 0


class _Walk:
    """One pass over the rows in order."""

    def __init__(
        self, key: AuditKey, removed_to: int, before: str, witnessed: dict[int, str],
        rewritten: Mapping[int, Recode], found: _Findings,
    ) -> None:  # fmt: skip
        self.rows = self.first = self.named = 0
        self.last, self.code = removed_to, before if removed_to else GENESIS
        self._key, self._witnessed, self._rewritten, self._found = key, witnessed, rewritten, found

    def next(self, row: Row[Any], people: Sequence[str]) -> None:
        if row.number != self.last + 1:
            self._found.add(f"rows {self.last + 1} to {row.number - 1} are missing")
        self.first = self.first or row.number
        recode = self._rewritten.get(row.number)
        if recode is not None:
            if not self._is_rewritten(row, people, recode):
                self._found.add(f"row {row.number} is not what an erasure or a change of the pseudonyms left of it")
        elif self._expected(row, people) != row.code:
            self._found.add(f"row {row.number} is not what was written, or does not follow the row before it")
        if not is_shown(row.body, row.sha256):
            self._found.add(f"row {row.number}: what was shown is not what was written")
        witnessed = self._witnessed.pop(row.number, None)
        if witnessed is not None and witnessed != row.code:
            self._found.add(f"row {row.number} is another than the one that was witnessed")
        # A row that is wrong is said once: what follows it is held to what stands there.
        self.last, self.code = row.number, row.code
        self.rows, self.named = self.rows + 1, self.named + len(people)

    def end(self, connection: Connection) -> None:
        for number in sorted(self._witnessed):
            if number > self.last:
                self._found.add(f"the tail is cut off: row {number} was witnessed, and the trail ends at {self.last}")
                break
        missing = sum(number <= self.last for number in self._witnessed)
        if missing:
            self._found.add(f"{missing} rows that were witnessed are not there")
        listed = connection.execute(select(func.count()).select_from(AuditedPerson)).scalar_one()
        if listed != self.named:
            self._found.add(f"{listed - self.named} entries name people for rows that are not there")

    def _expected(self, row: Row[Any], people: Sequence[str]) -> str | None:
        secret = self._key.secrets.get(row.key_name)
        if secret is None:
            return None
        return code_of(Covered(*row[:_COVERED]), people, previous=self.code, key_name=row.key_name, secret=secret)

    def _is_rewritten(self, row: Row[Any], people: Sequence[str], recode: Recode) -> bool:
        """Whether the last erasure that names the row left this of it, and the row's own code is what it was then."""
        secret = self._key.secrets.get(recode.key_name)
        if secret is None or row.code != recode.code or recode.erasure <= row.number:
            return False
        said = Covered(*row[:_COVERED])
        return recode.recode == recode_of(said, people, code=row.code, key_name=recode.key_name, secret=secret)


_COVERED = len(Covered._fields)
_COLUMNS = [getattr(AuditRow, name) for name in (*Covered._fields, "key_name", "code", "body")]


def _beginning(connection: Connection, found: _Findings) -> tuple[int, str]:
    try:
        return last_removal(connection)
    except (ValueError, TypeError, KeyError):
        found.add("the row that says what was removed last cannot be read")
        return 0, GENESIS


def _rewritten(connection: Connection, found: _Findings) -> Mapping[int, Recode]:
    try:
        return recodes(connection)
    except (ValueError, TypeError, KeyError, zlib.error):
        found.add("a row that says what an erasure changed cannot be read")
        return {}


def _rows_with_people(connection: Connection) -> Iterator[tuple[Row[Any], Sequence[str]]]:
    after: int | None = None
    while True:
        query = select(*_COLUMNS).order_by(AuditRow.number).limit(AT_ONCE)
        rows = connection.execute(query if after is None else query.where(AuditRow.number > after)).all()
        if not rows:
            return
        people = _people(connection, rows[0].number, rows[-1].number)
        for row in rows:
            yield row, people.get(row.number, ())
        after = rows[-1].number


def _people(connection: Connection, first: int, last: int) -> Mapping[int, list[str]]:
    found: dict[int, list[str]] = {}
    query = select(AuditedPerson.number, AuditedPerson.person_id)
    for number, person in connection.execute(query.where(AuditedPerson.number.between(first, last))):
        found.setdefault(number, []).append(person)
    return found


def _witness_lines(files: AuditFiles, found: _Findings) -> Sequence[tuple[int, str]]:
    lines: list[tuple[int, str]] = []
    try:
        for place, line in enumerate(Witness(files.witness).lines(), 1):
            if line is None:
                found.add(f"line {place} of the witness is damaged")
            else:
                lines.append((line.number, line.code))
    except OSError:
        found.add("the witness is missing or cannot be read")
    return lines
