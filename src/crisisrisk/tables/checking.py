"""The rules that a table declares, checked on rows: single columns by pandera, between columns here."""

from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.tables.cell_values import Mask, one_chunk, texts_of
from crisisrisk.tables.core import TABLES
from crisisrisk.tables.row_making import Fault
from crisisrisk.tables.schema import (
    NOT_EMPTY,
    Column,
    NotBefore,
    Table,
    TogetherWith,
    column_is_checked,
    pandera_schema,
)


def broken_rules(table: Table, rows: pa.Table) -> list[Fault]:
    """Every rule that some row breaks, each with the rows that break it. `rows` has the table's columns."""
    faults = _of_single_columns(table, rows)
    for column in table.columns:
        for rule in column.rules:
            if isinstance(rule, NotBefore):
                broken = _before(rows, column.name, rule.other)
            elif isinstance(rule, TogetherWith):
                broken = _filled(rows, column.name) < _filled(rows, rule.other)
            else:
                continue
            if broken.any():
                faults.append(Fault(column.name, str(rule), broken, _texts(rows, column)))
    return faults


def _of_single_columns(table: Table, rows: pa.Table) -> list[Fault]:
    import pandera.errors

    # An empty optional column can break no rule of its own.
    filled = tuple(
        column.name for column in table.columns
        if column_is_checked(column) and (column.required or rows.column(column.name).null_count < rows.num_rows)
    )  # fmt: skip
    frame = pd.DataFrame({name: _series(rows.column(name)) for name in filled})
    try:
        _schema(table.name, filled).validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as problems:
        cases = problems.failure_cases
        return [
            Fault(
                str(name), _rule_name(str(check)), _mask(cases_of, rows.num_rows), _texts(rows, table.column(str(name)))
            )
            for (name, check), cases_of in cases.groupby(["column", "check"], sort=True)
        ]
    return []


@cache
def _schema(table: str, names: tuple[str, ...]):  # type: ignore[no-untyped-def]
    return pandera_schema(TABLES[table], names)


def _rule_name(check: str) -> str:
    return NOT_EMPTY if check == "not_nullable" else check


def _mask(cases: pd.DataFrame, rows: int) -> Mask:
    mask = np.zeros(rows, dtype=np.bool_)
    mask[cases["index"].to_numpy(dtype=np.int64)] = True
    return mask


def _series(column: pa.ChunkedArray) -> pd.Series:
    """A column for pandera, without copying texts: repeated ones as categories, the rest as Arrow holds them."""
    if pa.types.is_string(column.type):
        return pd.Series(pd.arrays.ArrowExtensionArray(column))
    series: pd.Series = column.to_pandas()
    return series


def _before(rows: pa.Table, name: str, other: str) -> Mask:
    late, early = _instants(rows, name), _instants(rows, other)
    return np.asarray(_filled(rows, name) & _filled(rows, other) & (late < early))


def _instants(rows: pa.Table, name: str) -> NDArray[np.int64]:
    return np.asarray(one_chunk(rows.column(name)).cast(pa.int64()).fill_null(0))


def _filled(rows: pa.Table, name: str) -> Mask:
    return np.asarray(one_chunk(rows.column(name)).is_valid())


def _texts(rows: pa.Table, column: Column) -> pa.Array | None:
    return None if column.identifying else texts_of(one_chunk(rows.column(column.name)))
