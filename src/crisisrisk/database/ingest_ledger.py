"""Which files arrived and what became of them: the ledger of the stored tables, followed, and files that were refused.

The stored tables keep their own ledger, which counts: it is replaced in the same step as they are. This one tells of it
where the tables are not at hand.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Engine, delete, func, insert, select

from crisisrisk.database.engine import writing
from crisisrisk.database.lengths import fitting
from crisisrisk.database.schema import IngestedFile

LOADED, REFUSED = "loaded", "refused"


@dataclass(frozen=True, kw_only=True)
class Ingested:
    """One file. `sha256` and `mapping_sha256` are of its bytes and of its mapping's; `code`: why it was refused."""

    sha256: str
    mapping_sha256: str
    mapping: str
    at: datetime
    code: str | None = None
    rows_read: int = 0
    rows_loaded: int = 0
    rows_duplicate: int = 0
    rows_quarantined: int = 0

    @property
    def outcome(self) -> str:
        """Loaded or refused."""
        return LOADED if self.code is None else REFUSED


def keep_ingested(engine: Engine, files: Iterable[Ingested]) -> int:
    """Keep what is new of some files, in one transaction; of a file that was kept as another, what is said now.

    Returns how many were new.
    """
    with writing(engine) as connection:
        query = select(IngestedFile.sha256, IngestedFile.mapping_sha256, IngestedFile.outcome)
        known = {(row.sha256, row.mapping_sha256): row.outcome for row in connection.execute(query)}
        new = [one for one in files if known.get((one.sha256, one.mapping_sha256)) != one.outcome]
        for one in new:
            same = (IngestedFile.sha256 == one.sha256, IngestedFile.mapping_sha256 == one.mapping_sha256)
            connection.execute(delete(IngestedFile).where(*same))
            (row,) = fitting(IngestedFile, [{**asdict(one), "outcome": one.outcome}])
            connection.execute(insert(IngestedFile).values(row))
    return len(new)


def refused_since(engine: Engine, moment: datetime) -> int:
    """How many files were refused since a moment, and not loaded after all."""
    chosen = (IngestedFile.outcome == REFUSED, IngestedFile.at >= moment)
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(IngestedFile).where(*chosen)).scalar_one()
