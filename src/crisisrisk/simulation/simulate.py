"""Let an invented city live, and write what its agencies would send: block by block, in constant memory.

People come in blocks and strangers in months. Each worker process takes every n-th of them and leaves raw rows in a
working folder; then the files are made from those rows, one process a file. What is written depends on the settings
alone, never on the number of processes.
"""

import math
import resource
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from multiprocessing import get_context
from operator import add
from os import cpu_count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import UsageError
from crisisrisk.simulation.agencies import file_names, write_file
from crisisrisk.simulation.announced import write_announced
from crisisrisk.simulation.city import FEWEST_CELLS, MOST_CELLS, RESIDENTS_PER_CELL
from crisisrisk.simulation.contacts import Contacts
from crisisrisk.simulation.declarations import copy_declarations, write_key
from crisisrisk.simulation.describe import describe
from crisisrisk.simulation.intensity import months
from crisisrisk.simulation.monthly import spill
from crisisrisk.simulation.people import block_people
from crisisrisk.simulation.period import period_of
from crisisrisk.simulation.person_dynamics import CHANNELS
from crisisrisk.simulation.person_kernel import live
from crisisrisk.simulation.picture import picture_page
from crisisrisk.simulation.recording import Recorded, recorded
from crisisrisk.simulation.registers import register_parts
from crisisrisk.simulation.responses import responses
from crisisrisk.simulation.routine import routine_contacts
from crisisrisk.simulation.settings import CitySettings
from crisisrisk.simulation.staging import staged
from crisisrisk.simulation.strangers import strangers_contacts
from crisisrisk.simulation.tally import Tally, night_of, nothing, tally
from crisisrisk.simulation.truth_files import (
    PEOPLE,
    PERSON_WEEKS,
    PLACE_SHIFTS,
    join,
    write_people,
    write_person_weeks,
    write_place_shifts,
    write_settings,
)  # fmt: skip
from crisisrisk.simulation.truth_incidents import expected_incidents
from crisisrisk.simulation.truth_people import person_truth
from crisisrisk.simulation.truth_places import PlaceTruth, place_truth
from crisisrisk.simulation.world import World, world

Tell = Callable[[str], None]
MOST_PROCESSES = 4
WORKING_FOLDER = ".working"
# Sums of expected numbers are kept in whole steps of this size, so that their order changes nothing.
STEP = 2.0**-36
# What a person, and a resident behind them, leaves on the disk in a year: raw rows while it runs, and files at the end.
BYTES_PER_PERSON_YEAR, BYTES_PER_RESIDENT_YEAR = 6_000, 30


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """What was written. `peak_memory_mb` is that of all processes together."""

    out: Path
    settings: CitySettings
    tally: Tally
    files: int
    bytes: int
    seconds: float
    peak_memory_mb: float

    def as_json(self) -> dict[str, Any]:
        return {
            "out": str(self.out),
            "preset": self.settings.preset,
            "people": self.settings.people,
            "residents": self.settings.residents,
            "years": self.settings.years,
            "seed": self.settings.seed,
            "digest": self.settings.digest(),
            "contacts": int(self.tally.by_source.sum()),
            "files": self.files,
            "bytes": self.bytes,
            "seconds": round(self.seconds, 1),
            "peak_memory_mb": round(self.peak_memory_mb),
        }


@dataclass(frozen=True, kw_only=True)
class Share:
    """What one process made: its counts, its expected incidents of known people, and its peak memory."""

    tally: Tally
    known: Path | None
    peak_mb: float


