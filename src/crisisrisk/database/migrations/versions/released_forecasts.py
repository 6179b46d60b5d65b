"""Forecasts keep beside what is shown live what may be released of it."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

NUMBERS = ("released_expected", "released_lower", "released_upper")


def upgrade() -> None:
    """Of forecasts that were made before nothing is released."""
    for table in ("forecasts", "forecast_totals"):
        for name in NUMBERS:
            op.add_column(table, sa.Column(name, sa.Float(53), nullable=True))
    op.add_column("forecasts", sa.Column("released_rank", sa.Integer(), nullable=True))
