"""Forecasts keep when the last contact known then came to each place."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of forecasts that were made before nobody can say."""
    op.add_column("forecasts", sa.Column("last_contact", sa.DateTime(timezone=True), nullable=True))
