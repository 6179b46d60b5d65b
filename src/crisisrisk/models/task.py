"""What a model answers: the outcome, the horizon, who is eligible. It travels inside the model's bundle."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from crisisrisk.cohorts import CohortRule
from crisisrisk.episodes import EpisodeRule
from crisisrisk.errors import ModelError
from crisisrisk.features.caseload import CaseloadNumbers
from crisisrisk.features.counting import CountingRule
from crisisrisk.features.place_profiles import WeekProfiles
from crisisrisk.features.place_recent import RecentLevel
from crisisrisk.models.late_feeds import LateFeeds
from crisisrisk.models.place_rules.self_exciting import EchoWeights

SUBJECTS = ("person", "place")


@dataclass(frozen=True, kw_only=True)
class Task:
    """The question that a model was trained to answer, and nothing about how it was fitted."""

    name: str
    subject: str
    outcome: str
    """In plain words: contact with a crisis service."""
    crisis: EpisodeRule
    cohort: CohortRule
    horizon_days: int | None
    """Days ahead, for people; None for places, where the horizon is a shift."""
    gap_days: int = 0
    issue_hours: int = 24
    """Hours between forecast and shift at which a place model was trained."""
    offset_lookback_days: int = 365
    offset_prior_events: float | None = None
    offset_latency_hours: float = 0.0
    """How long after an event a place model takes it for known: what occurred since is left out of the offset."""
    valid_hours: int = 168
    thin_history_days: int = 182
    """A history is thin that has been known for fewer days, or has fewer contacts than below."""
    thin_history_contacts: int = 3
    cells_known_before: str | None = None
    """ISO 8601: the cells of a place model are those that were known before."""
    cells_level: str | None = None
    """The kind and size of those cells in one word, such as `h3:8`; None: those of the site."""
    counting: CountingRule = field(default_factory=CountingRule)
    """How contacts become counts, for places."""
    caseload: CaseloadNumbers | None = None
    """The weights of sums over the caseload, for places with such a column."""
    echo: EchoWeights | None = None
    """How far and how long echoes reach, for places with such a column."""
    profiles: WeekProfiles | None = None
    """The kinds of week that the simple forecast of places is mixed of, where the recipe asks for them."""
    recent: RecentLevel | None = None
    """How recent counts move that forecast before the trees do, where the recipe asks for it."""
    late_feeds: LateFeeds | None = None
    """How much further off forecasts of places are while feeds are late; None of models of before."""

    def to_json(self) -> str:
        """Canonical JSON."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False, allow_nan=False)

    @staticmethod
    def from_json(text: str) -> "Task":
        """What `to_json` wrote. Raises ModelError when it is something else."""
        try:
            content = json.loads(text)
            content["crisis"] = EpisodeRule(**_tuples(content["crisis"]))
            content["cohort"] = CohortRule.from_plain(_tuples(content["cohort"]))
            content["counting"] = CountingRule(**content.get("counting", {}))
            if content.get("caseload") is not None:
                content["caseload"] = CaseloadNumbers(**_tuples(content["caseload"]))
            if content.get("echo") is not None:
                content["echo"] = EchoWeights(**_tuples(content["echo"]))
            if content.get("profiles") is not None:
                content["profiles"] = WeekProfiles(**_tuples(content["profiles"]))
            if content.get("recent") is not None:
                content["recent"] = RecentLevel(**_tuples(content["recent"]))
            if content.get("late_feeds") is not None:
                content["late_feeds"] = LateFeeds(**_tuples(content["late_feeds"]))
            task = Task(**content)
        except (ValueError, KeyError, TypeError):
            raise ModelError("CR-MODEL-002", "the task of the model cannot be read") from None
        if task.subject not in SUBJECTS:
            raise ModelError("CR-MODEL-002", "the task is about neither people nor places", found=task.subject)
        return task


def _tuples(value: Any) -> Any:
    """JSON has lists where the rules have tuples."""
    if isinstance(value, dict):
        return {name: _tuples(one) for name, one in value.items()}
    return tuple(_tuples(one) for one in value) if isinstance(value, list) else value
