"""timeseriesflattener on a part of the people: the counts alone.

It has one clock, so it is given `occurred_at`; it has no time since a recurring event. What it counts is therefore
not the same, and only its speed is compared.
"""

import contextlib
import datetime as dt
import io
import json
import sys
import time
from pathlib import Path

import polars as pl
from timeseriesflattener import CountAggregator, Flattener, PredictionTimeFrame, PredictorSpec, ValueFrame

LOOKBACKS = (7, 28, 91, 365)


def main(folder: Path, people: int) -> None:
    """Reads the first people's events and rows, prints seconds and cells."""
    rows = pl.read_parquet(folder / "rows.parquet")
    chosen = rows["person_id"].unique().sort().head(people)
    rows = rows.filter(pl.col("person_id").is_in(chosen.implode())).select(
        "person_id", pl.col("as_of").dt.replace_time_zone(None)
    )
    events = (
        pl.read_parquet(folder / "events" / "*.parquet", columns=["person_id", "occurred_at", "source"])
        .with_columns(pl.col("person_id", "source").cast(pl.String), pl.col("occurred_at").dt.replace_time_zone(None))
        .filter(pl.col("person_id").is_in(chosen.implode()))
        .with_columns(value=1)
    )
    started = time.perf_counter()
    flattener = Flattener(PredictionTimeFrame(init_df=rows, entity_id_col_name="person_id", timestamp_col_name="as_of"))
    with contextlib.redirect_stdout(io.StringIO()):
        result = flattener.aggregate_timeseries(
            specs=[
                spec_of(events.filter(pl.col("source") == source), source) for source in sorted(set(events["source"]))
            ]
        ).df
    seconds = time.perf_counter() - started
    columns = [name for name in result.columns if name.startswith("pred_")]
    print(json.dumps({"seconds": seconds, "cells": len(result) * len(columns), "people": people}))


def spec_of(events: pl.DataFrame, source: str) -> PredictorSpec:
    """Counts of one source in every lookback."""
    return PredictorSpec(
        value_frame=ValueFrame(
            init_df=events.select("person_id", "occurred_at", pl.col("value").alias(source)),
            entity_id_col_name="person_id",
            value_timestamp_col_name="occurred_at",
        ),
        lookbehind_distances=[dt.timedelta(days=days) for days in LOOKBACKS],
        aggregators=[CountAggregator()],
        fallback=0,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
