"""A folder appears whole or not at all."""

import errno
import os
from collections import namedtuple
from pathlib import Path

import pytest

from crisisrisk.errors import DataError, UsageError
from crisisrisk.simulation import staging
from crisisrisk.simulation.staging import staged


def test_what_is_filled_appears_at_the_end_and_not_before(tmp_path: Path) -> None:
    out = tmp_path / "new" / "city"
    with staged(out) as folder:
        (folder / "file").write_text("whole")
        assert not out.exists()
    assert (out / "file").read_text() == "whole"
    assert [path.name for path in out.parent.iterdir()] == ["city"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    out = tmp_path / "city"
    out.mkdir()
    with staged(out) as folder:
        (folder / "file").touch()
    assert [path.name for path in out.iterdir()] == ["file"]


def test_a_folder_that_is_not_empty_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(UsageError) as refused, staged(tmp_path):
        raise AssertionError("nothing is begun")
    assert refused.value.rendered() == (
        "error[CR-USE-001]: an invented city is only written into a new or empty folder\n"
        f"  where   {tmp_path}\n"
        "  hint    choose another folder, or move what is in this one away · see docs/reference/errors.md#cr-use-001"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def fail_half_way(out: Path, problem: BaseException) -> None:
    with staged(out) as folder:
        (folder / "half").touch()
        raise problem


@pytest.mark.parametrize("problem", [KeyboardInterrupt(), ValueError("a defect"), OSError(errno.ENOENT, "gone")])
def test_what_fails_leaves_nothing_and_is_told_as_it_was(problem: BaseException, tmp_path: Path) -> None:
    with pytest.raises(type(problem)):
        fail_half_way(tmp_path / "city", problem)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.ENOSPC, "the disk is full; nothing was kept"),
        (errno.EROFS, "the folder cannot be written; nothing was kept"),
    ],
)
def test_a_disk_that_fills_is_told_and_leaves_nothing(number: int, told: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as refused:
        fail_half_way(tmp_path / "city", OSError(number, os.strerror(number)))
    assert (refused.value.code, refused.value.problem) == ("CR-DATA-007", told)
    assert refused.value.found == os.strerror(number)
    assert list(tmp_path.iterdir()) == []


def test_too_little_space_is_told_before_anything_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(staging.shutil, "disk_usage", lambda path: usage(10**12, 10**12 - 10**9, 10**9))
    with pytest.raises(DataError) as refused, staged(tmp_path / "city", wanted_bytes=3 * 10**9):
        raise AssertionError("nothing is begun")
    assert (refused.value.wanted, refused.value.found) == ("about 3.0 GB", "1.0 GB free")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_under_a_file_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError) as refused, staged(tmp_path / "file" / "city"):
        raise AssertionError("nothing is begun")
    assert refused.value.code == "CR-DATA-007"
