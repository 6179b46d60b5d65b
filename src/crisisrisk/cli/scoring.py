"""`score`, `explain` and `forecast`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from crisisrisk.cli.opening import moment, open_site
from crisisrisk.cli.printing import json_option, print_json, site_option
from crisisrisk.errors import UsageError

if TYPE_CHECKING:
    from crisisrisk.commands.forecast import ForecastResult
    from crisisrisk.commands.roster import RosterResult


@click.command(
    epilog="Example:  crisisrisk score --as-of 2026-11-22 --out scores.parquet  ·  crisisrisk score --weeks 24"
)
@click.option("--as-of", "as_of", metavar="T", help="The moment to stand at. Default: the site's clock.")
@click.option("--weeks", type=int, default=1, show_default=True, metavar="N",
              help="So many weekly scorings that end with T, the earliest first.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Also write the list: .parquet or .csv.")
@site_option
@json_option
def score(as_of: str | None, weeks: int, out: Path | None, site_folder: str | None, as_json: bool) -> None:
    """Score everyone with the model that answers, and keep the scores with their reasons.

    With --weeks a site that begins fills the 24 weeks of its lists: each scoring knows what was known at its moment,
    but the model may have learned from what came after it, so these show nothing of how good it is.
    """
    from crisisrisk.commands.score import score_weeks

    site = open_site(site_folder)
    *earlier, result = score_weeks(
        site, as_of=None if as_of is None else moment(as_of, site.time_zone), weeks=weeks, out=out
    )
    if as_json:
        print_json({**result.as_json(), "earlier": [one.as_json() for one in earlier]})
        return
    for one in earlier:
        click.echo(one.in_short())
    click.echo(result.as_text())


@click.command(epilog="Example:  crisisrisk explain k1_7Q4M… --as-of 2026-11-22 --since 2026-11-16")
@click.argument("person_id")
@click.option("--as-of", "as_of", metavar="T", help="The moment to stand at. Default: the site's clock.")
@click.option("--since", metavar="T0", help="Also say what changed since then.")
@site_option
@json_option
def explain(person_id: str, as_of: str | None, since: str | None, site_folder: str | None, as_json: bool) -> None:
    """Say why a person's score is what it is, why it is not higher, and what changed since a date.

    PERSON_ID is the pseudonym that `score` prints.
    """
    from crisisrisk.commands.explain import explain as run

    site = open_site(site_folder)
    moments = [None if text is None else moment(text, site.time_zone) for text in (as_of, since)]
    result = run(site, person_id, as_of=moments[0], since=moments[1])
    if as_json:
        print_json(result.as_json())
        return
    click.echo(result.as_text())


@click.command(
    epilog="Example:  crisisrisk forecast --shift 2026-11-22T22:00 --hours 24 --out tonight.geojson  ·  "
    "crisisrisk forecast --roster --weeks 6..12 --out rota.csv"
)
@click.option("--shift", metavar="START", help="When the first shift starts. Default: the next one.")
@click.option("--hours", type=float, default=24.0, show_default=True, metavar="H",
              help="Forecast every shift that starts in this many hours.")  # fmt: skip
@click.option("--roster", is_flag=True, help="Instead: every shift of the weeks that a rota is written for, by area.")
@click.option("--weeks", default="6..12", show_default=True, metavar="A..B",
              help="With --roster: from so many weeks ahead to so many, 12 at most.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE",
              help="Also write it, for release: .geojson; a roster .json or .csv.")  # fmt: skip
@site_option
@json_option
def forecast(
    shift: str | None, hours: float, roster: bool, weeks: str, out: Path | None, site_folder: str | None, as_json: bool
) -> None:
    """Forecast crisis contacts by cell for the coming shifts, and keep the forecast as issued."""
    site = open_site(site_folder)
    if roster:
        if shift is not None:
            raise UsageError("CR-USE-001", "a roster starts so many weeks ahead", where="--shift", hint="say --weeks")
        from crisisrisk.commands.roster import forecast_roster

        result: ForecastResult | RosterResult = forecast_roster(site, weeks=weeks, out=out)
    else:
        from crisisrisk.commands.forecast import forecast as run

        start = None if shift is None else moment(shift, site.time_zone)
        result = run(site, start=start, hours=hours, out=out)
    if as_json:
        print_json(result.as_json())
        return
    click.echo(result.as_text())
