"""`tune`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crisisrisk.cli.opening import open_site
from crisisrisk.cli.printing import json_option, print_json, site_option, tell
from crisisrisk.cli.training import KIND, RECIPE

if TYPE_CHECKING:
    from crisisrisk.training.tuning import Ended


@click.command(epilog="Example:  crisisrisk tune person --trials 40 --minutes 30")
@KIND
@RECIPE
@click.option("--trials", default=40, show_default=True, metavar="N", type=click.IntRange(1), help="Trials in all.")
@click.option("--minutes", metavar="M", type=click.FloatRange(0, min_open=True), help="Stop after so many minutes.")
@site_option
@json_option
def tune(
    kind: str, recipe: Path | None, trials: int, minutes: float | None, site_folder: str | None, as_json: bool
) -> None:
    """Search for the settings of a fit, on folds before the test block only.

    What was found is kept after every trial in the site's tuning/ folder: stopped, it goes on where it stopped. The
    best settings go into a copy of the recipe, training/NAME.tuned.toml, which `train --recipe` takes.
    """
    from crisisrisk.commands.tune import tune as run

    with _progress(trials) as ended:
        result = run(open_site(site_folder), kind, recipe, trials=trials, minutes=minutes, tell=tell, ended=ended)
    if as_json:
        print_json(result.as_json())
        return
    click.echo(result.as_text())


@contextmanager
def _progress(trials: int) -> Iterator[Callable[["Ended"], None]]:
    """A bar where somebody is looking; elsewhere a line a trial."""
    if not sys.stderr.isatty():
        yield lambda one: tell(_line(one, trials))
        return
    with click.progressbar(length=trials, file=sys.stderr, label="trials", show_pos=True) as bar:
        yield lambda one: bar.update(one.number - bar.pos)


def _line(one: "Ended", trials: int) -> str:
    stopped = ", stopped early" if one.pruned else ""
    return f"trial {one.number} of {trials}: {one.loss:.6f}{stopped}, best {one.best:.6f}"
