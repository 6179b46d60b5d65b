"""What was said of scores and of forecasts in a stretch of time, as far as it takes to count it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, select

from crisisrisk.database.schema import Feedback, ShiftFeedback
from crisisrisk.timeline import Window


@dataclass(frozen=True)
class ScoreVerdict:
    """One verdict on one score. `first`: said at once, not a week later. `made_by` and `person_id` are for counting."""

    team_id: str
    made_at: datetime
    verdict: str
    first: bool
    made_by: str
    person_id: str


@dataclass(frozen=True)
class ForecastVerdict:
    """One verdict on a forecast of a shift, or of one place of it."""

    made_at: datetime
    verdict: str


def verdicts_on_scores(engine: Engine, window: Window, teams: Collection[str]) -> Sequence[ScoreVerdict]:
    """What some teams said of scores in a stretch of time."""
    chosen = select(
        Feedback.team_id, Feedback.made_at, Feedback.verdict, Feedback.follows.is_(None), Feedback.made_by,
        Feedback.person_id,
    ).where(
        Feedback.made_at >= window.start, Feedback.made_at < window.end, Feedback.team_id.in_(sorted(teams))
    )  # fmt: skip
    with engine.connect() as connection:
        return [ScoreVerdict(*row) for row in connection.execute(chosen.order_by(Feedback.id)).all()]


def verdicts_on_forecasts(engine: Engine, window: Window) -> Sequence[ForecastVerdict]:
    """What was said of forecasts in a stretch of time. Which team said it is not kept."""
    chosen = select(ShiftFeedback.made_at, ShiftFeedback.verdict).where(
        ShiftFeedback.made_at >= window.start, ShiftFeedback.made_at < window.end
    )
    with engine.connect() as connection:
        return [ForecastVerdict(*row) for row in connection.execute(chosen.order_by(ShiftFeedback.id)).all()]
