"""The files in data_samples/ are the ones that the package writes."""

import hashlib
import tomllib
from pathlib import Path

import pytest

from crisisrisk.shipped import shipped
from crisisrisk.simulation.sample import write_sample
from crisisrisk.tables.mapping_files import read_mapping
from crisisrisk.tables.site import read_site

SAMPLES = shipped("data_samples")


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def regenerated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("regenerated") / "data_samples"
    write_sample(folder)
    return folder


def test_the_same_seed_gives_the_same_bytes(regenerated: Path) -> None:
    assert digests(regenerated) == digests(SAMPLES)


def test_another_seed_gives_another_city(regenerated: Path, tmp_path: Path) -> None:
    write_sample(tmp_path / "other", seed=7, people=200)
    ours, other = digests(regenerated), digests(tmp_path / "other")
    assert set(other) <= set(ours)
    assert [name for name in other if name.endswith(".csv") and ours[name] == other[name]] == []


def test_the_sample_is_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLES.glob("*.csv")) < 12_000_000


def test_the_load_order_names_every_file_and_every_mapping() -> None:
    steps = tomllib.loads((SAMPLES / "load_order.toml").read_text(encoding="utf-8"))["load"]
    assert {name for step in steps for name in step["files"]} == {path.name for path in SAMPLES.glob("*.csv")}
    assert {step["mapping"] for step in steps} == {f"mappings/{path.name}" for path in SAMPLES.glob("mappings/*.toml")}


@pytest.mark.parametrize("mapping", sorted(SAMPLES.glob("mappings/*.toml")), ids=lambda path: path.stem)
def test_every_mapping_can_be_read(mapping: Path) -> None:
    assert read_mapping(mapping).table.name


def test_the_readme_tells_of_every_file() -> None:
    readme = (SAMPLES / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in SAMPLES.glob("*.csv") if f"`{path.name}`" not in readme] == []


def test_the_demo_site_knows_the_teams_of_the_caseloads() -> None:
    site = read_site(SAMPLES)
    rows = (SAMPLES / "caseloads.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert {row.split(",")[1] for row in rows} == set(site.teams)
    assert site.clock == "data"


def test_the_demo_site_is_the_one_of_the_documentation() -> None:
    site = read_site(SAMPLES)
    assert [team.list_length for team in site.teams.values()] == [25, 25, 25, 25]
    assert [pattern.name for pattern in site.shifts] == ["day", "late", "night"]
