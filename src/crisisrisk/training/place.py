"""Train and judge a model of places: how many outcome events each cell can expect in each shift."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import DataError
from crisisrisk.evaluation.place_affected import affected_outcome
from crisisrisk.evaluation.place_baselines import Fold, place_baselines
from crisisrisk.evaluation.place_breakdown import Before
from crisisrisk.evaluation.place_coverage import PlaceIntervals, coverage_report
from crisisrisk.evaluation.place_metrics import deviance_floor
from crisisrisk.evaluation.place_record import place_records, records_json
from crisisrisk.evaluation.place_report import JudgedShifts, PlaceReport, place_report
from crisisrisk.evaluation.splits import ShiftSplit, shift_split, weeks_of
from crisisrisk.features.place_past import PlacePast, issued_before, place_past
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.models.place_distribution import LEVELS, SHOWN_LEVEL, PlaceDistribution
from crisisrisk.models.place_rules.rules import fitted_rule
from crisisrisk.models.place_scatter import density_class, fit_distribution
from crisisrisk.models.risk_model import PlaceModel, rule_model
from crisisrisk.models.scattered_forecast import ScatteredForecast
from crisisrisk.tables.cells import density_of
from crisisrisk.tables.site import Site
from crisisrisk.timeline import utc_from_local
from crisisrisk.training.fitting import Block, fit_trees
from crisisrisk.training.place_data import PlaceData
from crisisrisk.training.progress import NOTHING_KEPT, Progress
from crisisrisk.training.recipe import ModelSettings, TrainingRecipe
from crisisrisk.training.sampling import SampledRows, sample_down_to

Shifts = NDArray[np.int64]


def fit_place(
    recipe: TrainingRecipe,
    features: FeatureRecipe,
    data: PlaceData,
    *,
    train: Shifts,
    validation: Shifts,
    progress: Progress = NOTHING_KEPT,
) -> PlaceModel:
    """Trees over the offset from the training shifts, as many as do best on the validation shifts.

    How counts scatter around them is fitted on the validation shifts too.
    """
    blocks = (train_block(recipe.model, data, train), block_of(data, validation))
    model = PlaceModel(fit_trees("place", features.names, *blocks, recipe.model, progress))
    validated = data.usable[data.rows_of(validation)]
    distribution = fit_distribution(
        expected_for(model, features, data, validation), data.counts[validated], data.names_of(validated),
        density_of(data.cells),
    )  # fmt: skip
    return replace(model, distribution=distribution)


def fit_rule(name: str, past: PlacePast, data: PlaceData, *, train: Shifts, validation: Shifts) -> PlaceModel:
    """A simple rule as the model, fitted on all that trees would see; how counts scatter on the validation shifts."""
    seen = np.concatenate([train, validation])
    rule = fitted_rule(name, past.only(seen), data.counts[seen])
    expected = rule.expected(past.only(validation))
    names = data.names_of(validation)
    return rule_model(rule, fit_distribution(expected, data.counts[validation], names, density_of(data.cells)))


def block_of(data: PlaceData, shifts: Shifts) -> Block:
    """Every cell in some usable shifts, to stop or to judge on."""
    rows = data.rows_of(shifts)
    return Block(_matrix(data, rows), data.counts[data.usable[rows]].reshape(-1), _below_trees(data, rows))


def _below_trees(data: PlaceData, rows: Shifts, *, hold: float = 1.0) -> NDArray[np.float64]:
    """Log of what is expected before the trees, shape (rows × cells,): the map, and what recent counts add to it."""
    below = data.offset[rows] if data.moved is None else data.offset[rows] + hold * data.moved[rows]
    return below.reshape(-1)


def train_block(settings: ModelSettings, data: PlaceData, shifts: Shifts) -> Block:
    """The same to fit on: where there are more rows than `most_rows`, a draw of those without an event."""
    whole, sample = block_of(data, shifts), train_sample(settings, data, shifts)
    if sample.weights is None or whole.offset is None or not isinstance(whole.features, np.ndarray):
        return whole
    return Block(whole.features[sample.rows], whole.labels[sample.rows], whole.offset[sample.rows], sample.weights)


def train_sample(settings: ModelSettings, data: PlaceData, shifts: Shifts) -> SampledRows:
    """Which rows of the usable shifts, cell by cell in each, are fitted on."""
    happened = data.counts[data.usable[data.rows_of(shifts)]].reshape(-1) > 0
    rows = np.arange(len(happened), dtype=np.int64)
    return sample_down_to(rows, happened, most=settings.most_rows, seed=settings.seed)


def _matrix(data: PlaceData, rows: Shifts) -> NDArray[np.float32]:
    """The features of some usable shifts, shape (shifts × cells, features): without a copy where they are a run."""
    run = len(rows) > 0 and rows[-1] - rows[0] == len(rows) - 1
    part = data.features[rows[0] : rows[-1] + 1] if run else data.features[rows]
    return part.reshape(-1, data.features.shape[2])


def expected_for(
    model: PlaceModel, features: FeatureRecipe, data: PlaceData, shifts: Shifts, *, hold: float = 1.0
) -> NDArray[np.float64]:
    """Expected counts of usable shifts. Shape (shifts, cells).

    `hold`: how much counts of what recent counts and the trees add to the simple forecast.
    """
    rows = data.rows_of(shifts)
    offset = _below_trees(data, rows, hold=hold)
    expected = model.expected(_matrix(data, rows), features.names, offset=offset, hold=hold)
    return expected.reshape(len(rows), len(data.cells))


@dataclass(frozen=True, eq=False)
class ServedForecast:
    """What a model says of some shifts as it is served: counts, how they scatter, and the intervals around them."""

    forecast: ScatteredForecast
    intervals: PlaceIntervals


def served(spread: PlaceDistribution, data: PlaceData, shifts: Shifts, expected: NDArray[np.float64]) -> ServedForecast:
    """What a model's own distribution says around `expected`, shape (shifts, cells)."""
    density, names = density_of(data.cells), data.names_of(shifts)
    kinds = spread.kind_numbers(names)
    strata = spread.strata(kinds, density, expected)
    intervals = PlaceIntervals(
        {level: spread.interval(expected, strata, level=level) for level in LEVELS},
        {level: spread.total_interval(expected, strata, kinds, level=level) for level in LEVELS},
    )
    return ServedForecast(ScatteredForecast.of(spread, expected, names, density), intervals)


