"""truth/: what only an invented city can tell, as Parquet. Parts are written block by block and joined at the end."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from crisisrisk import __version__
from crisisrisk.simulation.city import City
from crisisrisk.simulation.footprint import effects
from crisisrisk.simulation.identities import nhs_numbers
from crisisrisk.simulation.people import People
from crisisrisk.simulation.period import Seconds
from crisisrisk.simulation.person_dynamics import CONDITIONS
from crisisrisk.simulation.settings import CitySettings
from crisisrisk.simulation.truth_people import PersonTruth
from crisisrisk.simulation.truth_places import PlaceTruth

PEOPLE, PERSON_WEEKS, PLACE_SHIFTS = "people.parquet", "person_weeks.parquet", "place_shifts.parquet"
_COMPRESSION = "zstd"


def write_people(path: Path, settings: CitySettings, city: City, people: People) -> None:
    """Who the person of each number is. One row a person of the block."""
    number = people.first + np.arange(len(people), dtype=np.int64)
    table = pa.table(
        {
            "person": pa.array(number, pa.int32()),
            "nhs_number": pa.array(nhs_numbers(settings.seed, number)).cast(pa.string()),
            "home": pa.array(city.ids).take(pa.array(people.home)),
            "open_to_services": pa.array(people.open),
            "died": pa.array(people.died),
        }
    )
    pq.write_table(table, path, compression=_COMPRESSION)


def write_person_weeks(path: Path, truth: PersonTruth) -> None:
    """Per person and Monday the probability of the outcome and the latent condition. Rows of one block."""
    table = pa.table(
        {
            "person": pa.array(truth.person, pa.int32()),
            "as_of": instants(truth.as_of),
            "probability": pa.array(truth.probability, pa.float32()),
            "condition": _words(truth.condition, CONDITIONS),
        }
    )
    pq.write_table(table, path, compression=_COMPRESSION)


def join(parts: Iterable[Path], path: Path) -> None:
    """One file of several of the same columns, a row group for each; the parts are removed."""
    writer = None
    for part in parts:
        table = pq.read_table(part)
        writer = writer or pq.ParquetWriter(path, table.schema, compression=_COMPRESSION)
        writer.write_table(table)
        part.unlink()
    if writer is not None:
        writer.close()


def write_place_shifts(path: Path, city: City, weeks: Iterable[PlaceTruth]) -> None:
    """Per shift and cell the expected contacts, given the latent state when the forecast is issued."""
    schema = pa.schema(
        {
            "shift_id": pa.dictionary(pa.int32(), pa.string()),
            "place_id": pa.dictionary(pa.int32(), pa.string()),
            "start": pa.timestamp("us", tz="UTC"),
            "issued_at": pa.timestamp("us", tz="UTC"),
            "expected": pa.float32(),
        }
    )
    with pq.ParquetWriter(path, schema, compression=_COMPRESSION) as writer:
        for week in weeks:
            writer.write_table(place_rows(city, week).cast(schema))


def place_rows(city: City, week: PlaceTruth) -> pa.Table:
    """One row for each shift and cell."""
    shifts, cells = week.expected.shape
    shift = np.repeat(np.arange(shifts), cells)
    return pa.table(
        {
            "shift_id": _words(shift, week.shift_id),
            "place_id": _words(np.tile(np.arange(cells), shifts), city.ids),
            "start": instants(week.start[shift]),
            "issued_at": instants(week.issue[shift]),
            "expected": pa.array(week.expected.ravel(), pa.float32()),
        }
    )


def write_settings(folder: Path, settings: CitySettings) -> None:
    """What the city was made from, and the size of each effect that the service itself has."""
    made_from = {
        "crisisrisk": __version__,
        "preset": settings.preset,
        "seed": settings.seed,
        "people": settings.people,
        "residents": settings.residents,
        "years": settings.years,
        "defects": list(settings.defects),
        "digest": settings.digest(),
        "parameters": settings.parameters(),
    }
    _write_json(folder / "settings.json", made_from)
    _write_json(folder / "effects.json", effects(settings))


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2, default=float) + "\n", encoding="utf-8")


def instants(seconds: Seconds) -> pa.Array:
    """Seconds since 1970 as UTC instants of the project's tables."""
    return pa.array(seconds * 1_000_000).cast(pa.timestamp("us", tz="UTC"))


def _words(numbers: Any, words: Iterable[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(numbers, pa.int32()), pa.array(list(words)))
