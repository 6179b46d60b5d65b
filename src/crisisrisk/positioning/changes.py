"""What one more change to a plan would do: a team more, a team less, a team called away. As far as the time goes."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from crisisrisk.positioning.crews import Crew, Span
from crisisrisk.positioning.ground import Ground
from crisisrisk.positioning.posts import Places
from crisisrisk.positioning.question import Counts, Mask
from crisisrisk.positioning.stretches import HOUR
from crisisrisk.positioning.time_given import TimeGiven
from crisisrisk.positioning.worth import Worth

ONE_MORE = "one more"


@dataclass(frozen=True, kw_only=True)
class Call:
    """If a team is called away: who should move where, and what that gains; nobody where it gains little.

    `start`, `end`: the period in which that holds, as ISO text.
    """

    away: str
    team: str | None
    site: str | None
    gain: float
    start: str
    end: str

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "away": self.away, "team": self.team, "site": self.site, "gain": self.gain, "from": self.start,
            "to": self.end,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class MoreHour:
    """One more team for one hour: the hour of the shift, as ISO text, and the site, where that gains most."""

    gain: float
    site: str
    start: str
    end: str

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"gain": self.gain, "site_id": self.site, "from": self.start, "to": self.end}


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What each change would do. `adds`: by team how many fewer contacts would find a free team without it.

    `not_told`: what was not worked out in the time given, in words; the others are whole.
    """

    adds: dict[str, float]
    if_called_away: tuple[Call, ...]
    one_more_team: float | None
    one_more_hour: MoreHour | None
    not_told: tuple[str, ...]


class _Sort(NamedTuple):
    """What makes two crews the same wherever they stand."""

    may_stand: tuple[str, ...]
    areas: tuple[str, ...]
    skills: tuple[str, ...]
    hours: str


class _Move(NamedTuple):
    """The best move of a crew of a sort from a site to another; `site`: -1 where there is none."""

    gain: float
    mover: tuple[_Sort, int] | None
    site: int


