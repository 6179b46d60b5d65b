"""What lists of a length would have meant to the teams: how many names, how many of them new, which crises first.

A crisis is one onset of one person. It was listed first when a list of at most a horizon before it had the person's
name; the first such list says how many days ahead. Crises are counted from a horizon after the first list to a step
after the last one, where every list that could have named them exists; where the lists span less than that, all are.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.evaluation.groupings import NO_TEAM
from crisisrisk.evaluation.judged import JudgedPredictions
from crisisrisk.evaluation.logistic import FloatArray
from crisisrisk.evaluation.metrics import NOT_A_NUMBER
from crisisrisk.evaluation.slices import Lists
from crisisrisk.timeline import MICROSECONDS_PER_DAY, instant

EVERYBODY = "all teams"


@dataclass(frozen=True, kw_only=True)
class TeamWorkload:
    """One team's lists. `new`: not on its list of the week before; `first_time`: on none of its lists before.

    Numbers a week are means over weeks; `new`, `repeats` and `first_time` leave out the first week, which has no list
    before it. `useful`: of the names on lists, the share with the outcome within the horizon.
    """

    team: str
    names_a_week: float
    new_a_week: float
    repeats_a_week: float
    first_time_a_week: float
    useful: float
    crises: int
    listed_first: int
    days_ahead: tuple[float, float, float] | None
    """Quartiles over the crises that were listed first."""


@dataclass(frozen=True, kw_only=True)
class WeekWorkload:
    """All teams' lists of one date."""

    as_of: str
    names: int
    new: int
    repeats: int
    useful: int
    """Names with the outcome within the horizon."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """The lists of one way to order people."""

    per_team: int
    horizon_days: int
    weeks: tuple[WeekWorkload, ...]
    teams: tuple[TeamWorkload, ...]
    everybody: TeamWorkload
    every_crisis: bool
    """Whether crises at the edges count too, because the lists span less than a horizon."""


def workload(predictions: JudgedPredictions, *, per_team: int, risk: FloatArray | None = None) -> Workload:
    """The lists of `per_team` names a team and week, by the model, or by another `risk` of shape (rows,).

    Raises ModelError for a `per_team` under 1.
    """
    rows = _Listings(predictions, predictions.risk if risk is None else risk, per_team)
    crises = _crises(predictions, rows)
    names = sorted({*rows.team.tolist()})
    return Workload(
        per_team=per_team,
        horizon_days=predictions.judging.horizon_days,
        weeks=rows.weeks(),
        teams=tuple(rows.summary(name, rows.team == name, crises.of(name)) for name in names),
        everybody=rows.summary(EVERYBODY, np.ones(len(rows.team), dtype=bool), crises),
        every_crisis=crises.all_counted,
    )


class _Listings:
    """Which rows are on a list, and what came before them."""

    def __init__(self, predictions: JudgedPredictions, risk: FloatArray, per_team: int) -> None:
        judged = predictions.rows
        self.happened, self.slices = judged.happened, judged.slices
        self.moments = np.unique(judged.as_of)
        lists = Lists(risk, judged, per_team)
        self.listed = lists.listed(np.ones(len(predictions), dtype=np.int64)) > 0
        team = np.full(len(predictions), EVERYBODY, dtype=object) if judged.team is None else judged.team
        self.team = np.where(team == "", NO_TEAM, team)
        teams = np.unique(self.team.astype(str), return_inverse=True)[1]
        person = np.unique(predictions.person, return_inverse=True)[1].astype(np.int64)
        key = person * (int(teams.max(initial=0)) + 1) + teams
        self.repeat = self._listed_before(key)
        self.first = self._first(key)

    def _listed_before(self, key: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether the same person was on the same team's list of the slice before."""
        width = len(self.moments) + 1
        seen = key * width + self.slices + 1
        before: NDArray[np.bool_] = np.isin(key * width + self.slices, seen[self.listed])
        return self.listed & before

    def _first(self, key: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether a listing is the person's first on that team's lists."""
        places = np.flatnonzero(self.listed)
        order = places[np.lexsort((self.slices[places], key[places]))]
        first = np.zeros(len(key), dtype=bool)
        first[order] = np.diff(key[order], prepend=-1) != 0
        return first

    def weeks(self) -> tuple[WeekWorkload, ...]:
        def counted(mask: NDArray[np.bool_]) -> list[int]:
            found: list[int] = np.bincount(self.slices[mask], minlength=len(self.moments)).tolist()
            return found

        columns = (counted(one) for one in (self.listed, self.listed & ~self.repeat, self.repeat,
                                            self.listed & self.happened))  # fmt: skip
        return tuple(
            WeekWorkload(as_of=instant(int(moment)).isoformat(), names=names, new=new, repeats=repeats, useful=useful)
            for moment, names, new, repeats, useful in zip(self.moments, *columns, strict=True)
        )

    def summary(self, team: str, inside: NDArray[np.bool_], crises: "_Crises") -> TeamWorkload:
        listed, later = inside & self.listed, inside & self.listed & (self.slices > 0)
        weeks, following = len(self.moments), len(self.moments) - 1
        return TeamWorkload(
            team=team,
            names_a_week=_a_week(listed, weeks),
            new_a_week=_a_week(later & ~self.repeat, following),
            repeats_a_week=_a_week(later & self.repeat, following),
            first_time_a_week=_a_week(later & self.first, following),
            useful=float(self.happened[listed].mean()) if listed.any() else NOT_A_NUMBER,
            crises=len(crises.days_ahead),
            listed_first=int(np.isfinite(crises.days_ahead).sum()),
            days_ahead=crises.quartiles(),
        )


def _a_week(mask: NDArray[np.bool_], weeks: int) -> float:
    return float(mask.sum() / weeks) if weeks > 0 else NOT_A_NUMBER


@dataclass(frozen=True)
class _Crises:
    """Each crisis once: the person's team at the last list before it, and how many days ahead it was listed."""

    team: NDArray[Any]
    days_ahead: FloatArray
    """NaN where no list named the person. Shape (crises,)."""
    all_counted: bool

    def of(self, team: str) -> "_Crises":
        inside = self.team == team
        return _Crises(self.team[inside], self.days_ahead[inside], self.all_counted)

    def quartiles(self) -> tuple[float, float, float] | None:
        known = self.days_ahead[np.isfinite(self.days_ahead)]
        if not len(known):
            return None
        first, middle, third = np.quantile(known, (0.25, 0.5, 0.75)).tolist()
        return first, middle, third


def _crises(predictions: JudgedPredictions, rows: _Listings) -> _Crises:
    with_onset = np.flatnonzero(np.isfinite(predictions.days_to_onset))
    days, as_of = predictions.days_to_onset[with_onset], predictions.as_of[with_onset]
    onset = as_of + np.rint(days * MICROSECONDS_PER_DAY).astype(np.int64)
    counted, every = _counted(predictions, onset)
    with_onset, days, onset = with_onset[counted], days[counted], onset[counted]
    person = predictions.person[with_onset]
    order = np.lexsort((-days, onset, person))  # of each crisis the rows from the earliest to the last before it
    begins = (np.diff(person[order], prepend=-1) != 0) | (np.diff(onset[order], prepend=-1) != 0)
    which = np.cumsum(begins) - 1
    crises = int(begins.sum())
    ahead = np.full(crises, -np.inf)
    listed = rows.listed[with_onset[order]]
    np.maximum.at(ahead, which[listed], days[order][listed])
    team = np.empty(crises, dtype=object)
    team[which] = rows.team[with_onset[order]]  # the last row stays
    return _Crises(team, np.where(np.isfinite(ahead), ahead, NOT_A_NUMBER), every)


def _counted(predictions: JudgedPredictions, onset: NDArray[np.int64]) -> tuple[NDArray[np.bool_], bool]:
    """Which onsets every list that could have named them precedes, and whether all count for want of such."""
    moments = np.unique(predictions.as_of)
    if len(moments) < 2 or not predictions.judging.dated:
        return np.ones(len(onset), dtype=bool), True
    first = moments[0] + predictions.judging.horizon_days * MICROSECONDS_PER_DAY
    last = moments[-1] + int(np.median(np.diff(moments)))
    inside = (onset >= first) & (onset < last)
    return (inside, False) if inside.any() else (np.ones(len(onset), dtype=bool), True)
