"""How the scores that were given turned out: only runs whose horizon, and the records of it, are over."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from crisisrisk.database.history import scores_of, scoring_runs
from crisisrisk.database.runs import StoredRun
from crisisrisk.database.scores import SCORED
from crisisrisk.database.upgrade import current_engine
from crisisrisk.evaluation.bootstrap import Interval
from crisisrisk.evaluation.logistic import FloatArray
from crisisrisk.evaluation.monitoring import (
    MaturedRows,
    MonitoringCheck,
    Shift,
    checks,
    nothing_recent,
    recent_figures,
    shift_of,
    shown_figures,
    week_figures,
)
from crisisrisk.evaluation.monitoring_limits import MonitoringLimits
from crisisrisk.evaluation.slices import plain_values
from crisisrisk.models.bundle import Bundle
from crisisrisk.models.champions import champion, signed_version
from crisisrisk.scoring.lists import cut
from crisisrisk.scoring.objections import planning_objections
from crisisrisk.scoring.ordering import Placed, by_probability
from crisisrisk.scoring.registers import TeamRegister
from crisisrisk.serving.settings import service_declaration
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot, Store
from crisisrisk.timeline import instant, microseconds
from crisisrisk.training.matured import Aftermath, question_of

MATURED, NOTHING_MATURED, NO_RUNS = "matured", "nothing_matured", "no_runs"
NOT_CARE = "Those shown are those ranked high: the two shares say nothing of what showing did."


@dataclass(frozen=True, kw_only=True)
class Week:
    """One week's scoring and what came. Nobody is in it by name or number."""

    run: int
    as_of: datetime
    model_version: int
    former_versions: Sequence[int]
    """Versions whose higher numbers counted too: such numbers are too high on average, and no limit sees them."""
    figures: Mapping[str, Any]
    states: Mapping[str, float]
    """Share of everyone known by state, `scored` among them."""
    score_shift: float
    """Population stability index against the first scoring by the same version, compared with the same ones."""
    unknown: int
    """Scored people of whom nobody can say what came: died, moved away, or object now."""


