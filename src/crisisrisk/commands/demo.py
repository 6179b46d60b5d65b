"""The main job end to end on the invented sample: load, train both models, promote, score, forecast."""

import shutil
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from crisisrisk.commands.card import Card, card
from crisisrisk.commands.data import DataStatus, LoadResult, data_status, load_folder
from crisisrisk.commands.explain import explain
from crisisrisk.commands.forecast import ForecastResult, forecast
from crisisrisk.commands.identities import load_identities
from crisisrisk.commands.init import make_site
from crisisrisk.commands.model import Decision, Promoted, promote
from crisisrisk.commands.place_teams import kept_positions
from crisisrisk.commands.promotion import MAY_BE_ACCEPTED
from crisisrisk.commands.score import SHOWN, ScoreResult, score_weeks
from crisisrisk.commands.train import train
from crisisrisk.errors import NotPromotedError, SiteError
from crisisrisk.evaluation.gate import BASELINES
from crisisrisk.operations.schedule import BeforeShifts
from crisisrisk.positioning.standby import PositionsResult
from crisisrisk.scoring.changes import Changes
from crisisrisk.scoring.explaining import Explanation
from crisisrisk.shipped import repository, shipped
from crisisrisk.simulation.declarations import KEY_OF_NOBODY
from crisisrisk.tables.site import CONFIGURATION, Site, read_site
from crisisrisk.tables.store import Store
from crisisrisk.timeline import lookback, utc_from_local
from crisisrisk.training.results import TrainedRun

Tell = Callable[[str], None]

WEEKS = 24
"""Scorings of people: as many as a caseload draws."""
DAYS = 2
"""For so long before now shifts were forecast: the last of each name, and the one before it to tell what changed."""


class Changed(NamedTuple):
    """Whose score moved, and by what."""

    person_id: str
    movement: Changes


@dataclass(frozen=True, kw_only=True)
class DemoResult:
    """Everything the demo made, for whoever prints it."""

    site: Site
    loads: tuple[LoadResult, ...]
    status: DataStatus
    person: TrainedRun
    place: TrainedRun
    promoted: Promoted
    """The model of people, with the checks of the gate."""
    history: tuple[ScoreResult, ...]
    """The scorings of the weeks before, in order."""
    scores: ScoreResult
    changed: Changed | None
    """Of somebody listed, where anybody listed had a score last Monday."""
    forecasts: tuple[ForecastResult, ...]
    """Those of before, in order of issue."""
    forecast: ForecastResult
    positions: PositionsResult
    """Of the next shift."""
    running: PositionsResult | None
    """Of the shift that runs, on which the board opens; None between shifts."""
    card: Card
    """The trust sheet of the model of people."""
    place_card: Card
    seconds: float

    @property
    def people(self) -> int:
        """Everyone known at the moment of scoring."""
        return len(self.scores.scores.frame)

    def as_json(self) -> dict[str, Any]:
        return {
            "site": str(self.site.path),
            "loads": [load.as_json() for load in self.loads],
            "person": self.person.as_json(),
            "place": self.place.as_json(),
            "score": self.scores.as_json(),
            "scored_before": len(self.history),
            "forecast_before": len(self.forecasts),
            "changed": None if self.changed is None else self.changed.movement.as_json(),
            "forecast": self.forecast.as_json(),
            "positions": self.positions.as_json(),
            "running": None if self.running is None else self.running.as_json(),
            "card": self.card.as_json(),
            "place_card": self.place_card.as_json(),
            "seconds": round(self.seconds, 1),
        }


def demo(folder: Path, *, tell: Tell) -> DemoResult:
    """Make the demo site, or use the one that is there, and do the main job on it. Safe to run again."""
    started = monotonic()
    site = demo_site(folder)
    tell(f"loading the invented sample into {folder} …")
    loads = tuple(load_folder(site, shipped("data_samples")))
    tell("keeping their invented names, encrypted …")
    load_identities(site, shipped("data_samples") / "people.csv", kind="nhs_number", user="the demo")
    tell("training the person model …")
    person, promoted = answering_run(site, "person", tell=tell)
    tell("training the place model …")
    place, _ = answering_run(site, "place", tell=tell)
    tell(f"scoring people, as of now and of the {WEEKS - 1} weeks before …")
    *history, scores = score_weeks(site, as_of=None, weeks=WEEKS, out=None)
    tell(f"forecasting shifts, as the last {DAYS} days would have, and the next …")
    forecasts = _forecasts_of_before(site)
    coming = forecast(site, start=None, hours=24.0, out=None)
    return DemoResult(
        site=site,
        loads=loads,
        status=data_status(site),
        person=person,
        place=place,
        promoted=promoted,
        history=tuple(history),
        scores=scores,
        changed=_changed(site, scores),
        forecasts=forecasts,
        forecast=coming,
        positions=kept_positions(site, coming),
        running=_planned_now(site, forecasts),
        card=card(site, person.run_id),
        place_card=card(site, place.run_id),
        seconds=monotonic() - started,
    )


