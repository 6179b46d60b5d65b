"""Where a person still stands in files: a search of their bytes, and of what is packed in archives and tables."""

import gzip
import mmap
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_PACKED = (".zip", ".npz", ".xlsx", ".xlsm")


def needles_of(texts: Iterable[str]) -> tuple[bytes, ...]:
    """How texts may stand in a file: as they are, and as NumPy keeps them."""
    return tuple(text.encode(encoding) for text in texts for encoding in ("utf-8", "utf-32-le"))


def files_naming(folders: Sequence[Path], texts: Iterable[str]) -> list[Path]:
    """The files of some folders that hold one of some texts, in order."""
    needles = needles_of(texts)
    found = {path for folder in folders for path in _files(folder) if _holds(path, needles)}
    return sorted(found)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _holds(path: Path, needles: Sequence[bytes]) -> bool:
    try:
        return _raw(path, needles) or _unpacked(path, needles)
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, pa.ArrowException):
        return False  # gone meanwhile, or not what its name says: its bytes were looked at


def _raw(path: Path, needles: Sequence[bytes]) -> bool:
    if not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return any(content.find(needle) >= 0 for needle in needles)


def _unpacked(path: Path, needles: Sequence[bytes]) -> bool:
    name = path.name.lower()
    if name.endswith(".gz"):
        with gzip.open(path) as file:
            content = file.read()
        return any(needle in content for needle in needles)
    if name.endswith(_PACKED):
        with zipfile.ZipFile(path) as archive:
            return any(needle in archive.read(one) for one in archive.namelist() for needle in needles)
    return name.endswith(".parquet") and _in_table(path, needles)


def _in_table(path: Path, needles: Sequence[bytes]) -> bool:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches():
            for column in batch.columns:
                kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
                if pa.types.is_string(kind) or pa.types.is_large_string(kind):
                    texts = column.cast(pa.large_string())
                    if any(
                        bool(pc.any(pc.match_substring(texts, needle.decode("latin-1"))).as_py()) for needle in needles
                    ):
                        return True
    return False
