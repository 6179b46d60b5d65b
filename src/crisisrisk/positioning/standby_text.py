"""Plans of a shift in words, for a terminal."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from crisisrisk.positioning.care import kind_said
from crisisrisk.positioning.cover import GREEDY
from crisisrisk.positioning.posts import Post, clock_span
from crisisrisk.positioning.realised import CAUTIOUS, Realised
from crisisrisk.positioning.site_names import SiteNames
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
    if result.expected > 0:
        yield from _more(best, result.zone, result.names, result.realised)
        yield from _taken(result.taken)
    yield f"  {result.advice.as_text()}"
    yield f"  {result.amhp.as_text(best.target)}"
    for plan in result.plans[1:]:
        yield f"or {plan.reason}"
        yield f"   {', '.join(_stands(result, post) for post in plan.posts)}"
    yield from _price(result)
    yield from (one.as_text(result.zone, result.names) for one in result.left_out)
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
    """Each team with its sites, from when to when where that is not the whole shift, and below what is near."""
    wide = max([10, *(len(crew.name) for crew in result.crews)])
    for crew in result.crews:
        own = [post for post in plan.posts if post.team == crew.name]
        adds = f"   {_worth(plan, crew.name)}" if result.expected > 0 else ""
        if not own:
            yield f"  {crew.name:<{wide}} by telephone only"
        for post in own:
            refuges = (one for one in result.near.get(crew.name, ()) if post.start <= one.start < post.end)
            near = " · ".join(_near(result, one, post) for one in refuges)
            site = f"{result.names.both(post.site)}{_hours(result, post)}"
            yield f"  {crew.name:<{wide}} {site}{adds if post is own[0] else ''}"
            yield f"  {'':<{wide}} near: {near or 'no place that takes adults is open'}"
    for one in _distinct(result):
        yield f"    {_told(one, result.names)}"


def _worth(plan: Plan, team: str) -> str:
    """What is expected in reach of a team in time, what it adds to the others, and what is lost without its move."""
    adds = f", adds {plan.adds[team]:.1f}" if team in plan.adds else ""
    back = f"; back at its base, {plan.loses[team]:.1f} would be lost" if team in plan.loses else ""
    back += f", {plan.loses_busiest[team]:.1f} on a night of the busiest tenth" if team in plan.loses_busiest else ""
    return f"{plan.in_reach[team][plan.target]:.1f} contacts in reach{adds}{back}"


def _hours(result: "PositionsResult", post: Post) -> str:
    """From when to when, where that is not the whole shift."""
    whole = (post.start, post.end) == (result.shift.start, result.shift.end)
    return "" if whole else f" {clock_span(post.start, post.end, result.zone)}"


def _stands(result: "PositionsResult", post: Post) -> str:
    return f"{post.team} {result.names.label(post.site)}{_hours(result, post)}"


def _near(result: "PositionsResult", one: Refuge, post: Post) -> str:
    whom = "" if one.whom == ADULTS else f" for {one.whom}"
    whole = (one.start, one.end) == (post.start, post.end)
    hours = "" if whole else f" only {clock_span(one.start, one.end, result.zone)}"
    return f"{result.names.with_kind(one.site, one.kind)} {one.minutes:.0f} min{whom}{hours}"


def _distinct(result: "PositionsResult") -> list[Refuge]:
    """Every place that takes people near any team, once."""
    found = {one.site: one for refuges in result.near.values() for one in refuges}
    return [found[site] for site in sorted(found)]


def _told(one: Refuge, names: SiteNames) -> str:
    holds = "" if one.places is None else f", {one.places} {'place' if one.places == 1 else 'places'}"
    said = "".join(f", {words}" for words in (one.ages, one.conditions) if words)
    return f"{names.both(one.site)} {kind_said(one.kind)}{holds}{said}{f', {one.phone}' if one.phone else ''}"


def _more(plan: Plan, zone: ZoneInfo, names: SiteNames, realised: Realised | None = None) -> Iterator[str]:
    below = "less than 1" if plan.gap < LEAST_GAP else f"at most {100 * plan.gap:.0f}"
    known = "no plan is better" if plan.optimal else f"{below} % below the best"
    covers = "; ".join(
        f"within {minutes:g} min {100 * share:.0f} in 100 ({plan.covered[minutes]:.1f} contacts)"
        for minutes, share in plan.share.items()
    )
    nights = plan.worst_decile == plan.worst_decile  # no night drawn has a contact where nothing is expected
    worst = f"; on the worst tenth of nights {100 * plan.worst_decile:.0f} in 100" if nights else ""
    yield f"  {covers}{worst}; {known}"
    yield f"  {CAUTIOUS}"
    if realised is not None:
        yield f"  {realised.as_text()}"
    if plan.method == GREEDY:
        yield "  found at once, one team after the other: more seconds may find a better plan"
    if plan.by_mean is not None and plan.by_mean_loses >= LEAST_SAID:
        elsewhere = ", ".join(names.label(site) if site else "none" for site in plan.by_mean)
        yield f"  by the mean night alone it would be {elsewhere}, {plan.by_mean_loses:.2f} contacts less on all nights"
    yield from _busy(plan, zone)
    if plan.floors_kept is not None:
        yield "  every floor is kept" if plan.floors_kept else "  not every floor is kept"
    if plan.worst_area:
        yield f"  not reached in time, most of all: {plan.worst_area}"
    yield from (f"  in the {group}: {100 * value:.0f} in 100" for group, value in plan.groups.items() if value == value)
    hour = plan.one_more_hour
    more = [
        *([] if plan.one_more_team is None else [f"one more team +{plan.one_more_team:.1f} contacts"]),
        *([] if hour is None else [f"one for an hour alone +{hour.gain:.2f} at most, from {_clock(hour.start, zone)} at"
                                   f" {names.label(hour.site)}"]),
    ]  # fmt: skip
    yield from [f"  {', '.join(more)}"] if more else []
    yield from _calls(plan, zone, names)


def _calls(plan: Plan, zone: ZoneInfo, names: SiteNames) -> Iterator[str]:
    """Who moves where when a team is called away; and for whom nobody does, in a line."""
    periods = len({call.start for call in plan.if_called_away})
    for one in plan.if_called_away:
        if one.team is not None:
            when = "" if periods == 1 else f", {_clock(one.start, zone)}–{_clock(one.end, zone)}"
            site = names.label(one.site or "")
            yield f"  if {one.away} is called away{when}: move {one.team} to {site}, {one.gain:+z.1f} contacts"
    moved = {one.away for one in plan.if_called_away if one.team is not None}
    if still := dict.fromkeys(one.away for one in plan.if_called_away if one.away not in moved):
        yield f"  if {one_of(list(still))} is called away: nobody else is asked to move"


def one_of(names: Sequence[str]) -> str:
    """`A`, `A or B`, `A, B or C`."""
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _busy(plan: Plan, zone: ZoneInfo) -> Iterator[str]:
    for one in plan.busy:
        where = "" if one.area == "everywhere" else f" in {one.area}" if one.area != "elsewhere" else " elsewhere"
        when = "" if len({other.start for other in plan.busy}) == 1 else f" from {_clock(one.start, zone)}"
        yield (
            f"  teams{where} are away {100 * one.mean:.0f} % of the time{when},"
            f" on one night of ten {100 * one.busiest_tenth:.0f} % or more"
        )


def _taken(taken: tuple[Taken, ...]) -> Iterator[str]:
    """How far people are taken, of all whom the plan reaches."""
    own = [
        f"{kind_said(one.kind)} {one.minutes:.0f} min ({one.kilometres:.0f} km){_of_all(one.share)}"
        for one in taken if not one.team
    ]  # fmt: skip
    nowhere = "nowhere: nobody is reached in time, or no place that takes adults is open"
    yield f"  people would be taken, on average: {' · '.join(own) or nowhere}"


def _of_all(share: float) -> str:
    """Of how many, where a place of the kind is not open all the time or not on the way of everybody."""
    return "" if share > 1 - LEAST_SAID else f", open for {100 * share:.0f} in 100 of them"


def _clock(moment: str, zone: ZoneInfo) -> str:
    return f"{datetime.fromisoformat(moment).astimezone(zone):%H:%M}"
