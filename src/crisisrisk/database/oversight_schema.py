"""The tables of emergency access and of what the privacy officer is alerted to. Migrations make them."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from crisisrisk.database.base import Base


class Alert(Base):
    """Something that the privacy officer looks at, and what was done. It holds nobody's identity, of either side.

    `request_id`: of the look in the audit trail that it is about. Of a whole day of one user there is more: by which
    key, how many people it was, how many are a day's budget, and how many of them were looked at first for which
    purpose.
    """

    __tablename__ = "alerts"
    __table_args__ = (Index(None, "closed_at"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(40))
    raised_at: Mapped[datetime]
    request_id: Mapped[str] = mapped_column(String(32))
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(String(40))
    done: Mapped[str | None] = mapped_column(Text)
    key_id: Mapped[str | None] = mapped_column(String(40))
    day: Mapped[str | None] = mapped_column(String(10))
    people: Mapped[int | None]
    budget: Mapped[int | None]
    by_purpose: Mapped[dict[str, Any] | None]


class AlertOfDay(Base):
    """That an alert of a kind was raised about a user on a day, by the site's clock on the wall: one is enough."""

    __tablename__ = "alerts_of_days"
    __table_args__ = (Index(None, "alert_id"),)

    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    made_by: Mapped[str] = mapped_column(String(40), primary_key=True)
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id", ondelete="CASCADE"))


class EmergencyAccess(Base):
    """One person of another team, opened to one user until a moment. The reason is in the audit trail."""

    __tablename__ = "emergency_accesses"
    __table_args__ = (Index(None, "made_by", "person_id"), Index(None, "person_id"), Index(None, "alert_id"))

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    person_id: Mapped[str] = mapped_column(String(100))
    team_id: Mapped[str] = mapped_column(String(100))
    made_by: Mapped[str] = mapped_column(String(40))
    role: Mapped[str] = mapped_column(String(40))
    opened_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alerts.id", ondelete="SET NULL"))


class PersonOfDay(Base):
    """That a user looked at a person on a day, by the site's clock on the wall. It goes after the day that follows.

    `purpose`: of the first look.
    """

    __tablename__ = "people_of_days"
    __table_args__ = (Index(None, "person_id"),)

    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    made_by: Mapped[str] = mapped_column(String(40), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(40))
