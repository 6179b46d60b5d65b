"""Search for the settings of a recipe's fit, and write a copy of the recipe with the best that were found."""

import hashlib
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot, Store
from crisisrisk.training.declarations import DEFAULT_RECIPES, features_of, read_recipes
from crisisrisk.training.declared_files import declared
from crisisrisk.training.fitting import METRICS
from crisisrisk.training.inner_folds import InnerFold, held_out_days, person_folds, place_folds
from crisisrisk.training.keeping import Recipes
from crisisrisk.training.person_data import person_data
from crisisrisk.training.place_data import place_data
from crisisrisk.training.place_signals import with_signals
from crisisrisk.training.toml_text import toml_text
from crisisrisk.training.tuning import SPACE, BinnedFold, Budget, Ended, Found, binned_folds, search, study_file

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """What a search found, and where it wrote it."""

    model: str
    metric: str
    folds: tuple[str, ...]
    found: Found
    recipe: Path | None
    """The tuned copy; None where no trial was better than the recipe as it is."""
    study: Path
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The fields of `tune --json`."""
        found = self.found
        return {
            "model": self.model, "metric": self.metric, "folds": list(self.folds),
            "loss": _finite(found.loss), "own_loss": _finite(found.own_loss), "settings": dict(found.changed),
            "trials": found.trials, "pruned": found.pruned, "resumed": found.resumed,
            "recipe": None if self.recipe is None else str(self.recipe), "study": str(self.study),
            "seconds": round(self.seconds, 1),
        }  # fmt: skip

    def as_text(self) -> str:
        """A few lines for a terminal."""
        found = self.found
        taken_up = f", {found.resumed} of them before" if found.resumed else ""
        lines = [
            f"{self.model}  ·  {found.trials} trials{taken_up}, {found.pruned} stopped early",
            f"judged on {len(self.folds)} inner folds, none of them in the test block: {'; '.join(self.folds)}",
            "",
            f"mean {self.metric}: the recipe as it is {found.own_loss:.6f}, best {found.loss:.6f}",
        ]
        if self.recipe is None:
            return "\n".join([*lines, "no trial was better than the recipe as it is: nothing is written"])
        lines += [f"  {name:<18}{value:>12.6g}" for name, value in found.changed.items()]
        return "\n".join([*lines, "", f"written: {self.recipe}", f"next: crisisrisk train … --recipe {self.recipe}"])


def tune(
    site: Site,
    kind: str,
    recipe_path: Path | None,
    *,
    trials: int,
    minutes: float | None = None,
    tell: Tell,
    ended: Callable[[Ended], None],
) -> Tuned:
    """Run trials until the study has so many, or the minutes are over. Called again, it goes on where it stopped."""
    started = time.monotonic()
    budget = Budget(trials=trials) if minutes is None else Budget(trials=trials, until=started + 60 * minutes)
    chosen = recipe_path or declared(site, "training", DEFAULT_RECIPES[kind])
    recipes, snapshot = read_recipes(site, kind, recipe_path), Store(site).snapshot()
    if kind == "place":
        recipes = with_signals(recipes, snapshot, site, held_out_days=held_out_days(recipes.training))
    with study_file(site.path / "tuning" / f"{recipes.training.name}.db") as file:
        tell("reading contacts and labels, and binning the features of each inner fold …")
        folds = _binned(site, recipes, snapshot)
        tell(f"searching on {len(folds)} inner folds …")
        name = _study_name(recipes, snapshot, folds)
        found = search(file, name, folds, recipes.training.model, budget, ended=ended)
        written = _write_tuned(site, chosen, recipe_path, recipes, found) if found.changed else None
    return Tuned(
        model=recipes.training.name, metric=METRICS[kind], folds=tuple(fold.name for fold in folds), found=found,
        recipe=written, study=file, seconds=time.monotonic() - started,
    )  # fmt: skip


def _binned(site: Site, recipes: Recipes, snapshot: Snapshot) -> tuple[BinnedFold, ...]:
    training = recipes.training
    return binned_folds(training.subject, recipes.features.names, _folds(site, recipes, snapshot), training.model)


def _folds(site: Site, recipes: Recipes, snapshot: Snapshot) -> Iterator[InnerFold]:
    training, features = recipes.training, recipes.features
    if training.subject == "person":
        return person_folds(training, person_data(training, features, snapshot, site))
    held_out = held_out_days(training)
    return place_folds(training, place_data(training, features, snapshot, site, held_out_days=held_out), site)


def _study_name(recipes: Recipes, snapshot: Snapshot, folds: tuple[BinnedFold, ...]) -> str:
    """Of the same recipe, data, folds and space the same name."""
    parts = [recipes.fingerprint, snapshot.digest, *(fold.name for fold in folds), repr(SPACE)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _write_tuned(site: Site, chosen: Path, given: Path | None, recipes: Recipes, found: Found) -> Path:
    """A copy of the recipe with the settings found, in the site's own `training/`. The recipe itself is left alone."""
    content = tomllib.loads(chosen.read_text(encoding="utf-8"))
    content["model"] = {**content.get("model", {}), **found.changed}
    target = site.path / "training" / f"{chosen.stem.removesuffix('.tuned')}.tuned.toml"
    features = features_of(site, recipes.training.features, given)
    if features.resolve() != features_of(site, recipes.training.features, target).resolve():
        content["features"] = str(features.resolve())
    target.parent.mkdir(exist_ok=True)
    staged = target.with_suffix(".writing")
    staged.write_text(_head(chosen, found) + toml_text(content), encoding="utf-8")
    return staged.replace(target)


def _head(chosen: Path, found: Found) -> str:
    return (
        f"# {chosen.name} with the settings that `crisisrisk tune` found; a later search that finds better ones writes "
        f"it anew.\n# Mean loss of {found.trials} trials on inner folds: {found.loss:.6f}, as the recipe was "
        f"{found.own_loss:.6f}.\n"
    )


def _finite(value: float) -> float | None:
    return value if value == value else None
