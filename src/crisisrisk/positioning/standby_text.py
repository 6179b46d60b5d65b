"""Plans of a shift in words, for a terminal."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from crisisrisk.positioning.care import kind_said
from crisisrisk.positioning.cover import GREEDY
from crisisrisk.positioning.posts import Post, clock_span
from crisisrisk.positioning.realised import CAUTIOUS, Realised
from crisisrisk.positioning.taken import ADULTS, Refuge, Taken
from crisisrisk.positioning.told import Plan

if TYPE_CHECKING:
    from crisisrisk.positioning.standby import PositionsResult


LEAST_SAID = 0.005
LEAST_GAP = 0.01
"""Contacts: less than this would be said as 0.00."""


def lines_of(result: "PositionsResult") -> Iterator[str]:
    """The plan to follow, and beside it the others."""
    start, end = (moment.astimezone(result.zone) for moment in (result.shift.start, result.shift.end))
    best = result.plans[0]
    yield f"{result.shift.name}  {start:%a %-d %b %H:%M} – {end:%a %H:%M}   {result.expected:.1f} contacts expected"
    yield best.reason
    yield from _posts(result, best)
    yield from _more(best, result.zone, result.realised)
    yield from _taken(result.taken)
    yield f"  {result.advice.as_text()}"
    yield f"  {result.amhp.as_text(best.target)}"
    for plan in result.plans[1:]:
        yield f"or {plan.reason}"
        yield f"   {', '.join(f'{post.team} {post.site}' for post in plan.posts)}"
    yield from _price(result)
    yield from (one.as_text(result.zone) for one in result.left_out)
    yield from (f"note: {remark}" for remark in result.remarks)
    yield f"travel: {result.travel}; a team is taken to be away {result.hours_each:.1f} h for each contact"
    if result.kept is not None:
        yield result.kept.as_text()
    yield "Live calls come first. A place not listed is not therefore safe."


def _price(result: "PositionsResult") -> Iterator[str]:
    """What floors cost: the contacts that the cheapest plan that keeps them covers less than the best."""
    prices = [plan.price for plan in result.plans if plan.floors_kept]
    if prices and min(prices) >= LEAST_SAID:
        yield f"keeping the floors costs {min(prices):.2f} contacts, {100 * min(prices) / result.expected:.1f} in 100"
    elif prices:
        yield "keeping the floors costs nothing"


def _posts(result: "PositionsResult", plan: Plan) -> Iterator[str]:
    """Each team with its sites, from when to when where that is not the whole shift, and what is near."""
    whole = (result.shift.start, result.shift.end)
    for crew in result.crews:
        own = [post for post in plan.posts if post.team == crew.name]
        back = f", back to base would lose {plan.loses[crew.name]:.1f}" if crew.name in plan.loses else ""
        adds = f"   adds {plan.adds[crew.name]:.1f}" if crew.name in plan.adds else ""
        loses = f"{adds}{back}"
        if not own:
            yield f"  {crew.name:<10} by telephone only"
        for post in own:
            refuges = (one for one in result.near.get(crew.name, ()) if post.start <= one.start < post.end)
            near = " · ".join(_near(one, post, result.zone) for one in refuges)
            span = "" if (post.start, post.end) == whole else f"{clock_span(post.start, post.end, result.zone)}  "
            yield f"  {crew.name:<10} {post.site:<12} {span}{near}{loses if post is own[0] else ''}".rstrip()
    for one in _distinct(result):
        yield f"    {_told(one)}"


def _near(one: Refuge, post: Post, zone: ZoneInfo) -> str:
    whom = "" if one.whom == ADULTS else f" for {one.whom}"
    hours = "" if (one.start, one.end) == (post.start, post.end) else f" only {clock_span(one.start, one.end, zone)}"
    return f"{kind_said(one.kind)} {one.site} {one.minutes:.0f} min{whom}{hours}"


def _distinct(result: "PositionsResult") -> list[Refuge]:
    """Every place that takes people near any team, once."""
    found = {one.site: one for refuges in result.near.values() for one in refuges}
    return [found[site] for site in sorted(found)]


def _told(one: Refuge) -> str:
    holds = "" if one.places is None else f", {one.places} {'place' if one.places == 1 else 'places'}"
    said = "".join(f", {words}" for words in (one.ages, one.conditions) if words)
    return f"{one.site} {kind_said(one.kind)}{holds}{said}{f', {one.phone}' if one.phone else ''}"


def _more(plan: Plan, zone: ZoneInfo, realised: Realised | None) -> Iterator[str]:
    below = "less than 1" if plan.gap < LEAST_GAP else f"at most {100 * plan.gap:.0f}"
    known = "no plan is better" if plan.optimal else f"{below} % below the best"
    others = "".join(
        f"; {100 * share:.0f} in 100 within {minutes:g} min"
        for minutes, share in plan.share.items()
        if minutes != plan.target
    )
    nights = plan.worst_decile == plan.worst_decile  # no night drawn has a contact where nothing is expected
    worst = f", {100 * plan.worst_decile:.0f} in 100 on the worst tenth of nights" if nights else ""
    yield f"  {100 * plan.share[plan.target]:.0f} in 100 within {plan.target:g} min ({known}){worst}{others}"
    yield f"  {CAUTIOUS}"
    if realised is not None:
        yield f"  {realised.as_text()}"
    if plan.method == GREEDY:
        yield "  found at once, one team after the other: more seconds may find a better plan"
    if plan.by_mean is not None and plan.by_mean_loses >= LEAST_SAID:
        elsewhere = ", ".join(site or "none" for site in plan.by_mean)
        yield f"  by the mean night alone it would be {elsewhere}, {plan.by_mean_loses:.2f} contacts less on all nights"
    yield from _busy(plan, zone)
    if plan.floors_kept is not None:
        yield "  every floor is kept" if plan.floors_kept else "  not every floor is kept"
    if plan.worst_area:
        yield f"  not reached in time, most of all: {plan.worst_area}"
    yield from (f"  {group}: {100 * value:.0f} in 100" for group, value in plan.groups.items() if value == value)
    hour = plan.one_more_hour
    more = [
        *([] if plan.one_more_team is None else [f"one more team +{plan.one_more_team:.1f} contacts"]),
        *([] if hour is None else [f"one for an hour alone +{hour.gain:.2f} at most, from {_clock(hour.start, zone)} at"
                                   f" {hour.site}"]),
    ]  # fmt: skip
    yield from [f"  {', '.join(more)}"] if more else []
    for one in plan.if_called_away:
        if one.team is not None:
            when = "" if len({call.start for call in plan.if_called_away}) == 1 else f" from {_clock(one.start, zone)}"
            yield f"  if {one.away} is called away{when}: {one.team} to {one.site}, +{one.gain:.1f}"


def _busy(plan: Plan, zone: ZoneInfo) -> Iterator[str]:
    for one in plan.busy:
        where = "" if one.area == "everywhere" else f", {one.area}"
        when = "" if len({other.start for other in plan.busy}) == 1 else f" from {_clock(one.start, zone)}"
        yield (
            f"  teams are away {100 * one.mean:.0f} % of the time{when}{where},"
            f" on one night of ten {100 * one.busiest_tenth:.0f} % or more"
        )


def _taken(taken: tuple[Taken, ...]) -> Iterator[str]:
    """How far people are taken, of all whom the plan reaches."""
    own = [
        f"{kind_said(one.kind)} {one.minutes:.0f} min ({one.kilometres:.0f} km){_of_all(one.share)}"
        for one in taken if not one.team
    ]  # fmt: skip
    yield f"  people would be taken, on average: {' · '.join(own) or 'nowhere, no place that takes adults is open'}"


def _of_all(share: float) -> str:
    """Of how many, where a place of the kind is not open all the time or not on the way of everybody."""
    return "" if share > 1 - LEAST_SAID else f", open for {100 * share:.0f} in 100 of them"


def _clock(moment: str, zone: ZoneInfo) -> str:
    return f"{datetime.fromisoformat(moment).astimezone(zone):%H:%M}"
