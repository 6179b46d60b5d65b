"""The table of who is signed in to the pages. Migrations make it."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from crisisrisk.database.base import Base


class SignInState(Base):
    """One signed-in browser. It has the role and the team of its key, and ends with it; the cookie is never kept."""

    __tablename__ = "sign_in_states"
    __table_args__ = (Index(None, "key_id"), Index(None, "ends_at"))

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    key_id: Mapped[str] = mapped_column(ForeignKey("api_keys.id", ondelete="CASCADE"))
    started_at: Mapped[datetime]
    used_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
