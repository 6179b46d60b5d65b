"""How fast an invented city is written, and in how much memory.

    python -m benchmarks.simulate                            60,000 people, 4 years, 2 processes
    python -m benchmarks.simulate --people 200000            shows that memory does not grow with people

The peak is that of the main process and of each worker, together. The kernels are compiled before, which happens once.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import Figure, Outcome, lines
from crisisrisk.simulation.settings import FEWEST_PEOPLE, FEWEST_RESIDENTS, settings_for
from crisisrisk.simulation.simulate import simulate

PEOPLE, YEARS, RESIDENTS = 60_000, 4.0, 1_300_000
BAR_SECONDS, BAR_GB = 180.0, 6.0


def run(*, scale: float = 1.0, peers: bool = True) -> Outcome:
    """A city at the size of one."""
    people = max(round(PEOPLE * scale), FEWEST_PEOPLE)
    residents = max(RESIDENTS * people // PEOPLE, FEWEST_RESIDENTS)
    return written(people=people, years=YEARS if scale == 1 else 0.5, residents=residents)


def written(*, people: int, years: float, residents: int, processes: int = 2, truth: bool = True) -> Outcome:
    """Write a city into a temporary folder."""
    settings = settings_for("birmingham", people=people, years=years, residents=residents)
    with tempfile.TemporaryDirectory() as folder:
        simulate(settings_for("sample", people=FEWEST_PEOPLE, years=0.5), Path(folder) / "warm-up", processes=1)
        done = simulate(settings, Path(folder) / "city", truth=truth, processes=processes)
    contacts = int(done.tally.by_source.sum())
    size = f"{people:,} people × {years:g} years, {residents:,} residents"
    return Outcome(
        of=f"{size}: {contacts:,} contacts, {done.bytes / 1e6:,.0f} MB, by {processes} processes",
        figures=(
            Figure(what="from nothing to files", value=done.seconds, unit="s", bar=BAR_SECONDS, less_is_better=True),
            Figure(what="contacts a second", value=contacts / done.seconds, unit="contacts/s"),
            Figure(
                what="peak memory of all processes together",
                value=done.peak_memory_mb / 1024,
                unit="GB",
                bar=BAR_GB,
                less_is_better=True,
            ),
        ),
    )


def main(arguments: Sequence[str] = ()) -> None:
    """Other sizes, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--years", type=float, default=YEARS)
    parser.add_argument("--residents", type=int, default=RESIDENTS)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--no-truth", action="store_true")
    options = parser.parse_args(arguments)
    size = {"people": options.people, "years": options.years, "residents": options.residents}
    print(lines(written(**size, processes=options.processes, truth=not options.no_truth)))


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
