"""Contacts as they count as demand of places: who began them, where they may be counted, each incident and person once.

One table of events goes in and one comes out, with the stretch of time for which each record counts in `known_at` and
`superseded_at`: labels, offset and features read that table alone, so that no path can count differently. What counts
at an issue time depends only on what was known by then. No person and no point leaves this file: the table that comes
out names cells.

Follow-ups are left out of it altogether, and so are team-initiated contacts unless the recipe weights them by how
rarely a team was there: where a team went is not where demand was.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.episodes import EpisodeRule, crisis_mask, instants_of, is_one_of
from crisisrisk.features.counting import NOT_DEMAND, CountingRule
from crisisrisk.features.place import place_event_columns
from crisisrisk.features.place_duplicates import one_report_each
from crisisrisk.features.place_persons import capped
from crisisrisk.features.place_spans import Mask, Spans
from crisisrisk.features.place_visits import Visits, with_team_initiated
from crisisrisk.features.place_volume import FlaggedDay, crowded_days
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.tables.cells import NOWHERE, Cells, assign_counted
from crisisrisk.tables.points import Points
from crisisrisk.tables.residents import LEAST_RESIDENTS, in_private_premises, private_cells
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import PLACE_COLUMNS
from crisisrisk.timeline import FOREVER_US

Cell = NDArray[np.int32]

_COUNTED_BY = (
    "event_id", "occurred_at", "known_at", "superseded_at", "source", "code", "person_id", "source_person_key",
    "latitude", "longitude", "place_id", "outcome", "origin", "mode", "is_crisis", "premises",
)  # fmt: skip

LEFT_OUT_COLUMNS = ("event_id", "person_id", "source_person_key", "latitude", "longitude")


@dataclass(frozen=True, eq=False)
class Stage:
    """What still counted after a step: its name, what it means, the spans, and which rows are outcome events then."""

    name: str
    meaning: str
    spans: Spans
    outcome: Mask

    def left(self, cut_off: int) -> int:
        """How many outcome events count at a moment."""
        return self.spans.count(self.outcome, cut_off)


@dataclass(frozen=True, eq=False)
class Demand:
    """The events that count, in a table like the store's, without people or points; and what each step left of them."""

    events: pa.Table
    stages: tuple[Stage, ...]
    flagged: tuple[FlaggedDay, ...]
    """Days of a source with so many records, as known in the end, that they are not learned."""


def columns_read(features: FeatureRecipe) -> list[str]:
    """The stored columns that counting, and the features of a recipe, read: a forecast needs no other."""
    read = {*_COUNTED_BY, *place_event_columns(features)}
    return [name for name in PLACE_COLUMNS if name in read]


def demand_of(
    events: pa.Table, cells: Cells, site: Site, *, outcome: EpisodeRule, counting: CountingRule,
    visits: Visits | None = None, points: Points | None = None,
) -> Demand:  # fmt: skip
    """The events that count as demand of the cells. `events`: all versions, as the store's places have them.

    The cap holds for outcome events of a person and, apart from those, for their other contacts. `visits`: where teams
    were, for a rule that weights what they set out to do. `points`: `points_of` the events, where they are at hand.
    """
    spans, everyones = _as_known(events), _whoever_began(outcome, events)
    cell = assign_counted(events, cells, site.cells, points=points)
    events = with_team_initiated(events, cell, visits, counting)
    crisis = crisis_mask(outcome, events)
    counted_in = private_counted_in(events, cell, lambda: private_cells(cells, site.cells.least_residents))
    stages = [Stage("known", "outcome events known, whoever began them", spans, everyones)]

    def then(name: str, meaning: str, left: Spans) -> Spans:
        stages.append(Stage(name, meaning, left, crisis))
        return left

    spans = then("demand", _begun_in_words(counting), spans.at(~_is(events, "origin", NOT_DEMAND)[spans.row]))
    spans = then("in_a_cell", "in one of the cells", spans.at(cell[spans.row] != NOWHERE))
    spans = then("private", _PRIVATE, spans.at(counted_in[spans.row] != NOWHERE))
    flagged = crowded_days(spans, events, site.time_zone, times=counting.most_times_usual)
    spans = then("usual_volume", "on a day of its source's usual volume", flagged.without(spans))
    spans = then("one_report", "one report of each incident", one_report_each(
        spans, events, counted_in, crisis, minutes=counting.duplicate_minutes, metres=counting.duplicate_metres,
        one_each=counting.duplicates == "one_each",
    ))  # fmt: skip
    spans = then("capped", _cap_in_words(counting), capped(
        spans, events, counted_in, crisis, most=counting.most_per_person, days=counting.per_days,
    ))  # fmt: skip
    return Demand(_table(events, spans, counted_in, cells.ids), tuple(stages), flagged.days)


_PRIVATE = f"in private premises only where {LEAST_RESIDENTS} residents are known"


def _begun_in_words(counting: CountingRule) -> str:
    weighted = counting.team_initiated == "weight"
    return "begun by the public or a partner" + (", or a team's own by weight" if weighted else "")


def _cap_in_words(counting: CountingRule) -> str:
    if not counting.most_per_person:
        return "of one person and cell however many"
    return f"at most {counting.most_per_person} of one person in a cell and {counting.per_days} days"


def _as_known(events: pa.Table) -> Spans:
    known, superseded = (instants_of(events, name, missing=FOREVER_US) for name in ("known_at", "superseded_at"))
    row = np.flatnonzero(known < superseded).astype(np.int64)
    return Spans(row, known[row], superseded[row])


def _whoever_began(outcome: EpisodeRule, events: pa.Table) -> Mask:
    return crisis_mask(replace(outcome, origins=()), events)


def _is(events: pa.Table, column: str, values: Sequence[str]) -> Mask:
    if column not in events.column_names:
        return np.zeros(len(events), dtype=bool)
    return is_one_of(events, column, values)


def private_counted_in(events: pa.Table, cell: Cell, of_private: Callable[[], Cell]) -> Cell:
    """The cell in which each event counts: its own, but in private premises that of `of_private`. Shape (events,)."""
    private = in_private_premises(events) & (cell != NOWHERE)
    return np.where(private, of_private()[np.where(private, cell, 0)], cell) if private.any() else cell


def _table(events: pa.Table, spans: Spans, cell: Cell, ids: Sequence[str]) -> pa.Table:
    """The events of the spans, in order of the table, each in the cell that it counts in, for as long as it counts."""
    left = events.drop_columns([name for name in LEFT_OUT_COLUMNS if name in events.column_names])
    taken = left.take(pa.array(spans.row))
    places = pa.DictionaryArray.from_arrays(pa.array(cell[spans.row].astype(np.int32)), pa.array(ids, pa.string()))
    for name, column in (("known_at", spans.begin), ("superseded_at", spans.end)):
        at = taken.column_names.index(name)
        taken = taken.set_column(at, name, pa.array(column).cast(taken.schema.field(name).type))
    if "place_id" in taken.column_names:
        return taken.set_column(taken.column_names.index("place_id"), "place_id", places)
    return taken.append_column("place_id", places)
