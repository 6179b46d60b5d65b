"""Since when there are records, and how far they are complete: what a grid of dates can stand on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crisisrisk.episodes import EpisodeRule, outcome_sources
from crisisrisk.errors import DataError
from crisisrisk.features.person_events import instants_of, one_chunk
from crisisrisk.tables.manifest import SourceCounts
from crisisrisk.tables.silence import is_silent
from crisisrisk.tables.site import Source
from crisisrisk.timeline import MICROSECONDS_PER_HOUR

SETTLED_SHARE = 0.95
"""A source that declares nothing has settled when this share of its records had become known."""

_LONGEST_HOURS = 10 * 366 * 24

Hours = NDArray[np.int64]


def _no_delays() -> Hours:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class SourceCoverage:
    """How much a source sent, and between which moments (microseconds) it became known.

    `delays`: how many records became known within so many hours of the contact, and not within one less.
    """

    events: int
    first_known: int
    last_known: int
    delays: Hours = field(default_factory=_no_delays, compare=False)

    def __add__(self, other: "SourceCoverage") -> "SourceCoverage":
        return SourceCoverage(
            self.events + other.events,
            min(self.first_known, other.first_known),
            max(self.last_known, other.last_known),
            _added(self.delays, other.delays),
        )

    @property
    def observed_hours(self) -> int:
        """Hours within which 19 in 20 of its records became known, corrections included; 0 where nothing is known."""
        known = np.cumsum(self.delays)
        return int(np.searchsorted(known, SETTLED_SHARE * known[-1])) if len(known) else 0

    def settled_hours(self, declared: Source | None) -> float:
        """Hours after which its records are taken to be all there: as declared, and never sooner than observed."""
        said = None if declared is None else declared.settled_after_hours
        return max(float(said or 0.0), float(self.observed_hours))


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
            name: replace(one, events=counts[name].rows, last_known=max(one.last_known, counts[name].last_known))
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

    def settled_hours(self, declared: Mapping[str, Source]) -> dict[str, float]:
        """For each outcome source the hours after which its records are taken to be all there."""
        return {name: self.sources[name].settled_hours(declared.get(name)) for name in self.outcome}

    def late_records(self, declared: Mapping[str, Source]) -> str:
        """What to tell whoever trains of outcome sources whose records came later than declared; "" when none did."""
        late = [
            f"{name} {self.sources[name].observed_hours:,} h ({_declared(declared.get(name))})"
            for name, hours in self.settled_hours(declared).items()
            if hours > _hours(declared.get(name))
        ]
        if not late:
            return ""
        return (
            "labels wait until 19 in 20 records of each source were known, longer than the site's settled_after_hours: "
            + ", ".join(late)
        )


def _hours(source: Source | None) -> float:
    return (source.settled_after_hours if source else None) or 0.0


def _declared(source: Source | None) -> str:
    said = None if source is None else source.settled_after_hours
    return "nothing declared" if said is None else f"declared {said:g} h"


def _complete_to(seen: SourceCoverage, declared: Source | None, now_us: int) -> int:
    settled = round(seen.settled_hours(declared) * MICROSECONDS_PER_HOUR)
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


def _added(one: Hours, other: Hours) -> Hours:
    longer, shorter = (one, other) if len(one) >= len(other) else (other, one)
    total = longer.copy()
    total[: len(shorter)] += shorter
    return total


def _sources_of(table: pa.Table) -> dict[str, SourceCoverage]:
    if table.num_rows == 0:
        return {}
    # Grouping wants one dictionary: those of different chunks need not agree.
    names = one_chunk(table["source"].cast(pa.string()).dictionary_encode().unify_dictionaries())
    code = np.asarray(names.indices)
    known, occurred = instants_of(table, "known_at"), instants_of(table, "occurred_at")
    hours = np.clip(-((occurred - known) // MICROSECONDS_PER_HOUR), 0, _LONGEST_HOURS)
    found = {}
    for number, name in enumerate(names.dictionary.to_pylist()):
        rows = code == number
        found[name] = SourceCoverage(
            int(rows.sum()), int(known[rows].min()), int(known[rows].max()), np.bincount(hours[rows]).astype(np.int64)
        )
    return found


def known_before(table: pa.Table, moment_us: int) -> pa.Table:
    """Only the versions known before a moment."""
    return table.filter(pc.less(table["known_at"].cast(pa.int64()), np.int64(moment_us)))
