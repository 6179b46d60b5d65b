"""Every simple rule of places by name, and a rule with its numbers as a model that can answer.

Its numbers are stored as JSON. They are checked before use: a rule of that name, every number finite.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import DataError, ModelError, UsageError, did_you_mean
from crisisrisk.features.place_kernels import Numbers
from crisisrisk.features.place_past import PlacePast
from crisisrisk.models.place_rules import calendar_glm, kernel_density, like_shifts, maps, residents, self_exciting
from crisisrisk.models.place_rules.parts import NOTHING_FITTED, Fitted, Part, RuleKind
from crisisrisk.tables.cells import Cells


def _same_shift(weeks: int, meaning: str) -> RuleKind:
    return RuleKind(
        meaning=meaning,
        expected=lambda past, _: like_shifts.same_shift_mean(past, weeks=weeks),
        parts=like_shifts.same_shift_parts(weeks),
        unit=like_shifts.same_shift_unit(weeks),
    )


PLACE_RULES: Mapping[str, RuleKind] = {
    "all_history_mean": RuleKind(
        "the cell's mean rate over all history", maps.all_history_mean, maps.map_parts(None), maps.map_unit(None)
    ),
    "same_shift_mean_4_weeks": _same_shift(4, "the mean of the same shift in the last 4 weeks"),
    "same_shift_mean_8_weeks": _same_shift(8, "the mean of the same shift in the last 8 weeks"),
    "same_shift_mean_52_weeks": _same_shift(52, "the mean of the same shift in the last 52 weeks"),
    "medic": RuleKind(
        "the mean of the same shift in four weeks of each of up to five years", like_shifts.medic,
        like_shifts.medic_parts, like_shifts.medic_unit,
    ),
    "seasonal_naive": _same_shift(1, "what happened in the same shift a week ago"),
    "trailing_365_days": RuleKind(
        "the cell's rate over the last 365 days: the analyst's map", maps.trailing_year, maps.map_parts(maps.YEAR),
        maps.map_unit(maps.YEAR),
    ),
    "trailing_365_days_times_shift_factor": RuleKind(
        "the map of the last 365 days × the factor of the shift of the week", maps.trailing_year_times_factor,
        maps.map_and_clock_parts, maps.map_and_clock_unit,
    ),
    "shrunken_rate_times_shift_factor": RuleKind(
        "that map, each cell drawn to the mean as far as chance explains it, × the factor of the shift of the week",
        maps.shrunken_rate_times_factor, maps.shrunken_and_clock_parts, maps.map_and_clock_unit,
    ),
    "volume_times_share": RuleKind(
        "the area's volume in the same shift of the last 8 weeks × the cell's share of the last 365 days",
        like_shifts.volume_times_share, like_shifts.volume_and_share_parts, like_shifts.volume_and_share_unit,
    ),
    "kernel_density": RuleKind(
        "events spread over the places near by, half as much after 180 days", kernel_density.kernel_density,
        kernel_density.density_parts, kernel_density.density_unit, fit=kernel_density.fit_kernel_density,
    ),
    "kernel_density_times_shift_factor": RuleKind(
        "that density × the factor of the shift of the week", kernel_density.kernel_density_times_factor,
        kernel_density.density_and_clock_parts, kernel_density.density_and_clock_unit,
        fit=kernel_density.fit_kernel_density,
    ),
    "residents_and_deprivation": RuleKind(
        "residents × the rate of their decile of deprivation × the factor of the shift of the week",
        residents.residents_and_deprivation, residents.residents_parts, residents.residents_unit,
        lacks=residents.lacks_residents,
    ),
    "calendar_glm": RuleKind(
        "Poisson regression on shift of the week, trend and bank holidays, beside the cell's own rate",
        calendar_glm.calendar_glm, calendar_glm.calendar_parts, calendar_glm.calendar_unit,
        fit=calendar_glm.fit_calendar_glm,
    ),
    "self_exciting": RuleKind(
        "map × clock, and what recent events here and near by still bring", self_exciting.self_exciting,
        self_exciting.self_exciting_parts, self_exciting.self_exciting_unit, fit=self_exciting.fit_self_exciting,
    ),
}  # fmt: skip
"""In the order of the report."""


def rule_kind(name: str) -> RuleKind:
    """The kind of that name. Raises UsageError when there is none."""
    if name not in PLACE_RULES:
        raise UsageError(
            "CR-USE-001", "there is no such baseline of places", where="--baseline", found=name,
            wanted=", ".join(PLACE_RULES), hint=did_you_mean(name, list(PLACE_RULES)),
        )  # fmt: skip
    return PLACE_RULES[name]


@dataclass(frozen=True)
class PlaceRule:
    """A simple rule with its numbers: all that a forecast needs beside the past."""

    name: str
    numbers: Fitted = field(default_factory=lambda: dict(NOTHING_FITTED))
    latency_hours: float = 0.0
    """Shifts that ended later than this before the issue time are not read: not all of them is known."""

    def __post_init__(self) -> None:
        if problem := _problem(self):
            raise ModelError("CR-MODEL-002", f"the rule cannot be used: {problem}", where="formula.json")

    def expected(self, past: PlacePast) -> Numbers:
        """Expected events of every target and cell. Shape (targets, cells). Raises DataError where there is no past."""
        found = PLACE_RULES[self.name].expected(past, self.numbers)
        if np.isnan(found).any():
            raise DataError(
                "CR-DATA-003", "there is no past to forecast from", where="the outcome's events",
                wanted="a shift with complete data before the forecast is issued",
                hint="load earlier data, or ask for later shifts",
            )  # fmt: skip
        return found

    def unit(self, past: PlacePast) -> Numbers:
        """The most that one contact more in a cell adds to its forecast. Shape (targets,)."""
        return PLACE_RULES[self.name].unit(past, self.numbers)

    def parts(self, past: PlacePast) -> Sequence[Part]:
        """What the forecast is made of, in words."""
        return PLACE_RULES[self.name].parts(past, self.numbers)

    def to_json(self) -> str:
        """Numbers only."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False, allow_nan=False)

    @staticmethod
    def from_json(text: str) -> "PlaceRule":
        """What `to_json` wrote. Raises ModelError when it is something else."""
        try:
            content = json.loads(text)
            numbers = {str(name): float(number) for name, number in content.pop("numbers").items()}
            return PlaceRule(numbers=numbers, **content)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ModelError("CR-MODEL-002", "the rule cannot be read", where="formula.json") from None


