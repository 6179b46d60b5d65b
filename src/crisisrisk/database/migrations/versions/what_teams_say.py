"""What teams say and decide: feedback, reviews, snoozes, data queries; what was shown; marks and capacities."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def _text(name: str, length: int | None = None, *, null: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.Text() if length is None else sa.String(length), nullable=null)


def _moment(name: str, *, null: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, MOMENT, nullable=null)


def _whole(name: str, *, null: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.Integer(), nullable=null)


def _said() -> "tuple[sa.Column[Any], ...]":
    number = sa.Column("id", sa.Integer(), autoincrement=True, nullable=False)
    return (number, _text("team_id", 100), _moment("made_at"), _text("made_by", 40), _text("role", 40))


def _of_run(table: str, *, runs: str = "scoring_runs", gone: str = "SET NULL") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["run_id"], [f"{runs}.id"], name=f"fk_{table}_run_id", ondelete=gone)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*(columns or ("id",)), name=f"pk_{table}")


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def upgrade() -> None:
    """Nothing was kept of it before."""
    _make_feedback()
    _make_reviews()
    _make_snoozes()
    _make_data_queries()
    _make_shown()
    _make_capacities()
    _make_shift_feedback()


def _make_feedback() -> None:
    op.create_table(
        "feedback",
        *_said(), _text("person_id", 100), _whole("run_id", null=True), _text("verdict", 10),
        _text("reason", 40, null=True), _text("words", null=True), _whole("follows", null=True),
        _moment("asked_again_at", null=True),
        sa.CheckConstraint("verdict IN ('agree', 'disagree', 'acted')", name=op.f("ck_feedback_known_verdict")),
        sa.CheckConstraint(
            "(follows IS NULL) = (asked_again_at IS NOT NULL)", name=op.f("ck_feedback_asked_again_once")
        ),
        _of_run("feedback"),
        sa.ForeignKeyConstraint(["follows"], ["feedback.id"], name="fk_feedback_follows", ondelete="CASCADE"),
        _key("feedback"),
    )  # fmt: skip
    _index("feedback", "person_id")
    _index("feedback", "team_id", "asked_again_at")


def _make_reviews() -> None:
    op.create_table(
        "reviews",
        *_said(), _text("person_id", 100), _whole("run_id", null=True), _text("decision", 40), _text("words"),
        _moment("shown_at", null=True), _of_run("reviews"), _key("reviews"),
    )  # fmt: skip
    _index("reviews", "person_id")
    _index("reviews", "team_id", "made_at")


def _make_snoozes() -> None:
    op.create_table(
        "snoozes",
        *_said(), _text("person_id", 100), _moment("until"), _text("reason"), _whole("contacts"),
        sa.Column("in_100", sa.Float(53), nullable=True), _whole("rise", null=True), _moment("ended_at", null=True),
        _text("ended_by", 40, null=True), _key("snoozes"),
    )  # fmt: skip
    _index("snoozes", "person_id")
    _index("snoozes", "team_id", "until")


def _make_data_queries() -> None:
    op.create_table(
        "data_queries",
        *_said(), _text("person_id", 100), _text("event_id", 200), _text("source", 100), _moment("occurred_at"),
        _text("problem", 40), _text("words", null=True), _moment("answered_at", null=True),
        _text("answered_by", 40, null=True), _text("outcome", 40, null=True), _text("answer", null=True),
        _key("data_queries"),
    )  # fmt: skip
    _index("data_queries", "person_id")
    _index("data_queries", "answered_at")


def _make_shown() -> None:
    op.create_table(
        "exposures",
        _whole("run_id"), _text("person_id", 100), _text("team_id", 100), _text("day", 10), _moment("shown_at"),
        _text("made_by", 40), _of_run("exposures", gone="CASCADE"),
        _key("exposures", "run_id", "person_id", "team_id", "day"),
    )  # fmt: skip
    _index("exposures", "person_id", "shown_at")
    op.create_table(
        "last_seen",
        _text("made_by", 40), _text("team_id", 100), _moment("seen_at"), _whole("run_id", null=True),
        _of_run("last_seen"), _key("last_seen", "made_by", "team_id"),
    )  # fmt: skip


def _make_capacities() -> None:
    op.create_table(
        "team_capacities",
        *_said(), _whole("people_a_week"), _text("reason"),
        sa.CheckConstraint("people_a_week >= 1", name=op.f("ck_team_capacities_somebody")), _key("team_capacities"),
    )  # fmt: skip
    _index("team_capacities", "team_id")


def _make_shift_feedback() -> None:
    op.create_table(
        "shift_feedback",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        _text("shift_id", 100), _whole("run_id", null=True), _text("place_id", 100, null=True), _text("verdict", 20),
        _text("words", null=True), _moment("made_at"), _text("made_by", 40), _text("role", 40),
        sa.CheckConstraint("verdict IN ('useful', 'not_useful')", name=op.f("ck_shift_feedback_known_verdict")),
        _of_run("shift_feedback", runs="forecast_runs"), _key("shift_feedback"),
    )  # fmt: skip
    _index("shift_feedback", "shift_id")
