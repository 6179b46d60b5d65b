"""Taking a person out of the operational database, or calling all otherwise: every table, the trail, free pages."""

import json
import sqlite3
import zlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, Boolean, DateTime, Float, Integer, LargeBinary, Table, func, insert, select
from tests.lib.trails import BEGAN, erased, look, person, trail_in

from crisisrisk.database.audit import AuditTrail
from crisisrisk.database.audit_erasure import without_person
from crisisrisk.database.audit_read import AuditFilter, audited_looks, shown
from crisisrisk.database.audit_retention import remove_old
from crisisrisk.database.audit_verify import verify
from crisisrisk.database.base import Base
from crisisrisk.database.engine import open_engine, writing
from crisisrisk.database.erasure import compact, people_in, rows_about, tables_about_people
from crisisrisk.database.identities import (
    Identity,
    IdentityKey,
    made_identity_key,
    newest_identities,
    save_identities,
)
from crisisrisk.database.rotation import WhyRotated, former_rows_in, is_said, rotate
from crisisrisk.database.schema import AuditRow, SafetyConcern, ShiftFeedback
from crisisrisk.errors import DataError, ServiceError
from crisisrisk.tables.pseudonyms import PseudonymKey
from crisisrisk.tables.renaming import Renaming

GONE, STAYS = person(7), person(8)
SAID = "she lives above the bakery"
ALLOWED = {
    "feedback": {"verdict": "agree", "follows": None, "asked_again_at": BEGAN}, "scores": {"state": "stale"},
    "safety_concerns": {"about": "score"},
}  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
def trail(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AuditTrail]:
    url = None if request.param == "sqlite" else request.getfixturevalue("postgresql")
    made = trail_in(tmp_path, url)
    with writing(made.engine) as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())
        connection.execute(insert(Base.metadata.tables["scoring_runs"]).values(**_row("scoring_runs", GONE), id=1))
        for table in tables_about_people():
            for number, whose in enumerate((GONE, STAYS), 1):
                one = {**_row(table.name, whose), **ALLOWED.get(table.name, {})}
                one |= {"run_id": 1} if "run_id" in table.c else {}
                one |= {"id": number} if "id" in table.c and isinstance(table.c["id"].type, Integer) else {}
                connection.execute(insert(table).values(**one))
    made.append([look(7), _listing(1, GONE, STAYS), look(8), _listing(2, STAYS), _asking()])
    yield made
    made.engine.dispose()


def _row(table: str, whose: str) -> dict[str, Any]:
    """Something in every column that must hold something."""
    columns = Base.metadata.tables[table].c
    said = {
        one.name: _cell(one.type) for one in columns if one.name != "id" and not (one.nullable and one.foreign_keys)
    }
    return {**said, "person_id": whose} if "person_id" in columns else said


def _cell(kind: Any) -> Any:
    kinds = {
        Boolean: False, Integer: 3, Float: None, LargeBinary: b"\x01", JSON: {}, DateTime: BEGAN,
    }  # fmt: skip
    plain = getattr(kind, "impl_instance", kind)
    return next(
        (value for one, value in kinds.items() if isinstance(plain, one)), SAID[: getattr(plain, "length", None)]
    )


def _listing(number: int, *people: str) -> Any:
    said = {"people": [{"person_id": one, "reasons": [f"2 calls of {one}"]} for one in people], "total": len(people)}
    return look(20 + number, people=people, body=json.dumps(said).encode(), action="GET /api/v1/caseloads/{team}")


def _asking() -> Any:
    detail = json.dumps({"person_id": GONE, "limit": 50})
    return look(30, people=(), body=b"{}", detail=detail, action="audit show")


def _table(name: str) -> Table:
    return Base.metadata.tables[name]


