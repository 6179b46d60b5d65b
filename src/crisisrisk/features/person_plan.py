"""From a recipe to what the compiled scans compute: channels, counters, and the columns they become.

A channel is one choice of events (sources and `where`); specs that choose alike share it. A counter is a channel
with a lookback; specs that need the same count share that. A plan depends on the recipe alone and is made once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from crisisrisk.features.aggregations import LOCAL, PERSON
from crisisrisk.features.aggregations.declared import Counted, Formula
from crisisrisk.features.aggregations.distinct import KEYS
from crisisrisk.features.person_kernels import CHANNELS_PER_WORD, Entries, Plan
from crisisrisk.features.person_series import Asked
from crisisrisk.features.specs import FeatureRecipe, FeatureSpec, Where
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_DAY

DISTINCT = tuple(KEYS)
HOURS_OF_WEEK = 168

Values = tuple[str | bool, ...]


@dataclass(frozen=True)
class Channel:
    """Which events belong: one of the sources, and every pair of `where`."""

    sources: tuple[str, ...]
    where: Where


@dataclass(frozen=True, eq=False)
class PersonPlan:
    """What a recipe needs, as the engine takes it."""

    compiled: Plan
    scans: tuple[tuple[Callable[..., None], Asked], ...]
    """One compiled walk for each family of aggregations, and the columns asked of it."""
    facts: tuple[tuple[int, FeatureSpec], ...]
    series_of_channel: NDArray[np.int32]
    sources: tuple[str, ...]
    conditions: tuple[tuple[str, Values], ...]
    """The columns of `where` and the values told apart; a value's class is its place there, of any other the number."""
    by_clock: bool
    """Whether the local hour and weekday choose events."""
    masks: NDArray[np.int64]
    """Of each condition (the source first, the conditions, then the hour of the week) what each class belongs to."""
    distinct: tuple[str, ...]
    reads: frozenset[str]


@dataclass
class _Making:
    """A plan while its columns are gone through."""

    width: int
    """How many counters there is room for: the columns, then those that no column shows."""
    counters: dict[tuple[str, Channel, int | None], int] = field(default_factory=dict)
    """A counter's index is the column that shows it, or comes after the columns when none does."""
    marks: dict[tuple[Channel, int], int] = field(default_factory=dict)
    formulas: list[tuple[int, FeatureSpec, Formula]] = field(default_factory=list)
    since: list[tuple[int, int, int, float]] = field(default_factory=list)
    scans: dict[Callable[..., None], list[tuple[int, FeatureSpec, int]]] = field(default_factory=dict)
    facts: list[tuple[int, FeatureSpec]] = field(default_factory=list)
    series: dict[Channel, int] = field(default_factory=dict)
    reads: set[str] = field(default_factory=set)

    def counter(self, wanted: Counted) -> int:
        """The index of a counter, shared, or new and after all that are there."""
        key = (wanted.kind, Channel(wanted.sources, wanted.where), wanted.lookback_days)
        if key not in self.counters:
            self.counters[key] = self.width
            self.width += 1
        return self.counters[key]

    def series_for(self, sources: tuple[str, ...], where: Where) -> int:
        """The series of a choice of events, shared or new."""
        return self.series.setdefault(Channel(sources, where), len(self.series))

    @property
    def channels(self) -> list[Channel]:
        """Every channel, in a fixed order."""
        counted = {channel for _, channel, _ in self.counters}
        return sorted(counted | {channel for channel, _ in self.marks} | set(self.series), key=repr)


@lru_cache(maxsize=64)
def plan_person(recipe: FeatureRecipe) -> PersonPlan:
    """What to compute for a recipe whose subject is the person."""
    making = _Making(width=len(recipe.specs))
    for column, spec in enumerate(recipe.specs):
        _show(making, column, spec)
    for column, spec in enumerate(recipe.specs):
        _add(making, column, spec)
    formulas = [(column, spec, formula, _terms(making, formula)) for column, spec, formula in making.formulas]
    scans = tuple((scan, _asked(making, items)) for scan, items in making.scans.items())
    return _finished(making, formulas, scans, columns=len(recipe.specs))


def _show(making: _Making, column: int, spec: FeatureSpec) -> None:
    """A column that is one count as it stands gets the counter of its own index."""
    formula = PERSON[spec.aggregation].formula
    counted = _plain_count(formula(spec)) if formula else None
    if counted is not None and spec.if_none == 0:
        key = (counted.kind, Channel(counted.sources, counted.where), counted.lookback_days)
        making.counters.setdefault(key, column)


