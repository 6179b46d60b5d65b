"""`fairness`, `workload`, `card`: a finished run of people, read again from what it left behind."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from crisisrisk.cli.opening import open_site
from crisisrisk.cli.printing import json_option, print_json, site_option, table_text
from crisisrisk.tables.site import Site

RUN = click.argument("run_id", metavar="RUN")


@click.command(epilog="Example:  crisisrisk fairness 3f2c")
@RUN
@click.option("--subgroup", metavar="NAME", help="Only this subgroup, such as age.")
@site_option
@json_option
def fairness(run_id: str, subgroup: str | None, site_folder: str | None, as_json: bool) -> None:
    """Show how a run of people did by subgroup, with 95 % intervals. RUN may be shortened."""
    show_fairness(open_site(site_folder), run_id, subgroup=subgroup, as_json=as_json)


def show_fairness(site: Site, run_id: str, *, subgroup: str | None, as_json: bool) -> None:
    """Print the results by subgroup, as tables or as JSON."""
    from crisisrisk.commands.fairness import fairness as results

    found = results(site, run_id, subgroup=subgroup)
    if as_json:
        print_json(found.as_json())
        return
    click.echo(f"{found.task}  run {found.run_id[:8]}  ·  lists of {found.list_length} a team a week, 95 % intervals")
    for grouping in found.subgroups:
        click.echo("\n" + "\n".join(_grouping_lines(grouping)))


def _grouping_lines(grouping: Mapping[str, Any]) -> Iterator[str]:
    from crisisrisk.commands.fairness import SHOWN

    yield grouping["meaning"]
    headings = ["", "people", "outcomes", *(heading for _, heading in SHOWN)]
    rows = [[one["value"], one["people"], one["outcomes"], *_values(one)] for one in grouping["values"]]
    yield table_text(headings, rows)
    if grouping["merged"]:
        yield f"{grouping['merged']} small groups are put together"


def _values(one: Mapping[str, Any]) -> list[str]:
    from crisisrisk.commands.fairness import SHOWN

    if "says" in one:
        return [one["says"], *[""] * (len(SHOWN) - 1)]
    return [_interval(one[name]) for name, _ in SHOWN]


def _interval(found: Mapping[str, Any] | None) -> str:
    if found is None or found["value"] is None:
        return "–"
    ends = "" if found["lower"] is None else f" ({found['lower']:.2f}, {found['upper']:.2f})"
    return f"{found['value']:.2f}{ends}"


@click.command(epilog="Example:  crisisrisk workload 3f2c --per-team 25")
@RUN
@click.option("--per-team", type=click.IntRange(min=1), metavar="N", help="Names a list. Default: the recipe's.")
@site_option
@json_option
def workload(run_id: str, per_team: int | None, site_folder: str | None, as_json: bool) -> None:
    """Show what lists of N names mean to the teams: new names, repeats, crises listed first, days ahead."""
    from crisisrisk.commands.workload import workload_of

    found = workload_of(open_site(site_folder), run_id, per_team=per_team)
    if as_json:
        print_json(found.as_json())
        return
    model = found.model
    click.echo(
        f"{found.task}  run {found.run_id[:8]}  ·  {len(model.weeks)} weekly lists, {model.per_team} names a team\n"
    )
    headings = ["", "names a week", "new", "repeats", "first time", "with a crisis contact", "crises", "listed first",
                "days ahead"]  # fmt: skip
    rows = [_workload_row(team.team, team) for team in (*model.teams, model.everybody)]
    click.echo(table_text(headings, rows))
    click.echo("\nthe same lists by the simple rules, all teams")
    click.echo(table_text(headings, [_workload_row(name, team) for name, team in found.baselines.items()]))
    click.echo(f"\n{_meaning(model.horizon_days, every=model.every_crisis)}")


@click.command(epilog="Example:  crisisrisk card 3f2c --out trust-sheet.html")
@RUN
@click.option("--out", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help=(
    "One file: .html, .json, or of people .md. Default: all, in the site's reports."))  # fmt: skip
@site_option
@json_option
def card(run_id: str, out: Path | None, site_folder: str | None, as_json: bool) -> None:
    """Write the trust sheet of a run, fit for release: how it was made, how it did, what it is not for."""
    from crisisrisk.commands.card import card as write

    found = write(open_site(site_folder), run_id, out=out)
    if as_json:
        print_json(found.as_json())
        return
    for path in found.files:
        click.echo(str(path))


def _workload_row(name: str, team: Any) -> list[object]:
    share = "" if not team.crises else f" ({100 * team.listed_first / team.crises:.0f} in 100)"
    ahead = "–" if team.days_ahead is None else "{1:.0f} ({0:.0f} to {2:.0f})".format(*team.days_ahead)
    useful = "–" if team.useful != team.useful else f"{100 * team.useful:.0f} in 100"
    return [name.replace("_", " "), *(_round(value) for value in (team.names_a_week, team.new_a_week,
            team.repeats_a_week, team.first_time_a_week)), useful, team.crises, f"{team.listed_first}{share}",
            ahead]  # fmt: skip


def _round(value: float) -> str:
    return "–" if value != value else f"{value:.1f}"


def _meaning(horizon_days: int, *, every: bool) -> str:
    edges = (
        "all crises are counted, those at the edges too, for which lists are missing" if every
        else "only crises whose every list exists are counted"
    )  # fmt: skip
    return (
        f"listed first: on a list in the {horizon_days} days before the crisis; days ahead: median and quartiles from "
        f"the first such list\nnew: not on the list of the week before; first time: on no earlier list; {edges}"
    )
