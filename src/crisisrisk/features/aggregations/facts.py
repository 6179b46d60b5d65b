"""What is known of the person apart from contacts: age, sex, deprivation, how long known, the season, the caseload."""

from collections.abc import Callable
from datetime import date
from math import cos, pi, sin
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from crisisrisk.features.aggregations.declared import DAY, Example, PersonAggregation, Seen, SeenCaseload
from crisisrisk.features.specs import NOT_KNOWN, FeatureSpec
from crisisrisk.timeline import Instants

DAYS_PER_MONTH = 30
_WEEKS = 53

Numbers = NDArray[np.float64]


class Facts(Protocol):
    """What the engine says of each row; every array has shape (rows,), NaN where something is not known."""

    as_of: Instants

    def number(self, column: str) -> Numbers:
        """A number of the person's state known then."""

    def sex_is(self, sex: str) -> Numbers:
        """1 or 0."""

    def local_year(self) -> Numbers:
        """The local calendar year."""

    def week_of_year(self) -> NDArray[np.int64]:
        """Whole weeks since the local 1 January, 0 to 52."""

    def days_since_first_known(self) -> Numbers:
        """Since anything of the person became known."""

    def caseload(self, what: str, days: int | None) -> Numbers:
        """`now`, `days` on the present one, or `changes` in the lookback."""


def _of_week(wave: Callable[[float], float]) -> NDArray[np.float64]:
    # Looked up, so that a row has the same bits in a batch of any size.
    return np.array([wave(2 * pi * week / _WEEKS) for week in range(_WEEKS)])


_SINE, _COSINE = _of_week(sin), _of_week(cos)


def _week(seen: Seen) -> int:
    local = seen.local(seen.as_of).date()
    return (local - date(local.year, 1, 1)).days // 7


def _years(_: FeatureSpec, seen: Seen) -> float | None:
    born = seen.person.birth_year if seen.person else None
    return None if born is None else seen.local(seen.as_of).year - born


def _decile(_: FeatureSpec, seen: Seen) -> float | None:
    return seen.person.deprivation_decile if seen.person else None


def _months(_: FeatureSpec, seen: Seen) -> float | None:
    return (seen.as_of - seen.first_known) / DAY / DAYS_PER_MONTH if seen.first_known else None


def _sex(wanted: str) -> Callable[[FeatureSpec, Seen], float | None]:
    def define(_: FeatureSpec, seen: Seen) -> float | None:
        sex = seen.person.sex if seen.person else None
        return None if sex in (None, "unknown") else float(sex == wanted)

    return define


def _present(seen: Seen) -> list[SeenCaseload]:
    listed = seen.caseloads or ()
    return [one for one in listed
            if one.valid_from <= seen.as_of and (one.valid_to is None or seen.as_of < one.valid_to)]  # fmt: skip


def _caseload_now(_: FeatureSpec, seen: Seen) -> float | None:
    return None if seen.caseloads is None else float(bool(_present(seen)))


def _caseload_days(_: FeatureSpec, seen: Seen) -> float | None:
    present = _present(seen)
    return (seen.as_of - max(one.valid_from for one in present)) / DAY if present else None


def _caseload_changes(spec: FeatureSpec, seen: Seen) -> float | None:
    if seen.caseloads is None:
        return None
    begun = [one.valid_from for one in seen.caseloads if one.valid_from < seen.as_of]
    return sum(spec.lookback_days is None or one >= seen.as_of - spec.lookback_days * DAY for one in begun)


def _fact(
    name: str,
    words: tuple[str, str, str],
    fact: Callable[[FeatureSpec, Any], Any],
    define: Callable[[FeatureSpec, Seen], float | None],
    example: tuple[str, dict[str, Any], float],
    *,
    windowed: bool = False,
) -> PersonAggregation:
    says, people, value = example
    group = f'aggregations = ["{name}"]' + ("\nlookback_days = [364]" if windowed else "")
    return PersonAggregation(
        name=name, column=name, meaning=words[0], reason=words[1], unit=words[2], if_none=NOT_KNOWN,
        lookback="or_ever" if windowed else "none", takes_events=False,
        definition="By the state of the person that was known just before the as-of moment.",
        define=define, fact=fact,
        examples=(Example(says=says, group=group, table="occurred  known\n2025-02-01  2025-03-01", as_of="2025-03-31",
                          value=value, people=people),),
    )  # fmt: skip


AGGREGATIONS = (
    _fact("age", (
        "Years of age: the local calendar year of the as-of moment, less the year of birth known then.",
        "age {count}", "years",
    ), lambda _, facts: facts.local_year() - facts.number("birth_year"), _years,
        ("Born in 1980, asked in 2025.", {"birth_year": 1980}, 45)),
    _fact("deprivation_decile", (
        "Deprivation decile of the home area, as known at the as-of moment; 1 is the most deprived.",
        "deprivation decile {count} of the home area", "decile, 1 to 10",
    ), lambda _, facts: facts.number("deprivation_decile"), _decile, ("As recorded.", {"deprivation_decile": 3}, 3)),
    _fact("months_known", (
        "Months of 30 days, with their fraction, since the service first knew anything of the person.",
        "known to the service for {count} months", "months of 30 days",
    ), lambda _, facts: facts.days_since_first_known() / DAYS_PER_MONTH, _months,
        ("A contact of February became known on 1 March.", {}, 1)),
    _fact("is_female", ("1 where the sex recorded is female, 0 where it is another.", "the sex recorded", "0 or 1"),
          lambda _, facts: facts.sex_is("female"), _sex("female"), ("Recorded as female.", {"sex": "female"}, 1)),
    _fact("is_male", ("1 where the sex recorded is male, 0 where it is another.", "the sex recorded", "0 or 1"),
          lambda _, facts: facts.sex_is("male"), _sex("male"), ("Recorded as female.", {"sex": "female"}, 0)),
    _fact("season_sine", (
        "Sine of the week of the local year, a full turn in 53 weeks: apart in spring and autumn.",
        "the time of year", "-1 to 1",
    ), lambda _, facts: _SINE[facts.week_of_year()], lambda _, seen: float(_SINE[_week(seen)]),
        ("The thirteenth week of the year.", {}, float(np.float32(_SINE[12])))),
    _fact("season_cosine", (
        "Cosine of the week of the local year, a full turn in 53 weeks: apart in winter and summer.",
        "the time of year", "-1 to 1",
    ), lambda _, facts: _COSINE[facts.week_of_year()], lambda _, seen: float(_COSINE[_week(seen)]),
        ("The thirteenth week of the year.", {}, float(np.float32(_COSINE[12])))),
    _fact("on_caseload", (
        "1 where the person is on the caseload of a team, so open to services; 0 where on none.",
        "on the caseload of a team", "0 or 1",
    ), lambda _, facts: facts.caseload("now", None), _caseload_now, ("Caseloads were not given.", {}, NOT_KNOWN)),
    _fact("days_on_caseload", (
        "Days, with their fraction, that the person has been on the present caseload.",
        "on the present caseload for {count} days", "days",
    ), lambda _, facts: facts.caseload("days", None), _caseload_days, ("Caseloads were not given.", {}, NOT_KNOWN)),
    _fact("caseload_changes", (
        "How many caseloads the person came onto {window}.", "{count} changes of team or worker {window}", "changes",
    ), lambda spec, facts: facts.caseload("changes", spec.lookback_days), _caseload_changes,
        ("Caseloads were not given.", {}, NOT_KNOWN), windowed=True),
)  # fmt: skip
