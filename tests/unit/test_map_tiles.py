"""Tiles under the map: of a folder, and of a PMTiles file, which is written here as its specification says."""

import gzip
import struct
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from crisisrisk.errors import DataError
from crisisrisk.serving.tiles import open_tiles, tile_number

PNG = b"\x89PNG\r\n\x1a\n"


def write_pmtiles(
    path: Path, tiles: Mapping[int, bytes], *, leaves: int = 1, kind: int = 2, packed: bool = True, version: int = 3
) -> Path:  # fmt: skip
    """A file as the specification says: rows by number, the same picture one after another once, then leaves."""
    pack = gzip.compress if packed else bytes
    data, rows, at = b"", list[tuple[int, int, int, int]](), dict[bytes, int]()
    for number, content in sorted(tiles.items()):
        if rows and rows[-1][0] + rows[-1][1] == number and at.get(content) == rows[-1][3]:
            first, run, length, offset = rows[-1]
            rows[-1] = (first, run + 1, length, offset)
            continue
        if content not in at:
            at[content] = len(data)
            data += content
        rows.append((number, 1, len(content), at[content]))
    parts = [rows[one::1][: -(-len(rows) // leaves)] for one in range(0, len(rows), -(-len(rows) // leaves))]
    leaf, root = b"", rows
    if leaves > 1:
        root = []
        for part in parts:
            written = pack(directory(part))
            root.append((part[0][0], 0, len(written), len(leaf)))
            leaf += written
    written = pack(directory(root))
    spans = (127, len(written), 127 + len(written), 0, 127 + len(written), len(leaf), 127 + len(written) + len(leaf),
             len(data), len(tiles), len(rows), len(at))  # fmt: skip
    head = struct.pack("<7sB11Q6B", b"PMTiles", version, *spans, 1, 2 if packed else 1, 1, kind, 0, 3)
    path.write_bytes(head.ljust(127, b"\0") + written + leaf + data)
    return path


def directory(rows: Sequence[tuple[int, int, int, int]]) -> bytes:
    before, follows, columns = 0, None, [len(rows)]
    for first, *_ in rows:
        columns.append(first - before)
        before = first
    columns += [run for _, run, _, _ in rows] + [length for _, _, length, _ in rows]
    for _, _, length, offset in rows:
        columns.append(0 if offset == follows else offset + 1)
        follows = offset + length
    return b"".join(varint(number) for number in columns)


def varint(number: int) -> bytes:
    found = b""
    while number > 0x7F:
        found, number = found + bytes([number & 0x7F | 0x80]), number >> 7
    return found + bytes([number])


def test_tiles_are_numbered_along_the_curve_of_each_level() -> None:
    # Of the specification's own table, and every level whole: no number twice, neighbours beside each other.
    assert [tile_number(*at) for at in ((0, 0, 0), (1, 0, 0), (1, 0, 1), (1, 1, 1), (1, 1, 0), (2, 0, 0))] == [
        *range(6)
    ]
    assert tile_number(12, 3423, 1763) == 19078479
    for z in range(5):
        by_number = {tile_number(z, x, y): (x, y) for x in range(1 << z) for y in range(1 << z)}
        start = ((1 << 2 * z) - 1) // 3
        assert sorted(by_number) == list(range(start, start + 4**z))
        walk = [by_number[one] for one in sorted(by_number)]
        assert all(abs(a - c) + abs(b - d) == 1 for (a, b), (c, d) in pairwise(walk))


@pytest.mark.parametrize(("leaves", "packed"), [(1, True), (1, False), (4, True)])
def test_every_tile_of_a_file_is_found_and_no_other(tmp_path: Path, leaves: int, packed: bool) -> None:
    places = {(z, x, y) for z in range(4) for x in range(1 << z) for y in range(1 << z) if (x + y) % 3 or z < 2}
    water = PNG + b"water"
    content = {at: water if at[0] == 3 and at[1] < 4 else PNG + repr(at).encode() for at in places}
    file = write_pmtiles(tmp_path / "a.pmtiles", {tile_number(*at): one for at, one in content.items()},
                         leaves=leaves, packed=packed)  # fmt: skip
    tiles = open_tiles(file, "")
    assert (tiles.least_zoom, tiles.most_zoom) == (0, 3)
    for z in range(5):
        for x in range(1 << z):
            for y in range(1 << z):
                wanted = content.get((z, x, y))
                assert tiles.tile(z, x, y) == (None if wanted is None else (wanted, "image/png")), (z, x, y)


def test_a_folder_hands_out_its_own_pictures_alone(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"elsewhere")
    folder = tmp_path / "tiles"
    for z, x, name, content in ((4, 1, "2.png", PNG), (6, 1, "2.jpg", b"\xff\xd8")):
        (folder / str(z) / str(x)).mkdir(parents=True)
        (folder / str(z) / str(x) / name).write_bytes(content)
    (folder / "4" / "1" / "3.png").symlink_to(tmp_path / "secret.png")
    (folder / "4" / "1" / "4.png").mkdir()
    (folder / "notes").mkdir()
    tiles = open_tiles(folder, "Made by us")
    assert (tiles.least_zoom, tiles.most_zoom) == (4, 6)
    assert tiles.tile(4, 1, 2) == (PNG, "image/png")
    assert tiles.tile(6, 1, 2) == (b"\xff\xd8", "image/jpeg")
    assert [tiles.tile(4, 1, y) for y in (3, 4, 5)] == [None] * 3


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda path: None, "it is no folder with tiles as z/x/y.png, nor a PMTiles file"),
        (lambda path: path.mkdir(), "it is no folder with tiles as z/x/y.png, nor a PMTiles file"),
        (lambda path: path.write_bytes(b"PMTiles"), "it is no PMTiles file of version 3"),
        (lambda path: write_pmtiles(path, {0: PNG}, version=2), "it is no PMTiles file of version 3"),
        (lambda path: write_pmtiles(path, {0: PNG}, kind=1), "its tiles are no pictures (PNG, JPEG or WebP)"),
    ],
)  # fmt: skip
def test_what_is_no_map_is_said(tmp_path: Path, make: object, problem: str) -> None:
    path = tmp_path / "map"
    make(path)  # type: ignore[operator]
    with pytest.raises(DataError) as found:
        open_tiles(path, "")
    assert found.value.problem == f"the tiles of the map cannot be used: {problem}"


def test_a_damaged_file_is_said_and_never_hangs(tmp_path: Path) -> None:
    whole = write_pmtiles(tmp_path / "a.pmtiles", {0: PNG, 5: PNG}, packed=False).read_bytes()
    for at in range(127, len(whole)):
        (tmp_path / "b.pmtiles").write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        tiles = open_tiles(tmp_path / "b.pmtiles", "")
        try:
            found = tiles.tile(2, 0, 0)
        except DataError:
            continue
        assert found is None or found[1] == "image/png"
