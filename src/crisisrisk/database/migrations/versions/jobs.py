"""The worker's jobs, and a ledger of the files that arrived."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """No job was done before; the ledger is filled from that of the stored tables by the next load."""
    op.create_table(
        "jobs",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        *(sa.Column(name, MOMENT, nullable=True) for name in ("due_at", "begun_at")),
        sa.Column("attempts", sa.Integer(), nullable=False),
        *(sa.Column(name, MOMENT, nullable=True) for name in ("ended_at", "succeeded_at", "try_again_at")),
        sa.Column("next_due_at", MOMENT, nullable=True),
        sa.Column("code", sa.String(20), nullable=True),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'running', 'done', 'failed')", name=op.f("ck_jobs_known_state")
        ),
        sa.PrimaryKeyConstraint("name", name="pk_jobs"),
    )  # fmt: skip
    op.create_table(
        "ingest_ledger",
        *(sa.Column(name, sa.String(64), nullable=False) for name in ("sha256", "mapping_sha256")),
        sa.Column("mapping", sa.String(100), nullable=False),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.Column("code", sa.String(20), nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("rows_read", "rows_loaded", "rows_duplicate", "rows_quarantined")
        ),
        sa.CheckConstraint(
            "(outcome = 'refused') = (code IS NOT NULL)", name=op.f("ck_ingest_ledger_refused_has_code")
        ),
        sa.PrimaryKeyConstraint("sha256", "mapping_sha256", name="pk_ingest_ledger"),
    )
    op.create_index("ix_ingest_ledger_at", "ingest_ledger", ["at"])
