"""A search for the settings of a fit on folds that never hold a row of the test block.

A study lives in a SQLite file. Each trial depends on the trials that ended before it and on nothing else, so a study
that was stopped and taken up again is the study that never stopped. Features are binned once a fold, for all trials.
"""

import fcntl
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crisisrisk.errors import DataError
from crisisrisk.models.lightgbm_import import lightgbm
from crisisrisk.training.fitting import METRICS, binned, parameters
from crisisrisk.training.inner_folds import InnerFold
from crisisrisk.training.recipe import ModelSettings

FIRST_TRIALS = 8
"""Trials that are drawn at random, before what was found steers, and none of which is stopped early."""


@dataclass(frozen=True, kw_only=True)
class Knob:
    """One setting that is searched, between two values, both included."""

    name: str
    low: float
    high: float
    by_factors: bool = False
    """Whether twice as much is as far everywhere: drawn on a logarithmic scale."""
    whole: bool = False


SPACE = (
    Knob(name="learning_rate", low=0.01, high=0.2, by_factors=True),
    Knob(name="num_leaves", low=4, high=63, by_factors=True, whole=True),
    Knob(name="min_data_in_leaf", low=20, high=2000, by_factors=True, whole=True),
    Knob(name="feature_fraction", low=0.2, high=1.0),
    Knob(name="bagging_fraction", low=0.5, high=1.0),
    Knob(name="lambda_l2", low=0.01, high=100.0, by_factors=True),
)
"""What is searched. The number of trees is not: early stopping finds it. Nor is `max_bin`: bins are made once."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """When the search ends: with so many trials of the study in all, or at a moment of the monotonic clock."""

    trials: int
    until: float = math.inf

    @property
    def spent(self) -> bool:
        return time.monotonic() >= self.until


@dataclass(frozen=True, kw_only=True)
class Ended:
    """One trial that ended: its number among those that did, the mean loss of its folds, and the best so far."""

    number: int
    loss: float
    pruned: bool
    best: float


@dataclass(frozen=True, kw_only=True)
class Found:
    """Where a study stands. Losses are means over the folds."""

    settings: ModelSettings
    """The best that was found: the recipe's own, where no trial was better."""
    changed: Mapping[str, float | int]
    """The searched settings of the best trial; empty where no trial was better."""
    loss: float
    own_loss: float
    trials: int
    pruned: int
    resumed: int
    """Trials that were there before this search began."""


class _OutOfTimeError(Exception):
    """The budget of time ended in the middle of a fit."""


class BinnedFold:
    """A fold whose features are bins, ready to be fitted many times."""

    def __init__(self, subject: str, names: tuple[str, ...], fold: InnerFold, settings: ModelSettings) -> None:
        self.name, self._subject, self._names = fold.name, subject, names
        self._train = binned(fold.train, names, settings)
        self._stop, self._judged = (
            binned(block, names, settings, reference=self._train) for block in (fold.stop, fold.judged)
        )
        for data in (self._train, self._stop, self._judged):
            data.construct()

    def loss(self, settings: ModelSettings, budget: Budget) -> float:
        """Mean loss of the judged rows, with as many trees as do best on the rows that stop."""
        metric, history = METRICS[self._subject], dict[str, Any]()
        watch = _Watch(settings.early_stopping_rounds, budget)
        lightgbm().train(
            parameters(self._subject, settings, self._names),
            self._train,
            num_boost_round=settings.rounds,
            valid_sets=[self._stop, self._judged],
            valid_names=["stop", "judged"],
            callbacks=[lightgbm().record_evaluation(history), watch, lightgbm().log_evaluation(0)],
        )
        return float(history["judged"][metric][watch.best_round])


class _Watch:
    """Stops a fit when the rows that stop it have not improved for so many rounds, or the time is spent."""

    order, before_iteration = 40, False

    def __init__(self, patience: int, budget: Budget) -> None:
        self._patience, self._budget, self._best = patience, budget, math.inf
        self.best_round = 0

    def __call__(self, round_: Any) -> None:
        if self._budget.spent:
            raise _OutOfTimeError
        loss = next(value for name, _, value, _ in round_.evaluation_result_list if name == "stop")
        if loss < self._best:
            self._best, self.best_round = loss, round_.iteration
        elif round_.iteration - self.best_round >= self._patience:
            raise lightgbm().callback.EarlyStopException(self.best_round, round_.evaluation_result_list)


def binned_folds(
    subject: str, names: tuple[str, ...], folds: Iterable[InnerFold], settings: ModelSettings
) -> tuple[BinnedFold, ...]:
    """The folds as bins, made one after the other."""
    return tuple(BinnedFold(subject, names, fold, settings) for fold in folds)


