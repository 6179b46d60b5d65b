"""What coordinators note about shifts, and the places that they set aside or add."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing was kept of it before."""
    op.create_table(
        "shift_notes",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("shift_id", sa.String(100), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("place_id", sa.String(100), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("withdraws", sa.Integer(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(40), nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.CheckConstraint("kind IN ('note', 'suppress', 'add', 'withdraw')", name=op.f("ck_shift_notes_known_kind")),
        sa.CheckConstraint(
            "(kind = 'withdraw') = (withdraws IS NOT NULL)", name=op.f("ck_shift_notes_withdraws_a_note")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["forecast_runs.id"], name="fk_shift_notes_run_id", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["withdraws"], ["shift_notes.id"], name="fk_shift_notes_withdraws", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_shift_notes"),
    )
    op.create_index("ix_shift_notes_shift_id", "shift_notes", ["shift_id"])
