"""A new site folder: configuration, declarations to edit, empty tables to fill, and its secret key."""

import shutil
import tempfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from crisisrisk.errors import SiteError
from crisisrisk.models.signing import make_signing_key
from crisisrisk.shipped import shipped
from crisisrisk.tables.dictionary import csv_templates
from crisisrisk.tables.pseudonyms import create_pseudonym_key
from crisisrisk.tables.site import CONFIGURATION, read_site

DECLARATIONS = ("features", "training", "serving")
FOLDERS = ("mappings", "data", "quarantine", "models", "reports", "templates", "keys")


@dataclass(frozen=True)
class NewSite:
    """Where the site was made."""

    path: Path

    def as_json(self) -> dict[str, Any]:
        return {"site": str(self.path)}


def init(folder: Path) -> NewSite:
    """Make a site in a folder that does not exist or is empty. Leaves nothing behind when it fails."""
    configuration = files("crisisrisk.commands").joinpath("site_template.toml").read_text(encoding="utf-8")
    return make_site(folder, configuration)


def make_site(folder: Path, configuration: str) -> NewSite:
    """A site with this configuration: built beside its place, then moved into it in one step."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SiteError(
            "CR-SITE-003", "a site is only made in a new or empty folder", where=str(folder),
            hint="choose another folder, or move what is in this one away",
        )  # fmt: skip
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    except OSError as problem:
        raise SiteError("CR-SITE-003", "the folder cannot be made", where=str(folder), found=problem.strerror) from None
    try:
        _fill(staging, configuration)
        if folder.exists():
            folder.rmdir()
        staging.chmod(0o755)
        staging.rename(folder)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return NewSite(path=folder)


def _fill(site: Path, configuration: str) -> None:
    for name in FOLDERS:
        (site / name).mkdir()
    (site / CONFIGURATION).write_text(configuration, encoding="utf-8")
    for name in DECLARATIONS:
        shutil.copytree(shipped(name), site / name)
    shutil.copy(str(files("crisisrisk.commands").joinpath("meds.toml")), site / "mappings" / "meds.toml")
    for name, header in csv_templates().items():
        (site / "templates" / name).write_text(header, encoding="utf-8")
    create_pseudonym_key(read_site(site))
    make_signing_key(read_site(site))
    (site / "keys").chmod(0o700)
