"""The names in a file's header against those that its mapping names, told without showing what may be a first row."""

import re
from pathlib import Path

from crisisrisk.errors import MappingError, did_you_mean
from crisisrisk.tables.mapping import FileMapping

_SHOWN_COLUMNS = 12
_OTHER_DELIMITERS = ",;\t|"
_LONG_NUMBER = re.compile(r"\d(?:[ -]?\d){5}")
_MASKED = "(a number)"


def require_columns(names: list[str], path: Path, mapping: FileMapping, line: str | None = None) -> None:
    """Refuse a file that lacks a mapped column, or has one twice: all of them are named in one error.

    `line`: the header of a CSV as it stands, from which a wrong delimiter is told.
    """
    where = f"{path.name}, header"
    twice = sorted({name for name in mapping.file_columns if names.count(name) > 1})
    if twice:
        raise MappingError(
            "CR-MAP-004", "a column that the mapping names is there twice", where=where, found=", ".join(twice)
        )
    missing = [name for name in mapping.file_columns if name not in names]
    if not missing:
        return
    what = "a column" if len(missing) == 1 else f"{len(missing)} columns"
    found, hint = _found_and_hint(missing, names, mapping, line)
    raise MappingError(
        "CR-MAP-004",
        f"{mapping.path.name} names {what} that the file does not have",
        where=where,
        wanted=", ".join(f'"{name}"' for name in missing),
        found=found,
        hint=f"{hint} · nothing was loaded",
    )


def _found_and_hint(missing: list[str], names: list[str], mapping: FileMapping, line: str | None) -> tuple[str, str]:
    other = _other_delimiter(line, mapping)
    delimiter = f"the header has no {mapping.delimiter!r}; say  delimiter = {other!r}  in the mapping" if other else ""
    parts = [name.strip('" ') for name in line.split(other)] if line and other else names
    # Without one name that the mapping knows this may be no header but somebody's record.
    if not _shares_a_name(parts, mapping):
        count = "1 field" if len(parts) == 1 else f"{len(parts)} fields"
        hints = [hint for hint in (delimiter, "does the file have a header line?") if hint]
        return f"{count}, none of them named in the mapping", " · ".join(hints)
    shown = [_MASKED if _LONG_NUMBER.search(name) else name for name in names]
    found = ", ".join(shown[:_SHOWN_COLUMNS]) + (", …" if len(shown) > _SHOWN_COLUMNS else "")
    return found, delimiter or did_you_mean(missing[0], shown)


def _shares_a_name(names: list[str], mapping: FileMapping) -> bool:
    known = {name.strip().casefold() for name in mapping.file_columns}
    return any(name.strip().casefold() in known for name in names)


def _other_delimiter(line: str | None, mapping: FileMapping) -> str | None:
    if line is None or mapping.delimiter in line:
        return None
    return next((sign for sign in _OTHER_DELIMITERS if sign in line), None)
