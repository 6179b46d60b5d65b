"""Another key of pseudonyms in the stored tables: what is left is what is stored had it been the key all along."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.lib.people_tables import CASELOADS, PEOPLE, PEOPLE_ROWS, event_row, load_table, loaded_site
from tests.lib.table_sites import EVENTS, KEY, stored_bytes

from crisisrisk.commands.optouts import apply_list
from crisisrisk.errors import DataError
from crisisrisk.tables.checked_people import checked_people, keep_checked_people
from crisisrisk.tables.erased import NOT_ERASED, end_erasure
from crisisrisk.tables.erasing import erase_stored, people_stored
from crisisrisk.tables.pseudonyms import PseudonymKey, newer_forms, pseudonym, pseudonym_forms, read_pseudonym_key
from crisisrisk.tables.renaming import Renaming
from crisisrisk.tables.rotating import former_rows, refuse_merged, rotate_stored
from crisisrisk.tables.rotation import asked_until, begin_rotation, end_rotation, rotations, take_key
from crisisrisk.tables.site import Site
from crisisrisk.tables.waiting_key import is_cut_off

NOW = datetime(2026, 11, 29, 6, 0, tzinfo=UTC)
NEXT = "k2 " + "cd" * 32 + "\n"


def _rotated(site: Site, *, following: str = NEXT) -> Renaming:
    """Change the key to a known one, as the command does."""
    assert site.pseudonym_key_file is not None
    waiting = site.pseudonym_key_file.with_name("pseudonym.key.next")
    waiting.touch(mode=0o600)
    waiting.write_text(following)
    key = begin_rotation(site, now=NOW, asked_days=30)
    renaming = Renaming(key)
    rotate_stored(site, key, renaming)
    take_key(site, key)
    end_rotation(site, key, now=NOW)
    return renaming


def _held(site: Site) -> bytes:
    return b"\n".join(one.read_bytes() for one in site.path.rglob("*") if one.is_file())


def test_what_is_left_is_what_would_be_stored_had_it_been_the_key_all_along(tmp_path: Path) -> None:
    site, fresh = loaded_site(tmp_path / "site"), loaded_site(tmp_path / "fresh", key=KEY + NEXT)
    before = people_stored(site)
    renaming = _rotated(site)
    assert stored_bytes(site) == stored_bytes(fresh)
    assert people_stored(site) == {renaming.of(one) for one in before}
    assert not renaming.are_in(_held(site))
    third = loaded_site(tmp_path / "third", key=KEY + NEXT + "k3 " + "ef" * 32 + "\n")
    _rotated(site, following="k3 " + "ef" * 32 + "\n")
    assert stored_bytes(site) == stored_bytes(third)


def test_what_comes_later_is_known_again(tmp_path: Path) -> None:
    """A row that comes again, a correction, somebody new, and pseudonyms that a partner made with the key before."""
    site, fresh = loaded_site(tmp_path / "site"), loaded_site(tmp_path / "fresh", key=KEY + NEXT)
    former = str(pseudonym(read_pseudonym_key(site), "study_id", "ann"))
    _rotated(site)
    given = CASELOADS.replace('kind = "study_id"', 'kind = "pseudonym"')
    for one in (site, fresh):
        load_table(one, "later", [event_row(1, "ben", day=7), event_row(0, "ann"), event_row(60, "new")], EVENTS)
    assert load_table(site, "given", [{"person": former, "team": "south", "known": "2026-02-01"}], given).rows_loaded
    own = [{"person": "ann", "team": "south", "known": "2026-02-01"}]
    assert load_table(fresh, "given", own, CASELOADS).rows_loaded == 1
    assert stored_bytes(site) == stored_bytes(fresh)
    assert former.encode() not in _held(site)


def test_who_was_erased_under_the_key_before_stays_out(tmp_path: Path) -> None:
    site = loaded_site(tmp_path)
    ann = str(pseudonym(read_pseudonym_key(site), "study_id", "ann"))
    erase_stored(site, ann, now=NOW)
    end_erasure(site, ann, now=NOW)
    _rotated(site)
    rows = [event_row(70, "ann"), event_row(71, None, "K-moved"), event_row(72, "ben")]
    again = load_table(site, "again", rows, EVENTS)
    assert again.broken_rules == {f"person_id: {NOT_ERASED}": 1, f"source_person_key: {NOT_ERASED}": 1}
    assert load_table(site, "register", [PEOPLE_ROWS[0]], PEOPLE).rows_quarantined == 1
    applied = tmp_path / "list.csv"
    applied.write_text("ann\nben\n")
    assert apply_list(site, applied, checked_on=date(2026, 11, 1), kind="study_id").people == 1


def test_lists_and_refused_rows_are_renamed_and_counted(tmp_path: Path) -> None:
    site = loaded_site(tmp_path)
    ann, ben = (str(pseudonym(read_pseudonym_key(site), "study_id", name)) for name in ("ann", "ben"))
    keep_checked_people(site, [ann, ben], date(2026, 11, 20))
    wrong = [{**PEOPLE_ROWS[0], "person": "dan", "sex": f"as {ann}"}]
    assert load_table(site, "wrong", wrong, PEOPLE).rows_quarantined == 1
    key = PseudonymKey("k2", bytes.fromhex("cd" * 32), before=read_pseudonym_key(site).steps)
    counts = {"caseloads": 2, "events": 24, "opt_outs": 2, "people": 2, "person_links": 6, "quarantine": 1}
    assert former_rows(site, Renaming(key)) == counts
    renaming = _rotated(site)
    assert former_rows(site, renaming) == {}
    kept = checked_people(site)
    assert kept is not None
    assert kept.checked_on == date(2026, 11, 20)
    listed = pq.read_table(site.path / "opt_outs" / kept.file).column("person_id").to_pylist()
    assert listed == sorted([renaming.of(ann), renaming.of(ben)])
    assert not renaming.are_in(_held(site))


def test_nothing_else_is_done_while_a_change_is_cut_off_and_the_same_key_is_taken_up(tmp_path: Path) -> None:
    site = loaded_site(tmp_path)
    key = begin_rotation(site, now=NOW, asked_days=30)
    assert is_cut_off(site)
    with pytest.raises(DataError, match="CR-KEY-004"):
        load_table(site, "again", [event_row(70, "ann")], EVENTS)
    assert begin_rotation(site, now=NOW + timedelta(days=1), asked_days=9) == key
    take_key(site, key)
    take_key(site, key)
    assert begin_rotation(site, now=NOW, asked_days=30) == key
    end_rotation(site, key, now=NOW)
    (said,) = rotations(site)
    assert (said.former, said.key, said.ended_at) == ("k1", "k2", NOW.isoformat())
    assert asked_until(site, "k1_0000000000000000") == NOW + timedelta(days=30)
    assert asked_until(site, "k2_0000000000000000") is None
    assert site.pseudonym_key_file is not None
    assert site.pseudonym_key_file.stat().st_mode & 0o077 == 0
    assert not is_cut_off(site)


def test_nobody_is_lost_doubled_or_merged_by_a_key() -> None:
    first = PseudonymKey("k1", b"1" * 32)
    second = PseudonymKey("k2", b"2" * 32, before=first.steps)
    third = PseudonymKey("k3", b"3" * 32, before=second.steps)
    texts = [f"person {number}" for number in range(2_000)]
    forms = [one or () for one in pseudonym_forms(third, "study_id", texts)]
    assert [one[:2] for one in forms] == [tuple(one or ()) for one in pseudonym_forms(second, "study_id", texts)]
    assert all(newer_forms(third, one[place]) == one[place:] for one in forms for place in range(3))
    assert len({one[-1] for one in forms}) == len(texts)
    assert newer_forms(third, "k9_0000000000000000") == ("k9_0000000000000000",)
    assert len({first.check, second.check, third.check}) == 3
    assert "111" not in repr(third)


def test_a_key_that_calls_two_people_alike_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    renaming = Renaming(PseudonymKey("k2", b"2" * 32, before=(PseudonymKey("k1", b"1" * 32),)))
    monkeypatch.setattr(renaming, "of", lambda _: "k2_0000000000000000")
    with pytest.raises(DataError, match="calls two people alike"):
        refuse_merged(frozenset({"k1_0000000000000001", "k1_0000000000000002"}), renaming)
