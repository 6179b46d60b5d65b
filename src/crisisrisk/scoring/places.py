"""How many contacts each cell can expect in the coming shifts, beside what is usual, with reasons. Places only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import isnan, nan
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.database.scores import RunMeta
from crisisrisk.disclosure import ALONE, ReleasedMap, released_beside, released_map
from crisisrisk.episodes import crisis_mask
from crisisrisk.errors import UsageError
from crisisrisk.features.caseload import LONGEST_DAYS, CaseloadNumbers, CaseloadRisk, asks_for_caseload
from crisisrisk.features.place import (
    PlaceHistory,
    PlaceRows,
    last_known,
    live_counts,
    place_features,
    place_history,
)
from crisisrisk.features.place_hours import hourly_shares
from crisisrisk.features.place_kernels import NEVER
from crisisrisk.features.place_modes import ModeShares, mode_shares
from crisisrisk.features.place_offset import observed_since, offset_rates, usual_counts
from crisisrisk.features.place_past import place_past
from crisisrisk.models.bundle import Bundle
from crisisrisk.models.comparisons import Comparisons, comparisons
from crisisrisk.models.issue_time import IssueTime, issue_time_for
from crisisrisk.models.late_feeds import Widening
from crisisrisk.models.place_distribution import LEAST_EXPECTED
from crisisrisk.models.place_rules.maps import YEAR, map_and_clock_unit, shrunken_rate_times_factor
from crisisrisk.models.place_rules.rules import PlaceRule
from crisisrisk.models.reasons import Reason, Words, reasons_for
from crisisrisk.models.wording import words_of
from crisisrisk.scoring.caseload import caseload_in
from crisisrisk.scoring.counted import counted
from crisisrisk.scoring.late import late_feeds, measured
from crisisrisk.scoring.outlook import Outlook
from crisisrisk.scoring.people import run_meta
from crisisrisk.scoring.release import released_words
from crisisrisk.scoring.rule_reasons import rule_reasons
from crisisrisk.scoring.spread import Spread
from crisisrisk.tables.cells import Cells, density_of
from crisisrisk.tables.larger_places import areas_of
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot
from crisisrisk.timeline import MICROSECONDS_PER_DAY, MICROSECONDS_PER_HOUR, Shift, instant, microseconds

if TYPE_CHECKING:
    import pandas as pd

Numbers = NDArray[np.float64]
Said = tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class PlaceForecast:
    """Every cell in every shift, shifts in order, the highest expected count of each first.

    `frame` columns: `shift_id, shift_name, start, end, issued_at, issue_hours` (the issue time that answers),
    `hours_ahead` (how long before the shift it was made), `place_id, place_name, latitude, longitude,
    expected, lower, upper` (between them the count lies 80 times in 100 at least), `rank` (1 is highest within its
    shift), `usual`, `quieter, busier` (chances beside usual), `own_dispersion` (how much the count scatters beside what
    all cells share), `reasons` (lists of `direction, share, text, events`,
    true counts, for the signed-in board), `last_contact` (when the last crisis contact known then came there, or None;
    for that board too). What of these may be released, as disclosure control says: `released_` and
    `expected, lower, upper, rank, usual` and `reasons` (none for cells that are told together). `outlooks`: one for
    each shift, `areas`: one for each area in each shift; `released_outlooks` and `released_areas`: of what is released
    alone.
    """

    cells: Cells
    """The map that was forecast: the model's cells, ascending by id."""
    frame: "pd.DataFrame"
    outlooks: tuple[Outlook, ...]
    released_outlooks: tuple[Outlook, ...]
    areas: tuple[Outlook, ...]
    released_areas: tuple[Outlook, ...]
    spread: Spread
    """How the counts of cells scatter, in the order of shifts and of the map's cells, to draw them together."""
    meta: RunMeta


