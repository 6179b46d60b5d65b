"""Handover: what changed since an earlier forecast of the same shift, and what was noted since."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import HTMLResponse
from sqlalchemy import Engine

from crisisrisk.database.stored_forecasts import cells_of_run, standings_of_runs
from crisisrisk.database.totals import IssuedTotal, issued_totals
from crisisrisk.models.bundle import Manifest
from crisisrisk.scoring.widened import complete_only
from crisisrisk.serving.access import PlanViewer
from crisisrisk.serving.afterwards import BOTH_AFTERWARDS, ONE_AFTERWARDS, made_afterwards
from crisisrisk.serving.answers import reasons_given
from crisisrisk.serving.briefing import brief_of
from crisisrisk.serving.forecasts import Said
from crisisrisk.serving.handover import PlaceChange, any_place_moved, place_changes
from crisisrisk.serving.noting import told_of
from crisisrisk.serving.pages.frame import framed
from crisisrisk.serving.pages.issued import Issued, issued, whole_read
from crisisrisk.serving.pages.page import Local, number, page, span
from crisisrisk.serving.problems import nothing_here
from crisisrisk.serving.state import ServiceOf
from crisisrisk.serving.wording import LIVE_CALLS_FIRST
from crisisrisk.tables.site import Source

handover_pages = APIRouter(tags=["pages"], include_in_schema=False)


@handover_pages.get("/shifts/{id}/changes")
def changes(
    shift_id: Annotated[str, Path(alias="id")], viewer: PlanViewer, service: ServiceOf,
    since: Annotated[str | None, Query(pattern=r"^S-\d{1,9}$")] = None,
) -> HTMLResponse:  # fmt: skip
    """The newest forecast beside an earlier one: the one asked for, else the one before it."""
    brief, zone = brief_of(service, shift_id), service.settings.site.time_zone
    model = service.settings.service.place_model
    every = issued_totals(service.engine, shift_id, model_name=model, at=service.now())
    newest = next((one for one in every if one.run.number == brief.stored.run.number), None)
    earlier = [one for one in every if newest is not None and one.run.number != newest.run.number]
    before = earlier[-1] if since is None and earlier else next(
        (one for one in earlier if f"S-{one.run.number}" == since), None
    )  # fmt: skip
    if since is not None and before is None:
        raise nothing_here()
    found = [] if before is None else place_changes(
        cells_of_run(service.engine, before.run.number, shift_id), brief.cells
    )  # fmt: skip
    from_then = [] if before is None else [note for note in brief.notes if note.made_at >= before.run.meta.as_of]
    told: dict[str, Any] = {
        **framed(service, viewer, here="board", about=f"S-{brief.stored.run.number}"), "shift_id": shift_id,
        "stored": brief.stored, "before": before, "newest": newest,
        "earlier": by_change(service.engine, shift_id, earlier), "earlier_count": len(earlier),
        "headline": None if before is None or newest is None else whole_said(before, newest, Local(zone)),
        "wider": None if before is None or newest is None else wider_said(
            before, newest, service.settings.site.sources, Local(zone)
        ), "list_said": list_said(found), "changes": found, "notes": from_then, "caveats": [LIVE_CALLS_FIRST],
        "note_about": {note.number: told_of(note, brief.cells) for note in from_then},
        "names": brief.names, "why": reasons_given,
        "afterwards": None if before is None or newest is None else afterwards_said(
            Said(service, service.now()).answering, before, newest
        ),
        "out": [] if before is None else [one for one in brief.out if one.since >= before.run.meta.as_of],
    }  # fmt: skip
    return page("handover.jinja", told, zone=zone)


def by_change(engine: Engine, shift_id: str, earlier: Sequence[IssuedTotal]) -> Issued[IssuedTotal]:
    """Forecasts of a shift, in order of issue: those in which what this page tells changed, and those that said the
    same again."""
    standings = standings_of_runs(engine, [one.run.number for one in earlier], shift_id) if len(earlier) > 1 else {}

    def differs(before: IssuedTotal, now: IssuedTotal) -> bool:
        was, read = (whole_read(one.total.expected, one.total.lower, one.total.upper) for one in (before, now))
        return was != read or any_place_moved(standings[before.run.number], standings[now.run.number])

    return issued(earlier, differs)


def whole_said(before: IssuedTotal, newest: IssuedTotal, local: Local) -> str:
    """What became of the whole shift, in a sentence."""
    old, new = before.total, newest.total
    when = local.moment(before.run.meta.as_of)
    same_range = (old.lower, old.upper) == (new.lower, new.upper)
    if number(old.expected) == number(new.expected):
        whole = f"Since {when} as many crisis contacts are expected in the whole shift, {number(new.expected)}"
    else:
        way = "more" if new.expected > old.expected else "fewer"
        whole = (
            f"Since {when} {way} crisis contacts are expected in the whole shift: {number(new.expected)} now, "
            f"{number(old.expected)} then"
        )
    if same_range:
        return f"{whole}. The range is {span(new.lower, new.upper)}, as it was."
    return f"{whole}. The range is {span(new.lower, new.upper)} now; it was {span(old.lower, old.upper)}."


def wider_said(before: IssuedTotal, newest: IssuedTotal, sources: Mapping[str, Source], local: Local) -> str | None:
    """That feeds are why ranges differ, and no place; None where the same feeds were late for both, or none."""
    was, now = before.run.meta, newest.run.meta
    if set(was.widened_by) == set(now.widened_by):
        return None
    if now.widened_by:
        late = complete_only(now, sources, local.moment, be="are")
        return f"Ranges are wider because of late records, not because of any place: {late}."
    late = complete_only(was, sources, local.moment, be="were")
    return f"Ranges were wider then because of late records, not because of any place: {late}."


def afterwards_said(answering: Manifest | None, *forecasts: IssuedTotal) -> str | None:
    """Which of two forecasts the model made of a time that it had learned from; None where it made neither so."""
    after = [f"S-{one.run.number}" for one in forecasts if made_afterwards(answering, one.run.meta)]
    if not after:
        return None
    return BOTH_AFTERWARDS if len(after) == len(forecasts) else ONE_AFTERWARDS.format(reference=after[0])


def list_said(changes: Sequence[PlaceChange]) -> str:
    """Which places came on the list of the highest, and which left it."""
    on = [one.now.place_name for one in changes if one.came_on]
    left = [one.now.place_name for one in changes if one.left]
    if not on and not left:
        return "The ten highest places are the same."
    came = f"New among the ten highest: {', '.join(on)}." if on else ""
    gone = f"No longer among them: {', '.join(left)}." if left else ""
    return f"{came} {gone}".strip()