def _files(trail: AuditTrail) -> list[Path]:
    """Every file that holds tables or indexes, or what a transaction keeps beside them."""
    engine = trail.engine
    if engine.dialect.name == "sqlite":
        file = Path(str(engine.url.database))
        return [one for one in file.parent.glob(f"{file.name}*") if one.is_file()]
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("CHECKPOINT")
        home = Path(connection.exec_driver_sql("SHOW data_directory").scalar_one())
        own = "SELECT pg_relation_filepath(oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        return [home / one for one in connection.exec_driver_sql(own).scalars() if one is not None]


def _held(trail: AuditTrail) -> bytes:
    """All bytes of the files, and what of the trail is kept packed."""
    with trail.engine.connect() as connection:
        bodies = [zlib.decompress(body) for body in connection.execute(select(AuditRow.body)).scalars()]
    return b"\n".join([*(one.read_bytes() for one in _files(trail)), *bodies])


def test_nothing_of_a_person_is_left_in_the_database_or_its_files(trail: AuditTrail) -> None:
    with writing(trail.engine) as connection:
        connection.execute(insert(ShiftFeedback).values(
            shift_id="night", verdict="useful", words=f"it was {GONE} again", made_at=BEGAN, made_by="key", role="lead"
        ))  # fmt: skip
    assert GONE.encode() in _held(trail)
    others = _counts(trail, STAYS)
    erased(trail, GONE)
    compact(trail.engine)
    assert GONE.encode() not in _held(trail)
    assert GONE not in people_in(trail.engine)
    assert rows_about(trail.engine, GONE) == {}
    assert _counts(trail, STAYS) == others
    assert verify(trail.engine, trail.files).findings == ()


def _counts(trail: AuditTrail, whose: str) -> dict[str, int]:
    with trail.engine.connect() as connection:
        return {
            table.name: connection.execute(
                select(func.count()).select_from(table).where(table.c.person_id == whose)
            ).scalar_one()
            for table in (*tables_about_people(), _table("audit_people"))
        }  # fmt: skip


def test_every_table_with_a_column_of_a_person_is_among_those_that_are_emptied() -> None:
    named = {
        table.name for table in Base.metadata.sorted_tables
        if any("person" in column.name or "subject" in column.name for column in table.c)
    }  # fmt: skip
    assert named == {table.name for table in tables_about_people()} | {"audit_people"}
    assert named >= {"scores", "feedback", "reviews", "snoozes", "data_queries", "exposures", "safety_concerns"}


def test_the_fact_of_a_concern_stays_without_whom_and_without_words(trail: AuditTrail) -> None:
    erased(trail, GONE)
    with trail.engine.connect() as connection:
        one, other = connection.execute(select(SafetyConcern.__table__).order_by(SafetyConcern.id)).all()
    assert (one.person_id, one.reference, one.about) == (None, None, "score")
    assert SAID not in f"{one.text}{one.done}"
    assert one.raised_at == other.raised_at
    assert (other.person_id, other.text) == (STAYS, SAID)


def test_rows_of_the_trail_say_whom_they_named_no_longer_and_that_it_was_taken_out(trail: AuditTrail) -> None:
    name = erased(trail, GONE)
    looks = audited_looks(trail.engine, AuditFilter(person_id=name), limit=None)
    assert [one.number for one in looks] == [6, 2, 1]
    assert looks[0].action == "people erase"
    assert json.loads(looks[0].detail)["reason"] == "asked to be forgotten"
    assert all(json.loads(one.detail)["erased"] == name for one in looks)
    alone, both, other, list_of_other = (one.body for one in shown(trail.engine, (1, 2, 3, 4)))
    assert alone == b""
    assert [one["person_id"] for one in json.loads(both)["people"]] == [STAYS]
    assert (other, list_of_other) == (look(8).body, _listing(2, STAYS).body)


def test_erasing_again_changes_nothing_but_the_row_that_says_so(trail: AuditTrail) -> None:
    erased(trail, GONE)
    before = audited_looks(trail.engine, AuditFilter(), limit=None)
    erased(trail, GONE, minutes=1)
    after = audited_looks(trail.engine, AuditFilter(), limit=None)
    assert after[1:] == before
    assert json.loads(after[0].detail)["rows"] == 0
    assert verify(trail.engine, trail.files).findings == ()


