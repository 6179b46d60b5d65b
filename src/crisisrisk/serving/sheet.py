"""The briefing as one printed page. A page leaves the board: it is made of what may be released, and of plans."""

from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from crisisrisk.database.plans import KeptPost
from crisisrisk.disclosure import tells_small_number
from crisisrisk.positioning.care import kind_said
from crisisrisk.positioning.left_out import LeftOut
from crisisrisk.positioning.posts import clock_span
from crisisrisk.positioning.taken import ADULTS
from crisisrisk.serving.briefing import PLACES, Brief
from crisisrisk.serving.disclosure import released_places, released_shift
from crisisrisk.serving.wording import NOTHING_RELEASED

BY_TELEPHONE = "by telephone only"
SELDOM = "none, now and then 1"

_STYLE = (
    "body{font:11pt/1.4 sans-serif;max-width:18cm;margin:1cm auto;padding:0 .5em}h1{font-size:15pt;margin:0}"
    "h2{font-size:11pt;margin:1em 0 .2em}p{margin:.2em 0}table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;padding:.15em .5em;border-bottom:1px solid #bbb;vertical-align:top}"
    "small{color:#333}footer{margin-top:1em;"
    "font-weight:bold}@page{size:A4;margin:1.2cm}"
    "@media print,(min-width:700px){td:not(:last-child){white-space:nowrap}}"
    "@media print{body{font-size:9pt;line-height:1.25;max-width:none;margin:0}h2{margin-top:.6em}"
    "footer{margin-top:.5em}}"
)


SHEET_POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""A browser applies the page's own style and nothing else."""


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """One page. `places`: rank, name, range and reasons; `teams`: team, site, times and what is near."""

    title: str
    headline: str
    expected: str
    places: tuple[tuple[str, str, str, str], ...]
    plan: str
    teams: tuple[tuple[str, str, str, str], ...]
    sites: tuple[str, ...]
    caveats: tuple[str, ...]
    footer: str
    reference: str

    def as_json(self) -> dict[str, Any]:
        """The fields of `brief --json`."""
        names = {"places": ("rank", "place", "range", "reasons"), "teams": ("team", "site_id", "times", "near")}
        rows = {name: [dict(zip(keys, row, strict=True)) for row in getattr(self, name)]
                for name, keys in names.items()}  # fmt: skip
        return {**vars(self), **rows, "sites": list(self.sites), "caveats": list(self.caveats)}

    def as_text(self) -> str:
        """For a terminal and for a printer without a browser."""
        return "\n".join([
            self.title, self.headline, self.expected, "", "Where",
            *(f"  {rank:>3}  {name:<28} {span:<20} {why}".rstrip() for rank, name, span, why in self.places),
            "", "Teams", f"  {self.plan}",
            *(f"  {team:<14} {site:<14} {times:<16} {near}".rstrip() for team, site, times, near in self.teams),
            "", "Full or closed", *(f"  {line}" for line in self.sites),
            "", *self.caveats, "", f"{self.footer}   {self.reference}",
        ])  # fmt: skip

    def as_html(self) -> str:
        """One page of A4. It loads nothing from anywhere."""
        places = _table(("", "Place", "Contacts, 80 times in 100", "Why"), self.places)
        teams = _table(("Team", "Site", "From – to", "Near"), self.teams)
        sites = "".join(f"<p>{escape(line)}</p>" for line in self.sites)
        caveats = f"<p><small>{escape(' · '.join(self.caveats))}</small></p>"
        return (
            f'<!doctype html><html lang="en-GB"><head><meta charset="utf-8"><title>{escape(self.title)}</title>'
            f"<style>{_STYLE}</style></head><body><h1>{escape(self.title)}</h1><p><b>{escape(self.headline)}</b></p>"
            f"<p>{escape(self.expected)}</p><h2>Where</h2>{places}<h2>Teams</h2><p>{escape(self.plan)}</p>{teams}"
            f"<h2>Full or closed</h2>{sites}{caveats}<footer>{escape(self.footer)}</footer>"
            f"<p><small>{escape(self.reference)}</small></p></body></html>\n"
        )


