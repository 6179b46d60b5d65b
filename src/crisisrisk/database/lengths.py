"""Texts of a site's own that may be too long for their column.

A PostgreSQL refuses them, with everything that was to be saved beside them; a SQLite takes them. Both are held to the
same here, so that neither a night's forecast nor a test depends on which of the two it is.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import String, Table

from crisisrisk.database.base import Base
from crisisrisk.errors import DataError

READ_BY_PEOPLE = ("shift_name", "place_name", "area_name", "mapping")
"""Names beside an id: cut they still say what is meant. An id that is cut may be another's."""


def fitting(table: type[Base], rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of a table whose texts fit: longer names are cut and end in an ellipsis, in characters.

    Raises DataError where an id is too long. It says how long and where, not the id.
    """
    longest = _longest(table)
    return [_fitted(row, longest) for row in rows]


def _fitted(row: dict[str, Any], longest: dict[str, int]) -> dict[str, Any]:
    over = {name: row[name] for name, most in longest.items() if len(row.get(name) or "") > most}
    for name, text in over.items():
        if name not in READ_BY_PEOPLE:
            raise DataError(
                "CR-DB-003", "an id is too long for the operational database", where=name,
                found=f"{len(text)} characters", wanted=f"{longest[name]} at most",
                hint="give it a shorter one in the file that it comes from; names may be longer, and are cut",
            )  # fmt: skip
    return {**row, **{name: text[: longest[name] - 1] + "…" for name, text in over.items()}} if over else row


def _longest(table: type[Base]) -> dict[str, int]:
    columns = table.__table__
    assert isinstance(columns, Table)
    return {
        column.name: column.type.length
        for column in columns.c
        if isinstance(column.type, String) and column.type.length is not None
    }
