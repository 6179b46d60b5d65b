"""Counts, sums, minima and maxima of every code at every moment of a MEDS file, beside MEDS-Tab 0.2.

The file has the shape of MEDS-Tab's own largest example of MIMIC-IV (`docs/profiling.md` there): 500 subjects, 795,368
rows, 8,115 codes, 75,595 distinct moments of a subject. It is invented; every fourth code carries values. Both read
the same file and write sparse matrices; each is a process of its own, timed and weighed whole.

`python -m benchmarks.meds_tab --folder FOLDER` is our process.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.peers.environments import program_of
from benchmarks.report import Figure, Outcome
from crisisrisk.cohorts import PersonRows
from crisisrisk.features.person import person_features
from crisisrisk.features.recipe import read_feature_recipe
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.timeline import FOREVER_US

SUBJECTS, MOMENTS, ROWS, CODES, SEED = 500, 75_595, 795_368, 8_115, 22
WITH_VALUES = 4
"""Every fourth code carries values."""
FIRST = 1_400_000_000_000_000
WINDOWS: dict[str, int | None] = {"full": None}
AGGREGATIONS = {"code/count": "count", "value/sum": "sum", "value/min": "smallest", "value/max": "largest"}
COUNTS, VALUES = ("count",), ("sum", "smallest", "largest")
COUNT_SLOTS, VALUE_SLOTS = 1_024, 256
UTC = ZoneInfo("UTC")
BAR_TIMES, BAR_MEMORY = 10.0, 1.0

NOBODY = pa.table(
    {
        "person_id": pa.array([], pa.string()),
        **{name: pa.array([], pa.timestamp("us", "UTC")) for name in ("known_at", "valid_from")},
        **{name: pa.array([], pa.int32()) for name in ("birth_year", "deprivation_decile")},
    }
)

# The file


def write_meds(folder: Path, scale: float) -> dict[str, int]:
    """`train/0.parquet` of subject, time, code and value, sorted by subject and time; every code occurs."""
    generator = np.random.default_rng(SEED)
    subjects, moments, rows, codes = (max(round(one * scale), least) for one, least in
                                      ((SUBJECTS, 5), (MOMENTS, 50), (ROWS, 500), (CODES, 20)))  # fmt: skip
    subject = np.sort(generator.choice(subjects, moments, p=generator.dirichlet(np.full(subjects, 1.5))))
    at = FIRST + generator.choice(2_000 * 86_400, moments, replace=False) * 1_000_000
    order = np.lexsort((at, subject))
    of_moment = np.sort(np.append(np.arange(moments), generator.integers(0, moments, rows - moments)))
    code = np.append(np.arange(codes), generator.zipf(1.3, 4 * rows) - 1)
    code = generator.permutation(code[code < codes][:rows])
    value = generator.integers(1, 400, rows) / 4
    table = pa.table(
        {
            "subject_id": subject[order][of_moment],
            "time": pa.array(at[order][of_moment]).cast(pa.timestamp("us")),
            "code": pa.array([f"CODE//{number:05}" for number in range(codes)]).take(pa.array(code)),
            "numeric_value": pa.array(value, pa.float32(), mask=code % WITH_VALUES != 0),
        }
    )
    (folder / "train").mkdir(parents=True)
    pq.write_table(table, folder / "train" / "0.parquet")
    return {"subjects": subjects, "moments": moments, "rows": rows, "codes": codes}


# Ours


@dataclass(frozen=True)
class Records:
    """A MEDS file as arrays: rows by subject and time, each with the number of its code, or -1."""

    code: NDArray[np.int64]
    time: pa.Array
    value: pa.Array
    edges: NDArray[np.int64]
    """Where the rows of each subject begin, and the end."""
    moments: PersonRows
    """A row of features just after each moment of a subject."""
    names: Sequence[str]
    valued: NDArray[np.int64]
    """The numbers of the codes that have values."""


@dataclass
class Found:
    """The numbers of one matrix that are known and not 0, as they come."""

    row: list[NDArray[np.int32]] = field(default_factory=list)
    column: list[NDArray[np.int32]] = field(default_factory=list)
    number: list[NDArray[np.float32]] = field(default_factory=list)


def tabulate(folder: Path, out: Path, *, codes: Sequence[str] | None = None) -> None:
    """Every window and aggregation of every code, subject by subject, as sparse matrices in files.

    A subject has few of all codes: its own are given the numbers of a recipe's slots, as many at a time as there are.
    `codes` are those of the columns, by default all that the file has.
    """
    records = read_meds(folder / "train" / "0.parquet", codes)
    counts, values = recipe_of(COUNTS, COUNT_SLOTS), recipe_of(VALUES, VALUE_SLOTS)

    def one(subject: int) -> dict[tuple[str, str], Found]:
        every = np.unique(records.code[records.edges[subject] : records.edges[subject + 1]])
        found: dict[tuple[str, str], Found] = {}
        add_blocks(found, records, subject, counts, COUNTS, every[every >= 0])
        add_blocks(found, records, subject, values, VALUES, np.intersect1d(every, records.valued))
        return found

    with ThreadPoolExecutor(max_workers=2) as pool:
        parts = list(pool.map(one, range(len(records.edges) - 1)))
    for window, theirs in product(WINDOWS, AGGREGATIONS):
        of_values = AGGREGATIONS[theirs] in VALUES
        codes_of = records.valued if of_values else np.arange(len(records.names))
        place = np.zeros(len(records.names), dtype=np.int32)
        place[codes_of] = np.arange(len(codes_of))
        shape = (len(records.moments), len(codes_of))
        whole = joined([part.pop((window, theirs), Found()) for part in parts], place, shape)
        sparse.save_npz(out / file_of(window, theirs), whole, compressed=False)


def read_meds(path: Path, codes: Sequence[str] | None = None) -> Records:
    """The file, its codes numbered in the order of their names."""
    table = pq.read_table(path)
    code = table["code"].combine_chunks().dictionary_encode()
    names = sorted(codes or code.dictionary.to_pylist())
    number = pc.index_in(code.dictionary, value_set=pa.array(names)).fill_null(-1).to_numpy()[code.indices.to_numpy()]
    value = table["numeric_value"].combine_chunks()
    edges, moments = moments_of(table)
    valued = np.unique(number[value.is_valid().to_numpy(zero_copy_only=False)])
    when = table["time"].combine_chunks().cast(pa.timestamp("us", "UTC"))
    return Records(number.astype(np.int64), when, value, edges, moments, names, valued[valued >= 0])


def moments_of(table: pa.Table) -> tuple[NDArray[np.int64], PersonRows]:
    """Where each subject's rows begin, and a row of features just after each of its moments."""
    subject, at = (table[name].to_numpy().astype(np.int64) for name in ("subject_id", "time"))
    fresh = np.flatnonzero(np.append(True, (np.diff(subject) != 0) | (np.diff(at) != 0)))
    names, first = np.unique(subject, return_index=True)
    offsets = np.append(np.searchsorted(fresh, first), len(fresh))
    return np.append(first, len(subject)), PersonRows(names.astype(str).astype(object), offsets, at[fresh] + 1)


