"""`train`, `backtest`, `evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from crisisrisk.cli.opening import open_site
from crisisrisk.cli.printing import json_option, print_json, progress_bar, site_option, tell

if TYPE_CHECKING:
    from crisisrisk.training.results import TrainedRun
    from crisisrisk.training.split_drawing import SplitPlan

KIND = click.argument("kind", type=click.Choice(["person", "place"]))
RECIPE = click.option("--recipe", metavar="FILE", type=click.Path(path_type=Path), help="A training recipe.")


@click.command(epilog="Example:  crisisrisk train person --recipe training/person_crisis_28d.toml")
@KIND
@RECIPE
@click.option(
    "--baseline", metavar="RULE", help="A simple rule in place of trees: one that stands in the report as a baseline."
)
@click.option("--show-splits", is_flag=True, help="Draw which dates train and which judge, and train nothing.")
@site_option
@json_option
def train(
    kind: str, recipe: Path | None, baseline: str | None, show_splits: bool, site_folder: str | None, as_json: bool
) -> None:
    """Train a model, judge it beside its baselines, and keep the run in MLflow.

    Stopped half-way it keeps nothing that could be promoted; the same command goes on where it stopped.
    """
    result: TrainedRun | SplitPlan
    if show_splits:
        from crisisrisk.commands.show_splits import show_splits as show

        result = show(open_site(site_folder), kind, recipe, tell=tell)
    else:
        from crisisrisk.commands.train import train as run

        result = run(open_site(site_folder), kind, recipe, baseline=baseline, tell=tell)
    if as_json:
        print_json(result.as_json())
        return
    click.echo(result.as_text())


@click.command(epilog="Example:  crisisrisk backtest place --every 1w")
@KIND
@RECIPE
@click.option("--from", "start", metavar="D", help="First moment to stand at.")
@click.option("--to", "end", metavar="D", help="Last moment to stand at.")
@click.option("--every", default="1w", show_default=True, metavar="N", help="Step between moments: 1w, 2w, 4w.")
@click.option("--cells", multiple=True, metavar="LEVEL", help="Judge places on these cells too, such as squares:1000.")
@click.option("--workers", metavar="N", type=click.IntRange(min=1), help="Fits of places at once. Default: every core.")
@site_option
@json_option
def backtest(
    kind: str,
    recipe: Path | None,
    start: str | None,
    end: str | None,
    every: str,
    cells: tuple[str, ...],
    workers: int | None,
    site_folder: str | None,
    as_json: bool,
) -> None:
    """Stand at many moments of the past, refit with what was known, and judge against what came.

    Stopped half-way, the same command goes on where it stopped, with any number of workers. A backtest of places is
    kept as a run in MLflow.
    """
    from crisisrisk.commands.backtest import backtest as run

    with progress_bar("fits") as bar:
        result = run(
            open_site(site_folder), kind, recipe, start=start, end=end, every=every, cells=cells, workers=workers,
            tell=bar.tell, ended=bar.ended,
        )  # fmt: skip
    if as_json:
        print_json(result.as_json())
        return
    click.echo(result.as_text())


@click.command(epilog="Example:  crisisrisk evaluate 3f2c --subgroup age")
@click.argument("run_id", metavar="RUN")
@click.option("--subgroup", metavar="NAME", help="Only the results by this subgroup, of a run of people.")
@click.option("--again", is_flag=True, help="Judge the rows that the run left behind once more; of people only.")
@site_option
@json_option
def evaluate(run_id: str, subgroup: str | None, again: bool, site_folder: str | None, as_json: bool) -> None:
    """Show how a run was judged: metrics, baselines, attrition. RUN may be shortened."""
    from crisisrisk.commands.evaluate import evaluate as show

    site = open_site(site_folder)
    if subgroup is not None:
        from crisisrisk.cli.people_runs import show_fairness

        show_fairness(site, run_id, subgroup=subgroup, as_json=as_json)
        return
    result = show(site, run_id, again=again)
    if as_json:
        print_json(result.as_json())
        return
    click.echo(result.as_text())