@contextmanager
def study_file(path: Path) -> Iterator[Path]:
    """The file of a recipe's studies, for one search at a time. Raises DataError when another one has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("a") as lock:
        try:
            fcntl.flock(lock.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(
                "CR-TRAIN-004", "another search is running on this recipe", where=str(path),
                hint="wait for it, or stop it: what it found is kept",
            ) from None  # fmt: skip
        yield path


def search(
    file: Path,
    study_name: str,
    folds: Sequence[BinnedFold],
    settings: ModelSettings,
    budget: Budget,
    *,
    ended: Callable[[Ended], None],
) -> Found:
    """Take up the study of this name, or begin it, and run trials until the budget is spent.

    `study_name` must name data, folds and recipe: values of other data are never mixed in. A trial that a kill left
    unfinished is forgotten.
    """
    study = _study(file, study_name)
    _forget_unfinished(study)
    resumed = len(_finished(study))
    try:
        own = _own_loss(study, folds, settings, budget)
        while len(_finished(study)) < budget.trials and not budget.spent:
            _run_trial(study, folds, settings, budget)
            ended(_last(study))
    except _OutOfTimeError:
        _forget_unfinished(study)
        own = study.user_attrs.get("own", math.nan)
    return _found(study, settings, own=own, resumed=resumed)


def _study(file: Path, name: str) -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(
        storage=f"sqlite:///{file}",
        study_name=name,
        load_if_exists=True,
        direction="minimize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=FIRST_TRIALS),
    )


def _run_trial(study: Any, folds: Sequence[BinnedFold], settings: ModelSettings, budget: Budget) -> None:
    """One trial. It is seeded by how many ended before it, so that it does not matter when the search was stopped."""
    import optuna

    seed = settings.seed + len(_finished(study))
    study.sampler = optuna.samplers.TPESampler(seed=seed % 2**32, n_startup_trials=FIRST_TRIALS)
    trial = study.ask()
    tried = replace(settings, **_suggested(trial))
    losses: list[float] = []
    for number, fold in enumerate(folds):
        losses.append(fold.loss(tried, budget))
        trial.report(sum(losses) / len(losses), step=number)
        if number + 1 < len(folds) and trial.should_prune():
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return
    study.tell(trial, sum(losses) / len(losses))


def _suggested(trial: Any) -> dict[str, Any]:
    return {
        knob.name: trial.suggest_int(knob.name, int(knob.low), int(knob.high), log=knob.by_factors)
        if knob.whole
        else trial.suggest_float(knob.name, knob.low, knob.high, log=knob.by_factors)
        for knob in SPACE
    }


def _own_loss(study: Any, folds: Sequence[BinnedFold], settings: ModelSettings, budget: Budget) -> float:
    """The loss of the recipe as it is, on the same folds."""
    if "own" not in study.user_attrs:
        losses = [fold.loss(settings, budget) for fold in folds]
        study.set_user_attr("own", sum(losses) / len(losses))
    return float(study.user_attrs["own"])


def _finished(study: Any) -> list[Any]:
    """Trials that ended, in the order in which they began: whole ones and those stopped early."""
    from optuna.trial import TrialState

    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
    return sorted(trials, key=lambda trial: trial.number)


def _forget_unfinished(study: Any) -> None:
    from optuna.trial import TrialState

    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.WAITING)):
        study.tell(trial.number, state=TrialState.FAIL)


def _last(study: Any) -> Ended:
    finished = _finished(study)
    best = min((trial.value for trial in _whole(finished)), default=math.nan)
    last = finished[-1]
    return Ended(number=len(finished), loss=_loss(last), pruned=last not in _whole(finished), best=best)


def _whole(finished: Sequence[Any]) -> list[Any]:
    from optuna.trial import TrialState

    return [trial for trial in finished if trial.state == TrialState.COMPLETE]


def _loss(trial: Any) -> float:
    """The mean of the folds that were fitted."""
    return float(trial.intermediate_values[max(trial.intermediate_values)])


def _found(study: Any, settings: ModelSettings, *, own: float, resumed: int) -> Found:
    finished = _finished(study)
    whole = _whole(finished)
    best = min(whole, key=lambda trial: (trial.value, trial.number), default=None)
    better = best is not None and not best.value >= own
    changed = dict(best.params) if best is not None and better else {}
    return Found(
        settings=replace(settings, **changed),
        changed=changed,
        loss=best.value if best is not None and better else own,
        own_loss=own,
        trials=len(finished),
        pruned=len(finished) - len(whole),
        resumed=resumed,
    )
