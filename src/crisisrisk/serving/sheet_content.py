"""What stands on the printed page of a shift: it leaves the board, so it is made of what may be released, and of plans.

It is one side of paper, so that words are kept short: what is cut ends in "…", and stands whole on the board.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from crisisrisk.database.plans import KeptPost
from crisisrisk.database.shift_notes import KeptNote
from crisisrisk.disclosure import tells_small_number
from crisisrisk.positioning.left_out import LeftOut
from crisisrisk.positioning.posts import clock_span
from crisisrisk.positioning.realised import CAUTIOUS_ON_PAPER
from crisisrisk.positioning.taken import ADULTS
from crisisrisk.scoring.directions import in_brief
from crisisrisk.serving.briefing import Brief
from crisisrisk.serving.disclosure import released_places, released_shift
from crisisrisk.serving.further_plans import ORDINALS
from crisisrisk.serving.noting import listed, told_of
from crisisrisk.serving.sheet import Sheet
from crisisrisk.serving.sheet_map import map_for_paper
from crisisrisk.serving.wording import (
    EARLIER_ON_PAPER,
    NO_PLAN,
    NOTHING_RELEASED,
    SELDOM,
    STANDS_AT_FULL_ON_PAPER,
    Freshness,
)

BY_TELEPHONE = "by telephone only"
ON_THE_BOARD, WHOLE_ON_THE_BOARD = "; why stands on the board", "what it says stands on the board"
MOST_PLACES, MOST_SITES, MOST_NOTES = 8, 4, 3
WHOLE_ROWS = 4
"""Teams that have the room of a page; where there are more, or some move, each has less."""
LEAST_LATE, LEAST_NAME = 60, 45
NAME, WHY, OWN_WORDS, NEAR, LATE = 60, 130, 110, 130, 320
"""Most characters of a name, of reasons, of somebody's own words, of what is near a team, and of late agencies."""


def sheet_of(brief: Brief, zone: ZoneInfo) -> Sheet:
    """The page of a briefing. `zone`: by whose clock moments are told."""
    stored, site = brief.stored, brief.service.settings.site
    start, end = (moment.astimezone(zone) for moment in (stored.start, stored.end))
    released, told = released_shift(stored), released_places(brief.cells)
    nothing = released is None or not told
    *caveats, footer = brief.caveats(released=True, zone=zone)
    headline = NOTHING_RELEASED if nothing else brief.headline(released=True)
    near, name = room_of_teams(len(brief.posts) + len(brief.by_telephone))
    shut_then = [_shut(brief, post, zone) for post in brief.posts]
    shown = () if nothing else listed(told, brief.notes, MOST_PLACES)
    return Sheet(
        title=cut(f"{site.name}: {stored.shift_name}, {start:%A %-d %B %H:%M} to {end:%A %H:%M}", 2 * NAME),
        handling=brief.service.settings.service.briefing.handling,
        headline=f"{headline[:1].upper()}{headline[1:].rstrip('.')}.",
        expected=_expected(brief),
        data=_data(brief, zone),
        places=tuple(
            (str(cell.rank), cut(cell.place_name, NAME), _span(cell.lower, cell.upper),
             _why(in_brief([(reason["direction"], reason["text"]) for reason in cell.reasons])))
            for cell in shown
        ),
        map=None if nothing else map_for_paper(told, {cell.place_id: cell.rank for cell in shown}),
        plan=_plan(brief, zone),
        teams=tuple(
            (cut(post.team, name), cut(brief.names.label(post.site_id), name - len(f" – {shut}" if shut else "")),
             f"{post.start.astimezone(zone):%H:%M} – {post.end.astimezone(zone):%H:%M}",
             _near(brief, post, zone, near))
            for post, shut in zip(brief.posts, shut_then, strict=True)
        ) + tuple((cut(team, name), BY_TELEPHONE, "", "") for team in brief.by_telephone),
        site_ids=(*(post.site_id for post in brief.posts), *(BY_TELEPHONE for _ in brief.by_telephone)),
        sites=_sites(brief, zone),
        notes=_notes(brief, zone),
        again=_again(brief),
        shut=(*shut_then, *("" for _ in brief.by_telephone)),
        caveats=tuple(one for one in caveats if one not in {*_late_said(brief, zone), *brief.of_the_plan}),
        footer=footer,
        reference="Reference " + " · ".join([
            f"S-{stored.run.number}", *([f"P-{brief.plan.number}"] if brief.plan else []),
            *([f"A-{brief.override.number}"] if brief.override else []),
            f"as of {stored.run.meta.as_of.astimezone(zone):%a %-d %b %H:%M}",
        ]),
    )  # fmt: skip


