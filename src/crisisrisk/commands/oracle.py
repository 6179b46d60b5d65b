"""How far below the truth of an invented city our models are, as a page."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

from crisisrisk.errors import UsageError
from crisisrisk.evaluation.oracle import (
    CONTACTS,
    MODEL,
    THRESHOLDS,
    TRUTH,
    IntensityBesideTruth,
    RiskBesideTruth,
)
from crisisrisk.shipped import repository
from crisisrisk.simulation.configuration import settings_of_truth
from crisisrisk.simulation.told_places import told_of_places
from crisisrisk.simulation.truth_contacts import told_by_contacts
from crisisrisk.tables.site import Site
from crisisrisk.training.oracle import (
    FIVE_FACTORS,
    LATENT_CONDITION,
    ONE_YEAR_COUNT,
    OracleReport,
    PeopleReport,
    PlacesToldByContacts,
    ToldByContacts,
    both_reports,
    oracle_report,
    people_report,
    places_report,
)

PAGE = Path("docs") / "explanation" / "oracle.md"
RESULTS = PAGE.with_suffix(".json")
"""The people's part of the page as numbers, so that places can be judged again without it."""
HEAD = """# What could be known, and how much of it our models know

In an invented city the truth is known: for each person and Monday the probability of a contact with a crisis service
within 28 days given the latent state *at that moment*, for each cell and shift the expected number of contacts given
the latent state when the forecast is issued. Both are integrated over futures: no realised course of events is looked
at. No forecast made from contacts can do better on average.

Nor is the latent state ever seen. What contacts can tell at most is worked out too: the chance of every latent state
given all contacts before that moment, for somebody who knows every parameter of the city and the lasting traits of each
person, who hears of everything at once and always knows whom it concerns. That too is more than any service has. Of
places it is the same, with how each cell drifts as far as incidents before the issue tell, given the mood of the city.

This page is written by a command, never by hand:

    crisisrisk simulate oracle --site {site} --write

With `--only places` it judges places again, and takes the people's part from `oracle.json` beside this page.
"""
# How much better than two baselines boosted trees ranked 59,750 real patients (Cell Reports Medicine 2023, 28 days).
PUBLISHED = {ONE_YEAR_COUNT: 3.25, FIVE_FACTORS: 2.0}
Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class CityPeople:
    """A city in words, and its people as judged."""

    city: str
    people: PeopleReport


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Everything on the page: people and places of the city, and the people of others."""

    city: str
    report: OracleReport
    others: tuple[CityPeople, ...] = ()

    @property
    def people(self) -> tuple[CityPeople, ...]:
        """The people of every city, its own first."""
        return (CityPeople(city=self.city, people=self.report.people_alone()), *self.others)

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return self.report.as_json() | {"others": [other.people.as_json() for other in self.others]}


def oracle(site: Site, truth: Path, others: Sequence[Site] = (), *, tell: Tell) -> Judged:
    """Judge a site that `crisisrisk simulate` wrote and whose files were loaded, and the people of other such sites."""
    report = oracle_report(site, truth, told=_told(truth, tell), told_of_places=_told_of_places(truth, tell), tell=tell)
    return Judged(city=_city(truth), report=report, others=tuple(_other_city(other, tell) for other in others))


def only_places(site: Site, truth: Path, *, tell: Tell) -> Judged:
    """Judge the site's places again; of people what the page was written with.

    Raises UsageError outside of the repository, or where the page is of another city.
    """
    stored = read_people(_root() / RESULTS)
    if stored[0].city != (city := _city(truth)):
        raise UsageError(
            "CR-USE-001", "the page's people are of another city", where=str(RESULTS), found=stored[0].city,
            wanted=city, hint="leave --only out, or judge the city that the page is of",
        )  # fmt: skip
    places = places_report(site, truth, told=_told_of_places(truth, tell), tell=tell)
    return Judged(city=city, report=both_reports(stored[0].people, places), others=stored[1:])


def _other_city(site: Site, tell: Tell) -> CityPeople:
    """Its truth/ stands in it."""
    truth = site.path / "truth"
    return CityPeople(city=_city(truth), people=people_report(site, truth, told=_told(truth, tell), tell=tell))


def read_people(path: Path) -> tuple[CityPeople, ...]:
    """What `write_page` kept of people. Raises UsageError where that is missing or not whole."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))["people"]
        return tuple(CityPeople(city=one["city"], people=PeopleReport.from_json(one)) for one in kept)
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(
            "CR-USE-001", "the people's part of the page cannot be read", where=str(RESULTS),
            hint="write the whole page once, without --only",
        ) from None  # fmt: skip


def _told(truth: Path, tell: Tell) -> ToldByContacts:
    return lambda as_of: told_by_contacts(settings_of_truth(truth), as_of, tell=tell)


def _told_of_places(truth: Path, tell: Tell) -> PlacesToldByContacts:
    return lambda starts: told_of_places(settings_of_truth(truth), starts, tell=tell)


