"""From a recipe to what the compiled scan counts: channels, counters, and the columns they become.

A channel is one choice of events (sources and `where`); specs that choose alike share it. A counter is a channel
with a lookback; specs that need the same count share that. Events of one signature belong to the same channels.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from crisisrisk.features.person_kernels import Entries, Plan
from crisisrisk.features.specs import FeatureRecipe, FeatureSpec, Where
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_DAY

OUT_OF_HOURS: Where = (("out_of_hours", (True,)),)
STATIC = ("age", "deprivation_decile", "months_known")
KINDS = ("count", "distinct_days", "distinct_sources")


@dataclass(frozen=True)
class Channel:
    """Which events belong: one of the sources, and every pair of `where`."""

    sources: tuple[str, ...]
    where: Where


@dataclass(frozen=True)
class Counter:
    """Events, or distinct days or sources of them, of a channel in a lookback (None: ever)."""

    kind: str
    channel: Channel
    lookback_days: int | None


@dataclass(frozen=True)
class Signature:
    """What all events of one signature have in common: their source, and which pairs of any `where` hold."""

    source: str | None
    holds: frozenset[tuple[str, tuple[str | bool, ...]]]

    def belongs_to(self, channel: Channel) -> bool:
        """Whether events of this signature belong to a channel."""
        return self.source in channel.sources and all(pair in self.holds for pair in channel.where)


@dataclass
class PersonPlan:
    """What a recipe needs, before the events are seen. `plan_for` adds what depends on their signatures."""

    columns: int
    width: int
    """How many counters there is room for: the columns, then those that no column shows."""
    counters: dict[Counter, int] = field(default_factory=dict)
    """A counter's index is the column that shows it, or comes after the columns when none does."""
    latest: dict[Channel, int] = field(default_factory=dict)
    copies: list[tuple[int, int, float]] = field(default_factory=list)
    """Column, counter, if none: those that are not simply the counter of the same index."""
    ratios: list[tuple[int, int, int, int, int, float]] = field(default_factory=list)
    """Column, counter above, counter below, days above, days below, if none."""
    since: list[tuple[int, int, float]] = field(default_factory=list)
    """Column, channel, if none."""
    static: list[tuple[int, FeatureSpec]] = field(default_factory=list)

    @property
    def channels(self) -> set[Channel]:
        """Every channel that something is counted of."""
        return {counter.channel for counter in self.counters} | set(self.latest)

    @property
    def pairs(self) -> tuple[tuple[str, tuple[str | bool, ...]], ...]:
        """Every pair of any `where`, and of `out_of_hours`, in a fixed order."""
        return tuple(sorted({pair for channel in self.channels for pair in channel.where}, key=repr))

    @property
    def sources(self) -> tuple[str, ...]:
        """Every source of any channel, in order of the alphabet."""
        return tuple(sorted({source for channel in self.channels for source in channel.sources}))

    @property
    def needs_local_days(self) -> bool:
        """Whether local days of events are counted."""
        return any(counter.kind == "distinct_days" for counter in self.counters)

    def counter(self, kind: str, channel: Channel, lookback_days: int | None) -> int:
        """The index of a counter, shared, or new and after all that are there."""
        counter = Counter(kind, channel, lookback_days)
        if counter not in self.counters:
            self.counters[counter] = self.width
            self.width += 1
        return self.counters[counter]


def plan_person(recipe: FeatureRecipe) -> PersonPlan:
    """What to count for a recipe whose subject is the person."""
    plan = PersonPlan(columns=len(recipe.specs), width=len(recipe.specs))
    for column, spec in enumerate(recipe.specs):
        if spec.aggregation in KINDS:
            _show(plan, column, spec)
    for column, spec in enumerate(recipe.specs):
        _add(plan, column, spec)
    return plan


def _show(plan: PersonPlan, column: int, spec: FeatureSpec) -> None:
    counter = Counter(spec.aggregation, Channel(spec.sources, spec.where), spec.lookback_days)
    shown = plan.counters.setdefault(counter, column)
    if shown != column or spec.if_none != 0:
        plan.copies.append((column, shown, spec.if_none))


