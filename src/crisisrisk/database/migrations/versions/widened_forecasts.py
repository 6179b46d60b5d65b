"""Forecasts say which late feeds their ranges are wider for."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forecasts that were made before are wider for none."""
    op.add_column("forecast_runs", sa.Column("widened_by", sa.JSON(), nullable=True))
