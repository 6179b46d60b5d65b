"""Where a person still stands in files: a search of their bytes, and of what is packed in archives and tables."""

import gzip
import mmap
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
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
    needles = needles_of(said := tuple(texts))
    patterns = {*said, *(needle.decode("latin-1") for needle in needles)}
    search = Search(
        in_bytes=lambda content: any(content.find(needle) >= 0 for needle in needles),
        in_texts=lambda column: any(bool(pc.any(pc.match_substring(column, pattern)).as_py()) for pattern in patterns),
    )
    return files_with(folders, search)


def files_matching(folders: Sequence[Path], beginnings: Iterable[str], characters: str, count: int) -> list[Path]:
    """The files of some folders that hold one of some beginnings and, after it, `count` of a class of characters."""
    wide = {text: text.encode("utf-32-le") for text in beginnings}
    plain = "(?:" + "|".join(re.escape(text) for text in wide) + f")[{characters}]{{{count}}}"
    numpy = b"(?:" + b"|".join(re.escape(text) for text in wide.values()) + b")(?:[%b]\\0{3}){%d}" % (
        characters.encode(), count,
    )  # fmt: skip
    pattern = re.compile(plain.encode() + b"|" + numpy)
    search = Search(
        in_bytes=lambda content: pattern.search(content) is not None,
        in_texts=lambda column: bool(pc.any(pc.match_substring_regex(column, plain)).as_py()),
    )
    return files_with(folders, search)


@dataclass(frozen=True)
class Search:
    """What is looked for: in the bytes of a file, and in a column of texts."""

    in_bytes: Callable[[bytes | mmap.mmap], bool]
    in_texts: Callable[[pa.Array], bool]


def files_with(folders: Sequence[Path], search: Search) -> list[Path]:
    """The files of some folders in which a search finds something, in order."""
    found = {path for folder in folders for path in _files(folder) if _holds(path, search)}
    return sorted(found)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _holds(path: Path, search: Search) -> bool:
    try:
        return _raw(path, search) or _unpacked(path, search)
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, pa.ArrowException):
        return False  # gone meanwhile, or not what its name says: its bytes were looked at


def _raw(path: Path, search: Search) -> bool:
    if not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return search.in_bytes(content)


def _unpacked(path: Path, search: Search) -> bool:
    name = path.name.lower()
    if name.endswith(".gz"):
        with gzip.open(path) as file:
            return search.in_bytes(file.read())
    if name.endswith(_PACKED):
        with zipfile.ZipFile(path) as archive:
            return any(search.in_bytes(archive.read(one)) for one in archive.namelist())
    return name.endswith(".parquet") and _in_table(path, search)


def _in_table(path: Path, search: Search) -> bool:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches():
            for column in batch.columns:
                kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
                if pa.types.is_string(kind) or pa.types.is_large_string(kind):
                    texts = column.cast(pa.large_string())
                    if search.in_texts(texts):
                        return True
    return False
