"""The tables of who signs in to the pages, and who is signed in. Migrations make them."""

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


class SignInAttempt(Base):
    """One sign-in with an account of the issuer that was begun and not yet finished; finishing it takes the row.

    What the issuer and the browser know is kept as digests alone: whoever reads the table can finish none.
    """

    __tablename__ = "sign_in_attempts"
    __table_args__ = (Index(None, "ends_at"),)

    state_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    browser_sha256: Mapped[str] = mapped_column(String(64))
    nonce_sha256: Mapped[str] = mapped_column(String(64))
    ends_at: Mapped[datetime]
