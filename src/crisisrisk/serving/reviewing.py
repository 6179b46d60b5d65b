"""A shift that is over: the contacts that came, and how many of them each way to stand would have reached in time."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa

from crisisrisk.database.plans import KeptPost
from crisisrisk.episodes import crisis_mask
from crisisrisk.features.place_demand import demand_of
from crisisrisk.features.place_visits import visits_in
from crisisrisk.models.task import Task
from crisisrisk.positioning.ground import Ground
from crisisrisk.positioning.override import as_played
from crisisrisk.positioning.posts import Post
from crisisrisk.positioning.question import Counts, Numbers
from crisisrisk.positioning.replay import Night, Played, Ways, played
from crisisrisk.positioning.travel import Barriers, Points, Roads, straight_line_times
from crisisrisk.serving.place_answers import PlaceReviewed
from crisisrisk.serving.planning import ShiftToPlan
from crisisrisk.tables.store import PLACE_COLUMNS
from crisisrisk.timeline import microseconds

JOURNEY_MINUTES, LEAST_MINUTES = 15.0, 5.0
"""Hours each are from sent to free: a journey is taken off them, for the one that is played."""
MINUTE = 60_000_000


@dataclass(frozen=True)
class ShiftReviewed:
    """A shift as it was forecast, beside what then came. `task`: what the model counts, and how."""

    to_plan: ShiftToPlan
    task: Task

    @cached_property
    def came(self) -> tuple[Numbers, Counts]:
        """Of each contact, as it counts now, the minutes since the shift began and the number of its cell; in order.

        Counted as forecasts are: one report of an incident, in the cells of the forecast. No person is in it.
        """
        site, snapshot, cells = self.to_plan.service.settings.site, self.to_plan.snapshot, self.to_plan.map
        if self.task.cells_level is not None:
            site = replace(site, cells=site.cells.at(self.task.cells_level))
        every = demand_of(
            snapshot.place_events(columns=PLACE_COLUMNS), cells, site, outcome=self.task.crisis,
            counting=self.task.counting, visits=visits_in(snapshot, cells, site),
        ).events  # fmt: skip
        now = microseconds(self.to_plan.service.now())
        known, superseded, occurred = (
            np.asarray(every[name].cast(pa.int64()).fill_null(np.iinfo(np.int64).max))
            for name in ("known_at", "superseded_at", "occurred_at")
        )
        start, end = microseconds(self.to_plan.shift.start), microseconds(self.to_plan.shift.end)
        counts = crisis_mask(self.task.crisis, every) & (known < now) & (now <= superseded)
        rows = np.flatnonzero(counts & (start <= occurred) & (occurred < end))
        rows = rows[np.argsort(occurred[rows], kind="stable")]
        number = {place: row for row, place in enumerate(cells.ids)}
        named = every["place_id"].cast(pa.string()).take(pa.array(rows)).to_pylist()
        return (occurred[rows] - start) / MINUTE, np.array([number[place] for place in named], dtype=np.int64)

    def places(self, listed: Collection[str]) -> list[PlaceReviewed]:
        """The places on a list and all others where a contact came, in order of rank."""
        names, counts = np.unique(self.came[1], return_counts=True)
        came = {self.to_plan.map.ids[name]: count for name, count in zip(names.tolist(), counts.tolist(), strict=True)}
        return [
            PlaceReviewed(
                place_id=cell.place_id, place_name=cell.place_name, rank=cell.rank, expected=cell.expected,
                lower=cell.lower, upper=cell.upper, came=(number := came.get(cell.place_id, 0)),
                listed=(on := cell.place_id in listed), outcome=("hit" if on else "miss") if number else "none",
            )
            for cell in self.to_plan.cells if cell.place_id in listed or cell.place_id in came
        ]  # fmt: skip

    @property
    def contacts(self) -> int:
        """How many came."""
        return len(self.came[0])

    @property
    def travel(self) -> str:
        """Where the travel times are from."""
        return self._ground.travel_said

    def at_scene_minutes(self, hours_each: float) -> float:
        """How long a team stays with each contact, of the hours that it is away for one."""
        return max(60 * hours_each - JOURNEY_MINUTES, LEAST_MINUTES)

    def stood(self, posts: Sequence[KeptPost], *, hours_each: float) -> Played:
        """The night played with these posts: who would have been reached, and when."""
        minute, _ = self.came
        service = np.full(len(minute), self.at_scene_minutes(hours_each))
        night = Night(minute=minute, cell=self._cell, service=service)
        named = [Post(team=post.team, site=post.site_id, start=post.start, end=post.end) for post in posts]
        return played([night], [as_played(named, self._ground.sites.ids, self.to_plan.shift.start)], self._ways)

    @cached_property
    def _used(self) -> Counts:
        """The cells in which a contact was."""
        return np.unique(self.came[1])

    @cached_property
    def _cell(self) -> Counts:
        return np.searchsorted(self._used, self.came[1]).astype(np.int64)

    @cached_property
    def _ground(self) -> Ground:
        return self.to_plan.tonight(out=()).ground(self.to_plan.demand, teams=1, hours_each=1.0)

    @cached_property
    def _ways(self) -> Ways:
        shift, zone = self.to_plan.shift, self.to_plan.service.settings.site.time_zone
        hour = (shift.start + (shift.end - shift.start) / 2).astimezone(zone).hour
        used, sites = _only(self._ground.cells, self._used), self._ground.sites

        def between(some: Points) -> Numbers:
            minutes = straight_line_times(some, some, Roads(), hour=hour, barriers=Barriers()).minutes
            return np.where(np.eye(len(some), dtype=bool), 0.0, minutes)

        return Ways(
            site_to_cell=np.ascontiguousarray(self._ground.minutes[:, self._used]), cell_to_cell=between(used),
            site_to_site=between(sites),
        )  # fmt: skip


def _only(points: Points, some: Counts) -> Points:
    return Points(
        ids=tuple(points.ids[one] for one in some.tolist()), latitude=points.latitude[some],
        longitude=points.longitude[some], urban=points.urban[some],
    )  # fmt: skip
