"""A load that is killed, that meets a full disk or another load leaves the site as it was, or fully loaded."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from tests.lib.table_sites import EVENTS, make_site, write_csv, write_mapping

from crisisrisk.commands.data import load_files
from crisisrisk.errors import DataError
from crisisrisk.tables.manifest import loading
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Store

ROOT = Path(__file__).resolve().parents[2]


def line(number: int, *, code: str = "A", known: str = "2026-01-05") -> dict[str, object]:
    return {"id": number, "at": f"2026-0{number % 3 + 1}-03", "known": known, "source": "nhs_111", "code": code,
            "person": f"person-{number}" if number % 2 else None, "key": None}  # fmt: skip


def two_files(site: Site) -> Path:
    """A first file, and a second with new rows, corrections and a row for the quarantine. Gives their mapping."""
    write_csv(site.path / "first.csv", [line(number) for number in range(12)])
    changed = [line(number, code="B", known="2026-02-05") for number in range(8, 16)]
    write_csv(site.path / "second.csv", [*changed, line(99, known="never")])
    return write_mapping(site, EVENTS)


@pytest.mark.slow
def test_a_load_killed_at_any_file_operation_leaves_the_site_as_it_was_or_fully_loaded(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    mapping = two_files(site)
    done = subprocess.run(
        [sys.executable, "-m", "tests.lib.killed_loads", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    points = [json.loads(text) for text in done.stdout.splitlines()]
    load_files(site, [site.path / "second.csv"], mapping)
    after = Store(site).snapshot().digest
    assert len(points) > 30
    assert [point["killed"] for point in points] == [True] * (len(points) - 1) + [False]
    before = points[0]["seen"]
    assert before != after
    assert [point["seen"] for point in points if point["seen"] not in (before, after)] == []
    assert {point["again"] for point in points} == {after}
    assert [point["left"] for point in points if point["left"]] == []
    assert {tuple(point["quarantine"]) for point in points} == {(Store(site).snapshot().manifest.loads[-1].quarantine,)}


LOAD = """
import sys
from pathlib import Path
from crisisrisk.commands.data import load_files
from crisisrisk.errors import DataError
from crisisrisk.tables import spilling
from crisisrisk.tables.site import read_site
site, spilling.MOST_BYTES = read_site(Path(sys.argv[1])), int(sys.argv[2])
try:
    load_files(site, [site.path / "many.csv"], site.path / "mapping.toml")
except DataError as problem:
    print(problem.code, problem.problem, "|", problem.found)
"""


@pytest.mark.parametrize("most_bytes", [1 << 27, 1 << 10], ids=["at the end", "while spilling"])
def test_a_file_that_cannot_grow_leaves_the_site_as_it_was(tmp_path: Path, most_bytes: int) -> None:
    site = make_site(tmp_path)
    mapping = two_files(site)
    load_files(site, [site.path / "first.csv"], mapping)
    before = Store(site).snapshot().digest
    write_csv(site.path / "many.csv", [line(number) for number in range(100, 4_000)])
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(site.path), str(most_bytes)], capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, 8_192)),
    )  # fmt: skip
    assert done.stdout == "CR-DATA-007 the disk is full | File too large\n", done.stderr
    assert Store(site).snapshot().digest == before
    assert list(site.data.glob("staging-*")) == []
    assert load_files(site, [site.path / "many.csv"], mapping).rows_loaded == 3_900


def test_a_full_disk_leaves_the_site_as_it_was(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small disk of its own needs the right to mount one")
    try:
        site = make_site(disk)
        mapping = two_files(site)
        load_files(site, [site.path / "first.csv"], mapping)
        before = Store(site).snapshot().digest
        elsewhere = write_csv(tmp_path / "many.csv", [line(number) for number in range(100, 20_000)])
        with pytest.raises(DataError) as caught:
            load_files(site, [elsewhere], mapping)
        assert (caught.value.code, caught.value.problem) == ("CR-DATA-007", "the disk is full")
        assert Store(site).snapshot().digest == before
        assert list(site.data.glob("staging-*")) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_the_second_of_two_loads_at_once_is_refused(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    mapping = two_files(site)
    with loading(site), pytest.raises(DataError) as caught:
        load_files(site, [site.path / "first.csv"], mapping)
    assert (caught.value.code, caught.value.problem) == ("CR-DATA-006", "another load is running on this site")
    assert load_files(site, [site.path / "first.csv"], mapping).rows_loaded == 12


def test_a_snapshot_taken_before_a_load_does_not_see_it(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    mapping = two_files(site)
    load_files(site, [site.path / "first.csv"], mapping)
    snapshot = Store(site).snapshot()
    before = snapshot.place_events()
    load_files(site, [site.path / "second.csv"], mapping)
    assert snapshot.place_events().equals(before)
    assert Store(site).snapshot().digest != snapshot.digest


def test_a_snapshot_that_is_two_loads_old_says_so(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    mapping = two_files(site)
    load_files(site, [site.path / "first.csv"], mapping)
    snapshot = Store(site).snapshot()
    load_files(site, [site.path / "second.csv"], mapping)
    write_csv(site.path / "third.csv", [line(number, code="C", known="2026-03-05") for number in range(16)])
    load_files(site, [site.path / "third.csv"], mapping)
    with pytest.raises(DataError) as caught:
        snapshot.place_events()
    assert (caught.value.code, caught.value.problem) == ("CR-DATA-008", "a stored table cannot be read")
