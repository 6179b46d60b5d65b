"""Ending the oldest part of the audit trail. What is left still verifies: a row of its own says where it begins."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from crisisrisk.database.audit import AuditTrail
from crisisrisk.database.audit_chain import COMMAND, GENESIS, Look
from crisisrisk.database.schema import AuditedPerson, AuditRow
from crisisrisk.purposes import AUDIT

REMOVAL = "audit prune"


@dataclass(frozen=True, kw_only=True)
class Removed:
    """How many rows were ended, and which is the last of them."""

    rows: int
    removed_to: int


def remove_old(trail: AuditTrail, *, kept_days: Mapping[str, int], now: datetime, user: str) -> Removed:
    """End the rows from the beginning up to the first that its purpose still keeps, and say so in a row of its own.

    Both in one commit. A row of a purpose without days is kept for ever. Raises ServiceError.
    """
    with trail.engine.connect() as connection:
        to, code, rows = _end_of_old(connection, kept_days, now)
        already, _ = last_removal(connection)
    if not rows:
        return Removed(rows=0, removed_to=already)
    detail = {"removed_to": to, "code": code, "rows": rows, "user": user}
    said = Look(
        at=now, purpose=AUDIT.name, action=REMOVAL, status=200, key_id=None, role=COMMAND, team=None, request_id="",
        detail=json.dumps(detail, sort_keys=True), media_type="", body=b"",
    )  # fmt: skip

    def remove(connection: Connection) -> None:
        connection.execute(delete(AuditedPerson).where(AuditedPerson.number <= to))
        connection.execute(delete(AuditRow).where(AuditRow.number <= to))

    trail.append([said], together=remove)
    return Removed(rows=rows, removed_to=to)


def last_removal(connection: Connection) -> tuple[int, str]:
    """The number and code of the last row that was ended by a removal; 0 and GENESIS where none was."""
    query = select(AuditRow.detail).where(AuditRow.action == REMOVAL).order_by(AuditRow.number.desc()).limit(1)
    detail = connection.execute(query).scalar_one_or_none()
    if detail is None:
        return 0, GENESIS
    said = json.loads(detail)
    return int(said["removed_to"]), str(said["code"])


def _end_of_old(connection: Connection, kept_days: Mapping[str, int], now: datetime) -> tuple[int, str, int]:
    """The last row of the beginning that nothing keeps any more, its code, and how many rows that are."""
    to, code, rows = 0, "", 0
    query = select(AuditRow.number, AuditRow.code, AuditRow.at, AuditRow.purpose).order_by(AuditRow.number)
    for row in connection.execute(query.execution_options(yield_per=1_000)):
        days = kept_days.get(row.purpose)
        if days is None or now - row.at <= timedelta(days=days):
            break
        to, code, rows = row.number, row.code, rows + 1
    return to, code, rows
