"""Since when there are records, and how far they are complete: what a grid of dates can stand on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crisisrisk.episodes import EpisodeRule, outcome_sources
from crisisrisk.errors import DataError
from crisisrisk.tables.manifest import SourceCounts
from crisisrisk.tables.silence import is_silent
from crisisrisk.tables.site import Source
from crisisrisk.timeline import MICROSECONDS_PER_HOUR


@dataclass(frozen=True)
class SourceCoverage:
    """How much a source sent, and between which moments (microseconds) it became known."""

    events: int
    first_known: int
    last_known: int

    def __add__(self, other: "SourceCoverage") -> "SourceCoverage":
        return SourceCoverage(
            self.events + other.events,
            min(self.first_known, other.first_known),
            max(self.last_known, other.last_known),
        )


@dataclass(frozen=True)
class Coverage:
    """What was sent by each source, and which of them carry the outcome."""

    sources: Mapping[str, SourceCoverage]
    outcome: tuple[str, ...]

    @property
    def first_known(self) -> int:
        """The first moment at which anything was known."""
        return min(one.first_known for one in self.sources.values())

    def with_all_rows(self, counts: Mapping[str, SourceCounts]) -> "Coverage":
        """The same with everything that each source sent, also of people whom nobody could name.

        A source that names few people would look silent by its named rows alone while it is sending all the time.
        """
        widened = {
            name: SourceCoverage(counts[name].rows, one.first_known, max(one.last_known, counts[name].last_known))
            if name in counts
            else one
            for name, one in self.sources.items()
        }
        return Coverage(widened, self.outcome)

    def complete_to(self, declared: Mapping[str, Source], *, now_us: int) -> dict[str, int]:
        """For each outcome source up to when its records are complete, in microseconds.

        Up to now, less the hours in which its records settle, unless it has been silent longer than its usual
        gaps explain: then up to what it last sent. A rare source is not taken for a broken one.
        """
        return {name: _complete_to(self.sources[name], declared.get(name), now_us) for name in self.outcome}


def _complete_to(seen: SourceCoverage, declared: Source | None, now_us: int) -> int:
    settled = round((declared.settled_after_hours if declared else 0.0) * MICROSECONDS_PER_HOUR)
    silent = is_silent(events=seen.events, first=seen.first_known, last_known=seen.last_known, now=now_us)
    return (seen.last_known if silent else now_us) - settled


def coverage_of(rule: EpisodeRule, tables: Iterable[pa.Table]) -> Coverage:
    """The coverage of event tables, such as the buckets of a site. Raises DataError when there is no event at all."""
    sources: dict[str, SourceCoverage] = {}
    outcome: set[str] = set()
    for table in tables:
        outcome.update(outcome_sources(rule, table))
        for name, one in _sources_of(table).items():
            sources[name] = sources[name] + one if name in sources else one
    if not sources:
        raise DataError("CR-TRAIN-002", "there is not one event to train on", hint="load files first")
    if missing := sorted(outcome - set(sources)):
        raise DataError(
            "CR-TRAIN-002", f'the outcome names source "{missing[0]}", of which no event is loaded',
            where="[outcome] of the training recipe", found=", ".join(sorted(sources)),
            hint="load its files, or take it out of the outcome",
        )  # fmt: skip
    return Coverage(sources, tuple(sorted(outcome)))


def _sources_of(table: pa.Table) -> dict[str, SourceCoverage]:
    if table.num_rows == 0:
        return {}
    # Grouping wants plain texts: dictionaries of different chunks need not agree.
    plain = pa.table({"source": table["source"].cast(pa.string()), "known_at": table["known_at"].cast(pa.int64())})
    grouped = plain.group_by("source").aggregate([("known_at", "count"), ("known_at", "min"), ("known_at", "max")])
    columns = (grouped[name].to_pylist() for name in ("source", "known_at_count", "known_at_min", "known_at_max"))
    return {name: SourceCoverage(count, first, last) for name, count, first, last in zip(*columns, strict=True)}


def known_before(table: pa.Table, moment_us: int) -> pa.Table:
    """Only the versions known before a moment."""
    return table.filter(pc.less(table["known_at"].cast(pa.int64()), np.int64(moment_us)))
