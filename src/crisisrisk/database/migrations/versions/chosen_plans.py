"""Which plan of a shift somebody chose, so that a question that was only asked is not the shift's plan."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of before, the plan of a shift is what it was: the one made last before its end, with its last change."""
    op.create_table(
        "plan_choices",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("override_id", sa.Integer(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.String(40), nullable=False) for name in ("made_by", "role")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name="fk_plan_choices_plan_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["override_id"], ["plan_overrides.id"], name="fk_plan_choices_override_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_plan_choices"),
    )
    op.create_index("ix_plan_choices_plan_id", "plan_choices", ["plan_id"])
    op.execute(
        "INSERT INTO plan_choices (plan_id, override_id, made_at, made_by, role) "
        "SELECT id, NULL, made_at, made_by, role FROM plans WHERE id IN (SELECT COALESCE("
        "MAX(CASE WHEN made_at < shift_end THEN id END), MAX(id)) FROM plans GROUP BY shift_id) ORDER BY id"
    )
    op.execute(
        "INSERT INTO plan_choices (plan_id, override_id, made_at, made_by, role) "
        "SELECT plan_id, id, made_at, made_by, role FROM plan_overrides WHERE id IN (SELECT MAX(id) FROM "
        "plan_overrides WHERE plan_id IN (SELECT plan_id FROM plan_choices) GROUP BY plan_id) ORDER BY id"
    )
