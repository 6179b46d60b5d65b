"""Run the tests on the real data once and write docs/explanation/real-data.md from what they saw.

python -m tests.acceptance.report
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from tests.acceptance import page, real_data, reference
from tests.acceptance.pathway import DATA_SETS

TESTS = Path(__file__).with_name("test_real_data.py")


def main() -> int:
    """Exit code 0 when every test passed and the page was written; 3 without the data."""
    if (why := real_data.absent()) is not None:
        print(why, file=sys.stderr)
        return 3
    with tempfile.TemporaryDirectory() as folder:
        passed = run_tests(Path(folder))
        if passed is None:
            return 1
        answers = {
            data_set.name: json.loads((Path(folder) / f"{data_set.name}.json").read_text()) for data_set in DATA_SETS
        }
    page.PAGE.parent.mkdir(parents=True, exist_ok=True)
    page.PAGE.write_text(written(answers, passed), encoding="utf-8")
    print(f"{passed} tests passed · wrote {page.PAGE.relative_to(real_data.ROOT)}")
    return 0


def run_tests(answers: Path) -> int | None:
    """How many tests ran on the data and passed; None when any did not. Leaves the answers of each data set."""
    results = answers / "results.xml"
    command = [sys.executable, "-m", "pytest", str(TESTS), "-q", "-n", "2", "--dist", "worksteal", "-k", "not the_page"]
    environ = {**os.environ, "CRISISRISK_REAL_DATA_ANSWERS": str(answers)}
    done = subprocess.run([*command, f"--junitxml={results}"], cwd=real_data.ROOT, env=environ, check=False)
    suite = ElementTree.parse(results).getroot().find("testsuite")
    assert suite is not None
    skipped = int(suite.attrib["skipped"])
    return int(suite.attrib["tests"]) if done.returncode == 0 and not skipped else None


def written(answers: dict[str, page.Answer], passed: int) -> str:
    """The page's text. The slow calculations are made again here: they are part of what it shows."""
    folder = real_data.folder()
    seen = reference.toronto(folder)
    test_block = range(seen.days * 3 - 1_150, seen.days * 3)
    return page.render(
        answers,
        digests=real_data.digests(),
        tests=passed,
        definitions=[
            reference.ctn0094(folder, definition) for definition in (reference.AS_BUILT, *reference.OTHER_DEFINITIONS)
        ],
        published=reference.place_baselines(seen, test_block, prior_events=10.0),
    )


if __name__ == "__main__":
    sys.exit(main())