@dataclass(frozen=True, kw_only=True)
class Monitoring:
    """What is found. `status`: `matured`, `nothing_matured` or `no_runs`; without matured runs there are no figures."""

    model: str
    status: str
    stored: int
    not_matured: int
    same_week: int
    """Matured runs of a week that has a later one."""
    afterwards: int
    """Runs as of a moment before the model's training cut-off: it had seen what came, so they say nothing of it."""
    next_horizon_ends: datetime | None
    weeks: Sequence[Week] = ()
    shown: Mapping[str, Mapping[str, Any]] | None = None
    """None where no exposure is loaded."""
    recent_weeks: int = 0
    recent_outcomes: int = 0
    recent: Mapping[str, Interval] = field(default_factory=dict)
    checks: Sequence[MonitoringCheck] = ()

    @property
    def passed(self) -> bool:
        """Whether no limit is crossed."""
        return not any(check.passed is False for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """The fields of `monitor --json`."""
        ends = self.next_horizon_ends
        content = {
            "model": self.model, "status": self.status, "passed": self.passed,
            "runs": {"stored": self.stored, "reported": len(self.weeks), "not_matured": self.not_matured,
                     "same_week": self.same_week, "made_afterwards": self.afterwards,
                     "next_horizon_ends": None if ends is None else ends.isoformat()},
            "weeks": [
                {"run": week.run, "as_of": week.as_of.isoformat(), "model_version": week.model_version,
                 **week.figures, "unknown": week.unknown, "score_shift": week.score_shift, "states": week.states,
                 "higher_of": [week.model_version, *week.former_versions]}
                for week in self.weeks
            ],
            "shown": self.shown,
            "recent": {"weeks": self.recent_weeks, "outcomes": self.recent_outcomes,
                       **{name: vars(value) for name, value in self.recent.items()}},
            "checks": [vars(check) for check in self.checks],
        }  # fmt: skip
        return dict(plain_values(content))


def monitor(site: Site) -> Monitoring:
    """Every matured scoring by the model of people that answers, one a week. Raises ModelError when nothing answers."""
    name, snapshot = champion(site.models, "person").manifest.name, Store(site).snapshot()
    engine = current_engine(site.database_url)
    runs = scoring_runs(engine, model_name=name)
    reader = _Reader(site, snapshot, name, lambda run: scores_of(engine, run.number))
    given = [run for run in runs if not reader.made_afterwards(run)]
    matured, waiting = reader.by_maturity(given)
    weekly = _last_of_each_week(matured, site)
    ends = min((reader.horizon_ends(run) for run in waiting), default=None)
    counts: dict[str, Any] = {
        "model": name, "stored": len(runs), "not_matured": len(waiting), "same_week": len(matured) - len(weekly),
        "afterwards": len(runs) - len(given), "next_horizon_ends": ends,
    }  # fmt: skip
    if not weekly:
        return Monitoring(status=NOTHING_MATURED if runs else NO_RUNS, **counts)
    weeks, rows = reader.weeks(weekly)
    limits = service_declaration(site).monitoring
    alone = [microseconds(week.as_of) for week in weeks if not week.former_versions]
    return Monitoring(
        status=MATURED, weeks=weeks, shown=reader.shown(rows), **counts,
        **_recent(rows.where(np.isin(rows.as_of, alone)), limits, reader.newest_shift(given)),
    )  # fmt: skip


def _last_of_each_week(runs: Sequence[StoredRun], site: Site) -> list[StoredRun]:
    """Of the runs of each local week, Monday to Sunday, the one of the latest moment, and of those the last made."""
    last: dict[Any, StoredRun] = {}
    for run in runs:
        day = run.meta.as_of.astimezone(site.time_zone).date()
        last[day - timedelta(days=day.weekday())] = run
    return list(last.values())


def _versions(run: StoredRun) -> tuple[int, ...]:
    """Whose numbers are in a run: the model that answers first."""
    return (run.meta.model_version, *run.meta.former_versions)


def _recent(rows: MaturedRows, limits: MonitoringLimits, shift: Shift) -> dict[str, Any]:
    moments = np.unique(rows.as_of)[-limits.weeks :]
    recent = rows.where(np.isin(rows.as_of, moments))
    outcomes = int(recent.happened.sum())
    found = recent_figures(recent, limits) if len(recent) else nothing_recent()
    return {
        "recent_weeks": len(moments), "recent_outcomes": outcomes, "recent": found,
        "checks": checks(found, outcomes=outcomes, shift=shift, limits=limits),
    }  # fmt: skip


class _Reader:
    """Stored scores beside the loaded tables. Bundles and what each question needs are read once."""

    def __init__(self, site: Site, snapshot: Snapshot, name: str, scores: Callable[[StoredRun], pd.DataFrame]) -> None:
        self._site, self._snapshot, self._name, self._scores = site, snapshot, name, scores
        self._models: dict[int, Bundle] = {}
        self._aftermath: dict[Any, Aftermath] = {}
        self._first: dict[tuple[int, ...], StoredRun] = {}
        self._said_first: dict[int, FloatArray] = {}
        self._teams = TeamRegister(snapshot.table("caseloads"))
        self._exposures = snapshot.table("exposures").num_rows
        now_us = microseconds(snapshot.as_of_now())
        self._objections = planning_objections(snapshot, site, now_us)

    def _model(self, run: StoredRun) -> Bundle:
        version = run.meta.model_version
        if version not in self._models:
            self._models[version] = signed_version(self._site.models, self._name, version)
        return self._models[version]

    def made_afterwards(self, run: StoredRun) -> bool:
        """Whether the model had learned from what became known at or after the moment that it was asked about."""
        return self._model(run).manifest.learned_after(run.meta.as_of)

    def _after(self, run: StoredRun) -> Aftermath:
        question = question_of(self._model(run))
        if question not in self._aftermath:
            self._aftermath[question] = Aftermath(question, self._snapshot, self._site)
        return self._aftermath[question]

    def by_maturity(self, runs: Sequence[StoredRun]) -> tuple[list[StoredRun], list[StoredRun]]:
        """Those whose outcomes are all known, and the others. Also finds the first run of the same versions."""
        matured: list[StoredRun] = []
        waiting: list[StoredRun] = []
        for run in runs:
            self._first.setdefault(_versions(run), run)
            known = microseconds(run.meta.as_of) <= self._after(run).last_matured_us
            (matured if known else waiting).append(run)
        return matured, waiting

    def horizon_ends(self, run: StoredRun) -> datetime:
        """When the label window of a run is over; its records are complete somewhat later."""
        return instant(microseconds(run.meta.as_of) + self._after(run).question.reach_us)

    def weeks(self, runs: Sequence[StoredRun]) -> tuple[list[Week], MaturedRows]:
        """Each week's figures, and all rows together."""
        found = [self._week(run) for run in runs]
        numbers = np.unique(np.concatenate([ids for _, _, ids in found]), return_inverse=True)[1].astype(np.int64)
        parts = [rows for _, rows, _ in found]
        joined = {name: np.concatenate([getattr(one, name) for one in parts]) for name in vars(parts[0])}
        return [week for week, _, _ in found], MaturedRows(**{**joined, "person": numbers})

    def _week(self, run: StoredRun) -> tuple[Week, MaturedRows, np.ndarray]:
        frame = self._scores(run)
        scored = frame[frame["state"] == SCORED]
        as_of = microseconds(run.meta.as_of)
        listed = self._listed(scored, as_of)
        moments = np.full(len(scored), as_of, dtype=np.int64)
        ids = scored["person_id"].to_numpy(dtype=object)
        after = self._after(run).of(ids, moments)
        known = after.observed & ~np.isin(ids, list(self._objections.among(ids)))
        rows = MaturedRows(
            as_of=moments, person=np.arange(len(ids)), risk=scored["probability"].to_numpy(dtype=np.float64),
            happened=after.happened, listed=np.isin(ids, list(listed)), shown=after.shown,
        ).where(known)  # fmt: skip
        shares = frame["state"].value_counts(normalize=True)
        week = Week(
            run=run.number, as_of=run.meta.as_of, model_version=run.meta.model_version,
            former_versions=run.meta.former_versions, figures=week_figures(rows),
            states={str(state): float(part) for state, part in sorted(shares.items())},
            score_shift=self._shift(run).value, unknown=int((~known).sum()),
        )  # fmt: skip
        return week, rows, ids[known]

    def _listed(self, scored: pd.DataFrame, as_of: int) -> set[str]:
        """Who stood on a team's list. Where ties are drawn it is the same people: no cut goes through one."""
        placed = map(Placed, scored["person_id"], scored["probability"])
        ordered = (one.person_id for one in sorted(placed, key=by_probability))
        lists = cut(ordered, self._teams.at(as_of), self._site)
        return {person for people in lists.values() for person in people}

    def _shift(self, run: StoredRun) -> Shift:
        """How far a run's scores are from those of the first run by the same version, compared with the same ones."""
        first = self._first[_versions(run)]
        if first.number == run.number:
            return Shift(float("nan"), float("nan"))
        if first.number not in self._said_first:
            self._said_first[first.number] = self._said(first)
        return shift_of(self._said_first[first.number], self._said(run))

    def _said(self, run: StoredRun) -> FloatArray:
        said: FloatArray = self._scores(run)["probability"].dropna().to_numpy(dtype=np.float64)
        return said

    def newest_shift(self, runs: Sequence[StoredRun]) -> Shift:
        """Of the newest run, matured or not: a shift needs no outcome."""
        return self._shift(runs[-1])

    def shown(self, rows: MaturedRows) -> dict[str, dict[str, Any]] | None:
        """Those shown and those not, over all weeks; None where no exposure is loaded."""
        return shown_figures(rows) if self._exposures else None
