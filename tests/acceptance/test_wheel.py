"""The built wheel works in an empty environment, away from the repository: it carries its declarations and samples."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(command: list[str], folder: Path) -> str:
    """Run outside the repository, with nothing of this environment in the way."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)], out)
    (built,) = out.glob("crisisrisk-*.whl")
    return built


def test_the_wheel_carries_every_declaration_and_sample(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("features", "training", "serving", "data_samples"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file():
                assert f"crisisrisk/shipped/{path.relative_to(ROOT)}" in inside
    assert [name for name in inside if name.startswith(("features/", "training/", "serving/", "tests/"))] == []


@pytest.mark.slow
def test_the_demo_runs_from_an_installed_wheel(wheel: Path, tmp_path: Path) -> None:
    run([sys.executable, "-m", "venv", "empty"], tmp_path)
    python = str(tmp_path / "empty" / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--require-hashes", "-r", str(ROOT / "requirements" / "train.txt")], tmp_path)
    run([*pip, "--no-deps", str(wheel)], tmp_path)
    told = run([str(tmp_path / "empty" / "bin" / "crisisrisk"), "demo", "--site", "demo-site"], tmp_path)
    assert "Who" in told
    assert "Where" in told
    assert list((tmp_path / "demo-site" / "models").rglob("manifest.json"))
    assert (tmp_path / "demo-site" / "mlruns" / "mlflow.db").is_file()
    assert not (tmp_path / "mlruns").exists()
    assert not (tmp_path / "mlflow.db").exists()
