"""What a snapshot hands out: columns, order, buckets, links, months, and how far each source is complete."""

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tests.lib.table_sites import EVENTS, LINKS, NHS_NUMBERS, make_site, write_csv, write_mapping

from crisisrisk.commands.data import data_status, load_files
from crisisrisk.errors import DataError
from crisisrisk.tables.linkage import shown_share
from crisisrisk.tables.pseudonyms import create_pseudonym_key, pseudonym, read_pseudonym_key
from crisisrisk.tables.schema import CATEGORY
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot, Store, bucket_of
from crisisrisk.tables.text_hashes import _siphash
from crisisrisk.timeline import Window


def line(number: int, **cells: object) -> dict[str, object]:
    usual: dict[str, object] = {"id": number, "at": f"2026-0{number % 9 + 1}-03T00:00Z",
        "known": "2026-10-01T00:00Z", "source": "nhs_111",
                                "code": "A", "person": f"person-{number % 5}", "key": None}  # fmt: skip
    return {**usual, **cells}


def load(site: Site, lines: list[dict[str, object]], mapping: str = EVENTS, name: str = "events") -> Snapshot:
    load_files(site, [write_csv(site.path / f"{name}.csv", lines)], write_mapping(site, mapping, name))
    return Store(site).snapshot()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path, buckets=4)


def test_a_site_without_data_says_so(site: Site) -> None:
    with pytest.raises(DataError) as caught:
        Store(site).snapshot()
    assert caught.value.code == "CR-DATA-005"


def test_every_person_is_in_the_bucket_of_its_hash_and_in_order(site: Site) -> None:
    snapshot = load(site, [line(number) for number in range(40)])
    rows = 0
    for bucket in range(snapshot.buckets):
        events = snapshot.person_events(bucket)
        rows += events.num_rows
        assert set(bucket_of(events.column("person_id"), 4).tolist()) <= {bucket}
        keys = [(row["person_id"], row["known_at"], row["occurred_at"], row["event_id"]) for row in events.to_pylist()]
        assert keys == sorted(keys)
    assert rows == 40


def test_texts_come_as_dictionaries_in_one_chunk(site: Site) -> None:
    snapshot = load(site, [line(number) for number in range(40)])
    events = snapshot.person_events(0)
    assert events.schema.field("person_id").type == CATEGORY
    assert {column.num_chunks for column in events.columns} == {1}
    names = ["known_at", "person_id"]
    assert snapshot.person_events(0, names).column_names == names
    assert snapshot.place_events().column("code").num_chunks == 1


def test_an_empty_bucket_has_the_columns(site: Site) -> None:
    snapshot = load(site, [line(1)])
    empty = [bucket for bucket in range(4) if snapshot.person_events(bucket).num_rows == 0]
    assert len(empty) == 3
    assert snapshot.person_events(empty[0]).schema == snapshot.person_events(0).schema
    assert snapshot.table("caseloads").column_names[:2] == ["person_id", "team_id"]


def test_an_unknown_column_or_table_is_refused_with_the_nearest(site: Site) -> None:
    snapshot = load(site, [line(1)])
    for ask, hint in (
        (lambda: snapshot.person_events(0, ["knownat"]), "known_at"),
        (lambda: snapshot.table("poeple"), "people"),
    ):
        with pytest.raises(DataError) as caught:
            ask()
        assert caught.value.hint == f'did you mean "{hint}"?'


def test_place_events_are_those_that_occurred_in_the_window(site: Site) -> None:
    snapshot = load(site, [line(number, person=None) for number in range(9)])
    window = Window(datetime(2026, 2, 3, tzinfo=UTC), datetime(2026, 5, 3, tzinfo=UTC))
    found = snapshot.place_events(window, ["event_id"])
    assert found.column("event_id").to_pylist() == ["1", "2", "3"]
    assert snapshot.place_events().num_rows == 9


def test_an_event_with_an_agency_key_counts_once_it_is_linked(site: Site) -> None:
    load(site, [line(1, person=None, key="x"), line(2, person="ann")])
    link = {"source": "nhs_111", "key": "x", "person": "ann", "known": "2026-11-05T00:00Z"}
    snapshot = load(site, [link], LINKS, "links")
    key = read_pseudonym_key(site)
    bucket = int(bucket_of(pa.array([pseudonym(key, "study_id", "ann")]), 4)[0])
    rows = {row["event_id"]: row["known_at"] for row in snapshot.person_events(bucket).to_pylist()}
    assert rows == {"1": datetime(2026, 11, 5, tzinfo=UTC), "2": datetime(2026, 10, 1, tzinfo=UTC)}
    assert [row["known_at"].month for row in snapshot.place_events().to_pylist()] == [10, 10]


def test_the_people_of_a_bucket_are_those_of_its_events(site: Site) -> None:
    people = """table = "people"
[columns]
person_id = { column = "person", kind = "study_id" }
valid_from = { constant = "2020-01-01T00:00:00Z" }
known_at = { delay_hours = 0 }
birth_year = "born"
ethnicity = "ethnicity"
"""
    load(site, [line(number) for number in range(40)])
    lines: list[dict[str, object]] = [
        {"person": f"person-{number}", "born": 1950 + number, "ethnicity": "Any"} for number in range(30)
    ]
    snapshot = load(site, lines, people, "people")
    for bucket in range(4):
        known = snapshot.people_in(bucket).column("person_id")
        assert set(bucket_of(known, 4).tolist()) <= {bucket}
        assert set(snapshot.person_events(bucket).column("person_id").to_pylist()) <= set(known.to_pylist())
    assert sum(snapshot.people_in(bucket).num_rows for bucket in range(4)) == 30
    shares = {(share.by, share.group): share for share in data_status(site).linked}
    assert shares["ethnicity", "Any"].total == 30
    assert shares["ethnicity", "Any"].linked is None  # five people: too few to say


