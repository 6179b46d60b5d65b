"""`optouts apply`."""

from datetime import datetime
from pathlib import Path

import click

from crisisrisk.cli.opening import open_site
from crisisrisk.cli.printing import json_option, print_json, site_option


@click.group(epilog="Example:  crisisrisk optouts apply without_opt_out.dat --checked-on 2026-11-28")
def optouts() -> None:
    """Who may be used for planning: the national data opt-out."""


@optouts.command(epilog="Example:  crisisrisk optouts apply without_opt_out.dat --checked-on 2026-11-28")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--checked-on", required=True, metavar="DATE", type=click.DateTime(["%Y-%m-%d"]), help="The day of the check."
)
@click.option(
    "--kind", type=click.Choice(["nhs_number", "study_id", "pseudonym"]), default="nhs_number", show_default=True,
    help="What each line begins with.",
)  # fmt: skip
@site_option
@json_option
def apply(file: Path, checked_on: datetime, kind: str, site_folder: str | None, as_json: bool) -> None:
    """Put a list of the people WITHOUT a national opt-out in use: who is not named in FILE counts as opted out of
    planning. One a line, whole; it takes the place of the list before."""
    from crisisrisk.commands.optouts import apply_list

    result = apply_list(open_site(site_folder), file, checked_on=checked_on.date(), kind=kind)
    if as_json:
        print_json(result.as_json())
        return
    click.echo(f"{result.people:,} people without an opt-out, checked {result.checked_on}, {result.age_days} days ago")
    click.echo(
        f"{result.not_named:,} of {result.loaded:,} people who are loaded are not named: they count as opted out"
    )
    if not result.applies:
        click.echo("nothing goes by it until crisisrisk.toml says: [national_opt_out] applies = true")
