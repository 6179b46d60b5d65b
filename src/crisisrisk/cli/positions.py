"""`positions`: where teams should stand."""

from pathlib import Path

import click

from crisisrisk.cli.opening import moment, open_site
from crisisrisk.cli.printing import json_option, print_json, site_option


@click.command(epilog="Example:  crisisrisk positions --shift 2026-11-22T22:00 --teams 3")
@click.option("--shift", metavar="START", help="When the shift starts. Default: the next one.")
@click.option("--teams", type=int, metavar="N",
              help="How many teams are on duty. Default: those that the site declares.")  # fmt: skip
@click.option("--base", "bases", multiple=True, metavar="SITE", help="Where a team usually stands; again for the next.")
@click.option("--full", multiple=True, metavar="SITE", help="A site that is full or closed tonight; again for more.")
@click.option("--travel", type=click.Path(path_type=Path), metavar="FILE",
              help="Travel times: CSV or Parquet with site_id, place_id, minutes.")  # fmt: skip
@click.option(
    "--within", type=float, default=15.0, show_default=True, metavar="MINUTES", help="The target to arrive in."
)
@click.option("--least-gain", type=float, default=0.1, show_default=True, metavar="CONTACTS",
              help="For fewer contacts no team is asked to leave its base.")  # fmt: skip
@click.option("--floor", "floors", type=(str, float), multiple=True, metavar="GROUP SHARE",
              help="Least share of the average cover in a group: 'most deprived fifth', 'country'.")  # fmt: skip
@click.option("--periods", type=int, default=1, show_default=True, metavar="1|2",
              help="Periods of the shift, between which teams may move.")  # fmt: skip
@click.option("--move-cost", type=float, default=0.1, show_default=True, metavar="CONTACTS",
              help="Contacts that each move between periods must gain.")  # fmt: skip
@click.option("--model", type=click.Choice(["cover", "double-standard", "p-median"]), default="cover",
              show_default=True, help="Most contacts find a free team, are reached twice, or wait least.")  # fmt: skip
@click.option(
    "--seconds", type=float, default=10.0, show_default=True, metavar="S", help="How long the answer may take."
)
@click.option("--try", "only_asked", is_flag=True,
              help="Only ask: the plan of the shift, which the board and the briefing have, stays.")  # fmt: skip
@site_option
@json_option
def positions(
    shift: str | None, teams: int | None, bases: tuple[str, ...], full: tuple[str, ...], travel: Path | None,
    within: float, least_gain: float, floors: tuple[tuple[str, float], ...], periods: int, move_cost: float,
    model: str, seconds: float, only_asked: bool, site_folder: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Say where teams should stand in a shift, what that covers, and what one more change would do."""
    from crisisrisk.commands.place_teams import positions as run
    from crisisrisk.positioning.plan import Wish

    site = open_site(site_folder)
    start = None if shift is None else moment(shift, site.time_zone)
    wish = Wish(target=within, least_gain=least_gain, floors=floors, seconds=seconds, periods=periods,
                move_cost=move_cost, model=model)  # fmt: skip
    result = run(site, start=start, teams=teams, bases=bases, full=full, travel=travel, wish=wish,
                 use=not only_asked)  # fmt: skip
    if as_json:
        print_json(result.as_json())
        return
    click.echo(result.as_text())
