"""`keys`, `db`, `serve`."""

import os
from datetime import timedelta

import click

from crisisrisk.cli.opening import open_site
from crisisrisk.cli.printing import json_option, print_json, print_table, site_option


@click.group(epilog="Example:  crisisrisk keys create --role care --team north")
def keys() -> None:
    """Create, list and revoke keys of the service; make the key that signs models."""


@keys.command(epilog="Example:  crisisrisk keys create --role care --team north --days 30")
@click.option("--role", required=True, metavar="R", help="crisis_team, care, data or audit.")
@click.option("--team", metavar="T", help="The team whose people a care key may see.")
@click.option("--worker", metavar="W", help="Whose key it is, as caseloads name workers: for the list of one's own.")
@click.option("--days", type=click.IntRange(1, 366), default=90, show_default=True, help="How long it works.")
@site_option
@json_option
def create(role: str, team: str | None, worker: str | None, days: int, site_folder: str | None, as_json: bool) -> None:
    """Make a key. It is shown once and kept only as a hash."""
    from crisisrisk.commands.keys import create_key

    made = create_key(open_site(site_folder), role=role, team=team, valid_for=timedelta(days=days), worker=worker)
    if as_json:
        print_json(made.as_json())
        return
    click.echo(made.secret)
    click.echo(f"Key {made.key_id} · role {role} · until {made.expires_at:%d %b %Y}. It is not shown again.", err=True)


@keys.command("list", epilog="Example:  crisisrisk keys list")
@site_option
@json_option
def list_keys(site_folder: str | None, as_json: bool) -> None:
    """The keys there are, without their secrets."""
    from crisisrisk.commands.keys import list_keys as listed

    rows = [row.as_json() for row in listed(open_site(site_folder))]
    if as_json:
        print_json({"keys": rows})
        return
    if not rows:
        click.echo("No key yet. Make one with: crisisrisk keys create --role crisis_team")
        return
    print_table(list(rows[0]), [list(row.values()) for row in rows])


@keys.command(epilog="Example:  crisisrisk keys revoke 7f3a")
@click.argument("key_id", metavar="KEY")
@site_option
@json_option
def revoke(key_id: str, site_folder: str | None, as_json: bool) -> None:
    """End a key at once."""
    from crisisrisk.commands.keys import revoke_key

    result = revoke_key(open_site(site_folder), key_id)
    if as_json:
        print_json(result.as_json())
        return
    click.echo(f"Key {result.key_id} no longer works.")


@keys.command("make-signing", epilog="Example:  crisisrisk keys make-signing")
@click.option("--replace", is_flag=True, help="A new key in place of the present one. What that signed stays trusted.")
@site_option
@json_option
def make_signing(replace: bool, site_folder: str | None, as_json: bool) -> None:
    """Make the key that signs models, and trust it: its public half goes into serving/model_keys.toml."""
    from crisisrisk.commands.keys import make_model_key

    made = make_model_key(open_site(site_folder), replace=replace)
    if as_json:
        print_json(made.as_json())
        return
    click.echo(f"Key {made.key_id} signs models from now on.")
    click.echo(f"  secret half, for whoever promotes: {made.file}\n  trusted in: {made.trusted_in}", err=True)


@click.group(epilog="Example:  crisisrisk db upgrade")
def db() -> None:
    """Bring the operational database up to date."""


@db.command(epilog="Example:  crisisrisk db upgrade")
@site_option
@json_option
def upgrade(site_folder: str | None, as_json: bool) -> None:
    """Apply the migrations that are missing."""
    from crisisrisk.commands.keys import upgrade_database

    revision = upgrade_database(open_site(site_folder))
    if as_json:
        print_json({"revision": revision})
        return
    click.echo(f"The database is at revision {revision}.")


@click.command(epilog="Example:  crisisrisk serve --site demo-site --port 8000")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port to listen on.")
@site_option
def serve(host: str, port: int, site_folder: str | None) -> None:
    """Run the service on the site until it is stopped."""
    from crisisrisk.commands.serve import serve as run

    run(open_site(site_folder), host=host, port=port, environ=os.environ)
