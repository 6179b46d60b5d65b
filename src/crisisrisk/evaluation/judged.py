"""The rows that a model of people was judged on, as a file of its run: whatever is reported comes from it again.

No identifier is in the file. A person is a number made from their pseudonym, the same in every run of a site, so that
the rows of two runs can be laid side by side.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from crisisrisk.errors import UsageError
from crisisrisk.evaluation.logistic import FloatArray
from crisisrisk.evaluation.metrics import Happened
from crisisrisk.evaluation.slices import NO_TEAM, JudgedRows

FILE = "judged.parquet"

_ABOUT, _KEY = b"crisisrisk", b"crisisrisk pseudonyms"
_GROUP, _BASELINE = "group.", "baseline."
_INSTANT, _WORD = pa.timestamp("us", tz="UTC"), pa.dictionary(pa.int32(), pa.string())


@dataclass(frozen=True, kw_only=True)
class Judging:
    """How the rows are to be judged. `dated` is false for data without calendar dates, whose rows are one slice."""

    list_length: int = 25
    horizon_days: int = 28
    dated: bool = True
    probabilities: tuple[str, ...] = ("five_factor_regression",)
    """The baselines whose risks are probabilities."""
    most_groups: int = 12
    seed: int = 0
    resamples: int = 200


@dataclass(frozen=True, kw_only=True)
class JudgedPredictions:
    """Observed test rows with what was said of them and what came. Every array has shape (rows,)."""

    as_of: NDArray[np.int64]
    """Microseconds since 1970 UTC."""
    person: NDArray[np.int64]
    """As `person_numbers` makes them."""
    team: NDArray[Any] | None
    """"" for somebody on no caseload; None where no caseloads are known."""
    risk: FloatArray
    """Probability by the model."""
    lower: FloatArray | None = None
    upper: FloatArray | None = None
    """The interval that the model gave, where it gives one."""
    happened: Happened
    days_to_onset: FloatArray
    """Days from `as_of` to the onset, NaN without one; also NaN where a death counts as the outcome."""
    baselines: Mapping[str, FloatArray] = field(default_factory=dict)
    groups: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """By grouping the value of each row, as known at its `as_of`."""
    judging: Judging = field(default_factory=Judging)

    def __len__(self) -> int:
        return len(self.risk)

    @property
    def rows(self) -> JudgedRows:
        """The rows as reports take them: without calendar dates they are one slice."""
        as_of = self.as_of if self.judging.dated else np.zeros_like(self.as_of)
        return JudgedRows(happened=self.happened, as_of=as_of, person=self.person, team=self.team)

    @property
    def listable(self) -> "JudgedPredictions | None":
        """Only those on a team's caseload, whom a list can hold; None where that is everybody, or nobody."""
        if self.team is None:
            return None
        inside = self.team.astype(str) != NO_TEAM
        return self.where(inside) if inside.any() and not inside.all() else None

    def where(self, rows: NDArray[Any]) -> "JudgedPredictions":
        """Only the rows of a mask or of indices."""
        arrays: dict[str, Any] = {
            name: None if getattr(self, name) is None else getattr(self, name)[rows]
            for name in ("as_of", "person", "team", "risk", "lower", "upper", "happened", "days_to_onset")
        }
        baselines, groups = (
            {name: values[rows] for name, values in table.items()} for table in (self.baselines, self.groups)
        )
        return replace(self, **arrays, baselines=baselines, groups=groups)


def person_numbers(person_ids: Iterable[str]) -> NDArray[np.int64]:
    """A number for each pseudonym: the first 63 bits of its SHA-256. Shape (people,).

    The same pseudonym has the same number in every run. Of a million people the chance that any two share a number is
    about one in twenty million.
    """
    digests = (hashlib.sha256(str(one).encode()).digest()[:8] for one in person_ids)
    return np.array([int.from_bytes(digest, "big") >> 1 for digest in digests], dtype=np.int64)


# The file


def write_judged(folder: Path, predictions: JudgedPredictions) -> Path:
    """Write the rows as `judged.parquet` into a folder."""
    columns: dict[str, pa.Array] = {
        "as_of": pa.array(predictions.as_of, pa.int64()).cast(_INSTANT),
        "person": pa.array(predictions.person, pa.int64()),
        "risk": pa.array(predictions.risk, pa.float64()),
        "happened": pa.array(predictions.happened, pa.bool_()),
        "days_to_onset": pa.array(predictions.days_to_onset, pa.float64(), from_pandas=True),
    }
    optional = {"lower": predictions.lower, "upper": predictions.upper}
    columns |= {name: pa.array(values, pa.float64()) for name, values in optional.items() if values is not None}
    columns |= {_BASELINE + name: pa.array(values, pa.float64()) for name, values in predictions.baselines.items()}
    words = {_GROUP + name: values for name, values in predictions.groups.items()}
    if predictions.team is not None:
        words["team"] = predictions.team
    columns |= {name: pa.array(values.astype(object), pa.string()).cast(_WORD) for name, values in words.items()}
    table = pa.table(columns).replace_schema_metadata({_ABOUT: json.dumps(asdict(predictions.judging)).encode()})
    path = folder / FILE
    pq.write_table(table, path, compression="zstd")
    return path


