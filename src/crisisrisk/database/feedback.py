"""What teams think of scores and of forecasts, and the decisions that they record about people."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import aliased

from crisisrisk.database.engine import writing
from crisisrisk.database.rows import Author, Said, add, everything, read
from crisisrisk.database.runs import IDS_AT_ONCE
from crisisrisk.database.schema import Feedback, Review, ShiftFeedback

ASKED_AGAIN_AFTER = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class KeptFeedback(Said):
    """What somebody thinks of one score. `asked_again_at`: when the second step is due; None for a second step."""

    person_id: str
    run_id: int | None
    verdict: str
    reason: str | None
    words: str | None = field(repr=False)
    follows: int | None
    asked_again_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class KeptReview(Said):
    """One decision about a person."""

    person_id: str
    run_id: int | None
    decision: str
    words: str = field(repr=False)
    shown_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class KeptShiftFeedback:
    """Whether one forecast was useful."""

    number: int
    shift_id: str
    run_id: int | None
    place_id: str | None
    verdict: str
    words: str | None = field(repr=False)
    made_at: datetime
    made_by: str
    role: str


def save_feedback(
    engine: Engine, author: Author, person_id: str, *, made_at: datetime, run_id: int | None, verdict: str,
    reason: str | None, words: str | None, follows: int | None,
) -> KeptFeedback:  # fmt: skip
    """Keep what somebody thinks; of a first step it is asked again a week later."""
    again = made_at + ASKED_AGAIN_AFTER if follows is None else None
    said = {
        **asdict(author), "person_id": person_id, "made_at": made_at, "run_id": run_id, "verdict": verdict,
        "reason": reason, "words": words, "follows": follows, "asked_again_at": again,
    }  # fmt: skip
    with writing(engine) as connection:
        return add(connection, Feedback, KeptFeedback, said)


def feedback_about(engine: Engine, person_id: str, team_id: str) -> Sequence[KeptFeedback]:
    """What a team said of a person's scores, the newest first."""
    chosen = everything(Feedback).where(Feedback.person_id == person_id, Feedback.team_id == team_id)
    with engine.connect() as connection:
        return read(connection, KeptFeedback, chosen.order_by(Feedback.id.desc()))


def feedback_of_team(engine: Engine, team_id: str, *, due_at: datetime | None, limit: int) -> Sequence[KeptFeedback]:
    """What a team said, the newest first; with `due_at` the first steps whose second is due then, the oldest first.

    Who said something of the same score again is asked about the last that they said alone.
    """
    chosen = everything(Feedback).where(Feedback.team_id == team_id).limit(limit)
    if due_at is None:
        chosen = chosen.order_by(Feedback.id.desc())
    else:
        later = aliased(Feedback)
        followed = select(later.id).where(later.follows == Feedback.id)
        said_again = select(later.id).where(
            later.person_id == Feedback.person_id, later.run_id == Feedback.run_id, later.made_by == Feedback.made_by,
            later.follows.is_(None), later.id > Feedback.id,
        )  # fmt: skip
        due = (Feedback.asked_again_at <= due_at, ~followed.exists(), ~said_again.exists())
        chosen = chosen.where(*due).order_by(Feedback.id)
    with engine.connect() as connection:
        return read(connection, KeptFeedback, chosen)


def save_review(
    engine: Engine, author: Author, person_id: str, *, made_at: datetime, run_id: int | None, decision: str,
    words: str, shown_at: datetime | None,
) -> KeptReview:  # fmt: skip
    """Keep a decision."""
    said = {
        **asdict(author), "person_id": person_id, "made_at": made_at, "run_id": run_id, "decision": decision,
        "words": words, "shown_at": shown_at,
    }  # fmt: skip
    with writing(engine) as connection:
        return add(connection, Review, KeptReview, said)


def reviews_about(engine: Engine, person_id: str, team_id: str) -> Sequence[KeptReview]:
    """The decisions of a team about a person, the newest first."""
    chosen = everything(Review).where(Review.person_id == person_id, Review.team_id == team_id)
    with engine.connect() as connection:
        return read(connection, KeptReview, chosen.order_by(Review.id.desc()))


def last_reviews(engine: Engine, people: Iterable[str], team_id: str) -> Mapping[str, datetime]:
    """When a team last made a decision about each of some people; without those about whom it never did."""
    wanted = sorted(set(people))
    found: dict[str, datetime] = {}
    with engine.connect() as connection:
        for start in range(0, len(wanted), IDS_AT_ONCE):
            some = wanted[start : start + IDS_AT_ONCE]
            chosen = (
                select(Review.person_id, func.max(Review.made_at).label("last"))
                .where(Review.team_id == team_id, Review.person_id.in_(some))
                .group_by(Review.person_id)
            )
            found.update({row.person_id: row.last for row in connection.execute(chosen).all()})
    return found


def save_shift_feedback(
    engine: Engine, *, shift_id: str, run_id: int, place_id: str | None, verdict: str, words: str | None,
    made_at: datetime, made_by: str, role: str,
) -> KeptShiftFeedback:  # fmt: skip
    """Keep whether a forecast was useful."""
    said = {
        "shift_id": shift_id, "run_id": run_id, "place_id": place_id, "verdict": verdict, "words": words,
        "made_at": made_at, "made_by": made_by, "role": role,
    }  # fmt: skip
    with writing(engine) as connection:
        return add(connection, ShiftFeedback, KeptShiftFeedback, said)


def feedback_on_shift(engine: Engine, shift_id: str) -> Sequence[KeptShiftFeedback]:
    """What was said of the forecasts of a shift, the newest first."""
    chosen = everything(ShiftFeedback).where(ShiftFeedback.shift_id == shift_id)
    with engine.connect() as connection:
        return read(connection, KeptShiftFeedback, chosen.order_by(ShiftFeedback.id.desc()))
