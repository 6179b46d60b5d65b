"""The shipped sample, data_samples/: the preset `sample` without its truth, so that it stays small.

`python -m crisisrisk.simulation.sample OUT` writes it into a new or empty folder.
"""

import sys
from pathlib import Path

from crisisrisk.simulation.settings import SEED, settings_for
from crisisrisk.simulation.simulate import simulate


def write_sample(out: Path, *, seed: int = SEED, people: int | None = None) -> None:
    """Write the sample, or one of another seed or size. The same seed and size give the same bytes."""
    simulate(settings_for("sample", seed=seed, people=people), out, truth=False, site=False, processes=1)


if __name__ == "__main__":
    write_sample(Path(sys.argv[1]))