def interval_report(data: PlaceData, shifts: Shifts, told: ServedForecast) -> dict[str, Any]:
    """How often the counts of some shifts lay inside, by stratum; and the deviance that chance leaves to totals."""
    expected = told.forecast.expected
    report = coverage_report(
        told.intervals, expected, data.counts[shifts],
        kinds=data.names_of(shifts), density_class=density_class(density_of(data.cells)),
    )  # fmt: skip
    return {**report, "area_floor": asdict(deviance_floor(expected.sum(axis=1), seed=0))}


def record_of_places(data: PlaceData, shifts: Shifts, told: ServedForecast) -> list[dict[str, Any]]:
    """How often each place has been right, as a report may show it."""
    shown = told.intervals.cells[SHOWN_LEVEL]
    return records_json(place_records(data.cells, told.forecast, shown, data.counts[shifts]))


def judge_place(
    recipe: TrainingRecipe,
    data: PlaceData,
    site: Site,
    folds: Sequence[Fold],
    told: ServedForecast,
    *,
    origins: int,
    is_baseline: str | None = None,
    workers: int = 1,
) -> PlaceReport:
    """The report on the tested shifts of all folds. `told`: what was forecast of them, in their order."""
    shifts = np.concatenate([fold.test for fold in folds])
    panel = place_baselines(past_of(recipe, data, site), data.counts, folds, workers=workers)
    report = place_report(
        told.forecast,
        data.counts[shifts],
        baselines=panel.forecasts,
        left_out=panel.left_out,
        shifts=_judged(data, site, shifts),
        intervals=told.intervals,
        origins=origins,
        seed=recipe.model.seed,
        resamples=recipe.report.bootstrap_samples,
        is_baseline=is_baseline,
        workers=workers,
    )
    return replace(report, treatment_affected=_affected(recipe, data, shifts, told.forecast.expected))


