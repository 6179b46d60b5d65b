"""Totals of shifts and their areas, with the issue time that each forecast was made with."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Forecasts that were made before have no totals and say nothing of their issue time."""
    op.add_column("forecasts", sa.Column("own_dispersion", sa.Float(53), nullable=True))
    op.create_table(
        "forecast_totals",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("shift_id", sa.String(100), nullable=False),
        sa.Column("area_id", sa.String(100), nullable=False),
        sa.Column("area_name", sa.String(200), nullable=False),
        sa.Column("shift_start", MOMENT, nullable=False),
        sa.Column("shift_end", MOMENT, nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("issue_hours", sa.Integer(), nullable=False),
        *(
            sa.Column(name, sa.Float(53), nullable=False)
            for name in ("hours_ahead", "expected", "lower", "upper", "usual", "usual_low", "usual_high", "quieter",
                         "busier")
        ),
        sa.Column("outlook", sa.Text(), nullable=False),
        *(
            sa.Column(name, sa.Float(53), nullable=False)
            for name in ("released_usual", "released_quieter", "released_busier")
        ),
        sa.Column("released_outlook", sa.Text(), nullable=False),
        sa.Column("hourly", sa.Text(), nullable=False),
        sa.Column("shared_dispersion", sa.Float(53), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["forecast_runs.id"], name="fk_forecast_totals_run_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "shift_id", "area_id", name="pk_forecast_totals"),
    )  # fmt: skip
    op.create_index("ix_forecast_totals_shift_id_run_id", "forecast_totals", ["shift_id", "run_id"])
