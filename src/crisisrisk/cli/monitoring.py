"""`monitor`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from crisisrisk.cli.opening import open_site
from crisisrisk.cli.printing import json_option, print_json, print_table, site_option

if TYPE_CHECKING:
    from crisisrisk.commands.monitor import Monitoring, Week

LIMIT_CROSSED = 1
_HEADINGS = ("week", "model", "people", "outcomes", "expected", "in the large", "slope", "AUROC", "listed", "precision",
             "not scored", "shift")  # fmt: skip

HIGHER = (
    "Weeks of two versions gave the higher of two numbers: too high on average while two are compared. They are left "
    "out of the figures that are held to limits."
)


@click.command(epilog="Example:  crisisrisk monitor --json")
@site_option
@json_option
def monitor(site_folder: str | None, as_json: bool) -> int:
    """Show how scores turned out, by week, from matured outcomes only. Exit code 1 when a limit is crossed.

    A scoring has matured when its horizon is over and the records of it are complete. Nobody is named.
    """
    from crisisrisk.commands.monitor import monitor as run

    site = open_site(site_folder)
    result = run(site)
    if as_json:
        print_json(result.as_json())
    else:
        _print(result, site.time_zone)
    return 0 if result.passed else LIMIT_CROSSED


def _print(result: "Monitoring", zone: ZoneInfo) -> None:
    click.echo(f"{result.model}: {_runs(result)}")
    if not result.weeks:
        return
    print_table(_HEADINGS, [_line(week, zone) for week in result.weeks])
    click.echo(f"\nstates in the last of them: {_states(result.weeks[-1])}")
    click.echo(_shown(result))
    if any(week.former_versions for week in result.weeks):
        click.echo(f"\n({HIGHER})")
    click.echo(f"\nthe last {result.recent_weeks} of these weeks, {result.recent_outcomes:,} outcomes")
    for check in result.checks:
        click.echo(f"  {check}")
    click.echo("no limit is crossed" if result.passed else "A LIMIT IS CROSSED: see docs/how-to/monitor.md")


def _runs(result: "Monitoring") -> str:
    from crisisrisk.commands.monitor import NO_RUNS

    if result.status == NO_RUNS:
        return "nobody has been scored yet"
    left_out = [
        f"{number:,} {what}"
        for number, what in (
            (result.not_matured, "not matured, left out"),
            (result.same_week, "earlier in a week"),
            (result.afterwards, "made afterwards by a model that had seen what came, left out"),
        )
        if number
    ]
    ends = result.next_horizon_ends
    when = "" if ends is None else f"; the next horizon ends on {ends:%-d %b %Y}"
    said = f"{result.stored:,} scorings, {len(result.weeks):,} matured weeks" + "".join(f", {one}" for one in left_out)
    return said + when


def _line(week: "Week", zone: ZoneInfo) -> list[object]:
    found = week.figures
    figures = [_number(found[name], places) for name, places in (
        ("calibration_in_the_large", 2), ("calibration_slope", 2), ("auroc", 3))]  # fmt: skip
    return [
        f"{week.as_of.astimezone(zone):%Y-%m-%d}", _whose(week), found["people"], found["outcomes"],
        _number(found["expected"], 1), *figures, found["listed"], _number(found["precision_at_list_length"], 2),
        f"{1 - week.states.get('scored', 0.0):.0%}", _number(week.score_shift, 3),
    ]  # fmt: skip


def _whose(week: "Week") -> str:
    """ "v6", or "v6/v5" where the higher of both counted."""
    return "/".join(f"v{number}" for number in (week.model_version, *week.former_versions))


def _number(value: float, places: int) -> str:
    return "–" if value != value else f"{value:.{places}f}"


def _states(week: "Week") -> str:
    shares = sorted(week.states.items(), key=lambda pair: (-pair[1], pair[0]))
    return " · ".join(f"{state.replace('_', ' ')} {share:.0%}" for state, share in shares)


def _shown(result: "Monitoring") -> str:
    from crisisrisk.commands.monitor import NOT_CARE

    if result.shown is None:
        return "no exposures are loaded: nothing is said of who was shown"
    parts = [f"{name.replace('_', ' ')}: {_of(one)}" for name, one in result.shown.items()]
    return " · ".join(parts) + f"\n({NOT_CARE})"


def _of(figures: Mapping[str, Any]) -> str:
    said, came = (_number(100 * figures[name], 1) for name in ("said", "came"))
    return f"{figures['people']:,} scores, said {said} in 100, came {came}"