def _judged(data: PlaceData, site: Site, shifts: Shifts) -> JudgedShifts:
    judged = [data.shifts[one] for one in shifts]
    kinds = tuple(dict.fromkeys(one.name for one in judged))
    area, decile = data.cells.area_km2, data.cells.deprivation_decile
    kind = np.array([kinds.index(one.name) for one in judged], dtype=np.int64)
    return JudgedShifts(
        week=weeks_of(judged, site.time_zone),
        kind=kind,
        kinds=kinds,
        like=kind * 7 + np.array([one.weekday for one in judged], dtype=np.int64),
        area=area if np.isfinite(area).all() else None,
        deprivation_decile=decile if np.isfinite(decile).any() else None,
        district=data.cells.parent_numbers if data.cells.parents else None,
        team_cells=_team_cells(site, [one.name for one in judged]),
        before=Before(data.counts[: int(shifts.min())], season=sum(len(one.weekdays) for one in site.shifts)),
    )


def _team_cells(site: Site, names: Sequence[str]) -> Shifts | None:
    """How many cells the teams on duty can cover in each shift, 0 where the site does not say; None where nowhere."""
    by_name = {one.name: one.teams * one.cells_per_team for one in site.shifts}
    found = np.array([by_name.get(name, 0) for name in names], dtype=np.int64)
    return found if found.any() else None


def _affected(
    recipe: TrainingRecipe, data: PlaceData, shifts: Shifts, expected: NDArray[np.float64]
) -> dict[str, Any] | None:
    """What the outcome is without the sources that a team's own presence changes; None where the recipe names none."""
    if data.counts_unaffected is None:
        return None
    area = data.cells.area_km2
    return affected_outcome(
        expected, data.counts[shifts], data.counts_unaffected[shifts], sources=recipe.outcome.treatment_affected,
        area=area if np.isfinite(area).all() else None,
        team_out=None if data.team_out is None else data.team_out[shifts],
    )  # fmt: skip


def past_of(recipe: TrainingRecipe, data: PlaceData, site: Site, *, hours: float | None = None) -> PlacePast:
    """What was known of earlier shifts when each shift of the data was forecast.

    `hours`: the issue time; the recipe's first by default.
    """
    rows = issued_before(data.cells, data.shifts, issue_hours=recipe.grid.issue_hours[0] if hours is None else hours)
    return place_past(data.history, rows, site, latency_hours=data.latency_hours)


def fold_of(split: ShiftSplit) -> Fold:
    """What the baselines are fitted on, take their scatter from and are judged on: as the model."""
    return Fold(np.concatenate([split.train, split.validation]), split.validation, split.test)


def last_split(recipe: TrainingRecipe, data: PlaceData, site: Site) -> ShiftSplit:
    """The last `test_days` test, the block before validates, everything earlier trains."""
    last = data.shifts[data.usable[-1]]
    first_day = last.start.astimezone(site.time_zone).date() - timedelta(days=recipe.split.test_days - 1)
    origin = utc_from_local(datetime.combine(first_day, time()), site.time_zone, ambiguous="first")
    return usable_split(
        shift_split(
            data.shifts, origin=origin, test_days=recipe.split.test_days, validation_days=recipe.split.validation_days,
            issue_hours=recipe.grid.longest_issue_hours, latency_hours=data.latency_hours,
        ),
        data,
    )  # fmt: skip