def _plain_count(formula: Formula) -> Counted | None:
    """The one count that a formula is, if it is no more than that."""
    plain = len(formula.above) == 1 and not formula.below and formula.guard == (formula.above[0][1],)
    if plain and formula.above[0][0] == 1 and (formula.above_constant, formula.below_constant) == (0, 1):
        return formula.above[0][1]
    return None


def _add(making: _Making, column: int, spec: FeatureSpec) -> None:
    aggregation = PERSON[spec.aggregation]
    making.reads.update(aggregation.reads)
    if aggregation.formula:
        formula = aggregation.formula(spec)
        plain = _plain_count(formula)
        if plain is None or making.counter(plain) != column or spec.if_none != 0:
            making.formulas.append((column, spec, formula))
    elif aggregation.mark is not None:
        mark = making.marks.setdefault((Channel(spec.sources, spec.where), aggregation.mark), len(making.marks))
        making.since.append((column, mark, aggregation.mark, spec.if_none))
    elif aggregation.scan:
        making.scans.setdefault(aggregation.scan, []).append((column, spec, aggregation.kind))
    else:
        making.facts.append((column, spec))


def _terms(making: _Making, formula: Formula) -> tuple[list[tuple[int, int]], ...]:
    """Weights and counters of what stands above, below and in the guard."""
    above = [(weight, making.counter(one)) for weight, one in formula.above]
    below = [(weight, making.counter(one)) for weight, one in formula.below]
    return above, below, [(1, making.counter(one)) for one in formula.guard]


def _asked(making: _Making, items: Sequence[tuple[int, FeatureSpec, int]]) -> Asked:
    specs = [spec for _, spec, _ in items]
    days = [_microseconds(spec.lookback_days) for spec in specs]
    others = [making.series_for(spec.other_sources, ()) if spec.other_sources else -1 for spec in specs]
    return Asked(
        column=_int32(column for column, _, _ in items),
        series=_int32(making.series_for(spec.sources, spec.where) for spec in specs),
        other=_int32(others),
        kind=_int32(kind for _, _, kind in items),
        lookback=np.array(days, dtype=np.int64),
        gap=np.array([_microseconds(spec.gap_days) for spec in specs], dtype=np.int64),
        if_none=_float32(spec.if_none for spec in specs),
    )


def _microseconds(days: int | None) -> int:
    # "Ever" is longer than all of time and can still be added to an instant in 64 bits.
    return FOREVER_US if days is None else days * MICROSECONDS_PER_DAY


def _finished(
    making: _Making,
    formulas: Sequence[tuple[int, FeatureSpec, Formula, tuple[list[tuple[int, int]], ...]]],
    scans: tuple[tuple[Callable[..., None], Asked], ...],
    *,
    columns: int,
) -> PersonPlan:
    channels = making.channels
    lookbacks = sorted({days for _, _, days in making.counters}, key=_microseconds)
    order = {days: place for place, days in enumerate(lookbacks)}
    distinct = tuple(kind for kind in DISTINCT if any(kind == one for one, _, _ in making.counters))
    compiled = Plan(
        lookbacks=np.array([_microseconds(days) for days in lookbacks], dtype=np.int64),
        columns=columns,
        counters=making.width,
        counts=_entries(making, ("count",), channels, order),
        distinct=_entries(making, distinct, channels, order),
        distinct_kinds=len(distinct),
        longest_distinct=max([_microseconds(days) for kind, _, days in making.counters if kind in distinct], default=0),
        marks=_csr([[(kind, mark) for (one, kind), mark in making.marks.items() if one == channel]
                    for channel in channels]),
        mark_count=len(making.marks),
        channels=len(channels),
        **_formula_arrays(formulas),  # type: ignore[arg-type]
        since_column=_int32(since[0] for since in making.since),
        since_mark=_int32(since[1] for since in making.since),
        since_kind=_int32(since[2] for since in making.since),
        since_if_none=_float32(since[3] for since in making.since),
    )  # fmt: skip
    sources = tuple(sorted({source for channel in channels for source in channel.sources}))
    conditions, by_clock = _conditions(channels)
    return PersonPlan(
        compiled=compiled,
        scans=scans,
        facts=tuple(making.facts),
        series_of_channel=_int32(making.series.get(channel, -1) for channel in channels),
        sources=sources,
        conditions=conditions,
        by_clock=by_clock,
        masks=_masks(channels, sources, conditions, by_clock=by_clock),
        distinct=distinct,
        reads=frozenset(making.reads),
    )


