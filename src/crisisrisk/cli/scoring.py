"""`score` and `forecast`."""

from pathlib import Path

import click

from crisisrisk.cli.opening import moment, open_site
from crisisrisk.cli.printing import json_option, print_json, site_option


@click.command(epilog="Example:  crisisrisk score --as-of 2026-11-22 --out scores.parquet")
@click.option("--as-of", "as_of", metavar="T", help="The moment to stand at. Default: the site's clock.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Also write the list: .parquet or .csv.")
@site_option
@json_option
def score(as_of: str | None, out: Path | None, site_folder: str | None, as_json: bool) -> None:
    """Score everyone with the model that answers, and keep the scores with their reasons."""
    from crisisrisk.commands.score import score as run

    site = open_site(site_folder)
    result = run(site, as_of=None if as_of is None else moment(as_of, site.time_zone), out=out)
    if as_json:
        print_json(result.as_json())
        return
    click.echo(result.as_text())


@click.command(epilog="Example:  crisisrisk forecast --shift 2026-11-22T22:00 --hours 24 --out tonight.geojson")
@click.option("--shift", metavar="START", help="When the first shift starts. Default: the next one.")
@click.option("--hours", type=float, default=24.0, show_default=True, metavar="H",
              help="Forecast every shift that starts in this many hours.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE.geojson", help="Also write it, for release.")
@site_option
@json_option
def forecast(shift: str | None, hours: float, out: Path | None, site_folder: str | None, as_json: bool) -> None:
    """Forecast crisis contacts by cell for the coming shifts, and keep the forecast as issued."""
    from crisisrisk.commands.forecast import forecast as run

    site = open_site(site_folder)
    start = None if shift is None else moment(shift, site.time_zone)
    result = run(site, start=start, hours=hours, out=out)
    if as_json:
        print_json(result.as_json())
        return
    click.echo(result.as_text())
