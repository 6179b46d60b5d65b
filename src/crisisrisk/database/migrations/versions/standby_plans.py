"""Plans of where teams stand, coordinators' changes of them, and sites that are full or closed."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Of what was planned before nothing is known."""
    _make_site_status()
    _make_plans()
    _make_overrides()


def _make_site_status() -> None:
    op.create_table(
        "site_status",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("site_id", sa.String(100), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        *(sa.Column(name, MOMENT, nullable=False) for name in ("starts", "ends", "set_at")),
        *(sa.Column(name, sa.String(40), nullable=False) for name in ("set_by", "role")),
        sa.CheckConstraint("state IN ('full', 'closed', 'open')", name=op.f("ck_site_status_known_state")),
        sa.PrimaryKeyConstraint("id", name="pk_site_status"),
    )
    op.create_index("ix_site_status_site_id", "site_status", ["site_id"])


def _posted() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("posts", sa.JSON(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        *(sa.Column(name, sa.String(40), nullable=False) for name in ("made_by", "role")),
    )


def _make_plans() -> None:
    op.create_table(
        "plans",
        *_posted(),
        sa.Column("shift_id", sa.String(100), nullable=False),
        *(sa.Column(name, MOMENT, nullable=False) for name in ("shift_start", "shift_end")),
        sa.Column("run_id", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.JSON(), nullable=False) for name in ("asked", "answer")),
        sa.ForeignKeyConstraint(["run_id"], ["forecast_runs.id"], name="fk_plans_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_plans"),
    )
    op.create_index("ix_plans_shift_id_made_at", "plans", ["shift_id", "made_at"])
    op.create_index("ix_plans_run_id", "plans", ["run_id"])


def _make_overrides() -> None:
    op.create_table(
        "plan_overrides",
        *_posted(),
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name="fk_plan_overrides_plan_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_plan_overrides"),
    )
    op.create_index("ix_plan_overrides_plan_id", "plan_overrides", ["plan_id"])