def _add(plan: PersonPlan, column: int, spec: FeatureSpec) -> None:
    channel, days = Channel(spec.sources, spec.where), spec.lookback_days
    if spec.aggregation in STATIC:
        plan.static.append((column, spec))
    elif spec.aggregation == "days_since_last":
        plan.since.append((column, plan.latest.setdefault(channel, len(plan.latest)), spec.if_none))
    elif spec.aggregation == "share_out_of_hours":
        above = plan.counter("count", Channel(spec.sources, spec.where + OUT_OF_HOURS), days)
        plan.ratios.append((column, above, plan.counter("count", channel, days), 1, 1, spec.if_none))
    elif spec.aggregation == "trend":
        short, long = int(spec.short_days or 0), int(days or 0)
        above, below = plan.counter("count", channel, short), plan.counter("count", channel, long)
        plan.ratios.append((column, above, below, long, short, spec.if_none))


def plan_for(plan: PersonPlan, signatures: Sequence[Signature]) -> Plan:
    """The arrays of the compiled scan, for events of these signatures."""
    days = {counter.lookback_days for counter in plan.counters}
    lookbacks = sorted(days, key=lambda one: FOREVER_US if one is None else one)
    # "Ever" is a lookback longer than all of time that can still be added to an instant in 64 bits.
    lengths = [FOREVER_US if one is None else one * MICROSECONDS_PER_DAY for one in lookbacks]
    order = {one: index for index, one in enumerate(lookbacks)}
    channels = sorted(plan.channels, key=repr)
    held = [[channel for channel in channels if signature.belongs_to(channel)] for signature in signatures]
    by_kind = {kind: _entries(held, _counters_of(plan, kind, order)) for kind in KINDS}
    latest = {channel: [(0, index)] for channel, index in plan.latest.items()}
    ratios = plan.ratios
    return Plan(
        lookbacks=np.array(lengths, dtype=np.int64),
        columns=plan.columns,
        counters=plan.width,
        counts=by_kind["count"],
        distinct_days=by_kind["distinct_days"],
        distinct_sources=by_kind["distinct_sources"],
        latest=_entries(held, latest),
        latest_channels=len(plan.latest),
        copy_column=_int32(copy[0] for copy in plan.copies),
        copy_counter=_int32(copy[1] for copy in plan.copies),
        copy_if_none=_float32(copy[2] for copy in plan.copies),
        ratio_column=_int32(ratio[0] for ratio in ratios),
        ratio_counters=np.array([ratio[1:3] for ratio in ratios], dtype=np.int32).reshape(-1, 2),
        ratio_days=np.array([ratio[3:5] for ratio in ratios], dtype=np.int64).reshape(-1, 2),
        ratio_if_none=_float32(ratio[5] for ratio in ratios),
        since_column=_int32(since[0] for since in plan.since),
        since_channel=_int32(since[1] for since in plan.since),
        since_if_none=_float32(since[2] for since in plan.since),
    )


def _counters_of(plan: PersonPlan, kind: str, order: Mapping[int | None, int]) -> dict[Channel, list[tuple[int, int]]]:
    """For each channel the lookback and index of each of its counters of a kind."""
    found: dict[Channel, list[tuple[int, int]]] = {}
    for counter, index in plan.counters.items():
        if counter.kind == kind:
            found.setdefault(counter.channel, []).append((order[counter.lookback_days], index))
    return found


def _entries(held: Sequence[Sequence[Channel]], counters: Mapping[Channel, Sequence[tuple[int, int]]]) -> Entries:
    """What the events of each signature feed, given the channels that it holds."""
    fed = [sorted(entry for channel in channels for entry in counters.get(channel, ())) for channels in held]
    flat = [entry for entries in fed for entry in entries]
    return Entries(
        offsets=_int32(np.cumsum([0, *map(len, fed)])),
        lookback=_int32(lookback for lookback, _ in flat),
        counter=_int32(counter for _, counter in flat),
    )


def _int32(values: Iterable[int]) -> NDArray[np.int32]:
    return np.array(list(values), dtype=np.int32)


def _float32(values: Iterable[float]) -> NDArray[np.float32]:
    return np.array(list(values), dtype=np.float32)
