"""The tables of the operational database, as SQLAlchemy sees them. Migrations make them."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, LargeBinary, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from crisisrisk.database.base import Base
from crisisrisk.database.care_schema import (
    DataQuery,
    Exposure,
    Feedback,
    LastSeen,
    Review,
    ShiftFeedback,
    ShiftNote,
    Snooze,
    TeamCapacity,
)
from crisisrisk.database.identity_schema import IdentityRow
from crisisrisk.database.oversight_schema import Alert, AlertOfDay, EmergencyAccess, PersonOfDay
from crisisrisk.database.sign_in_schema import SignInAttempt, SignInState

__all__ = [
    "Alert",
    "AlertOfDay",
    "ApiKey",
    "AuditRow",
    "AuditedPerson",
    "Base",
    "DataQuery",
    "EmergencyAccess",
    "Exposure",
    "Feedback",
    "Forecast",
    "ForecastRun",
    "ForecastTotal",
    "IdentityRow",
    "LastSeen",
    "PersonOfDay",
    "PlanChoice",
    "PlanOverride",
    "Review",
    "SafetyConcern",
    "Score",
    "ScoringRun",
    "ShiftFeedback",
    "ShiftNote",
    "SignInAttempt",
    "SignInState",
    "SiteStatus",
    "Snooze",
    "StandbyPlan",
    "TeamCapacity",
]


class _Made:
    """What a run of scoring and one of forecasting both say about themselves."""

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    task: Mapped[str] = mapped_column(String(100))
    model_name: Mapped[str] = mapped_column(String(100))
    model_version: Mapped[int]
    model_run_id: Mapped[str] = mapped_column(String(100))
    recipe_fingerprint: Mapped[str] = mapped_column(String(100))
    outcome: Mapped[str] = mapped_column(String(200))
    horizon_days: Mapped[int | None]
    as_of: Mapped[datetime]
    data_complete_to: Mapped[dict[str, Any]]
    valid_until: Mapped[datetime]
    made_at: Mapped[datetime]


class ScoringRun(_Made, Base):
    """One scoring of everybody."""

    __tablename__ = "scoring_runs"
    __table_args__ = (Index(None, "model_name", "as_of"),)

    former_versions: Mapped[list[int] | None]
    tie_seed: Mapped[int | None] = mapped_column(BigInteger)


class Score(Base):
    """One person's score, or the state that says why there is none."""

    __tablename__ = "scores"
    __table_args__ = (
        CheckConstraint("(state = 'scored') = (probability IS NOT NULL)", name="scored_has_probability"),
        CheckConstraint("probability IS NULL OR (probability >= 0 AND probability <= 1)", name="probability_range"),
    )

    run_id: Mapped[int] = mapped_column(ForeignKey("scoring_runs.id", ondelete="CASCADE"), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    state: Mapped[str] = mapped_column(String(40))
    probability: Mapped[float | None]
    lower: Mapped[float | None]
    upper: Mapped[float | None]
    thin_history: Mapped[bool] = mapped_column(server_default=false())
    model_version: Mapped[int | None]
    tie_key: Mapped[float | None]
    reasons: Mapped[str] = mapped_column(Text)


class ForecastRun(_Made, Base):
    """One forecast of some shifts, as issued; `as_of` is the moment of issue."""

    __tablename__ = "forecast_runs"
    __table_args__ = (Index(None, "model_name", "as_of"),)

    modes: Mapped[dict[str, Any] | None]
    widened_by: Mapped[list[str] | None]


class Forecast(Base):
    """What one forecast run expects in one cell during one shift."""

    __tablename__ = "forecasts"
    __table_args__ = (Index(None, "shift_id", "run_id"), Index(None, "shift_start"))

    run_id: Mapped[int] = mapped_column(ForeignKey("forecast_runs.id", ondelete="CASCADE"), primary_key=True)
    shift_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    place_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    shift_name: Mapped[str] = mapped_column(String(100))
    shift_start: Mapped[datetime]
    shift_end: Mapped[datetime]
    place_name: Mapped[str] = mapped_column(String(200))
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    expected: Mapped[float]
    lower: Mapped[float | None]
    upper: Mapped[float | None]
    usual: Mapped[float | None]
    rank: Mapped[int]
    reasons: Mapped[str] = mapped_column(Text)
    released_expected: Mapped[float | None]
    released_lower: Mapped[float | None]
    released_upper: Mapped[float | None]
    released_usual: Mapped[float | None]
    released_rank: Mapped[int | None]
    released_reasons: Mapped[str] = mapped_column(Text)
    own_dispersion: Mapped[float | None]
    last_contact: Mapped[datetime | None]


class ForecastTotal(Base):
    """What one forecast run says of a whole shift (`area_id` is empty) or of one area in it, as issued."""

    __tablename__ = "forecast_totals"
    __table_args__ = (Index(None, "shift_id", "run_id"),)

    run_id: Mapped[int] = mapped_column(ForeignKey("forecast_runs.id", ondelete="CASCADE"), primary_key=True)
    shift_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    area_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    area_name: Mapped[str] = mapped_column(String(200))
    shift_start: Mapped[datetime]
    shift_end: Mapped[datetime]
    places: Mapped[int]
    issue_hours: Mapped[int]
    hours_ahead: Mapped[float]
    expected: Mapped[float]
    lower: Mapped[float]
    upper: Mapped[float]
    usual: Mapped[float]
    usual_low: Mapped[float]
    usual_high: Mapped[float]
    quieter: Mapped[float]
    busier: Mapped[float]
    outlook: Mapped[str] = mapped_column(Text)
    released_expected: Mapped[float | None]
    released_lower: Mapped[float | None]
    released_upper: Mapped[float | None]
    released_usual: Mapped[float]
    released_quieter: Mapped[float]
    released_busier: Mapped[float]
    released_outlook: Mapped[str] = mapped_column(Text)
    hourly: Mapped[str] = mapped_column(Text)
    shared_dispersion: Mapped[float]


class SiteStatus(Base):
    """A site of care that a coordinator says is full, closed, or open again. Of a site the row set last counts."""

    __tablename__ = "site_status"
    __table_args__ = (
        Index(None, "site_id"),
        CheckConstraint("state IN ('full', 'closed', 'open')", name="known_state"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    site_id: Mapped[str] = mapped_column(String(100))
    state: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(Text)
    starts: Mapped[datetime]
    ends: Mapped[datetime]
    set_at: Mapped[datetime]
    set_by: Mapped[str] = mapped_column(String(40))
    role: Mapped[str] = mapped_column(String(40))


class _Posted:
    """What a plan and a coordinator's change of one both keep."""

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    posts: Mapped[list[dict[str, Any]]]
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(40))
    role: Mapped[str] = mapped_column(String(40))


class StandbyPlan(_Posted, Base):
    """One plan of where teams stand in a shift, as it was answered, with the forecast that it was made from."""

    __tablename__ = "plans"
    __table_args__ = (Index(None, "shift_id", "made_at"), Index(None, "run_id"))

    shift_id: Mapped[str] = mapped_column(String(100))
    shift_start: Mapped[datetime]
    shift_end: Mapped[datetime]
    run_id: Mapped[int] = mapped_column(ForeignKey("forecast_runs.id", ondelete="CASCADE"))
    asked: Mapped[dict[str, Any]]
    answer: Mapped[dict[str, Any]]


class PlanOverride(_Posted, Base):
    """Where a coordinator put the teams of a plan instead, and why."""

    __tablename__ = "plan_overrides"
    __table_args__ = (Index(None, "plan_id"),)

    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id", ondelete="CASCADE"))
    reason: Mapped[str] = mapped_column(Text)


class PlanChoice(Base):
    """That a plan became the plan of its shift, as it is or with a change; the others were only asked for."""

    __tablename__ = "plan_choices"
    __table_args__ = (Index(None, "plan_id"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id", ondelete="CASCADE"))
    override_id: Mapped[int | None] = mapped_column(ForeignKey("plan_overrides.id", ondelete="CASCADE"))
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(40))
    role: Mapped[str] = mapped_column(String(40))


class ApiKey(Base):
    """A key of the service: its hash, what it may do, and until when. The key itself is never kept."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(40))
    team: Mapped[str | None] = mapped_column(String(100))
    worker_id: Mapped[str | None] = mapped_column(String(100))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class AuditRow(Base):
    """One answer that could name people, or one act: who, when, why, what was shown. Rows are added and never changed.

    `body`: the exact bytes shown, compressed (zlib). `code`: of the keyed chain, by the key `key_name`.
    """

    __tablename__ = "audit"
    __table_args__ = (Index(None, "at"),)

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    purpose: Mapped[str] = mapped_column(String(40))
    action: Mapped[str] = mapped_column(String(200))
    status: Mapped[int]
    key_id: Mapped[str | None] = mapped_column(String(32))
    role: Mapped[str] = mapped_column(String(40))
    team: Mapped[str | None] = mapped_column(String(100))
    request_id: Mapped[str] = mapped_column(String(32))
    detail: Mapped[str] = mapped_column(Text)
    media_type: Mapped[str] = mapped_column(String(100))
    sha256: Mapped[str] = mapped_column(String(64))
    key_name: Mapped[str] = mapped_column(String(8))
    code: Mapped[str] = mapped_column(String(64))
    body: Mapped[bytes] = mapped_column(LargeBinary)


class AuditedPerson(Base):
    """A person whom an answer named. The code of its row covers these, so that none can be taken away."""

    __tablename__ = "audit_people"
    __table_args__ = (Index(None, "person_id", "number"),)

    number: Mapped[int] = mapped_column(ForeignKey("audit.number", ondelete="CASCADE"), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(100), primary_key=True)


class SafetyConcern(Base):
    """What somebody reported as unsafe, and what was done about it."""

    __tablename__ = "safety_concerns"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    raised_at: Mapped[datetime]
    key_id: Mapped[str] = mapped_column(String(32))
    role: Mapped[str] = mapped_column(String(40))
    team: Mapped[str | None] = mapped_column(String(100))
    about: Mapped[str] = mapped_column(String(40))
    person_id: Mapped[str | None] = mapped_column(String(100), index=True)
    reference: Mapped[str | None] = mapped_column(String(100))
    text: Mapped[str] = mapped_column(Text)
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(String(32))
    done: Mapped[str | None] = mapped_column(Text)


class Job(Base):
    """One job of the worker: which occurrence it took up last, what came of it, and when the next is due."""

    __tablename__ = "jobs"
    __table_args__ = (CheckConstraint("state IN ('waiting', 'running', 'done', 'failed')", name="known_state"),)

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    state: Mapped[str] = mapped_column(String(10))
    due_at: Mapped[datetime | None]
    begun_at: Mapped[datetime | None]
    attempts: Mapped[int]
    ended_at: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]
    try_again_at: Mapped[datetime | None]
    next_due_at: Mapped[datetime | None]
    code: Mapped[str | None] = mapped_column(String(20))
    result: Mapped[dict[str, Any] | None]


class IngestedFile(Base):
    """A file that was loaded, as the ledger of the stored tables has it, or refused. No name and no value of it."""

    __tablename__ = "ingest_ledger"
    __table_args__ = (CheckConstraint("(outcome = 'refused') = (code IS NOT NULL)", name="refused_has_code"),)

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    mapping_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    mapping: Mapped[str] = mapped_column(String(100))
    outcome: Mapped[str] = mapped_column(String(10))
    code: Mapped[str | None] = mapped_column(String(20))
    at: Mapped[datetime] = mapped_column(index=True)
    rows_read: Mapped[int]
    rows_loaded: Mapped[int]
    rows_duplicate: Mapped[int]
    rows_quarantined: Mapped[int]
