"""What coordinators note about shifts, and the places that they set aside or add: kept, and never learned from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from crisisrisk.database.engine import writing
from crisisrisk.database.rows import add, everything, read
from crisisrisk.database.schema import ShiftNote

NOTE, SUPPRESS, ADD, WITHDRAW = "note", "suppress", "add", "withdraw"


@dataclass(frozen=True, kw_only=True)
class KeptNote:
    """One note. `kind`: of the whole, or that a place is set aside or added, or that an earlier one is taken back.

    `run_id`: the forecast that stood on the board then. `made_by`: a key's id.
    """

    number: int
    shift_id: str
    run_id: int | None
    kind: str
    place_id: str | None
    reason: str
    withdraws: int | None
    made_at: datetime
    made_by: str
    role: str


def save_note(
    engine: Engine, *, shift_id: str, run_id: int, kind: str, place_id: str | None, reason: str,
    withdraws: int | None, made_at: datetime, made_by: str, role: str,
) -> KeptNote:  # fmt: skip
    """Keep a note. Nothing is changed or deleted by a later one."""
    said = {
        "shift_id": shift_id, "run_id": run_id, "kind": kind, "place_id": place_id, "reason": reason,
        "withdraws": withdraws, "made_at": made_at, "made_by": made_by, "role": role,
    }  # fmt: skip
    with writing(engine) as connection:
        return add(connection, ShiftNote, KeptNote, said)


def notes_of(engine: Engine, shift_id: str) -> Sequence[KeptNote]:
    """The notes of a shift that nobody took back, the oldest first. Of several on one place the last alone counts."""
    chosen = everything(ShiftNote).where(ShiftNote.shift_id == shift_id)
    with engine.connect() as connection:
        return in_force(read(connection, KeptNote, chosen.order_by(ShiftNote.id)))


def in_force(notes: Sequence[KeptNote]) -> Sequence[KeptNote]:
    """Without what was taken back, and without what was said of a place before the last that was."""
    gone = {note.withdraws for note in notes}
    kept = [note for note in notes if note.kind != WITHDRAW and note.number not in gone]
    last = {note.place_id: note.number for note in kept if note.kind in (SUPPRESS, ADD)}
    return [note for note in kept if note.kind == NOTE or last[note.place_id] == note.number]
