"""Audit trails for tests: rows of many kinds, and ways to tamper with them for who has the database alone."""

import hashlib
import json
import random
import sqlite3
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from crisisrisk.database.audit import AuditFiles, AuditTrail
from crisisrisk.database.audit_chain import Look
from crisisrisk.database.erasure import Why, erase
from crisisrisk.database.upgrade import current_engine

BEGAN = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


def person(number: int) -> str:
    """The pseudonym of nobody."""
    return f"k1_{number:016}"


def look(number: int = 1, **changes: Any) -> Look:
    """An answer about one person."""
    said = {"person_id": person(number), "probability": number / 1_000}
    usual: dict[str, Any] = {
        "at": BEGAN + timedelta(minutes=number), "purpose": "direct_care",
        "action": "GET /api/v1/people/{pid}/risk", "status": 200, "key_id": f"key{number % 3}", "role": "care",
        "team": "north", "request_id": f"{number:016x}", "detail": "{}", "media_type": "application/json",
        "body": json.dumps(said).encode(), "people": (person(number),),
    }  # fmt: skip
    return Look(**{**usual, **changes})


def listing(number: int, people: int) -> Look:
    """An answer that names several people."""
    names = tuple(person(one) for one in range(people))
    return look(number, people=names, action="GET /api/v1/caseloads/{team}", body=json.dumps(names).encode())


def trail_in(folder: Path, url: str | None = None) -> AuditTrail:
    """A trail with its files in a folder: in a SQLite file there, or in the database of a URL."""
    engine = current_engine(url or f"sqlite:///{folder / 'crisisrisk.db'}")
    return AuditTrail(engine, AuditFiles(key=folder / "keys" / "audit.key", witness=folder / "audit" / "witness.log"))


def filled(trail: AuditTrail, rows: int, *, at_once: int = 7) -> AuditTrail:
    """Rows in several commits, some of them about several people and one about nobody."""
    looks = [listing(number, number % 5) if number % 4 == 0 else look(number) for number in range(1, rows + 1)]
    for start in range(0, rows, at_once):
        trail.append(looks[start : start + at_once])
    return trail


def erased(trail: AuditTrail, person_id: str, *, minutes: int = 0) -> str:
    """Take a person out of a trail's database. Returns the name that stands for the person from now on."""
    name = f"erased-{person_id[-16:].lower()[::-1]}"
    why = Why(name=name, reason="asked to be forgotten", user="root", at=BEGAN + timedelta(days=1, minutes=minutes))
    erase(trail, person_id, why)
    return name


# Tampering

_TEXTS = ("purpose", "action", "key_id", "role", "team", "request_id", "detail", "media_type", "sha256", "key_name",
          "code")  # fmt: skip


def tamper(file: Path, seed: int, *, before: Path | None = None) -> str:
    """Change a SQLite trail as somebody would who can write the file and has no key. Returns what was done.

    `before`: the trail as it was before the erasures in it, which some tamperings take rows from.
    """
    draw = random.Random(seed)
    with sqlite3.connect(file) as database:
        numbers = [row[0] for row in database.execute("SELECT number FROM audit ORDER BY number")]
        kind = draw.choice(_KINDS if before is None else (*_KINDS, *_OF_ERASURES))
        if kind in _OF_ERASURES:
            database.execute("ATTACH ? AS former", (str(before),))
        kind(database, numbers, draw)
    database.close()
    return kind.__name__


def _edit_text(database: sqlite3.Connection, numbers: list[int], draw: random.Random) -> None:
    name, number = draw.choice(_TEXTS), draw.choice(numbers)
    (value,) = database.execute(f"SELECT {name} FROM audit WHERE number = ?", (number,)).fetchone()
    text = value or ""  # a command has neither key nor team
    others = [text[:-1], text + "x", "x" + text[1:], text.swapcase() + " ", "", chr(draw.randrange(32, 127)) + text]
    changed = draw.choice([other for other in others if other != value])
    database.execute(f"UPDATE audit SET {name} = ? WHERE number = ?", (changed, number))


def _edit_number(database: sqlite3.Connection, numbers: list[int], draw: random.Random) -> None:
    name = draw.choice(["status", "at", "number"])
    by = {"status": "status + 1", "at": "'2020-01-01 00:00:00.000000'", "number": "number + 10000"}[name]
    database.execute(f"UPDATE audit SET {name} = {by} WHERE number = ?", (draw.choice(numbers),))


def _edit_body(database: sqlite3.Connection, numbers: list[int], draw: random.Random) -> None:
    forged = draw.choice([zlib.compress(b'{"probability": 0.001}'), b"", b"\x00", zlib.compress(b" ")])
    database.execute("UPDATE audit SET body = ? WHERE number = ?", (forged, draw.choice(numbers)))


def _delete(database: sqlite3.Connection, numbers: list[int], draw: random.Random) -> None:
    first, count = draw.randrange(len(numbers)), draw.randrange(1, 6)
    gone = numbers[first : first + count]
    for table in ("audit_people", "audit"):
        database.executemany(f"DELETE FROM {table} WHERE number = ?", [(one,) for one in gone])
    if draw.random() < 0.5:  # and close the gap
        database.execute("UPDATE audit SET number = number - ? WHERE number > ?", (len(gone), gone[-1]))
        database.execute("UPDATE audit_people SET number = number - ? WHERE number > ?", (len(gone), gone[-1]))


def _cut_tail(database: sqlite3.Connection, numbers: list[int], draw: random.Random) -> None:
    last = draw.choice(numbers)
    for table in ("audit_people", "audit"):
        database.execute(f"DELETE FROM {table} WHERE number >= ?", (last,))


