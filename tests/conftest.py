"""What several kinds of test share: one demo site for the whole run."""

import fcntl
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class DemoRun:
    """What `crisisrisk demo` made and printed. Read it; copy the site before changing anything in it."""

    site: Path
    text: str
    progress: str


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    """One real run of `crisisrisk demo`, shared by every worker of this test run."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if base.name.startswith("popen-") else base) / "shared-demo"
    shared.mkdir(exist_ok=True)
    site, output = shared / "demo-site", shared / "output.json"
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not output.exists():
            done = subprocess.run(
                [sys.executable, "-m", "crisisrisk", "demo", "--site", str(site)],
                capture_output=True, text=True, check=False, cwd=shared,
            )  # fmt: skip
            output.write_text(json.dumps({"code": done.returncode, "text": done.stdout, "progress": done.stderr}))
    result: dict[str, Any] = json.loads(output.read_text())
    assert result["code"] == 0, result["progress"]
    return DemoRun(site=site, text=result["text"], progress=result["progress"])


@pytest.fixture(scope="session")
def demo_site(demo_run: DemoRun) -> Path:
    """The folder of the shared demo site."""
    return demo_run.site
