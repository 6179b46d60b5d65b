"""Which worker a key belongs to, so that there is a list of one's own people."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keys of before belong to no worker."""
    op.add_column("api_keys", sa.Column("worker_id", sa.String(100), nullable=True))
