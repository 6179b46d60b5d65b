"""Travel times that a site has measured or had computed (OSRM, Valhalla, r5py …): a file of pairs, by time of day.

Columns: `site_id`, `place_id`, `minutes`, and where it differs by the hour `from_hour` and `to_hour` (local, 0 to 24,
the second not included; a span may pass midnight). Pairs that the file does not have are taken from the straight line,
and the answer says how many.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq

from crisisrisk.errors import DataError
from crisisrisk.positioning.question import Mask, Numbers
from crisisrisk.positioning.travel import TravelTimes

COLUMNS = ("site_id", "place_id", "minutes")
SPAN = ("from_hour", "to_hour")


def matrix_times(
    path: Path, sites: tuple[str, ...], cells: tuple[str, ...], *, hour: int, otherwise: TravelTimes,
    may_lack_all: bool = False,
) -> TravelTimes:  # fmt: skip
    """Minutes of a file for the hour, and `otherwise` for the pairs that it does not have. Shape (sites, cells).

    Raises DataError for a file that cannot be read, times that are no numbers of 0 or more, pairs given twice, and,
    unless it `may_lack_all`, a file without one of the pairs.
    """
    whole = _read(path)
    table = _at(whole, hour)
    row, column = (
        np.asarray(pc.index_in(table[name], value_set=pa.array(known, pa.string())).fill_null(-1))
        for name, known in (("site_id", sites), ("place_id", cells))
    )
    minutes = np.asarray(table["minutes"].fill_null(np.nan))
    known = (row >= 0) & (column >= 0)
    _require(path, minutes, row[known] * len(cells) + column[known])
    found: Numbers = np.full((len(sites), len(cells)), np.nan)
    found[row[known], column[known]] = minutes[known]
    absent: Mask = np.isnan(found)
    if absent.all() and may_lack_all:
        return otherwise
    if absent.all() and whole.num_rows and not table.num_rows:
        raise DataError(
            "CR-PLAN-002", f"the matrix has no times for {hour:02d}:00", where=str(path),
            wanted="from_hour and to_hour, local, that cover the whole day between them",
        )  # fmt: skip
    if absent.all():
        raise DataError(
            "CR-PLAN-002", "the matrix has none of the site's pairs", where=str(path),
            wanted="site_id as in sites_of_care, place_id as the cells are called", hint="check which column is which",
        )  # fmt: skip
    return TravelTimes(minutes=np.where(absent, otherwise.minutes, found), said=_said(path, absent, hour, otherwise))


def _said(path: Path, absent: Mask, hour: int, otherwise: TravelTimes) -> str:
    said = f"travel times of {path.name} at {hour:02d}:00"
    if not absent.any():
        return said
    return f"{said}; {int(absent.sum()):,} of {absent.size:,} pairs are not in it: {otherwise.said}"


def _read(path: Path) -> pa.Table:
    try:  # ids are text, whatever they look like: 001 is no 1
        texts = csv.ConvertOptions(column_types=dict.fromkeys(("site_id", "place_id"), pa.string()))
        table = pq.read_table(path) if path.suffix == ".parquet" else csv.read_csv(path, convert_options=texts)
    except (OSError, pa.ArrowInvalid) as problem:
        raise DataError(
            "CR-PLAN-002", "the matrix of travel times cannot be read", where=str(path),
            found=str(problem).splitlines()[0],
            wanted="a CSV or Parquet file with site_id, place_id and minutes",
        ) from None  # fmt: skip
    if missing := [name for name in COLUMNS if name not in table.column_names]:
        raise DataError(
            "CR-PLAN-002", f'the matrix of travel times has no column "{missing[0]}"', where=str(path),
            found=", ".join(table.column_names), wanted=", ".join(COLUMNS),
        )  # fmt: skip
    spans = [name for name in SPAN if name in table.column_names]
    if len(spans) == 1:
        raise DataError(
            "CR-PLAN-002",
            f"the matrix of travel times has {spans[0]} alone",
            where=str(path),
            wanted=" and ".join(SPAN),
        )
    kinds = {"site_id": pa.string(), "place_id": pa.string(), "minutes": pa.float64(),
             **dict.fromkeys(spans, pa.int64())}  # fmt: skip
    return pa.table({name: _as(table[name], kind, name, path) for name, kind in kinds.items()})


def _as(column: pa.ChunkedArray, kind: pa.DataType, name: str, path: Path) -> pa.ChunkedArray:
    """A column as what it must be. Raises DataError; no value is said, as it may be anything."""
    try:
        return column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        wanted = {"minutes": "numbers", "from_hour": "whole hours, 0 to 24", "to_hour": "whole hours, 0 to 24"}
        raise DataError(
            "CR-PLAN-002", f'the column "{name}" of the matrix cannot be read as what it is', where=str(path),
            found=f"a column of {column.type}", wanted=wanted.get(name, "texts"),
        ) from None  # fmt: skip


def _at(table: pa.Table, hour: int) -> pa.Table:
    """The rows that hold at an hour."""
    if not set(SPAN) <= set(table.column_names):
        return table
    begin, end = (np.asarray(table[name].fill_null(0)) for name in SPAN)
    inside = np.where(begin < end, (begin <= hour) & (hour < end), (hour >= begin) | (hour < end))
    return table.filter(pa.array(inside))


def _require(path: Path, minutes: Numbers, pair: Numbers) -> None:
    wrong = int((~(minutes >= 0)).sum())
    if wrong:
        raise DataError(
            "CR-PLAN-002", f"{wrong:,} travel times are no numbers of 0 or more", where=str(path), wanted="minutes",
            hint="leave out pairs without a way, or give them many minutes",
        )  # fmt: skip
    twice = len(pair) - len(np.unique(pair))
    if twice:
        raise DataError(
            "CR-PLAN-002", f"{twice:,} pairs of site and place are given twice for the same hour", where=str(path),
            hint="give from_hour and to_hour where times differ by the hour",
        )  # fmt: skip
