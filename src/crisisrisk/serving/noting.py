"""Notes of coordinators about a shift: kept with the forecast that stood on the board, and told wherever it is."""

from collections.abc import Sequence
from typing import TypeVar

from crisisrisk.database.latest import StoredPlace
from crisisrisk.database.shift_notes import ADD, SUPPRESS, KeptNote, notes_of, save_note
from crisisrisk.serving.access import Viewer
from crisisrisk.serving.answers import Hotspot
from crisisrisk.serving.asked import NoteAsked
from crisisrisk.serving.forecasts import newest_forecast
from crisisrisk.serving.plan_answers import NoteKept
from crisisrisk.serving.problems import NoAnswerError, nothing_here, too_much
from crisisrisk.serving.state import Service

_Place = TypeVar("_Place", StoredPlace, Hotspot)


def noted(service: Service, viewer: Viewer, shift_id: str, asked: NoteAsked) -> KeptNote:
    """Keep a note. Raises NoAnswerError for a shift that is over, and for what is not there to be noted."""
    stored, cells = newest_forecast(service, shift_id)
    now = service.now()
    if now >= stored.end:
        raise NoAnswerError("CR-HTTP-409", "this shift is over: a note comes too late")
    if asked.place_id is not None and asked.place_id not in {cell.place_id for cell in cells}:
        raise too_much("place_id", "a place of this forecast")
    standing = {f"N-{note.number}": note.number for note in notes_of(service.engine, shift_id)}
    if asked.withdraws is not None and asked.withdraws not in standing:
        raise nothing_here()
    return save_note(
        service.engine, shift_id=shift_id, run_id=stored.run.number, kind=asked.kind, place_id=asked.place_id,
        reason=asked.reason, withdraws=standing.get(asked.withdraws or ""), made_at=now, made_by=viewer.key_id,
        role=viewer.role_name,
    )  # fmt: skip


def note_shown(note: KeptNote) -> NoteKept:
    """A note as it is answered."""
    return NoteKept(
        reference=f"N-{note.number}", kind=note.kind, shift=note.shift_id,
        forecast=None if note.run_id is None else f"S-{note.run_id}", place_id=note.place_id,
        withdraws=None if note.withdraws is None else f"N-{note.withdraws}", reason=note.reason,
        made_at=note.made_at, made_by=note.made_by, role=note.role,
    )  # fmt: skip


def set_aside(notes: Sequence[KeptNote]) -> frozenset[str]:
    """The places that a coordinator took off the list of the highest."""
    return frozenset(note.place_id for note in notes if note.kind == SUPPRESS and note.place_id is not None)


def added(notes: Sequence[KeptNote]) -> frozenset[str]:
    """The places that a coordinator put on it."""
    return frozenset(note.place_id for note in notes if note.kind == ADD and note.place_id is not None)


def listed(places: Sequence[_Place], notes: Sequence[KeptNote], most: int) -> list[_Place]:
    """Of places in order of rank the first without those set aside, `most` in all with those that were added."""
    out, more = set_aside(notes), added(notes)
    put_on = sum(place.place_id in more for place in places)
    others = [place.place_id for place in places if place.place_id not in out | more]
    chosen = more | set(others[: max(most - put_on, 0)])
    return [place for place in places if place.place_id in chosen]


def told_of(note: KeptNote, cells: Sequence[StoredPlace]) -> str:
    """What a note is of, in words: nothing for a note about the whole shift."""
    names = {cell.place_id: cell.place_name for cell in cells}
    name = names.get(note.place_id or "", note.place_id or "")
    return {SUPPRESS: f"Set aside: {name}", ADD: f"Added: {name}"}.get(note.kind, name)
