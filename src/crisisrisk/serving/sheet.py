"""The briefing as one printed page: its form on paper, and as text for a terminal."""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from math import ceil
from typing import Any

from crisisrisk.serving.sheet_map import BESIDE, MAP_STYLE, PaperMap

ASK = "Anything unsafe about this page? Report a safety concern on the board, with the reference."

_STYLE = (
    "body{font:11pt/1.4 Arial,sans-serif;color:#000;background:#fff;max-width:19cm;margin:1cm auto;padding:0 .5em}"
    "h1{font-size:1.4em;margin:0}h2{font-size:1.05em;margin:.7em 0 .1em}p{margin:.15em 0}"
    "table{border-collapse:collapse;width:100%;table-layout:fixed}"
    "th,td{text-align:left;padding:.15em .6em .15em 0;border-bottom:1px solid #767676;vertical-align:top;"
    "overflow-wrap:anywhere}tbody th{font-weight:bold}"
    ".places thead th:nth-child(1){width:3.2em}.places thead th:nth-child(2){width:30%}"
    ".places thead th:nth-child(3){width:10.4em}.teams thead th:nth-child(1){width:24%}"
    ".teams thead th:nth-child(2){width:24%}.teams thead th:nth-child(3){width:8.5em}"
    ".handling{border:2px solid #000;padding:.2em .5em;font-weight:bold;margin-bottom:.5em}"
    "ul{margin:0;padding-left:1.2em}.caveats{font-size:.9em;margin-top:.7em}"
    "span{white-space:nowrap}footer{border-top:2px solid #000;margin-top:.6em;padding-top:.2em}"
    "@media screen and (max-width:40em){thead{position:absolute;clip-path:inset(50%)}"
    "tr,tbody th,tbody td{display:block;border:0;padding:0}"
    "tr{border-bottom:1px solid #767676;padding:.3em 0}td::before{content:attr(data-head) ' ';font-weight:bold}}"
    "@media print{@page{size:A4;margin:1cm}body{max-width:none;margin:0;padding:0}tr,li{break-inside:avoid}"
    ".some{font-size:10.5pt;line-height:1.25}.much{font-size:9pt;line-height:1.25}.most{font-size:8pt;line-height:1.2}"
    ".least{font-size:7.5pt;line-height:1.15}.least :is(th,td){padding-top:0;padding-bottom:0}"
    ".least h2{margin:.3em 0 0}.least p{margin:.05em 0}}" + MAP_STYLE
)


SHEET_POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""A browser applies the page's own style and nothing else."""

