"""What the Toronto file lacks: the list of neighbourhoods, each under the police division that most often went there.

    python tests/acceptance/toronto/prepare.py FOLDER_OF_THE_REAL_FILES FOLDER_TO_WRITE_TO

The file has neither coordinates nor an adjacency table. Neighbourhoods of one division are taken as neighbours.
"""

import sys
from pathlib import Path

import pandas as pd

NOT_SPECIFIED = "NSA"


def prepare(real_data: Path, target: Path) -> None:
    """Write `places.csv` into `target`."""
    target.mkdir(parents=True, exist_ok=True)
    columns = ["hood_158", "hood_name", "division"]
    calls = pd.read_parquet(real_data / "toronto_mha_apprehensions_2014_2017.parquet", columns=columns).astype(str)
    neighbourhoods(calls).to_csv(target / "places.csv", index=False)


def neighbourhoods(apprehensions: pd.DataFrame) -> pd.DataFrame:
    """One row per neighbourhood: its number, its name, the division seen there most often."""
    known = apprehensions[apprehensions["hood_158"] != NOT_SPECIFIED]
    known = known.assign(division=known["division"].where(known["division"] != NOT_SPECIFIED))
    by_hood = known.groupby("hood_158")
    division = by_hood["division"].agg(lambda seen: seen.mode().min())
    return pd.DataFrame({"hood_name": by_hood["hood_name"].first(), "division": division}).reset_index()


if __name__ == "__main__":
    prepare(Path(sys.argv[1]), Path(sys.argv[2]))
