"""Who people are, encrypted."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody was known by name before."""
    op.create_table(
        "identities",
        sa.Column("person_id", sa.String(100), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key_name", sa.String(8), nullable=False),
        *(sa.Column(name, sa.LargeBinary(), nullable=True) for name in ("nhs_number", "name", "birth_date", "phone")),
        sa.PrimaryKeyConstraint("person_id", "version", name="pk_identities"),
    )
