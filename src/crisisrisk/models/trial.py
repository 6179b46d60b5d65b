"""The trial of a model: LightGBM reads it in a process of its own first, and must say what our own reading says.

LightGBM's text can kill or hang whoever loads it, and can be read otherwise than it was checked. So a child scores rows
drawn round the model's own thresholds, within limits of time and memory, and its scores must be to the bit those of
`tree_walk.py`. The service never hands the text to LightGBM itself.
"""

import base64
import json
import os
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import ModelError
from crisisrisk.models.bundle_files import digest
from crisisrisk.models.risk_model import PlaceModel, RiskModel
from crisisrisk.models.seen import remember_trial, trial_of
from crisisrisk.models.tree_walk import Walker
from crisisrisk.models.trees import Trees
from crisisrisk.models.trial_child import SAID

ROWS = 64
SECONDS = 30.0
_KEPT_OF_THE_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "LANG", "TMPDIR")


def require_trial(models: Path, model: RiskModel | PlaceModel, bundle: str, *, seconds: float = SECONDS) -> None:
    """Raise ModelError unless the model passes its trial, now or before. `bundle`: its manifest's digest.

    A model that is no trees has nothing that LightGBM would read. What passed is remembered in the site's `state/`,
    with what it said: a service that starts again asks its own reading alone.
    """
    trees = model.scorer
    if not isinstance(trees, Trees) or trees.count == 0:
        return
    rows = probe_rows(trees.walker, len(trees.feature_names), seed=bundle)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused, not warned of
        own = trees.walker.raw_score(rows)
    if not np.isfinite(own).all():
        raise _failed("it says something that is not a finite number")
    by, said = f"lightgbm {version('lightgbm')}", digest(own.tobytes())
    if trial_of(models, bundle, by) == said:
        return
    if said_in_a_child(trees, rows, seconds=seconds).tobytes() != own.tobytes():
        raise _failed("LightGBM reads it otherwise than it was checked")
    with suppress(OSError):  # a site that cannot be written tries it again next time
        remember_trial(models, bundle, by, said)


def probe_rows(walker: Walker, columns: int, *, seed: str) -> NDArray[np.float64]:
    """Rows at, beside and between the model's own thresholds, with gaps. Shape (64, columns)."""
    random = np.random.default_rng(int(digest(seed.encode())[:16], 16))
    rows = random.normal(0, 100, (ROWS, columns))
    for column in range(columns):
        own = np.unique(walker.threshold[(walker.feature == column) & np.isfinite(walker.threshold)])
        if len(own):
            drawn = random.choice(own, ROWS)
            toward = random.choice([-np.inf, np.inf], ROWS)
            rows[:, column] = np.where(random.random(ROWS) < 0.5, drawn, np.nextafter(drawn, toward))
    rows[random.random(rows.shape) < 0.1] = np.nan
    rows[random.random(rows.shape) < 0.1] = 0.0
    return rows


def said_in_a_child(trees: Trees, rows: NDArray[np.float64], *, seconds: float) -> NDArray[np.float64]:
    """Raw scores of rows by LightGBM in a process of its own. Raises ModelError when it fails or hangs."""
    asked = {
        "text": trees.text, "trees": trees.count, "columns": rows.shape[1],
        "rows": base64.b64encode(np.ascontiguousarray(rows).tobytes()).decode(),
    }  # fmt: skip
    try:
        # -P: the working folder is no place to import from; who can write to a site must not run anything here.
        done = subprocess.run(
            [sys.executable, "-P", "-m", "crisisrisk.models.trial_child"], input=json.dumps(asked).encode(),
            capture_output=True, timeout=seconds, env=_environment(), check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise _failed(f"it was not loaded within {seconds:g} seconds") from None
    last = done.stdout.decode("ascii", errors="replace").rstrip("\n").rpartition("\n")[2]
    if done.returncode != 0 or not last.startswith(SAID):
        raise _failed(f"the process that loaded it ended with {done.returncode}")
    return np.frombuffer(base64.b64decode(last.removeprefix(SAID)))


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT_OF_THE_ENVIRONMENT if name in os.environ}
    return {**kept, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def _failed(problem: str) -> ModelError:
    return ModelError("CR-MODEL-007", f"the model failed its trial: {problem}", where="model.txt",
                      hint="nothing of it was loaded; train again, and promote that run")  # fmt: skip