def forecast_shifts(
    model: Bundle, snapshot: Snapshot, site: Site, *, shifts: Sequence[Shift], issued_at: datetime
) -> PlaceForecast:
    """Forecast shifts as of `issued_at` with the recipe inside the bundle, in cells of the size that it was trained on.

    Raises UsageError without a shift, ModelError for a bundle of people.
    """
    if not shifts:
        raise UsageError(
            "CR-USE-001", "no shift starts then", hint="see [[shift]] in crisisrisk.toml, or ask for more hours"
        )
    if model.task.cells_level is not None:  # the site may have chosen others since
        site = replace(site, cells=site.cells.at(model.task.cells_level))
    scorer = _Forecaster(model, site, snapshot, tuple(shifts), issued_at)
    return scorer.forecast(run_meta(model, snapshot, as_of=issued_at))


def _caseload(model: Bundle, snapshot: Snapshot, site: Site, cells: Cells, issued_at: datetime) -> CaseloadRisk | None:
    """The people that sums are over, with the bundle's weights; None where it has no such column."""
    task = model.task
    if not asks_for_caseload(model.features):
        return None
    since = microseconds(issued_at) - LONGEST_DAYS * MICROSECONDS_PER_DAY
    caseload = caseload_in(snapshot, site, cells, rule=task.crisis, cohort=task.cohort, since=since)
    return CaseloadRisk(caseload, task.caseload or CaseloadNumbers())


