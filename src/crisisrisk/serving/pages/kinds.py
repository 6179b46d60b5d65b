"""Kinds of records, changes and dates as pages about people say them."""

from collections.abc import Mapping
from datetime import datetime

from crisisrisk.models.wording import number_apart
from crisisrisk.serving.care_answers import Reached
from crisisrisk.serving.caseload_answers import CaseloadPerson
from crisisrisk.serving.contacts import MISSED, URGENT_CONTACT
from crisisrisk.serving.pages.page import Local
from crisisrisk.serving.team_weeks import LONG, WEEKS
from crisisrisk.tables.site import Source

WOKEN_BY = {
    "ended": "by a colleague",
    "new_contact": "by a new contact",
    "rise": "by a rise",
    "over": "as its day came",
}


class Kinds:
    """What a site calls its kinds of records."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources = sources

    def one(self, name: str) -> str:
        """`crisis-line call`."""
        if name == URGENT_CONTACT:
            return "urgent contact"
        return self._sources[name].singular if name in self._sources else name.replace("_", " ")

    def many(self, name: str) -> str:
        """`crisis-line calls`."""
        if name == URGENT_CONTACT:
            return "urgent contacts"
        return self._sources[name].plural if name in self._sources else name.replace("_", " ")

    def counted(self, counts: Mapping[str, int]) -> str:
        """`2 crisis-line calls, 1 missed appointment`, the most first."""
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return ", ".join(
            self._counted(count, self.one(name) if count == 1 else self.many(name)) for name, count in ordered
        )

    @staticmethod
    def _counted(count: int, name: str) -> str:
        return number_apart(f"{count} {name}", name)


def near_top_said(weeks: int, of: str = "") -> str:
    """`near the top for 5 weeks`; empty for who is there for a shorter time. `of`: of which list, where it is asked."""
    longer = " or longer" if weeks == WEEKS else ""
    return f"near the top{of} for {weeks} weeks{longer}" if weeks >= LONG else ""


def reached_said(reached: Reached | None, kinds: Kinds, local: Local, now: datetime) -> str:
    """When a team last saw somebody, and what was missed since, by days; empty where that is not recorded."""
    if reached is None:
        return ""
    missed = kinds.counted({MISSED: reached.missed_since}) if reached.missed_since else ""
    if reached.seen_at is None:
        said = "not seen by a mental health team in the contacts this site holds"
        return f"{said}; {missed}" if missed else said
    said = f"last seen by a mental health team {local.near(reached.seen_at, now, reached.seen_on)}"
    return f"{said}; {missed} since" if missed else f"{said}; no missed appointment known since"


def changed(person: CaseloadPerson, local: Local) -> str:
    """What was said about a week ago."""
    change = person.change
    if change.as_of is None or change.likely_in_100 is None:
        return "New: no number a week ago"
    day = local.near(change.as_of, change.as_of)
    if person.likely_in_100 == change.likely_in_100:
        return f"As on {day}"
    way = "Up" if person.likely_in_100 > change.likely_in_100 else "Down"
    return f"{way} from {change.likely_in_100:g} on {day}"


def came_since(person: CaseloadPerson, kinds: Kinds) -> str:
    """What may have moved a number since then; nothing of who is new."""
    change = person.change
    if change.as_of is None:
        return ""
    known = kinds.counted(change.new_contacts)
    said = f"became known since: {known}" if known else "no contact became known since; time has passed"
    return f"{said}; another model answers now" if change.other_model else said
