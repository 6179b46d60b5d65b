"""Where a text still stands in files, packed or not."""

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from crisisrisk.operations.traces import files_naming

WHO, OTHER = "k1_7Q4M2XK0D3RT5VWZ", "k1_7Q4M2XK0D3RT5VWX"


def _written(folder: Path, who: str) -> list[Path]:
    """Files of every kind that hold somebody."""
    folder.mkdir()
    names = ("plain.csv", "packed.csv.gz", "pack.zip", "array.npz", "plain.npy", "texts.parquet", "words.parquet")
    paths = {name: folder / name for name in names}
    paths["plain.csv"].write_text(f"id,person\n1,{who}\n")
    paths["packed.csv.gz"].write_bytes(gzip.compress(f"a note of {who}, on paper".encode()))
    with zipfile.ZipFile(paths["pack.zip"], "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("shown/1.json", f"{who} " * 9)
    np.savez_compressed(paths["array.npz"], people=np.array([who, OTHER]))
    np.save(paths["plain.npy"], np.array([OTHER, who]))
    texts = pa.table({"n": [1, 2], "text": [OTHER, f"about {who} again"]})
    pq.write_table(texts, paths["texts.parquet"], compression="zstd")
    words = pa.table({"person": pa.array([OTHER, who]).dictionary_encode()})
    pq.write_table(words, paths["words.parquet"], compression="zstd")
    return sorted(paths.values())


def test_every_kind_of_file_that_holds_somebody_is_found_and_no_other(tmp_path: Path) -> None:
    wanted = _written(tmp_path / "of-somebody", WHO)
    _written(tmp_path / "of-another", OTHER)
    assert files_naming([tmp_path, tmp_path / "of-somebody"], [WHO]) == wanted


def test_what_is_empty_or_not_what_its_name_says_is_looked_at_all_the_same(tmp_path: Path) -> None:
    for name in ("empty.csv", "empty.parquet", "empty.zip"):
        (tmp_path / name).touch()
    named = [tmp_path / name for name in ("no.gz", "no.parquet", "no.zip")]
    for path in named:
        path.write_text(f"not what it says: {WHO}")
    assert files_naming([tmp_path], [WHO]) == named
