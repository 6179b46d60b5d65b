"""The built wheel works in an empty environment, away from the repository: it carries its declarations and samples."""

import zipfile

import pytest

from tests.conftest import ROOT, DemoRun

pytestmark = pytest.mark.slow


def test_the_demo_runs_from_an_installed_wheel(demo_run: DemoRun) -> None:
    assert "Who" in demo_run.text
    assert "Where" in demo_run.text
    assert list((demo_run.site / "models").rglob("manifest.json"))
    assert (demo_run.site / "mlruns" / "mlflow.db").is_file()
    assert not (demo_run.site.parent / "mlruns").exists()
    assert not (demo_run.site.parent / "mlflow.db").exists()


def test_the_wheel_carries_every_declaration_and_sample(demo_run: DemoRun) -> None:
    inside = set(zipfile.ZipFile(demo_run.wheel).namelist())
    for folder in ("features", "training", "serving", "data_samples"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file():
                assert f"crisisrisk/shipped/{path.relative_to(ROOT)}" in inside
    assert [name for name in inside if name.startswith(("features/", "training/", "serving/", "tests/"))] == []
