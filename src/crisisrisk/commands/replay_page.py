"""A replay of an invented city as a page, made from its JSON alone."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

from crisisrisk.commands.oracle import table
from crisisrisk.commands.replay_report import ReplayReport
from crisisrisk.errors import UsageError
from crisisrisk.positioning.past_plans import FIXED, FORECAST, FORESIGHT, LAST_MONTH, NEVER_BUSY, RESIDENTS, TRUE
from crisisrisk.shipped import repository

PAGE, CONTENT = Path("docs") / "explanation" / "replay.md", Path("docs") / "explanation" / "replay.json"
WIDTH = 118
BELOW_POINTS, OF_TRUE = 0.5, 0.97
HEAD = """<!-- made by `crisisrisk replay --write` from replay.json; do not edit -->

# What a plan is worth: past nights played again
"""
HOW = (
    "Teams stand where a plan puts them. Contacts come as they came: those that the forecast is of, each incident "
    "once, in the cell and at the minute where they happened. The nearest free team goes; with none free, whichever "
    "can be there first once it is; a team that is done heads home and can be sent elsewhere on the way. Every plan "
    "meets the same contacts with the same times at the scene, so that what differs between two plans is where teams "
    "stood. Differences are of the forecast plan less the other one, in points of the share reached, with 95 % "
    "intervals from weeks drawn again."
)
WHO = {
    FORECAST: "what `crisisrisk positions` plans from a forecast issued before the shift, by a model that saw no night "
    "of those played",
    NEVER_BUSY: "the same forecast, planned as if teams were never away (MCLP)",
    FIXED: "every team at its base",
    RESIDENTS: "planned for residents in place of contacts, anew every 28 shifts",
    LAST_MONTH: "planned for the contacts of the 28 days before, as known when the night was planned",
    TRUE: "planned like the forecast from the intensity that the invented city is made with, as it stood when the "
    "forecast was issued: no forecast knows more, though the same way of planning need not make the most of it",
    FORESIGHT: "knows every contact of the night, when, where and how long it lasts, and stands at the best places "
    "that are found by moving one team at a time from every other plan, of which none can do better. It is no proven "
    "best: two teams moved at once might gain more. It keeps the rule of who goes, and nobody moves within the shift",
}


def write_page(report: ReplayReport) -> Path:
    """Write the page and what it is made from into the repository, in place of the run with the same teams.

    Raises UsageError outside of one.
    """
    root = repository()
    if root is None:
        raise UsageError("CR-USE-001", "the page is written in the repository only", hint="leave --write out")
    new, file = report.found(), root / CONTENT
    kept = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    runs = [*(one for one in kept if one["teams"] != new["teams"]), new]
    runs.sort(key=lambda one: sorted(one["teams"].items()))
    file.write_text(json.dumps(runs, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (root / PAGE).write_text(page(runs), encoding="utf-8")
    return root / PAGE


def page(runs: Sequence[Mapping[str, Any]]) -> str:
    """The page of some answers of `replay --json`."""
    parts = [HEAD, fill(HOW, WIDTH), _who(runs[0]), *(part for run in runs for part in _run(run))]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _run(content: Mapping[str, Any]) -> list[str]:
    parts = [f"## {_teams(content)}", fill(_what(content), WIDTH), _table(content), _again(content), _bars(content)]
    return [*parts, _most(content)]


def _teams(content: Mapping[str, Any]) -> str:
    return ", ".join(f"{teams} teams in shift {name}" for name, teams in content["teams"].items())


def _what(content: Mapping[str, Any]) -> str:
    return (
        f"{content['site']}: {content['shifts']:,} shifts from {content['from']} to {content['to']} "
        f"({content['shifts_left_out']} left out), {content['contacts']:,} contacts; plans for "
        f"{content['target_minutes']:g} minutes. Forecasts by {content['forecast_by']}, issued "
        f"{content['issue_hours']:g} hours before each shift. Service: {content['service']}. "
        f"Travel: {content['travel']}."
    )


def _table(content: Mapping[str, Any]) -> str:
    titles = [
        "plan", "within 15 min", "within 30 min", "forecast less this, 15 min", "30 min", "mean travel",
        "90th percentile", "queued", "teams away from base",
    ]  # fmt: skip
    return table(titles, [_line(content, name) for name in content["plans"]])


def _line(content: Mapping[str, Any], name: str) -> list[str]:
    one, beside = content["plans"][name], content["forecast_less"].get(name, {})
    return [
        f"**{name}**" if name == FORECAST else name, f"{one['covered_15']:.1%}", f"{one['covered_30']:.1%}",
        *(_points(beside.get(key)) for key in ("covered_15", "covered_30")),
        *(_minutes(one[key]) for key in ("mean_travel", "travel_90")),
        f"{one['queued']:,}", f"{one['moves_a_night']:.1f}",
    ]  # fmt: skip


def _points(beside: Mapping[str, Any] | None) -> str:
    if beside is None:
        return "–"
    mean = f"{100 * beside['mean']:+.2f}"
    if beside["lower"] is None:
        return f"{mean} (too few weeks for a range)"
    return f"{mean} ({100 * beside['lower']:+.2f} to {100 * beside['upper']:+.2f})"


def _minutes(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} min"


def _again(content: Mapping[str, Any]) -> str:
    """The same nights drawn again, where that was done."""
    again = content.get("drawn_again")
    if again is None:
        return ""
    said = fill(
        f"The same nights drawn {again['draws']} times from the city's truth, each cell by itself, at minutes at which "
        "contacts of such nights came. That year was one draw; this is what it was drawn from. The intervals are from "
        "weeks drawn again, with all their draws:", WIDTH,
    )  # fmt: skip
    titles = ["plan", "within 15 min", "within 30 min", "forecast less this, 15 min", "30 min"]
    lines = []
    for name, one in again["plans"].items():
        beside = again["forecast_less"].get(name, {})
        shares = (f"{one[key]:.1%}" for key in ("covered_15", "covered_30"))
        points = (_points(beside.get(key)) for key in ("covered_15", "covered_30"))
        lines.append([f"**{name}**" if name == FORECAST else name, *shares, *points])
    return f"{said}\n\n{table(titles, lines)}"


def _bars(content: Mapping[str, Any]) -> str:
    """What was wanted of the forecast plan, and whether it is so: of the year that came, and drawn again."""
    again = content.get("drawn_again")
    came = _wanted(content)
    if again is None:
        return table(["wanted", "found", "reached"], [[name, *found] for name, found in came.items()])
    titles = ["wanted", "found in the year that came", "reached", f"drawn {again['draws']} times", "reached"]
    return table(titles, [[name, *found, *_wanted(again)[name]] for name, found in came.items()])


def _wanted(content: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """By what was wanted, what was found, and whether that reaches it."""
    beside = {name: one["covered_15"] for name, one in content["forecast_less"].items()}
    above = {f"above {name}, the interval without 0": name for name in (FIXED, RESIDENTS) if name in beside}
    not_below = {f"not {BELOW_POINTS} points below {name}": name for name in (LAST_MONTH, NEVER_BUSY) if name in beside}
    rows: list[tuple[str, str, bool]] = [
        *((text, _points(beside[name]), (beside[name]["lower"] or 0.0) > 0) for text, name in above.items()),
        *((text, _points(beside[name]), _not_below(beside[name])) for text, name in not_below.items()),
    ]
    if content["share_of_true"] is not None:
        share = content["share_of_true"]
        rows.append((f"at least {OF_TRUE:.0%} of the plan from the true intensity", f"{share:.1%}", share >= OF_TRUE))
    return {text: (found, "yes" if kept else "**no**") for text, found, kept in rows}


def _not_below(beside: Mapping[str, float]) -> bool:
    return 100 * beside["mean"] >= -BELOW_POINTS


def _who(content: Mapping[str, Any]) -> str:
    lines = [fill(f"- {name}: {WHO[name]}", WIDTH, subsequent_indent="  ") for name in content["plans"]]
    return "\n".join(lines)


def _most(content: Mapping[str, Any]) -> str:
    reach = content["reachable"]
    return fill(
        f"With a free team at every site {reach['covered_15']:.1%} would be reached within 15 minutes and "
        f"{reach['covered_30']:.1%} within 30: above that no plan can come.", WIDTH,
    )  # fmt: skip
