"""The same columns in DuckDB, written by hand: range windows over events and prediction times in one list.

A range window has one order, so it has one clock: it is given contacts that are known when they occur and are never
corrected. On those it computes what the engine computes, to the bit: counts in [as_of - lookback, as_of) of each
source, and days since its last.
"""

import json
import sys
import time
from pathlib import Path

import duckdb
import numpy as np

LOOKBACKS = (7, 28, 91, 365)
DAY = "INTERVAL 1 DAY"
BEFORE = "INTERVAL 1 MICROSECOND PRECEDING"


def main(folder: Path) -> None:
    """Reads `events/*.parquet` and `rows.parquet`, writes `duckdb.npy`, prints seconds."""
    connection = duckdb.connect(config={"threads": 2})
    connection.execute("SET TimeZone = 'UTC'")
    started = time.perf_counter()
    found = connection.execute(query(folder, sources_of(connection, folder))).fetchnumpy()
    seconds = time.perf_counter() - started
    matrix = np.stack([filled(column) for column in found.values()], axis=1)
    np.save(folder / "duckdb.npy", matrix)
    print(json.dumps({"seconds": seconds, "cells": matrix.size}))


def sources_of(connection: duckdb.DuckDBPyConnection, folder: Path) -> list[str]:
    """The names of all sources."""
    found = connection.execute(f"SELECT DISTINCT source FROM '{folder}/events/*.parquet' ORDER BY source")
    return [name for (name,) in found.fetchall()]


def query(folder: Path, sources: list[str]) -> str:
    """Each source's counts, then its days since last; rows by person and moment."""
    columns = [column for source in sources for column in (*counts(source), since(source))]
    frames = ", ".join(
        f"within_{days} AS (PARTITION BY person_id ORDER BY moment RANGE BETWEEN {days} * {DAY} PRECEDING AND {BEFORE})"
        for days in LOOKBACKS
    )
    ever = f"ever AS (PARTITION BY person_id ORDER BY moment RANGE BETWEEN UNBOUNDED PRECEDING AND {BEFORE})"
    return f"""
        WITH moments AS (
            SELECT person_id, occurred_at AS moment, source FROM '{folder}/events/*.parquet'
            UNION ALL SELECT person_id, as_of, NULL FROM '{folder}/rows.parquet'
        ),
        counted AS (SELECT person_id, moment, source, {", ".join(columns)} FROM moments WINDOW {frames}, {ever})
        SELECT * EXCLUDE (person_id, moment, source) FROM counted WHERE source IS NULL ORDER BY person_id, moment
    """


def counts(source: str) -> list[str]:
    """One column for each lookback."""
    return [
        f"(count(*) FILTER (WHERE source = '{source}') OVER within_{days})::FLOAT AS {source}_{days}"
        for days in LOOKBACKS
    ]


def since(source: str) -> str:
    """Days, with their fraction, since the last."""
    last = f"max(moment) FILTER (WHERE source = '{source}') OVER ever"
    return f"((epoch_us(moment) - epoch_us({last}))::DOUBLE / 86400000000)::FLOAT AS {source}_since"


def filled(column: np.ndarray) -> np.ndarray:
    """What is not known as NaN."""
    return np.ma.filled(column.astype(np.float32), np.nan)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
