"""Where the real files are, whether they are the ones that the page speaks of, and how to say that they are absent."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VARIABLE = "CRISISRISK_REAL_DATA"
FILES = (
    "montgomery_pa_911_calls.csv.gz",
    "toronto_mha_apprehensions_2014_2017.parquet",
    "ctn0094_events.csv.gz",
    "ctn0094_persons.csv.gz",
)


def folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of the real files: named by the environment, else beside the repository."""
    return Path(environ.get(VARIABLE) or ROOT.parent / "shared" / "data")


def absent(environ: Mapping[str, str] = os.environ) -> str | None:
    """Why the tests cannot run: which files are missing. None when all are there."""
    missing = [name for name in FILES if not (folder(environ) / name).is_file()]
    if not missing:
        return None
    return f"real data absent ({', '.join(missing)}): say where they are with {VARIABLE}"


def digests(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """SHA-256 of each file, in hex."""
    return {name: hashlib.sha256((folder(environ) / name).read_bytes()).hexdigest() for name in FILES}
