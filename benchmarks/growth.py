"""How the time for one feature row grows with the city: from a hundred thousand contacts to a hundred million.

Everybody has about 117 contacts and a year of weekly rows; only the number of people grows. Buckets are invented,
written, read and computed one after another, so memory stays that of one bucket: a city has one for every million and
a half contacts. One core; the time is from the bucket's file to its block of features, inventing and writing not
counted. A bucket is read and computed three times, the middle time counts.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.person_features import (
    EVENTS,
    LONDON,
    NOBODY,
    PEOPLE,
    RECIPE,
    SOURCES,
    WEEKS,
    City,
    invent_city,
)  # fmt: skip
from benchmarks.report import Figure, Outcome, amount
from crisisrisk.features.person import person_event_columns, person_features
from crisisrisk.features.recipe import read_feature_recipe
from crisisrisk.features.specs import FeatureRecipe

SIZES = (10**5, 10**6, 10**7, 10**8)
EVENTS_OF_A_PERSON = EVENTS / PEOPLE
BUCKET_EVENTS = 1_500_000
BAR_RATIO = 1.5
"""The slowest size may take this much longer for a row than the quickest."""
WARM_UP_PEOPLE, RUNS = 100, 3


def measured(events: int, recipe: FeatureRecipe) -> dict[str, Any]:
    """Seconds of reading and of features over all buckets of a city of so many contacts."""
    buckets = -(-events // BUCKET_EVENTS)
    people = max(round(events / EVENTS_OF_A_PERSON / buckets), 1)
    reading = computing = 0.0
    found = rows = 0
    with tempfile.TemporaryDirectory() as folder:
        for bucket in range(buckets):
            city = invent_city(people, seed=bucket, buckets=1)
            path = Path(folder) / "bucket.parquet"
            pq.write_table(city.buckets[0], path, compression="zstd")
            part = sorted((seconds_of(recipe, city, path) for _ in range(RUNS)), key=sum)[RUNS // 2]
            reading, computing = reading + part[0], computing + part[1]
            found, rows = found + len(city.buckets[0]), rows + len(city.rows[0])
    return {
        "events": found, "people": people * buckets, "buckets": buckets, "rows": rows,
        "read_seconds": reading, "feature_seconds": computing,
        "microseconds_of_a_row": 1e6 * (reading + computing) / rows,
    }  # fmt: skip


def seconds_of(recipe: FeatureRecipe, city: City, path: Path) -> tuple[float, float]:
    """Of reading one bucket, and of its features."""
    started = time.perf_counter()
    table = pq.read_table(path, columns=list(person_event_columns(recipe)), use_threads=False)
    read = time.perf_counter()
    person_features(recipe, table, NOBODY, city.rows[0], zone=LONDON, threads=1)
    return read - started, time.perf_counter() - read


def run(*, scale: float = 1.0, peers: bool = True) -> Outcome:
    """Every size in turn."""
    recipe = read_feature_recipe(RECIPE, sources=SOURCES)
    measured(round(WARM_UP_PEOPLE * EVENTS_OF_A_PERSON), recipe)
    sizes = [measured(max(round(events * scale), 1), recipe) for events in SIZES]
    times = [one["microseconds_of_a_row"] for one in sizes]
    return Outcome(
        of=f"{len(recipe.specs)} columns, {EVENTS_OF_A_PERSON:.0f} contacts and {WEEKS} rows a person, one core",
        figures=(
            *(Figure(what=f"one row, {one['events']:,} contacts", value=one["microseconds_of_a_row"], unit="µs")
              for one in sizes),
            Figure(what="the slowest size against the quickest", value=max(times) / min(times), unit="times",
                   bar=BAR_RATIO, less_is_better=True),
        ),
        details={"sizes": sizes, "drawing": drawing([one["events"] for one in sizes], times)},
    )  # fmt: skip


# The drawing

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 640, 320, 60, 30, 40, 50


def drawing(events: list[int], times: list[float]) -> str:
    """Time for a row by contacts, as SVG: a dot and its number for each size, joined. The time starts at 0."""
    places = [(_across(place, len(events)), _up(one, max(times))) for place, one in enumerate(times)]
    bottom = _HEIGHT - _BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif"'
        ' font-size="13" role="img">',
        "<title>Microseconds for one feature row, by the number of contacts in the city</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        _text(_LEFT, 20, "Microseconds for one row of features, one core", anchor="start"),
        f'<path d="M{_LEFT} {_TOP}V{bottom}H{_WIDTH - _RIGHT}" fill="none" stroke="black"/>',
        _text(_LEFT - 8, bottom + 4, "0", anchor="end"),
        f'<polyline points="{" ".join(f"{x},{y}" for x, y in places)}" fill="none" stroke="black" stroke-width="2"/>',
    ]
    for (x, y), size, one in zip(places, events, times, strict=True):
        parts += [
            f'<circle cx="{x}" cy="{y}" r="4" fill="black"/>',
            _text(x, y - 12, amount(one)),
            _text(x, bottom + 20, f"{size:,}"),
        ]
    parts += [_text(_WIDTH / 2, _HEIGHT - 8, "contacts in the city, about 117 a person"), "</svg>"]
    return "\n".join(parts) + "\n"


def _across(place: int, places: int) -> float:
    room = _WIDTH - _LEFT - _RIGHT
    return round(_LEFT + room * (place + 0.5) / places, 1)


def _up(value: float, most: float) -> float:
    return round(_HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP - 30) * value / most, 1)


def _text(x: float, y: float, words: str, *, anchor: str = "middle") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{words}</text>'
