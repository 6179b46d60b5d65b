"""That the keys of pseudonyms were destroyed: in their place the file says when, and no other is taken for them.

With none, or with the newest alone, an identifier would come out at another pseudonym than before, and everybody would
be split in two.
"""

import os
from datetime import datetime
from pathlib import Path

from crisisrisk.errors import DataError
from crisisrisk.secret_files import replace_secrets

_BEGINS = "destroyed "


def refuse_destroyed(key_file: Path) -> None:
    """Raises DataError where the file says that its keys were destroyed."""
    try:
        text = key_file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return  # said by who reads the keys
    if text.startswith(_BEGINS):
        raise DataError(
            "CR-KEY-005", "the keys of the pseudonyms were destroyed: identifiers say nobody here any more",
            where=str(key_file), found=text.strip(),
            hint="ask the site that follows this one; what is kept here goes on by pseudonym alone",
        )  # fmt: skip


def destroy(key_file: Path, *, now: datetime) -> None:
    """Write over the secrets, and put in their place that they are gone.

    A disk may keep what was written over: where that matters, its own way of wiping is needed, too.
    """
    with key_file.open("r+b") as file:
        file.write(b"0" * key_file.stat().st_size)
        file.flush()
        os.fsync(file.fileno())
    replace_secrets(key_file, f"{_BEGINS}{now.isoformat()}\n")