@dataclass(frozen=True)
class _Forecaster:
    model: Bundle
    site: Site
    snapshot: Snapshot
    shifts: tuple[Shift, ...]
    issued_at: datetime

    def forecast(self, meta: RunMeta) -> PlaceForecast:
        known = counted(self.model, self.snapshot, self.site)
        cells, events = known.cells, known.events
        issued = np.full(len(self.shifts), microseconds(self.issued_at), dtype=np.int64)
        rows = PlaceRows(cells, self.shifts, issued)
        task = self.model.task
        history = place_history(events, cells, self.site.cells, counted=crisis_mask(task.crisis, events))
        late = late_feeds(
            self.model, self.snapshot, self.site, history, events, issued_at=self.issued_at,
            complete_to=meta.data_complete_to,
        )  # fmt: skip
        widening = measured(self.model).widening(late)
        rule = self.model.place_model.rule
        if rule is not None:
            return self._by_rule(rule, history, events, rows, meta, widening)
        caseload = _caseload(self.model, self.snapshot, self.site, cells, self.issued_at)
        features = place_features(
            self.model.features, events, rows, site=self.site, caseload=caseload, echoes=self.echoes(history, rows)
        )
        features = features.reshape(-1, features.shape[2])
        steady = offset_rates(
            history,
            rows,
            self.site,
            lookback_days=task.offset_lookback_days,
            prior_events=task.offset_prior_events,
            latency_hours=task.offset_latency_hours,
        ).reshape(-1)
        offset = self._mixed(history, rows, steady)
        model, names = self.model.place_model, self.model.features.names
        hold = np.repeat([one.hold for one in self.times], len(cells))
        moved = self._moved_before(history, rows, features)
        expected = model.expected(features, names, offset=offset + hold * moved.sum(axis=1), hold=hold)
        usual = usual_counts(history, rows, self.site, latency_hours=task.offset_latency_hours).reshape(-1)
        usual = np.where(np.isnan(usual), np.exp(steady), usual)
        moved = (model.contributions(features, names) + moved) * hold[:, None]
        beside = comparisons(
            self.model.features, features, shifts=len(self.shifts), history_days=self._history_days(history)
        )
        words = beside.words(features)
        found = reasons_for(self.model.features, moved, features, words=words)
        speaker = _Speaker(self.model, beside, words)
        hourly = hourly_shares(
            history, rows, self.site, lookback_days=task.offset_lookback_days, latency_hours=task.offset_latency_hours
        )
        modes = mode_shares(
            history, events, rows, self.site, lookback_days=task.offset_lookback_days,
            latency_hours=task.offset_latency_hours,
        )  # fmt: skip
        shape = (len(self.shifts), len(cells))
        spread = self._spread(cells, expected.reshape(shape), widening)
        said = [speaker.said(row, reasons) for row, reasons in enumerate(found)]
        steady = np.exp(steady).reshape(shape)
        times, moment = rows.moments()
        contacts = np.maximum(live_counts(history, times, YEAR).sum(axis=0, dtype=np.int64), 1)[moment]
        units = [np.maximum(one.sum(axis=1), LEAST_EXPECTED) / contacts for one in (spread.expected, steady)]
        return self._side_by_side(
            history, rows, spread, usual.reshape(shape), (hourly, modes), [live for live, _ in said],
            released_map(spread.expected, units[0], steady, units[1], parents=cells.parent_numbers),
            lambda row: said[row][1], meta,
        )  # fmt: skip

    def _by_rule(
        self, rule: PlaceRule, history: PlaceHistory, events: pa.Table, rows: PlaceRows, meta: RunMeta,
        widening: Widening,
    ) -> PlaceForecast:  # fmt: skip
        """The forecast of a simple rule: as its backtest made it for the same moment."""
        past = place_past(history, rows, self.site, latency_hours=rule.latency_hours)
        spread = self._spread(rows.cells, rule.expected(past), widening)
        usual = usual_counts(history, rows, self.site, latency_hours=rule.latency_hours)
        usual = np.where(np.isnan(usual), spread.expected, usual)
        hourly = hourly_shares(history, rows, self.site, latency_hours=rule.latency_hours)
        modes = mode_shares(history, events, rows, self.site, latency_hours=rule.latency_hours)
        steady = shrunken_rate_times_factor(past)
        live, for_release = rule_reasons(rule, past)
        released = released_map(
            spread.expected, rule.unit(past), steady, map_and_clock_unit(past), parents=rows.cells.parent_numbers
        )
        return self._side_by_side(
            history, rows, spread, usual, (hourly, modes), live, released, lambda row: for_release[row], meta
        )  # fmt: skip

    def _side_by_side(
        self, history: PlaceHistory, rows: PlaceRows, spread: Spread, usual: Numbers,
        shares: tuple[Sequence[Numbers], Sequence[ModeShares]], live: Sequence[Said], released: ReleasedMap,
        for_release: Callable[[int], Said], meta: RunMeta,
    ) -> PlaceForecast:  # fmt: skip
        """Live and released. `shares`: of each shift those of its hours and of its modes.

        `live`, `for_release`: reasons by row (shift × cell, flat).
        """
        told, areas = replace(spread, expected=released.expected), areas_of(rows.cells, self.snapshot.table("places"))
        order, ranks = _ranked(spread.expected)
        frame = _frame(rows, spread, usual, live, order, ranks)
        frame["last_contact"] = _objects(_last_contacts(history, rows, order))
        interval, alone = told.of_cells(), (released.group == ALONE).reshape(-1)
        columns = {
            "expected": released.expected, "lower": interval.lower, "upper": interval.upper, "rank": released.rank,
            "usual": released.usual,
        }  # fmt: skip
        for name, values in columns.items():
            frame[f"released_{name}"] = values.reshape(-1)[order]
        frame["released_reasons"] = _objects([for_release(row) if alone[row] else () for row in order.tolist()])
        outlooks, of_released = spread.outlooks(usual, *shares), told.outlooks(released.usual, *shares)
        return PlaceForecast(
            cells=rows.cells,
            frame=frame,
            outlooks=outlooks,
            released_outlooks=of_released,
            areas=spread.area_outlooks(usual, areas),
            released_areas=told.area_outlooks(released.usual, areas),
            spread=spread,
            meta=replace(
                _with_modes(meta, outlooks, of_released), widened_by=spread.widening.by if spread.is_wider else ()
            ),
        )

    @property
    def hours_ahead(self) -> tuple[float, ...]:
        """How long before each shift the forecast is made; 0 for one that runs already."""
        issued = microseconds(self.issued_at)
        return tuple(max((microseconds(one.start) - issued) / MICROSECONDS_PER_HOUR, 0.0) for one in self.shifts)

    @property
    def times(self) -> tuple[IssueTime, ...]:
        """Of each shift the issue time that answers for it."""
        return tuple(issue_time_for(self.model.issue_times, ahead) for ahead in self.hours_ahead)

    def _spread(self, cells: Cells, expected: Numbers, widening: Widening) -> Spread:
        return Spread(self.times, self.hours_ahead, self.shifts, density_of(cells), expected, widening)

    def echoes(self, history: PlaceHistory, rows: PlaceRows) -> Numbers | None:
        """What known contacts are still to bring, by the bundle's weights; None where it has no such column."""
        task = self.model.task
        if task.echo is None:
            return None
        return task.echo.column(place_past(history, rows, self.site, latency_hours=task.offset_latency_hours))

    def _mixed(self, history: PlaceHistory, rows: PlaceRows, steady: Numbers) -> Numbers:
        """The offset of each row and cell, flat: by the bundle's kinds of week where it has them, else `steady`."""
        task = self.model.task
        if task.profiles is None:
            return steady
        found = task.profiles.log_expected(history, rows, self.site, latency_hours=task.offset_latency_hours)
        return found.reshape(-1)

    def _moved_before(self, history: PlaceHistory, rows: PlaceRows, features: NDArray[np.float32]) -> Numbers:
        """What recent counts add before the trees, as the trees' own contributions. Shape (rows × cells, features + 1).

        Each part stands with the column that its term is made of; the last is of none. All 0 without the regression.
        """
        task, width = self.model.task, features.shape[1]
        if task.recent is None or task.profiles is None:
            return np.zeros((len(features), width + 1))
        matrix = features.reshape(len(rows), len(rows.cells), width)
        a_day = task.profiles.a_day(history, rows, self.site, latency_hours=task.offset_latency_hours)
        columns, rest = task.recent.by_column(self.model.features, matrix, a_day, rows.cells)
        return np.concatenate([columns, rest[:, :, None]], axis=2).reshape(len(features), width + 1)

    def _history_days(self, history: PlaceHistory) -> float:
        now = microseconds(self.issued_at)
        began = int(observed_since(history, np.array([now], dtype=np.int64))[0])
        return (now - began) / MICROSECONDS_PER_DAY


