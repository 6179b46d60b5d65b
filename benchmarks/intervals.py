"""How often the ranges of scores hold: invented cities, whose true probabilities are known, each with its own model.

`python -m benchmarks.intervals [--cities DIR] [--people N] [--seeds N] [--write]`

A city is made for each seed, loaded and trained on as any site is, with the shipped recipe and ten rows without the
outcome for each with it. On the judged weeks people are put into twenty groups by their score (ventiles), and in each
the mean true probability is compared with the mean range. Cities that DIR already has are used as they are.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crisisrisk.commands.data import load_folder
from crisisrisk.commands.simulate import city_settings, simulate
from crisisrisk.evaluation.splits import TEST
from crisisrisk.tables.site import Site, read_site
from crisisrisk.tables.store import Store
from crisisrisk.training import person
from crisisrisk.training.declarations import read_recipes
from crisisrisk.training.oracle import true_risk
from crisisrisk.training.person_data import person_data

PEOPLE, SEEDS, VENTILES, NEGATIVES = 2_000, 20, 20, 10
PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "intervals.md"
HEAD = """<!-- made by `python -m benchmarks.intervals --write`; do not edit -->

# How often the ranges hold

"About 18 in 100 (13 to 24)": the range is to hold how often the outcome comes among people with a score like this,
nine times in ten ([why so](../adr/0010-ranges-of-scores.md)). In an invented city the true probability of everybody is
known, so this can be looked at: in each twentieth of the scores (a ventile), does the mean range hold the mean true
probability of the people in it?
"""


@dataclass(frozen=True)
class City:
    """One city. Arrays have shape (ventiles,), the lowest scores first."""

    level: float
    rows: int
    lower: NDArray[np.float64]
    probability: NDArray[np.float64]
    upper: NDArray[np.float64]
    true: NDArray[np.float64]

    @property
    def held(self) -> NDArray[np.bool_]:
        """In which ventiles the mean range holds the mean true probability."""
        return (self.lower <= self.true) & (self.true <= self.upper)


def city_site(folder: Path, *, people: int, seed: int) -> Site:
    """The site of a city, made and loaded unless it is there."""
    if not (folder / "data").exists():
        settings = city_settings(None, {"preset": "sample", "people": people, "seed": seed})
        simulate(settings, folder, truth=True, processes=1, tell=lambda _: None)
        load_folder(read_site(folder), folder)
    return read_site(folder)


def measured(site: Site) -> City:
    """Train on a city, and put ranges beside truths on the weeks that nobody saw."""
    recipes = read_recipes(site, "person", None)
    model = replace(recipes.training.model, negatives_per_positive=NEGATIVES)
    recipe, names = replace(recipes.training, model=model), recipes.features.names
    data = person_data(recipe, recipes.features, Store(site).snapshot(), site)
    parts = person.split_of(recipe, data)
    fitted = person.fit_person(recipe, recipes.features, data, parts)
    true, _ = true_risk(site, site.path / "truth", data)
    rows = np.flatnonzero((parts == TEST) & np.isfinite(true))
    log_odds = fitted.log_odds(data.features[rows], names)
    lower, upper = fitted.calibration.ends(log_odds, data.thin[rows])
    groups = np.array_split(np.argsort(log_odds, kind="stable"), VENTILES)
    columns = (lower, fitted.calibration.apply(log_odds), upper, true[rows])
    means = (np.array([column[group].mean() for group in groups]) for column in columns)
    return City(recipe.model.interval_level, len(rows), *means)


def page(cities: Sequence[City], *, people: int) -> str:
    """The table in Markdown."""
    held = np.array([city.held for city in cities])
    said = (
        f"{len(cities)} cities of {people:,} people and two years, each with a model of its own and "
        f"{sum(city.rows for city in cities):,} judged person-weeks in all. Stated: {cities[0].level:.0%}. "
        f"Held: **{held.mean():.1%}** of {held.size} ranges; in the ventile where they hold least often "
        f"{held.sum(axis=0).min()} of {len(cities)}. Chances in 100, means over cities."
    )
    lines = ["| ventile | lower | said | upper | true | held |", "| ---: | ---: | ---: | ---: | ---: | ---: |"]
    columns = [np.mean([getattr(city, name) for city in cities], axis=0) for name in City.__annotations__ if
               name in ("lower", "probability", "upper", "true")]  # fmt: skip
    for ventile, values in enumerate(zip(*columns, strict=True)):
        shown = " | ".join(f"{100 * value:.2f}" for value in values)
        lines.append(f"| {ventile + 1} | {shown} | {held[:, ventile].sum()} of {len(cities)} |")
    return "\n".join([HEAD, said, "", *lines]) + "\n"


def main() -> None:
    """Make or use the cities, and say how often their ranges hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cities", type=Path, help="where the cities are, or are to stay")
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = options.cities or Path(temporary)
        cities = []
        for seed in range(1, options.seeds + 1):
            cities.append(measured(city_site(root / f"city{seed}", people=options.people, seed=seed)))
            print(json.dumps({"seed": seed, "held": int(cities[-1].held.sum()), "of": VENTILES}), flush=True)
    text = page(cities, people=options.people)
    print(text)
    if options.write:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