def _entries(
    making: _Making, kinds: Sequence[str], channels: Sequence[Channel], order: Mapping[int | None, int]
) -> Entries:
    """For each kind and channel the lookback and index of each of its counters, longest lookback first."""
    found: dict[tuple[str, Channel], list[tuple[int, int]]] = {}
    for (kind, channel, days), index in making.counters.items():
        found.setdefault((kind, channel), []).append((order[days], index))
    return _csr([sorted(found.get((kind, channel), []), reverse=True) for kind in kinds for channel in channels])


def _csr(fed: Sequence[Sequence[tuple[int, int]]]) -> Entries:
    flat = [entry for entries in fed for entry in entries]
    return Entries(
        offsets=_int32(np.cumsum([0, *map(len, fed)])),
        lookback=_int32(lookback for lookback, _ in flat),
        counter=_int32(counter for _, counter in flat),
    )


def _formula_arrays(
    formulas: Sequence[tuple[int, FeatureSpec, Formula, tuple[list[tuple[int, int]], ...]]],
) -> dict[str, NDArray[np.generic]]:
    terms = [term for *_, parts in formulas for part in parts for term in part]
    ends = np.cumsum([0, *(len(part) for *_, parts in formulas for part in parts)])
    bounds = [ends[3 * number : 3 * number + 4] for number in range(len(formulas))]
    constants = [(formula.above_constant, formula.below_constant) for _, _, formula, _ in formulas]
    return {
        "formula_column": _int32(column for column, *_ in formulas),
        "formula_terms": np.array(bounds, dtype=np.int32).reshape(-1, 4),
        "formula_constants": np.array(constants, dtype=np.int64).reshape(-1, 2),
        "formula_if_none": _float32(spec.if_none for _, spec, *_ in formulas),
        "term_counter": _int32(counter for _, counter in terms),
        "term_weight": np.array([weight for weight, _ in terms], dtype=np.int64),
    }


# Which classes of values belong to which channels


def _conditions(channels: Sequence[Channel]) -> tuple[tuple[tuple[str, Values], ...], bool]:
    """The columns that any channel looks at with the values told apart, and whether the clock is one of them."""
    values: dict[str, set[str | bool]] = {}
    for channel in channels:
        for column, accepted in channel.where:
            values.setdefault(column, set()).update(accepted)
    named = tuple((column, tuple(sorted(told))) for column, told in sorted(values.items()) if column not in LOCAL)
    return named, bool(set(values) & set(LOCAL))


def _masks(
    channels: Sequence[Channel],
    sources: tuple[str, ...],
    conditions: Sequence[tuple[str, Values]],
    *,
    by_clock: bool,
) -> NDArray[np.int64]:
    """Shape (1 + conditions + 1 for the clock, classes, words): a bit for each channel that a class belongs to."""
    classes = max([len(sources), *(len(values) for _, values in conditions)]) + 1
    words = len(channels) // CHANNELS_PER_WORD + 1
    shape = (1 + len(conditions) + by_clock, max(classes, HOURS_OF_WEEK if by_clock else 0), words)
    masks = np.zeros(shape, dtype=np.int64)
    for number, channel in enumerate(channels):
        word, bit = number // CHANNELS_PER_WORD, 1 << (number % CHANNELS_PER_WORD)
        masks[0, [sources.index(source) for source in channel.sources], word] |= bit
        for place, (column, values) in enumerate(conditions):
            accepted = [set(values_of) for name, values_of in channel.where if name == column]
            fits = [place for place, value in enumerate(values) if all(value in one for one in accepted)]
            masks[place + 1, fits if accepted else slice(None), word] |= bit
        if by_clock:
            masks[-1, [hour for hour in range(HOURS_OF_WEEK) if _fits_clock(channel, hour)], word] |= bit
    return masks


def _fits_clock(channel: Channel, hour_of_week: int) -> bool:
    weekday, hour = divmod(hour_of_week, 24)
    return all(LOCAL[column](weekday, hour) in accepted for column, accepted in channel.where if column in LOCAL)


def _int32(values: Iterable[int]) -> NDArray[np.int32]:
    return np.array(list(values), dtype=np.int32)


def _float32(values: Iterable[float]) -> NDArray[np.float32]:
    return np.array(list(values), dtype=np.float32)