def _problem(rule: PlaceRule) -> str | None:
    if rule.name not in PLACE_RULES:
        return "this version has no rule of that name"
    numbers: list[Any] = [rule.latency_hours, *rule.numbers.values()]
    if not all(isinstance(number, int | float) and isfinite(number) for number in numbers) or rule.latency_hours < 0:
        return "a number in it is not finite"
    if PLACE_RULES[rule.name].fit is not None and not rule.numbers:
        return "its numbers are missing"
    return None


def fitted_rule(name: str, past: PlacePast, counts: NDArray[Any]) -> PlaceRule:
    """The rule with numbers from targets whose counts, (targets, cells), are known.

    Raises UsageError for an unknown name, DataError where the places lack what the rule needs or nothing can be fitted.
    """
    kind = rule_kind(name)
    if problem := lacking(name, past.cells):
        raise DataError("CR-TRAIN-002", f"the baseline {name} cannot be made: {problem}", where="the places table")
    if kind.fit is None:
        return PlaceRule(name, latency_hours=past.latency_hours)
    known = np.flatnonzero(past.rows.issued_at > past.began[past.moment])
    if not len(known):
        raise DataError("CR-TRAIN-002", f"the baseline {name} cannot be fitted: no shift has a past", found="0 shifts")
    return PlaceRule(name, dict(kind.fit(past.only(known), counts[known])), past.latency_hours)


def lacking(name: str, cells: Cells) -> str:
    """What the places lack that a rule needs; empty where they lack nothing."""
    kind = PLACE_RULES[name]
    return kind.lacks(cells) if kind.lacks else ""
