"""What the last shift of the same name was forecast to bring, place by place, beside what this one is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from crisisrisk.database.latest import StoredShift, forecast_for, shifts_between
from crisisrisk.serving.state import Service

BACK = timedelta(days=7)
SAME = 0.05
"""Contacts: less is told as no change."""


@dataclass(frozen=True, kw_only=True)
class LastTime:
    """The last shift of a name that was forecast. `expected`: contacts by id of a place."""

    start: datetime
    expected: Mapping[str, float]

    def beside(self, place_id: str, expected: float) -> tuple[str, float | None]:
        """Which way a place moved since, `up`, `down`, `same` or `new`, and what was expected of it then."""
        before = self.expected.get(place_id)
        if before is None:
            return "new", None
        return ("same" if abs(expected - before) < SAME else "up" if expected > before else "down"), before


def last_time(service: Service, shift: StoredShift) -> LastTime | None:
    """The shift of this name before, if one within a week was forecast; None also where that cannot be read."""
    model, now = service.settings.service.place_model, service.now()
    try:
        before = shifts_between(service.engine, shift.start - BACK, shift.start, model_name=model, at=now)
        same = [one for one in before if one.shift_name == shift.shift_name and one.start < shift.start]
        if not same:
            return None
        latest = max(same, key=lambda one: one.start).shift_id
        found = forecast_for(service.engine, latest, model_name=model, at=now)
    except SQLAlchemyError:
        return None
    if found is None:
        return None
    return LastTime(start=found[0].start, expected={cell.place_id: cell.expected for cell in found[1]})
