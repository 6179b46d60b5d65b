"""The same counts in polars, written by hand: cumulative counts by source and as-of joins, two for each lookback.

Exact for counts, both clocks and corrections included. Days since last: a cumulative latest and one as-of join, in
which a version that was later superseded stays.
"""

import json
import sys
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

LOOKBACKS = (7, 28, 91, 365)


def main(folder: Path) -> None:
    """Reads `events/*.parquet` and `rows.parquet`, writes `polars.npy`, prints seconds."""
    started = time.perf_counter()
    events = pl.read_parquet(folder / "events" / "*.parquet")
    rows = pl.read_parquet(folder / "rows.parquet").sort("person_id", "as_of")
    read = time.perf_counter()
    matrix = features(events, rows)
    finished = time.perf_counter()
    np.save(folder / "polars.npy", matrix)
    print(json.dumps({"seconds": finished - read, "with_reading": finished - started, "cells": matrix.size}))


def features(events: pl.DataFrame, rows: pl.DataFrame) -> np.ndarray:
    """Shape (rows, sources x (lookbacks + 1)), each source's counts, then its days since last."""
    people = pl.Enum(rows["person_id"].unique().sort())
    rows = rows.with_columns(pl.col("person_id").cast(pl.String).cast(people))
    events = events.with_columns(
        pl.col("person_id").cast(pl.String).cast(people),
        pl.col("source").cast(pl.String),
        enter=pl.max_horizontal("known_at", "occurred_at"),
    )
    sources = sorted(events["source"].unique())
    columns: dict[str, pl.Series] = {}
    for days in LOOKBACKS:
        leave = pl.min_horizontal("superseded_at", pl.col("occurred_at") + timedelta(days=days))
        valid = events.with_columns(exit=leave).filter(pl.col("enter") < pl.col("exit"))
        entered, left = (counted(valid, rows, sources, moment) for moment in ("enter", "exit"))
        for source in sources:
            columns[f"{source}_{days}"] = (entered[source] - left[source]).cast(pl.Float32)
    latest = latest_occurrence(events, rows, sources)
    for source in sources:
        days_since = (rows["as_of"] - latest[source]).dt.total_microseconds() / 86_400_000_000
        columns[f"{source}_since"] = days_since.cast(pl.Float32)
    order = [f"{source}_{column}" for source in sources for column in (*LOOKBACKS, "since")]
    return pl.DataFrame([columns[name].alias(name) for name in order]).to_numpy(order="c")


def counted(valid: pl.DataFrame, rows: pl.DataFrame, sources: list[str], moment: str) -> pl.DataFrame:
    """For each row how many events of each source have this moment before it."""
    running = (
        valid.select("person_id", "source", at=pl.col(moment))
        .sort("person_id", "at")
        .with_columns((pl.col("source") == source).cum_sum().over("person_id").alias(source) for source in sources)
        .drop("source")
    )
    return before(rows, running).with_columns(pl.col(sources).fill_null(0).cast(pl.Int32))


def latest_occurrence(events: pl.DataFrame, rows: pl.DataFrame, sources: list[str]) -> pl.DataFrame:
    """For each row when the last event of each source occurred."""
    running = (
        events.select("person_id", "source", "occurred_at", at="enter")
        .sort("person_id", "at")
        .with_columns(
            pl.when(pl.col("source") == source)
            .then(pl.col("occurred_at"))
            .cum_max()
            .forward_fill()
            .over("person_id")
            .alias(source)
            for source in sources
        )
        .drop("source", "occurred_at")
    )
    return before(rows, running)


def before(rows: pl.DataFrame, running: pl.DataFrame) -> pl.DataFrame:
    """The last running values strictly before each row's moment."""
    strict = running.with_columns(pl.col("at") + timedelta(microseconds=1)).set_sorted("at")
    return rows.join_asof(strict, left_on="as_of", right_on="at", by="person_id", check_sortedness=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
