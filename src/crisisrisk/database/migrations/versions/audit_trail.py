"""The audit trail, whom its rows name, and safety concerns."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Looks before this version were not kept, so the trail begins here."""
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("purpose", sa.String(40), nullable=False),
        sa.Column("action", sa.String(200), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.String(32), nullable=True),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("team", sa.String(100), nullable=True),
        sa.Column("request_id", sa.String(32), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("media_type", sa.String(100), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("key_name", sa.String(8), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_table(
        "audit_people",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.String(100), nullable=False),
        sa.ForeignKeyConstraint(["number"], ["audit.number"], name="fk_audit_people_number", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("number", "person_id", name="pk_audit_people"),
    )
    op.create_index("ix_audit_people_person_id_number", "audit_people", ["person_id", "number"])
    _make_concerns()


def _make_concerns() -> None:
    op.create_table(
        "safety_concerns",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("raised_at", MOMENT, nullable=False),
        sa.Column("key_id", sa.String(32), nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("team", sa.String(100), nullable=True),
        sa.Column("about", sa.String(40), nullable=False),
        sa.Column("person_id", sa.String(100), nullable=True),
        sa.Column("reference", sa.String(100), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.Column("closed_by", sa.String(32), nullable=True),
        sa.Column("done", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_safety_concerns"),
    )
    op.create_index("ix_safety_concerns_person_id", "safety_concerns", ["person_id"])
