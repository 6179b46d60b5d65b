"""Forecasts as they were issued, read once: no later forecast changes one, so what was read of it can be kept.

What is asked of the database each time is which forecasts there are. Sums over a forecast's cells, and its cells, are
read when they are first needed and kept by the run's number and the moment at which it was made, in bounded number.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from datetime import datetime
from threading import Lock
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine

from crisisrisk.database.runs import IDS_AT_ONCE
from crisisrisk.database.stored_forecasts import StoredPlace, StoredShift, cells_of_run, shifts_of_runs

MOST_RUNS, MOST_BOARDS = 5_000, 24

Run = tuple[int, datetime]
"""The number of a run, and when it was made."""
_Value = TypeVar("_Value")


class _Kept(Generic[_Value]):
    """The values used last. Safe to use from several threads; two of them may both read what neither has yet."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._values: OrderedDict[Hashable, _Value] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable) -> _Value | None:
        with self._lock:
            found = self._values.get(key)
            if found is not None:
                self._values.move_to_end(key)
            return found

    def put(self, key: Hashable, value: _Value) -> None:
        with self._lock:
            self._values[key] = value
            if len(self._values) > self.most:
                self._values.popitem(last=False)


class KeptForecasts:
    """The forecasts of one database."""

    def __init__(self) -> None:
        self._shifts: _Kept[tuple[StoredShift, ...]] = _Kept(MOST_RUNS)
        self._boards: _Kept[tuple[StoredPlace, ...]] = _Kept(MOST_BOARDS)

    def newest(
        self, connection: Connection, runs: Sequence[Run], wanted: Callable[[StoredShift], bool]
    ) -> list[tuple[Run, StoredShift]]:
        """Of each wanted shift its newest forecast among some runs, the oldest first, in order of start, then id."""
        known = {run: self._shifts.get(run) for run in runs}
        known |= self._read(connection, [run for run, shifts in known.items() if shifts is None])
        newest: dict[str, tuple[Run, StoredShift]] = {}
        for run in runs:
            for shift in known[run] or ():
                if wanted(shift):
                    newest[shift.shift_id] = run, shift  # later runs take the place of earlier ones
        return sorted(newest.values(), key=lambda found: (found[1].start, found[1].shift_id))

    def shift(self, connection: Connection, run: Run, shift_id: str) -> StoredShift:
        """A shift as a run that has it forecast it."""
        shifts = self._shifts.get(run) or self._read(connection, [run])[run]
        return next(shift for shift in shifts if shift.shift_id == shift_id)

    def cells(self, engine: Engine, run: Run, shift_id: str) -> tuple[StoredPlace, ...]:
        """The cells of a shift as a run forecast them, in order of rank."""
        found = self._boards.get((run, shift_id))
        if found is None:
            found = tuple(cells_of_run(engine, run[0], shift_id))
            self._boards.put((run, shift_id), found)
        return found

    def _read(self, connection: Connection, runs: Sequence[Run]) -> dict[Run, tuple[StoredShift, ...]]:
        read = {}
        for start in range(0, len(runs), IDS_AT_ONCE):
            some = runs[start : start + IDS_AT_ONCE]
            found = shifts_of_runs(connection, [number for number, _ in some])
            for run in some:
                read[run] = tuple(shift for shift in found if shift.run.number == run[0])
                self._shifts.put(run, read[run])
        return read


_OF_ENGINES: "WeakKeyDictionary[Engine, KeptForecasts]" = WeakKeyDictionary()
_LOCK = Lock()


def kept_forecasts(engine: Engine) -> KeptForecasts:
    """What was read of an engine's database; it goes with the engine."""
    with _LOCK:
        return _OF_ENGINES.setdefault(engine, KeptForecasts())
