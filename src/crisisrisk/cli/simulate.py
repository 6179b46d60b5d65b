"""`simulate`: an invented city, how it compares with published figures, and our models with its truth."""

from pathlib import Path
from typing import Any

import click

from crisisrisk.cli.opening import open_site
from crisisrisk.cli.printing import json_option, print_json, print_table, site_option, tell
from crisisrisk.errors import UsageError

SCALES = ("sample", "birmingham", "force")
CHECK_FAILED = 1


@click.group(invoke_without_command=True, epilog="Example:  crisisrisk simulate --scale sample --out invented")
@click.option("--people", type=int, metavar="N", help="How many people are known to services.")
@click.option("--years", type=float, metavar="Y", help="How many years the data cover; they end on 22 November 2026.")
@click.option("--seed", type=int, metavar="S", help="Another seed, another city.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="A new or empty folder.")
@click.option("--residents", type=int, metavar="R", help="How many live behind them. Default: in proportion to people.")
@click.option("--scale", type=click.Choice(SCALES), help="A named preset. Default: birmingham.")
@click.option(
    "--config", "configuration", type=click.Path(path_type=Path), metavar="FILE.toml", help="Any parameter, by name."
)
@click.option(
    "--drawn",
    type=click.IntRange(1, 3),
    metavar="N",
    help="Parameter set 1, 2 or 3 of those drawn at random, on which nothing was tuned.",
)
@click.option("--defect", "defects", multiple=True, metavar="NAME", help="Plant a defect; may be said again.")
@click.option("--describe", "describing", is_flag=True, help="Say why things happen in this city, and write nothing.")
@click.option("--no-truth", is_flag=True, help="Leave out truth/.")
@click.option("--processes", type=click.IntRange(1, 64), metavar="P", help="Worker processes. The files do not change.")
@json_option
@click.pass_context
def simulate(
    context: click.Context,
    /,
    out: Path | None,
    configuration: Path | None,
    scale: str | None,
    describing: bool,
    no_truth: bool,
    processes: int | None,
    as_json: bool,
    **sizes: Any,
) -> None:
    """Invent a city whose true risks are known, and write what its agencies would send.

    Nobody in it exists. The folder is a site: its files load with the mappings beside them, in the order of
    load_order.toml. truth/ holds what only an invented city can tell.
    """
    if context.invoked_subcommand is not None:
        return
    from crisisrisk.commands.simulate import causes, city_settings

    given = {name: value for name, value in (sizes | {"preset": scale}).items() if value not in (None, ())}
    settings = city_settings(configuration, given)
    if describing:
        text = causes(settings)
        print_json({"digest": settings.digest(), "describe": text}) if as_json else click.echo(text, nl=False)
        return
    if out is None:
        raise UsageError("CR-USE-001", "say where to write the city", wanted="--out DIR")
    _run(settings, out, truth=not no_truth, processes=processes, as_json=as_json)


def _run(settings: Any, out: Path, *, truth: bool, processes: int | None, as_json: bool) -> None:
    from crisisrisk.commands.simulate import simulate as run
    from crisisrisk.simulation.staging import gigabytes

    done = run(settings, out, truth=truth, processes=processes, tell=tell)
    if as_json:
        print_json(done.as_json())
        return
    click.echo(
        f"Wrote {out}: {done.files} files, {gigabytes(done.bytes)}, {int(done.tally.by_source.sum()):,} contacts of "
        f"{settings.people:,} people and of strangers · {done.seconds:.0f} s · {done.peak_memory_mb:,.0f} MB"
    )
    click.echo(f"Look at {out / 'picture.html'}. Nobody in this city exists.")
    click.echo(f"Next  crisisrisk data load-folder {out} --site {out}")


@simulate.command(epilog="Example:  crisisrisk simulate targets --seeds 10 --write")
@click.option("--seeds", type=click.IntRange(1, 100), default=10, show_default=True, help="Means are over so many.")
@click.option("--write", is_flag=True, help="Write docs/explanation/invented-city.md in the repository.")
@json_option
def targets(seeds: int, write: bool, as_json: bool) -> int:
    """Compare the presets with the published figures that they are calibrated to. Exit code 1 when one is missed."""
    from crisisrisk.commands.targets import compare, row_as_json, write_page

    rows = compare(seeds, tell=tell)
    if write:
        write_page(rows, seeds=seeds)
    if as_json:
        print_json({"seeds": seeds, "targets": [row_as_json(row) for row in rows]})
    else:
        headings = ["preset", "figure", "published", "least", "most", "invented", "within"]
        print_table(headings, [tuple(row_as_json(row)[name] for name in headings) for row in rows])
    return 0 if all(row.within for row in rows) else CHECK_FAILED


@simulate.command(epilog="Example:  crisisrisk simulate oracle --site invented")
@site_option
@click.option(
    "--truth", "folder", type=click.Path(path_type=Path), metavar="DIR", help="The city's truth. Default: SITE/truth."
)
@click.option(
    "--also",
    "others",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="DIR",
    help="Another such site, to judge its people too; may be said again.",
)
@click.option(
    "--only",
    type=click.Choice(("places",)),
    help="Judge places alone; what the page says of people stays as it was written last.",
)
@click.option("--write", is_flag=True, help="Write docs/explanation/oracle.md in the repository.")
@json_option
def oracle(
    site_folder: str | None, folder: Path | None, others: tuple[Path, ...], only: str | None, write: bool, as_json: bool
) -> None:
    """Train both models on an invented city that is loaded, and say how far below its truth they are."""
    from crisisrisk.commands.oracle import only_places, page, write_page
    from crisisrisk.commands.oracle import oracle as compare

    if only is not None and others:
        raise UsageError("CR-USE-001", "--also judges people, and --only places does not", hint="leave one of them out")
    site = open_site(site_folder)
    truth = folder or site.path / "truth"
    judged = (
        compare(site, truth, [open_site(str(other)) for other in others], tell=tell)
        if only is None
        else only_places(site, truth, tell=tell)
    )
    if write:
        write_page(judged)
    if as_json:
        print_json(judged.as_json())
    else:
        click.echo(page(judged), nl=False)