def sheet_of(brief: Brief, zone: ZoneInfo) -> Sheet:
    """The page of a briefing."""
    stored = brief.stored
    start, end = (moment.astimezone(zone) for moment in (stored.start, stored.end))
    released, told = released_shift(stored), released_places(brief.cells)
    nothing = released is None or not told
    *caveats, footer = brief.caveats(released=True, zone=zone)
    return Sheet(
        title=f"{brief.service.settings.site.name}: {stored.shift_name}, {start:%A %-d %B %H:%M} to {end:%A %H:%M}",
        headline=NOTHING_RELEASED if nothing else brief.headline(released=True),
        expected=_expected(brief),
        places=() if nothing else tuple(
            (str(cell.rank), cell.place_name, _span(cell.lower, cell.upper),
             " · ".join(str(reason["text"]) for reason in cell.reasons[:2]))
            for cell in told[:PLACES]
        ),
        plan=_plan(brief, zone),
        teams=tuple(
            (post.team, post.site_id, f"{post.start.astimezone(zone):%H:%M} – {post.end.astimezone(zone):%H:%M}",
             " · ".join(near_said(brief, post, zone)))
            for post in brief.posts
        ) + tuple((team, BY_TELEPHONE, "", "") for team in brief.by_telephone),
        sites=tuple(_full(one, zone) for one in brief.out) or ("none that anybody said",),
        caveats=tuple(caveats),
        footer=footer,
        reference=" · ".join([f"S-{stored.run.number}", *([f"P-{brief.plan.number}"] if brief.plan else []),
                              *([f"A-{brief.override.number}"] if brief.override else []),
                              f"as of {stored.run.meta.as_of.astimezone(zone):%a %-d %b %H:%M}"]),
    )  # fmt: skip


def _expected(brief: Brief) -> str:
    released = released_shift(brief.stored)
    total = None if released is None else released.total
    if total is None:
        return ""
    return f"{_span(total.lower, total.upper)} contacts in all, 80 times in 100"


def _plan(brief: Brief, zone: ZoneInfo) -> str:
    """What the plan covers, in shares: contacts to a decimal stay on the board."""
    if brief.plan is None:
        return "No plan was made."
    answer = brief.plan.answer
    made = f"planned {brief.plan.made_at.astimezone(zone):%a %H:%M}"
    share, minutes = f"about {100 * answer['expected_coverage']:.0f} in 100", f"{answer['target_minutes']:g} minutes"
    covers = f"{share} of all contacts expected find a free team within {minutes}"
    if brief.override is None:
        return f"{made}: {covers}"
    changed = f"{brief.override.made_at.astimezone(zone):%a %H:%M}"
    return f"changed {changed} by the coordinator{_said(brief.override.reason)} (the plan: {covers})"


def _said(reason: str) -> str:
    """A coordinator's own words, where they tell no small number."""
    return "" if not reason or tells_small_number(reason) else f": {reason}"


def _full(one: LeftOut, zone: ZoneInfo) -> str:
    since, until = (moment.astimezone(zone) for moment in (one.since, one.until))
    return f"{one.site}, {one.state} since {since:%a %H:%M} until {until:%a %H:%M}{_said(one.reason)}"


def near_said(brief: Brief, post: KeptPost, zone: ZoneInfo) -> list[str]:
    """The places that take people near a team at a post: which, how far, whom not, from when to when, and the number.

    From when to when stands with those that are not open all the time that the team is there.
    """
    return [
        f"{kind_said(str(one['kind']))} {one['site']} {one['minutes']:.0f} min{more} {one['phone']}".rstrip()
        for one in brief.near(post) for more in [_whom(one) + _hours(one, post, zone) + _conditions(one)]
    ]  # fmt: skip


def _hours(one: dict[str, object], post: KeptPost, zone: ZoneInfo) -> str:
    start, end = (datetime.fromisoformat(str(one[name])) for name in ("from", "to"))
    return "" if (start, end) == (post.start, post.end) else f" only {clock_span(start, end, zone)}"


def _conditions(one: dict[str, object]) -> str:
    return f" ({one['conditions']})" if one.get("conditions") else ""


def _whom(one: dict[str, object]) -> str:
    return "" if one["whom"] == ADULTS else f" for {one['whom']}"


def _span(lower: float | None, upper: float | None) -> str:
    """A range in words. One that ends at none still leaves out one night in ten: it must not read as a promise."""
    if lower is None or upper is None:
        return ""
    return f"{lower:.0f} to {upper:.0f}" if f"{upper:.0f}" != "0" else SELDOM


def _table(head: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> str:
    heads = "".join(f"<th>{escape(text)}</th>" for text in head)
    cells = "".join(f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>" for row in rows)
    return f"<table><tr>{heads}</tr>{cells}</table>"
