"""The forms about where teams stand, as the API's bodies; what is wrong is said by field."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from crisisrisk.database.latest import StoredShift
from crisisrisk.database.site_status import OPEN
from crisisrisk.serving.asked import AdjustmentAsked, Asked, PositionsAsked
from crisisrisk.serving.pages.sending import SentWrongly
from crisisrisk.serving.routes.sites import StatusAsked

Given = Mapping[str, str]
_Body = TypeVar("_Body", bound=Asked)

ROWS, MOST_ROWS = 4, 8
TEAM_FIELDS = ("name", "base", "staff", "skills", "starts", "ends", "fixed")
MOST_POSTS = 40
_MINUTE = timedelta(minutes=1)
WANTED: Mapping[str, str] = {
    "target_minutes": "Write within how many minutes a team should be there, from 1 to 240",
    "floor": "Leave this empty, or write a number from 1 to 100",
    "name": "Give every team a name of its own, of at most 100 characters",
    "base": "Choose a base from the list",
    "staff": "Choose how many go together",
    "skills": "Write skills with commas between them, such as nurse, amhp",
    "starts": "Write both times as 22:00, or leave both empty",
    "ends": "Write both times as 22:00, or leave both empty",
    "change-reason": "Say why in a few words, without names and NHS numbers",
    "posts": "Say for at least one team where it stands",
    "site-reason": "Say why in a few words, without names and NHS numbers",
    "site-state": "Choose full, closed or open again",
}
OUTSIDE = "Write a time within the shift, such as 23:30"
NOT_AFTER = "Write a time before the one until which it holds"
GONE_BY = "Write a time that is still to come"
OPEN_FROM_NOW = "Leave this empty: a site is open again from now"


def plan_asked(form: Given) -> PositionsAsked:
    """A plan, as somebody asks for it. Raises SentWrongly."""
    rows = [number for number in range(1, MOST_ROWS + 1) if form.get(f"name-{number}")]
    teams = [_team(form, number) for number in rows]
    floor = form.get("floor", "")
    share = float(floor) / 100 if floor.isdecimal() and len(floor) < 4 else -1.0
    body = {
        "target_minutes": form.get("target_minutes", ""),
        **({"teams": teams} if teams else {}),
        "use": form.get("use", "") == "yes",
        **({"floors": {form.get("floor_group", ""): share}} if floor else {}),
    }
    return _body(PositionsAsked, body, form, lambda loc: _plan_field(loc, rows))


def _team(form: Given, number: int) -> dict[str, Any]:
    said = {name: form.get(f"{name}-{number}", "") for name in TEAM_FIELDS}
    found: dict[str, Any] = {name: said[name] for name in ("name", "base", "starts", "ends") if said[name]}
    if said["staff"]:
        found["staff"] = int(said["staff"]) if said["staff"] in ("1", "2") else 0
    if skills := [one.strip() for one in said["skills"].split(",") if one.strip()]:
        found["skills"] = skills
    if said["fixed"] and said["base"]:
        found["may_stand"] = [said["base"]]
    return found


def _plan_field(loc: Sequence[Any], rows: Sequence[int]) -> str:
    if loc[0] != "teams":
        return "floor" if loc[0] == "floors" else str(loc[0])
    parts = [one for one in loc if one != "each"]
    return f"{parts[2]}-{rows[int(parts[1])]}" if len(parts) > 2 else "teams"


def change_asked(form: Given, stored: StoredShift, zone: ZoneInfo) -> AdjustmentAsked:
    """Posts in place of a plan's, with the reason. Raises SentWrongly."""
    posts, errors = [], {}
    for number in range(1, MOST_POSTS + 1):
        team, site = form.get(f"team-{number}", ""), form.get(f"site-{number}", "")
        if not team or not site:
            continue
        span = {}
        for name, first in (("from", True), ("to", False)):
            text = form.get(f"{name}-{number}", "")
            moment = moment_in(stored, text, zone, first=first) if text else None
            if text and moment is None:
                errors[f"{name}-{number}"] = OUTSIDE
            span[name] = moment
        posts.append({"team": team, "site_id": site, **span})
    if errors:
        raise SentWrongly(errors, form)
    body = {"kind": "positions", "posts": posts, "reason": form.get("change-reason", ""), "plan": form.get("plan")}
    return _body(AdjustmentAsked, body, form, lambda loc: "change-reason" if loc[0] == "reason" else "posts")


def status_asked(form: Given, stored: StoredShift, zone: ZoneInfo, now: datetime) -> StatusAsked:
    """What is said of a site: for this shift, or from and until times within it. Raises SentWrongly.

    Of what has begun already the beginning may be said too: the handover and the review then have it right.
    """
    since, text, state = form.get("site-from", ""), form.get("site-until", ""), form.get("site-state", "")
    until = moment_in(stored, text, zone, first=False) if text else stored.end
    starts = moment_in(stored, since, zone, first=True) if since else max(now, stored.start)
    outside = {name: OUTSIDE for name, at in (("site-from", starts), ("site-until", until)) if at is None}
    if outside or starts is None or until is None:
        raise SentWrongly(outside, form)
    if state == OPEN and since:
        raise SentWrongly({"site-from": OPEN_FROM_NOW}, form)
    if now >= until:
        raise SentWrongly({"site-until": GONE_BY}, form)
    if state != OPEN and starts >= until:
        raise SentWrongly({"site-from": NOT_AFTER} if since else {"site-until": OUTSIDE}, form)
    reason = form.get("site-reason", "")
    if state in ("full", "closed") and not reason:
        raise SentWrongly({"site-reason": WANTED["site-reason"]}, form)
    body = {"state": state, "reason": reason or None, "from": None if state == OPEN else starts, "until": until}
    return _body(StatusAsked, body, form, lambda loc: f"site-{loc[0]}")


def moment_in(stored: StoredShift, text: str, zone: ZoneInfo, *, first: bool) -> datetime | None:
    """When it is `text` by the clock on the wall within a shift; of two such moments the first, or the last."""
    wanted = text.strip().zfill(5)
    minutes = int((stored.end - stored.start) / _MINUTE)
    found = [
        moment for step in range(minutes + 1)
        if f"{(moment := stored.start + step * _MINUTE).astimezone(zone):%H:%M}" == wanted
    ]  # fmt: skip
    return (found[0] if first else found[-1]) if found else None


def _body(kind: type[_Body], body: Mapping[str, Any], form: Given, field: Any) -> _Body:
    try:
        return kind.model_validate(body)
    except ValidationError as wrong:
        fields = [field(one["loc"]) for one in wrong.errors() if one["loc"]]
        errors = {name: WANTED.get(name, WANTED.get(name.rpartition("-")[0], "This cannot be used")) for name in fields}
        raise SentWrongly(errors or {"site-state": WANTED["site-state"]}, form) from None
