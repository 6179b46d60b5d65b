"""Let a bundle answer at a test's site: signed with the site's key, and pointed to."""

from dataclasses import replace

from crisisrisk.models.bundle import Bundle, Promotion, write_bundle
from crisisrisk.models.champions import Change, bundle_folder, set_champion_bundle
from crisisrisk.models.signing import signing_key
from crisisrisk.models.trees import NO_TREES, Trees
from crisisrisk.tables.site import Site
from tests.lib.tiny_models import NAMES, bundle


def let_answer(site: Site, bundle: Bundle, *, at: str, by: str = "tests", reason: str = "tests") -> Change:
    """Write a bundle under its own name and version, signed, and let it answer from now on."""
    name, version, key = bundle.manifest.name, bundle.manifest.version, signing_key(site)
    write_bundle(bundle_folder(site.models, name, version), bundle, key)
    change = Change(version=version, by=by, at=at, reason=reason)
    set_champion_bundle(site.models, name, change, key)
    return change


def let_answer_who_learned_until(
    site: Site, subject: str, cut_off: str, *, version: int, at: str, promotion: Promotion | None = None
) -> None:
    """A further version of the person or place model, which saw everything that was known before `cut_off`."""
    made = bundle(subject, Trees(NO_TREES, NAMES, 0))
    name = {"person": "person_crisis_28d", "place": "place_crisis_shift"}[subject]
    manifest = replace(made.manifest, name=name, version=version, training_cut_off=cut_off, promotion=promotion)
    let_answer(site, replace(made, manifest=manifest, task=replace(made.task, name=name)), at=at)
