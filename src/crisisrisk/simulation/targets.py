"""The published figures that the presets are calibrated to, and how near the invented city comes to each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from crisisrisk.simulation.measuring import measured
from crisisrisk.simulation.settings import settings_for

if TYPE_CHECKING:
    pass

TOLERANCE = 0.15
FEW = 60
# Where a figure is a count of few, how far a Poisson count strays from its mean in 19 of 20 cases.
_SPREAD = 1.96

TRIAGE_YEAR = "Street triage in Birmingham, first twelve months"
FORCE_2019 = "West Midlands force area, 2019"
CUSTODY = "Custody liaison and diversion, twelve months"
PATIENTS = "59,750 patients of secondary mental-health care (Cell Reports Medicine 2023)"


@dataclass(frozen=True, kw_only=True)
class Target:
    """One published figure. `name` is one of `measured`; `presets` those that must show it.

    `least` and `most` bound a figure that was published as a range, or from one side only. `is_count`: it grows with
    the city, and a small one may stray by Poisson error.
    """

    name: str
    meaning: str
    value: float | None = None
    least: float = float("-inf")
    most: float = float("inf")
    unit: str = ""
    presets: tuple[str, ...]
    is_count: bool = False
    source: str


def _count(name: str, meaning: str, value: float, preset: str | tuple[str, ...], source: str) -> Target:
    presets = (preset,) if isinstance(preset, str) else preset
    return Target(name=name, meaning=meaning, value=value, presets=presets, is_count=True, source=source)


BOTH, BIRMINGHAM, FORCE = ("birmingham", "force"), "birmingham", "force"
_SOLIHULL, _COUNTRY, _COVENTRY = "Birmingham and Solihull", "Black Country", "Coventry and Warwickshire"
_NEEDS = {
    "MH": ("mental health", 544), "ACCOM": ("accommodation", 241), "FINANCE": ("financial", 157),
    "SUBST": ("substance", 146), "ALCOHOL": ("alcohol", 113), "PHYSICAL": ("physical health", 55),
    "LEARN": ("learning disability", 18), "SOCIAL": ("social and communication", 9),
}  # fmt: skip

TARGETS: tuple[Target, ...] = (
    _count("triage_incidents", "incidents that a team came to", 2_491, BIRMINGHAM, TRIAGE_YEAR),
    _count("triage_assessed", "of them, assessed", 1_871, BIRMINGHAM, TRIAGE_YEAR),
    _count("triage_on_the_street", "of them, on the street", 938, BIRMINGHAM, TRIAGE_YEAR),
    _count("triage_in_private", "of them, in private premises", 1_553, BIRMINGHAM, TRIAGE_YEAR),
    _count("s136", "section 136 detentions", 333, BIRMINGHAM, TRIAGE_YEAR),
    _count("s136_before", "section 136 detentions in the year before", 686, BIRMINGHAM, TRIAGE_YEAR),
    _count("ed_avoided", "emergency-department attendances avoided", 647, BIRMINGHAM, TRIAGE_YEAR),
    _count("conveyed", "conveyances", 316, BIRMINGHAM, TRIAGE_YEAR),
    _count(
        "people_in_crisis", "people in crisis in a year", 25_000, BIRMINGHAM, "Birmingham, a population of 1.3 million"
    ),
    Target(
        name="triage_incidents_quarter", meaning="face-to-face interventions a quarter", least=400, most=450,
        is_count=True, presets=(FORCE,), source=FORCE_2019,
    ),
    Target(
        name="triage_advice_quarter", meaning="telephone advices a quarter", least=600, most=675, is_count=True,
        presets=(FORCE,), source=FORCE_2019,
    ),
    Target(
        name="asked_by_police", meaning="share of requests from the police, the others from the ambulance service",
        value=0.5, presets=(FORCE,), source=FORCE_2019,
    ),
    _count("s136_summer", "section 136 used, June to September", 306, FORCE, FORCE_2019),
    _count("s136_prevented_summer", "section 136 prevented, June to September", 193, FORCE, FORCE_2019),
    Target(
        name="police_hours", meaning="police time per detainee", value=6.5, unit="hours", presets=BOTH,
        source=FORCE_2019,
    ),
    Target(
        name=f"open_share {_COUNTRY}", meaning=f"people met by triage open to services, {_COUNTRY}", value=0.24,
        presets=(FORCE,), source=FORCE_2019,
    ),
    Target(
        name=f"open_share {_SOLIHULL}", meaning=f"people met by triage open to services, {_SOLIHULL}", value=0.60,
        presets=BOTH, source=FORCE_2019,
    ),
    Target(
        name="welfare_from_15", meaning="requests for welfare checks, an hour from 15:00 to 21:00 ÷ from 9:00 to 15:00",
        least=1.15, presets=BOTH, source="Requests for welfare checks rise from 15:00; no figure was published",
    ),
    _count("custody_referred", "referrals", 14_765, FORCE, CUSTODY),
    _count("custody_assessed", "assessments", 8_242, FORCE, CUSTODY),
    _count(f"custody_referred {_SOLIHULL}", f"referrals, {_SOLIHULL}", 2_603, BOTH, CUSTODY),
    _count(f"custody_assessed {_SOLIHULL}", f"assessments, {_SOLIHULL}", 2_488, BOTH, CUSTODY),
    _count(f"custody_referred {_COUNTRY}", f"referrals, {_COUNTRY}", 7_156, FORCE, CUSTODY),
    _count(f"custody_assessed {_COUNTRY}", f"assessments, {_COUNTRY}", 2_502, FORCE, CUSTODY),
    _count(f"custody_referred {_COVENTRY}", f"referrals, {_COVENTRY}", 5_006, FORCE, CUSTODY),
    _count(f"custody_assessed {_COVENTRY}", f"assessments, {_COVENTRY}", 3_252, FORCE, CUSTODY),
    *(
        _count(f"onward_{need} {_SOLIHULL}", f"onward referrals for {words}, {_SOLIHULL}", value, BOTH, CUSTODY)
        for need, (words, value) in _NEEDS.items()
    ),
    Target(
        name="most_calls", meaning="calls of the person who rings most, in a year", least=250, presets=BOTH,
        source="One caller with more than 250 calls",
    ),
    Target(
        name="most_attendances", meaning="police attendances to the person most attended, in a year", least=140,
        presets=BOTH, source="The same caller: 140 police attendances",
    ),
    Target(
        name="third_of_detentions",
        meaning="people behind a third of two years' detentions, as a share of those detained",
        most=0.125, presets=BOTH, source="Sussex: a small number of people account for a third of all detentions",
    ),
    Target(
        name="prevalence", meaning="28-day crisis onsets per stable patient-week", value=0.013, presets=BOTH,
        source=PATIENTS,
    ),
    Target(
        name="count_auroc", meaning="AUROC of the one-year crisis count", least=0.71, most=0.75, presets=BOTH,
        source=PATIENTS,
    ),
    Target(
        name="count_auprc", meaning="AUPRC of the one-year crisis count", least=0.035, most=0.045, presets=BOTH,
        source=PATIENTS,
    ),
    Target(
        name="regression_auroc", meaning="AUROC of the five-factor regression", least=0.75, most=0.79, presets=BOTH,
        source=PATIENTS,
    ),
    Target(
        name="regression_auprc", meaning="AUPRC of the five-factor regression", least=0.055, most=0.075, presets=BOTH,
        source=PATIENTS,
    ),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class TargetRow:
    """One line of the table: a target of one preset, the mean over seeds and its standard deviation between them."""

    target: Target
    preset: str
    seeds: int
    simulated: float
    spread: float
    within: bool


def of_preset(preset: str) -> tuple[Target, ...]:
    """The targets that a preset must show."""
    return tuple(target for target in TARGETS if preset in target.presets)


def limits(target: Target, *, scale: float = 1.0) -> tuple[float, float]:
    """Between which bounds a figure must lie. `scale`: the size of the city beside that of its preset.

    Figures published as a range must lie in it. Others may be 15 % off; a count under 60 may stray by Poisson error.
    """
    if target.value is None:
        factor = scale if target.is_count else 1.0
        return target.least * factor, target.most * factor
    value = target.value * scale if target.is_count else target.value
    off = TOLERANCE * value
    if target.is_count and value < FEW:
        off = max(off, _SPREAD * float(np.sqrt(value)))
    return value - off, value + off


def within(target: Target, simulated: float, *, scale: float = 1.0) -> bool:
    """Whether a simulated figure is within the limits of its target."""
    least, most = limits(target, scale=scale)
    return bool(least <= simulated <= most)


def table(presets: Iterable[str], seeds: int) -> list[TargetRow]:
    """Every target of some presets beside the mean over the seeds 1 to `seeds`, at full scale."""
    rows: list[TargetRow] = []
    for preset in presets:
        found = [measured(settings_for(preset, seed=seed)) for seed in range(1, seeds + 1)]
        rows += rows_of_preset(preset, found)
    return rows


def rows_of_preset(preset: str, found: Sequence[dict[str, float]]) -> list[TargetRow]:
    """The lines of one preset, from the figures of several cities."""
    rows = []
    for target in of_preset(preset):
        values = np.array([figures[target.name] for figures in found])
        rows.append(
            TargetRow(
                target=target,
                preset=preset,
                seeds=len(values),
                simulated=float(values.mean()),
                spread=float(values.std()),
                within=within(target, float(values.mean())),
            )
        )
    return rows


def markdown(rows: Sequence[TargetRow]) -> str:
    """The table as text."""
    head = "| Preset | Figure | Target | Simulated | Between cities | Limits | Within | Source |\n"
    head += "|---|---|---:|---:|---:|---:|---|---|\n"
    return head + "".join(_line(row) for row in rows)


def _line(row: TargetRow) -> str:
    target, (least, most) = row.target, limits(row.target)
    goal = _number(target.value) if target.value is not None else _range(target.least, target.most)
    unit = f" ({target.unit})" if target.unit else ""
    return (
        f"| {row.preset} | {target.meaning}{unit} | {goal} | {_number(row.simulated)} | ± {_number(row.spread)} "
        f"| {_range(least, most)} | {'yes' if row.within else '**no**'} | {target.source} |\n"
    )


def _range(least: float, most: float) -> str:
    if np.isinf(least):
        return f"at most {_number(most)}"
    return f"at least {_number(least)}" if np.isinf(most) else f"{_number(least)} to {_number(most)}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 20 else f"{value:.3g}"
