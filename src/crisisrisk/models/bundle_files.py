"""The files of a bundle as bytes: plain files of a bounded size inside its folder, and what is signed of them."""

import hashlib
import os
import stat
from pathlib import Path

from crisisrisk.errors import ModelError

MANIFEST, SIDECAR, SIGNATURE = "manifest.json", "manifest.sha256", "manifest.sig"
MOST_BYTES = 256 * 2**20
"""Of one file. The largest model of this program has a few megabytes."""
MOST_BYTES_OF = {MANIFEST: 8 * 2**20, SIDECAR: 200, SIGNATURE: 400}
MOST_FILES = 32


def read_file(folder: Path, name: str) -> bytes:
    """One file, read once. Raises ModelError for one that is missing, too large or no plain file; follows no link."""
    most = MOST_BYTES_OF.get(name, MOST_BYTES)
    try:
        with os.fdopen(os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise damaged(folder, name, "it is no plain file")
            content = file.read(most + 1)
    except (OSError, ValueError):
        raise damaged(folder, name, "it is missing or cannot be read") from None
    if len(content) > most:
        raise damaged(folder, name, f"it has more than {most:,} bytes")
    return content


def require_only(folder: Path, names: set[str]) -> None:
    """Raise ModelError where a folder holds anything beside these files."""
    for count, path in enumerate(folder.iterdir(), 1):
        if path.name not in names or count > MOST_FILES:
            raise damaged(folder, path.name if path.name.isprintable() else "a file", "the manifest does not name it")


def read_signature(folder: Path) -> str:
    """The signature beside the manifest; "" where there is none, or not exactly one line."""
    if not (folder / SIGNATURE).is_file():
        return ""
    line, end, more = read_file(folder, SIGNATURE).decode("ascii", errors="replace").partition("\n")
    return line if end and not more else ""


def digest(content: bytes) -> str:
    """The SHA-256, as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def write_file(path: Path, content: bytes) -> None:
    """Write a file and wait for the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def damaged(folder: Path, name: str, problem: str) -> ModelError:
    """The error of a bundle that is not what it should be."""
    return ModelError(
        "CR-MODEL-001", f"{name}: {problem}", where=str(folder),
        hint="promote the run again; nothing of this bundle was loaded",
    )  # fmt: skip
