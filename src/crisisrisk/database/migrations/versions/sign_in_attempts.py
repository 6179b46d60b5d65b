"""Sign-ins with an account of the issuer that were begun."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """None was begun before."""
    op.create_table(
        "sign_in_attempts",
        *(
            sa.Column(name, sa.String(64), nullable=False)
            for name in ("state_sha256", "browser_sha256", "nonce_sha256")
        ),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("state_sha256", name="pk_sign_in_attempts"),
    )
    op.create_index("ix_sign_in_attempts_ends_at", "sign_in_attempts", ["ends_at"])
