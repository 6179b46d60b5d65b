"""How fast an invented city is written, and in how much memory.

    python benchmarks/simulate.py                            60,000 people, 4 years, 2 processes
    python benchmarks/simulate.py --people 200000            shows that memory does not grow with people

The peak is that of the main process and of each worker, together. The kernels are compiled before, which happens once.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from crisisrisk.simulation.settings import FEWEST_PEOPLE, settings_for
from crisisrisk.simulation.simulate import simulate


def main(arguments: Sequence[str] = ()) -> None:
    """Write a city into a temporary folder, print one line of figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=60_000)
    parser.add_argument("--years", type=float, default=4.0)
    parser.add_argument("--residents", type=int, default=1_300_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--no-truth", action="store_true")
    options = parser.parse_args(arguments)
    settings = settings_for("birmingham", people=options.people, years=options.years, residents=options.residents)
    with tempfile.TemporaryDirectory() as folder:
        simulate(settings_for("sample", people=FEWEST_PEOPLE, years=0.5), Path(folder) / "warm-up", processes=1)
        done = simulate(settings, Path(folder) / "city", truth=not options.no_truth, processes=options.processes)
    contacts = int(done.tally.by_source.sum())
    size = f"{settings.people:,} people × {settings.years:g} years, {settings.residents:,} residents"
    print(f"{size}: {contacts:,} contacts")
    print(
        f"written in {done.seconds:.1f} s: {contacts / done.seconds:,.0f} contacts/s · {done.bytes / 1e6:,.0f} MB · "
        f"peak memory {done.peak_memory_mb:,.0f} MB of {options.processes} processes together"
    )


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
