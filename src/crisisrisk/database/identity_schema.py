"""The table of who people are: encrypted, each field for itself. Migrations make it."""

from datetime import datetime

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from crisisrisk.database.base import Base


class IdentityRow(Base):
    """One version of who somebody is. Rows are added and never changed but for the key; an erasure ends them all."""

    __tablename__ = "identities"

    person_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    made_at: Mapped[datetime]
    key_name: Mapped[str] = mapped_column(String(8))
    nhs_number: Mapped[bytes | None] = mapped_column(LargeBinary)
    name: Mapped[bytes | None] = mapped_column(LargeBinary)
    birth_date: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone: Mapped[bytes | None] = mapped_column(LargeBinary)