def recipe_of(aggregations: Sequence[str], slots: int) -> FeatureRecipe:
    """Each window and aggregation of every slot: the columns of one of them stand side by side."""
    groups = [
        f'[[group]]\nname = "slots"\nsources = "all"\neach = true\naggregations = ["{ours}"]\n'
        f"lookback_days = [{json.dumps(days or 'ever')}]\n"
        for days in WINDOWS.values()
        for ours in aggregations
    ]
    head = '[recipe]\nname = "meds_tab"\nsubject = "person"\n'
    return read_feature_recipe(head + "".join(groups), sources=slot_names(slots))


@cache
def slot_names(slots: int) -> list[str]:
    """What a recipe calls the codes of whoever it is asked about."""
    return [f"slot_{number:04}" for number in range(slots)]


def add_blocks(
    found: dict[tuple[str, str], Found],
    records: Records,
    subject: int,
    recipe: FeatureRecipe,
    aggregations: Sequence[str],
    present: NDArray[np.int64],
) -> None:
    """The features of one subject for the codes `present`, a block of slots at a time."""
    slots = len(recipe.sources)
    first, last = records.moments.offsets[subject : subject + 2]
    row = PersonRows(
        records.moments.person_id[[subject]], np.array([0, last - first]), records.moments.as_of[first:last]
    )
    keys = [(window, theirs) for window in WINDOWS for theirs, ours in AGGREGATIONS.items() if ours in aggregations]
    for start in range(0, len(present), slots):
        codes = present[start : start + slots]
        events = contacts_of(records, subject, codes, slots)
        block = person_features(recipe, events, NOBODY, row, zone=UTC, threads=1)
        for place, key in enumerate(keys):
            add_numbers(found.setdefault(key, Found()), block[:, place * slots :][:, : len(codes)], first, codes)


