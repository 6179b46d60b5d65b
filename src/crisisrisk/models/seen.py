"""What a site remembers of its models, outside the models folder: how far each history was seen, what passed its trial.

`state/models.json` beside `models/`. A signature says who made something, not when: an old bundle with its old history
is signed as well as the new one. So the longest history that was seen is kept, and a shorter or another one is refused.
"""

import fcntl
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from crisisrisk.errors import ModelError

FILE = "models.json"
_MOST_TRIALS = 200


def state_folder(models: Path) -> Path:
    """Where a site remembers what it saw of its models folder."""
    return models.parent / "state"


def require_not_older(models: Path, name: str, signatures: Sequence[str]) -> None:
    """Raise ModelError unless this history of changes is the longest that was seen, or goes on from it."""
    seen = _read(models)["seen"].get(name)
    if seen is not None and (len(signatures) < seen["changes"] or signatures[seen["changes"] - 1] != seen["last"]):
        raise ModelError(
            "CR-MODEL-006", "an older or another history of this model was put in place of the one seen before",
            where=str(models / name), wanted=f"at least {seen['changes']} changes, those seen before among them",
            found=f"{len(signatures)} changes",
            hint="where it was a backup that you restored: crisisrisk model sign MODEL --by … --reason …",
        )  # fmt: skip


def remember_history(models: Path, name: str, signatures: Sequence[str]) -> None:
    """Remember how far a history was seen. Whoever calls this has checked it."""
    if signatures:
        seen = {"changes": len(signatures), "last": signatures[-1]}
        _change(models, lambda state: state["seen"].__setitem__(name, seen))


def trial_of(models: Path, bundle: str, by: str) -> str | None:
    """The digest of what a bundle said when it was tried by this version of LightGBM; None before that."""
    tried = _read(models)["tried"].get(bundle)
    return str(tried["said"]) if tried is not None and tried["by"] == by else None


def remember_trial(models: Path, bundle: str, by: str, said: str) -> None:
    """Remember that a bundle passed its trial, and what it said."""

    def add(state: dict[str, Any]) -> None:
        state["tried"].pop(bundle, None)
        state["tried"][bundle] = {"by": by, "said": said}
        for old in list(state["tried"])[:-_MOST_TRIALS]:
            del state["tried"][old]

    _change(models, add)


def last_good(models: Path, subject: str) -> str | None:
    """The digest of the bundle whose copy was kept as the last good one about a subject."""
    kept = _read(models)["good"].get(subject)
    return None if kept is None else str(kept)


def remember_good(models: Path, subject: str, bundle: str) -> None:
    """Remember which bundle the kept copy is."""
    _change(models, lambda state: state["good"].__setitem__(subject, bundle))


def _read(models: Path) -> dict[str, Any]:
    path = state_folder(models) / FILE
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        for seen in state["seen"].values():
            if type(seen["changes"]) is not int or seen["changes"] < 1 or type(seen["last"]) is not str:
                raise ValueError
        for tried in state["tried"].values():
            str(tried["by"] + tried["said"])
        dict(state["good"])
    except FileNotFoundError:
        return {"seen": {}, "tried": {}, "good": {}}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ModelError(
            "CR-MODEL-006", "what was seen of the models before cannot be read", where=str(path),
            hint="restore it from a backup; taking it away forgets which models are old",
        ) from None  # fmt: skip
    return dict(state)


def _change(models: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Read, change and write again; commands and the service may do so at once."""
    folder = state_folder(models)
    folder.mkdir(exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = _read(models)
        state = json.loads(json.dumps(before))
        change(state)
        if state == before:
            return
        staged = folder / f".{FILE}.part"
        with staged.open("w", encoding="utf-8") as file:
            json.dump(state, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(folder / FILE)