def write_page(judged: Judged) -> Path:
    """Write the page into the repository, and beside it what of people it was made from.

    Raises UsageError outside of the repository.
    """
    path = _root() / PAGE
    people = [{"city": one.city, **one.people.as_json()} for one in judged.people]
    text = json.dumps({"people": people}, indent=1, ensure_ascii=False, allow_nan=False)
    path.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
    path.write_text(page(judged), encoding="utf-8")
    return path


def _root() -> Path:
    root = repository()
    if root is None:
        raise UsageError("CR-USE-001", "the page is written in the repository only", hint="leave --write out")
    return root


def page(judged: Judged) -> str:
    """The report in Markdown."""
    report = judged.report
    made = fill(f"The city: {judged.city}. Judged on rows that no model saw.", 118)
    elsewhere = _elsewhere(judged.people) if judged.others else ""
    parts = [HEAD.format(site="DIR"), made, _people(report), elsewhere, _places(report), _why(report)]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _city(truth: Path) -> str:
    city = json.loads((truth / "settings.json").read_text(encoding="utf-8"))
    return (
        f"preset {city['preset']}, seed {city['seed']}, {city['people']:,} people, {city['years']:g} years, "
        f"parameters {str(city['digest'])[:12]}"
    )


def _elsewhere(cities: Sequence[CityPeople]) -> str:
    head = _section(
        "### The same in other cities",
        "Nothing was tuned on them. AUPRC as so many times that of two baselines, by the model and by the most that "
        "contacts can tell.",
    )
    titles = [
        "", "AUROC", "AUPRC", "share of what contacts can tell", "calibration slope", "× one-year count",
        "× five factors", "contacts: × one-year count", "contacts: × five factors",
    ]  # fmt: skip
    return head + table(titles, [_city_line(one.city, one.people) for one in cities])


def _city_line(city: str, report: PeopleReport) -> list[str]:
    model = _by_name(report)[MODEL]
    ratios = [_times(report, name, than) for name in (MODEL, CONTACTS) for than in PUBLISHED]
    return [
        city, f"{model.auroc:.3f}", f"{model.auprc:.4f}", f"{model.auprc_of_contacts:.0%}",
        _or_dash(model.calibration_slope, 2), *(f"{ratio:.2f}" for ratio in ratios),
    ]  # fmt: skip


def _by_name(report: PeopleReport) -> dict[str, RiskBesideTruth]:
    return {row.name: row for row in report.people}


def _times(report: PeopleReport, name: str, than: str) -> float:
    rows = _by_name(report)
    return rows[name].auprc / rows[than].auprc


def _people(report: OracleReport) -> str:
    head = _section(
        "## People: the next 28 days",
        f"{report.rows:,} person-weeks of {report.weeks} weekly lists, "
        f"{report.outcomes:,} outcomes ({report.outcomes / report.rows:.1%}). Net benefit counts true finds less false "
        "alarms, per 10,000 person-weeks, at four thresholds.",
    )
    benefit = [f"net benefit at {threshold:.0%}" for threshold in THRESHOLDS]
    titles = [
        "", "AUROC", "AUPRC", "share of the truth's AUPRC", "share of what contacts can tell", "Brier",
        "calibration slope", *benefit,
    ]  # fmt: skip
    return head + table(titles, [_risk_line(row) for row in report.people])


def _risk_line(row: RiskBesideTruth) -> list[str]:
    benefit = [f"{10_000 * value:.1f}" for value in row.net_benefit] if row.net_benefit else ["–"] * len(THRESHOLDS)
    return [
        _name(row.name), f"{row.auroc:.3f}", f"{row.auprc:.4f}", f"{row.auprc_of_truth:.0%}",
        f"{row.auprc_of_contacts:.0%}", _or_dash(row.brier, 5), _or_dash(row.calibration_slope, 2), *benefit,
    ]  # fmt: skip


def _places(report: OracleReport) -> str:
    head = _section(
        "## Places: the next shift",
        f"{report.shifts:,} shifts × {report.cells:,} cells, "
        f"{report.contacts:,} contacts, counted as always: one report of each incident, a person at most so often. The "
        "truth is of contacts as they are recorded; how many of those count is learned from the shifts before. The "
        "share of the way is how much of the distance from the best simple forecast to the truth, or to what contacts "
        f"can tell, is covered. The model reads {report.places_made_with}.",
    )
    titles = [
        "", "Poisson deviance", "share of the way", "of the way contacts can tell", "log score", "expected ÷ happened",
        "PAI at 2 % of the area", "hit rate at 5 % of the area", "share of the truth's",
    ]  # fmt: skip
    return head + table(titles, [_place_line(row) for row in report.places])