def test_the_newest_row_of_a_place_counts_in_whatever_order_they_come(tmp_path: Path) -> None:
    mapping = """table = "places"
[columns]
place_id = "id"
name = "name"
known_at = { column = "known" }
"""
    lines: list[dict[str, object]] = [
        {"id": "p", "name": name, "known": known} for name, known in (("old", "2026-01-01"), ("new", "2026-02-01"))
    ]
    digests = set()
    for order in (lines, lines[::-1]):
        site = make_site(tmp_path / str(order[0]["name"]))
        for number, one in enumerate(order):
            snapshot = load(site, [one], mapping, f"places-{number}")
        assert snapshot.table("places").column("name").to_pylist() == ["new"]
        digests.add(snapshot.digest)
    assert len(digests) == 1


def test_a_source_is_complete_to_its_newest_known_less_what_it_takes_to_settle(site: Site) -> None:
    snapshot = load(site, [line(1), line(2, source="police_999", known="2026-10-20T12:00Z")])
    assert snapshot.complete_to() == {
        "nhs_111": datetime(2026, 10, 1, tzinfo=UTC),
        "police_999": datetime(2026, 10, 20, 6, tzinfo=UTC),
    }
    assert snapshot.as_of_now() == datetime(2026, 10, 20, 12, tzinfo=UTC) + timedelta(microseconds=1)
    late = {source.source: source.late for source in data_status(site).sources}
    assert late == {"nhs_111": True, "police_999": False}


def test_another_number_of_buckets_is_refused(site: Site) -> None:
    load(site, [line(1)])
    with pytest.raises(DataError) as caught:
        Store(dataclasses.replace(site, buckets=8)).snapshot()
    assert (caught.value.wanted, caught.value.found) == ("buckets = 4", "buckets = 8")


def test_another_key_than_before_is_refused(site: Site) -> None:
    load(site, [line(1)])
    assert site.pseudonym_key_file is not None
    site.pseudonym_key_file.unlink()
    create_pseudonym_key(site)
    with pytest.raises(DataError) as caught:
        load(site, [line(2)], name="more")
    assert (caught.value.code, caught.value.problem) == (
        "CR-KEY-001", "this is not the key that the stored pseudonyms were made with",
    )  # fmt: skip


def test_a_key_that_others_may_read_or_among_the_data_is_refused(site: Site) -> None:
    assert site.pseudonym_key_file is not None
    site.pseudonym_key_file.chmod(0o640)
    with pytest.raises(DataError) as caught:
        read_pseudonym_key(site)
    assert (caught.value.wanted, caught.value.found) == ("mode 600", "mode 640")
    with pytest.raises(DataError) as caught:
        create_pseudonym_key(dataclasses.replace(site, pseudonym_key_file=site.data / "key"))
    assert caught.value.problem == "the key of the pseudonyms lies among the data that it protects"


def test_a_pseudonym_is_the_keyed_hash_of_the_number(site: Site) -> None:
    """Worked out by hand: HMAC-SHA-256 of the digits, its first 80 bits in Crockford's alphabet."""
    import hashlib
    import hmac

    key = read_pseudonym_key(site)
    digest = int.from_bytes(hmac.new(key.secret, NHS_NUMBERS[0].encode(), hashlib.sha256).digest()[:10], "big")
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    wanted = "k1_" + "".join(alphabet[digest >> 5 * place & 31] for place in range(15, -1, -1))
    assert pseudonym(key, "nhs_number", NHS_NUMBERS[0]) == pseudonym(key, "nhs_number", "999 000-0018") == wanted
    assert pseudonym(key, "study_id", NHS_NUMBERS[0]) != wanted
    assert pseudonym(key, "nhs_number", "9990000019") is None


def test_the_keyed_hash_is_siphash() -> None:
    """The vector of the paper's appendix A: key 00…0f, message 00…0e."""
    secret = np.frombuffer(bytes(range(16)) * 2, dtype=np.uint64)
    halves = np.empty((1, 2), dtype=np.uint64)
    _siphash(np.arange(15, dtype=np.uint8), np.array([0, 15], dtype=np.int32), secret, halves)
    assert halves[0].tolist() == [0xA129CA6149BE45E5] * 2


@pytest.mark.parametrize(
    ("total", "linked", "shown"),
    [
        (5, 5, (None, None, None)),
        (100, 3, (100, None, None)),
        (100, 97, (100, None, None)),
        (100, 50, (100, 50, 0.5)),
        (100, 0, (100, 0, 0.0)),
        (8, 8, (8, 8, 1.0)),
    ],
)
def test_no_count_from_1_to_7_is_shown(total: int, linked: int, shown: tuple[object, ...]) -> None:
    share = shown_share("age", "18 to 24", total=total, linked=linked)
    assert (share.total, share.linked, share.share) == shown
