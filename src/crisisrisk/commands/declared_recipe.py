"""The recipe that a site declares for a candidate, and with it the limits that the candidate must keep to."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crisisrisk.errors import CrisisRiskError
from crisisrisk.evaluation.gate import DECLARED, RECIPE, GateCheck
from crisisrisk.models.bundle import Bundle
from crisisrisk.shipped import shipped
from crisisrisk.tables.site import Site
from crisisrisk.training.declarations import read_recipes, recipe_named
from crisisrisk.training.keeping import Recipes
from crisisrisk.training.place_signals import kept_like
from crisisrisk.training.recipe import Gate, TrainingRecipe

SHOWN = 5
WANTED = "the recipes that the site declares now"


@dataclass(frozen=True)
class DeclaredRecipe:
    """Whether a candidate's recipes are the declared ones, and the limits that hold for it: never its own."""

    checks: tuple[GateCheck, ...]
    gate: Gate


def declared_recipe(site: Site, bundle: Bundle, recipe: Path | None) -> DeclaredRecipe:
    """The checks of a candidate's recipes, and the site's limits.

    `recipe`: a file in place of the one that the candidate's name finds. One that lies outside the site's own is a
    check that fails; where the site declares a recipe of that name too, the limits are still the site's.
    """
    own = recipe_named(site, bundle.manifest.name)
    path = recipe or own
    if path is None:
        found = f'no training recipe is called "{bundle.manifest.name}"'
        check = GateCheck(name=RECIPE, passed=False, wanted=WANTED, found=found, hint="say --recipe FILE")
        return DeclaredRecipe((check,), Gate())
    try:
        now = _read(site, bundle, path)
    except CrisisRiskError as problem:
        check = GateCheck(name=RECIPE, passed=False, wanted=WANTED, found=problem.problem, where=str(path))
        return DeclaredRecipe((check,), Gate())
    foreign = recipe is not None and not _is_declared(site, recipe)
    checks = (_same(bundle, now, path), *([_outside(recipe)] if foreign and recipe is not None else []))
    return DeclaredRecipe(checks, _gate_of(site, bundle, own) if foreign and own is not None else now.training.gate)


def _read(site: Site, bundle: Bundle, path: Path) -> Recipes:
    declared = read_recipes(site, bundle.manifest.subject, path, baseline=bundle.manifest.baseline)
    return kept_like(declared, bundle.features) if declared.baseline is None else declared


def _gate_of(site: Site, bundle: Bundle, own: Path) -> Gate:
    """The limits of the site's own recipe; the usual ones where it cannot be read."""
    try:
        return _read(site, bundle, own).training.gate
    except CrisisRiskError:
        return Gate()


def _is_declared(site: Site, recipe: Path) -> bool:
    folders = (site.path / "training", shipped("training"))
    return any(recipe.resolve().is_relative_to(folder.resolve()) for folder in folders)


def _outside(recipe: Path) -> GateCheck:
    return GateCheck(
        name=DECLARED, passed=False, where=str(recipe), found="the recipe of --recipe is not among the site's own",
        wanted="a file in the site's training folder", hint="copy it there, as the site's declaration",
    )  # fmt: skip


def _same(bundle: Bundle, now: Recipes, path: Path) -> GateCheck:
    differences = _differences(bundle, now)
    same = not differences and now.fingerprint == bundle.manifest.recipe_fingerprint
    found = "the recipes are those declared" if same else "; ".join(differences) or "another fingerprint"
    return GateCheck(
        name=RECIPE, passed=same, found=found, wanted=WANTED, where=path.name, hint="" if same else "train again"
    )


def _differences(bundle: Bundle, now: Recipes) -> list[str]:
    """What differs between the recipes of a candidate and those declared, in words."""
    training = TrainingRecipe.from_json(bundle.training_recipe)
    trained, declared = json.loads(training.to_json()), json.loads(now.training.to_json())
    settings = [
        f"{section}.{key}" if key else section
        for section in declared
        for key in _changed(trained.get(section), declared[section])
    ]
    mine, theirs = bundle.features, now.features
    found = [f"settings differ: {_some(settings)}"] if settings else []
    if missing := [name for name in theirs.names if name not in mine.names]:
        found.append(f"{len(missing)} of {len(theirs.names)} columns are missing: {_some(missing)}")
    if extra := [name for name in mine.names if name not in theirs.names]:
        found.append(f"{len(extra)} columns are not declared: {_some(extra)}")
    if not missing and not extra and mine.fingerprint != theirs.fingerprint:
        found.append("the columns stand in another order or are defined otherwise")
    return found


def _changed(trained: Any, declared: Any) -> list[str]:
    if isinstance(declared, dict) and isinstance(trained, dict):
        return [key for key in declared if trained.get(key) != declared[key]]
    return [] if trained == declared else [""]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
