"""The invented files go through their mappings: what is wrong on purpose is refused, and nothing else."""

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crisisrisk.commands.data import LoadResult, load_files
from crisisrisk.shipped import shipped
from crisisrisk.simulation.defects import BAD_ROWS, SENT_TWICE
from crisisrisk.simulation.sample import write_sample
from crisisrisk.tables.site import Site, read_site
from crisisrisk.tables.store import Snapshot, Store


@dataclass(frozen=True)
class Loaded:
    site: Site
    snapshot: Snapshot
    results: dict[str, LoadResult]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """A small city of another seed than the shipped one, loaded in the shipped order."""
    folder = tmp_path_factory.mktemp("site")
    write_sample(folder, seed=11, people=200)
    key = folder / "keys" / "pseudonym.key"
    key.parent.mkdir()
    key.write_text(f"k1 {'5e' * 32}\n")
    key.chmod(0o600)
    site = read_site(folder)
    steps = tomllib.loads((folder / "load_order.toml").read_text())["load"]
    results = {
        step["mapping"]: load_files(site, [folder / name for name in step["files"]], folder / step["mapping"])
        for step in steps
    }
    return Loaded(site, Store(site).snapshot(), results)


def test_exactly_the_rows_that_are_wrong_on_purpose_are_refused(loaded: Loaded) -> None:
    refused = {Path(name).stem: result.rows_quarantined for name, result in loaded.results.items()}
    assert sum(refused.values()) == BAD_ROWS
    assert {name: rows for name, rows in refused.items() if rows} == {
        "ed_attendances": 20, "ambulance": 15, "police_incidents": 10, "mh_crisis_services": 8, "nhs_111": 8,
    }  # fmt: skip


def test_what_was_sent_twice_counts_once_and_cancelled_appointments_are_left_out(loaded: Loaded) -> None:
    assert loaded.results["mappings/ambulance.toml"].rows_duplicate in range(SENT_TWICE[1] - 3, SENT_TWICE[1] + 1)
    assert loaded.results["mappings/mh_contacts.toml"].rows_left_out > 0


def test_corrections_are_versions_of_their_logs(loaded: Loaded) -> None:
    assert loaded.results["mappings/police_incidents.toml"].rows_correcting > 0


def test_the_clock_stands_at_the_end_and_one_feed_fell_silent_before(loaded: Loaded) -> None:
    assert loaded.snapshot.as_of_now() == datetime(2026, 11, 22, 6, 0, 0, 1, tzinfo=UTC)
    assert loaded.snapshot.complete_to()["nhs_111"] < datetime(2026, 11, 21, 21, 40, tzinfo=UTC)


def test_every_source_is_declared_and_located_contacts_lie_in_the_city(loaded: Loaded) -> None:
    events = loaded.snapshot.place_events(columns=["source", "latitude", "longitude"]).to_pandas()
    assert set(events["source"]) <= set(loaded.site.sources)
    assert events["latitude"].dropna().between(52.35, 52.55).all()
    assert events["longitude"].dropna().between(-2.10, -1.80).all()


def test_the_shipped_sample_is_the_demo_site_of_the_documentation() -> None:
    site = read_site(shipped("data_samples"))
    assert [team.list_length for team in site.teams.values()] == [25, 25, 25, 25]
    assert [pattern.name for pattern in site.shifts] == ["day", "late", "night"]
