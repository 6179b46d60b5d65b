"""Which bundle answers: `models/<name>/champion.json` beside the bundles `v1`, `v2`, …; changed whole or not at all."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from crisisrisk.errors import ModelError
from crisisrisk.models.bundle import Bundle, load_bundle

POINTER = "champion.json"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change of the model that answers."""

    version: int
    by: str
    at: str
    reason: str


def bundle_folder(models: Path, name: str, version: int) -> Path:
    """Where a version of a model is."""
    return models / name / f"v{version}"


def changes(models: Path, name: str) -> tuple[Change, ...]:
    """Every change of the model that answers, oldest first; the last is the one in force."""
    pointer = models / name / POINTER
    if not pointer.is_file():
        return ()
    try:
        return tuple(Change(**entry) for entry in json.loads(pointer.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        raise ModelError(
            "CR-MODEL-001", f"{POINTER} cannot be read", where=str(pointer.parent), hint="promote a run again"
        ) from None


def former_versions(made: Sequence[Change], *, at: datetime, within: timedelta) -> tuple[int, ...]:
    """The versions that promotions took out of answering in the time `within` before `at`, the last one first.

    A rollback ends it: neither what it took back nor what answered before that counts any more.
    """
    found: dict[int, None] = {}
    for place in range(len(made) - 1, 0, -1):
        change, before = made[place], made[:place]
        went_back = change.version in {one.version for one in before}
        if went_back or at - datetime.fromisoformat(change.at) >= within:
            break
        found[before[-1].version] = None
    return tuple(found)


def champion_names(models: Path) -> tuple[str, ...]:
    """The models that answer, in order of the alphabet."""
    return tuple(sorted(pointer.parent.name for pointer in models.glob(f"*/{POINTER}")))


def champion_folder(models: Path, name: str) -> Path:
    """The bundle that answers for a model. Raises ModelError when none was promoted."""
    made = changes(models, name)
    if not made:
        raise _nothing_promoted(models, name)
    return bundle_folder(models, name, made[-1].version)


def champion(models: Path, subject: str) -> Bundle:
    """The verified bundle that answers about people (`person`) or places (`place`).

    Of several such models the one promoted last. Raises ModelError when there is none, or it was changed.
    """
    found = [(changes(models, name)[-1].at, name) for name in champion_names(models)]
    for _, name in sorted(found, reverse=True):
        bundle = load_bundle(champion_folder(models, name))
        if bundle.manifest.subject == subject:
            return bundle
    raise _nothing_promoted(models, subject)


def _nothing_promoted(models: Path, what: str) -> ModelError:
    return ModelError(
        "CR-MODEL-004", f"no model answers for {what} yet", where=str(models),
        hint="train one with: crisisrisk train …, then: crisisrisk model promote RUN --reason …",
    )  # fmt: skip


def set_champion_bundle(models: Path, name: str, change: Change) -> None:
    """Let a version answer from now on. The bundle is verified first; the change is atomic.

    Raises ModelError when the bundle is missing or not what its manifest says.
    """
    load_bundle(bundle_folder(models, name, change.version))
    entries = [asdict(one) for one in (*changes(models, name), change)]
    pointer = models / name / POINTER
    staged = pointer.with_name(f".{POINTER}.part")
    with staged.open("w", encoding="utf-8") as file:
        file.write(json.dumps(entries, indent=1, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    staged.replace(pointer)
