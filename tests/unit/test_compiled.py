"""Compiled code is kept for the sources it was made from: of the module, and of what it calls."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from crisisrisk.compiled import PACKAGE, sources_of

CALLER = """
from crisisrisk.compiled import njit
from crisisrisk.callee import answer

@njit(cache=True)
def ask() -> int:
    return answer() + 1
"""
CALLEE = """
from crisisrisk.compiled import njit

@njit(cache=True)
def answer() -> int:
    return {number}
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A small package of the same name, with our module of compiling and a function that calls one of another file."""
    folder = tmp_path / "crisisrisk"
    folder.mkdir()
    (folder / "__init__.py").touch()
    shutil.copy(PACKAGE / "compiled.py", folder)
    (folder / "caller.py").write_text(CALLER, encoding="utf-8")
    (folder / "callee.py").write_text(CALLEE.format(number=40), encoding="utf-8")
    return folder


def asked(package: Path, **environ: str) -> int:
    command = [sys.executable, "-c", "from crisisrisk.caller import ask; print(ask())"]
    environment = {**os.environ, "PYTHONPATH": str(package.parent), **environ}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=package.parent)
    return int(done.stdout)


def test_a_change_of_what_is_called_reaches_the_caller(package: Path) -> None:
    assert asked(package) == 41
    kept = list((package / "__pycache__" / "compiled").iterdir())
    assert len(kept) == 2
    (package / "callee.py").write_text(CALLEE.format(number=70), encoding="utf-8")
    assert asked(package) == 71


def test_what_is_kept_is_used_again(package: Path) -> None:
    assert asked(package) == 41
    files = {path: path.stat().st_mtime_ns for path in package.rglob("*.nb?")}
    assert files
    assert asked(package) == 41
    assert {path: path.stat().st_mtime_ns for path in package.rglob("*.nb?")} == files


def test_the_folder_that_a_user_names_is_used(package: Path, tmp_path: Path) -> None:
    chosen = tmp_path / "chosen"
    assert asked(package, NUMBA_CACHE_DIR=str(chosen)) == 41
    assert list(chosen.rglob("*.nbi"))
    assert not list(package.rglob("*.nbi"))


def test_old_code_is_forgotten_and_recent_code_is_not(package: Path) -> None:
    folder = package / "__pycache__" / "compiled"
    for name, days in (("crisisrisk.caller-old", 8), ("crisisrisk.caller-recent", 1), ("crisisrisk.other-old", 8)):
        (folder / name).mkdir(parents=True)
        moment = (folder / name).stat().st_mtime - 24 * 3600 * days
        os.utime(folder / name, (moment, moment))
    asked(package)
    left = {path.name for path in folder.iterdir()}
    assert {"crisisrisk.caller-recent", "crisisrisk.other-old"} <= left
    assert "crisisrisk.caller-old" not in left


def test_sources_reach_down_to_constants_that_are_compiled_in() -> None:
    names = {path.name for path in sources_of("crisisrisk.features.person_scan")}
    assert {"person_scan.py", "person_moment.py", "person_kernels.py", "person_tally.py", "timeline.py"} <= names
    assert "person_plan.py" not in names


def test_nothing_is_compiled_past_it() -> None:
    past = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if path.name != "compiled.py"
        and re.search(r"^\s*(?:import numba|from numba import .*\bn?jit\b)", path.read_text(encoding="utf-8"), re.M)
    ]
    assert past == []
