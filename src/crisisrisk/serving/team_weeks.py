"""The numbers of a team's people in each of 24 weeks, and for how many of the last somebody was near the top."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from crisisrisk.database.history import scoring_runs
from crisisrisk.database.runs import StoredRun
from crisisrisk.serving.state import Service

WEEK, WEEKS = timedelta(days=7), 24
LONG = 2
"""From so many weeks near the top somebody stays on the usual tab, changed or not, and what was tried is told."""


@dataclass(frozen=True, kw_only=True)
class TeamWeeks:
    """The weeks that end with a run. `scored`: those of the members with a current score."""

    service: Service
    run: StoredRun
    members: tuple[str, ...]
    scored: Collection[str]
    capacity: int

    @cached_property
    def runs(self) -> list[StoredRun | None]:
        """The last scoring of each week, the earliest first, this run the last."""
        weeks: list[StoredRun | None] = [None] * WEEKS
        for run in scoring_runs(self.service.engine, model_name=self.run.meta.model_name):
            ago = (self.run.meta.as_of - run.meta.as_of) // WEEK
            if run.meta.as_of <= self.run.meta.as_of and ago < WEEKS:
                weeks[WEEKS - 1 - ago] = run
        return [*weeks[:-1], self.run]

    @cached_property
    def numbers(self) -> list[Mapping[str, float | None]]:
        """Of each week the chance of each person who has a score now."""
        wanted = [run.number for run in self.runs if run is not None]
        kept = self.service.view().numbers_of(self.service.engine, self.members, wanted)
        found = {run: {person: of[person] for person in self.scored if person in of} for run, of in kept.items()}
        return [{} if run is None else found[run.number] for run in self.runs]

    def near_top(self, person: str) -> int:
        """For how many weeks on end, the last included, somebody was within what the team can manage."""
        return next((weeks for weeks, top in enumerate(self._tops) if person not in top), WEEKS)

    @cached_property
    def _tops(self) -> list[frozenset[str]]:
        """Of each week, the last first, those within what the team can manage."""
        tops = []
        for numbers in reversed(self.numbers):
            scored = sorted((-chance, person) for person, chance in numbers.items() if chance is not None)
            tops.append(frozenset(person for _, person in scored[: self.capacity]))
        return tops
