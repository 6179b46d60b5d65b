"""The tables of what care teams say and decide about people, and of what was shown to them. Migrations make them."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from crisisrisk.database.base import Base


class _Said:
    """What everything says that somebody of a team said or decided."""

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    team_id: Mapped[str] = mapped_column(String(100))
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(40))
    role: Mapped[str] = mapped_column(String(40))


class _AboutPerson(_Said):
    """The same about one person."""

    person_id: Mapped[str] = mapped_column(String(100))


class Feedback(_AboutPerson, Base):
    """What a team thinks of a score: at once, and once more a week later (`follows` what was said first)."""

    __tablename__ = "feedback"
    __table_args__ = (
        Index(None, "person_id"),
        Index(None, "team_id", "asked_again_at"),
        CheckConstraint("verdict IN ('agree', 'disagree', 'acted')", name="known_verdict"),
        CheckConstraint("(follows IS NULL) = (asked_again_at IS NOT NULL)", name="asked_again_once"),
    )

    run_id: Mapped[int | None] = mapped_column(ForeignKey("scoring_runs.id", ondelete="SET NULL"))
    verdict: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str | None] = mapped_column(String(40))
    words: Mapped[str | None] = mapped_column(Text)
    follows: Mapped[int | None] = mapped_column(ForeignKey("feedback.id", ondelete="CASCADE"))
    asked_again_at: Mapped[datetime | None]


class Review(_AboutPerson, Base):
    """A decision that somebody made about a person, in their own words. `shown_at`: when the score was first shown."""

    __tablename__ = "reviews"
    __table_args__ = (Index(None, "person_id"), Index(None, "team_id", "made_at"))

    run_id: Mapped[int | None] = mapped_column(ForeignKey("scoring_runs.id", ondelete="SET NULL"))
    decision: Mapped[str] = mapped_column(String(40))
    words: Mapped[str] = mapped_column(Text)
    shown_at: Mapped[datetime | None]


class Snooze(_AboutPerson, Base):
    """Somebody left off the usual list until a moment, or until what is kept here with it has changed.

    `contacts`: how many were loaded of the person then; `in_100`: what was said of them, null without a score.
    """

    __tablename__ = "snoozes"
    __table_args__ = (Index(None, "person_id"), Index(None, "team_id", "until"))

    until: Mapped[datetime]
    reason: Mapped[str] = mapped_column(Text)
    contacts: Mapped[int]
    in_100: Mapped[float | None]
    rise: Mapped[int | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(String(40))


class DataQuery(_AboutPerson, Base):
    """ "This is wrong" about one dated contact, and what came of it. `words` are for the team that asked alone."""

    __tablename__ = "data_queries"
    __table_args__ = (Index(None, "person_id"), Index(None, "answered_at"))

    event_id: Mapped[str] = mapped_column(String(200))
    source: Mapped[str] = mapped_column(String(100))
    occurred_at: Mapped[datetime]
    problem: Mapped[str] = mapped_column(String(40))
    words: Mapped[str | None] = mapped_column(Text)
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str | None] = mapped_column(String(40))
    outcome: Mapped[str | None] = mapped_column(String(40))
    answer: Mapped[str | None] = mapped_column(Text)


class Exposure(Base):
    """A score of one run that was shown to a team on a day, as the site's clock has it, and when first."""

    __tablename__ = "exposures"
    __table_args__ = (Index(None, "person_id", "shown_at"),)

    run_id: Mapped[int] = mapped_column(ForeignKey("scoring_runs.id", ondelete="CASCADE"), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    team_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    shown_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(40))


class LastSeen(Base):
    """When somebody last looked through a team's list, and at which scores."""

    __tablename__ = "last_seen"

    made_by: Mapped[str] = mapped_column(String(40), primary_key=True)
    team_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    seen_at: Mapped[datetime]
    run_id: Mapped[int | None] = mapped_column(ForeignKey("scoring_runs.id", ondelete="SET NULL"))


class TeamCapacity(_Said, Base):
    """How many people a team can review in a week, from when it was said. Of a team the row made last counts."""

    __tablename__ = "team_capacities"
    __table_args__ = (
        Index(None, "team_id"),
        CheckConstraint("people_a_week >= 1", name="somebody"),
    )

    people_a_week: Mapped[int]
    reason: Mapped[str] = mapped_column(Text)


class ShiftFeedback(Base):
    """Whether a forecast was useful to a crisis team, as a whole or at one place of it."""

    __tablename__ = "shift_feedback"
    __table_args__ = (
        Index(None, "shift_id"),
        CheckConstraint("verdict IN ('useful', 'not_useful')", name="known_verdict"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    shift_id: Mapped[str] = mapped_column(String(100))
    run_id: Mapped[int | None] = mapped_column(ForeignKey("forecast_runs.id", ondelete="SET NULL"))
    place_id: Mapped[str | None] = mapped_column(String(100))
    verdict: Mapped[str] = mapped_column(String(20))
    words: Mapped[str | None] = mapped_column(Text)
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(40))
    role: Mapped[str] = mapped_column(String(40))


class ShiftNote(Base):
    """What a coordinator notes about a shift, or sets aside or adds of its places. No model ever learns from it."""

    __tablename__ = "shift_notes"
    __table_args__ = (
        Index(None, "shift_id"),
        CheckConstraint("kind IN ('note', 'suppress', 'add', 'withdraw')", name="known_kind"),
        CheckConstraint("(kind = 'withdraw') = (withdraws IS NOT NULL)", name="withdraws_a_note"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    shift_id: Mapped[str] = mapped_column(String(100))
    run_id: Mapped[int | None] = mapped_column(ForeignKey("forecast_runs.id", ondelete="SET NULL"))
    kind: Mapped[str] = mapped_column(String(20))
    place_id: Mapped[str | None] = mapped_column(String(100))
    reason: Mapped[str] = mapped_column(Text)
    withdraws: Mapped[int | None] = mapped_column(ForeignKey("shift_notes.id", ondelete="CASCADE"))
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(40))
    role: Mapped[str] = mapped_column(String(40))
