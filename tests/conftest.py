"""What several kinds of test share: one demo site for the whole run, made by the wheel in an empty environment."""

import fcntl
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.lib.operational import drop_databases_below, usual_database

ROOT = Path(__file__).resolve().parents[1]


# No test depends on how fast the machine is.
settings.register_profile("no deadline", settings(), deadline=None)
settings.load_profile("no deadline")

# Files that need the demo come last, so that nobody waits for it who has other work.
AFTER_THE_DEMO = ("test_demo_journeys.py", "test_disclosure_attack.py", "test_place_gate.py", "test_positions.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The demo begins at once; who needs it comes later."""
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    name = item.path.name
    return 0 if name == "test_wheel.py" else 2 if name in AFTER_THE_DEMO else 1


def pytest_configure() -> None:
    """A kind of database that there is not is said before anything runs."""
    try:
        usual_database()
    except ValueError as problem:
        raise pytest.UsageError(str(problem)) from None


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """A site's PostgreSQL database lives as long as the test whose folder it is in."""
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    if folder is not None:
        drop_databases_below(folder)


@dataclass(frozen=True)
class DemoRun:
    """What `crisisrisk demo` made and printed. Read it; copy the site before changing anything in it."""

    wheel: Path
    site: Path
    text: str
    progress: str


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    """One real run of `crisisrisk demo` by the built wheel, away from the repository, shared by every worker."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if base.name.startswith("popen-") else base) / "shared-demo"
    shared.mkdir(exist_ok=True)
    output = shared / "output.json"
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not output.exists():
            output.write_text(json.dumps(_made_by_the_wheel(shared)))
    result: dict[str, Any] = json.loads(output.read_text())
    assert result["code"] == 0, result["progress"]
    return DemoRun(Path(result["wheel"]), shared / "demo-site", result["text"], result["progress"])


def _made_by_the_wheel(folder: Path) -> dict[str, Any]:
    """Build the wheel, install it into an empty environment with the pinned requirements, and run the demo there."""
    dist, python = folder / "dist", str(folder / "empty" / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    steps = [
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(dist), str(ROOT)],
        [sys.executable, "-m", "venv", str(folder / "empty")],
        [*pip, "--require-hashes", "-r", str(ROOT / "requirements" / "train.txt")],
    ]
    for step in steps:
        _must(step, folder)
    (wheel,) = dist.glob("crisisrisk-*.whl")
    _must([*pip, "--no-deps", str(wheel)], folder)
    done = _run([str(folder / "empty" / "bin" / "crisisrisk"), "demo", "--site", "demo-site"], folder)
    return {"code": done.returncode, "text": done.stdout, "progress": done.stderr, "wheel": str(wheel)}


def _must(command: list[str], folder: Path) -> None:
    done = _run(command, folder)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run outside the repository, with nothing of this environment in the way."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def demo_site(demo_run: DemoRun) -> Path:
    """The folder of the shared demo site."""
    return demo_run.site