def _with_modes(meta: RunMeta, outlooks: Sequence[Outlook], released: Sequence[Outlook]) -> RunMeta:
    """What the run says of how contacts are made in each shift."""
    return replace(
        meta,
        modes={
            one.shift_id: {"expected": dict(one.modes), "released": dict(told.released_modes)}
            for one, told in zip(outlooks, released, strict=True)
        },
    )


def _ranked(expected: Numbers) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows (shift × cell, flat) in order of shift, then falling expected count; and the rank of each in that order."""
    cells = expected.shape[1]
    order = np.argsort(-expected, axis=1, kind="stable")
    flat = (order + np.arange(len(expected))[:, None] * cells).reshape(-1)
    return flat.astype(np.int64), np.tile(np.arange(1, cells + 1), len(expected)).astype(np.int64)


def _last_contacts(history: PlaceHistory, rows: PlaceRows, order: NDArray[np.int64]) -> list[datetime | None]:
    """Of rows (shift × cell, flat) when the last contact there came that was known as the shift was forecast."""
    times, moment = rows.moments()
    shift, cell = np.divmod(order, len(rows.cells))
    found = last_known(history, times)[cell, moment[shift]].tolist()
    return [None if one == NEVER else instant(one) for one in found]


def _objects(values: Sequence[object]) -> "pd.Series[Any]":
    import pandas as pd

    return pd.Series(list(values), dtype=object)


def _frame(
    rows: PlaceRows, spread: Spread, usual: Numbers, reasons: Sequence[object],
    order: NDArray[np.int64], ranks: NDArray[np.int64],
) -> "pd.DataFrame":  # fmt: skip
    import pandas as pd

    cells = rows.cells
    shift, cell = np.divmod(order, len(cells))
    shifts = [rows.shifts[one] for one in shift.tolist()]
    interval = spread.of_cells()
    beside = spread.cells_beside(usual)
    return pd.DataFrame(
        {
            "shift_id": [one.id for one in shifts],
            "shift_name": [one.name for one in shifts],
            "start": [one.start for one in shifts],
            "end": [one.end for one in shifts],
            "issued_at": [instant(int(rows.issued_at[one])) for one in shift.tolist()],
            "issue_hours": [spread.times[one].hours for one in shift.tolist()],
            "hours_ahead": [spread.hours_ahead[one] for one in shift.tolist()],
            "place_id": [cells.ids[one] for one in cell.tolist()],
            "place_name": [cells.names[one] for one in cell.tolist()],
            "latitude": cells.latitude[cell],
            "longitude": cells.longitude[cell],
            "expected": spread.expected.reshape(-1)[order],
            "lower": interval.lower.reshape(-1)[order],
            "upper": interval.upper.reshape(-1)[order],
            "rank": ranks,
            "usual": usual.reshape(-1)[order],
            "quieter": beside.quieter.reshape(-1)[order],
            "busier": beside.busier.reshape(-1)[order],
            "own_dispersion": spread.own_dispersions().reshape(-1)[order],
            "reasons": _objects([reasons[row] for row in order.tolist()]),
        }
    )


@dataclass(frozen=True)
class _Speaker:
    """Puts reasons of places into words, beside what the time before says is usual."""

    model: Bundle
    beside: Comparisons
    words: Words
    told: dict[tuple[int, float], str] = field(default_factory=dict)
    released: dict[tuple[int, float, str | None], str] = field(default_factory=dict)

    def said(self, row: int, reasons: Sequence[Reason]) -> tuple[Said, Said]:
        """The reasons with true counts, for the signed-in board, and without any, for files."""
        texts = [self._texts(row, reason) for reason in reasons]
        live, released = (
            tuple(_as_json(reason, text[kind]) for reason, text in zip(reasons, texts, strict=True)) for kind in (0, 1)
        )
        return live, released

    def _texts(self, row: int, reason: Reason) -> tuple[str, str]:
        """The same for both; most cells of a shift have few of these to say, so that each is put into words once."""
        feature, value, book = reason.feature, reason.value, self.model.phrases
        spec, usual = self.model.features.specs[feature], float(self.beside.usual[row, feature])
        if (asked := (feature, value)) not in self.told:
            self.told[asked] = words_of(spec, value, book.sources)
        if self.words.by_themselves(row, reason):
            live, released = _beside(usual), usual
        else:  # no count is released, so that nothing there can say what makes it a reason all the same
            live, released = _beside_others(usual, float(self.beside.average[row, feature])), nan
        beside = None if isnan(released) else released_beside(value, released)
        if (alike := (feature, value, beside)) not in self.released:
            self.released[alike] = released_words(spec, value, released, book)
        return self.told[asked] + live, self.released[alike]


def _beside(usual: float) -> str:
    return "" if isnan(usual) else f" (usual: {_usual(usual)})"


def _beside_others(usual: float, average: float) -> str:
    """Where the usual alone would say the opposite: "(usual here: 17, in an average place: 2.1)"."""
    return f" (usual here: {_usual(usual)}, in an average place: {average:.1f})"


def _usual(usual: float) -> str:
    return str(round(usual) or "none")


def _as_json(reason: Reason, text: str) -> dict[str, Any]:
    return {"direction": reason.direction, "share": reason.share, "text": text, "events": []}
