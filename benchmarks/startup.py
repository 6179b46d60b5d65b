"""How long `crisisrisk --help` takes, beside an interpreter that starts and does nothing."""

import subprocess
import sys
import time
from statistics import median

RUNS = 15


def main() -> None:
    """Median of wall seconds over some runs of each."""
    bare = median(_seconds([sys.executable, "-c", "pass"]) for _ in range(RUNS))
    shown = median(_seconds([sys.executable, "-m", "crisisrisk", "--help"]) for _ in range(RUNS))
    print(f"crisisrisk --help {shown:.3f} s · bare interpreter {bare:.3f} s · ratio {shown / bare:.1f}")


def _seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
