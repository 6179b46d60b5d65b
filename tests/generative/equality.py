"""As many invented histories as you like through the compiled engine and the slow definition, cell by cell.

`python -m tests.generative.equality --histories 100000 [--seed 1000]`
"""

import argparse
import time

from tests.lib.every_aggregation import RECIPE, assert_equal, features
from tests.lib.many_histories import HistoryMaker

BATCH = 100


def compare(histories: int, seed: int) -> int:
    """How many rows were compared. Raises AssertionError that names the cells of the first difference and its seed."""
    rows = 0
    for batch in range(-(-histories // BATCH)):
        history = HistoryMaker(seed + batch).batch(BATCH)
        try:
            assert_equal(features(history), history)
        except AssertionError as difference:
            raise AssertionError(f"seed {seed + batch}: {difference}") from difference
        rows += len(history.rows)
    return rows


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histories", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1000)
    options = parser.parse_args()
    started = time.monotonic()
    rows = compare(options.histories, options.seed)
    seconds = time.monotonic() - started
    compared = f"{options.histories:,} histories, {rows:,} rows × {len(RECIPE.names)} columns"
    print(f"{compared}: equal to the bit ({seconds:.0f} s)")


if __name__ == "__main__":
    main()
