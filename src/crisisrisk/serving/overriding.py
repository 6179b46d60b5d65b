"""A coordinator's own posts, weighed at once: what they cover beside the plan, and what should be known of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from crisisrisk.database.plans import KeptPost, StoredPlan
from crisisrisk.positioning.crews import Crew
from crisisrisk.positioning.posts import Post
from crisisrisk.positioning.site_names import SiteNames
from crisisrisk.positioning.standby import on_duty
from crisisrisk.positioning.tonight import Tonight
from crisisrisk.positioning.weighing import LeftRule, Weighing, at_shut_sites
from crisisrisk.serving.asked import TeamAsked
from crisisrisk.serving.planning import ShiftToPlan
from crisisrisk.serving.wording import LEFT_RULES, NOT_OPEN_THEN, in_minutes


@dataclass(frozen=True)
class PlanToChange:
    """A plan, on the newest forecast of its shift."""

    to_plan: ShiftToPlan
    plan: StoredPlan

    def shares(self, posts: Sequence[KeptPost]) -> tuple[float | None, float | None]:
        """Of the contacts expected those that find a free team in time: with these posts, and with the plan's."""
        total = float(self._weighing.ground.expected.sum())
        if not total:
            return None, None
        covered, planned = (self._weighing.covered(named(some)) / total for some in (posts, self.plan.posts))
        return covered, planned

    def caveats(self, posts: Sequence[KeptPost]) -> list[str]:
        """The rules that these posts leave and the plan's do not, in sentences."""
        of_plan = set(self._weighing.left_rules(named(self.plan.posts)))
        names = self.to_plan.service.view().site_names
        left = [_said(rule, names) for rule in self._weighing.left_rules(named(posts)) if rule not in of_plan]
        shut = at_shut_sites(named(posts), self._tonight.standing, self.to_plan.service.settings.site.time_zone)
        return [*left, *(_not_open(post, names) for post in shut)]

    def near(self, post: KeptPost) -> list[dict[str, Any]]:
        """The places that take people near a post, as plans tell them."""
        [standing] = named([post])
        site = self._tonight.standing.points.ids.index(post.site_id)
        return [refuge.as_json() for refuge in self._tonight.refuges(self.to_plan.demand).near(standing, site)]

    @cached_property
    def _tonight(self) -> Tonight:
        return self.to_plan.tonight(self.plan.asked.get("full", ()))

    @cached_property
    def _weighing(self) -> Weighing:
        ground = self._tonight.ground(
            self.to_plan.demand, teams=len(self._crews), hours_each=float(self.plan.answer["hours_each"])
        )
        return Weighing(ground, self._crews, float(self.plan.answer["target_minutes"]))

    @cached_property
    def _crews(self) -> tuple[Crew, ...]:
        """The teams as the plan was asked for them."""
        asked, site = self.plan.asked, self.to_plan.service.settings.site
        teams = asked.get("teams")
        declared = [TeamAsked.model_validate(one) for one in teams] if isinstance(teams, list) else None
        return on_duty(
            site, self.to_plan.shift, self._tonight.standing, teams=teams if isinstance(teams, int) else None,
            crews=None if declared is None else self.to_plan.crews(declared), bases=asked.get("bases", ()),
        )  # fmt: skip


def named(posts: Sequence[KeptPost]) -> tuple[Post, ...]:
    """Posts as positioning has them."""
    return tuple(Post(team=post.team, site=post.site_id, start=post.start, end=post.end) for post in posts)


def _not_open(post: Post, names: SiteNames) -> str:
    start, end = in_minutes(post.start), in_minutes(post.end)
    return NOT_OPEN_THEN.format(site=names.label(post.site), start=start, end=end)


def _said(rule: LeftRule, names: SiteNames) -> str:
    start, end = ("", "") if rule.span is None else map(in_minutes, rule.span)
    allowed = map(names.label, rule.allowed) if rule.kind == "site" else rule.allowed
    return LEFT_RULES[rule.kind].format(
        team=rule.team, site=names.label(rule.site), allowed=" or ".join(allowed), stand=rule.stand, start=start,
        end=end,
    )  # fmt: skip