_SIZES = (("some", 50, 92), ("much", 68, 108), ("most", 74, 122), ("least", 0, 130))
"""The sizes of letters: as many lines of as many characters fill a page; for the last, how many do not matter."""
_PLACE, _WHY, _TEAM, _NEAR = 0.28, 0.5, 0.22, 0.36
"""The share of a line that columns take in which texts are long."""


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """One page. `places`: rank, name, range and reasons; `teams`: team, site as it is called, times and what is near.

    `again`: why the plan no longer holds and how to plan again, else empty; `shut`: by team, in their order, when its
    site takes nobody. `site_ids`: of the sites of the teams, in their order; they stand on no paper.
    `map`: of the places; None where nobody says where they are.
    """

    title: str
    handling: str
    headline: str
    expected: str
    data: str
    places: tuple[tuple[str, str, str, str], ...]
    plan: str
    teams: tuple[tuple[str, str, str, str], ...]
    sites: tuple[str, ...]
    notes: tuple[str, ...]
    caveats: tuple[str, ...]
    footer: str
    reference: str
    map: PaperMap | None = None
    site_ids: tuple[str, ...] = ()
    again: str = ""
    shut: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The fields of `brief --json`. The map, which says no more than the table, is not among them."""
        places = [dict(zip(("rank", "place", "range", "reasons"), row, strict=True)) for row in self.places]
        teams = [
            {"team": team, "site_id": site_id, "site_name": site, "times": times, "near": near, "shut": shut}
            for site_id, (team, site, times, near), shut in zip(self.site_ids, self.teams, self._shut, strict=True)
        ]
        fields = {name: value for name, value in vars(self).items() if name not in ("map", "site_ids", "shut")}
        return {**fields, "places": places, "teams": teams, "sites": list(self.sites), "notes": list(self.notes),
                "caveats": list(self.caveats)}  # fmt: skip

    @property
    def _shut(self) -> tuple[str, ...]:
        return self.shut or ("",) * len(self.teams)

    @property
    def _standing(self) -> list[tuple[str, str, str, str]]:
        """The teams, each site with when it takes nobody."""
        rows = zip(self.teams, self._shut, strict=True)
        return [(team, f"{site} – {shut}" if shut else site, times, near) for (team, site, times, near), shut in rows]

    def as_text(self) -> str:
        """For a terminal and for a printer without a browser."""
        wide = max((14, *(len(site) for _, site, _, _ in self._standing)))
        return "\n".join([
            self.title, self.handling, self.headline, self.expected, self.data, "", "Where",
            *(f"  {rank:>3}  {name:<28} {span:<20} {why}".rstrip() for rank, name, span, why in self.places),
            "", "Teams", *([f"  {self.again}"] if self.again else []), f"  {self.plan}",
            *(f"  {team:<14} {site:<{wide}} {times:<16} {near}".rstrip() for team, site, times, near in self._standing),
            "", "Full or closed", *(f"  {line}" for line in self.sites),
            *(["", "Notes"] if self.notes else []), *(f"  {line}" for line in self.notes),
            "", *self.caveats, "", f"{self.footer}   {self.reference}",
        ])  # fmt: skip

    def as_html(self) -> str:
        """One page of A4 for at most eight places and four teams. It loads nothing from anywhere."""
        places = _table("places", ("Rank", "Place", "Contacts, 80 times in 100", "Why"), self.places, head=1)
        teams = _table("teams", ("Team", "Stands at", "From – to", "Near"), self._standing, head=0)
        again = f"<p><strong>{escape(self.again)}</strong></p>" if self.again else ""
        notes = f"<h2>Notes</h2>{_list(self.notes)}" if self.notes else ""
        drawn = "" if self.map is None else self.map.svg
        caveats = f'<p class="caveats">{escape(" · ".join(self.caveats))}</p>' if self.caveats else ""
        return (
            f'<!doctype html><html lang="en-GB"><head><meta charset="utf-8"><title>{escape(self.title)}</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<style>{_STYLE}</style></head><body class="{self.size}"><main><p class="handling">{escape(self.handling)}'
            f'</p><div class="top"><div><h1>{escape(self.title)}</h1><p><strong>{escape(self.headline)}</strong> '
            f"{escape(self.expected)}</p><p>{escape(self.data)}</p></div>{drawn}</div>"
            f'<h2 id="of-places">Where</h2>{places}<h2 id="of-teams">Teams</h2>{again}<p>{escape(self.plan)}</p>{teams}'
            f"{notes}<h2>Full or closed</h2>{_list(self.sites)}{caveats}</main><footer><p><strong>{escape(self.footer)}"
            f"</strong></p><p>{_REFERENCE.sub(_whole, escape(self.reference))}. {ASK}</p></footer></body></html>\n"
        )

    @property
    def size(self) -> str:
        """In which letters the page is printed: the largest of which it is likely to fill one side and no more."""
        return next(name for name, lines, wide in _SIZES if not lines or self._lines(name, wide) <= lines)

    def _lines(self, size: str, wide: int) -> int:
        """About how many lines of `wide` characters it takes, headings with the space round them as one and a half."""
        places = sum(max(_in(name, wide * _PLACE), _in(why, wide * _WHY)) + 0.3 for _, name, _, why in self.places)
        teams = sum(max(_in(team, wide * _TEAM), _in(site, wide * _TEAM), _in(near, wide * _NEAR)) + 0.3
                    for team, site, _, near in self._standing)  # fmt: skip
        beside = wide * BESIDE if self.map else wide
        head = sum(_in(text, beside) for text in (self.title, f"{self.headline} {self.expected}", self.data))
        head = max(head, self.map.lines(size)) if self.map else head
        whole = (self.again, self.plan, " · ".join(self.caveats), *self.notes, *self.sites)
        return ceil(places + teams + head + sum(_in(text, wide) for text in whole) + 14 + bool(self.notes))


_CAPITAL = 0.35
_PHONE = re.compile(r"(?<!\d)(?:\+44 ?|0)\d[\d ]{7,11}\d(?!\d)")
_REFERENCE = re.compile(r"\b[A-Z]-\d+")


def _whole(found: re.Match[str]) -> str:
    """In one line: nobody rings half a number."""
    return f"<span>{found.group()}</span>"


def _in(text: str, wide: float) -> int:
    """About how many lines of `wide` characters a text takes. Capitals are a third wider than other letters."""
    return ceil((len(text) + _CAPITAL * sum(map(str.isupper, text))) / wide)


def _table(name: str, heads: Sequence[str], rows: Sequence[Sequence[str]], *, head: int) -> str:
    if not rows:
        return ""
    first = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = "".join(
        f"<tr>{''.join(_cell(text, heads[at], head=at == head) for at, text in enumerate(row))}</tr>" for row in rows
    )
    named = f'class="{name}" aria-labelledby="of-{name}"'
    return f"<table {named}><thead><tr>{first}</tr></thead><tbody>{body}</tbody></table>"


def _cell(text: str, under: str, *, head: bool) -> str:
    words = _PHONE.sub(_whole, escape(text))
    return f'<th scope="row">{words}</th>' if head else f'<td data-head="{escape(under)}">{words}</td>'


def _list(lines: Sequence[str]) -> str:
    if len(lines) == 1:
        return f"<p>{escape(lines[0])}</p>"
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"
