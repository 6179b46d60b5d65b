"""From the board of one shift to the one before, the one after, and the one of tonight."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from crisisrisk.serving.access import Viewer
from crisisrisk.serving.answers import ShiftListed
from crisisrisk.serving.pages.page import Local
from crisisrisk.serving.problems import NoAnswerError
from crisisrisk.serving.routes.places import ShiftsQuery, shifts
from crisisrisk.serving.state import Service

AROUND = timedelta(days=2)
NOW, TONIGHT = "Now", "Tonight"


@dataclass(frozen=True, kw_only=True)
class Step:
    """A way to the board of another shift. `says`: what that one is from here, or from now."""

    shift: ShiftListed
    says: str
    rel: Literal["prev", "next"] | None = None


def steps(service: Service, viewer: Viewer, here: ShiftListed, now: datetime) -> list[Step]:
    """In order of start: the forecast shifts beside this one, and tonight's where it lies within two days of it."""
    query = ShiftsQuery.model_validate({"from": here.start - AROUND, "to": here.end + AROUND})
    try:
        listed = [one for one in shifts(viewer, query, service).shifts if one.forecast is not None]
    except NoAnswerError:
        return []
    return _among(listed, here, now, Local(service.settings.site.time_zone))


def _among(listed: Sequence[ShiftListed], here: ShiftListed, now: datetime, local: Local) -> list[Step]:
    before = [one for one in listed if one.start < here.start][-1:]
    after = [one for one in listed if one.start > here.start][:1]

    def said(shift: ShiftListed, otherwise: str) -> str:
        word = local.from_now(shift.start, shift.end, now)
        return word if word in (NOW, TONIGHT) else otherwise

    beside = [
        *(Step(shift=one, says=said(one, "Earlier"), rel="prev") for one in before),
        *(Step(shift=one, says=said(one, "Later"), rel="next") for one in after),
    ]
    shown = {here.id, *(one.shift.id for one in beside)}
    coming = [one for one in listed if local.from_now(one.start, one.end, now) == TONIGHT][:1]
    others = [Step(shift=one, says=TONIGHT) for one in coming if one.id not in shown]
    return sorted([*beside, *others], key=lambda one: one.shift.start)
