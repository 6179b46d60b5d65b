"""The briefing of a shift: what it looks like, where, who stands where, and which sites take nobody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Protocol
from zoneinfo import ZoneInfo

from crisisrisk.database.latest import StoredPlace, StoredShift
from crisisrisk.database.plans import KeptPost, StoredOverride, StoredPlan, plan_in_use
from crisisrisk.database.shift_notes import KeptNote, notes_of
from crisisrisk.errors import CrisisRiskError
from crisisrisk.positioning.crews import without
from crisisrisk.positioning.left_out import LeftOut, shut_then
from crisisrisk.positioning.site_names import SiteNames
from crisisrisk.serving.forecasts import Said, newest_forecast
from crisisrisk.serving.further_plans import further_in_use
from crisisrisk.serving.kept_plans import left_out
from crisisrisk.serving.overriding import PlanToChange
from crisisrisk.serving.planning import ShiftToPlan
from crisisrisk.serving.state import Service
from crisisrisk.serving.wording import LIVE_CALLS_FIRST, NO_PLAN, NO_TOTAL, OTHER_FORECAST, STANDS_AT_FULL, Freshness

PLACES = 10


class Post(Protocol):
    """One team at one site, as it is kept or as it is answered."""

    @property
    def site_id(self) -> str: ...
    @property
    def start(self) -> datetime: ...
    @property
    def end(self) -> datetime: ...


@dataclass(frozen=True, kw_only=True)
class Brief:
    """What a briefing is made of. `out`: the sites that are full or closed at any time of the shift."""

    service: Service
    stored: StoredShift
    cells: Sequence[StoredPlace]
    plan: StoredPlan | None
    override: StoredOverride | None
    out: tuple[LeftOut, ...]
    notes: Sequence[KeptNote] = ()

    @property
    def posts(self) -> tuple[KeptPost, ...]:
        """Who stands where: as a coordinator decided last, else as the plan says."""
        kept = self.override or self.plan
        return () if kept is None else kept.posts

    @cached_property
    def names(self) -> SiteNames:
        """What the sites are called."""
        return self.service.view().site_names

    @property
    def further(self) -> int | None:
        """Which of the plans that were made at once stands in place of the first, counted from 1; else None."""
        return further_in_use(self.plan, self.override)

    @property
    def by_telephone(self) -> list[str]:
        """The teams of the plan that stand nowhere in it, as their one member would go alone."""
        posted = {post.team for post in self.posts}
        advises = [] if self.plan is None else self.plan.answer["advice"]["advises"]
        return [team for team in advises if team not in posted]

    def headline(self, *, released: bool) -> str:
        """What the shift looks like, in a sentence."""
        total = self.stored.total
        if total is None:
            return NO_TOTAL
        return total.released_outlook if released else total.outlook

    def caveats(self, *, released: bool, zone: ZoneInfo | None = None) -> list[str]:
        """Everything that must be said with it; that live calls come first is the last of it.

        `zone`: whose clock moments are told by, else UTC.
        """
        said = Said(self.service, self.service.now(), zone=zone).about(self.stored, released=released)
        ranged = all(cell.lower is not None for cell in self.cells)
        own = Freshness(self.service.settings, zone).caveats(self.stored.run, ranged=ranged)
        return [*own, *said, *self.of_the_plan, LIVE_CALLS_FIRST]

    @property
    def of_the_plan(self) -> list[str]:
        """Why the plan cannot be followed as it is: there is none, a site is full or closed, the forecast is newer."""
        if self.plan is None:
            return [NO_PLAN]
        full = [one for one in self.out if any(one in self.shut(post) for post in self.posts)]
        return [
            *(STANDS_AT_FULL.format(site=self.names.label(one.site), state=one.state) for one in full),
            *([OTHER_FORECAST] if self.of_another_forecast else []),
        ]

    @property
    def of_another_forecast(self) -> bool:
        """Whether the plan rests on another forecast than the newest, while another can still be made."""
        return (
            self.plan is not None and self.plan.run != self.stored.run.number
            and self.service.now() < self.stored.end
        )  # fmt: skip

    def shut(self, post: Post) -> list[LeftOut]:
        """Why a team can no longer stand at a post: what is said now of its site, for the time still to come."""
        start = max(post.start, self.service.now())
        return [one for one in self.out
                if one.site == post.site_id and max(start, one.since) < min(post.end, one.until)]  # fmt: skip

    @cached_property
    def _to_plan(self) -> ShiftToPlan:
        return ShiftToPlan(self.service, self.stored, self.cells)

    def near(self, post: KeptPost) -> list[dict[str, object]]:
        """The places that take people near a team at a post, and when; none while it is full by what is said now.

        Where a coordinator put the team elsewhere that is worked out now; nothing where it cannot be: the page comes
        first.
        """
        if self.plan is None:
            return []
        if post not in self.plan.posts:
            change = PlanToChange(self._to_plan, self.plan)
            try:
                return change.near(post)
            except (CrisisRiskError, ValueError):
                return []
        shut = shut_then(self.out)
        found: dict[tuple[object, ...], dict[str, object]] = {}
        for one in self.plan.answer["near"].get(post.team, []):
            start, end = (datetime.fromisoformat(one[name]) for name in ("from", "to"))
            for span in without((start, end), shut.get(one["site"], ())) if post.start <= start < post.end else ():
                told = {**one, "from": span[0].isoformat(), "to": span[1].isoformat()}
                found.setdefault((one["site"], one["whom"], told["from"]), told)
        return list(found.values())


def brief_of(service: Service, shift_id: str) -> Brief:
    """The newest forecast of a shift, its plan and what was changed of it. Raises NoAnswerError without a forecast."""
    stored, cells = newest_forecast(service, shift_id)
    used = plan_in_use(service.engine, shift_id)
    care = service.view().snapshot.table("sites_of_care")
    return Brief(
        service=service, stored=stored, cells=cells, plan=None if used is None else used.plan,
        override=None if used is None else used.override, out=left_out(service.engine, care, stored.start, stored.end),
        notes=notes_of(service.engine, shift_id),
    )  # fmt: skip
