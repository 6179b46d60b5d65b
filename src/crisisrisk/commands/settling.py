"""The registry follows the site's own pointer: what a promotion or rollback that was cut short left behind is mended.

`models/<name>/unsettled.json` is there from before a change begins until the registry agrees with the pointer.
"""

import json
import shutil
from pathlib import Path

from crisisrisk.models import registry
from crisisrisk.models.champions import bundle_folder, changes
from crisisrisk.models.tracking_store import WAIT_SECONDS, require_store
from crisisrisk.tables.site import Site

MARK = "unsettled.json"


def begin_change(site: Site, name: str, token: str = "") -> None:
    """Note that the registry may come to differ. `token`: under which a version is registered."""
    mark = _mark(site, name)
    mark.parent.mkdir(parents=True, exist_ok=True)
    staged = mark.with_suffix(".part")
    staged.write_text(json.dumps({"token": token}), encoding="utf-8")
    staged.replace(mark)


def is_unsettled(site: Site, name: str) -> bool:
    """Whether the registry may differ from the pointer."""
    return _mark(site, name).is_file()


def settle(site: Site, name: str, *, wait_seconds: float = WAIT_SECONDS) -> None:
    """Let the registry agree with the pointer where an earlier change could not. Raises ModelError when it cannot now.

    A version that was registered and never answered is taken back with its bundle.
    """
    mark = _mark(site, name)
    if not mark.is_file():
        return
    uri, token = site.mlflow_tracking_uri, _token(mark)
    require_store(uri, writing=True, wait_seconds=wait_seconds)
    made, registered = changes(site.models, name), registry.tokens_of(uri, name=name)
    for version, by in registered.items():
        if token and by == token and version not in {change.version for change in made}:
            shutil.rmtree(bundle_folder(site.models, name, version), ignore_errors=True)
            registry.unregister(uri, name=name, version=version)
    if made and made[-1].version in registered:  # a store that was made anew knows nothing of it
        registry.set_champion(uri, name=name, version=made[-1].version)
    mark.unlink(missing_ok=True)


def settle_all(site: Site) -> None:
    """`settle` for every model that an earlier change left so."""
    for mark in sorted(site.models.glob(f"*/{MARK}")):
        settle(site, mark.parent.name)


def _mark(site: Site, name: str) -> Path:
    return site.models / name / MARK


def _token(mark: Path) -> str:
    try:
        return str(json.loads(mark.read_text(encoding="utf-8"))["token"])
    except (ValueError, KeyError, TypeError):
        return ""
