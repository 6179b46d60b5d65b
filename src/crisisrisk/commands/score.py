"""Score everyone with the model that answers, and keep the scores."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from crisisrisk.commands.outputs import require_ending, write_table
from crisisrisk.commands.person_scores import require_person_scores
from crisisrisk.database.scores import save_person_scores
from crisisrisk.database.upgrade import current_engine
from crisisrisk.errors import UsageError
from crisisrisk.models.bundle import Bundle
from crisisrisk.scoring.answering import Answering, answering
from crisisrisk.scoring.former import FORMER
from crisisrisk.scoring.ordering import in_100
from crisisrisk.scoring.people import SCORED, PersonScores, late_sources, score_people, scores_table
from crisisrisk.tables.erased import erased_people
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot, Store
from crisisrisk.timeline import lookback

SHOWN = 10
MOST_WEEKS = 53


@dataclass(frozen=True, kw_only=True)
class ScoreResult:
    """A scoring run. `scores.frame` has everyone, the highest probability first."""

    run: int
    scores: PersonScores
    caveats: tuple[str, ...]
    """What is said under the list."""
    words: Mapping[str, str]
    """What each state is called."""
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
            "higher_of": [meta.model_version, *meta.former_versions],
            "from_former": self._from_former(),
            "tie_seed": meta.tie_seed,
        }

    def _from_former(self) -> int:
        """How many numbers are those of a model of before."""
        frame = self.scores.frame
        theirs = frame["model_version"] != self.scores.meta.model_version
        return int((theirs & (frame["state"] == SCORED)).sum())

    def in_short(self) -> str:
        """One line: what was made, as of when, of how many."""
        meta = self.scores.meta
        return (
            f"{meta.model_name} v{meta.model_version} as of {meta.as_of:%-d %b %Y %H:%M} UTC · "
            f"{self.scores.scored:,} scored of {len(self.scores.frame):,}"
        )

    def as_text(self) -> str:
        """The top of the list, for a terminal."""
        meta = self.scores.meta
        head = f"{self.in_short()} · {meta.outcome} within {meta.horizon_days} days"
        lines = [
            f"{rank:>4}  {row['person_id']}  {chance_in_words(row)}{self._whose(row)}   {_up(row['reasons'])}"
            for rank, row in enumerate(self.scores.top(SHOWN), 1)
        ]
        return "\n".join(
            [head, *self._compared(), *self._above(), *lines, *(f"      ({caveat})" for caveat in self.caveats)]
        )

    def _above(self) -> list[str]:
        """Who is in a crisis or in hospital, above the list; then how many others have no score, by state."""
        pinned, states = self.scores.pinned(), self.scores.frame["state"].value_counts()
        lines = []
        for state, people in pinned.items():
            if people:
                more = f" and {len(people) - SHOWN:,} more" if len(people) > SHOWN else ""
                lines += [f"{len(people):,} {self.words[state]}", f"      {'  '.join(people[:SHOWN])}{more}"]
        others = {state: count for state, count in sorted(states.items()) if state not in (SCORED, *pinned)}
        return lines + [f"{count:,} {self.words.get(str(state), str(state))}" for state, count in others.items()]

    def _compared(self) -> list[str]:
        meta = self.scores.meta
        if not meta.former_versions:
            return []
        before = _versions(meta.former_versions)
        return [f"the higher of v{meta.model_version} and {before}: {self._from_former():,} numbers are of before"]

    def _whose(self, row: Mapping[str, Any]) -> str:
        version = row["model_version"]
        return "" if version == self.scores.meta.model_version else f" by v{version}"


def likely_in_100(probability: float) -> str:
    """A probability as the service says it too: "18"; under one in a hundred, "0.4", and never "0"."""
    return f"{in_100(probability):g}"


def chance_in_words(row: Mapping[str, Any]) -> str:
    """A listed person's probability, with its range where there is one: "about 45 in 100 (38 to 52)"."""
    about = f"about {likely_in_100(row['probability'])} in 100"
    return about + range_in_words(row["lower"], row["upper"], thin=row["thin_history"])


