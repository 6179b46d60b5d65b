"""Files that commands write when asked to: refused early, and written whole or not at all."""

from pathlib import Path
from typing import TYPE_CHECKING

from crisisrisk.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd


def require_ending(out: Path | None, endings: tuple[str, ...]) -> None:
    """Raise UsageError for a file name of another kind, or in a folder that does not exist, before any work is done."""
    if out is None:
        return
    if out.suffix not in endings:
        raise UsageError(
            "CR-USE-001", "this kind of file is not written here", found=out.name, wanted=" or ".join(endings)
        )
    if out.is_dir():
        raise UsageError("CR-USE-001", "a folder has the name of the file", where=str(out))
    if not out.parent.is_dir():
        raise UsageError("CR-USE-001", "the folder of the file does not exist", where=str(out.parent))


def write_table(table: "pd.DataFrame", out: Path) -> None:
    """Write a table as `.parquet` or `.csv`."""
    staged = out.with_name(f".{out.name}.part")
    try:
        if out.suffix == ".parquet":
            table.to_parquet(staged, index=False)
        else:
            table.to_csv(staged, index=False)
        staged.replace(out)
    finally:
        staged.unlink(missing_ok=True)
