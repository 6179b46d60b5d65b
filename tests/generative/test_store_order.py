"""Late, out-of-order, repeated and corrected files in any order give the same bytes as one sorted file."""

import random
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.lib.reference_store import FOREVER, Link, Row, person_rows, versions
from tests.lib.table_sites import EVENTS, LINKS, make_site, stored_bytes, write_csv, write_mapping

from crisisrisk.commands.data import load_files
from crisisrisk.tables.pseudonyms import pseudonym, read_pseudonym_key
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot, Store

DAY_0 = datetime(2026, 1, 1, tzinfo=UTC)
SOURCES = ("police_999", "nhs_111")
PEOPLE = ("ann", "ben", "cat")
KEYS = ("x", "y")

rows = st.builds(
    Row,
    id=st.sampled_from(["1", "2", "3", "4"]),
    source=st.sampled_from(SOURCES),
    known=st.integers(0, 4),
    at=st.integers(0, 70),
    code=st.sampled_from(["A", "B"]),
    person=st.one_of(st.none(), st.sampled_from(PEOPLE)),
    key=st.one_of(st.none(), st.sampled_from(KEYS)),
)
links = st.builds(
    Link,
    source=st.sampled_from(SOURCES),
    key=st.sampled_from(KEYS),
    known=st.integers(0, 6),
    person=st.sampled_from(PEOPLE),
)
slow = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def without_ties(found: list[Row]) -> list[Row]:
    """One version of each event per day on which versions became known."""
    return list({(row.source, row.id, row.known): row for row in found}.values())


def day(number: int) -> str:
    return (DAY_0 + timedelta(days=number)).isoformat()


def load(site: Site, found: list[Row] | list[Link], name: str) -> None:
    """Load rows or links as one file."""
    if found:
        times = ("known", "at")
        lines = [{key: day(value) if key in times else value for key, value in asdict(one).items()} for one in found]
        text = EVENTS if isinstance(found[0], Row) else LINKS
        mapping = write_mapping(site, text, "events" if isinstance(found[0], Row) else "links")
        load_files(site, [write_csv(site.path / f"{name}.csv", lines)], mapping)


def loaded(folder: Path, files: list[list[Row] | list[Link]]) -> Site:
    site = make_site(folder)
    for number, found in enumerate(files):
        load(site, found, f"file-{number}")
    return site


@slow
@given(st.lists(rows, min_size=1, max_size=12), st.lists(links, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_files_does_not_matter(found: list[Row], linked: list[Link], chance: random.Random) -> None:
    pieces: list[list[Row] | list[Link]] = [[], [], []]
    for row in [*found, *chance.sample(found, min(3, len(found)))]:
        pieces[chance.randrange(3)].append(row)  # type: ignore[arg-type]
    half = chance.randrange(len(linked) + 1)
    pieces += [linked[:half], linked[half:]]
    chance.shuffle(pieces)
    with tempfile.TemporaryDirectory() as folder:
        scattered = loaded(Path(folder) / "scattered", pieces)
        sorted_once = loaded(Path(folder) / "sorted", [sorted(set(found), key=repr), sorted(set(linked))])
        assert stored_bytes(scattered) == stored_bytes(sorted_once)
        assert Store(scattered).snapshot().digest == Store(sorted_once).snapshot().digest


@slow
@given(st.lists(rows, min_size=1, max_size=12).map(without_ties), st.lists(links, max_size=4), st.integers(0, 12))
def test_what_is_stored_is_what_the_slow_reference_says(found: list[Row], linked: list[Link], half: int) -> None:
    linked = list({(link.source, link.key, link.known): link for link in linked}.values())
    with tempfile.TemporaryDirectory() as folder:
        site = loaded(Path(folder), [found[half:], linked, found[:half]])
        snapshot = Store(site).snapshot()
        assert in_days(snapshot, site) == person_rows(found, linked)
        places = [
            (row["event_id"], days(row["known_at"]), days(row["superseded_at"]))
            for row in snapshot.place_events().to_pylist()
        ]
        assert sorted(places) == sorted((row.id, row.known, superseded) for row, superseded in versions(found))


def in_days(snapshot: Snapshot, site: Site) -> set[tuple[str, str, int, int, int, str]]:
    key = read_pseudonym_key(site)
    names = {pseudonym(key, "study_id", person): person for person in PEOPLE}
    return {
        (names[row["person_id"]], row["event_id"], days(row["occurred_at"]), days(row["known_at"]),
         days(row["superseded_at"]), row["code"])
        for bucket in range(snapshot.buckets)
        for row in snapshot.person_events(bucket).to_pylist()
    }  # fmt: skip


def days(moment: datetime) -> int:
    return FOREVER if moment.year == 9999 else (moment - DAY_0) // timedelta(days=1)
