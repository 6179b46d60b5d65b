"""Why one person's score is what it is, why it is not higher, and what changed since a date."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isnan, nan
from typing import Any

from crisisrisk.models.bundle import Bundle
from crisisrisk.models.reasons import reasons_for
from crisisrisk.scoring.changes import Changes, changes
from crisisrisk.scoring.directions import DOWN, NOT_KNOWN, UP
from crisisrisk.scoring.people import SCORED, late_sources
from crisisrisk.scoring.standing import Record, Standing, highest_standing, record_of
from crisisrisk.scoring.telling import Teller, Told
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot

MOST_REASONS = 5


@dataclass(frozen=True)
class Explanation:
    """The expected value and every group's contribution add up to `log_odds`; the strongest are put into words."""

    person_id: str
    model: Bundle
    """Whose number it is."""
    probability: float
    lower: float
    upper: float
    """The ends of the range; NaN where the model has none, or where several are compared."""
    thin_history: bool
    log_odds: float
    expected_value: float
    by_group: dict[str, float]
    reasons: tuple[Told, ...]
    """As they are kept with a score; those up and down have `log_odds` too."""
    changes: Changes | None = None
    state_then: str = SCORED

    @property
    def everything_else(self) -> float:
        """What the groups give that are not put into words."""
        worded = sum(float(one.get("log_odds", 0.0)) for one in self.reasons)
        return self.log_odds - self.expected_value - worded

    def told(self, direction: str) -> list[str]:
        """The words of one direction: `up`, `down` (why it is not higher) or `not_known`."""
        return [reason["text"] for reason in self.reasons if reason["direction"] == direction]

    def as_json(self) -> dict[str, Any]:
        """Fields as `explain --json` has them."""
        chosen = {name: [one for one in self.reasons if one["direction"] == name] for name in (UP, DOWN, NOT_KNOWN)}
        ends = {"lower": self.lower, "upper": self.upper}
        return {
            "person_id": self.person_id, "state": SCORED, "probability": self.probability,
            **{name: None if isnan(end) else end for name, end in ends.items()},
            "thin_history": self.thin_history, "log_odds": self.log_odds,
            "expected_value": self.expected_value, "groups": self.by_group, "everything_else": self.everything_else,
            **chosen, "state_then": self.state_then,
            "changes": None if self.changes is None else self.changes.as_json(),
        }  # fmt: skip


@dataclass(frozen=True)
class NotScored:
    """Someone without a score, and why; None where nothing was known of anybody of that pseudonym."""

    state: str | None


def explain_person(
    now: Sequence[Bundle],
    then: Sequence[Bundle],
    snapshot: Snapshot,
    site: Site,
    person_id: str,
    *,
    as_of: datetime,
    since: datetime | None,
) -> Explanation | NotScored:
    """Explain one person's score as of a moment by the models of now and, from `since` on, by the models of then.

    Of several models the first is the one that answers; the one that says the most is explained.
    """
    record = record_of(snapshot, site, person_id, models=[*now, *then], as_of=as_of)
    state = record.state(now[0], as_of)
    if state != SCORED:
        return NotScored(state)
    stands = highest_standing(now, record, as_of)
    lower, upper = (stands.lower, stands.upper) if len(now) == 1 else (nan, nan)
    state_then, moved = SCORED, None
    if since is not None:
        known_then = record.known_before(since)
        state_then = known_then.state(then[0], since) or "no_data"
        if state_then == SCORED:
            began = highest_standing(then, known_then, since).model
            moved = changes(began, stands.model, record, since=since, as_of=as_of)
    return Explanation(
        person_id=person_id,
        model=stands.model,
        probability=stands.probability,
        lower=lower,
        upper=upper,
        thin_history=stands.thin_history,
        log_odds=stands.log_odds,
        expected_value=stands.expected_value,
        by_group=dict(zip(stands.groups.names, stands.by_group.tolist(), strict=True)),
        reasons=_reasons(stands, snapshot, record),
        changes=moved,
        state_then=state_then,
    )


def _reasons(stands: Standing, snapshot: Snapshot, record: Record) -> tuple[Told, ...]:
    found = reasons_for(
        stands.model.features, stands.contributions, stands.features, most_up=MOST_REASONS, most_down=MOST_REASONS
    )
    late = late_sources(stands.model, snapshot, stands.as_of)
    teller = Teller(stands.model, stands.as_of, record.site.time_zone, late)
    told = teller.told(stands.evidence, found, stands.features)[0]
    worded = [{**said, "log_odds": reason.moved} for reason, said in zip(found[0], told, strict=False)]
    return (*worded, *told[len(worded) :])
