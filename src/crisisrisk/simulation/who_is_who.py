"""Who the people of the agencies' rows truly were: what linking records by name is measured against."""

from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from crisisrisk.simulation.monthly import Rows
from crisisrisk.simulation.texts import Columns, arrow_strings

WHO_IS_WHO = "who_is_who"
_SCHEMA = pa.schema(
    [
        ("file", pa.dictionary(pa.int8(), pa.string())),
        ("row", pa.string()),
        ("key", pa.string()),
        ("person", pa.int32()),
    ]
)


class WhoIsWho:
    """One Parquet file of truth/who_is_who: for each row that needs linking, its own number, its key and the person.

    Rows that say who by NHS number need none; rows of nobody known to the services have no entry.
    """

    def __init__(self, truth: Path, file: str) -> None:
        folder = truth / WHO_IS_WHO
        folder.mkdir(parents=True, exist_ok=True)
        self._file = file
        self._writer = parquet.ParquetWriter(folder / f"{Path(file).stem}.parquet", _SCHEMA, compression="zstd")

    def __enter__(self) -> "WhoIsWho":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def add(self, rows: Rows, columns: Columns, *, reference: str, key: str, by_number: bool) -> None:
        """The rows of one page."""
        wanted = rows["person"] >= 0
        if by_number:
            wanted &= rows["named"] < 0
        if not reference or not wanted.any():
            return
        count = int(wanted.sum())
        keys = arrow_strings(columns[key].taken(wanted)) if key else pa.nulls(count, pa.string())
        names = pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, dtype=np.int8)), pa.array([self._file]))
        self._writer.write_table(
            pa.table(
                [names, arrow_strings(columns[reference].taken(wanted)), keys, pa.array(rows["person"][wanted])],
                schema=_SCHEMA,
            )
        )
