"""Plans of a shift from its stored forecast: who may stand where, what that covers, and what is kept of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

from crisisrisk.database.latest import StoredPlace, StoredShift
from crisisrisk.database.plans import StoredPlan
from crisisrisk.positioning.crews import Crew, crews_on
from crisisrisk.positioning.left_out import LeftOut
from crisisrisk.positioning.plan import Wish
from crisisrisk.positioning.standby import PositionsResult, standby
from crisisrisk.positioning.tonight import Tonight, tonight_of
from crisisrisk.scoring.demand import ShiftDemand, demand_as_issued
from crisisrisk.serving.asked import PositionsAsked, TeamAsked
from crisisrisk.serving.kept_plans import keep, left_out, wish_as_json
from crisisrisk.serving.problems import NoAnswerError
from crisisrisk.serving.state import Service
from crisisrisk.tables.cells import Cells, cells_named
from crisisrisk.tables.mobile_teams import teams_of
from crisisrisk.tables.store import Snapshot
from crisisrisk.timeline import Shift

RETRY_SECONDS = 5


@dataclass(frozen=True)
class ShiftToPlan:
    """A shift as its forecast was issued, and what the site's tables say of it now."""

    service: Service
    stored: StoredShift
    cells: Sequence[StoredPlace]

    @cached_property
    def snapshot(self) -> Snapshot:
        """The site's tables."""
        return self.service.view().snapshot

    @cached_property
    def shift(self) -> Shift:
        """The shift, as the rota would have it."""
        stored, zone = self.stored, self.service.settings.site.time_zone
        weekday = stored.start.astimezone(zone).weekday()
        return Shift(
            id=stored.shift_id, name=stored.shift_name, start=stored.start, end=stored.end, weekday=weekday
        )  # fmt: skip

    @cached_property
    def demand(self) -> ShiftDemand:
        """What was forecast. Raises DataError for a forecast of before."""
        return demand_as_issued(self.stored, self.cells)

    @cached_property
    def map(self) -> Cells:
        """The cells of the forecast, in its order of ids and by the names that it gave them."""
        names = {cell.place_id: cell.place_name for cell in self.cells}
        places = self.snapshot.table("places")
        cells = cells_named(self.service.settings.site, places, self.demand.place_ids)
        return replace(cells, names=tuple(names[place] for place in cells.ids))

    @cached_property
    def out(self) -> tuple[LeftOut, ...]:
        """The sites that are full or closed at any time of the shift."""
        care = self.snapshot.table("sites_of_care")
        return left_out(self.service.engine, care, self.shift.start, self.shift.end)

    def tonight(self, full: Sequence[str] = (), *, out: Sequence[LeftOut] | None = None) -> Tonight:
        """What a plan is made on, without the sites of `full`, and without those that were set so for as long."""
        site = self.service.settings.site
        return tonight_of(
            site, self.snapshot, self.map, self.shift, issued_at=self.stored.run.meta.as_of, modes=self.stored.modes,
            full=tuple(full), out=self.out if out is None else out,
        )  # fmt: skip

    def planned(self, asked: PositionsAsked) -> PositionsResult:
        """The plans. Raises UsageError where none can be made, and why."""
        site, teams = self.service.settings.site, asked.teams
        crews = self.crews(teams) if isinstance(teams, list) else None
        found = standby(
            site, self.snapshot, self.tonight(asked.full), self.demand, issued_at=self.stored.run.meta.as_of,
            teams=teams if isinstance(teams, int) else None, crews=crews, wish=wish_of(asked),
        )  # fmt: skip
        return replace(found, left_out=self.out)

    def crews(self, asked: Sequence[TeamAsked]) -> tuple[Crew, ...]:
        """Teams that somebody asked for, as crews of the shift."""
        site = self.service.settings.site
        teams = teams_of([team.as_declared() for team in asked])
        return crews_on(teams, self.shift, site.time_zone, site.positions)


def kept_plan(to_plan: ShiftToPlan, asked: PositionsAsked, *, made_by: str, role: str) -> StoredPlan:
    """Make a plan and keep it. Raises NoAnswerError while as many are being made as the service makes at once."""
    with one_of_few(to_plan.service):
        result = to_plan.planned(asked)
    engine, now = to_plan.service.engine, to_plan.service.now()
    said = {**asked.model_dump(mode="json", exclude_none=True), **wish_as_json(wish_of(asked))}
    return keep(
        engine, result, run=to_plan.stored.run.number, asked=said, made_at=now, made_by=made_by, role=role,
        use=asked.use,
    )  # fmt: skip


def wish_of(asked: PositionsAsked) -> Wish:
    """What is wished of a plan."""
    return Wish(
        target=asked.target_minutes, least_gain=asked.least_gain, floors=tuple(asked.floors.items()),
        seconds=asked.seconds, periods=asked.periods, move_cost=asked.move_cost, model=asked.model,
    )  # fmt: skip


@contextmanager
def one_of_few(service: Service) -> Iterator[None]:
    """One of the few pieces of heavy work that are done at once. Raises NoAnswerError where there is no room for it.

    A solver keeps a processor busy for seconds: the board must not wait for many of them.
    """
    if not service.planning.acquire(blocking=False):
        raise NoAnswerError(
            "CR-HTTP-503", "as many plans are being made or reviewed as can be", hint="ask again in a few seconds",
            headers={"Retry-After": str(RETRY_SECONDS)},
        )  # fmt: skip
    try:
        yield
    finally:
        service.planning.release()
