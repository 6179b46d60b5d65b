"""What changed between two dates: how much of a score's movement new contacts, passing time and a new model made.

The score is worked out four times, and each part is one step: the old model on what was known then, as of then; as
of now; on what is known now; and the new model on the same. The steps add up to the movement because each begins
where the last one ended.
"""

from dataclasses import dataclass
from datetime import datetime
from math import log
from typing import Any

from crisisrisk.models.bundle import Bundle
from crisisrisk.models.reasons import reasons_for
from crisisrisk.scoring.standing import Record, Standing, standing
from crisisrisk.scoring.telling import Teller, Told

AGEING, NEW_CONTACTS, MODEL = "ageing", "new_contacts", "model"


@dataclass(frozen=True)
class Part:
    """One cause of a movement. `points` are of 100 people; as shown, those of all parts add up."""

    cause: str
    log_odds: float
    points: int
    reasons: tuple[Told, ...]


@dataclass(frozen=True)
class Changes:
    """A movement from `since` to `as_of`. `log_odds` are those of the probability, so a new calibration is in them."""

    since: datetime
    as_of: datetime
    before: float
    after: float
    parts: tuple[Part, ...]

    @property
    def log_odds(self) -> float:
        """The whole movement, which the parts add up to."""
        return log_odds_of(self.after) - log_odds_of(self.before)

    @property
    def points(self) -> int:
        """The whole movement in points of 100, between the whole numbers that are shown."""
        return in_points(self.after) - in_points(self.before)

    def as_json(self) -> dict[str, Any]:
        """Fields as `explain --json` has them."""
        return {
            "since": self.since.isoformat(), "probability_then": self.before, "log_odds": self.log_odds,
            "points": self.points,
            "parts": [{"cause": part.cause, "log_odds": part.log_odds, "points": part.points,
                       "reasons": list(part.reasons)} for part in self.parts],
        }  # fmt: skip


def log_odds_of(probability: float) -> float:
    """Log-odds; a probability of 0 or 1 is taken as one in a million away from it."""
    inside = min(max(probability, 1e-6), 1 - 1e-6)
    return log(inside / (1 - inside))


def in_points(probability: float) -> int:
    """Of 100 people, the whole number that is shown, halves rounded up as in lists."""
    return int(100 * probability + 0.5)


def changes(then: Bundle, now: Bundle, record: Record, *, since: datetime, as_of: datetime) -> Changes:
    """The movement of one record's score from `since`, by the model of then, to `as_of`, by the model of now."""
    known_then = record.known_before(since)
    begin = standing(then, known_then, since)
    aged = standing(then, known_then, as_of)
    informed = standing(then, record, as_of)
    end = informed if now.manifest == then.manifest else standing(now, record, as_of)
    parts = (
        _part(NEW_CONTACTS, aged, informed, _said(aged, informed, record)),
        _part(AGEING, begin, aged, _said(begin, aged, record)),
        _part(MODEL, informed, end, ()),
    )
    return Changes(since=since, as_of=as_of, before=begin.probability, after=end.probability, parts=parts)


def _part(cause: str, first: Standing, last: Standing, reasons: tuple[Told, ...]) -> Part:
    return Part(
        cause=cause,
        log_odds=log_odds_of(last.probability) - log_odds_of(first.probability),
        points=in_points(last.probability) - in_points(first.probability),
        reasons=reasons,
    )


def _said(first: Standing, last: Standing, record: Record) -> tuple[Told, ...]:
    """Words for the groups that moved most between two standings of one model."""
    moved = last.contributions - first.contributions
    found = reasons_for(last.model.features, moved, last.features)
    teller = Teller(last.model, last.as_of, record.site.time_zone)
    told = teller.told(last.evidence, found, last.features)[0]
    return tuple(reason for reason in told if reason["direction"] in ("up", "down"))
