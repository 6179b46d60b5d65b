"""Whether `known_at` looks recorded or made up, and whether a source says hours at all, source by source."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.tables.cell_values import encoded, one_chunk
from crisisrisk.timeline import MICROSECONDS_PER_DAY, MICROSECONDS_PER_HOUR, Instants, wall_clock

FEWEST_ROWS = 30
NEARLY_ALL = 0.98
NOTABLE = 0.01


@dataclass(frozen=True, kw_only=True)
class SourceClock:
    """How a source's rows became known. Shares are of its event versions; `delay_hours` is the commonest delay."""

    source: str
    rows: int
    same_delay: float
    delay_hours: float
    at_occurrence: float
    at_midnight: float
    occurred_at_midnight: float
    before_occurrence: float
    at_one_moment: float
    findings: tuple[str, ...]


def source_clocks(events: pa.Table, zone: ZoneInfo) -> tuple[SourceClock, ...]:
    """One line for each source of events (`source`, `occurred_at`, `known_at`), in order of the alphabet.

    A constant delay, a `known_at` equal to `occurred_at`, one that is always midnight on the clock of `zone`, one that
    comes before the event, or the same one for all: each may be true, and each is what a made-up time looks like. An
    `occurred_at` that is always midnight is a day: whatever asks for its hour reads it as the night.
    Sources of fewer than `FEWEST_ROWS` rows get no findings.
    """
    sources = encoded(one_chunk(events["source"]))
    occurred, known = (np.asarray(one_chunk(events[name]).cast(pa.int64())) for name in ("occurred_at", "known_at"))
    midnights = tuple(wall_clock(moments, zone) % MICROSECONDS_PER_DAY == 0 for moments in (occurred, known))
    lines = []
    for code, name in enumerate(sources.texts.to_pylist()):
        rows = sources.codes == code
        if rows.any():
            lines.append(_clock(name, occurred[rows], known[rows], *(one[rows] for one in midnights)))
    return tuple(sorted(lines, key=lambda line: line.source))


def _clock(
    source: str, occurred: Instants, known: Instants, occurred_at_midnight: NDArray[np.bool_],
    known_at_midnight: NDArray[np.bool_],
) -> SourceClock:  # fmt: skip
    delays, counts = np.unique(known - occurred, return_counts=True)
    commonest = int(np.argmax(counts))
    shares = {
        "same_delay": float(counts[commonest] / len(known)),
        "at_occurrence": float(np.mean(known == occurred)),
        "at_midnight": float(np.mean(known_at_midnight)),
        "occurred_at_midnight": float(np.mean(occurred_at_midnight)),
        "before_occurrence": float(np.mean(known < occurred)),
        "at_one_moment": float(np.unique(known, return_counts=True)[1].max() / len(known)),
    }
    hours = float(delays[commonest] / MICROSECONDS_PER_HOUR)
    findings = _findings(shares, hours) if len(known) >= FEWEST_ROWS else ()
    return SourceClock(source=source, rows=len(known), delay_hours=hours, findings=findings, **shares)


def _findings(shares: dict[str, float], hours: float) -> tuple[str, ...]:
    found = []
    if shares["at_occurrence"] >= NEARLY_ALL:
        found.append("known the moment it occurs: nobody types that fast")
    elif shares["same_delay"] >= NEARLY_ALL:
        found.append(f"always known {hours:g} hours later: stated in a mapping, not recorded")
    if shares["at_midnight"] >= NEARLY_ALL:
        found.append("always known at midnight: only the day was recorded, and it may be known too early by a day")
    if shares["occurred_at_midnight"] >= NEARLY_ALL:
        found.append("occurs at a day and no hour: features of hours, and shifts of places, read it as the night")
    if shares["at_one_moment"] >= NEARLY_ALL:
        found.append("all known at one moment, such as that of an extract: no feature sees any of it before")
    if shares["before_occurrence"] >= NOTABLE:
        found.append(f"{shares['before_occurrence']:.0%} known before it occurred: right for bookings alone")
    return tuple(found)
