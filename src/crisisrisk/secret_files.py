"""Files of secrets, one a line: `k1 ` and 64 hexadecimal digits. Made once, and readable by their owner alone."""

import os
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from crisisrisk.errors import DataError

_LINE = re.compile(r"([a-z]\d{1,3}) ([0-9a-f]{64})")


def create_secret(path: Path, name: str) -> None:
    """Make the file with one new secret of 256 random bits. Raises FileExistsError where there is a file already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{name} {secrets.token_hex(32)}\n")
        file.flush()
        os.fsync(file.fileno())


def refuse_among(path: Path, folders: Sequence[Path], *, code: str, whose: str) -> None:
    """Raises DataError with `code` for a key file that lies in a folder of what it protects: copies would hold both."""
    for folder in folders:
        if path.resolve().is_relative_to(folder.resolve()):
            raise DataError(
                code, f"the key of {whose} lies among the data that it protects", where=str(path),
                wanted=f"a file outside {folder}",
            )  # fmt: skip


def add_secret(path: Path, name: str) -> None:
    """Add a new secret of 256 random bits as the last line, in one step: a file that was cut off is never read."""
    append_line(path, f"{name} {secrets.token_hex(32)}")


def append_line(path: Path, line: str) -> None:
    """Add a secret with its name that was made before, in one step."""
    replace_secrets(path, f"{path.read_text(encoding='ascii').rstrip()}\n{line}\n")


def keep_newest_secret(path: Path) -> None:
    """End all secrets of the file but the last, in one step."""
    replace_secrets(path, path.read_text(encoding="ascii").rstrip().split("\n")[-1] + "\n")


def replace_secrets(path: Path, text: str) -> None:
    """Put another text in the file's place in one step, on the disk, readable by its owner alone."""
    staged = path.with_name(f".{path.name}.new")
    staged.unlink(missing_ok=True)
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    staged.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # what is encrypted with a new key must not outlive the file's new name
    finally:
        os.close(folder)


def read_secrets(path: Path, letter: str, *, code: str, whose: str, hint: str) -> Mapping[str, bytes]:
    """The secrets of a file by name, in its order; of a name that stands there twice the last one.

    Raises DataError with `code` where the file is missing, can be read by others, or holds no secret whose name
    begins with `letter`. `hint` says what to do about a missing one.
    """
    try:
        mode = path.stat().st_mode
        lines = path.read_text(encoding="ascii").split("\n")
    except (OSError, UnicodeDecodeError):
        raise DataError(code, f"the key of {whose} cannot be read", where=str(path), hint=hint) from None
    if mode & 0o077:
        raise DataError(
            code, f"others than its owner may read the key of {whose}", where=str(path),
            wanted="mode 600", found=f"mode {mode & 0o777:o}", hint=f"chmod 600 {path.name}",
        )  # fmt: skip
    matches = (_LINE.fullmatch(line.strip()) for line in lines)
    found = {match[1]: bytes.fromhex(match[2]) for match in matches if match is not None and match[1][0] == letter}
    if not found:
        raise DataError(
            code, "the key file holds no key", where=str(path),
            wanted=f"a line such as: {letter}1 (64 hexadecimal digits)",
        )  # fmt: skip
    return found
