"""`model list`, `promote`, `verify`, `rollback`, `sign`, `diff`."""

from pathlib import Path

import click

from crisisrisk.cli.opening import moment, open_site, site_round
from crisisrisk.cli.printing import json_option, print_json, print_table, site_option, tell


@click.group(epilog="Example:  crisisrisk model promote 3f2c --by 'A. Nowak' --reason 'first model of this site'")
def model() -> None:
    """List, promote, verify, sign, compare and roll back models."""


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


BY = click.option("--by", default="", metavar="NAME", help="Who decides; kept with it. Needed.")


@model.command(epilog="Example:  crisisrisk model promote 3f2c --by 'A. Nowak' --reason 'agreed on 20 Nov'")
@click.argument("run_id", metavar="RUN")
@click.option("--reason", default="", metavar="…", help="Why this model should answer; kept with it. Needed.")
@BY
@click.option("--accept", multiple=True, metavar="CHECK", help="Promote although this check fails; kept with it.")
@click.option("--because", default="", metavar="…", help="Why that is acceptable. Needed with --accept.")
@click.option(
    "--recipe", metavar="FILE", type=click.Path(path_type=Path), help="The declared recipe. Default: that of its name."
)
@site_option
@json_option
def promote(
    run_id: str,
    reason: str,
    by: str,
    accept: tuple[str, ...],
    because: str,
    recipe: Path | None,
    site_folder: str | None,
    as_json: bool,
) -> None:
    """Run every check of the promotion gate; let the model answer when all pass."""
    from crisisrisk.commands.model import Decision
    from crisisrisk.commands.model import promote as run

    decision = Decision(reason=reason, by=by, accepted=accept, because=because)
    result = run(open_site(site_folder), run_id, decision, recipe=recipe, tell=tell)
    if as_json:
        print_json(result.as_json())
        return
    click.echo(result.as_text())


@model.command(epilog="Example:  crisisrisk model verify my-site/models/person_crisis_28d/v1")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--unsigned", is_flag=True, help="Ask for no signature: of a bundle that nobody let answer yet.")
@site_option
@json_option
def verify(bundle: Path, unsigned: bool, site_folder: str | None, as_json: bool) -> None:
    """Check a bundle's signature, digests and structure. Exit code 4 when anything differs.

    The keys are those that the site trusts: the one that is named, else the one that the bundle lies in.
    """
    from crisisrisk.commands.model import verify as run

    site = None if unsigned else open_site(site_folder or site_round(bundle))
    result = run(bundle, site=site)
    if as_json:
        print_json(result.as_json())
        return
    click.echo(result.as_text())


@model.command(epilog="Example:  crisisrisk model rollback person_crisis_28d --by 'A. Nowak' --reason 'wrong codes'")
@click.argument("name", metavar="MODEL")
@click.option("--reason", default="", metavar="…", help="Why; kept with the change. Needed.")
@BY
@site_option
@json_option
def rollback(name: str, reason: str, by: str, site_folder: str | None, as_json: bool) -> None:
    """Let the model answer that answered before."""
    from crisisrisk.commands.model import rollback as run

    result = run(open_site(site_folder), name, reason=reason, by=by)
    if as_json:
        print_json(result.as_json())
        return
    click.echo(result.as_text())


@model.command(
    epilog="Example:  crisisrisk model sign person_crisis_28d --by 'A. Nowak' --reason 'from before signatures'"
)
@click.argument("name", metavar="MODEL")
@click.option("--reason", default="", metavar="…", help="Why this model may answer; kept with it. Needed.")
@BY
@site_option
@json_option
def sign(name: str, reason: str, by: str, site_folder: str | None, as_json: bool) -> None:
    """Vouch for a model as it lies in models/: sign its bundles and changes again, by today's key."""
    from crisisrisk.commands.model import sign as run

    result = run(open_site(site_folder), name, reason=reason, by=by)
    if as_json:
        print_json(result.as_json())
        return
    click.echo(result.as_text())


@model.command(epilog="Example:  crisisrisk model diff 3 4")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--model", "name", metavar="MODEL", help="Whose versions. Default: the model of people that answers.")
@click.option("--as-of", "as_of", metavar="T", help="The moment. Default: the site's clock.")
@site_option
@json_option
def diff(first: str, second: str, name: str | None, as_of: str | None, site_folder: str | None, as_json: bool) -> None:
    """Who enters and leaves each team's list from one model to another. A and B: a version or a run."""
    from crisisrisk.commands.model_diff import diff as run

    site = open_site(site_folder)
    at = None if as_of is None else moment(as_of, site.time_zone)
    result = run(site, first, second, name=name, as_of=at, tell=tell)
    if as_json:
        print_json(result.as_json())
        return
    click.echo(result.as_text())