def _forecasts_of_before(site: Site) -> tuple[ForecastResult, ...]:
    """What the worker of this site would have forecast lately, each as of its moment, in order."""
    schedule = BeforeShifts(site.work.forecast_hours_before, site.shifts, site.time_zone)
    lately = lookback(Store(site).snapshot().as_of_now(), days=DAYS)
    ahead = site.work.forecast_hours_ahead
    return tuple(forecast(site, start=moment, hours=ahead, out=None) for moment in sorted(schedule.moments(lately)))


def _planned_now(site: Site, forecasts: Sequence[ForecastResult]) -> PositionsResult | None:
    """Plans for the shift that runs, kept as its own, on the last forecast that was made before it began."""
    now = Store(site).snapshot().as_of_now()
    begun = [(one, one.forecast.spread.shifts[0]) for one in forecasts]
    runs = [one for one, shift in begun if shift.start <= now < shift.end]
    return kept_positions(site, runs[-1]) if runs else None


def _changed(site: Site, scores: ScoreResult) -> Changed | None:
    """What moved the first of those listed who had a score last Monday."""
    as_of = scores.scores.meta.as_of
    for row in scores.scores.top(SHOWN):
        answer = explain(site, row["person_id"], as_of=as_of, since=last_monday(as_of, site.time_zone)).answer
        if isinstance(answer, Explanation) and answer.changes is not None:
            return Changed(answer.person_id, answer.changes)
    return None


def last_monday(moment: datetime, zone: ZoneInfo) -> datetime:
    """The local start of the Monday before a moment."""
    day = moment.astimezone(zone).date()
    monday = utc_from_local(datetime.combine(day - timedelta(days=day.weekday()), time()), zone, ambiguous="first")
    return monday if monday < moment else last_monday(moment - timedelta(days=1), zone)


def answering_run(site: Site, kind: str, *, tell: Tell) -> tuple[TrainedRun, Promoted]:
    """The run that answers from now on: the model; where that earns nothing over a simple rule, the best such rule."""
    run = train(site, kind, None, tell=tell)
    try:
        return run, _promoted(site, run.run_id, tell=tell)
    except NotPromotedError as refusal:
        if BASELINES not in refusal.checks:
            raise
        rule = run.best_baseline
        tell(f"the model earns too little over simple rules; the simple rule {rule} answers in its place …")
    run = train(site, kind, None, baseline=rule, tell=tell)
    return run, _promoted(site, run.run_id, tell=tell)


def _promoted(site: Site, run_id: str, *, tell: Tell) -> Promoted:
    """Through the gate. What a small sample cannot show, the demo accepts by name: that stays with the model."""
    reason = "the demo promotes what it trains"
    try:
        return promote(site, run_id, Decision(reason=reason, by="the demo"), tell=tell)
    except NotPromotedError as refusal:
        accepted = tuple(name for name in refusal.checks if name in MAY_BE_ACCEPTED)
        because = "2,000 invented people are too few for this; nobody is served"
        decision = Decision(reason=reason, by="the demo", accepted=accepted, because=because)
        return promote(site, run_id, decision, tell=tell)


def demo_site(folder: Path) -> Site:
    """The demo site in a folder, made if the folder is new or empty."""
    configuration = (shipped("data_samples") / CONFIGURATION).read_text(encoding="utf-8")
    name = tomllib.loads(configuration)["name"]
    if (folder / CONFIGURATION).is_file():
        site = read_site(folder)
        if site.name != name:
            raise SiteError(
                "CR-SITE-003", "this folder holds another site, not the demo", where=str(folder), found=site.name,
                hint="say --site with a new folder",
            )  # fmt: skip
        return site
    make_site(folder, _with_mlruns(configuration, folder.resolve()))
    shutil.copytree(shipped("data_samples") / "mappings", folder / "mappings", dirs_exist_ok=True)
    shutil.copy(shipped("data_samples") / "service.toml", folder / "serving" / "service.toml")
    (folder / "keys" / "pseudonym.key").write_text(f"k1 {KEY_OF_NOBODY}\n", encoding="ascii")
    return read_site(folder)


def _with_mlruns(configuration: str, folder: Path) -> str:
    """Runs of a demo inside the repository are tracked in the repository's own mlruns/."""
    root = repository()
    if root is None or root not in folder.parents:
        return configuration
    up = "/".join([".."] * len(folder.relative_to(root).parts))
    return f'mlflow_tracking_uri = "{up}/mlruns"\n{configuration}'
