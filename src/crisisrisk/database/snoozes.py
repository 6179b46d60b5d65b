"""People left off a team's usual list for a while. A snooze wakes itself: it is asked, never switched."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from sqlalchemy import Engine, update

from crisisrisk.database.engine import writing
from crisisrisk.database.rows import Author, Said, add, everything, read
from crisisrisk.database.schema import Snooze

ENDED, CONTACT, RISE, OVER = "ended", "new_contact", "rise", "over"


@dataclass(frozen=True, kw_only=True)
class KeptSnooze(Said):
    """One snooze, and what was known when it began. `rise`: by how many of 100 more it wakes."""

    person_id: str
    until: datetime
    reason: str = field(repr=False)
    contacts: int
    in_100: float | None
    rise: int | None
    ended_at: datetime | None
    ended_by: str | None

    def woken_by(self, now: datetime, *, contacts: int, in_100: float | None) -> str | None:
        """What ended it: somebody, a contact that was not loaded when it began, a rise, or time; None while it lasts.

        A contact that was corrected away leaves fewer, and wakes as a new one does: something is known otherwise.
        """
        if self.ended_at is not None:
            return ENDED
        if contacts != self.contacts:
            return CONTACT
        if self.rise is not None and in_100 is not None and in_100 >= (self.in_100 or 0.0) + self.rise:
            return RISE
        return OVER if now >= self.until else None


def save_snooze(
    engine: Engine, author: Author, person_id: str, *, made_at: datetime, until: datetime, reason: str, contacts: int,
    in_100: float | None, rise: int | None,
) -> KeptSnooze:  # fmt: skip
    """Keep a snooze. Of a person the team's newest counts."""
    said = {
        **asdict(author), "person_id": person_id, "made_at": made_at, "until": until, "reason": reason,
        "contacts": contacts, "in_100": in_100, "rise": rise,
    }  # fmt: skip
    with writing(engine) as connection:
        return add(connection, Snooze, KeptSnooze, said)


def end_snooze(
    engine: Engine, number: int, *, person_id: str, team_id: str, ended_at: datetime, ended_by: str
) -> KeptSnooze | None:
    """End a snooze by hand; one that was ended already stays as it is. None where the team has none of this number."""
    its = (Snooze.id == number, Snooze.person_id == person_id, Snooze.team_id == team_id)
    with writing(engine) as connection:
        ended = update(Snooze).where(*its, Snooze.ended_at.is_(None)).values(ended_at=ended_at, ended_by=ended_by)
        connection.execute(ended)
        found = read(connection, KeptSnooze, everything(Snooze).where(*its))
    return found[0] if found else None


def snoozes_about(engine: Engine, person_id: str, team_id: str) -> Sequence[KeptSnooze]:
    """A team's snoozes of a person, the newest first."""
    chosen = everything(Snooze).where(Snooze.person_id == person_id, Snooze.team_id == team_id)
    with engine.connect() as connection:
        return read(connection, KeptSnooze, chosen.order_by(Snooze.id.desc()))


def newest_snoozes(engine: Engine, team_id: str, *, since: datetime) -> Mapping[str, KeptSnooze]:
    """By person the team's newest snooze, of those that last, or were to last, beyond a moment."""
    chosen = everything(Snooze).where(Snooze.team_id == team_id, Snooze.until >= since).order_by(Snooze.id)
    with engine.connect() as connection:
        return {one.person_id: one for one in read(connection, KeptSnooze, chosen)}
