"""`brief`: a shift on one page."""

import os
from pathlib import Path

import click

from crisisrisk.cli.opening import moment, open_site
from crisisrisk.cli.printing import json_option, print_json, site_option


@click.command(epilog="Example:  crisisrisk brief --shift 2026-11-22T22:00 --out tonight.html")
@click.option("--shift", metavar="START", help="When the shift starts. Default: the one that runs, or the next.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Also write it: .html or .txt.")
@site_option
@json_option
def brief(shift: str | None, out: Path | None, site_folder: str | None, as_json: bool) -> None:
    """Put a shift on one page: what it looks like, where, who stands where, and which sites take nobody.

    It is made from the forecast and the plan that were kept: run forecast and positions before.
    """
    from crisisrisk.commands.brief import brief as run

    site = open_site(site_folder)
    start = None if shift is None else moment(shift, site.time_zone)
    result = run(site, start=start, out=out, environ=os.environ)
    if as_json:
        print_json(result.as_json())
        return
    click.echo(result.sheet.as_text())
