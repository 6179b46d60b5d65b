"""`people destroy-keys`."""

from pathlib import Path
from typing import Any

import click

from crisisrisk.cli.audit import account
from crisisrisk.cli.opening import open_site
from crisisrisk.cli.printing import json_option, print_json, site_option
from crisisrisk.errors import UsageError

LEFT = 1


@click.command(
    "destroy-keys",
    epilog='Example:  crisisrisk people destroy-keys --successor ../new-site --reason "a key left" --by "A. Nobody"',
)
@click.option(
    "--successor", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help="The site that follows this one, to which every file of it was loaded anew.",
)  # fmt: skip
@click.option("--no-more-files", is_flag=True, help="No site follows, and no file is loaded here again.")
@click.option("--reason", metavar="TEXT", help="Why. It is kept in the audit trail: name nobody.")
@click.option("--by", metavar="NAME", help="Who decided it.")
@click.option("--dry-run", is_flag=True, help="Say what needs the keys and what ends with them, and destroy nothing.")
@click.option("--yes", is_flag=True, help="Do not ask whether that is meant.")
@site_option
@json_option
def destroy_keys(
    successor: Path | None, no_more_files: bool, reason: str | None, by: str | None, dry_run: bool, yes: bool,
    site_folder: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Destroy the keys of the pseudonyms, former ones too, once nothing needs them. It cannot be undone. Stop the
    service and the worker first. Exits with 1 when they are still needed, or still stand in some file."""
    from crisisrisk.commands.destroy_keys import destroy_keys as destroyed
    from crisisrisk.commands.destroy_keys import would_destroy

    if successor is not None and no_more_files:
        raise UsageError("CR-USE-001", "a site follows or none does", wanted="--successor DIR or --no-more-files")
    site = open_site(site_folder)
    how: dict[str, Any] = {"successor": successor, "no_more_files": no_more_files}
    if dry_run or not yes:
        would = would_destroy(site, **how).as_json()
        if dry_run and as_json:
            print_json(would)
        else:
            _tell(would, err=not dry_run)
        if dry_run or would["needed"]:
            return LEFT if would["needed"] else 0
    if not reason or not by:
        raise UsageError("CR-USE-001", "keys are destroyed for a reason, by somebody", wanted="--reason TEXT --by NAME")
    if not yes:
        click.confirm("Destroy these keys for good?", abort=True, err=True)
    done = destroyed(site, reason=reason, by=by, user=account(), **how)
    print_json(done.as_json()) if as_json else _tell(done.as_json())
    return LEFT if done.left else 0


def _tell(said: dict[str, Any], *, err: bool = False) -> None:
    click.echo(f"keys {', '.join(said['keys'])}: {'destroyed' if said['done'] else 'still there'}", err=err)
    for one in said["needed"]:
        click.echo(f"still needs them: {one}", err=err)
    for one in said["lost"]:
        click.echo(f"ends with them: {one}", err=err)
    for path in said["left"]:
        click.echo(f"still holds one, and is yours to remove: {path}", err=err)
