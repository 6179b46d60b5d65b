"""Which rows fit a model, which stop and calibrate it, and which judge it: earlier, later, latest."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import DataError
from crisisrisk.timeline import Instants, Rhythm, Shift, Window, grid, horizon, microseconds

TRAIN, VALIDATION, TEST, LEFT_OUT = 0, 1, 2, -1

Part = NDArray[np.int8]

# Local midnights are not whole days apart when the clocks change: half a day decides which block one is in.
_HALF_A_DAY = timedelta(hours=12)


def _too_short(problem: str, *, wanted: str, found: str) -> DataError:
    return DataError(
        "CR-EVAL-002", problem, wanted=wanted, found=found,
        hint="load more history, or ask for shorter blocks or a shorter horizon in [split] of the training recipe",
    )  # fmt: skip


# People, by time


@dataclass(frozen=True)
class TemporalSplit:
    """As-of moments of the three blocks, each ascending. Moments between blocks are in none of them."""

    train: tuple[datetime, ...]
    validation: tuple[datetime, ...]
    test: tuple[datetime, ...]

    def part_of(self, as_of: Instants) -> Part:
        """For each row its part: 0 train, 1 validation, 2 test, -1 left out. Shape (rows,)."""
        parts = np.full(len(as_of), LEFT_OUT, dtype=np.int8)
        for part, block in ((TRAIN, self.train), (VALIDATION, self.validation), (TEST, self.test)):
            parts[np.isin(as_of, [microseconds(moment) for moment in block])] = part
        return parts


def temporal_split(
    as_ofs: Iterable[datetime], *, horizon_days: int, gap_days: int = 0, validation_days: int, test_days: int
) -> TemporalSplit:
    """Train earlier, validate later, test latest; no label window reaches into a later block.

    The test block is the last `test_days` of the moments. The last validation moment's label window,
    `as_of + gap + horizon`, ends at or before the first test moment, and likewise between training and validation.
    `gap_days` is the whole stretch between `as_of` and the start of the label window, plus any further days to leave
    free between blocks. Raises DataError when no moment is left for a block.
    """
    moments = sorted(set(as_ofs))
    test = _last_block(moments, test_days)
    validation = _last_block(_ended_before(moments, test, horizon_days, gap_days), validation_days)
    train = _ended_before(moments, validation, horizon_days, gap_days)
    if not train:
        reach = horizon_days + gap_days
        needed = test_days + validation_days + 2 * reach
        raise _too_short(
            "the dates are too few for a temporal split",
            wanted=f"more than {needed} days: {test_days} to test, {validation_days} to validate, "
            f"twice {reach} between them, and at least one date to train on",
            found=f"{len(moments)} dates" + (f" from {_day(moments[0])} to {_day(moments[-1])}" if moments else ""),
        )
    return TemporalSplit(train, validation, test)


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def _last_block(moments: Sequence[datetime], days: int) -> tuple[datetime, ...]:
    if not moments:
        return ()
    first = moments[-1] - timedelta(days=days) + _HALF_A_DAY
    return tuple(moment for moment in moments if moment >= first)


def _ended_before(
    moments: Sequence[datetime], block: Sequence[datetime], horizon_days: int, gap_days: int
) -> tuple[datetime, ...]:
    """The moments whose label windows end by the start of the block."""
    if not block:
        return ()
    return tuple(moment for moment in moments if horizon(moment, days=horizon_days, gap_days=gap_days).end <= block[0])


# People, without a calendar


def person_split(person_ids: NDArray[np.object_], *, seed: int, validation_share: float, test_share: float) -> Part:
    """Part of each person by a seeded hash of the id: adding people moves nobody. Shape (people,).

    For data without calendar dates. Shares are of people, and met roughly. Raises DataError when a part is empty.
    """
    from pandas.util import hash_array

    if not (validation_share > 0 and test_share > 0 and validation_share + test_share < 1):
        raise _too_short(
            "nothing is left to train on", wanted="shares above 0 that together stay under 1",
            found=f"{validation_share:g} to validate, {test_share:g} to test",
        )  # fmt: skip
    hashed = hash_array(person_ids.astype(object), hash_key=f"{seed % 10**16:016d}", categorize=False)
    place = hashed / float(2**64)
    parts = np.where(place < test_share, TEST, np.where(place < test_share + validation_share, VALIDATION, TRAIN))
    if len(np.unique(parts)) < 3:
        raise _too_short(
            "the people are too few to split", wanted="people in each of train, validation and test",
            found=f"{len(person_ids)} people",
        )  # fmt: skip
    return parts.astype(np.int8)


# Places


@dataclass(frozen=True)
class ShiftSplit:
    """Indices of shifts, ascending. Training shifts have ended, and are known, by the first issue time after them."""

    origin: datetime
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def shift_split(
    shifts: Sequence[Shift],
    *,
    origin: datetime,
    test_days: int,
    validation_days: int = 0,
    issue_hours: float = 0.0,
    latency_hours: float = 0.0,
) -> ShiftSplit:
    """One origin: test on the shifts that start in `[origin, origin + test_days)`, validate before that, train earlier.

    A shift belongs to an earlier block only if it ended at least `issue_hours + latency_hours` before the next
    block begins: its count was known when that block's first forecast was issued. With `validation_days` 0 nothing
    validates. Raises DataError when nothing is left to train or to test on.
    """
    starts = np.array([microseconds(shift.start) for shift in shifts], dtype=np.int64)
    ends = np.array([microseconds(shift.end) for shift in shifts], dtype=np.int64)
    delay = timedelta(hours=issue_hours + latency_hours)
    test = _starting(starts, Window(origin, origin + timedelta(days=test_days)))
    last_known = origin - delay
    validated_from = last_known - timedelta(days=validation_days)
    validation = np.flatnonzero((starts >= microseconds(validated_from)) & (ends <= microseconds(last_known)))
    trained_to = validated_from - delay if validation_days else last_known
    train = np.flatnonzero(ends <= microseconds(trained_to))
    if validation_days == 0:
        validation = validation[:0]
    if not len(train) or not len(test) or (validation_days and not len(validation)):
        raise _too_short(
            "the shifts are too few for this origin",
            wanted=f"shifts in the {test_days} days from {_day(origin)}, in {validation_days} days before, and earlier",
            found=f"{len(train)} to train, {len(validation)} to validate, {len(test)} to test",
        )
    return ShiftSplit(origin, train, validation, test)


def _starting(starts: Instants, window: Window) -> NDArray[np.int64]:
    return np.flatnonzero((starts >= microseconds(window.start)) & (starts < microseconds(window.end)))


def weekly_origins(shifts: Sequence[Shift], zone: ZoneInfo, *, count: int, every_days: int = 7) -> tuple[datetime, ...]:
    """The last `count` local Mondays with a whole week of shifts after them, ascending; as many as there are.

    With `every_days` other than 7: local midnights so many days apart, each followed by as many days of shifts.
    Raises DataError when there is none.
    """
    if not shifts:
        raise _too_short("there are no shifts", wanted="at least a week of shifts", found="none")
    window = Window(min(shift.start for shift in shifts), max(shift.end for shift in shifts))
    block = timedelta(days=every_days) - _HALF_A_DAY
    whole = [moment for moment in grid(window, zone, Rhythm(days=every_days)) if moment + block <= window.end]
    if not whole:
        found = f"{_day(window.start)} to {_day(window.end)}"
        raise _too_short("the shifts are too few for one origin", wanted=f"{every_days} days of shifts", found=found)
    return tuple(whole[-count:])


def rolling_origins(
    shifts: Sequence[Shift],
    origins: Sequence[datetime],
    *,
    every_days: int = 7,
    validation_days: int = 0,
    issue_hours: float = 0.0,
    latency_hours: float = 0.0,
) -> tuple[ShiftSplit, ...]:
    """Expanding window: for each origin everything known by then trains, the block after it tests."""
    return tuple(
        shift_split(
            shifts, origin=origin, test_days=every_days, validation_days=validation_days,
            issue_hours=issue_hours, latency_hours=latency_hours,
        )
        for origin in origins
    )  # fmt: skip


def weeks_of(shifts: Sequence[Shift], zone: ZoneInfo) -> NDArray[np.int64]:
    """For each shift the local week it starts in (Monday to Sunday), as a number that grows by one a week."""
    days = [shift.start.astimezone(zone).date().toordinal() for shift in shifts]
    return (np.array(days, dtype=np.int64) - 1) // 7  # day 1 of the calendar was a Monday
