"""`init` and `demo`."""

from pathlib import Path

import click

from crisisrisk.cli.printing import json_option, print_json, tell


@click.command(epilog="Example:  crisisrisk init my-site")
@click.argument("folder", metavar="DIR")
@json_option
def init(folder: str, as_json: bool) -> None:
    """Make a new site folder with everything that is edited or filled there."""
    from crisisrisk.commands.init import init as make

    made = make(Path(folder))
    if as_json:
        print_json(made.as_json())
        return
    click.echo(f"Made {made.path}. Next: say in {made.path}/crisisrisk.toml which sources and shifts there are,")
    click.echo(
        f"write a mapping for each kind of file, and try it:  crisisrisk data check FILE --mapping M --site {folder}"
    )


@click.command(epilog="Example:  crisisrisk demo --site demo-site")
@click.option("--site", "site_folder", metavar="DIR", default="demo-site", show_default=True, help="Where to make it.")
@json_option
def demo(site_folder: str, as_json: bool) -> None:
    """The main job end to end on invented data: load, train both models, score, forecast. Nobody in it exists."""
    from crisisrisk.commands.demo import demo as run_demo

    result = run_demo(Path(site_folder), tell=tell)
    if as_json:
        print_json(result.as_json())
        return
    from crisisrisk.cli.demo_summary import summary

    click.echo(summary(result))
