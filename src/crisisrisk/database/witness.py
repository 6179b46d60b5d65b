"""The witness of the audit trail: a second file that is only ever added to, best on another machine's mount.

One line a commit: the number and the code of the newest row. Whoever cuts the tail off the trail, or takes it back to
an older copy, leaves lines here that fit no row.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_LINE = re.compile(r"(\d{1,18}) ([0-9a-f]{64})")
# What a full disk leaves of a line; the next one begins anew.
_CUT_SHORT = re.compile(r"\d{0,18}|\d{1,18} [0-9a-f]{0,63}")


@dataclass(frozen=True)
class Witnessed:
    """The newest row at one moment."""

    number: int
    code: str


@dataclass(frozen=True)
class Witness:
    """The file. Everything it writes is on the disk when the call returns."""

    path: Path

    def start(self) -> None:
        """Make the file, empty. Raises OSError; FileExistsError where there is one."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def add(self, number: int, code: str) -> None:
        """Add a line. Raises OSError where the file is gone or not all of the line could be written."""
        line = f"{number} {code}\n".encode()
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND)
        try:
            if not _ends_whole(descriptor):
                line = b"\n" + line
            if os.write(descriptor, line) != len(line):
                raise OSError("the witness took a part of a line only")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def lines(self) -> Iterator[Witnessed | None]:
        """Every line; None for one that is damaged. Raises OSError."""
        with self.path.open(encoding="ascii", errors="replace") as file:
            for line in file:
                text = line.rstrip("\n")
                if match := _LINE.fullmatch(text):
                    yield Witnessed(int(match[1]), match[2])
                elif not _CUT_SHORT.fullmatch(text):
                    yield None

    def newest(self) -> Witnessed | None:
        """The line of the highest number; None in an empty file. Raises OSError."""
        return max((line for line in self.lines() if line is not None), key=lambda line: line.number, default=None)


def _ends_whole(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"
