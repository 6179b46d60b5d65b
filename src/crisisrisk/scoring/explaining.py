"""Why one person's score is what it is, why it is not higher, and what changed since a date."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crisisrisk.models.bundle import Bundle
from crisisrisk.models.reasons import reasons_for
from crisisrisk.scoring.changes import Changes, changes
from crisisrisk.scoring.people import SCORED, late_sources
from crisisrisk.scoring.standing import Record, Standing, record_of, standing
from crisisrisk.scoring.telling import DOWN, NOT_KNOWN, UP, Teller, Told
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot

MOST_REASONS = 5


@dataclass(frozen=True)
class Explanation:
    """The expected value and every group's contribution add up to `log_odds`; the strongest are put into words."""

    person_id: str
    probability: float
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
        return {
            "person_id": self.person_id, "state": SCORED, "probability": self.probability, "log_odds": self.log_odds,
            "expected_value": self.expected_value, "groups": self.by_group, "everything_else": self.everything_else,
            **chosen, "state_then": self.state_then,
            "changes": None if self.changes is None else self.changes.as_json(),
        }  # fmt: skip


@dataclass(frozen=True)
class NotScored:
    """Someone without a score, and why; None where nothing was known of anybody of that pseudonym."""

    state: str | None


def explain_person(
    now: Bundle,
    then: Bundle,
    snapshot: Snapshot,
    site: Site,
    person_id: str,
    *,
    as_of: datetime,
    since: datetime | None,
) -> Explanation | NotScored:
    """Explain one person's score as of a moment by the model of now and, from `since` on, by the model of then."""
    record = record_of(snapshot, site, person_id, models=[now, then], as_of=as_of)
    state = record.state(now, as_of)
    if state != SCORED:
        return NotScored(state)
    stands = standing(now, record, as_of)
    state_then = SCORED if since is None else record.known_before(since).state(then, since) or "no_data"
    moved = since is not None and state_then == SCORED
    return Explanation(
        person_id=person_id,
        probability=stands.probability,
        log_odds=stands.log_odds,
        expected_value=stands.expected_value,
        by_group=dict(zip(stands.groups.names, stands.by_group.tolist(), strict=True)),
        reasons=_reasons(stands, snapshot, record),
        changes=changes(then, now, record, since=since, as_of=as_of) if moved and since is not None else None,
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
