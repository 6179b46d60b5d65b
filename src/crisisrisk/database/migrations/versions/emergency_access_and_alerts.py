"""Emergency access, and alerts to the privacy officer."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Nobody was opened and nothing alerted before."""
    op.create_table(
        "alerts",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("raised_at", MOMENT, nullable=False),
        sa.Column("request_id", sa.String(32), nullable=False),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.Column("closed_by", sa.String(40), nullable=True),
        sa.Column("done", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
    )
    op.create_index("ix_alerts_closed_at", "alerts", ["closed_at"])
    op.create_table(
        "alerts_of_days",
        *(sa.Column(name, sa.String(length), nullable=False)
          for name, length in (("kind", 40), ("made_by", 40), ("day", 10))),
        sa.Column("alert_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_alerts_of_days_alert_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("kind", "made_by", "day", name="pk_alerts_of_days"),
    )  # fmt: skip
    op.create_index("ix_alerts_of_days_alert_id", "alerts_of_days", ["alert_id"])
    op.create_table(
        "emergency_accesses",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        *(sa.Column(name, sa.String(length), nullable=False)
          for name, length in (("person_id", 100), ("team_id", 100), ("made_by", 40), ("role", 40))),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.Column("alert_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["alerts.id"], name="fk_emergency_accesses_alert_id", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_emergency_accesses"),
    )  # fmt: skip
    op.create_index("ix_emergency_accesses_made_by_person_id", "emergency_accesses", ["made_by", "person_id"])
    op.create_index("ix_emergency_accesses_person_id", "emergency_accesses", ["person_id"])
    op.create_index("ix_emergency_accesses_alert_id", "emergency_accesses", ["alert_id"])
