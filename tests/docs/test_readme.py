"""The README shows what `make demo` really prints, and its commands exist and run."""

import re
import subprocess
from pathlib import Path

from tests.conftest import DemoRun

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def shown() -> str:
    (block,) = re.findall(r"a test compares its shape with a real run -->\n```\n(.*?)\n```\n", README, flags=re.S)
    return str(block)


def shape(text: str) -> list[str]:
    """What does not change from run to run: the first word of each line, and how the numbered lines begin."""
    lines = [line for line in text.splitlines() if line.strip()]
    words = [re.sub(r"^\s*\d+\s.*", "numbered", line).split()[0] for line in lines]
    return [Path(word).name for word in words]  # a program may be named by its path


def test_the_readme_shows_what_the_demo_prints(demo_run: DemoRun) -> None:
    assert shape(shown()) == shape(demo_run.text)
    assert shape(shown()).count("numbered") == 20


def test_the_commands_that_the_demo_names_at_its_end_work(demo_run: DemoRun) -> None:
    commands = re.findall(r"^(?:Next)?\s+(\S*(?:crisisrisk|mlflow) \S.*?)\s{2,}", demo_run.text, flags=re.M)
    assert [command.split()[1] for command in commands] == ["serve", "keys", "ui"]
    done = subprocess.run(commands[1].split(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 1


def test_every_make_target_that_the_documentation_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M))
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
    named = {name for page in pages for name in re.findall(r"`?\bmake ([a-z-]+)`", page.read_text(encoding="utf-8"))}
    named |= set(re.findall(r"^make ([a-z-]+)$", README, flags=re.M))
    assert named <= targets
    assert {"demo", "test", "serve", "check", "bench"} <= targets


def test_every_command_that_the_documentation_names_exists() -> None:
    from tests.unit.test_cli import ALL

    known = {path.removeprefix("crisisrisk ") for path in ALL}
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs" / "tutorial").glob("*.md"), *(ROOT / "docs" / "how-to").glob("*.md")]
    for page in pages:
        for words in re.findall(r"`crisisrisk ((?:[a-z]+ ?)+)", page.read_text(encoding="utf-8")):
            names = words.split()
            assert names[0] in known, f"{page.name}: crisisrisk {words}"