def simulate(
    settings: CitySettings,
    out: Path,
    *,
    truth: bool = True,
    site: bool = True,
    processes: int | None = None,
    tell: Tell = lambda line: None,
) -> Simulated:
    """Write a whole city into a new or empty folder; when anything fails, nothing is left.

    `truth` adds truth/. `site` adds what makes the folder a site by itself: its key and picture.html. Raises
    UsageError for sizes or a folder that cannot be used, DataError (CR-DATA-007) for a disk that is full.
    """
    started = time.monotonic()
    count = processes or min(cpu_count() or 1, MOST_PROCESSES, settings.blocks)
    with staged(out, wanted_bytes=disk_needed(settings)) as folder:
        working = folder / WORKING_FOLDER
        working.mkdir()
        with _executor(count) as pool:
            shares = _live(settings, working, count, truth, pool, tell)
            tell("writing the files of each agency …")
            peaks = _write(settings, folder, shares, truth, pool)
        counted = reduce(add, (share.tally for share in shares))
        _surround(settings, folder, counted, truth=truth, site=site)
        shutil.rmtree(working)
        files = [path for path in folder.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
    return Simulated(
        out=out,
        settings=settings,
        tally=counted,
        files=len(files),
        bytes=size,
        seconds=time.monotonic() - started,
        peak_memory_mb=_total_peak(count, [*(share.peak_mb for share in shares), *peaks]),
    )


def disk_needed(settings: CitySettings) -> int:
    """About how many bytes it takes while it runs."""
    of_people = settings.people * BYTES_PER_PERSON_YEAR + settings.residents * BYTES_PER_RESIDENT_YEAR
    cells = min(MOST_CELLS, max(FEWEST_CELLS, settings.residents // RESIDENTS_PER_CELL))
    return round(of_people * settings.years + MOST_PROCESSES * 8 * math.prod(_shape(settings.years, cells)))


def _shape(years: float, cells: int) -> tuple[int, int, int, int]:
    """Of the expected incidents of known people: how long ahead, days, cells, channels."""
    return 2, len(period_of(years)), cells, len(CHANNELS) + 1


def peak_mb() -> float:
    """The highest memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _total_peak(processes: int, peaks: list[float]) -> float:
    """An upper bound: this process's own peak and that of the largest worker, for each."""
    return peak_mb() + (processes * max(peaks) if processes > 1 else 0.0)


# Processes


class _Here(Executor):
    """Runs what it is given at once, in this process."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


@contextmanager
def _executor(processes: int) -> Iterator[Executor]:
    """Worker processes, or this one where one is enough. What waits is dropped when something fails."""
    if processes == 1:
        yield _Here()
        return
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
    try:
        yield pool
    except BrokenProcessPool:
        raise UsageError(
            "CR-USE-001",
            "a worker process ended before its work was done, most likely for want of memory",
            hint="use one process; a script of your own needs `if __name__ == '__main__':` to start several",
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


# Living


def _live(settings: CitySettings, working: Path, count: int, truth: bool, pool: Executor, tell: Tell) -> list[Share]:
    tell(f"{settings.people:,} people and {settings.residents:,} residents live through {settings.years:g} years …")
    tasks = [pool.submit(live_share, settings, working, worker=n, workers=count, truth=truth) for n in range(count)]
    for task in as_completed(tasks):
        task.result()
    return [task.result() for task in tasks]


def live_share(settings: CitySettings, working: Path, *, worker: int, workers: int, truth: bool) -> Share:
    """Every n-th block of people and month of strangers, from the worker's own number on."""
    here = world(settings)
    counted = nothing(here.city)
    known = np.zeros(_shape(settings.years, len(here.city)), dtype=np.int64) if truth else None
    for block in range(worker, settings.blocks, workers):
        counted += live_block(settings, here, working, block, known)
    for month in range(worker, months(here.period), workers):
        found = strangers_contacts(settings, here.city, here.period, here.place_map, month)
        kept = recorded(settings, here.period, found, None, block=month)
        spill(kept, working, name=f"strangers-{month:04d}", slices=here.slices)
        counted += _tallied(kept, here, people=0)
    kept_known = None
    if known is not None:
        kept_known = working / f"known-{worker}.npy"
        np.save(kept_known, known)
    return Share(tally=counted, known=kept_known, peak_mb=peak_mb())


def live_block(
    settings: CitySettings, here: World, working: Path, block: int, known: NDArray[np.int64] | None
) -> Tally:
    """One block of people: how they fare, what is recorded of it, and the truth. `known` is added to."""
    people = block_people(settings, here.city, here.period, block)
    lives = live(settings, people, here.period, here.reach)
    routine = routine_contacts(settings, people, lives, here.period, block)
    crises = responses(settings, here.city, here.period, lives.incidents, people, block=block)
    kept = recorded(settings, here.period, Contacts.concatenated([routine, crises]), people, block=block)
    spill(kept, working, name=f"people-{block:06d}", slices=here.slices)
    register_parts(settings, here.period, here.city, people, kept, block=block, folder=working)
    if known is not None:
        write_people(_part(working, PEOPLE, block), settings, here.city, people)
        write_person_weeks(
            _part(working, PERSON_WEEKS, block), person_truth(settings, people, lives, here.period, here.reach)
        )
        expected = expected_incidents(settings, people, lives, here.period, here.reach, here.city)
        for days in _stretches(here):
            known[:, days] += np.rint(expected[:, days] / STEP).astype(np.int64)
    return _tallied(kept, here, people=len(people))


def _tallied(kept: Recorded, here: World, *, people: int) -> Tally:
    return tally(kept.contacts, people, here.city, here.period)


def _stretches(here: World) -> Iterator[slice]:
    """Days of the period by the month, so that nothing as large as all of them is copied at once."""
    return (slice(day, day + 28) for day in range(0, len(here.period), 28))


def _part(working: Path, name: str, block: int) -> Path:
    return working / f"{block:06d}-{name}"


# Writing


def _write(settings: CitySettings, folder: Path, shares: list[Share], truth: bool, pool: Executor) -> list[float]:
    """Every file of the agencies and of the truth. Gives the peak memory of each task."""
    tasks = [pool.submit(_agency_file, settings, folder, name, truth) for name in file_names()]
    if truth:
        (folder / "truth").mkdir(exist_ok=True)
        parts = [share.known for share in shares if share.known is not None]
        tasks.append(pool.submit(_place_truth, settings, folder, parts))
        tasks += [pool.submit(_joined, settings, folder, name) for name in (PEOPLE, PERSON_WEEKS)]
    return [task.result() for task in tasks]


def _agency_file(settings: CitySettings, folder: Path, name: str, truth: bool) -> float:
    here = world(settings)
    write_file(
        name, settings, here.period, here.city, folder / WORKING_FOLDER, folder, folder / "truth" if truth else None
    )
    return peak_mb()


def _joined(settings: CitySettings, folder: Path, name: str) -> float:
    join((_part(folder / WORKING_FOLDER, name, block) for block in range(settings.blocks)), folder / "truth" / name)
    return peak_mb()


def _place_truth(settings: CitySettings, folder: Path, parts: list[Path]) -> float:
    """The truth of places, and of the night that the map shows."""
    here = world(settings)
    sums = [np.load(part, mmap_mode="r") for part in parts]
    known = np.zeros(sums[0].shape, dtype=np.float32)
    for days in _stretches(here):
        known[:, days] = reduce(add, (part[:, days] for part in sums)) * STEP
    night = np.zeros(len(here.city))
    starts, _ = night_of(here.period)

    def weeks() -> Iterator[PlaceTruth]:
        nonlocal night
        for week in place_truth(settings, here.city, here.period, here.place_map, known):
            night = night + week.expected[week.start == starts].sum(axis=0)
            yield week

    write_place_shifts(folder / "truth" / PLACE_SHIFTS, here.city, weeks())
    np.save(folder / WORKING_FOLDER / "night.npy", night)
    return peak_mb()


def _surround(settings: CitySettings, folder: Path, counted: Tally, *, truth: bool, site: bool) -> None:
    """What stands beside the files: declarations, a description, the key and the page of plots."""
    here = world(settings)
    copy_declarations(settings, folder)
    write_announced(folder, here.city, here.period)
    if truth:
        write_settings(folder / "truth", settings)
        (folder / "truth" / "README.md").write_text(describe(settings), encoding="utf-8")
    if site:
        write_key(folder)
        expected = folder / WORKING_FOLDER / "night.npy"
        night = np.load(expected) if expected.exists() else None
        (folder / "picture.html").write_text(
            picture_page(settings, here.city, here.period, counted, night), encoding="utf-8"
        )
