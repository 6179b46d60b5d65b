"""How far below the truth of an invented city our models are, as a page."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import fill

from crisisrisk.errors import UsageError
from crisisrisk.evaluation.oracle import MODEL, THRESHOLDS, TRUTH, IntensityBesideTruth, RiskBesideTruth
from crisisrisk.shipped import repository
from crisisrisk.tables.site import Site
from crisisrisk.training.oracle import FIVE_FACTORS, LATENT_CONDITION, OracleReport, oracle_report

PAGE = Path("docs") / "explanation" / "oracle.md"
HEAD = """# What could be known, and how much of it our models know

In an invented city the truth is known: for each person and Monday the probability of a contact with a crisis service
within 28 days given the latent state *at that moment*, for each cell and shift the expected number of contacts given
the latent state when the forecast is issued. Both are integrated over futures: no realised course of events is looked
at. No forecast made from contacts can do better on average. This page is written by a command, never by hand:

    crisisrisk simulate oracle --site {site} --write
"""


def oracle(site: Site, truth: Path, *, tell: Callable[[str], None]) -> OracleReport:
    """The report on a site that `crisisrisk simulate` wrote and whose files were loaded, and on its truth."""
    return oracle_report(site, truth, tell=tell)


def write_page(report: OracleReport, truth: Path) -> Path:
    """Write the page into the repository. Raises UsageError outside of one."""
    root = repository()
    if root is None:
        raise UsageError("CR-USE-001", "the page is written in the repository only", hint="leave --write out")
    path = root / PAGE
    path.write_text(page(report, truth), encoding="utf-8")
    return path


def page(report: OracleReport, truth: Path) -> str:
    """The report in Markdown."""
    city = json.loads((truth / "settings.json").read_text(encoding="utf-8"))
    made = fill(
        f"The city: preset {city['preset']}, seed {city['seed']}, {city['people']:,} people, {city['years']:g} years, "
        f"parameters {str(city['digest'])[:12]}. Judged on rows that no model saw.",
        118,
    )
    parts = [HEAD.format(site="DIR"), made, _people(report), _places(report), _why(report)]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _people(report: OracleReport) -> str:
    head = _section(
        "## People: the next 28 days",
        f"{report.rows:,} person-weeks of {report.weeks} weekly lists, "
        f"{report.outcomes:,} outcomes ({report.outcomes / report.rows:.1%}). Net benefit counts true finds less false "
        "alarms, per 10,000 person-weeks, at four thresholds.",
    )
    benefit = [f"net benefit at {threshold:.0%}" for threshold in THRESHOLDS]
    titles = ["", "AUROC", "AUPRC", "share of the truth's AUPRC", "Brier", "calibration slope", *benefit]
    return head + table(titles, [_risk_line(row) for row in report.people])


def _risk_line(row: RiskBesideTruth) -> list[str]:
    benefit = [f"{10_000 * value:.1f}" for value in row.net_benefit] if row.net_benefit else ["–"] * len(THRESHOLDS)
    return [
        _name(row.name), f"{row.auroc:.3f}", f"{row.auprc:.4f}", f"{row.auprc_of_truth:.0%}",
        _or_dash(row.brier, 5), _or_dash(row.calibration_slope, 2), *benefit,
    ]  # fmt: skip


def _places(report: OracleReport) -> str:
    head = _section(
        "## Places: the next shift",
        f"{report.shifts:,} shifts × {report.cells:,} cells, "
        f"{report.contacts:,} contacts. The share of the way is how much of the distance from the best simple forecast "
        "to the truth is covered.",
    )
    titles = ["", "Poisson deviance", "share of the way", "log score", "expected ÷ happened", "PAI at 2 % of the area"]
    return head + table(titles, [_place_line(row) for row in report.places])


def _place_line(row: IntensityBesideTruth) -> list[str]:
    return [
        _name(row.name), f"{row.deviance:.4f}", f"{row.deviance_reached:.0%}", f"{row.log_score:.4f}",
        f"{row.calibration_ratio:.3f}", f"{row.pai_2:.2f}",
    ]  # fmt: skip


def _why(report: OracleReport) -> str:
    people = {row.name: row for row in report.people}
    places = {row.name: row for row in report.places}
    model, condition, five = people[MODEL], people[LATENT_CONDITION], people[FIVE_FACTORS]
    points = (
        f"- **People.** The model reaches {model.auprc_of_truth:.0%} of the truth's AUPRC, the five-factor regression "
        f"{five.auprc_of_truth:.0%}. The truth sees what nobody records: how somebody fares (stable, worsening, "
        "recovering), the slow drift of their life, and whether a strain of these weeks is still with them. Knowing "
        "only the first of these, and nothing of the person's history, would reach "
        f"{condition.auprc_of_truth:.0%}. What the model knows of them it must infer from contacts that some make "
        "often and some never, that become known late and that may not carry a name.",
        f"- **Places.** The model covers {places[MODEL].deviance_reached:.0%} of the way from the best simple forecast "
        f"to the truth (deviance {places[MODEL].deviance:.4f}, the truth's {places[TRUTH].deviance:.4f}). What chance "
        "does to counts of a few is in both and cannot be forecast; what is left is the drift of the map and of the "
        "city's mood, which the model sees late.",
        "- A model **above** the truth by more than noise would be looking at the future: this page would show it "
        "first.",
    )
    return "## How far below, and why\n\n" + "\n".join(fill(point, 118, subsequent_indent="  ") for point in points)


def _section(title: str, text: str) -> str:
    return f"{title}\n\n{fill(text, 118)}\n\n"


def table(titles: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table, numbers to the right."""
    rule = ["---", *["---:"] * (len(titles) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in (titles, rule, *lines))


def _name(name: str) -> str:
    shown = name.replace("_", " ")
    return f"**{shown}**" if name in (TRUTH, MODEL) else shown


def _or_dash(value: float | None, decimals: int) -> str:
    return "–" if value is None or value != value else f"{value:.{decimals}f}"
