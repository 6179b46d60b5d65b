"""Write the invented sample: `python -m crisisrisk.simulation.sample OUT`.

The same seed and number of people give the same bytes. The declarations beside the files (mappings,
the demo site's configuration, the README) are written by hand and copied along.
"""

import csv
import io
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pandas as pd

from crisisrisk.errors import UsageError
from crisisrisk.shipped import shipped
from crisisrisk.simulation.agencies import agency_files
from crisisrisk.simulation.city import City, build_city
from crisisrisk.simulation.defects import spoil
from crisisrisk.simulation.intensity import PlaceDynamics, draw_incidents, draw_map
from crisisrisk.simulation.people import People, build_people
from crisisrisk.simulation.period import Period, period
from crisisrisk.simulation.recording import record
from crisisrisk.simulation.registers import registers
from crisisrisk.simulation.responses import crisis_contacts
from crisisrisk.simulation.routine import routine_contacts
from crisisrisk.simulation.stability import Course, live
from crisisrisk.simulation.texts import Columns

SEED = 20261122
PEOPLE = 2000
FEWEST_PEOPLE, MOST_PEOPLE = 200, 100_000
FIRST_DAY = date(2024, 11, 25)
END = datetime(2026, 11, 22, 6, 0)  # noqa: DTZ001 - local time of the city

# How files of this kind are written, where it is not a UTF-8 file with commas.
DELIMITERS = {"nhs_111.csv": ";", "social_care.csv": "|"}
ENCODINGS = {"social_care.csv": "cp1252"}


@dataclass(frozen=True, kw_only=True)
class InventedCity:
    """One invented city: who and where, how they fared, what was recorded, and the files by name."""

    city: City
    people: People
    course: Course
    days: Period
    rows: pd.DataFrame
    files: dict[str, Columns]


def write_sample(out: Path, *, seed: int = SEED, people: int = PEOPLE) -> None:
    """Write every file of the sample into a folder, made if need be. Raises UsageError for sizes out of range."""
    if not FEWEST_PEOPLE <= people <= MOST_PEOPLE:
        raise UsageError(
            "CR-USE-001", "a sample of that many people cannot be made", found=str(people),
            wanted=f"{FEWEST_PEOPLE} to {MOST_PEOPLE:,} people",
        )  # fmt: skip
    files = invent(seed=seed, people=people).files
    spoil(seed, files)
    out.mkdir(parents=True, exist_ok=True)
    for name, columns in files.items():
        (out / name).write_bytes(file_bytes(name, columns))
    _copy_declarations(shipped("data_samples"), out)


def invent(*, seed: int, people: int) -> InventedCity:
    """Let the city live through its two years. Files are as the agencies would send them, without the wrong rows."""
    days, city = period(FIRST_DAY, END), build_city(seed)
    residents = build_people(seed, people, city, days)
    course, dynamics = live(seed, residents, days), PlaceDynamics()
    place_map = draw_map(seed, city, days, dynamics)
    strangers = draw_incidents(seed, days, place_map, dynamics)
    routine = routine_contacts(seed, residents, course, days)
    crises = crisis_contacts(seed, residents, course, days, city, place_map, strangers)
    rows = record(seed, pd.concat([routine, crises], ignore_index=True), residents, days)
    files = agency_files(seed, rows, residents, days) | registers(seed, rows, residents, city, days)
    return InventedCity(city=city, people=residents, course=course, days=days, rows=rows, files=files)


def file_bytes(name: str, columns: Columns) -> bytes:
    """The bytes of one CSV file."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=DELIMITERS.get(name, ","), lineterminator="\n")
    writer.writerow(columns)
    rows: Iterable[tuple[object, ...]] = zip(*columns.values(), strict=True)
    writer.writerows(rows)
    return text.getvalue().encode(ENCODINGS.get(name, "utf-8"))


def _copy_declarations(source: Path, out: Path) -> None:
    if out.resolve() == source.resolve():
        return
    for path in sorted(source.rglob("*")):
        if path.is_file() and path.suffix in (".toml", ".md"):
            target = out / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


if __name__ == "__main__":
    write_sample(Path(sys.argv[1]))
