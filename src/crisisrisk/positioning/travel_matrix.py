"""Travel times that a site has measured or had computed (OSRM, Valhalla, r5py …): a file of pairs, by time of day.

Columns: `site_id`, `place_id`, `minutes`, and where it differs by the hour `from_hour` and `to_hour` (local, 0 to 24,
the second not included; a span may pass midnight). Pairs that the file does not have are taken from the straight line,
and the answer says how many.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq

from crisisrisk.errors import DataError
from crisisrisk.positioning.question import Mask, Numbers
from crisisrisk.positioning.travel import TravelTimes, at_hours

COLUMNS = ("site_id", "place_id", "minutes")
SPAN = ("from_hour", "to_hour")


def matrix_times(
    path: Path, sites: tuple[str, ...], cells: tuple[str, ...], *, hours: Mapping[int, float],
    otherwise: TravelTimes, may_lack_all: bool = False,
) -> TravelTimes:  # fmt: skip
    """Minutes of a file over local hours, and `otherwise` for the pairs that it lacks at one. Shape (sites, cells).

    `hours`: what each weighs, 1 in all. Raises DataError for a file that cannot be read, times that are no numbers of
    0 or more, pairs given twice, and, unless it `may_lack_all`, a file without one of the pairs.
    """
    whole = _read(path)
    found = {hour: _minutes(path, _at(whole, hour), sites, cells) for hour in hours}
    absent = {hour: np.isnan(minutes) for hour, minutes in found.items()}
    if all(lacks.all() for lacks in absent.values()):
        if may_lack_all:
            return otherwise
        raise _lacking(path, whole, list(hours))
    filled = [np.where(absent[hour], otherwise.minutes, found[hour]) for hour in hours]
    mean = _mean(filled, list(hours.values()))
    return TravelTimes(minutes=mean, said=_said(path, np.stack(list(absent.values())), list(hours), otherwise))


def _mean(minutes: list[Numbers], weights: list[float]) -> Numbers:
    """Infinite where any is. Exact where all are the same: what is 15 minutes away at every hour is so on average."""
    apart = [np.where(one == minutes[0], 0.0, one) - np.where(one == minutes[0], 0.0, minutes[0]) for one in minutes]
    with np.errstate(invalid="ignore"):
        mean = minutes[0] + sum(weight * one for weight, one in zip(weights, apart, strict=True))
    return np.where(np.isinf(minutes).any(axis=0), np.inf, mean)


def _minutes(path: Path, table: pa.Table, sites: tuple[str, ...], cells: tuple[str, ...]) -> Numbers:
    """Those of one hour, NaN for pairs that the file does not have."""
    row, column = (
        np.asarray(pc.index_in(table[name], value_set=pa.array(known, pa.string())).fill_null(-1))
        for name, known in (("site_id", sites), ("place_id", cells))
    )
    minutes = np.asarray(table["minutes"].fill_null(np.nan))
    known = (row >= 0) & (column >= 0)
    _require(path, table, minutes, row[known] * len(cells) + column[known])
    found: Numbers = np.full((len(sites), len(cells)), np.nan)
    found[row[known], column[known]] = minutes[known]
    return found


def _lacking(path: Path, whole: pa.Table, hours: Sequence[int]) -> DataError:
    """Of a file that has none of the pairs at any of the hours."""
    if whole.num_rows and not any(_at(whole, hour).num_rows for hour in hours):
        named = ", ".join(f"{hour:02d}:00" for hour in hours)
        return DataError(
            "CR-PLAN-002", f"the matrix has no times for {named}", where=str(path),
            wanted="from_hour and to_hour, local, that cover the whole day between them",
        )  # fmt: skip
    return DataError(
        "CR-PLAN-002", "the matrix has none of the site's pairs", where=str(path),
        wanted="site_id as in sites_of_care, place_id as the cells are called", hint="check which column is which",
    )  # fmt: skip


def _said(path: Path, absent: Mask, hours: Sequence[int], otherwise: TravelTimes) -> str:
    """`absent`: which pairs it lacks at which hour. Shape (hours, sites, cells)."""
    said, lacks = f"travel times of {path.name} {at_hours(hours)}", absent.any(axis=0)
    if not lacks.any():
        return said
    ever = "" if (lacks == absent.all(axis=0)).all() else " at every hour"
    return f"{said}; {int(lacks.sum()):,} of {lacks.size:,} pairs are not in it{ever}: {otherwise.said}"


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


def _require(path: Path, table: pa.Table, minutes: Numbers, pair: Numbers) -> None:
    wrong = np.flatnonzero(~(minutes >= 0)).tolist()
    if wrong:
        said = "a travel time is no number" if len(wrong) == 1 else f"{len(wrong):,} travel times are no numbers"
        site, place = (table[name][wrong[0]].as_py() for name in COLUMNS[:2])
        value = "none" if np.isnan(minutes[wrong[0]]) else f"{minutes[wrong[0]]:g}"
        raise DataError(
            "CR-PLAN-002", f"{said} of 0 or more", where=str(path),
            found=f"{value} from {site} to {place}{' and more' if len(wrong) > 1 else ''}", wanted="minutes",
            hint="leave out pairs without a way, or give them many minutes",
        )  # fmt: skip
    twice = len(pair) - len(np.unique(pair))
    if twice:
        raise DataError(
            "CR-PLAN-002", f"{twice:,} pairs of site and place are given twice for the same hour", where=str(path),
            hint="give from_hour and to_hour where times differ by the hour",
        )  # fmt: skip
