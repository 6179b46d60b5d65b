"""A folder that appears whole or not at all: built beside its place, moved into it in one step at the end."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crisisrisk.errors import DataError, UsageError

# NumPy tells of a write that was cut short without a number.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, None)
_OF_THE_DISK = (*_FULL, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.ENOTDIR, errno.ENAMETOOLONG)


@contextmanager
def staged(out: Path, *, wanted_bytes: int = 0) -> Iterator[Path]:
    """A new folder to fill, which becomes `out` when the block ends well and is removed when it does not.

    Raises UsageError (CR-USE-001) where `out` is a file or a folder that is not empty, and DataError (CR-DATA-007)
    where its disk has too little space, is full before the end, or cannot be written.
    """
    _check_empty(out)
    try:
        out.absolute().parent.mkdir(parents=True, exist_ok=True)
        _check_space(out, wanted_bytes)
        staging = Path(tempfile.mkdtemp(dir=out.absolute().parent, prefix=f".{out.name}-"))
    except OSError as problem:
        raise _cannot_write(out, problem) from None
    try:
        yield staging
        if out.exists():
            out.rmdir()
        staging.chmod(0o755)
        staging.rename(out)
    except BaseException as problem:
        shutil.rmtree(staging, ignore_errors=True)
        if isinstance(problem, OSError) and problem.errno in _OF_THE_DISK:
            raise _cannot_write(out, problem) from None
        raise


def _check_empty(out: Path) -> None:
    if out.is_symlink() or (out.exists() and (not out.is_dir() or any(out.iterdir()))):
        raise UsageError(
            "CR-USE-001", "an invented city is only written into a new or empty folder", where=str(out),
            hint="choose another folder, or move what is in this one away",
        )  # fmt: skip


def _check_space(out: Path, wanted_bytes: int) -> None:
    free = shutil.disk_usage(out.absolute().parent).free
    if free < wanted_bytes:
        raise DataError(
            "CR-DATA-007", "too little space on the disk for a city of that size", where=str(out),
            wanted=f"about {gigabytes(wanted_bytes)}", found=f"{gigabytes(free)} free",
            hint="say another folder, or fewer people or years",
        )  # fmt: skip


def _cannot_write(out: Path, problem: OSError) -> DataError:
    what = "the disk is full" if problem.errno in _FULL else "the folder cannot be written"
    reason = os.strerror(problem.errno) if problem.errno else str(problem)
    return DataError("CR-DATA-007", f"{what}; nothing was kept", where=str(out), found=reason)


def gigabytes(size: int) -> str:
    """A size as people read it."""
    return f"{size / 1e9:,.1f} GB" if size >= 1e8 else f"{size / 1e6:,.1f} MB"
