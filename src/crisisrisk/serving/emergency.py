"""Who is open to whom in an emergency."""

from datetime import datetime, timedelta

from crisisrisk.database.emergency import open_until
from crisisrisk.serving.contacts import contacts_of
from crisisrisk.serving.state import Service
from crisisrisk.serving.trail import people_named

LASTS = timedelta(minutes=30)


def is_pseudonym(text: str) -> bool:
    """Whether a text can be a person at all: nothing else is looked up, or kept."""
    return people_named(text.encode("utf-8", "replace")) == {text}


def opened_to(service: Service, person_id: str, *, key_id: str) -> bool:
    """Whether a user may see somebody of another team now, and there is such a person at this site."""
    if not service.settings.service.privacy.named or not is_pseudonym(person_id):
        return False
    if open_until(service.engine, person_id, made_by=key_id, now=service.clock.now()) is None:
        return False
    return _known_here(service, person_id, service.now())


def _known_here(service: Service, person_id: str, now: datetime) -> bool:
    view = service.view()
    return view.caseloads.knows(person_id, now) or bool(contacts_of(view.snapshot, [person_id], now)[person_id])
