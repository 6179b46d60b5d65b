"""Signals: which groups stay is found on the training block alone, and travels with the model."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from tests.lib.place_sites import EAST, EVENTS, FIRST, NORTH, Row, place_site, small_recipe
from tests.lib.table_sites import write_csv, write_mapping

from crisisrisk.cli import run
from crisisrisk.commands.data import load_files
from crisisrisk.commands.declared_recipe import declared_recipe
from crisisrisk.commands.model import read_candidate
from crisisrisk.errors import RecipeError
from crisisrisk.features.recipe import groups_named, groups_of, read_feature_recipe, without_groups
from crisisrisk.tables.site import Site, read_site
from crisisrisk.tables.store import Store
from crisisrisk.training.declarations import read_recipes
from crisisrisk.training.place_signals import with_signals
from crisisrisk.training.results import signals_text

WEEKS, CELLS = 60, 12
SOURCES = "".join(
    f'[source.{name}]\nagency = "Police"\nsingular = "{name} call"\nplural = "{name} calls"\n'
    for name in ("police_101", "welfare_check_request")
)
FEATURES = """
[recipe]
name = "signals"
subject = "place"
[[group]]
name = "crisis_here"
sources = ["crisis_line"]
aggregations = ["count"]
lookback_days = [28]
[[group]]
name = "signal"
column = "signal_{source}"
each = true
optional = true
sources = ["police_101", "welfare_check_request"]
where = { is_crisis = [false] }
aggregations = ["count"]
lookback_days = [7, 28]
singular = "{singular} not coded as a crisis"
plural = "{plural} not coded as a crisis"
"""
RECIPE = small_recipe(features="signals.toml", grid={"issue_hours": 1}, groups={"if_clustered": ["signal_*"]})
HELD_OUT = 14 + 14 + 2
"""Days of the test and validation blocks, and a day to spare on both ends."""


def history(*, swap_from_day: int = 10_000) -> list[Row]:
    """Spells of some cells and weeks: welfare checks, and a week later crises; 101 calls come whenever they like.

    From `swap_from_day` on the two sources change places.
    """
    random = np.random.default_rng(3)
    rows: list[Row] = []

    def add(source: str, cell: int, week: int, count: int) -> None:
        for hours in np.sort(random.integers(0, 168, count)).tolist():
            day = week * 7 + hours / 24
            swapped = {"police_101": "welfare_check_request", "welfare_check_request": "police_101"}
            name = swapped.get(source, source) if day >= swap_from_day else source
            at = FIRST + timedelta(days=week * 7, hours=hours, minutes=5)
            rows.append({"id": f"{len(rows)}", "source": name, "north": NORTH + 0.0135 * cell, "east": EAST,
                         "at": at.isoformat()})  # fmt: skip

    spells = random.random((CELLS, WEEKS)) < 0.06
    for cell in range(CELLS):
        for week in range(WEEKS):
            before = week > 0 and spells[cell, week - 1]
            add("crisis_line", cell, week, int(random.poisson(0.4)) + 4 * before)
            add("welfare_check_request", cell, week, int(random.poisson(0.3)) + 4 * int(spells[cell, week]))
            add("police_101", cell, week, int(random.poisson(0.8)))
    return rows


def site_with(folder: Path, rows: list[Row]) -> tuple[Site, Path]:
    """A site with the rows loaded, and its recipe with the features beside it."""
    site = place_site(folder, [])
    file = site.path / "crisisrisk.toml"
    file.write_text(file.read_text(encoding="utf-8") + SOURCES, encoding="utf-8")
    site = read_site(site.path)
    load_files(site, [write_csv(folder / "calls.csv", rows)], write_mapping(site, EVENTS), create_key=True)
    recipe = folder / "small.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    (folder / "signals.toml").write_text(FEATURES, encoding="utf-8")
    return site, recipe


def found(folder: Path, rows: list[Row]) -> dict[str, dict[str, object]]:
    site, recipe = site_with(folder, rows)
    left = with_signals(read_recipes(site, "place", recipe), Store(site).snapshot(), site, held_out_days=14)
    assert {one["group"] for one in left.signals if one["kept"]} == {
        group for group in groups_of(left.features) if group.startswith("signal_")
    }
    return {str(one["group"]): one for one in left.signals}


def test_the_signal_that_comes_before_crises_stays_and_the_other_goes(tmp_path: Path) -> None:
    signals = found(tmp_path, history())
    welfare, other = signals["signal_welfare_check_request"], signals["signal_police_101"]
    assert (welfare["kept"], other["kept"]) == (True, False)
    assert welfare["z"] > 5 > 3 > abs(other["z"])
    assert 0.7 < other["lift"] < 1.3 < welfare["lift"]


def test_what_happens_in_the_held_out_blocks_decides_nothing(tmp_path: Path) -> None:
    """The same history, but in the validation and test blocks the sources change places."""
    plain = found(tmp_path / "a", history())
    changed = found(tmp_path / "b", history(swap_from_day=WEEKS * 7 - HELD_OUT))
    assert plain == changed
    earlier = found(tmp_path / "c", history(swap_from_day=WEEKS * 7 - 8 * HELD_OUT))
    assert earlier != plain


def test_the_strongest_stay_up_to_so_many(tmp_path: Path) -> None:
    site, recipe = site_with(tmp_path, history())
    recipes = read_recipes(site, "place", recipe)
    both = replace(recipes.training.groups, most_clustered=1)
    left = with_signals(
        replace(recipes, training=replace(recipes.training, groups=both)),
        Store(site).snapshot(),
        site,
        held_out_days=14,
    )
    assert [one["group"] for one in left.signals if one["kept"]] == ["signal_welfare_check_request"]


def test_what_stays_travels_with_the_bundle_is_reported_and_passes_the_gate_of_recipes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site, recipe = site_with(tmp_path, history())
    assert run(["train", "place", "--site", str(site.path), "--recipe", str(recipe), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    bundle = read_candidate(site, said["run_id"]).bundle
    assert groups_of(bundle.features) == ("crisis_here", "signal_welfare_check_request")
    assert [one["kept"] for one in said["signals"]] == [False, True]
    assert signals_text(said["signals"])[2].startswith("  welfare_check_request: ")
    assert signals_text(said["signals"][:1]) == []
    same = declared_recipe(site, bundle, recipe).checks[0]
    assert same.passed, same.found
    (tmp_path / "signals.toml").write_text(FEATURES.replace("[7, 28]", "[7, 56]"), encoding="utf-8")
    assert not declared_recipe(site, bundle, recipe).checks[0].passed


# Names of groups


def features(text: str = FEATURES, sources: tuple[str, ...] = ("crisis_line", "police_101")):
    return read_feature_recipe(text, sources=sources)


def test_a_name_that_ends_in_a_star_means_whatever_begins_so() -> None:
    assert groups_named(features(), ("signal_*",)) == ("signal_police_101",)
    assert groups_named(features(sources=("crisis_line",)), ("signal_*",)) == ()
    assert groups_of(without_groups(features(), ("signal_*",))) == ("crisis_here",)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda text: text.replace('["signal_*"]', '["signals"]'), 'the recipe signals has no group "signals"'),
        (lambda text: text.replace('["signal_*"]', '["mixed"]'), 'the group "mixed" is not of one sort of contacts'),
    ],
)
def test_a_group_that_cannot_cluster_is_refused(tmp_path: Path, change: Callable[[str], str], problem: str) -> None:
    site, recipe = site_with(tmp_path, history()[:400])
    mixed = '[[group]]\nname = "population"\naggregations = ["population"]\n' + "".join(
        f'[[group]]\nname = "mixed"\ncolumn = "mixed"\nsources = ["{source}"]\naggregations = ["count"]\n'
        f"lookback_days = [{days}]\n" for source, days in (("police_101", 7), ("crisis_line", 28))
    )  # fmt: skip
    (tmp_path / "signals.toml").write_text(FEATURES + mixed, encoding="utf-8")
    recipe.write_text(change(RECIPE), encoding="utf-8")
    with pytest.raises(RecipeError) as caught:
        with_signals(read_recipes(site, "place", recipe), Store(site).snapshot(), site, held_out_days=14)
    assert caught.value.problem == problem