def range_in_words(lower: float, upper: float, *, thin: bool) -> str:
    """ " (38 to 52, thin history)"; without a range only what is said of the history, or nothing."""
    ends = [] if math.isnan(lower) else [f"{likely_in_100(lower)} to {likely_in_100(upper)}"]
    said = ", ".join([*ends, *(["thin history"] if thin else [])])
    return f" ({said})" if said else ""


def range_caveat(model: Bundle) -> str:
    """What the range of a model's numbers is, or that it has none."""
    phrases, band = model.phrases.caveats, model.risk_model.calibration.band
    return phrases["interval"] if band is None else phrases["range"].format(level=round(100 * band.level))


def _caveats(answering: Answering, scores: PersonScores, snapshot: Snapshot, site: Site) -> tuple[str, ...]:
    listed, model = scores.top(SHOWN), answering.now
    phrases, as_of = model.phrases.caveats, scores.meta.as_of
    said = [phrases["outcome"]]
    for source, since in sorted(late_sources(model, snapshot, as_of).items()):
        day = f"{since.astimezone(site.time_zone):%-d %b %Y %H:%M}"
        said.append(phrases["late"].format(source=source.replace("_", " "), since=day))
    said.append(FORMER if scores.meta.former_versions else range_caveat(model))
    if any(row["thin_history"] for row in listed):
        said.append(phrases["thin_history"])
    if answering.other_questions:
        said.append(
            f"{_versions(answering.other_questions)} answered another question, so its numbers are not compared"
        )
    return tuple(said)


def _versions(numbers: Sequence[int]) -> str:
    return " and ".join(f"v{number}" for number in numbers)


def _up(reasons: Any) -> str:
    return " · ".join(reason["text"] for reason in reasons if reason["direction"] == "up")


def score(site: Site, *, as_of: datetime | None, out: Path | None) -> ScoreResult:
    """Score everyone as of a moment (the site's clock by default), keep it in the database, write it to `out`.

    Raises ServiceError, and keeps nothing, while the site has scores of people switched off.
    """
    started = time.monotonic()
    require_ending(out, (".parquet", ".csv"))
    declared = require_person_scores(site)
    models = answering(site, keep_higher_days=declared.updating.keep_higher_days)
    snapshot = Store(site).snapshot()
    moment = moment_to_stand_at(snapshot, as_of)
    scores = score_people(
        models.now, snapshot, site, as_of=moment, former=models.former, tie_seed=declared.lists.seed
    )  # fmt: skip
    if scores.frame.empty:
        raise UsageError("CR-USE-001", "nobody was known at that moment", found=scores.meta.as_of.isoformat())
    run = save_person_scores(current_engine(site.database_url), _without_erased(site, scores.frame), scores.meta)
    if out is not None:
        write_table(scores_table(scores), out)
    return ScoreResult(
        run=run,
        scores=scores,
        caveats=_caveats(models, scores, snapshot, site),
        words=models.now.phrases.states,
        seconds=time.monotonic() - started,
    )


def score_weeks(site: Site, *, as_of: datetime | None, weeks: int, out: Path | None) -> tuple[ScoreResult, ...]:
    """So many weekly scorings, the earliest first, the last as of a moment (the site's clock by default).

    Each knows what was known before its own moment, and is kept as by `score`; `out` is of the last. The model of now
    makes them all: what it learned from came partly after those moments. Weeks are of 168 hours, as lists count them.
    """
    if not 1 <= weeks <= MOST_WEEKS:
        raise UsageError("CR-USE-001", "not a number of weeks to score", found=str(weeks), wanted=f"1 to {MOST_WEEKS}")
    if weeks == 1:
        return (score(site, as_of=as_of, out=out),)
    require_ending(out, (".parquet", ".csv"))
    require_person_scores(site)
    last = moment_to_stand_at(Store(site).snapshot(), as_of)
    before = [lookback(last, days=7 * ago).start for ago in range(weeks - 1, 0, -1)]
    earlier = [score(site, as_of=moment, out=None) for moment in before]
    return (*earlier, score(site, as_of=last, out=out))


def _without_erased(site: Site, frame: pd.DataFrame) -> pd.DataFrame:
    """Nobody who was erased while the scoring ran."""
    known = erased_people(site)
    if known is None:
        return frame
    return frame.loc[[known.of(person) is None for person in frame["person_id"]]]


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