def contacts_of(records: Records, subject: int, codes: NDArray[np.int64], slots: int) -> pa.Table:
    """The subject's rows of some codes as contacts known when they occur, their source the code's slot."""
    first, last = records.edges[subject : subject + 2]
    slot = np.minimum(np.searchsorted(codes, records.code[first:last]), len(codes) - 1)
    own = np.flatnonzero(codes[slot] == records.code[first:last])
    when, none = records.time.take(pa.array(first + own)), np.zeros(len(own), dtype=np.int32)
    return pa.table(
        {
            "person_id": pa.DictionaryArray.from_arrays(none, pa.array([records.moments.person_id[subject]])),
            "occurred_at": when,
            "known_at": when,
            "superseded_at": pa.array(np.full(len(own), FOREVER_US)).cast(pa.timestamp("us", "UTC")),
            "source": pa.DictionaryArray.from_arrays(slot[own].astype(np.int32), pa.array(slot_names(slots))),
            "value": records.value.take(pa.array(first + own)),
        }
    )


def add_numbers(found: Found, block: NDArray[np.float32], first: int, codes: NDArray[np.int64]) -> None:
    """What of a block is known and not 0."""
    kept = block != 0
    kept &= block == block  # not NaN
    row, column = np.divmod(np.flatnonzero(kept), block.shape[1])
    found.row.append((first + row).astype(np.int32))
    found.column.append(codes[column].astype(np.int32))
    found.number.append(block[row, column])


def joined(parts: list[Found], place: NDArray[np.int32], shape: tuple[int, int]) -> "sparse.csr_array":
    """One matrix of all subjects; `place` is the column of each code."""
    row, column, number = (
        np.concatenate([one for part in parts for one in getattr(part, name)]) for name in ("row", "column", "number")
    )
    return sparse.csr_array((number, (row, place[column])), shape=shape)


def file_of(window: str, theirs: str) -> str:
    """The name of one matrix's file."""
    return f"{window}-{theirs.replace('/', '-')}.npz"


# Both, and whether they agree


@dataclass(frozen=True)
class Weighed:
    """What a process took, from its start to its end."""

    seconds: float
    core_seconds: float
    peak_gb: float


def weighed(commands: list[list[str]]) -> list[Weighed]:
    """Processes that run side by side. Raises when one fails."""
    started = time.perf_counter()
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for command in commands]
    found = []
    for one in running:
        said = one.stderr.read() if one.stderr else b""
        _, status, usage = os.wait4(one.pid, 0)
        one.returncode = os.waitstatus_to_exitcode(status)
        if one.returncode:
            raise RuntimeError(f"{one.args} ended with {one.returncode}: {said.decode()[-2000:]}")
        worked = usage.ru_utime + usage.ru_stime
        found.append(Weighed(time.perf_counter() - started, worked, usage.ru_maxrss / (1 << 20)))
    return found


def run_ours(folder: Path, out: Path) -> Weighed:
    """Our process, on two threads."""
    out.mkdir()
    command = [sys.executable, "-m", "benchmarks.meds_tab", "--folder", str(folder), "--out", str(out)]
    return weighed([command])[0]


def run_theirs(folder: Path, out: Path) -> dict[str, Any]:
    """Codes described by one process, then two workers that share the tasks, as its tutorial does."""
    common = [f"input_dir={folder}", f"output_dir={out}"]
    asked = [
        "tabularization.min_code_inclusion_count=1",
        f"tabularization.window_sizes=[{','.join(WINDOWS)}]",
        f"tabularization.aggs=[{','.join(AGGREGATIONS)}]",
    ]
    described = weighed([[program_of("meds_tab", "meds-tab-describe"), *common]])[0]
    program = program_of("meds_tab", "meds-tab-tabularize-time-series")
    workers = weighed([[program, *common, *asked, f"worker={worker}"] for worker in range(2)])
    return {
        "seconds": described.seconds + max(one.seconds for one in workers),
        "core_seconds": described.core_seconds + sum(one.core_seconds for one in workers),
        "peak_gb": max(one.peak_gb for one in workers),
        "peak_of_both_gb": sum(one.peak_gb for one in workers),
    }


def agreement(folder: Path, theirs: Path) -> dict[str, Any]:
    """Whether their counts are ours on what they count, and how many of their sums, minima and maxima there are.

    MEDS-Tab 0.2 leaves out the last row of each moment, and counts the moments that have a code, not its rows.
    """
    ours = folder / "counted-as-theirs"
    (ours / "train").mkdir(parents=True)
    pq.write_table(as_they_count(pq.read_table(folder / "data" / "train" / "0.parquet")), ours / "train" / "0.parquet")
    every = pq.read_table(folder / "data" / "train" / "0.parquet")["code"].unique().to_pylist()
    tabulate(ours, ours, codes=every)
    counts = [read_ours(ours, window, "code/count") != read_theirs(theirs, window, "code/count") for window in WINDOWS]
    values = [
        read_theirs(theirs, window, one).nnz for window in WINDOWS for one in AGGREGATIONS if one.startswith("value")
    ]
    return {"counts_equal": not any(one.nnz for one in counts), "theirs_of_values": sum(values)}