def _place_line(row: IntensityBesideTruth) -> list[str]:
    return [
        _name(row.name), f"{row.deviance:.4f}", f"{row.deviance_reached:.0%}",
        f"{row.deviance_reached_of_contacts:.0%}", f"{row.log_score:.4f}", f"{row.calibration_ratio:.3f}",
        f"{row.pai_2:.2f}", f"{row.hit_rate_5:.1%}", f"{row.hit_rate_5_of_truth:.0%}",
    ]  # fmt: skip


def _why(report: OracleReport) -> str:
    people = _by_name(report)
    places = {row.name: row for row in report.places}
    model, condition, five = people[MODEL], people[LATENT_CONDITION], people[FIVE_FACTORS]
    points = (
        f"- **People.** The model reaches {model.auprc_of_truth:.0%} of the truth's AUPRC, the five-factor regression "
        f"{five.auprc_of_truth:.0%}. The truth sees what nobody records: how somebody fares (stable, worsening, "
        "recovering), the slow drift of their life, and whether a strain of these weeks is still with them. Knowing "
        "only the first of these, and nothing of the person's history, would reach "
        f"{condition.auprc_of_truth:.0%}. What the model knows of them it must infer from contacts that some make "
        "often and some never, that become known late and that may not carry a name.",
        f"- **What contacts can tell** at most is {people[CONTACTS].auprc_of_truth:.0%} of the truth's AUPRC: the rest "
        "is in no record of this city. The model reaches "
        f"{model.auprc_of_contacts:.0%} of that, and {_benefit_share(model, people[CONTACTS])} of its net benefit at "
        f"{THRESHOLDS[1]:.0%}. What separates the two is what a service does not have: the parameters, each person's "
        "lasting traits, and contacts that are known at once and never without a name.",
        f"- **Beside the baselines** the model's AUPRC is {_beside(report, MODEL)}. The most that contacts can tell is "
        f"{_beside(report, CONTACTS)}. Boosted trees on 59,750 real patients reached "
        f"{PUBLISHED[ONE_YEAR_COUNT]:.2f} and {PUBLISHED[FIVE_FACTORS]:.2f} times.{_out_of_reach(report)}",
        _why_of_places(places),
        "- A model **above** the truth by more than noise would be looking at the future: this page would show it "
        "first.",
    )
    return "## How far below, and why\n\n" + "\n".join(fill(point, 118, subsequent_indent="  ") for point in points)


def _why_of_places(places: Mapping[str, IntensityBesideTruth]) -> str:
    model, truth, told = places[MODEL], places[TRUTH], places[CONTACTS]
    return (
        f"- **Places.** The model covers {model.deviance_reached:.0%} of the way from the best simple forecast to the "
        f"truth (deviance {model.deviance:.4f}, the truth's {truth.deviance:.4f}), and the 5 % of the area that it "
        f"puts first hold {model.hit_rate_5_of_truth:.0%} of the contacts that the truth's hold. What chance does to "
        "counts of a few is in both and cannot be forecast. Contacts can tell at most "
        f"{told.deviance_reached:.0%} of the way: the other {1 - told.deviance_reached:.0%} are latent, how known "
        "people fare and how the map drifts, and no record tells of it. The "
        f"{told.deviance_reached - model.deviance_reached:.0%} between that and the model are lost in estimating. "
        f"Of what can be told the model has {model.deviance_reached_of_contacts:.0%}; what it lacks is the parameters, "
        "who lives where with which lasting traits, which of the incidents are of people whom nobody can name, and "
        "the mood of the city, all of which whoever works out that line knows."
    )


def _beside(report: PeopleReport, name: str) -> str:
    return (
        f"{_times(report, name, ONE_YEAR_COUNT):.2f} times that of the one-year count and "
        f"{_times(report, name, FIVE_FACTORS):.2f} times that of the five-factor regression"
    )


def _out_of_reach(report: PeopleReport) -> str:
    """Where the published ratios are above what contacts can tell in this city."""
    if all(_times(report, CONTACTS, than) >= published for than, published in PUBLISHED.items()):
        return ""
    return (
        " No model can reach all of that in this city: its contacts say less of what is coming than those records did."
    )


def _benefit_share(row: RiskBesideTruth, of: RiskBesideTruth) -> str:
    if row.net_benefit is None or of.net_benefit is None or of.net_benefit[1] <= 0:
        return "–"
    return f"{row.net_benefit[1] / of.net_benefit[1]:.0%}"


def _section(title: str, text: str) -> str:
    return f"{title}\n\n{fill(text, 118)}\n\n"


def table(titles: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table, numbers to the right."""
    rule = ["---", *["---:"] * (len(titles) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in (titles, rule, *lines))


def _name(name: str) -> str:
    shown = name.replace("_", " ")
    return f"**{shown}**" if name in (TRUTH, CONTACTS, MODEL) else shown


def _or_dash(value: float | None, decimals: int) -> str:
    return "–" if value is None or value != value else f"{value:.{decimals}f}"
