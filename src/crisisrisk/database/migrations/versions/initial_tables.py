"""The first tables: scoring and forecast runs, scores, forecasts, keys."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    for kind in ("scoring", "forecast"):
        _make_runs(f"{kind}_runs")
    _make_scores()
    _make_forecasts()
    _make_keys()


def _make_runs(name: str) -> None:
    op.create_table(
        name,
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("task", sa.String(100), nullable=False),
        sa.Column("model_name", sa.String(100), nullable=False),
        sa.Column("model_version", sa.Integer(), nullable=False),
        sa.Column("model_run_id", sa.String(100), nullable=False),
        sa.Column("recipe_fingerprint", sa.String(100), nullable=False),
        sa.Column("outcome", sa.String(200), nullable=False),
        sa.Column("horizon_days", sa.Integer()),
        sa.Column("as_of", MOMENT, nullable=False),
        sa.Column("data_complete_to", sa.JSON(), nullable=False),
        sa.Column("valid_until", MOMENT, nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{name}"),
    )
    op.create_index(f"ix_{name}_model_name_as_of", name, ["model_name", "as_of"])


def _make_scores() -> None:
    op.create_table(
        "scores",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.String(100), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("probability", sa.Float(53)),
        sa.Column("lower", sa.Float(53)),
        sa.Column("upper", sa.Float(53)),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(state = 'scored') = (probability IS NOT NULL)", name=op.f("ck_scores_scored_has_probability")
        ),
        sa.CheckConstraint(
            "probability IS NULL OR (probability >= 0 AND probability <= 1)", name=op.f("ck_scores_probability_range")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["scoring_runs.id"], name="fk_scores_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "person_id", name="pk_scores"),
    )


def _make_forecasts() -> None:
    op.create_table(
        "forecasts",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("shift_id", sa.String(100), nullable=False),
        sa.Column("place_id", sa.String(100), nullable=False),
        sa.Column("shift_name", sa.String(100), nullable=False),
        sa.Column("shift_start", MOMENT, nullable=False),
        sa.Column("shift_end", MOMENT, nullable=False),
        sa.Column("place_name", sa.String(200), nullable=False),
        sa.Column("latitude", sa.Float(53)),
        sa.Column("longitude", sa.Float(53)),
        sa.Column("expected", sa.Float(53), nullable=False),
        sa.Column("lower", sa.Float(53)),
        sa.Column("upper", sa.Float(53)),
        sa.Column("usual", sa.Float(53)),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("released_usual", sa.Float(53)),
        sa.Column("released_reasons", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["forecast_runs.id"], name="fk_forecasts_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "shift_id", "place_id", name="pk_forecasts"),
    )
    op.create_index("ix_forecasts_shift_id_run_id", "forecasts", ["shift_id", "run_id"])
    op.create_index("ix_forecasts_shift_start", "forecasts", ["shift_start"])


def _make_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("team", sa.String(100)),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("revoked_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
    )
