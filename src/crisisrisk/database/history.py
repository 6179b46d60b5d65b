"""Scoring runs of before, for looking at how scores turned out."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from crisisrisk.database.runs import IDS_AT_ONCE, StoredRun, stored_run
from crisisrisk.database.schema import Score, ScoringRun

if TYPE_CHECKING:
    import pandas as pd


def scoring_runs(engine: Engine, *, model_name: str) -> Sequence[StoredRun]:
    """Every scoring by any version of a model, in order of `as_of`; of one moment the one made last comes last."""
    query = select(ScoringRun.__table__).where(ScoringRun.model_name == model_name)
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(ScoringRun.as_of, ScoringRun.id)).all()
    return [stored_run(row) for row in rows]


def scores_about(engine: Engine, person_id: str, start: datetime, end: datetime) -> Sequence[tuple[StoredRun, Score]]:
    """What every scoring with `start ≤ as_of < end` said of one person, the earliest first."""
    runs = select(ScoringRun.__table__).where(ScoringRun.as_of >= start, ScoringRun.as_of < end)
    with Session(engine) as session:
        found = {row.id: stored_run(row) for row in session.execute(runs).all()}
        query = select(Score).where(Score.person_id == person_id, Score.run_id.in_(found))
        scores = session.scalars(query).all()
        session.expunge_all()
    return sorted(((found[one.run_id], one) for one in scores), key=lambda pair: (pair[0].meta.as_of, pair[0].number))


def scores_of(engine: Engine, run: int) -> "pd.DataFrame":
    """Everyone of a scoring run without the reasons: `person_id, state, probability`, by pseudonym."""
    import pandas as pd

    columns = (Score.person_id, Score.state, Score.probability)
    query = select(*columns).where(Score.run_id == run).order_by(Score.person_id)
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    frame = pd.DataFrame([tuple(row) for row in rows], columns=["person_id", "state", "probability"])
    return frame.astype({"probability": float})


def numbers_in(
    engine: Engine, people: Iterable[str], runs: Sequence[int]
) -> Mapping[int, Mapping[str, float | None]]:  # fmt: skip
    """By run and person the probability of some people in some runs; None for a state without one."""
    wanted, found = sorted(set(people)), {run: dict[str, float | None]() for run in runs}
    columns = (Score.run_id, Score.person_id, Score.probability)
    with engine.connect() as connection:
        for start in range(0, len(wanted), IDS_AT_ONCE):
            some = wanted[start : start + IDS_AT_ONCE]
            query = select(*columns).where(Score.run_id.in_(runs), Score.person_id.in_(some))
            for run, person, probability in connection.execute(query).all():
                found[run][person] = probability
    return found
