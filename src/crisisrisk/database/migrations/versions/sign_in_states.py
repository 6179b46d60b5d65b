"""Who is signed in to the pages."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Nobody was signed in before."""
    op.create_table(
        "sign_in_states",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("key_id", sa.String(32), nullable=False),
        *(sa.Column(name, MOMENT, nullable=False) for name in ("started_at", "used_at", "ends_at")),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name="fk_sign_in_states_key_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("sha256", name="pk_sign_in_states"),
    )
    op.create_index("ix_sign_in_states_key_id", "sign_in_states", ["key_id"])
    op.create_index("ix_sign_in_states_ends_at", "sign_in_states", ["ends_at"])