def _swap(database: sqlite3.Connection, numbers: list[int], draw: random.Random) -> None:
    one, other = draw.sample(numbers, 2)
    for table in ("audit", "audit_people"):
        for before, after in ((one, -1), (other, one), (-1, other)):
            database.execute(f"UPDATE {table} SET number = ? WHERE number = ?", (after, before))


def _insert(database: sqlite3.Connection, numbers: list[int], draw: random.Random) -> None:
    """A copy of a row, or of its content with another code: at the end, or between two after moving the rest."""
    place, copied = draw.choice([numbers[-1] + 1, draw.choice(numbers)]), draw.choice(numbers)
    row = list(database.execute("SELECT * FROM audit WHERE number = ?", (copied,)).fetchone())
    if place <= numbers[-1]:
        database.execute("UPDATE audit SET number = -number - 1 WHERE number >= ?", (place,))
        database.execute("UPDATE audit SET number = -number WHERE number < 0")
        database.execute("UPDATE audit_people SET number = -number - 1 WHERE number >= ?", (place,))
        database.execute("UPDATE audit_people SET number = -number WHERE number < 0")
    row[0] = place
    database.execute(f"INSERT INTO audit VALUES ({', '.join('?' * len(row))})", row)


def _edit_people(database: sqlite3.Connection, numbers: list[int], draw: random.Random) -> None:
    rows = database.execute("SELECT number, person_id FROM audit_people ORDER BY 1, 2").fetchall()
    number, whose = draw.choice(rows)
    do = draw.choice(["hide", "blame", "add", "dangle"])
    if do == "hide":
        database.execute("DELETE FROM audit_people WHERE number = ? AND person_id = ?", (number, whose))
    elif do == "blame":
        database.execute("UPDATE audit_people SET person_id = 'k1_X' WHERE number = ? AND person_id = ?",
                         (number, whose))  # fmt: skip
    else:
        where = draw.choice(numbers) if do == "add" else numbers[-1] + 50
        database.execute("INSERT INTO audit_people VALUES (?, 'k1_Y')", (where,))


def _move_a_byte(database: sqlite3.Connection, numbers: list[int], draw: random.Random) -> None:
    """From the end of one field to the beginning of the next: the joined text stays the same."""
    number = draw.choice(numbers)
    role, team = database.execute("SELECT role, team FROM audit WHERE number = ?", (number,)).fetchone()
    database.execute(
        "UPDATE audit SET role = ?, team = ? WHERE number = ?", (role[:-1], role[-1] + (team or ""), number)
    )


def _restore_older(database: sqlite3.Connection, numbers: list[int], draw: random.Random) -> None:
    """What a copy of before held, with new rows of an attacker in place of those that came after it."""
    last = draw.randrange(1, len(numbers))
    kept = numbers[last - 1]
    for number in numbers[last:]:
        database.execute("UPDATE audit SET sha256 = ?, key_id = 'nobody' WHERE number = ?", ("0" * 64, number))
    database.execute("DELETE FROM audit_people WHERE number > ?", (kept,))


_KINDS = (_edit_text, _edit_number, _edit_body, _delete, _cut_tail, _swap, _insert, _edit_people, _move_a_byte,
          _restore_older)  # fmt: skip


def _undo_an_erasure(database: sqlite3.Connection, _numbers: list[int], draw: random.Random) -> None:
    """A row as it was before: content, people, or both."""
    changed = [row[0] for row in database.execute(
        "SELECT now.number FROM audit AS now JOIN former.audit AS was USING (number) WHERE now.detail != was.detail"
    )]  # fmt: skip
    number, do = draw.choice(changed), draw.choice(["content", "people", "both"])
    if do != "people":
        database.execute("DELETE FROM audit WHERE number = ?", (number,))
        database.execute("INSERT INTO audit SELECT * FROM former.audit WHERE number = ?", (number,))
    if do != "content":
        database.execute("DELETE FROM audit_people WHERE number = ?", (number,))
        database.execute("INSERT INTO audit_people SELECT * FROM former.audit_people WHERE number = ?", (number,))


def _claim_an_erasure(database: sqlite3.Connection, numbers: list[int], draw: random.Random) -> None:
    """A row emptied as by an erasure, with what an erasure says of another row said of it."""
    number = draw.choice(numbers)
    erasing, body = draw.choice(database.execute(
        "SELECT number, body FROM audit WHERE action = 'people erase' ORDER BY number"
    ).fetchall())  # fmt: skip
    lines = json.loads(zlib.decompress(body))["rows"]
    (code,) = database.execute("SELECT code FROM audit WHERE number = ?", (number,)).fetchone()
    said = json.dumps({"rows": [*lines, [number, code, draw.choice(lines)[2]]]}).encode()
    empty = "UPDATE audit SET body = ?, sha256 = ?, detail = '{}' WHERE number = ?"
    database.execute(empty, (zlib.compress(b""), hashlib.sha256(b"").hexdigest(), number))
    if draw.random() < 0.5:  # and the erasure's own digest is made to fit
        digest = hashlib.sha256(said).hexdigest()
        database.execute(
            "UPDATE audit SET body = ?, sha256 = ? WHERE number = ?", (zlib.compress(said), digest, erasing)
        )
    else:
        database.execute("UPDATE audit SET body = ? WHERE number = ?", (zlib.compress(said), erasing))


_OF_ERASURES = (_undo_an_erasure, _claim_an_erasure)