def require_shifts(split: ShiftSplit, *, before: datetime, wanted: str) -> None:
    """Raises DataError where a part of a split has no shift. `wanted`: what would leave it some."""
    if not len(split.test):
        raise DataError(
            "CR-TRAIN-002", f"nothing to judge on from {before:%Y-%m-%d}",
            wanted="origins with a whole block of shifts after them",
        )  # fmt: skip
    if not len(split.train) or not len(split.validation):
        raise DataError(
            "CR-TRAIN-002", f"nothing to fit on before {before:%Y-%m-%d}", wanted=wanted,
            found=f"{len(split.train)} shifts to train and {len(split.validation)} to validate on, after the warm-up",
        )  # fmt: skip


def usable_split(split: ShiftSplit, data: PlaceData) -> ShiftSplit:
    """A split of the usable shifts only: those of the warm-up have no features."""
    train, validation, test = (part[np.isin(part, data.usable)] for part in (split.train, split.validation, split.test))
    return ShiftSplit(split.origin, train, validation, test)


@dataclass(frozen=True)
class JudgedPlace:
    """A fitted model of places with its report and the test shifts that it was judged on."""

    model: PlaceModel
    report: PlaceReport
    intervals: dict[str, Any]
    places: list[dict[str, Any]]
    """How often each place has been right."""
    fitted_on: str
    """Which rows the trees were fitted on, in words."""
    test: Shifts
    trained_rows: int
    judged_on: str
    issue_times: Sequence[Mapping[str, Any]] = ()
    """The same shifts at every issue time of the recipe, shortest first, once they were judged there."""


def train_and_judge(
    recipe: TrainingRecipe,
    features: FeatureRecipe,
    data: PlaceData,
    site: Site,
    *,
    tell: Callable[[str], None],
    progress: Progress = NOTHING_KEPT,
    baseline: str | None = None,
) -> JudgedPlace:
    """Fit on train and validation, open the test shifts once. `baseline`: the simple rule in place of trees."""
    split = last_split(recipe, data, site)
    days = f"{recipe.grid.warm_up_days} days of warm-up, {recipe.split.validation_days} and {recipe.split.test_days}"
    require_shifts(
        split, before=split.origin, wanted=f"more history than {days} to validate and to judge on, or fewer of them"
    )
    trained = len(split.train) * len(data.cells)
    what = baseline or f"{len(features.names)} features"
    tell(f"fitting on {len(split.train):,} shifts × {len(data.cells):,} cells, {what} …")
    past = past_of(recipe, data, site)
    model = (
        fit_place(recipe, features, data, train=split.train, validation=split.validation, progress=progress)
        if baseline is None
        else fit_rule(baseline, past, data, train=split.train, validation=split.validation)
    )
    tell(f"judging on {len(split.test):,} shifts beside the baselines …")
    expected = (
        expected_for(model, features, data, split.test)
        if model.rule is None
        else model.rule.expected(past.only(split.test))
    )
    told = served(model.distribution, data, split.test, expected)
    report = judge_place(recipe, data, site, [fold_of(split)], told, origins=1, is_baseline=baseline)
    first, last = (data.shifts[split.test[end]].start.astimezone(site.time_zone) for end in (0, -1))
    trained_to = data.shifts[split.train[-1]].end.astimezone(site.time_zone)
    text = (
        f"trained on {len(split.train):,} shifts × {len(data.cells):,} cells to {trained_to:%-d %b %Y}, "
        f"judged on {len(split.test):,} shifts, {first:%-d %b %Y} to {last:%-d %b %Y}"
    )
    return JudgedPlace(
        model=model,
        report=report,
        intervals=interval_report(data, split.test, told),
        places=record_of_places(data, split.test, told),
        fitted_on=str(train_sample(recipe.model, data, split.train)) if baseline is None else "",
        test=split.test,
        trained_rows=trained,
        judged_on=text,
    )