def cut(text: str, most: int) -> str:
    """A text of at most so many characters, cut between words where it can be."""
    if len(text) <= most:
        return text
    kept = text[: most - 1]
    return f"{kept[: max(kept.rfind(' '), most // 2)].rstrip(' ,;:·')}…"


def _expected(brief: Brief) -> str:
    released = released_shift(brief.stored)
    total = None if released is None else released.total
    if total is None:
        return ""
    return f"{_span(total.lower, total.upper)} contacts in all, 80 times in 100."


def _data(brief: Brief, zone: ZoneInfo) -> str:
    """Up to when anything is known, and which agencies are silent since when."""
    meta, freshness = brief.stored.run.meta, Freshness(brief.service.settings, zone)
    known = max(freshness.newest_known(meta.data_complete_to).values(), default=None)
    sources = brief.service.settings.site.sources
    late = ", ".join(
        f"{sources[name].plural if name in sources else name} (since {since.astimezone(zone):%a %-d %b %H:%M})"
        for name, since in freshness.late(meta.data_complete_to, meta.as_of).items()
    )
    wider = cut(" ".join(freshness.widened(brief.stored.run)), LATE)
    room = max(LATE - len(wider), LEAST_LATE)  # what says more comes first, and both have the room of one
    first = "" if known is None else f"Records known to {known.astimezone(zone):%a %-d %b %H:%M}."
    silent = f"Silent for too long, and what they have seen since is not in this: {cut(late, room)}." if late else ""
    return " ".join(one for one in (first, wider, silent) if one)


def _late_said(brief: Brief, zone: ZoneInfo) -> set[str]:
    """The caveats that say what is late, and wider for it: the page says that at its head, by the names of records."""
    meta, freshness = brief.stored.run.meta, Freshness(brief.service.settings, zone)
    late = freshness.late(meta.data_complete_to, meta.as_of).items()
    return {*(freshness.late_caveat(name, since) for name, since in late), *freshness.widened(brief.stored.run)}


def _why(reasons: list[str]) -> str:
    """Both reasons where they are short, else the first, whole as far as it goes."""
    both = " · ".join(reasons)
    return both if len(both) <= WHY else cut(reasons[0], WHY)


def _plan(brief: Brief, zone: ZoneInfo) -> str:
    """What the plan covers, in shares: contacts to a decimal stay on the board."""
    if brief.plan is None:
        return NO_PLAN
    answer = brief.plan.answer
    made = f"Planned {brief.plan.made_at.astimezone(zone):%a %H:%M}"
    share, minutes = f"about {100 * answer['expected_coverage']:.0f} in 100", f"{answer['target_minutes']:g} minutes"
    covers = f"{share} of all contacts expected find a free team within {minutes}; {CAUTIOUS_ON_PAPER}"
    if brief.override is None:
        return f"{made}: {covers}."
    if brief.further is not None:
        other = answer["plans"][brief.further - 1]["share"][f"{answer['target_minutes']:g}"]
        covers = covers.replace(share, f"about {100 * other:.0f} in 100", 1)
        when, ordinal = f"{brief.override.made_at.astimezone(zone):%a %H:%M}", ORDINALS[brief.further]
        return f"The {ordinal} plan, chosen {when} by the coordinator: {covers} (the first: {share})."
    changed = f"{brief.override.made_at.astimezone(zone):%a %H:%M}"
    return f"Changed {changed} by the coordinator{_said(brief.override.reason)} (the plan: {covers})."


def _again(brief: Brief) -> str:
    """Why the plan no longer holds, and where to plan again; nothing while it does."""
    full = STANDS_AT_FULL_ON_PAPER if any(map(brief.shut, brief.posts)) else ""
    said = " ".join(filter(None, (full, EARLIER_ON_PAPER if brief.of_another_forecast else "")))
    return f"{said} Plan again on the board: /shifts/{brief.stored.shift_id}/positions." if said else ""


