"""Reading the mapped columns of an agency's Parquet file. Arrow's own words may quote a cell: none of them is shown."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from crisisrisk.errors import DataError
from crisisrisk.tables.headers import require_columns
from crisisrisk.tables.mapping import FileMapping

_PLAIN = (
    pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_integer, pa.types.is_float32,
    pa.types.is_float64, pa.types.is_boolean, pa.types.is_timestamp, pa.types.is_date, pa.types.is_time,
    pa.types.is_decimal, pa.types.is_null,
)  # fmt: skip
_BYTES = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view)


def parquet_tables(path: Path, mapping: FileMapping, rows: int) -> Iterator[tuple[pa.Table, NDArray[np.int64]]]:
    """The mapped columns, so many rows at a time, and their row numbers, the header being row 1.

    Raises MappingError where a column is missing, DataError where the file or a mapped column cannot be read.
    """
    try:
        with pq.ParquetFile(path) as file:
            require_columns(file.schema_arrow.names, path, mapping)
            _refuse_nested(file.schema_arrow, path, mapping)
            passed = 0
            for batch in file.iter_batches(batch_size=rows, columns=list(mapping.file_columns)):
                numbers = np.arange(passed, passed + batch.num_rows, dtype=np.int64) + 2
                passed += batch.num_rows
                yield without_empty(_as_texts(pa.Table.from_batches([batch]), path), mapping), numbers
    except FileNotFoundError as problem:
        raise DataError(
            "CR-DATA-001", "the data file cannot be opened", where=path.name, found=problem.strerror
        ) from None
    except (pa.ArrowException, OSError):
        raise DataError(
            "CR-DATA-003", "the file cannot be read as Parquet", where=path.name, hint="copy the file again"
        ) from None


def without_empty(table: pa.Table, mapping: FileMapping) -> pa.Table:
    """A table whose texts that the mapping calls empty are nulls."""
    empty = pa.array(list(mapping.empty_values), pa.string())
    for place, column in enumerate(table.columns):
        texts = column.type
        if pa.types.is_large_string(texts) or pa.types.is_string(texts) or pa.types.is_string_view(texts):
            plain = column.cast(pa.string())
            kept = pc.if_else(pc.is_in(plain, empty), pa.scalar(None, pa.string()), plain)
            table = table.set_column(place, table.field(place).name, kept)
    return table


def _refuse_nested(schema: pa.Schema, path: Path, mapping: FileMapping) -> None:
    for name in mapping.file_columns:
        kind = schema.field(name).type
        held = kind.value_type if pa.types.is_dictionary(kind) else kind
        if not any(fits(held) for fits in (*_PLAIN, *_BYTES)):
            raise DataError(
                "CR-DATA-003", f'column "{name}" does not hold one plain value per row', where=path.name,
                wanted="texts, numbers, true or false, or times", hint="write the file again with plain columns",
            )  # fmt: skip


def _as_texts(table: pa.Table, path: Path) -> pa.Table:
    """Bytes become texts, and texts are checked to be UTF-8, which Parquet does not."""
    for place, field in enumerate(table.schema):
        column = table.column(place)
        if pa.types.is_dictionary(field.type):
            column = column.cast(field.type.value_type)
        try:
            if any(fits(column.type) for fits in _BYTES):
                column = column.cast(pa.binary()).cast(pa.string())
            column.validate(full=True)
        except pa.ArrowException:
            raise DataError(
                "CR-DATA-003", f'column "{field.name}" holds bytes that are not UTF-8 text', where=path.name,
                hint="write the file again with the column as text",
            ) from None  # fmt: skip
        table = table.set_column(place, field.name, column)
    return table
