"""Let a bundle answer at a test's site: signed with the site's key, and pointed to."""

from crisisrisk.models.bundle import Bundle, write_bundle
from crisisrisk.models.champions import Change, bundle_folder, set_champion_bundle
from crisisrisk.models.signing import signing_key
from crisisrisk.tables.site import Site


def let_answer(site: Site, bundle: Bundle, *, at: str, by: str = "tests", reason: str = "tests") -> Change:
    """Write a bundle under its own name and version, signed, and let it answer from now on."""
    name, version, key = bundle.manifest.name, bundle.manifest.version, signing_key(site)
    write_bundle(bundle_folder(site.models, name, version), bundle, key)
    change = Change(version=version, by=by, at=at, reason=reason)
    set_champion_bundle(site.models, name, change, key)
    return change