def _shut(brief: Brief, post: KeptPost, zone: ZoneInfo) -> str:
    return ", ".join(f"{one.state} {clock_span(one.since, one.until, zone)}" for one in brief.shut(post))


def _said(reason: str) -> str:
    """A coordinator's own words, where they tell no small number."""
    if not reason:
        return ""
    return ON_THE_BOARD if tells_small_number(reason) else f": {cut(reason, OWN_WORDS)}"


def _notes(brief: Brief, zone: ZoneInfo) -> tuple[str, ...]:
    """The newest notes, each with when it was written; of more than fit on the page how many there are."""
    told = tuple(_noted(note, brief, zone) for note in reversed(brief.notes))
    more = len(told) - MOST_NOTES
    return told if more <= 0 else (*told[:MOST_NOTES], f"{more} more on the board.")


def _noted(note: KeptNote, brief: Brief, zone: ZoneInfo) -> str:
    about, when = cut(told_of(note, brief.cells), NAME + 11), f"{note.made_at.astimezone(zone):%a %H:%M}"
    words = WHOLE_ON_THE_BOARD if tells_small_number(note.reason) else cut(note.reason, OWN_WORDS)
    return f"{when} {about}: {words}" if about else f"{when} {words}"


def _sites(brief: Brief, zone: ZoneInfo) -> tuple[str, ...]:
    """Each site with why it is out; of more than fit on the page the names alone."""
    told = tuple(_full(brief, one, zone) for one in brief.out[:MOST_SITES])
    more = ", ".join(f"{brief.names.label(one.site)} ({one.state})" for one in brief.out[MOST_SITES:])
    return (*told, *([f"Also: {cut(more, 2 * OWN_WORDS)}"] if more else [])) or ("None that anybody said.",)


def _full(brief: Brief, one: LeftOut, zone: ZoneInfo) -> str:
    since, until = (moment.astimezone(zone) for moment in (one.since, one.until))
    site = cut(brief.names.label(one.site), NAME)
    return f"{site}, {one.state} from {since:%a %H:%M} until {until:%a %H:%M}{_said(one.reason)}"


def near_said(brief: Brief, post: KeptPost, zone: ZoneInfo, *, conditions: bool = True) -> list[str]:
    """The places that take people near a team at a post: which, how far, whom not, from when to when, and the number.

    From when to when stands with those that are not open all the time that the team is there.
    """
    return [
        f"{site} {one['minutes']:.0f} min{more} {one['phone']}".rstrip()
        for one in brief.near(post)
        for site in [cut(brief.names.with_kind(str(one["site"]), str(one["kind"])), NAME)]
        for more in [_whom(one) + _hours(one, post, zone) + (_conditions(one) if conditions else "")]
    ]  # fmt: skip


def room_of_teams(rows: int) -> tuple[int, int]:
    """Most characters of what is near a team, and of its name or its site's, for so many rows of teams."""
    share = min(1.0, WHOLE_ROWS / max(rows, 1))
    return int(NEAR * share), max(int(NAME * share), LEAST_NAME)


def _near(brief: Brief, post: KeptPost, zone: ZoneInfo, most: int) -> str:
    """As many of them as fit, without conditions where these take the room: nobody can ring half a number."""
    told = near_said(brief, post, zone)
    if len(" · ".join(told)) > most:
        told = near_said(brief, post, zone, conditions=False)
    while len(told) > 1 and len(" · ".join(told)) > most:
        told = told[:-1]
    return " · ".join(told)


def _hours(one: dict[str, object], post: KeptPost, zone: ZoneInfo) -> str:
    start, end = (datetime.fromisoformat(str(one[name])) for name in ("from", "to"))
    return "" if (start, end) == (post.start, post.end) else f" only {clock_span(start, end, zone)}"


def _conditions(one: dict[str, object]) -> str:
    return f" ({cut(str(one['conditions']), NAME)})" if one.get("conditions") else ""


def _whom(one: dict[str, object]) -> str:
    return "" if one["whom"] == ADULTS else f" for {one['whom']}"


def _span(lower: float | None, upper: float | None) -> str:
    """A range in words. One that ends at none still leaves out one night in ten: it must not read as a promise."""
    if lower is None or upper is None:
        return ""
    return f"{lower:.0f} to {upper:.0f}" if f"{upper:.0f}" != "0" else SELDOM
