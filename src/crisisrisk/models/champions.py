"""Which bundle answers: `models/<name>/champion.json` beside the bundles `v1`, `v2`, …; changed whole or not at all.

The file is the whole history of who answered. Each change is signed together with the digest of its bundle and with the
change before it, so nobody without the site's key adds, drops or reorders one; an older history `seen.py` refuses.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from crisisrisk.errors import ModelError
from crisisrisk.models.bundle import Bundle, load_bundle, load_signed_bundle, manifest_digest, sign_bundle
from crisisrisk.models.bundle_files import digest, read_file
from crisisrisk.models.seen import remember_history, require_not_older
from crisisrisk.models.signing import CHANGE, SigningKey, TrustedKeys, read_trusted_keys
from crisisrisk.models.trial import require_trial

POINTER = "champion.json"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change of the model that answers."""

    version: int
    by: str
    at: str
    reason: str
    bundle: str = ""
    """The SHA-256 of the bundle's manifest."""
    signature: str = ""

    @property
    def is_of_the_types(self) -> bool:
        """Whether every value is what it should be: a JSON text may hold anything, and a version names a folder."""
        texts = (self.by, self.at, self.reason, self.bundle, self.signature)
        return type(self.version) is int and self.version > 0 and all(type(text) is str for text in texts)


def bundle_folder(models: Path, name: str, version: int) -> Path:
    """Where a version of a model is."""
    return models / name / f"v{version}"


def changes(models: Path, name: str) -> tuple[Change, ...]:
    """Every change of the model that answers as it is written, oldest first; whether it is signed is not asked here."""
    pointer = models / name / POINTER
    if not pointer.is_file():
        return ()
    try:
        entries = json.loads(read_file(pointer.parent, POINTER))
        made = tuple(Change(**entry) for entry in entries)
        fine = isinstance(entries, list) and all(change.is_of_the_types for change in made)
    except (ValueError, TypeError, RecursionError):
        fine = False
    if not fine:
        raise ModelError(
            "CR-MODEL-001", f"{POINTER} cannot be read", where=str(pointer.parent),
            hint="restore it from a backup",
        )  # fmt: skip
    return made


def trusted_keys(models: Path) -> TrustedKeys:
    """The keys that the site of a models folder trusts."""
    return read_trusted_keys(models.parent / "serving" / "model_keys.toml")


def signed_changes(models: Path, name: str) -> tuple[Change, ...]:
    """Every change of the model that answers; the last is the one in force.

    Raises ModelError where one is not signed by whom the site trusts, or later ones were seen here before.
    """
    made, trusted = changes(models, name), trusted_keys(models)
    for number, change in enumerate(made):
        trusted.require(change.signature, CHANGE, _signed_part(name, made[:number], change), where=_where(models, name))
    require_not_older(models, name, [change.signature for change in made])
    return made


def _signed_part(name: str, before: Sequence[Change], change: Change) -> bytes:
    """What a signature on a change covers: everything of it, whose it is, and the change before it."""
    content = {
        **asdict(replace(change, signature="")), "model": name, "number": len(before) + 1,
        "after": digest(before[-1].signature.encode()) if before else "",
    }  # fmt: skip
    return json.dumps(content, sort_keys=True).encode()


def _where(models: Path, name: str) -> str:
    return str(models / name / POINTER)


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
    found = [(_last_change(models, name).at, name) for name in champion_names(models)]
    for _, name in sorted(found, reverse=True):
        bundle = champion_of(models, name)
        if bundle.manifest.subject == subject:
            return bundle
    raise _nothing_promoted(models, subject)


def _last_change(models: Path, name: str) -> Change:
    """The change in force, unverified. Raises ModelError for a history without any: emptied, if it was seen before."""
    made = changes(models, name)
    if not made:
        require_not_older(models, name, ())
        raise _nothing_promoted(models, name)
    return made[-1]


