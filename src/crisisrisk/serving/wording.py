"""What is said around a number: states, caveats, freshness."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from crisisrisk.database.runs import StoredRun
from crisisrisk.scoring.widened import widened_text
from crisisrisk.serving.answers import model_used
from crisisrisk.serving.settings import Settings

EXPIRED, STALE, NO_DATA, OPTED_OUT = "expired", "stale", "no_data", "opted_out"

# The states that come with time rather than from scoring; the words of the others are in serving/phrases.toml.
TIMELY = {
    EXPIRED: "expired: the last score is too old to be shown; people have to be scored again",
    STALE: "stale: the newest records were too old when scores were made",
}
RESCORE = "stale: the model that answers now has not scored people yet; they have to be scored again"
UNSCORED = "No scores have been made yet."
OTHER_SCORES = "The last scores were made by another model than the one that answers now; none of them is shown."
INDEPENDENT = "The chance of at least one contact takes contacts as independent of each other."
MODEL_UNVERIFIED = "The place model's bundle does not verify now; this forecast was made before, from one that did."
OTHER_PLACE_MODEL = "This forecast was made by another model than the one that answers now, and stands until the next."
RELEASED = (
    "Released numbers: places where a forecast would tell a small number of contacts are told together with others, "
    "with their mean and without reasons; the rest are to the nearest five contacts' worth."
)
OUTDATED = "This forecast was to be replaced by {until}; what has become known since it was issued is not in it."
FURTHER_THAN_JUDGED = (
    "This forecast was made further ahead than the {hours} hours at which such forecasts were judged: how far off it "
    "is, is not known."
)
NOT_OUT_THEN = (
    "{team} stands at {site} from {start} to {end}, and the plan does not have it out all of that time: it may be off "
    "duty, or alone."
)
LEFT_RULES = {
    "site": "{team} is to stand at {allowed} only, and {site} is none of these.",
    "area": "{team} does not leave {allowed}, and {site} lies outside.",
    "room": "{site} has room for {allowed}, and {stand} teams stand there from {start} to {end}.",
    "gap": "{team} is on duty from {start} to {end} and stands nowhere then.",
}
"""What is said of a coordinator's posts that leave a rule, by its kind."""
NOT_OPEN_THEN = "{site} is not open all the time from {start} to {end}."
CANNOT_WEIGH = "What this covers cannot be worked out, nor which rules it leaves: {why}."
NOT_WEIGHED = "What this covers is not known now: as many plans are being made or reviewed as can be."
SITE_TAKES_NOBODY = "{site} is {state} until {until}: {reason}"
NOT_ALL_RECORDED = "Records of {source} are complete to {until} only: contacts of this shift may still become known."
PLAYED_AGAIN = (
    "Played again with the contacts that came: the nearest free team goes, each contact takes as long as usual, and "
    "nobody was called away for anything else. One night says little; many nights do."
)
SELDOM = "none, now and then 1"
"""A range of contacts that ends at none."""
NO_PLAN = "No plan was chosen for this shift."
TOO_LATE_TO_USE = "this shift is over: no plan of it can be used any more"
NO_TOTAL = "Its forecast does not say how the whole shift looks."
NOTHING_RELEASED = "Nothing of this forecast may leave the board."
OTHER_FORECAST = "The plan was made from an earlier forecast than the one shown here; plan again."
STANDS_AT_FULL = "A team stands at {site}, which is {state}; plan again."
STANDS_AT_FULL_ON_PAPER = "A team stands at a site that is full or closed, as marked here."
EARLIER_ON_PAPER = "The plan is from an earlier forecast than this one."
LIVE_CALLS_FIRST = "Live calls come first. A place not listed is not therefore safe."
SHIFT_OVER = "This shift is over; this is its last forecast as it was issued."


@dataclass(frozen=True)
class Freshness:
    """How old a run and its data are, by the limits of the site. `zone`: whose clock moments are told by, else UTC."""

    settings: Settings
    zone: ZoneInfo | None = None

    def run_state(self, run: StoredRun, now: datetime) -> str | None:
        """`expired` or `stale`, or None while the run's answers are current."""
        if now >= self.valid_until(run):
            return EXPIRED
        newest = max(self.newest_known(run.meta.data_complete_to).values(), default=None)
        limit = timedelta(hours=self.settings.service.freshness.stale_after_hours)
        return STALE if newest is None or run.meta.as_of - newest > limit else None

    def valid_until(self, run: StoredRun) -> datetime:
        """When a score stops being shown: the run's own limit or the site's, whichever is earlier."""
        days = self.settings.service.freshness.score_valid_days
        return min(run.meta.valid_until, run.meta.as_of + timedelta(days=days))

    def newest_known(self, complete_to: Mapping[str, datetime]) -> dict[str, datetime]:
        """When each source was last heard of: its records are complete only a settling time before that."""
        sources = self.settings.site.sources
        settled = {name: timedelta(hours=source.settled_after_hours or 0.0) for name, source in sources.items()}
        return {name: moment + settled.get(name, timedelta()) for name, moment in complete_to.items()}

    def late(self, complete_to: Mapping[str, datetime], as_of: datetime) -> dict[str, datetime]:
        """The sources silent for too long at a moment, beyond the time they take to settle, and since when."""
        limits, sources = self.settings.service.freshness, self.settings.site.sources
        settled = {name: source.settled_after_hours or 0.0 for name, source in sources.items()}
        return {
            name: newest
            for name, newest in sorted(self.newest_known(complete_to).items())
            if as_of - newest > timedelta(hours=limits.late_after(name) + settled.get(name, 0.0))
        }

    def caveats(self, run: StoredRun, *, ranged: bool, thin: bool = False) -> list[str]:
        """What must be said with every number of a run.

        `ranged`: whether ranges are given. `thin`: whether anybody's history is thin.
        """
        phrases = self.settings.phrases.caveats
        late = self.late(run.meta.data_complete_to, run.meta.as_of).items()
        said = [
            phrases["outcome"],
            *(self.late_caveat(name, since) for name, since in late),
            *self.widened(run),
        ]
        return [*said, *([] if ranged else [phrases["interval"]]), *([phrases["thin_history"]] if thin else [])]

    def late_caveat(self, source: str, since: datetime) -> str:
        """That a source is late, and since when."""
        return self.settings.phrases.caveats["late"].format(source=source, since=in_minutes(since, self.zone))

    def widened(self, run: StoredRun) -> list[str]:
        """Why ranges of a forecast are wider: one sentence, or none."""
        said = widened_text(run.meta, self.settings.site.sources, self.zone)
        return [said] if said else []

    def basis(self, run: StoredRun, *, ranged: bool, thin: bool = False) -> dict[str, Any]:
        """What every answer about risk says about itself, but its horizon, its limit in time and its reference."""
        meta = run.meta
        return {
            "outcome": meta.outcome, "as_of": meta.as_of, "data_complete_to": dict(meta.data_complete_to),
            "model": model_used(meta), "caveats": self.caveats(run, ranged=ranged, thin=thin),
        }  # fmt: skip


def state_in_words(settings: Settings, state: str) -> str:
    """What a state means."""
    return TIMELY.get(state) or settings.phrases.states.get(state, state)


def in_minutes(moment: datetime, zone: ZoneInfo | None = None) -> str:
    """A moment as caveats say it: in UTC, or on paper by the clock on the wall of `zone`."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%MZ}" if zone is None else f"{moment.astimezone(zone):%a %-d %b %H:%M}"
