"""`model list`, `promote`, `verify`, `rollback`."""

from pathlib import Path

import click

from crisisrisk.cli.opening import open_site
from crisisrisk.cli.printing import json_option, print_json, print_table, site_option


@click.group(epilog="Example:  crisisrisk model promote 3f2c --reason 'first model of this site'")
def model() -> None:
    """List, promote, verify and roll back models."""


@model.command("list", epilog="Example:  crisisrisk model list")
@site_option
@json_option
def list_models(site_folder: str | None, as_json: bool) -> None:
    """The registered models, and which one answers."""
    from crisisrisk.commands.model import list_models as models

    rows = [row.as_json() for row in models(open_site(site_folder))]
    if as_json:
        print_json({"models": rows})
        return
    if not rows:
        click.echo("No model is registered yet. Train one with: crisisrisk train person")
        return
    print_table(list(rows[0]), [list(row.values()) for row in rows])


@model.command(epilog="Example:  crisisrisk model promote 3f2c --reason 'better precision at 25, agreed on 20 Nov'")
@click.argument("run_id", metavar="RUN")
@click.option("--reason", default="", metavar="…", help="Why this model should answer; kept with it. Needed.")
@click.option("--accept-below-baseline", is_flag=True, help="Promote although a baseline is better; kept with it.")
@site_option
@json_option
def promote(run_id: str, reason: str, accept_below_baseline: bool, site_folder: str | None, as_json: bool) -> None:
    """Make a verified bundle of a run and let it answer."""
    from crisisrisk.commands.model import promote as run

    result = run(open_site(site_folder), run_id, reason=reason, accept_below_baseline=accept_below_baseline)
    if as_json:
        print_json(result.as_json())
        return
    click.echo(result.as_text())


@model.command(epilog="Example:  crisisrisk model verify my-site/models/person_crisis_28d/v1")
@click.argument("bundle", type=click.Path(path_type=Path))
@json_option
def verify(bundle: Path, as_json: bool) -> None:
    """Check a bundle's digests and structure. Exit code 4 when anything differs."""
    from crisisrisk.commands.model import verify as run

    result = run(bundle)
    if as_json:
        print_json(result.as_json())
        return
    click.echo(result.as_text())


@model.command(epilog="Example:  crisisrisk model rollback person_crisis_28d --reason 'wrong codes since Monday'")
@click.argument("name", metavar="MODEL")
@click.option("--reason", required=True, metavar="…", help="Why; kept with the change.")
@site_option
@json_option
def rollback(name: str, reason: str, site_folder: str | None, as_json: bool) -> None:
    """Let the model answer that answered before."""
    from crisisrisk.commands.model import rollback as run

    result = run(open_site(site_folder), name, reason=reason)
    if as_json:
        print_json(result.as_json())
        return
    click.echo(result.as_text())
