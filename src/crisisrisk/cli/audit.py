"""`audit`: whether the trail is whole, who looked at whom, an incident pack, retention."""

import os
import pwd
from datetime import datetime
from pathlib import Path

import click

from crisisrisk.cli.opening import moment, open_site
from crisisrisk.cli.printing import json_option, local, print_json, print_table, site_option
from crisisrisk.tables.site import Site


@click.group(epilog="Example:  crisisrisk audit verify")
def audit() -> None:
    """Verify and read the audit trail of the service."""


@audit.command(epilog="Example:  crisisrisk audit verify --site my-site")
@site_option
@json_option
def verify(site_folder: str | None, as_json: bool) -> int:
    """Check every row against the keyed chain and the witness. Exits with 1 when anything was changed."""
    from crisisrisk.commands.audit import verify_trail

    result = verify_trail(open_site(site_folder))
    found = result.found
    if as_json:
        print_json(result.as_json())
        return 1 if found.wrong else 0
    for text in found.findings:
        click.echo(f"wrong: {text}")
    if found.wrong > len(found.findings):
        click.echo(f"wrong: {found.wrong - len(found.findings)} more")
    removed = f" · removed by retention up to row {found.removed_to:,}" if found.removed_to else ""
    behind = f" · the witness is {found.unwitnessed} rows behind" if found.unwitnessed else ""
    click.echo(f"{found.rows:,} rows, {found.first:,} to {found.last:,}{removed}{behind} · {result.seconds:.1f} s")
    click.echo("Changed since it was written." if found.wrong else "As it was written.")
    return 1 if found.wrong else 0


@audit.command(epilog="Example:  crisisrisk audit show --person k1_7Q4M2XK0D3RT5VWZ --from 2026-11-01")
@click.option("--person", metavar="PID", help="Looks that named this person, by pseudonym.")
@click.option("--key", "key_id", metavar="KEY", help="Looks with this key.")
@click.option("--role", metavar="R", help="Looks by this role.")
@click.option("--purpose", metavar="P", help="Looks for this purpose.")
@click.option("--from", "start", metavar="T", help="First moment.")
@click.option("--to", "end", metavar="T", help="The moment after the last.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="Most looks, newest first."
)
@site_option
@json_option
def show(
    person: str | None, key_id: str | None, role: str | None, purpose: str | None, start: str | None, end: str | None,
    limit: int, site_folder: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Who looked at whom, when and why. This look is kept in the trail too."""
    from crisisrisk.commands.audit import show_looks
    from crisisrisk.database.audit_read import AuditFilter

    site = open_site(site_folder)
    chosen = AuditFilter(
        person_id=person, key_id=key_id, role=role, purpose=purpose, start=_moment(start, site), end=_moment(end, site)
    )
    result = show_looks(site, chosen, limit=limit, user=account())
    if as_json:
        print_json(result.as_json())
        return
    rows = [
        [look.number, local(look.at, site.time_zone), look.purpose, look.role, look.team, look.key_id, look.action,
         look.status, look.person_id or f"{look.people} people"]
        for look in result.looks
    ]  # fmt: skip
    print_table(["row", "when", "purpose", "role", "team", "key", "what", "status", "whom"], rows)


@audit.command(
    epilog="Example:  crisisrisk audit pack k1_7Q4M2XK0D3RT5VWZ --from 2026-11-01 --to 2026-11-08 --out pack.zip"
)
@click.argument("person", metavar="PID")
@click.option("--from", "start", required=True, metavar="T", help="First moment.")
@click.option("--to", "end", required=True, metavar="T", help="The moment after the last.")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The zip file to write.")
@site_option
@json_option
def pack(person: str, start: str, end: str, out: Path, site_folder: str | None, as_json: bool) -> int:
    """Everything that was shown of one person in a stretch of time, to whom, and what was done."""
    from crisisrisk.commands.audit_pack import pack as made

    site = open_site(site_folder)
    begins, ends = moment(start, site.time_zone), moment(end, site.time_zone)
    result = made(site, person=person, start=begins, end=ends, out=out, user=account())
    wrong = bool(result.verified.found.wrong)
    if as_json:
        print_json(result.as_json())
    else:
        click.echo(f"{result.path}: {result.looks} looks, {result.scores} scorings, {result.concerns} concerns")
        if wrong:
            click.echo("The audit trail was changed since it was written; the pack says where.", err=True)
    return 1 if wrong else 0


@audit.command(epilog="Example:  crisisrisk audit prune")
@site_option
@json_option
def prune(site_folder: str | None, as_json: bool) -> None:
    """End the looks that the site's retention keeps no longer. What is left still verifies."""
    from crisisrisk.commands.audit import prune as ended

    result = ended(open_site(site_folder), user=account())
    if as_json:
        print_json({"rows": result.rows, "removed_to": result.removed_to})
        return
    click.echo(f"{result.rows:,} rows ended." if result.rows else "Nothing is old enough.")


@audit.command(epilog='Example:  crisisrisk audit resume --reason "restored from the backup of 21 November"')
@click.option("--reason", required=True, metavar="TEXT", help="Why the trail and its witness came apart.")
@site_option
@json_option
def resume(reason: str, site_folder: str | None, as_json: bool) -> None:
    """Go on after the trail and its witness came apart, as after a restored backup. Stop the service first."""
    from crisisrisk.commands.audit import resume as resumed

    result = resumed(open_site(site_folder), reason=reason, user=account())
    if as_json:
        print_json(result.as_json())
        return
    click.echo(f"Row {result.number:,} says why. The old witness: {result.old_witness or 'was gone'}")


def account() -> str:
    """Who runs the command: the account on this machine, which no variable can change."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _moment(text: str | None, site: Site) -> datetime | None:
    return None if text is None else moment(text, site.time_zone)
