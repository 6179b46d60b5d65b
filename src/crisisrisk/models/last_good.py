"""A copy of the bundle that answered last, in the site's `state/`: a service starts with it where `models/` fails it.

It is read through the same checks as any other bundle, and must be to the bit the one that was remembered.
"""

import shutil
from pathlib import Path

from crisisrisk.errors import ModelError
from crisisrisk.models.bundle import Bundle, load_signed_bundle, manifest_digest
from crisisrisk.models.bundle_files import MANIFEST, SIDECAR, SIGNATURE, read_file, write_file
from crisisrisk.models.champions import trusted_keys
from crisisrisk.models.seen import last_good, remember_good, state_folder
from crisisrisk.models.trial import require_trial


def keep_last_good(models: Path, subject: str, folder: Path, bundle: Bundle) -> None:
    """Copy a verified bundle, unless the copy is already of it. Raises OSError where the site cannot be written."""
    digest = manifest_digest(folder)
    if last_good(models, subject) == digest and _copy(models, subject).is_dir():
        return
    copy = _copy(models, subject)
    staged, old = copy.with_name(f".{subject}.part"), copy.with_name(f".{subject}.old")
    for left in (staged, old):
        shutil.rmtree(left, ignore_errors=True)
    staged.mkdir(parents=True)
    for name in (*bundle.manifest.contents, MANIFEST, SIDECAR, SIGNATURE):
        write_file(staged / name, read_file(folder, name))
    if copy.exists():
        copy.rename(old)
    staged.rename(copy)
    shutil.rmtree(old, ignore_errors=True)
    remember_good(models, subject, digest)


def read_last_good(models: Path, subject: str, name: str | None) -> Bundle | None:
    """The bundle that answered last, verified; None where none was kept. `name`: which model it must be of.

    Raises ModelError where the copy was changed, or nobody who signed it is trusted any more.
    """
    kept, copy = last_good(models, subject), _copy(models, subject)
    if kept is None or not copy.is_dir():
        return None
    if manifest_digest(copy) != kept:
        raise ModelError("CR-MODEL-006", "the copy that was kept is of another bundle", where=str(copy))
    bundle = load_signed_bundle(copy, trusted_keys(models))
    if bundle.manifest.subject != subject or name not in (None, bundle.manifest.name):
        return None
    require_trial(models, bundle.model, kept)
    return bundle


def _copy(models: Path, subject: str) -> Path:
    return state_folder(models) / "last_good" / subject
