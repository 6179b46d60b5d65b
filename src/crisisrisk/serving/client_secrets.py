"""The secret by which an issuer knows this service: one line of a file that its owner alone may read."""

import re
from pathlib import Path

from crisisrisk.errors import DataError

CODE = "CR-ACCESS-007"
_SECRET = re.compile(r"[!-~]{8,512}")


def read_client_secret(path: Path) -> str:
    """The secret. Raises DataError where the file is missing, others may read it, or it is no line of plain letters."""
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise DataError(
            CODE, "the client secret of the issuer cannot be read", where=str(path),
            hint="whoever runs the issuer gives you one; put it there, mode 600",
        ) from None  # fmt: skip
    if mode & 0o077:
        raise DataError(
            CODE, "others than its owner may read the client secret of the issuer", where=str(path),
            wanted="mode 600", found=f"mode {mode & 0o777:o}", hint=f"chmod 600 {path.name}",
        )  # fmt: skip
    if not _SECRET.fullmatch(text):
        raise DataError(
            CODE,
            "the file holds no client secret",
            where=str(path),
            wanted="one line of 8 to 512 letters without spaces",
        )
    return text
