"""`replay`: past nights with the teams standing elsewhere."""

from pathlib import Path

import click

from crisisrisk.cli.opening import open_site
from crisisrisk.cli.printing import json_option, print_json, site_option, tell


@click.command(epilog="Example:  crisisrisk replay --from 2026-09-01 --to 2026-11-14 --shift night --teams 3")
@click.option("--from", "first", required=True, metavar="D", help="The first local day of which shifts are replayed.")
@click.option("--to", "last", required=True, metavar="D", help="The last one.")
@click.option("--teams", type=int, metavar="N", help="How many teams are on duty. Default: as the site's shifts say.")
@click.option("--shift", metavar="NAME", help="Only shifts of this name. Default: every one.")
@click.option("--base", "bases", multiple=True, metavar="SITE", help="Where a team usually stands; again for the next.")
@click.option("--travel", type=click.Path(path_type=Path), metavar="FILE",
              help="Travel times: CSV or Parquet with site_id, place_id, minutes.")  # fmt: skip
@click.option(
    "--within",
    type=float,
    default=15.0,
    show_default=True,
    metavar="MINUTES",
    help="The target that plans are made for.",
)
@click.option("--least-gain", type=float, default=0.1, show_default=True, metavar="CONTACTS",
              help="For fewer contacts no team is asked to leave its base.")  # fmt: skip
@click.option("--refit", "refit_weeks", type=click.IntRange(1, 520), metavar="WEEKS",
              help="Fit a new model every so many weeks. Default: as the recipe's backtest has it.")  # fmt: skip
@click.option("--truth", type=click.Path(path_type=Path), metavar="DIR",
              help="What only an invented city knows. Default: SITE/truth where it is there.")  # fmt: skip
@click.option("--draws", type=click.IntRange(0, 1000), default=20, show_default=True, metavar="N",
              help="Where the truth is known, play every night so many times more, drawn from it.")  # fmt: skip
@click.option("--write", is_flag=True, help="Write docs/explanation/replay.md in the repository.")
@site_option
@json_option
def replay(
    first: str, last: str, teams: int | None, shift: str | None, bases: tuple[str, ...], travel: Path | None,
    within: float, least_gain: float, refit_weeks: int | None, truth: Path | None, draws: int,
    write: bool, site_folder: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Play past shifts again under the forecast's plan and under others: who would have been reached in time.

    The forecast plan is made as it would have been before each shift, by a model that saw none of them. Stopped
    half-way, the same command goes on where it stopped.
    """
    from crisisrisk.commands.replay import Request
    from crisisrisk.commands.replay import replay as run
    from crisisrisk.positioning.plan import Wish

    site = open_site(site_folder)
    known = site.path / "truth"
    request = Request(
        first=first, last=last, teams=teams, shift=shift, bases=bases, travel=travel, refit_weeks=refit_weeks,
        truth=truth or (known if known.is_dir() else None), draws=draws,
        wish=Wish(target=within, least_gain=least_gain),
    )  # fmt: skip
    result = run(site, request, tell=tell)
    if write:
        from crisisrisk.commands.replay_page import write_page

        write_page(result)
    if as_json:
        print_json(result.as_json())
        return
    click.echo(result.as_text())