def test_a_row_changed_before_an_erasure_stays_one_that_was_changed(trail: AuditTrail) -> None:
    with writing(trail.engine) as connection:
        connection.execute(_table("audit").update().where(_table("audit").c.number == 2).values(role="lead"))
    assert verify(trail.engine, trail.files).wrong == 1
    erased(trail, GONE)
    assert [text for text in verify(trail.engine, trail.files).findings if "row 2 " in text]
    assert rows_about(trail.engine, GONE) == {}


def test_what_was_erased_may_end_with_its_time(trail: AuditTrail) -> None:
    erased(trail, GONE)
    remove_old(trail, kept_days={"direct_care": 0}, now=BEGAN + timedelta(minutes=23), user="root")
    found = verify(trail.engine, trail.files)
    assert (found.findings, found.removed_to) == ((), 4)
    erased(trail, STAYS, minutes=5)
    assert verify(trail.engine, trail.files).findings == ()


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ([{"id": GONE, "n": 1}, {"id": STAYS, "n": 2}], [{"id": STAYS, "n": 2}]),
        ({"a": [{"b": {"c": GONE}}, {"b": {"c": STAYS}}]}, {"a": [{"b": {"c": STAYS}}]}),
        ({"entry": [{"fullUrl": f"Patient/{GONE}"}, {"fullUrl": STAYS}]}, {"entry": [{"fullUrl": STAYS}]}),
        ({"people": [GONE], "note": "only about that one"}, None),
        ({"who": GONE, "others": [STAYS]}, None),
        ({GONE: 1}, None),
        ([{"of": STAYS, "with": {GONE: 2}}, 5], [5]),
    ],
)
def test_a_person_leaves_lists_alone_and_takes_with_them_what_holds_them(said: Any, left: Any) -> None:
    kept = without_person(json.dumps(said).encode(), GONE)
    assert (json.loads(kept) if kept else None) == left


def test_what_is_no_json_is_emptied() -> None:
    assert without_person(f"<p>{GONE}, {STAYS}</p>".encode(), GONE) == b""


