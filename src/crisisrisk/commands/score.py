"""Score everyone with the model that answers, and keep the scores."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from crisisrisk.commands.outputs import require_ending, write_table
from crisisrisk.commands.person_scores import require_person_scores
from crisisrisk.database.scores import save_person_scores
from crisisrisk.database.upgrade import current_engine
from crisisrisk.errors import UsageError
from crisisrisk.models.bundle import Bundle
from crisisrisk.models.champions import champion
from crisisrisk.scoring.people import PersonScores, score_people, scores_table
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot, Store

SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class ScoreResult:
    """A scoring run. `scores.frame` has everyone, the highest probability first."""

    run: int
    scores: PersonScores
    caveats: tuple[str, ...]
    """What is said under the list."""
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The fields of `score --json`. No person is in it."""
        meta, states = self.scores.meta, self.scores.frame["state"].value_counts()
        return {
            "as_of": meta.as_of.isoformat(),
            "people": len(self.scores.frame),
            "run": self.run,
            "seconds": round(self.seconds, 2),
            "scored": self.scores.scored,
            "states": {str(state): int(count) for state, count in sorted(states.items())},
            "model": {"name": meta.model_name, "version": meta.model_version, "run_id": meta.run_id},
            "valid_until": meta.valid_until.isoformat(),
        }

    def as_text(self) -> str:
        """The top of the list, for a terminal."""
        meta = self.scores.meta
        head = (
            f"{meta.model_name} v{meta.model_version} as of {meta.as_of:%-d %b %Y %H:%M} UTC · "
            f"{self.scores.scored:,} scored of {len(self.scores.frame):,} · "
            f"{meta.outcome} within {meta.horizon_days} days"
        )
        lines = [
            f"{rank:>4}  {row['person_id']}  {chance_in_words(row)}   {_up(row['reasons'])}"
            for rank, row in enumerate(self.scores.top(SHOWN), 1)
        ]
        return "\n".join([head, *lines, *(f"      ({caveat})" for caveat in self.caveats)])


def likely_in_100(probability: float) -> str:
    """A probability as people say it: "18"; under one in a hundred, "under 1"."""
    return "under 1" if probability < 0.005 else f"{round(100 * probability)}"


def chance_in_words(row: Mapping[str, Any]) -> str:
    """A listed person's probability, with its range where there is one: "about 45 in 100 (38 to 52)"."""
    about = f"about {likely_in_100(row['probability'])} in 100"
    if math.isnan(row["lower"]):
        return about
    thin = ", thin history" if row["thin_history"] else ""
    return f"{about} ({likely_in_100(row['lower'])} to {likely_in_100(row['upper'])}{thin})"


def _caveats(model: Bundle, scores: PersonScores) -> tuple[str, ...]:
    phrases, band = model.phrases.caveats, model.risk_model.calibration.band
    said = phrases["interval"] if band is None else phrases["range"].format(level=round(100 * band.level))
    thin = any(row["thin_history"] for row in scores.top(SHOWN))
    return (said, phrases["thin_history"]) if thin else (said,)


def _up(reasons: Any) -> str:
    return " · ".join(reason["text"] for reason in reasons if reason["direction"] == "up")


def score(site: Site, *, as_of: datetime | None, out: Path | None) -> ScoreResult:
    """Score everyone as of a moment (the site's clock by default), keep it in the database, write it to `out`.

    Raises ServiceError, and keeps nothing, while the site has scores of people switched off.
    """
    started = time.monotonic()
    require_ending(out, (".parquet", ".csv"))
    require_person_scores(site)
    model = champion(site.models, "person")
    snapshot = Store(site).snapshot()
    scores = score_people(model, snapshot, site, as_of=moment_to_stand_at(snapshot, as_of))
    if scores.frame.empty:
        raise UsageError("CR-USE-001", "nobody was known at that moment", found=scores.meta.as_of.isoformat())
    run = save_person_scores(current_engine(site.database_url), scores.frame, scores.meta)
    if out is not None:
        write_table(scores_table(scores), out)
    return ScoreResult(run=run, scores=scores, caveats=_caveats(model, scores), seconds=time.monotonic() - started)


def moment_to_stand_at(snapshot: Snapshot, as_of: datetime | None) -> datetime:
    """The moment asked for, else the site's clock. Raises UsageError for one that has not come yet."""
    now = snapshot.as_of_now()
    if as_of is not None and as_of > now:
        raise UsageError(
            "CR-USE-001",
            "the moment lies after the site's clock",
            found=as_of.isoformat(),
            wanted=f"up to {now.isoformat()}",
        )
    return as_of or now
