"""Scores say whether a history is thin."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Scores that were made before say nothing of it: they had no range either."""
    op.add_column("scores", sa.Column("thin_history", sa.Boolean(), nullable=False, server_default=sa.false()))