def test_a_sqlite_in_use_says_that_it_may_still_hold_rows(tmp_path: Path) -> None:
    url = trail_in(tmp_path).engine.url.render_as_string()
    other = sqlite3.connect(tmp_path / "crisisrisk.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(ServiceError, match="written anew"):
        compact(open_engine(url, busy_seconds=0.1))
    other.close()


# Another key of pseudonyms


FORMER_KEY = PseudonymKey("k1", b"1" * 32)
NAMES = Renaming(PseudonymKey("k2", b"2" * 32, before=(FORMER_KEY,)))


def _rotated(trail: AuditTrail, names: Renaming = NAMES, key: str = "k2") -> dict[str, int]:
    why = WhyRotated(key=key, reason="a list left the trust", user="root", at=BEGAN + timedelta(days=2))
    return rotate(trail, names, why, trail.files.key.with_name("identities.key"))


def _known(trail: AuditTrail) -> IdentityKey:
    """Say who two people are, and that a third identity is damaged."""
    with writing(trail.engine) as connection:
        connection.execute(_table("identities").delete())
    key = made_identity_key(trail.files.key.with_name("identities.key"))
    said = {one: Identity(name=f"name of {one[-1]}") for one in (GONE, STAYS, person(9))}
    save_identities(trail.engine, key, said, now=BEGAN)
    with writing(trail.engine) as connection:
        damaged = _table("identities").c.person_id == person(9)
        connection.execute(_table("identities").update().where(damaged).values(name=b"\x01" * 40))
    return key


def _cells(trail: AuditTrail, *, renamed: bool) -> dict[str, list[str]]:
    """Every row of every table as text; what is sealed, and the trail's own codes, left out."""
    left_out = {"nhs_number", "name", "birth_date", "phone", "code", "sha256", "body"}
    found = {}
    with trail.engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            columns = [column for column in table.c if column.name not in left_out or table.name == "safety_concerns"]
            rows = connection.execute(select(*columns)).all()
            texts = [repr(tuple(row)) for row in rows if "people rotate" not in tuple(row)]
            found[table.name] = sorted(NAMES.in_text(text) if renamed else text for text in texts)
    return found


def test_everybody_is_called_otherwise_in_every_table_and_file_and_nothing_else_changes(trail: AuditTrail) -> None:
    key = _known(trail)
    with writing(trail.engine) as connection:
        connection.execute(insert(ShiftFeedback).values(
            shift_id="night", verdict="useful", words=f"it was {GONE} again", made_at=BEGAN, made_by="key", role="lead"
        ))  # fmt: skip
    expected, bodies = _cells(trail, renamed=True), [one.body for one in shown(trail.engine, range(1, 6))]
    there = former_rows_in(trail.engine, NAMES)
    counts = _rotated(trail)
    compact(trail.engine)
    assert {name: counts[name] for name in there if name != "audit_people"} == {
        name: count for name, count in there.items() if name != "audit_people"
    }
    assert _cells(trail, renamed=False) == expected
    assert [one.body for one in shown(trail.engine, range(1, 6))] == [NAMES.in_bytes(one) for one in bodies]
    assert not NAMES.are_in(_held(trail))
    assert former_rows_in(trail.engine, NAMES) == {}
    assert verify(trail.engine, trail.files).findings == ()
    known = newest_identities(trail.engine, key, [NAMES.of(one) for one in (GONE, STAYS, person(9))])
    assert {one: said.name for one, (_, said) in known.known.items()} == {
        NAMES.of(GONE): "name of 7", NAMES.of(STAYS): "name of 8"
    }  # fmt: skip
    assert known.damaged == {NAMES.of(person(9))}


def test_an_erasure_and_two_changes_of_the_key_follow_one_another(trail: AuditTrail) -> None:
    _known(trail)
    name = erased(trail, GONE)
    _rotated(trail)
    third = Renaming(PseudonymKey("k3", b"3" * 32, before=(FORMER_KEY, PseudonymKey("k2", b"2" * 32))))
    _rotated(trail, third, "k3")
    compact(trail.engine)
    assert not third.are_in(_held(trail))
    assert people_in(trail.engine) == {name, third.of(STAYS), third.of(person(9))}
    assert is_said(trail.engine, "k3")
    assert not is_said(trail.engine, "k4")
    erased(trail, third.of(STAYS), minutes=5)
    assert verify(trail.engine, trail.files).findings == ()


def test_a_row_changed_before_or_put_back_after_a_change_of_the_key_is_found(trail: AuditTrail) -> None:
    _known(trail)
    audit = _table("audit")
    with writing(trail.engine) as connection:
        connection.execute(audit.update().where(audit.c.number == 2).values(role="lead"))
        former = connection.execute(select(audit).where(audit.c.number == 3)).one()
    _rotated(trail)
    assert [text for text in verify(trail.engine, trail.files).findings if "row 2 " in text]
    assert verify(trail.engine, trail.files).wrong == 1
    with writing(trail.engine) as connection:
        connection.execute(audit.update().where(audit.c.number == 3).values(**former._mapping))
    assert [text for text in verify(trail.engine, trail.files).findings if "row 3 " in text]


def test_a_long_trail_is_vouched_for_by_several_rows(trail: AuditTrail, monkeypatch: pytest.MonkeyPatch) -> None:
    _known(trail)
    monkeypatch.setattr("crisisrisk.database.rotation.LISTED_AT_ONCE", 2)
    _rotated(trail)
    looks = audited_looks(trail.engine, AuditFilter(), limit=None)
    assert [one.number for one in looks if one.action == "people rotate"] == [8, 7, 6]
    assert verify(trail.engine, trail.files).findings == ()


def test_without_the_key_of_identities_nothing_is_changed(trail: AuditTrail) -> None:
    before = _cells(trail, renamed=False)
    with pytest.raises(DataError, match="CR-KEY-003"):
        _rotated(trail)
    assert _cells(trail, renamed=False) == before
