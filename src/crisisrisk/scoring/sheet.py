"""The board on paper: what is released of a forecast, kept as a file for the night when nothing else works."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from crisisrisk.scoring.directions import in_brief
from crisisrisk.scoring.release import write_whole

SHEET_TEXT, SHEET_PAGE = "last-board.txt", "last-board.html"
MOST_PLACES, MOST_SHIFTS = 20, 4
NOT_AFTER = "Not to be used after that: ask for a new one, or use what is usual for the shift."


def sheet(released: Mapping[str, Any], *, caveat: str, zone: ZoneInfo) -> str:
    """A FeatureCollection as `forecast_geojson` makes it, as lines of text: the first shifts, of each the first places.

    It is made from nothing else, so that it tells nothing that a released file does not.
    """
    by_shift: dict[str, list[Mapping[str, Any]]] = {}
    for feature in released["features"]:
        by_shift.setdefault(feature["properties"]["shift_id"], []).append(feature["properties"])
    totals = {one["shift_id"]: one for one in released["shifts"]}
    head = [
        "WHERE CRISIS CONTACTS ARE LIKELY · printed sheet",
        f"made {_local(released['issued_at'], zone)} · to be used until {_local(released['valid_until'], zone)}",
        NOT_AFTER,
        caveat,
        *released["caveats"],
    ]
    shifts = sorted(by_shift.items(), key=lambda item: item[1][0]["start"])[:MOST_SHIFTS]
    blocks = [_shift(places[:MOST_PLACES], totals.get(shift), zone) for shift, places in shifts]
    return "\n\n".join(["\n".join(head), *blocks]) + "\n"


def write_sheet(reports: Path, text: str) -> None:
    """Keep a sheet in place of the last one, as text and as a page that prints. Raises OSError."""
    reports.mkdir(parents=True, exist_ok=True)
    write_whole(reports / SHEET_TEXT, text)
    page = (
        '<!doctype html>\n<html lang="en-GB"><head><meta charset="utf-8"><title>Printed sheet</title></head>\n'
        f'<body><pre style="white-space: pre-wrap">{escape(text)}</pre></body></html>\n'
    )
    write_whole(reports / SHEET_PAGE, page)


def _shift(places: Sequence[Mapping[str, Any]], total: Mapping[str, Any] | None, zone: ZoneInfo) -> str:
    first = places[0]
    lines = [f"{first['shift'].upper()}  {_local(first['start'], zone)} to {_local(first['end'], zone)}"]
    if total is not None:
        lines.append(f"in all about {total['expected']:.1f}, {total['lower']} to {total['upper']}; {total['outlook']}")
    for place in places:
        told = in_brief([(one["direction"], one["text"]) for one in place["reasons"]], most=1)
        why = told[0] if told else "told together with places around"
        numbers = f"about {place['expected']:.2f}, usual {place['usual']:.2f}"
        lines.append(f"{place['rank']:>4}  {place['place_name']:<28} {numbers} · {why}")
    return "\n".join(lines)


def _local(moment: str, zone: ZoneInfo) -> str:
    return f"{datetime.fromisoformat(moment).astimezone(zone):%a %-d %b %Y %H:%M}"
