"""How many people one user looked at on a day, and the alert when they were more than the budget."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Days before are not counted afterwards; alerts of before say nothing of a day."""
    op.create_table(
        "people_of_days",
        *(sa.Column(name, sa.String(length), nullable=False)
          for name, length in (("day", 10), ("made_by", 40), ("person_id", 100), ("purpose", 40))),
        sa.PrimaryKeyConstraint("day", "made_by", "person_id", name="pk_people_of_days"),
    )  # fmt: skip
    op.create_index("ix_people_of_days_person_id", "people_of_days", ["person_id"])
    for column in (
        sa.Column("key_id", sa.String(40), nullable=True),
        sa.Column("day", sa.String(10), nullable=True),
        sa.Column("people", sa.Integer(), nullable=True),
        sa.Column("budget", sa.Integer(), nullable=True),
        sa.Column("by_purpose", sa.JSON(), nullable=True),
    ):
        op.add_column("alerts", column)
