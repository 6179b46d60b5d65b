"""What came to one place of late, and how often forecasts of it were right."""

import json
from datetime import datetime

from crisisrisk.serving.answers import CameLately, KindCount, ListedRunning
from crisisrisk.serving.cool_off import CoolOff
from crisisrisk.serving.place_counts import LATELY_DAYS
from crisisrisk.serving.state import Service

NO_RECORD = "Nobody can say yet: forecasts of this place were not judged, or were never among the highest."


def record_of(service: Service, model: str, run_id: str, place: str) -> str:
    """What the report of the model that made the forecast says of one place. Its counts are fit to be released."""
    file = service.settings.site.reports / f"{model}-{run_id[:8]}.json"
    try:
        places = json.loads(file.read_text(encoding="utf-8")).get("places", [])
    except (OSError, ValueError):
        return NO_RECORD
    found = next((one for one in places if one.get("place_id") == place), None)
    if found is None or not found.get("highest"):
        return NO_RECORD
    return (
        f"In judged shifts of the past it was among the highest {found['highest']} times. A contact came in about "
        f"{found['highest_with_contact']} of these; about {found['highest_expected']} were expected to have one."
    )


def came_lately(service: Service, place: str, *, as_of: datetime, released: bool) -> CameLately | None:
    """The contacts of the 28 days before a forecast was made; None in what is released, and where nobody can say."""
    found = None if released else service.came_lately(place, as_of)
    if found is None:
        return None
    known = service.settings.site.sources
    return CameLately(
        days=LATELY_DAYS, until=as_of, total=sum(found.values()),
        by_kind=[
            KindCount(source=name, kind=known[name].singular if name in known else name.replace("_", " "), count=count)
            for name, count in found.items()
        ],
    )  # fmt: skip


def listed_running(found: CoolOff | None) -> ListedRunning | None:
    """For how many shifts a place is listed without a new contact, as it is answered."""
    if found is None:
        return None
    return ListedRunning(shifts=found.shifts, or_more=found.or_more, last_contact=found.last_contact)
