"""Places that are listed shift after shift although no contact comes: said beside them, so that people can move on.

It is counted from forecasts as they were issued and from the contacts that were known then, and changes no forecast. A
date of a contact may be one person's, so that it is told on the live board alone.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from crisisrisk.database.latest import StoredPlace, StoredShift, shifts_between
from crisisrisk.database.stored_forecasts import highest_of
from crisisrisk.serving.handover import LISTED
from crisisrisk.tables.site import Site
from crisisrisk.timeline import Shift, Window, shifts_starting_in

BACK = timedelta(days=28)
LEAST = 3
"""Shifts running: fewer are not told."""
MOST_KEPT = 64


@dataclass(frozen=True, kw_only=True)
class CoolOff:
    """A place that was among the highest for `shifts` shifts of a name running, this one with them.

    No contact there that came since the first of them began was known as this one was forecast.
    """

    shifts: int
    shift_name: str
    last_contact: datetime
    or_more: bool = False
    """Whether it may be more: nobody looks further back."""

    @property
    def says(self) -> str:
        """For how many shifts, in words."""
        kind = self.shift_name if self.shift_name.endswith("shift") else f"{self.shift_name} shift"
        return f"{'at least ' if self.or_more else ''}{self.shifts} {kind}s running"


class CoolOffs:
    """The places to say so of, counted once for a forecast: none of what it is counted from changes later."""

    def __init__(self, site: Site, engine: Engine) -> None:
        self._site = site
        self._engine = engine
        self._kept: OrderedDict[tuple[int, datetime, str], Mapping[str, CoolOff]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, stored: StoredShift, cells: Sequence[StoredPlace]) -> Mapping[str, CoolOff]:
        """By id of a place among the highest. Empty also where earlier forecasts cannot be read now."""
        key = stored.run.number, stored.run.meta.made_at, stored.shift_id
        with self._lock:  # whoever comes while it is counted waits for the same count
            if key not in self._kept:
                try:
                    self._kept[key] = _counted(self._site, self._engine, stored, cells)
                except SQLAlchemyError:
                    return {}
                if len(self._kept) > MOST_KEPT:
                    self._kept.popitem(last=False)
            return self._kept[key]


def _counted(
    site: Site, engine: Engine, stored: StoredShift, cells: Sequence[StoredPlace]
) -> Mapping[str, CoolOff]:  # fmt: skip
    before = Window(stored.start - BACK, stored.start)
    rota = [one for one in shifts_starting_in(site.shifts, before, site.time_zone) if one.name == stored.shift_name]
    asked = {one.id for one in rota}
    meta = stored.run.meta
    forecast = shifts_between(engine, before.start, before.end, model_name=meta.model_name, at=meta.as_of)
    runs = {(one.run.number, one.shift_id) for one in forecast if one.shift_id in asked}
    highest = highest_of(engine, runs, LISTED)
    found = {
        cell.place_id: told for cell in cells
        if cell.rank <= LISTED and (told := _of_place(cell, stored, rota[::-1], highest)) is not None
    }  # fmt: skip
    return {place: told for place, told in found.items() if told.shifts >= LEAST}


def _of_place(
    cell: StoredPlace, stored: StoredShift, latest_first: Sequence[Shift], highest: Mapping[str, frozenset[str]]
) -> CoolOff | None:  # fmt: skip
    """A shift of the rota that was not forecast ends the run: nobody can say that the place was listed then."""
    last = cell.last_contact
    if last is None or last >= stored.start:
        return None
    shifts = 1
    for one in latest_first:
        if last >= one.start or cell.place_id not in highest.get(one.id, ()):
            return CoolOff(shifts=shifts, shift_name=stored.shift_name, last_contact=last)
        shifts += 1
    return CoolOff(shifts=shifts, shift_name=stored.shift_name, last_contact=last, or_more=bool(latest_first))
