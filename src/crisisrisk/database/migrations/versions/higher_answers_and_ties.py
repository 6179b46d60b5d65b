"""Scores say which version's number they are, and by which key ties were ordered."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is said of scores that were made before: they are the run's own model's, and no tie was drawn."""
    op.add_column("scores", sa.Column("model_version", sa.Integer(), nullable=True))
    op.add_column("scores", sa.Column("tie_key", sa.Float(53), nullable=True))
    op.add_column("scoring_runs", sa.Column("former_versions", sa.JSON(), nullable=True))
    op.add_column("scoring_runs", sa.Column("tie_seed", sa.BigInteger(), nullable=True))