def champion_of(models: Path, name: str) -> Bundle:
    """The verified bundle that answers for a model: its history, its signature and every byte of it are checked."""
    made = signed_changes(models, name)
    if not made:
        raise _nothing_promoted(models, name)
    return signed_version(models, name, made[-1].version, made=made)


def signed_version(models: Path, name: str, version: int, *, made: Sequence[Change] | None = None) -> Bundle:
    """A version of a model that answers or answered. Raises ModelError for one that nobody let answer."""
    history = signed_changes(models, name) if made is None else made
    folder = bundle_folder(models, name, version)
    wanted = {change.bundle for change in history if change.version == version}
    if not wanted:
        raise ModelError("CR-MODEL-004", f"v{version} of {name} has never answered", where=_where(models, name))
    if manifest_digest(folder) not in wanted:
        raise _another_bundle(folder)
    bundle = load_signed_bundle(folder, trusted_keys(models))
    _require_named(bundle, name, version, folder)
    return bundle


def _require_named(bundle: Bundle, name: str, version: int, folder: Path) -> None:
    if (bundle.manifest.name, bundle.manifest.version) != (name, version):
        raise _another_bundle(folder)


def _another_bundle(folder: Path) -> ModelError:
    return ModelError(
        "CR-MODEL-005", "it is another bundle than the one that was let answer", where=str(folder),
        hint="restore it from a backup, or promote the run again",
    )  # fmt: skip


def _nothing_promoted(models: Path, what: str) -> ModelError:
    return ModelError(
        "CR-MODEL-004", f"no model answers for {what} yet", where=str(models),
        hint="train one with: crisisrisk train …, then: crisisrisk model promote RUN --reason …",
    )  # fmt: skip


def set_champion_bundle(models: Path, name: str, change: Change, key: SigningKey) -> None:
    """Let a version answer from now on. The bundle is verified and tried first; the change is signed and atomic.

    A version is later than every one before it, or one that answered before: a rollback. Raises ModelError when the
    bundle is missing, unsigned or not what its manifest says.
    """
    made = signed_changes(models, name)
    folder = bundle_folder(models, name, change.version)
    bundle = load_signed_bundle(folder, trusted_keys(models))
    _require_named(bundle, name, change.version, folder)
    known = {one.version for one in made}
    if change.version not in known and change.version < max(known, default=0):
        raise _another_bundle(folder)
    require_trial(models, bundle.model, manifest_digest(folder))
    _write(models, name, [*made, _signed(name, made, replace(change, bundle=manifest_digest(folder)), key)])


def _signed(name: str, before: Sequence[Change], change: Change, key: SigningKey) -> Change:
    bare = replace(change, signature="")
    return replace(bare, signature=key.sign(CHANGE, _signed_part(name, before, bare)))


def sign_history(models: Path, name: str, change: Change, key: SigningKey) -> tuple[Change, ...]:
    """Sign a history, and every bundle in it, that nobody signed or that other keys signed; then add one change.

    Whoever calls this vouches for what lies there: every bundle must be whole, and no signature is asked of it.
    """
    made = changes(models, name)
    if not made:
        raise _nothing_promoted(models, name)
    versions = sorted({one.version for one in made})
    for version in versions:
        folder = bundle_folder(models, name, version)
        _require_named(load_bundle(folder), name, version, folder)
    digests = {version: sign_bundle(bundle_folder(models, name, version), key) for version in versions}
    signed: list[Change] = []
    for one in (*made, replace(change, version=made[-1].version)):
        signed.append(_signed(name, signed, replace(one, bundle=digests[one.version]), key))
    _write(models, name, signed)
    return tuple(signed)


def _write(models: Path, name: str, made: Sequence[Change]) -> None:
    entries: list[dict[str, Any]] = [asdict(one) for one in made]
    pointer = models / name / POINTER
    staged = pointer.with_name(f".{POINTER}.part")
    with staged.open("w", encoding="utf-8") as file:
        file.write(json.dumps(entries, indent=1, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    staged.replace(pointer)
    remember_history(models, name, [one.signature for one in made])
