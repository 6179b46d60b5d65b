"""Tiles to lay under the map of a shift: the site's own, of a folder or of one PMTiles file, and of nobody else's.

A folder has them as `z/x/y.png` (or .jpg, .webp). A PMTiles file is read as version 3 of its specification says,
<https://github.com/protomaps/PMTiles/blob/main/spec/v3/spec.md>; its tiles have to be pictures.
"""

import os
import stat
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from crisisrisk.errors import DataError

MOST_ZOOM = 22
MOST_BYTES = 2_000_000
"""Of one tile, and of one directory of a file as it is packed."""
MOST_UNPACKED = 16_000_000
MOST_CHARACTERS = 150
KINDS: Mapping[str, str] = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp"}
_PICTURES: Mapping[int, str] = {2: "image/png", 3: "image/jpeg", 4: "image/webp"}
_HEADER = struct.Struct("<7sB11Q6B")
_AS_IT_IS, _GZIP = (0, 1), 2
_DEEPEST = 4

Tile = tuple[bytes, str]
"""A picture, and its media type."""


@dataclass(frozen=True, kw_only=True)
class MapDeclaration:
    """`tiles`: a folder or file beside the site's, none if empty; `attribution`: who made them, in a line."""

    tiles: str = ""
    attribution: str = ""


def map_problems(table: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A line that is none, with a hint."""
    line = table.get("attribution", "")
    if line == "" or (line.isprintable() and len(line) <= MOST_CHARACTERS):
        return []
    return [(f"map.attribution is {line[:MOST_CHARACTERS]!r}, wanted one line of at most {MOST_CHARACTERS} characters",
             "who made the map, as its licence asks")]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class TileFolder:
    """Tiles as files."""

    path: Path
    attribution: str

    @cached_property
    def zooms(self) -> Sequence[int]:
        """The levels that there are. Raises DataError where there is none."""
        names = [one.name for one in self.path.iterdir() if one.is_dir()] if self.path.is_dir() else []
        found = sorted(int(name) for name in names if name.isdecimal() and int(name) <= MOST_ZOOM)
        if not found:
            raise _unusable(self.path, "it is no folder with tiles as z/x/y.png, nor a PMTiles file")
        return found

    @property
    def least_zoom(self) -> int:
        """The level that shows most."""
        return self.zooms[0]

    @property
    def most_zoom(self) -> int:
        """The closest level."""
        return self.zooms[-1]

    def tile(self, z: int, x: int, y: int) -> Tile | None:
        """One tile; None where there is none."""
        for ending, kind in KINDS.items():
            content = _read(self.path / str(z) / str(x) / f"{y}.{ending}", 0, None)
            if content is not None:
                return content, kind
        return None


@dataclass(frozen=True, kw_only=True)
class TileFile:
    """Tiles in one PMTiles file. What was read of its directories is kept."""

    path: Path
    attribution: str
    _leaves: dict[int, "_Directory"] = field(default_factory=dict)

    @cached_property
    def head(self) -> tuple[Any, ...]:
        """What its first bytes say. Raises DataError for another file, and for one whose tiles are no pictures."""
        content = _read(self.path, 0, _HEADER.size) or b""
        found = _HEADER.unpack(content) if len(content) == _HEADER.size else ()
        if found[:2] != (b"PMTiles", 3):
            raise _unusable(self.path, "it is no PMTiles file of version 3")
        if found[14] not in (*_AS_IT_IS, _GZIP) or found[15] not in _AS_IT_IS:
            raise _unusable(self.path, "it is packed in another way than gzip")
        if found[16] not in _PICTURES:
            raise _unusable(self.path, "its tiles are no pictures (PNG, JPEG or WebP)")
        return found

    @property
    def least_zoom(self) -> int:
        """The level that shows most."""
        return int(self.head[17])

    @property
    def most_zoom(self) -> int:
        """The closest level."""
        return int(self.head[18])

    def tile(self, z: int, x: int, y: int) -> Tile | None:
        """One tile; None where there is none, and where the file is damaged."""
        wanted = tile_number(z, x, y)
        offset, length = int(self.head[2]), int(self.head[3])
        for _ in range(_DEEPEST):
            directory = self._directory(offset, length)
            row = bisect_right(directory.first, wanted) - 1
            if row < 0:
                return None
            offset, length, run = directory.offset[row], directory.length[row], directory.run[row]
            if run:
                return self._picture(offset, length) if wanted < directory.first[row] + run else None
            offset += int(self.head[6])
        return None

    def _picture(self, offset: int, length: int) -> Tile | None:
        content = _read(self.path, int(self.head[8]) + offset, length)
        return None if content is None else (content, _PICTURES[self.head[16]])

    def _directory(self, offset: int, length: int) -> "_Directory":
        if offset not in self._leaves:
            content = _read(self.path, offset, length) or b""
            try:
                plain = zlib.decompressobj(31).decompress(content, MOST_UNPACKED) if self.head[14] == _GZIP else content
                self._leaves[offset] = _directory_of(plain)
            except (zlib.error, StopIteration, IndexError, ValueError):
                raise _unusable(self.path, "it is damaged") from None
        return self._leaves[offset]


Tiles = TileFolder | TileFile


def open_tiles(path: Path, attribution: str) -> Tiles:
    """The tiles of a folder or file. Raises DataError where they cannot be used."""
    found = TileFile(path=path, attribution=attribution) if path.is_file() else TileFolder(
        path=path, attribution=attribution
    )  # fmt: skip
    _ = found.most_zoom
    return found


@dataclass(frozen=True)
class _Directory:
    """Rows of a directory, by the number of the first tile. A run of 0 leads to another directory."""

    first: Sequence[int]
    run: Sequence[int]
    length: Sequence[int]
    offset: Sequence[int]


def tile_number(z: int, x: int, y: int) -> int:
    """The number of a tile along the Hilbert curves of all levels, one level after another."""
    number = ((1 << (2 * z)) - 1) // 3
    for bit in range(z - 1, -1, -1):
        side = 1 << bit
        right, down = x & side, y & side
        number += ((3 * right) ^ down) << bit
        if not down:
            if right:
                x, y = side - 1 - x, side - 1 - y
            x, y = y, x
    return number


def _directory_of(content: bytes) -> _Directory:
    numbers = _varints(content)
    count = next(numbers)
    if count > len(content):  # each row takes four bytes at the least
        raise ValueError(count)
    first, last = [], 0
    for _ in range(count):
        last += next(numbers)
        first.append(last)
    run, length = ([next(numbers) for _ in range(count)] for _ in range(2))
    offset: list[int] = []
    for row in range(count):
        said = next(numbers)
        offset.append(said - 1 if said else offset[-1] + length[row - 1])
    return _Directory(first, run, length, offset)


def _varints(content: bytes) -> Iterator[int]:
    value = shift = 0
    for byte in content:
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            yield value
            value = shift = 0


def _read(path: Path, offset: int, length: int | None) -> bytes | None:
    """Some bytes of a plain file, or all of them; None where they are not there or too many. Follows no link."""
    if length is not None and not 0 < length <= MOST_BYTES:
        return None
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            content = os.pread(file.fileno(), MOST_BYTES + 1 if length is None else length, offset)
    except OSError:
        return None
    return content if len(content) == length or (length is None and len(content) <= MOST_BYTES) else None


def _unusable(path: Path, problem: str) -> DataError:
    return DataError("CR-SERVE-006", f"the tiles of the map cannot be used: {problem}", where=str(path))
