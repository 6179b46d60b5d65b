"""The shape of the repository: declarations on the left, code on the right, nothing heavy at the door."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("folder", ["features", "training", "serving", "data_samples"])
def test_no_python_in_the_folders_of_declarations(folder: str) -> None:
    assert list((ROOT / folder).rglob("*.py")) == []


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from crisisrisk.cli import run; run(['--help']);"
        "heavy = {'pandas', 'lightgbm', 'mlflow', 'sklearn', 'numba', 'pyarrow', 'numpy', 'fastapi'};"
        "heavy &= set(sys.modules);"
        "print('HEAVY', sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Commands:" in done.stdout
    assert done.stdout.endswith("HEAVY []\n")


def test_only_the_mlruns_keep_file_is_in_the_repository() -> None:
    tracked = subprocess.run(["git", "ls-files", "mlruns"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode != 0:
        pytest.skip("not a git checkout")
    assert tracked.stdout.split() == ["mlruns/.gitkeep"]


def test_no_package_index_is_named_in_what_is_committed() -> None:
    for path in [*ROOT.glob("requirements/*.txt"), ROOT / "pyproject.toml", ROOT / "Dockerfile"]:
        text = path.read_text()
        assert "index-url" not in text
        assert "find-links" not in text
        assert "://" not in text.replace("https://www.apache.org", ""), path