def read_judged(folder: Path) -> JudgedPredictions:
    """The rows that `write_judged` wrote. Raises UsageError when the folder has none that can be read."""
    try:
        table = pq.read_table(folder / FILE)
        about = json.loads(table.schema.metadata[_ABOUT])
        judging = Judging(**{**about, "probabilities": tuple(about["probabilities"])})
        return _predictions(table, judging)
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError):
        raise UsageError(
            "CR-TRAIN-003", "the run left no judged rows that can be read", wanted=FILE,
            hint="runs of places, and of people before these were kept, have none: train again",
        ) from None  # fmt: skip


def _predictions(table: pa.Table, judging: Judging) -> JudgedPredictions:
    def numbers(name: str) -> FloatArray:
        return np.asarray(table.column(name).to_numpy(), dtype=np.float64)

    def words(name: str) -> NDArray[Any]:
        return np.array(table.column(name).to_pylist(), dtype=object)

    def named(prefix: str) -> dict[str, str]:
        return {name.removeprefix(prefix): name for name in table.column_names if name.startswith(prefix)}

    present = set(table.column_names)
    return JudgedPredictions(
        as_of=table.column("as_of").cast(pa.int64()).to_numpy(),
        person=table.column("person").to_numpy(),
        team=words("team") if "team" in present else None,
        risk=numbers("risk"),
        lower=numbers("lower") if "lower" in present else None,
        upper=numbers("upper") if "upper" in present else None,
        happened=np.asarray(table.column("happened").to_numpy(), dtype=bool),
        days_to_onset=numbers("days_to_onset"),
        baselines={name: numbers(column) for name, column in named(_BASELINE).items()},
        groups={name: words(column) for name, column in named(_GROUP).items()},
        judging=judging,
    )


def is_judged_with(path: Path, person_id: str) -> bool:
    """Whether a file of judged rows has rows of a person."""
    return bool((pq.read_table(path, columns=["person"]).column("person").to_numpy() == _number(person_id)).any())


def without_link(path: Path, person_id: str) -> bool:
    """Give a person's rows in a file a number that is nobody's, in place. Returns whether there were any.

    The rows stay, as what was judged is not known without them; whose they are does not.
    """
    table = pq.read_table(path)
    people = table.column("person").to_numpy()
    own = people == _number(person_id)
    if not own.any():
        return False
    others = np.where(own, np.int64(secrets.randbits(63)), people)
    place = table.column_names.index("person")
    _replace(path, table.set_column(place, table.schema.field("person"), pa.array(others)))
    return True


def renumber(path: Path, newer: Mapping[int, int], others: Callable[[int], int], key: str) -> bool:
    """Give everybody in a file the number that goes with their newest pseudonym, in place. Returns whether it was due.

    `newer`: by the number of a former pseudonym that of the newest. `others`: for people who are no longer known, a
    number that leads from neither to the other. `key`: the newest key's name, which the file says from now on.
    """
    table = pq.read_table(path)
    if (table.schema.metadata or {}).get(_KEY) == key.encode():
        return False
    numbers = table.column("person").to_numpy()
    distinct, places = np.unique(numbers, return_inverse=True)
    made = [newer[one] if one in newer else others(one) for one in distinct.tolist()]
    renamed = pa.array(np.array(made, dtype=np.int64)[places])
    place = table.column_names.index("person")
    table = table.set_column(place, table.schema.field("person"), renamed)
    _replace(path, table.replace_schema_metadata({**(table.schema.metadata or {}), _KEY: key.encode()}))
    return True


def is_numbered_by(path: Path, key: str) -> bool:
    """Whether a file says that its people are numbered by the pseudonyms of a key."""
    return bool((pq.read_schema(path).metadata or {}).get(_KEY) == key.encode())


def _replace(path: Path, table: pa.Table) -> None:
    staged = path.with_name(f".{path.name}.new")
    pq.write_table(table, staged, compression="zstd")
    with staged.open("rb") as written:
        os.fsync(written.fileno())
    staged.replace(path)


def _number(person_id: str) -> np.int64:
    return np.int64(person_numbers([person_id])[0])
