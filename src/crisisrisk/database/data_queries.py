""" "This is wrong": what teams say of dated contacts, and what those who keep the data found."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from sqlalchemy import Engine, update

from crisisrisk.database.alerts import wait_for_others
from crisisrisk.database.engine import writing
from crisisrisk.database.rows import Author, Said, add, everything, read
from crisisrisk.database.schema import DataQuery

PROBLEMS = ("another_person", "did_not_happen", "wrong_time", "wrong_kind", "twice", "other")
OUTCOMES = ("corrected", "stands", "passed_on")


@dataclass(frozen=True, kw_only=True)
class KeptQuery(Said):
    """One question about one contact. `words` are the team's own and go nowhere else."""

    person_id: str
    event_id: str
    source: str
    occurred_at: datetime
    problem: str
    words: str | None = field(repr=False)
    answered_at: datetime | None
    answered_by: str | None
    outcome: str | None
    answer: str | None = field(repr=False)


def save_query(
    engine: Engine, author: Author, person_id: str, *, made_at: datetime, event_id: str, source: str,
    occurred_at: datetime, problem: str, words: str | None,
) -> KeptQuery:  # fmt: skip
    """Keep a question; the team's own about the same contact that is still open is answered instead."""
    said = {
        **asdict(author), "person_id": person_id, "made_at": made_at, "event_id": event_id, "source": source,
        "occurred_at": occurred_at, "problem": problem, "words": words,
    }  # fmt: skip
    open_one = everything(DataQuery).where(
        DataQuery.person_id == person_id, DataQuery.event_id == event_id, DataQuery.team_id == author.team_id,
        DataQuery.answered_at.is_(None),
    )  # fmt: skip
    with writing(engine) as connection:
        wait_for_others(connection)
        found = read(connection, KeptQuery, open_one)
        return found[0] if found else add(connection, DataQuery, KeptQuery, said)


def queries_about(engine: Engine, person_id: str, team_id: str) -> Sequence[KeptQuery]:
    """A team's questions about a person's contacts, the newest first."""
    chosen = everything(DataQuery).where(DataQuery.person_id == person_id, DataQuery.team_id == team_id)
    with engine.connect() as connection:
        return read(connection, KeptQuery, chosen.order_by(DataQuery.id.desc()))


def answered_since(engine: Engine, team_id: str, moment: datetime) -> Sequence[KeptQuery]:
    """A team's questions that were answered after a moment, the newest answer first."""
    chosen = everything(DataQuery).where(DataQuery.answered_at > moment, DataQuery.team_id == team_id)
    with engine.connect() as connection:
        return read(connection, KeptQuery, chosen.order_by(DataQuery.answered_at.desc(), DataQuery.id.desc()))


def data_queries(engine: Engine, *, open_only: bool, limit: int) -> Sequence[KeptQuery]:
    """Every team's questions, the one that has waited longest first."""
    chosen = everything(DataQuery).order_by(DataQuery.id).limit(limit)
    if open_only:
        chosen = chosen.where(DataQuery.answered_at.is_(None))
    with engine.connect() as connection:
        return read(connection, KeptQuery, chosen)


def answer_query(
    engine: Engine, number: int, *, answered_at: datetime, answered_by: str, outcome: str, answer: str
) -> KeptQuery | None:
    """Say what was found. One that is answered already stays as it is. None where there is none of this number."""
    answered = update(DataQuery).where(DataQuery.id == number, DataQuery.answered_at.is_(None))
    with writing(engine) as connection:
        connection.execute(
            answered.values(answered_at=answered_at, answered_by=answered_by, outcome=outcome, answer=answer)
        )
        found = read(connection, KeptQuery, everything(DataQuery).where(DataQuery.id == number))
    return found[0] if found else None
