"""Days on which a source sent far more records than usual: flagged and not learned, such as a file sent five times.

A day's usual volume is the median of the source's earlier days that had any record, among the eight weeks before it
and as known when it began. Past so many times that, and beyond chance, the day's records of that source stop counting
at the moment when the one too many became known; they count again once enough have been corrected away.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.episodes import encoded, instants_of
from crisisrisk.features.place_duplicates import codes_of_texts
from crisisrisk.features.place_spans import Integers, Spans, crowded, joined, thinned
from crisisrisk.timeline import FOREVER_US, local_clock

LOOKBACK_DAYS = 56
FEWEST_DAYS = 14
"""With fewer earlier days nothing is usual yet, and nothing is flagged."""

BEYOND_CHANCE = 6.0
"""Standard deviations of a Poisson count: a quiet source's busy day is no error."""

NO_LIMIT = np.iinfo(np.int64).max
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, kw_only=True)
class FlaggedDay:
    """A local day of a source with more records than its limit, as known in the end."""

    source: str
    day: date
    limit: int


@dataclass(frozen=True, eq=False)
class CrowdedDays:
    """For each record its source and day (-1: none), and the stretches in which a source's day is past its limit."""

    group: Integers
    """Of each row of the table. Shape (events,)."""
    crowded: Spans
    """`row` holds the group."""
    days: tuple[FlaggedDay, ...]

    def without(self, spans: Spans) -> Spans:
        """The spans less the stretches in which their day was past its limit."""
        mine = np.isin(self.group[spans.row], self.crowded.row)
        if not mine.any():
            return spans
        asked = spans.at(mine)
        before = len(self.crowded)
        both = Spans(
            np.concatenate([self.crowded.row, asked.row]),
            np.concatenate([self.crowded.begin, asked.begin]),
            np.concatenate([self.crowded.end, asked.end]),
        )
        # The stretches stand in front of the spans of their day: with one allowed, nothing counts inside them.
        first = np.searchsorted(self.crowded.row, self.group[asked.row], side="left")
        last = np.searchsorted(self.crowded.row, self.group[asked.row], side="right")
        starts = np.concatenate([np.zeros(before + 1, dtype=np.int64), np.cumsum(last - first)]).astype(np.int64)
        partners = np.arange(starts[-1]) - np.repeat(starts[before:-1] - first, last - first)
        left = _thinned_after(both, starts, partners.astype(np.int64), before)
        return joined(spans.at(~mine), left)


def _thinned_after(both: Spans, starts: Integers, partners: Integers, before: int) -> Spans:
    numbered = Spans(np.arange(len(both), dtype=np.int64), both.begin, both.end)
    left = thinned(numbered, starts, partners, allowed=1)
    left = left.at(left.row >= before)
    return Spans(both.row[left.row], left.begin, left.end)


def crowded_days(spans: Spans, events: pa.Table, zone: ZoneInfo, *, times: float) -> CrowdedDays:
    """Which days of which sources were past their limit, and when that was known. `times` 0: none."""
    none = Spans(*(np.zeros(0, dtype=np.int64) for _ in range(3)))
    group = np.full(len(events), -1, dtype=np.int64)
    if not times or not len(spans):
        return CrowdedDays(group, none, ())
    occurred = instants_of(events, "occurred_at", missing=FOREVER_US)[spans.row]
    day, known_day = local_clock(occurred, zone).day, local_clock(spans.begin, zone).day
    source, names = codes_of_texts(events, "source"), encoded(events, "source").dictionary.to_pylist()
    first, days = int(day.min()), int(day.max()) - int(day.min()) + 1
    group[spans.row] = source[spans.row] * days + day - first
    limits = np.concatenate(
        [
            _limits(day[mine] - first, (known_day - day)[mine], days, times)
            for mine in (source[spans.row] == number for number in range(len(names)))
        ]
    )
    of_span = group[spans.row]
    # So many spans in all that more than the limit can be open at once: of other days there is nothing to find.
    many = np.flatnonzero((np.bincount(of_span, minlength=len(limits)) > limits)[of_span])
    order = many[np.argsort(of_span[many], kind="stable")]
    stretches = Spans(*crowded(of_span[order], spans.begin[order], spans.end[order], limits))
    final = np.unique(stretches.row[stretches.end >= FOREVER_US]).tolist()
    flagged = [
        FlaggedDay(
            source=names[one // days], day=_EPOCH + timedelta(days=first + one % days), limit=int(limits[one])
        ) for one in final
    ]  # fmt: skip
    return CrowdedDays(group, stretches, tuple(sorted(flagged, key=lambda one: (one.day, one.source))))


def _limits(day: NDArray[np.int64], lag: NDArray[np.int64], days: int, times: float) -> Integers:
    """The most records of one source that each day may have. Shape (days,).

    `day`, `lag`: for each record its day from 0, and how many days later it became known.
    """
    width = LOOKBACK_DAYS
    by_lag = np.bincount(day * width + np.clip(lag, 0, width - 1), minlength=days * width).reshape(days, width)
    # Those of the last column may have become known later than any day that looks at them: they never count.
    by_lag[:, -1] = 0
    known = np.cumsum(by_lag, axis=1)
    earlier = np.full((days, width), np.nan)
    for back in range(1, width + 1):
        seen = known[: days - back, back - 1].astype(np.float64) if back < days else np.zeros(0)
        earlier[back:, back - 1] = np.where(seen > 0, seen, np.nan)
    enough = np.count_nonzero(np.isfinite(earlier), axis=1) >= FEWEST_DAYS
    limits = np.full(days, NO_LIMIT, dtype=np.int64)
    usual = np.nanmedian(earlier[enough], axis=1)
    limits[enough] = np.ceil(np.maximum(times * usual, usual + BEYOND_CHANCE * np.sqrt(usual))).astype(np.int64)
    return limits
