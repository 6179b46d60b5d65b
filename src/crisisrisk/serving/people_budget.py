"""How many people one user looks at a day: beyond the budget the privacy officer is alerted, and nobody is blocked.

Counted is who was asked for one by one: by the person's own address, by a number, or in a body. A list that a team or a
role is given whole, such as a caseload, counts nobody.
"""

from collections.abc import Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from crisisrisk.database.audit_chain import Look
from crisisrisk.database.people_of_days import PeopleLookedAt, count_people

UNSEEN = frozenset({404, 429})
"""Whoever was asked about, nobody was seen."""


class PeopleBudget:
    """Counts people by user and day. For one thread; who is known to be counted is not written again."""

    def __init__(self, most: int, zone: ZoneInfo) -> None:
        """`most`: the budget of a user and day."""
        self._most = most
        self._zone = zone
        self._counted: dict[tuple[str, str], set[str]] = {}

    def uncounted(self, looks: Sequence[tuple[Look, frozenset[str]]]) -> Sequence[PeopleLookedAt]:
        """Of some looks, each with whom it is about, those with somebody who is not known to be counted."""
        found = [self._asked(look, people) for look, people in looks if people]
        fresh = [replace(one, people=set(one.people) - self._counted.get(_key(one), set())) for one in found]
        return [one for one in fresh if one.people]

    def count(self, connection: Connection, looks: Sequence[PeopleLookedAt]) -> None:
        """Count them in the commit of their rows."""
        for look in looks:
            count_people(connection, look, budget=self._most)

    def remember(self, looks: Sequence[PeopleLookedAt]) -> None:
        """They are on the disk. Of the newest two days alone: about those before nobody asks any more."""
        for look in looks:
            self._counted.setdefault(_key(look), set()).update(look.people)
        newest = sorted({day for day, _ in self._counted})[-2:]
        self._counted = {key: people for key, people in self._counted.items() if key[0] in newest}

    def _asked(self, look: Look, people: frozenset[str]) -> PeopleLookedAt:
        return PeopleLookedAt(
            made_by=look.key_id or "", day=look.at.astimezone(self._zone).date().isoformat(), at=look.at,
            purpose=look.purpose, request_id=look.request_id, people=people,
        )  # fmt: skip


def _key(look: PeopleLookedAt) -> tuple[str, str]:
    return look.day, look.made_by
