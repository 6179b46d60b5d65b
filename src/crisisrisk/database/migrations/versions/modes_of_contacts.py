"""Forecasts say how the contacts of a shift are made."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is said of forecasts that were made before."""
    op.add_column("forecast_runs", sa.Column("modes", sa.JSON(), nullable=True))
