"""The rows of places: every cell in every shift, with features, offset and counts."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.episodes import crisis_mask, is_one_of
from crisisrisk.errors import DataError
from crisisrisk.features.caseload import CaseloadNumbers, CaseloadRisk
from crisisrisk.features.place import (
    PlaceHistory,
    PlaceRows,
    asks_for_echoes,
    place_counts,
    place_features,
    place_history,
    shift_bounds,
)
from crisisrisk.features.place_demand import Demand, demand_of
from crisisrisk.features.place_offset import observed_since, offset_rates
from crisisrisk.features.place_past import place_past
from crisisrisk.features.place_profiles import WeekProfiles, fit_profiles
from crisisrisk.features.place_recent import RecentLevel
from crisisrisk.features.place_visits import visits_in
from crisisrisk.features.place_volume import FlaggedDay
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.models.place_rules.self_exciting import EchoWeights, fit_echoes
from crisisrisk.tables.cells import Cells, cells_of
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import PLACE_COLUMNS, Snapshot
from crisisrisk.timeline import (
    MICROSECONDS_PER_HOUR,
    Shift,
    Window,
    instant,
    microseconds,
    shifts_starting_in,
    utc_from_local,
)
from crisisrisk.training.caseload import caseload_risk
from crisisrisk.training.coverage import coverage_of, known_before
from crisisrisk.training.person_data import cohort_rule, counting_rule, crisis_rule
from crisisrisk.training.place_recent import fit_recent
from crisisrisk.training.recipe import TrainingRecipe


@dataclass(frozen=True)
class PlaceData:
    """Every cell in every shift of the data. `usable`: the shifts after the warm-up, as indices.

    `counts`: shape (shifts, cells), for all shifts. `features`: shape (usable, cells, features) and `offset`:
    shape (usable, cells), for the usable shifts alone.
    """

    cells: Cells
    cells_known_before: datetime
    shifts: tuple[Shift, ...]
    usable: NDArray[np.int64]
    counts: NDArray[np.int32]
    history: PlaceHistory
    """All versions of the outcome's events, in cells: what simple forecasts read."""
    features: NDArray[np.float32]
    offset: NDArray[np.float64]
    latency_hours: float
    cut_off_us: int
    steps: tuple[tuple[str, str, int], ...] = ()
    """For each step from the outcome events known at the cut-off to the counts: name, meaning, and events left."""
    flagged: tuple[FlaggedDay, ...] = ()
    """Days of a source with far more records than usual: none of their shifts is learned or judged."""
    caseload: CaseloadRisk | None = None
    """The people and weights of sums over the caseload; None where no feature is one."""
    echo: EchoWeights | None = None
    """How far and how long echoes reach; None where no feature is of them."""
    profiles: WeekProfiles | None = None
    """The kinds of week that the offset is mixed of; None where it is the one by lookback."""
    recent: RecentLevel | None = None
    """The regression of recent counts between map and trees; None where the recipe asks for none."""
    moved: NDArray[np.float64] | None = None
    """What that regression adds to the offset of each usable shift and cell."""
    counts_unaffected: NDArray[np.int32] | None = None
    """`counts` without the sources that a team's own presence changes; None where the recipe names none."""
    team_out: NDArray[np.bool_] | None = None
    """Whether any team was out in each shift, shape (shifts,); None where no deployment is known."""
    demand: pa.Table | None = None
    """The events that features are made of; None where none was computed."""
    late_records: str = ""
    """What whoever trains should know of outcome sources whose records come late."""

    def attrition_rows(self) -> list[dict[str, Any]]:
        """What happened to the outcome events on the way to the counts: `step`, `meaning` and `events_left`."""
        return [{"step": step, "meaning": meaning, "events_left": left} for step, meaning, left in self.steps]

    def flagged_rows(self) -> list[dict[str, Any]]:
        """The flagged days: `source`, `day` and the `limit` of records that they passed."""
        return [{"source": one.source, "day": one.day.isoformat(), "limit": one.limit} for one in self.flagged]

    def attrition_text(self) -> str:
        """The same as aligned lines."""
        head = f"{'':<64}{'events left':>14}"
        return "\n".join([head, *(f"{row['meaning']:<64}{row['events_left']:>14,}" for row in self.attrition_rows())])

    def without_features(self) -> "PlaceData":
        """The same for judging, which needs none: most of the memory is theirs."""
        return replace(self, features=np.zeros((*self.features.shape[:2], 0), dtype=np.float32), demand=None)

    def names_of(self, shifts: NDArray[np.int64]) -> list[str]:
        """The name of each shift, given by their index among all."""
        return [self.shifts[one].name for one in shifts.tolist()]

    def rows_of(self, shifts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where shifts, given by their index among all, stand among the usable ones. Those that do not are left out."""
        return np.flatnonzero(np.isin(self.usable, shifts))


def last_moment(recipe: TrainingRecipe, site: Site, until: datetime) -> datetime:
    """Up to when the recipe looks, in data that are complete until a moment."""
    if recipe.grid.last_day is None:
        return until
    day_after = datetime.combine(recipe.grid.last_day + timedelta(days=1), time())
    return min(until, utc_from_local(day_after, site.time_zone, ambiguous="first"))


def place_data(
    recipe: TrainingRecipe, features: FeatureRecipe | None, snapshot: Snapshot, site: Site, *, held_out_days: int,
    caseload_numbers: CaseloadNumbers | None = None, echo: EchoWeights | None = None,
    profiles: WeekProfiles | None = None, recent: RecentLevel | None = None,
) -> PlaceData:  # fmt: skip
    """The rows that the recipe asks for. Cells are those known before the last `held_out_days` are forecast.

    `features` None: no feature is computed, for whoever only counts. `caseload_numbers`, `echo`, `profiles` and
    `recent`: those of a bundle, in place of a fit. The last three are fitted on the shifts that ended before the first
    of the `held_out_days` is forecast.
    """
    rule = crisis_rule(recipe)
    events = snapshot.place_events(columns=PLACE_COLUMNS)
    coverage = coverage_of(rule, [events])
    cut_off = microseconds(snapshot.as_of_now())
    until = instant(min(coverage.complete_to(site.sources, now_us=cut_off).values()))
    latency = max(coverage.settled_hours(site.sources).values())
    # Blocks end at a local midnight and are issued ahead: a day more, and the lead, keep the map out of their future.
    known = last_moment(recipe, site, until) - timedelta(days=held_out_days + 1, hours=recipe.grid.longest_issue_hours)
    cells = cells_of(site, snapshot.table("places"), known_before(events, microseconds(known)))
    visits = visits_in(snapshot, cells, site)
    demand = demand_of(events, cells, site, outcome=rule, counting=counting_rule(recipe), visits=visits)
    crisis = crisis_mask(rule, demand.events)
    history = place_history(demand.events, cells, site.cells, counted=crisis)
    _require_contacts(history, demand, cut_off)
    began = instant(int(observed_since(history, np.array([cut_off], dtype=np.int64))[0]))
    shifts = tuple(
        shift for shift in shifts_starting_in(site.shifts, Window(began, max(began, until)), site.time_zone)
        if shift.end <= until
    )  # fmt: skip
    usable = _unflagged(usable_shifts(recipe, shifts, site), shifts, demand.flagged, coverage.outcome, site)
    unaffected = history.only(~is_one_of(demand.events, "source", recipe.outcome.treatment_affected)[history.row])
    every_row = _rows(cells, shifts, recipe.grid.issue_hours[0])
    caseload = (
        None
        if features is None
        else caseload_risk(
            features, snapshot, site, cells, rule=rule, cohort=cohort_rule(recipe), latency_hours=latency,
            numbers=caseload_numbers,
        )
    )  # fmt: skip
    data = PlaceData(
        cells=cells,
        caseload=caseload,
        cells_known_before=known,
        shifts=shifts,
        usable=usable,
        history=history,
        counts=place_counts(history, every_row, cut_off=cut_off),
        counts_unaffected=place_counts(unaffected, every_row, cut_off=cut_off)
        if recipe.outcome.treatment_affected
        else None,
        features=np.zeros((len(usable), len(cells), 0), dtype=np.float32),
        offset=np.zeros((len(usable), len(cells))),
        latency_hours=latency,
        cut_off_us=cut_off,
        steps=(
            *((stage.name, stage.meaning, stage.left(cut_off)) for stage in demand.stages),
            ("in_a_shift", "in a shift with complete data", _inside(history, shifts, cut_off)),
            ("after_warm_up", "after the warm-up", _inside(history, [shifts[one] for one in usable], cut_off)),
        ),
        flagged=demand.flagged,
        team_out=visits.during(*shift_bounds(shifts)) if len(visits) else None,
        demand=None if features is None else demand.events,
        late_records=coverage.late_records(site.sources),
    )
    if features is not None and asks_for_echoes(features):
        data = replace(data, echo=echo or _echoes_before(data, every_row, known, site))
    if features is not None and recipe.offset.profiles:
        data = replace(data, profiles=profiles or _profiles_before(data, every_row, known, recipe, site))
    hours = recipe.grid.issue_hours[0]
    data = issued_at(replace(data, recent=recent), recipe, features, site, hours=hours, shifts=usable)
    if features is None or data.profiles is None or not recipe.offset.recent or recent is not None:
        return data
    return _with_recent(data, features, known, recipe, site)


def _echoes_before(data: PlaceData, rows: PlaceRows, known: datetime, site: Site) -> EchoWeights:
    """Learned on the usable shifts that had ended by a moment."""
    ended = np.array([one for one in data.usable.tolist() if data.shifts[one].end <= known], dtype=np.int64)
    past = place_past(data.history, rows, site, latency_hours=data.latency_hours)
    return fit_echoes(past.only(ended), data.counts[ended]) if len(ended) else EchoWeights()


def _profiles_before(
    data: PlaceData, rows: PlaceRows, known: datetime, recipe: TrainingRecipe, site: Site
) -> WeekProfiles | None:
    """Learned on the usable shifts that had ended by a moment; None where nothing happened in them."""
    ended = np.array([one for one in data.usable.tolist() if data.shifts[one].end <= known], dtype=np.int64)
    before = PlaceRows(data.cells, tuple(data.shifts[one] for one in ended.tolist()), rows.issued_at[ended])
    return fit_profiles(
        data.history, before, site, data.counts[ended], latency_hours=data.latency_hours,
        profiles=recipe.offset.profiles, seed=recipe.model.seed,
    )  # fmt: skip


def _with_recent(
    data: PlaceData, features: FeatureRecipe, known: datetime, recipe: TrainingRecipe, site: Site
) -> PlaceData:
    """The same with the regression of recent counts, learned on the usable shifts that had ended by a moment."""
    rows = _rows(data.cells, tuple(data.shifts[one] for one in data.usable.tolist()), recipe.grid.issue_hours[0])
    later = [place for place, one in enumerate(data.usable.tolist()) if data.shifts[one].end > known]
    before = slice(0, min(later, default=len(data.usable)))
    a_day = _a_day(data, rows, site)
    found = fit_recent(
        features, data.features[before], data.offset[before], a_day[before], data.counts[data.usable[before]],
        data.cells, seed=recipe.model.seed,
    )  # fmt: skip
    if found is None:
        return data
    return replace(data, recent=found, moved=found.moved(features, data.features, a_day, data.cells))


def _a_day(data: PlaceData, rows: PlaceRows, site: Site) -> NDArray[np.float64]:
    if data.profiles is None:
        return np.exp(data.offset)
    return data.profiles.a_day(data.history, rows, site, latency_hours=data.latency_hours)


def issued_at(
    data: PlaceData, recipe: TrainingRecipe, features: FeatureRecipe | None, site: Site, *, hours: float,
    shifts: NDArray[np.int64],
) -> PlaceData:  # fmt: skip
    """The same data with features and offset of those of the usable `shifts`, as of so many hours before each."""
    usable = data.usable[data.rows_of(shifts)]
    rows = _rows(data.cells, tuple(data.shifts[one] for one in usable), hours)
    no_features = np.zeros((len(usable), len(data.cells), 0), dtype=np.float32)
    echoes, offset = None, None
    if data.echo is not None:
        echoes = data.echo.column(place_past(data.history, rows, site, latency_hours=data.latency_hours))
    if data.profiles is not None:
        offset = data.profiles.log_expected(data.history, rows, site, latency_hours=data.latency_hours)
    matrix = (
        no_features
        if features is None or data.demand is None
        else place_features(features, data.demand, rows, site=site, caseload=data.caseload, echoes=echoes)
    )
    moved = None
    if data.recent is not None and features is not None:
        moved = data.recent.moved(features, matrix, _a_day(data, rows, site), data.cells)
    return replace(
        data,
        usable=usable,
        features=matrix,
        moved=moved,
        offset=offset
        if offset is not None
        else offset_rates(
            data.history,
            rows,
            site,
            lookback_days=recipe.offset.lookback_days,
            prior_events=recipe.offset.prior_events,
            latency_hours=data.latency_hours,
        ),
    )


def _require_contacts(history: PlaceHistory, demand: Demand, cut_off_us: int) -> None:
    if len(history):
        return
    lost = next((stage.meaning for stage in demand.stages if not stage.left(cut_off_us)), demand.stages[-1].meaning)
    raise DataError(
        "CR-TRAIN-002", "no contact of the outcome counts in any cell", where="[outcome] of the training recipe",
        wanted="contacts of the public or partners, with coordinates or the place_id of a cell",
        found=f"{demand.stages[0].left(cut_off_us):,} known; none is {lost}",
    )  # fmt: skip


def _inside(history: PlaceHistory, shifts: Sequence[Shift], cut_off_us: int) -> int:
    """How many events, in the version that counts at the cut-off, occurred in any of the shifts; each once."""
    if not shifts:
        return 0
    final = (history.known_at < cut_off_us) & (cut_off_us <= history.superseded_at)
    start, end = shift_bounds(tuple(shifts))
    order = np.argsort(start, kind="stable")
    reach = np.maximum.accumulate(end[order])
    before = np.searchsorted(start[order], history.occurred_at[final], side="right")
    inside = (before > 0) & (history.occurred_at[final] < reach[np.maximum(before, 1) - 1])
    return int(np.count_nonzero(inside))


def _unflagged(
    usable: NDArray[np.int64], shifts: tuple[Shift, ...], flagged: Sequence[FlaggedDay], outcome: Collection[str],
    site: Site,
) -> NDArray[np.int64]:  # fmt: skip
    """The shifts of which no part lies on a flagged day of an outcome source."""
    start, end = shift_bounds(shifts)
    kept = np.ones(len(shifts), dtype=bool)
    for one in flagged:
        if one.source in outcome:
            first, last = (_midnight(one.day + timedelta(days=more), site) for more in (0, 1))
            kept &= (end <= first) | (start >= last)
    return usable[kept[usable]]


def _midnight(day: date, site: Site) -> int:
    return microseconds(utc_from_local(datetime.combine(day, time()), site.time_zone, ambiguous="first"))


def _rows(cells: Cells, shifts: tuple[Shift, ...], issue_hours: float) -> PlaceRows:
    starts = np.array([microseconds(shift.start) for shift in shifts], dtype=np.int64)
    return PlaceRows(cells, shifts, starts - round(issue_hours * MICROSECONDS_PER_HOUR))


def usable_shifts(recipe: TrainingRecipe, shifts: tuple[Shift, ...], site: Site) -> NDArray[np.int64]:
    """The shifts after the warm-up, inside the days that the recipe names. Raises DataError when there is none."""
    grid = recipe.grid
    first = shifts[0].start + timedelta(days=grid.warm_up_days) if shifts else None
    usable = [
        number for number, shift in enumerate(shifts)
        if first is not None and shift.start >= first
        and (grid.first_day is None or shift.start.astimezone(site.time_zone).date() >= grid.first_day)
        and (grid.last_day is None or shift.start.astimezone(site.time_zone).date() <= grid.last_day)
    ]  # fmt: skip
    if not usable:
        raise DataError(
            "CR-TRAIN-002", "the data are too short for one shift of the grid",
            wanted=f"shifts after a warm-up of {grid.warm_up_days} days", found=f"{len(shifts)} shifts in all",
        )  # fmt: skip
    return np.array(usable, dtype=np.int64)