@dataclass(frozen=True, kw_only=True, eq=False)
class OneMore:
    """One more change to one way to stand."""

    ground: Ground
    crews: tuple[Crew, ...]
    places: Places
    worth: Worth
    least_gain: float

    def told(self, own: float, given: TimeGiven) -> Changes:
        """`own`: the contacts that the plan covers. One more team first, then what each adds, calls, one more hour."""
        more = None if given.over else self._one_more_team() - own
        adds = self._adds(own, given)
        calls, stand = self._calls(given), sum(site >= 0 for row in self.places for site in row)
        hours, every = self._hours(given), self._every_hour()
        return Changes(
            adds=adds, if_called_away=calls, one_more_team=more,
            one_more_hour=max(hours, key=lambda hour: hour.gain, default=None) if len(hours) == len(every) else None,
            not_told=(
                *(["what one more team would gain"] if more is None else []),
                *([f"what {len(self.crews) - len(adds)} of {len(self.crews)} teams add"]
                  if len(adds) < len(self.crews) else []),
                *([f"who moves for {stand - len(calls)} of {stand} teams that may be called away"]
                  if len(calls) < stand else []),
                *(["what one more hour would gain"] if len(hours) < len(every) else []),
            ),
        )  # fmt: skip

    @cached_property
    def _near(self) -> list[Counts]:
        """How many teams reach each cell, by stretch. Shape (sorts, cells) each."""
        return [self.worth.reaching(self.crews, self.places, row) for row in range(len(self.worth.stretches))]

    def _without(self, near: list[Counts], number: int) -> list[Counts]:
        one, own = (self.crews[number],), tuple((row[number],) for row in self.places)
        return [all_of - self.worth.reaching(one, own, row) for row, all_of in enumerate(near)]

    def _one_more_team(self) -> float:
        """What is covered with one more team of every skill at the best site that has room; all are less busy then."""
        one, free = with_every_skill(self.ground), self._free()
        if not free.any():
            return self.worth.of(self.crews, self.places)
        return float(self.worth.with_one_at(self._near, one, of=(*self.crews, one))[free].max())

    def _every_hour(self) -> list[Span]:
        """The hours of the shift since it began; the last may be a part of one. None where no site has room."""
        ground = self.ground
        count = int(np.ceil((ground.end - ground.start) / HOUR)) if self._free().any() else 0
        return [(ground.start + one * HOUR, min(ground.start + (one + 1) * HOUR, ground.end)) for one in range(count)]

    def _hours(self, given: TimeGiven) -> list[MoreHour]:
        """What one more team for each hour alone would gain at the best site, as far as the time goes."""
        found, free = [], self._free()
        for start, end in self._every_hour():
            if given.over:
                break
            one = replace(with_every_skill(self.ground), spans=((start, end),))
            cut = self.ground.stretches((*self.crews, one), len(self.places))
            worth = self.worth.during([stretch for stretch in cut if start <= stretch.start and stretch.end <= end])
            near = [worth.reaching(self.crews, self.places, row) for row in range(len(worth.stretches))]
            totals = np.where(free, worth.with_one_at(near, one, of=(*self.crews, one)), -np.inf)
            gain, site = (
                float(totals.max()) - worth.served(self.crews, near),
                self.ground.sites.ids[int(totals.argmax())],
            )
            found.append(MoreHour(gain=gain, site=site, start=start.isoformat(), end=end.isoformat()))
        return found

    def _free(self) -> Mask:
        """Which sites hold one team more in every stretch. Shape (sites,)."""
        free = np.ones(len(self.ground.sites), dtype=bool)
        for stretch in self.worth.stretches:
            free &= self._standing(stretch.period) < self.ground.room
        return free

    def _standing(self, period: int) -> Counts:
        at = np.array([site for site in self.places[period] if site >= 0], dtype=np.int64)
        return np.bincount(at, minlength=len(self.ground.sites))

    def _adds(self, own: float, given: TimeGiven) -> dict[str, float]:
        """What each crew adds to the others: without it they are the busier."""
        found = {}
        for number, crew in enumerate(self.crews):
            if given.over:
                break
            others = tuple(one for at, one in enumerate(self.crews) if at != number)
            without = self.worth.served(others, self._without(self._near, number)) if others else 0.0
            found[crew.name] = own - without
        return found

    def _calls(self, given: TimeGiven) -> tuple[Call, ...]:
        """For every period and team that stands in it the best single move of another when it is at a contact."""
        found: list[Call] = []
        for period, row in enumerate(self.places):
            moves: dict[tuple[_Sort, int], _Move] = {}
            for away in (number for number, site in enumerate(row) if site >= 0):
                key = (self._sort(away), row[away])
                if key not in moves:
                    move = self._best_move(away, period, given)
                    if move is None:
                        return tuple(found)
                    moves[key] = move
                found.append(self._call(away, period, moves[key]))
        return tuple(found)

    def _call(self, away: int, period: int, move: _Move) -> Call:
        inside = [stretch for stretch in self.worth.stretches if stretch.period == period]
        span = {"start": inside[0].start.isoformat(), "end": inside[-1].end.isoformat()}
        name, row = self.crews[away].name, self.places[period]
        if move.mover is None or move.gain < self.least_gain:
            return Call(away=name, team=None, site=None, gain=0.0, **span)
        number = max(one for one in range(len(row)) if one != away and (self._sort(one), row[one]) == move.mover)
        site = self.ground.sites.ids[move.site]
        return Call(away=name, team=self.crews[number].name, site=site, gain=move.gain, **span)

    def _best_move(self, away: int, period: int, given: TimeGiven) -> _Move | None:
        """The best move of one crew while another is away; None where the time is over before all were looked at."""
        row, left = self.places[period], [number for number in range(len(self.crews)) if number != away]
        crews, near = tuple(self.crews[number] for number in left), self._without(self._near, away)
        before = self.worth.served(crews, near, period=period) if left else 0.0
        best, seen = _Move(0.0, None, -1), set()
        for number in reversed(left):
            key = (self._sort(number), row[number])
            if row[number] < 0 or key in seen:
                continue
            if given.over:
                return None
            seen.add(key)
            standing = np.bincount([row[one] for one in left if one != number and row[one] >= 0],
                                   minlength=len(self.ground.sites))  # fmt: skip
            allowed = self.ground.may_stand(self.crews[number]) & (standing < self.ground.room)
            allowed[row[number]] = False
            totals = self.worth.with_one_at(self._without(near, number), self.crews[number], of=crews, period=period)
            site = len(totals) - 1 - int(np.argmax(np.where(allowed, totals, -np.inf)[::-1]))  # of equal ones the last
            if allowed[site] and totals[site] - before > best.gain:
                best = _Move(float(totals[site]) - before, key, site)
        return best

    def _sort(self, number: int) -> _Sort:
        crew = self.crews[number]
        return _Sort(crew.may_stand, crew.areas, crew.skills, f"{crew.spans} {crew.breaks}")


def with_every_skill(ground: Ground) -> Crew:
    """One more team, that can serve every contact, everywhere."""
    return Crew(name=ONE_MORE, skills=tuple(skill for need in ground.needs for skill in need.skills))
