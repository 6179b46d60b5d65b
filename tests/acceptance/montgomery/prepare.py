"""What the Montgomery County file lacks: the list of townships, each at the median point of its calls.

python tests/acceptance/montgomery/prepare.py FOLDER_OF_THE_REAL_FILES FOLDER_TO_WRITE_TO
"""

import sys
from pathlib import Path

import pandas as pd


def prepare(real_data: Path, target: Path) -> None:
    """Write `townships.csv` into `target`."""
    target.mkdir(parents=True, exist_ok=True)
    calls = pd.read_csv(real_data / "montgomery_pa_911_calls.csv.gz", usecols=["twp", "lat", "lng"])
    townships(calls).to_csv(target / "townships.csv", index=False)


def townships(calls: pd.DataFrame) -> pd.DataFrame:
    """One row per township. The median keeps the 15 calls with coordinates far outside the county from moving it."""
    return calls.dropna(subset=["twp"]).groupby("twp")[["lat", "lng"]].median().round(5).reset_index()


if __name__ == "__main__":
    prepare(Path(sys.argv[1]), Path(sys.argv[2]))
