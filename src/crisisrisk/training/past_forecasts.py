"""Shifts of the past, forecast as they would have been: by a model that had seen none of them.

Either the model that answers, where it was trained before the first of them was forecast; or models of the same
recipe, fitted again every few weeks on shifts that were over and known by then, as a backtest fits them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import partial
from itertools import count, takewhile

import numpy as np

from crisisrisk.errors import DataError
from crisisrisk.evaluation.splits import shift_split
from crisisrisk.models.bundle import Bundle
from crisisrisk.models.risk_model import PlaceModel
from crisisrisk.models.scattered_forecast import ScatteredForecast
from crisisrisk.tables.cells import density_of
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot
from crisisrisk.timeline import Window, shifts_starting_in, utc_from_local
from crisisrisk.training.backtesting import stage_of
from crisisrisk.training.keeping import Recipes
from crisisrisk.training.place import Shifts, expected_for, fit_place, past_of, usable_split
from crisisrisk.training.place_data import PlaceData, place_data
from crisisrisk.training.place_signals import with_signals
from crisisrisk.training.progress import Arrays, Progress
from crisisrisk.training.recipe import TrainingRecipe

NAMES = ("expected", "dispersion", "shared")
Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Days:
    """Local days, both included. `shift`: only shifts of this name; None for every one."""

    first: date
    last: date
    shift: str | None = None

    def __len__(self) -> int:
        return (self.last - self.first).days + 1


@dataclass(frozen=True, kw_only=True, eq=False)
class PastForecasts:
    """Forecasts of past shifts. `shifts`: their numbers in the data, ascending; `block`: which fit is behind each.

    `issue_hours`: how long before each shift it was forecast. `left_out`: shifts of the days that the data cannot
    answer for. `by`: whose forecasts they are, in words.
    """

    data: PlaceData
    shifts: Shifts
    block: Shifts
    forecast: ScatteredForecast
    issue_hours: float
    left_out: int
    by: str


def trained_before(bundle: Bundle, days: Days, site: Site) -> bool:
    """Whether a bundle knew nothing of the days: nothing known when it would first have forecast one, or later."""
    hours = TrainingRecipe.from_json(bundle.training_recipe).grid.longest_issue_hours
    first_issue = midnight(days.first, site) - timedelta(hours=hours)
    return datetime.fromisoformat(bundle.manifest.training_cut_off) <= first_issue


def midnight(day: date, site: Site) -> datetime:
    """When a local day begins."""
    return utc_from_local(datetime.combine(day, time()), site.time_zone, ambiguous="first")


def by_bundle(bundle: Bundle, snapshot: Snapshot, site: Site, days: Days) -> PastForecasts:
    """The forecasts of a model that was trained before."""
    recipe = _until(TrainingRecipe.from_json(bundle.training_recipe), days)
    recipe = replace(recipe, grid=replace(recipe.grid, first_day=days.first))
    rule = bundle.place_model.rule
    if bundle.task.cells_level is not None:
        site = replace(site, cells=site.cells.at(bundle.task.cells_level))
    data = place_data(
        recipe, bundle.features if rule is None else None, snapshot, site, held_out_days=len(days),
        caseload_numbers=bundle.task.caseload, echo=bundle.task.echo,
        profiles=bundle.task.profiles, recent=bundle.task.recent,
    )  # fmt: skip
    shifts = _asked(data, site, days)
    expected = (
        expected_for(bundle.place_model, bundle.features, data, shifts)
        if rule is None
        else rule.expected(past_of(recipe, data, site).only(shifts))
    )
    return PastForecasts(
        data=data,
        shifts=shifts,
        block=np.zeros(len(shifts), dtype=np.int64),
        forecast=_scattered(bundle.place_model, data, shifts, expected),
        issue_hours=recipe.grid.issue_hours[0],
        left_out=_left_out(site, days, shifts),
        by=f"the model that answers ({bundle.manifest.name} v{bundle.manifest.version}), trained on what was known "
        f"before {bundle.manifest.training_cut_off[:10]}",
    )  # fmt: skip


def by_refits(
    recipes: Recipes, snapshot: Snapshot, site: Site, days: Days, *, weeks: int | None, tell: Tell, progress: Progress
) -> PastForecasts:
    """Forecasts by models of the recipe, each fitted on what was over before its shifts were forecast.

    `weeks`: how long one of them answers; None: as the recipe's backtest has it. What `progress` has is not fitted
    again. Raises DataError where there is too little before the first day to fit on.
    """
    recipe = _until(recipes.training, days)
    recipes = with_signals(replace(recipes, training=recipe), snapshot, site, held_out_days=len(days))
    tell("reading contacts, cells and shifts …")
    data = place_data(recipe, recipes.features, snapshot, site, held_out_days=len(days))
    each = 7 * (weeks or recipe.split.refit_every_origins)
    asked = _asked(data, site, days)
    found: list[Arrays] = []
    shifts, block = [], []
    for number, (origin, train, validation, test) in enumerate(_blocks(recipe, data, site, days, each)):
        wanted = test[np.isin(test, asked)]
        if not len(wanted):
            continue
        stage = stage_of(train, validation, wanted, about=f"{site.cells.level} {data.cells_known_before.isoformat()}")
        fitting = f"fitting on {len(train):,} shifts …"
        tell(f"{origin:%-d %b %Y}: {'fitted before' if progress.has(stage) else fitting}")
        found.append(progress.arrays(stage, partial(_forecast, recipes, data, train, validation, wanted)))
        shifts.append(wanted)
        block.append(np.full(len(wanted), number, dtype=np.int64))
    return PastForecasts(
        data=data,
        shifts=np.concatenate(shifts),
        block=np.concatenate(block),
        forecast=ScatteredForecast.joined(
            [ScatteredForecast(*(np.asarray(one[name], dtype=np.float64) for name in NAMES)) for one in found]
        ),
        issue_hours=recipe.grid.issue_hours[0],
        left_out=_left_out(site, days, asked),
        by=f"{_count(len(found), 'model')} of the recipe {recipe.name}, {_count(each // 7, 'week')} each, fitted on "
        "shifts that were over and known before",
    )  # fmt: skip


def _count(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number} {what}s"


def _until(recipe: TrainingRecipe, days: Days) -> TrainingRecipe:
    """The recipe with its last day: nothing after it is learned from, and no map of cells knows it."""
    return replace(recipe, grid=replace(recipe.grid, last_day=days.last))


def _asked(data: PlaceData, site: Site, days: Days) -> Shifts:
    """The usable shifts of the days. Raises DataError where there is none."""
    found = [one for one in data.usable.tolist() if _is_asked(data, one, site, days)]
    if not found:
        raise DataError(
            "CR-DATA-005", "there is not one shift to replay", where="--from, --to and --shift",
            found=f"{days.first} to {days.last}" + (f", {days.shift}" if days.shift else ""),
            wanted=_known_days(data, site),
        )  # fmt: skip
    return np.array(found, dtype=np.int64)


def _known_days(data: PlaceData, site: Site) -> str:
    first, last = (data.shifts[data.usable[end]].start.astimezone(site.time_zone) for end in (0, -1))
    return f"days from {first:%Y-%m-%d} to {last:%Y-%m-%d} at most"


def _left_out(site: Site, days: Days, found: Shifts) -> int:
    """Shifts of the days with a flagged day of an outcome source, or of which not everything is known yet."""
    window = Window(midnight(days.first, site), midnight(days.last + timedelta(days=1), site))
    every = shifts_starting_in(site.shifts, window, site.time_zone)
    return sum(days.shift in (None, shift.name) for shift in every) - len(found)


def _is_asked(data: PlaceData, number: int, site: Site, days: Days) -> bool:
    shift = data.shifts[number]
    day = shift.start.astimezone(site.time_zone).date()
    return days.first <= day <= days.last and days.shift in (None, shift.name)


def _blocks(
    recipe: TrainingRecipe, data: PlaceData, site: Site, days: Days, each: int
) -> Iterator[tuple[datetime, Shifts, Shifts, Shifts]]:
    """For each fit its first moment, and the shifts to train, to validate and to forecast."""
    last = data.shifts[data.usable[-1]].start
    firsts = (days.first + timedelta(days=each * number) for number in count())
    for day in takewhile(lambda one: one <= days.last and midnight(one, site) <= last, firsts):
        split = usable_split(
            shift_split(
                data.shifts, origin=midnight(day, site), test_days=each, validation_days=recipe.split.validation_days,
                issue_hours=recipe.grid.longest_issue_hours, latency_hours=data.latency_hours,
            ),
            data,
        )  # fmt: skip
        if not len(split.train) or not len(split.validation):
            raise DataError(
                "CR-TRAIN-002", f"nothing to fit on before {day}", where="--from", wanted="a later first day",
                found=f"{len(split.train)} shifts to train and {len(split.validation)} to validate on, after the "
                "warm-up",
            )  # fmt: skip
        yield midnight(day, site), split.train, split.validation, split.test


def _forecast(recipes: Recipes, data: PlaceData, train: Shifts, validation: Shifts, test: Shifts) -> Arrays:
    model = fit_place(recipes.training, recipes.features, data, train=train, validation=validation)
    told = _scattered(model, data, test, expected_for(model, recipes.features, data, test))
    return {name: getattr(told, name) for name in NAMES}


def _scattered(
    model: PlaceModel, data: PlaceData, shifts: Shifts, expected: "np.ndarray[tuple[int, int], np.dtype[np.float64]]"
) -> ScatteredForecast:
    return ScatteredForecast.of(model.distribution, expected, data.names_of(shifts), density_of(data.cells))
