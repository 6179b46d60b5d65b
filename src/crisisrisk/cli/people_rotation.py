"""`people rotate`, `people renamed`."""

from typing import Any

import click

from crisisrisk.cli.audit import account
from crisisrisk.cli.opening import open_site
from crisisrisk.cli.printing import json_option, print_json, site_option
from crisisrisk.errors import UsageError

LEFT = 1
ASKED_DAYS = 30


@click.command(epilog='Example:  crisisrisk people rotate --reason "a list left the trust" --by "A. Nobody"')
@click.option("--reason", metavar="TEXT", help="Why. It is kept in the audit trail: name nobody.")
@click.option("--by", metavar="NAME", help="Who decided it.")
@click.option(
    "--asked-days", type=click.IntRange(0, 366), default=ASKED_DAYS, show_default=True,
    help="For how long a former pseudonym may be asked about (people renamed).",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--again", is_flag=True, help="No new key: rename what came back with a copy that was put back.")
@click.option("--yes", is_flag=True, help="Do not ask whether that is meant.")
@site_option
@json_option
def rotate(
    reason: str | None, by: str | None, asked_days: int, dry_run: bool, again: bool, yes: bool,
    site_folder: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Make a new key of pseudonyms and call everybody by it, wherever they are kept. Stop the service and the worker
    first. The same command again takes up what was cut off. Exits with 1 when files that somebody put there still hold
    a former pseudonym."""
    from crisisrisk.commands.rotate import rotate_pseudonyms, would_rotate

    site = open_site(site_folder, cut_off=True)
    if dry_run or not yes:
        would = would_rotate(site, again=again).as_json()
        if dry_run and as_json:
            print_json(would)
        else:
            _tell(would, "would change", err=not dry_run)
        if dry_run:
            return 0
    if not reason or not by:
        raise UsageError("CR-USE-001", "a key is changed for a reason, by somebody", wanted="--reason TEXT --by NAME")
    if not yes:
        click.confirm("Call everybody by another pseudonym?", abort=True, err=True)
    done = rotate_pseudonyms(site, reason=reason, by=by, user=account(), asked_days=asked_days, again=again)
    print_json(done.as_json()) if as_json else _tell(done.as_json(), "changed")
    return LEFT if done.left else 0


@click.command(
    epilog='Example:  crisisrisk people renamed k1_7Q4M2XK0D3RT5VWZ --reason "in the notes" --by "A. Nobody"'
)
@click.argument("former", metavar="PID")
@click.option("--reason", metavar="TEXT", required=True, help="Why. It is kept in the audit trail: name nobody.")
@click.option("--by", metavar="NAME", required=True, help="Who asks.")
@site_option
@json_option
def renamed(former: str, reason: str, by: str, site_folder: str | None, as_json: bool) -> int:
    """Say what somebody is called now who is known by a pseudonym of a key that was replaced. Each asking is kept in
    the audit trail. Exits with 1 when nobody is kept by it."""
    from crisisrisk.commands.rotate import renamed as now_called

    found = now_called(open_site(site_folder), former, reason=reason, by=by, user=account())
    if as_json:
        print_json({"person_id": found})
    else:
        click.echo(found or "Nobody is kept by this pseudonym.")
    return 0 if found else LEFT


def _tell(said: dict[str, Any], verb: str, *, err: bool = False) -> None:
    click.echo(f"key {said['key']}: {said['people']:,} people", err=err)
    kinds = {"stored": "rows of stored tables", "database": "rows of the database", "files": "files and folders"}
    for name, kind in kinds.items():
        counts = ", ".join(f"{table} {count:,}" for table, count in said[name].items())
        click.echo(f"{kind}: {counts or 'none'}{f' {verb}' if counts else ''}", err=err)
    for path in said["left"]:
        click.echo(f"still holds a former pseudonym, and is yours to remove: {path}", err=err)
