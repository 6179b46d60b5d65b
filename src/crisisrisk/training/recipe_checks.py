"""What a training recipe names must exist, and fit together. Every problem is collected."""

from collections.abc import Collection, Iterable
from typing import Any

from crisisrisk.errors import SiteError, TimeError, did_you_mean
from crisisrisk.features.counting import NOT_DEMAND
from crisisrisk.tables.cell_settings import CellSettings
from crisisrisk.tables.core import MODES
from crisisrisk.timeline import rhythm
from crisisrisk.training.settings import Problem


def check_outcome(outcome: Any, sources: Collection[str], problems: list[Problem]) -> None:
    """The sources, doors and codes that an outcome names."""
    named = [*outcome.sources, *(source for source, _ in outcome.codes), *(source for source, _ in outcome.outcomes)]
    _check_sources(named, "outcome", sources, problems)
    members = [member for _, members in outcome.doors for member in members]
    _check_sources([member.partition(":")[0] for member in members], "outcome.doors", sources, problems)
    for member in dict.fromkeys(one for one in members if members.count(one) > 1):
        problems.append(Problem("outcome.doors", f'"{member}" stands in two doors', found=member, wanted="one"))
    _check_sources(outcome.treatment_affected, "outcome.treatment_affected", sources, problems)
    for origin in outcome.origins:
        if origin in NOT_DEMAND:
            problems.append(
                Problem("outcome.origins", f'"{origin}" is recorded, but is no demand', found=origin,
                        wanted='"public" and "partner": a team must not be sent where it went before for that alone')
            )  # fmt: skip
    for mode in outcome.modes:
        if mode not in MODES:
            hint = did_you_mean(mode, MODES)
            problems.append(Problem("outcome.modes", f'unknown mode "{mode}"', found=mode, hint=hint))
    doors = [door for door, _ in outcome.doors]
    for door in outcome.only_doors:
        if door not in doors:
            hint = did_you_mean(door, doors) if doors else "name the doors in [outcome.doors]"
            problems.append(Problem("outcome.only_doors", f'unknown door "{door}"', found=door, hint=hint))
    if not named and not outcome.crisis_flag:
        wanted = "sources, codes, outcomes or crisis_flag = true"
        problems.append(Problem("outcome", "names no event that could happen", wanted=wanted))


def _check_sources(named: Iterable[str], where: str, sources: Collection[str], problems: list[Problem]) -> None:
    for source in dict.fromkeys(named):
        if source not in sources:
            hint = did_you_mean(source, list(sources))
            problems.append(Problem(where, f'unknown source "{source}"', found=source, hint=hint))


def check_cohort(cohort: Any, usual: Any, sources: Collection[str], problems: list[Problem]) -> None:
    """The sources of stays. A site without the hospital sources of the `usual` cohort need not say so."""
    for key in ("hospital_sources", "discharge_sources"):
        if getattr(cohort, key) != getattr(usual, key):
            _check_sources(getattr(cohort, key), f"cohort.{key}", sources, problems)
    for number, away in enumerate(cohort.excluded_while, 1):
        where = f"cohort.excluded_while[{number}]"
        _check_sources((*away.sources, *away.ended_by), where, sources, problems)
        if not away.sources:
            problems.append(Problem(f"{where}.sources", "is empty", wanted="sources whose events begin the stay"))
        if not away.name.isidentifier():
            problems.append(
                Problem(f"{where}.name", f"is {away.name!r}", wanted="letters, digits and _", found=away.name)
            )


def check_grid(settings: Any, problems: list[Problem]) -> None:
    """The rhythm of a grid and its time of day."""
    for key, texts in (("every", {"every": settings.every}), ("at", {"every": "1 day", "at": settings.at})):
        try:
            rhythm(**texts)
        except TimeError as problem:
            problems.append(Problem(f"grid.{key}", problem.problem, wanted=problem.wanted, found=problem.found))
    if len(set(settings.issue_hours)) != len(settings.issue_hours):
        found = ", ".join(map(str, settings.issue_hours))
        problems.append(Problem("grid.issue_hours", "names an issue time twice", found=found))


def check_levels(settings: Any, problems: list[Problem]) -> None:
    """The levels of cells."""
    for level in settings.cells:
        try:
            CellSettings().at(level)
        except SiteError as problem:
            problems.append(Problem("grid.cells", problem.problem, wanted=problem.wanted, found=problem.found))
    if len(set(settings.cells)) != len(settings.cells):
        problems.append(Problem("grid.cells", "names a level twice", found=", ".join(settings.cells)))


def check_offset(settings: Any, problems: list[Problem]) -> None:
    """What the forecast below the trees is made of."""
    if settings.recent and not settings.profiles:
        problems.append(Problem("offset.recent", "needs kinds of week", wanted="`profiles` of 1 or more", found="0"))