def as_they_count(table: pa.Table) -> pa.Table:
    """Without the last row of each moment, and each code once a moment; a moment of one row keeps it, uncounted."""
    subject, at = (table[name].to_numpy().astype(np.int64) for name in ("subject_id", "time"))
    code = table["code"].combine_chunks().dictionary_encode().indices.to_numpy()
    last = np.append((np.diff(subject) != 0) | (np.diff(at) != 0), True)
    moment = np.cumsum(np.append(0, last[:-1]))
    kept = np.flatnonzero(~last)
    once = np.unique(np.stack([moment[kept], code[kept]]), axis=1, return_index=True)[1]
    silent = pa.array(np.isin(np.arange(len(table)), kept[once]))
    uncounted = pc.if_else(silent, table["code"], pa.scalar("uncounted"))
    chosen = np.sort(np.append(kept[once], np.flatnonzero(last)))
    return table.set_column(2, "code", uncounted).take(pa.array(chosen))


def read_ours(folder: Path, window: str, aggregation: str) -> "sparse.csr_array":
    """One matrix that `tabulate` wrote."""
    return sparse.load_npz(folder / file_of(window, aggregation))


def read_theirs(folder: Path, window: str, aggregation: str) -> "sparse.csr_array":
    """One matrix that MEDS-Tab wrote."""
    read = np.load(folder / "tabularize" / "train" / "0" / window / f"{aggregation}.npz")
    data, row, column = read["array"]
    return sparse.csr_array((data, (row.astype(int), column.astype(int))), shape=tuple(read["shape"]))


def measured(scale: float, *, peers: bool) -> dict[str, Any]:
    """Every figure, as JSON."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        size = write_meds(folder / "data", scale)
        run_ours(folder / "data", folder / "warm-up")  # compiles what is not compiled yet
        ours = run_ours(folder / "data", folder / "ours")
        numbers = {theirs: int(read_ours(folder / "ours", *theirs).nnz) for theirs in product(WINDOWS, AGGREGATIONS)}
        result = {"size": size, "numbers": sum(numbers.values()), "ours": vars(ours)}
        if peers:
            result["theirs"] = run_theirs(folder / "data", folder / "theirs")
            result["agreement"] = agreement(folder, folder / "theirs")
        return result


def run(*, scale: float = 1.0, peers: bool = True) -> Outcome:
    """Both on one file."""
    result = measured(scale, peers=peers)
    size, ours = result["size"], result["ours"]
    of = (
        f"{size['rows']:,} rows of {size['subjects']:,} subjects, {size['moments']:,} moments × {size['codes']:,}"
        f" codes, counts, sums, minima and maxima so far: {result['numbers']:,} numbers that are not 0"
    )
    figures = [
        Figure(what="ours, whole process", value=ours["seconds"], unit="s"),
        Figure(what="ours, peak memory", value=ours["peak_gb"], unit="GB"),
    ]
    return Outcome(
        of=of, figures=(*figures, *(_against(result) if peers else ())),
        remarks=_remarks(result) if peers else (), details=result,
    )  # fmt: skip


def _against(result: dict[str, Any]) -> list[Figure]:
    ours, theirs = result["ours"], result["theirs"]
    return [
        Figure(what="MEDS-Tab 0.2, two workers", value=theirs["seconds"], unit="s"),
        Figure(what="MEDS-Tab 0.2, peak memory of the larger worker", value=theirs["peak_gb"], unit="GB"),
        Figure(what="MEDS-Tab takes", value=theirs["seconds"] / ours["seconds"], unit="times as long", bar=BAR_TIMES),
        Figure(what="and of memory", value=theirs["peak_gb"] / ours["peak_gb"], unit="times as much", bar=BAR_MEMORY),
    ]


def _remarks(result: dict[str, Any]) -> tuple[str, ...]:
    same, values = result["agreement"]["counts_equal"], result["agreement"]["theirs_of_values"]
    return (
        "MEDS-Tab 0.2 leaves out the last row of each moment, and counts the moments that have a code, not its rows. On"
        f" a file so reduced our counts are {'the same numbers as its, every one' if same else 'OTHER NUMBERS'}.",
        f"Of its sums, minima and maxima it wrote {values:,} numbers"
        + (
            ": this release looks for values under names that no code has, so it had less to compute than we did."
            if values == 0
            else "."
        ),
    )


def _from_command_line() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="of a MEDS data set's `train/0.parquet`")
    parser.add_argument("--out", type=Path, required=True, help="an empty folder for the matrices")
    options = parser.parse_args()
    tabulate(options.folder, options.out)


if __name__ == "__main__":
    _from_command_line()
