"""The audit trail: one chain whoever writes, nothing shown that is not kept, and no change that goes unseen."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete
from tests.lib.trails import BEGAN, filled, listing, look, person, trail_in

from crisisrisk.database.audit import UNWITNESSED, AuditTrail
from crisisrisk.database.audit_chain import Covered, code_of, packed
from crisisrisk.database.audit_read import AuditFilter, audited_looks, shown
from crisisrisk.database.audit_retention import remove_old
from crisisrisk.database.audit_verify import Verified, verify
from crisisrisk.database.engine import open_engine, writing
from crisisrisk.database.schema import AuditedPerson, AuditRow
from crisisrisk.database.witness import Witness
from crisisrisk.errors import DataError, ServiceError


@pytest.fixture(params=["sqlite", "postgresql"])
def trail(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AuditTrail]:
    url = None if request.param == "sqlite" else request.getfixturevalue("postgresql")
    made = trail_in(tmp_path, url)
    with writing(made.engine) as connection:
        connection.execute(delete(AuditedPerson))
        connection.execute(delete(AuditRow))
    yield made
    made.engine.dispose()


def checked(trail: AuditTrail) -> Verified:
    return verify(trail.engine, trail.files)


def again(trail: AuditTrail, *, busy_seconds: float = 0.2) -> AuditTrail:
    """The same trail as another process opens it."""
    engine = open_engine(trail.engine.url.render_as_string(hide_password=False), busy_seconds=busy_seconds)
    return AuditTrail(engine, trail.files)


# The chain


def test_fields_stand_behind_their_lengths() -> None:
    assert packed(["ab", "c"]) != packed(["a", "bc"])
    assert packed([None]) != packed([""])
    assert packed([packed(["a"]), "b"]) != packed(["a", "b"])


def test_a_code_covers_every_field() -> None:
    one = look()
    names = ("at", "purpose", "action", "status", "key_id", "role", "team", "request_id", "detail", "media_type")
    row = Covered(number=1, sha256=one.digest, **{name: getattr(one, name) for name in names})
    made = {"people": one.people, "previous": "0" * 64, "key_name": "a1", "secret": b"s" * 32}
    changes = {
        "number": 2, "at": one.at + timedelta(microseconds=1), "status": 410, "key_id": None,
        "sha256": "0" * 64, **dict.fromkeys(("purpose", "action", "role", "team", "request_id", "detail"), "x"),
    }  # fmt: skip
    others = [code_of(row._replace(**{name: value}), **made) for name, value in changes.items()]
    around = {"people": (), "previous": "1" * 64, "key_name": "a2", "secret": b"t" * 32}
    others += [code_of(row, **{**made, name: value}) for name, value in around.items()]
    assert len({code_of(row, **made), *others}) == len(others) + 1


# Writing


def test_what_was_shown_comes_back_to_the_byte(trail: AuditTrail) -> None:
    numbers = trail.append([look(1), listing(2, 3), look(3, status=410, body=b"")])
    assert list(numbers) == [1, 2, 3]
    assert [one.body for one in shown(trail.engine, numbers)] == [look(1).body, listing(2, 3).body, b""]
    found = audited_looks(trail.engine, AuditFilter(), limit=None)
    assert [(one.number, one.people, one.person_id, one.status) for one in found] == [
        (3, 1, person(3), 410), (2, 3, None, 200), (1, 1, person(1), 200),
    ]  # fmt: skip
    assert found[2].at == look(1).at
    assert checked(trail).findings == ()


def test_looks_are_found_by_whom_they_named_and_who_looked(trail: AuditTrail) -> None:
    filled(trail, 24)
    about = audited_looks(trail.engine, AuditFilter(person_id=person(1)), limit=None)
    assert {one.number for one in about} == {1} | {one for one in range(4, 25, 4) if one % 5 > 1}
    chosen = AuditFilter(key_id="key1", start=BEGAN + timedelta(minutes=4), end=BEGAN + timedelta(minutes=13))
    assert [one.number for one in audited_looks(trail.engine, chosen, limit=None)] == [10, 7, 4]
    assert [one.number for one in audited_looks(trail.engine, AuditFilter(before=4), limit=2)] == [3, 2]
    assert audited_looks(trail.engine, AuditFilter(role="crisis_team"), limit=None) == []


def test_many_writers_make_one_chain(trail: AuditTrail) -> None:
    writers = [trail, again(trail), again(trail)]
    for writer in writers[1:]:
        writer.engine = open_engine(writer.engine.url.render_as_string(hide_password=False), busy_seconds=30)

    def write(number: int) -> None:
        writers[number % 3].append([look(number), look(number + 100)])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(1, 61)))
    found = checked(trail)
    assert (found.rows, found.last, found.findings) == (120, 120, ())
    assert found.unwitnessed == 0


def test_nothing_is_written_while_the_database_is_locked_and_the_wait_is_short(tmp_path: Path) -> None:
    trail = filled(trail_in(tmp_path), 3)
    other = again(trail)
    with writing(trail.engine):
        started = time.monotonic()
        with pytest.raises(ServiceError) as raised:
            other.append([look(9)])
        assert time.monotonic() - started < 2
    assert raised.value.code == "CR-AUDIT-001"
    other.append([look(10)])
    assert checked(trail).rows == 4


def test_a_lock_in_postgresql_is_waited_for_two_seconds_and_no_longer(postgresql: str, tmp_path: Path) -> None:
    trail, held, done = trail_in(tmp_path, postgresql), threading.Event(), threading.Event()
    with writing(trail.engine) as connection:
        connection.execute(delete(AuditedPerson))
        connection.execute(delete(AuditRow))

    def hold(connection: object) -> None:
        held.set()
        done.wait(20)

    holder = threading.Thread(target=lambda: trail.append([look(1)], together=hold))
    holder.start()
    held.wait(20)
    other, started = again(trail, busy_seconds=2), time.monotonic()
    try:
        with pytest.raises(ServiceError):
            other.append([look(2)])
        assert 1.5 < time.monotonic() - started < 4
    finally:
        done.set()
        holder.join()
    assert checked(trail).rows == 1


# The witness


def test_without_its_witness_nothing_is_written(tmp_path: Path) -> None:
    trail = filled(trail_in(tmp_path), 5)
    trail.files.witness.rename(tmp_path / "away")
    for writer in (trail, again(trail)):
        with pytest.raises(ServiceError):
            writer.append([look(6)])
    assert "the witness is missing or cannot be read" in checked(trail).findings
    (tmp_path / "away").rename(trail.files.witness)
    trail.append([look(7)])
    found = checked(trail)
    assert (found.unwitnessed, found.findings) == (0, ())


def test_a_witness_that_fails_does_not_fall_behind_by_more_than_one_commit(tmp_path: Path) -> None:
    trail = filled(trail_in(tmp_path), 5)
    trail.files.witness.rename(tmp_path / "away")
    for number in range(6, 12):
        with pytest.raises(ServiceError):
            trail.append([look(number)])
    (tmp_path / "away").rename(trail.files.witness)
    assert checked(trail).unwitnessed == 1


def test_a_line_that_a_full_disk_cut_short_is_passed_over(tmp_path: Path) -> None:
    trail = filled(trail_in(tmp_path), 5)
    with trail.files.witness.open("ab") as file:
        file.write(b"6 ab")
    trail.append([look(6)])
    lines = list(Witness(trail.files.witness).lines())
    assert [line.number for line in lines if line is not None] == [5, 6]
    assert checked(trail).findings == ()


@pytest.mark.parametrize("damage", ["a line of somebody\n", "5 " + "g" * 64 + "\n", "\x00\n"])
def test_a_damaged_line_of_the_witness_is_said(tmp_path: Path, damage: str) -> None:
    trail = filled(trail_in(tmp_path), 5)
    with trail.files.witness.open("a") as file:
        file.write(damage)
    assert checked(trail).findings == ("line 2 of the witness is damaged",)


def test_a_trail_that_is_an_older_copy_is_not_continued(tmp_path: Path) -> None:
    trail = filled(trail_in(tmp_path), 5)
    before = (tmp_path / "crisisrisk.db").read_bytes()
    trail.append([look(6)])
    (tmp_path / "crisisrisk.db").write_bytes(before)
    for writer in (trail, again(trail)):
        with pytest.raises(ServiceError) as raised:
            writer.append([look(7)])
        assert raised.value.code == "CR-AUDIT-002"
    assert checked(trail).findings == ("the tail is cut off: row 6 was witnessed, and the trail ends at 5",)


def test_a_witness_without_its_newest_lines_is_said_once_they_are_many(tmp_path: Path) -> None:
    trail = filled(trail_in(tmp_path), 5)
    kept = trail.files.witness.read_bytes()
    trail.append([look(number) for number in range(6, UNWITNESSED + 6)])
    trail.append([look(1)])
    trail.files.witness.write_bytes(kept)
    assert checked(trail).unwitnessed == UNWITNESSED + 1
    assert len(checked(trail).findings) == 1
    with pytest.raises(ServiceError):
        again(trail).append([look(2)])


# The key


def test_a_key_that_others_may_read_or_that_is_gone_is_refused(tmp_path: Path) -> None:
    trail = filled(trail_in(tmp_path), 2)
    trail.files.key.chmod(0o644)
    with pytest.raises(DataError) as raised:
        again(trail).append([look(3)])
    assert (raised.value.code, raised.value.wanted) == ("CR-AUDIT-003", "mode 600")
    trail.files.key.unlink()
    with pytest.raises(DataError):
        again(trail).append([look(3)])
    assert not trail.files.key.exists(), "a trail that has begun gets no other key"


def test_rows_of_an_older_key_still_verify(tmp_path: Path) -> None:
    trail = filled(trail_in(tmp_path), 3)
    with trail.files.key.open("a") as file:
        file.write(f"a2 {'7' * 64}\n")
    again(trail).append([look(4)])
    assert checked(trail).findings == ()
    assert oct(trail.files.key.stat().st_mode)[-3:] == "600"


# Retention


DAYS = {"direct_care": 30, "audit": 365}


def test_what_is_ended_leaves_a_trail_that_verifies(trail: AuditTrail) -> None:
    old, new = [look(one) for one in range(1, 5)], [look(one, at=BEGAN + timedelta(days=20)) for one in range(5, 8)]
    trail.append(old)
    trail.append(new)
    removed = remove_old(trail, kept_days=DAYS, now=BEGAN + timedelta(days=31), user="tests")
    assert (removed.rows, removed.removed_to) == (4, 4)
    found = checked(trail)
    assert (found.first, found.last, found.removed_to, found.findings) == (5, 8, 4, ())
    assert audited_looks(trail.engine, AuditFilter(person_id=person(1)), limit=None) == []
    assert remove_old(trail, kept_days=DAYS, now=BEGAN + timedelta(days=31), user="tests").rows == 0
    remove_old(trail, kept_days=DAYS, now=BEGAN + timedelta(days=60), user="tests")
    assert (checked(trail).first, checked(trail).findings) == (8, ())
    trail.append([look(9)])
    assert checked(again(trail)).findings == ()


def test_a_beginning_that_nobody_ended_is_missing(trail: AuditTrail) -> None:
    filled(trail, 6)
    with writing(trail.engine) as connection:
        connection.execute(delete(AuditedPerson).where(AuditedPerson.number <= 2))
        connection.execute(delete(AuditRow).where(AuditRow.number <= 2))
    assert "rows 1 to 2 are missing" in checked(trail).findings


def test_a_row_is_kept_as_long_as_its_purpose_says_and_for_ever_where_it_says_nothing(trail: AuditTrail) -> None:
    trail.append([look(1), look(2, purpose="audit"), look(3), look(4, purpose="unheard of")])
    removed = remove_old(trail, kept_days=DAYS, now=BEGAN + timedelta(days=40), user="tests")
    assert removed.removed_to == 1  # the second is kept for a year, and nothing after it can go before it
    removed = remove_old(trail, kept_days=DAYS, now=BEGAN + timedelta(days=4_000), user="tests")
    assert removed.removed_to == 3


def test_ten_thousand_rows_are_verified_in_a_second_or_so(tmp_path: Path) -> None:
    trail = trail_in(tmp_path)
    trail.append([look(number) for number in range(10_000)])
    started = time.process_time()
    found = checked(trail)
    seconds = time.process_time() - started
    assert (found.rows, found.findings) == (10_000, ())
    assert seconds < 2  # of this process: what else the machine does is not counted
