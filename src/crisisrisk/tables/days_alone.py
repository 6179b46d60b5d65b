"""Records with a day and no time of day: noted at the load, source by source, so that no midnight is told as a time."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from crisisrisk.tables.cell_values import Mask, encoded, one_chunk
from crisisrisk.timeline import MICROSECONDS_PER_DAY, MICROSECONDS_PER_HOUR, Instants, wall_clock

FEWEST_ROWS = 30
"""Of fewer times that are all midnights some may be true."""
_MIDNIGHT = time()
_QUARTER = MICROSECONDS_PER_HOUR // 4


@dataclass(frozen=True, kw_only=True)
class DaysAlone:
    """Rows of one source in one file whose records have a day alone.

    What is stored of each is a midnight by the clock of `zone`: the one that its day begins with, or with `ends` the
    one that it ends with.
    """

    source: str
    rows: int
    zone: str
    ends: bool


class DaysOfFile:
    """Counts, while a file of events is read, the rows of each source that have a day alone."""

    def __init__(self, zone: ZoneInfo, *, ends: bool) -> None:
        """`zone`, `ends`: how the mapping places days."""
        self._zone, self._ends = zone, ends
        self._rows: Counter[str] = Counter()
        self._alone: Counter[str] = Counter()
        self._timed: set[str] = set()

    def add(self, events: pa.Table, alone: Mask) -> None:
        """Some rows, and which of them were written without a time of day. Shape (rows,)."""
        sources = encoded(one_chunk(events["source"]))
        occurred = np.asarray(one_chunk(events["occurred_at"]).cast(pa.int64()))
        for code, name in enumerate(sources.texts.to_pylist()):
            rows = sources.codes == code
            self._rows[name] += int(rows.sum())
            self._alone[name] += int((rows & alone).sum())
            if name not in self._timed and not _all_midnights(occurred[rows & ~alone], self._zone):
                self._timed.add(name)

    def found(self) -> tuple[DaysAlone, ...]:
        """In order of the alphabet. Many times that are all midnights are days that a program wrote as times."""
        counts = {
            name: rows if name not in self._timed and rows >= FEWEST_ROWS else self._alone[name]
            for name, rows in self._rows.items()
        }
        return tuple(
            DaysAlone(source=name, rows=rows, zone=self._zone.key, ends=self._ends)
            for name, rows in sorted(counts.items()) if rows
        )  # fmt: skip


def _all_midnights(instants: Instants, zone: ZoneInfo) -> bool:
    # Zones of today are whole quarters of an hour from UTC: that alone tells nearly all times from midnights.
    if (instants % _QUARTER).any():
        return False
    return not (wall_clock(instants, zone) % MICROSECONDS_PER_DAY).any()


class RecordedDays:
    """What the ledger of loads says of days alone, asked for one event at a time."""

    def __init__(self, noted: Iterable[DaysAlone]) -> None:
        clocks: dict[str, set[tuple[str, bool]]] = {}
        for one in noted:
            clocks.setdefault(one.source, set()).add((one.zone, one.ends))
        self._clocks: Mapping[str, tuple[tuple[ZoneInfo, timedelta], ...]] = {
            name: tuple((_zone(zone), timedelta(days=ends)) for zone, ends in sorted(ways))
            for name, ways in clocks.items()
        }

    @property
    def sources(self) -> frozenset[str]:
        """Those of which any record has a day alone."""
        return frozenset(self._clocks)

    def of(self, source: str, occurred_at: datetime) -> date | None:
        """The day of an event of which no time of day is known; None where the stored moment is a time.

        Of a source with both kinds of record nothing tells them apart at midnight: there the day alone is sure.
        """
        for zone, back in self._clocks.get(source, ()):
            local = occurred_at.astimezone(zone)
            if local.time() == _MIDNIGHT:
                return (local - back).date()
        return None


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
