"""What of a caseload is shown: whose people, which list, in which order. It stands in the address and names nobody."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qsl, urlencode

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from crisisrisk.serving.access import Viewer
from crisisrisk.serving.bodies import form_of
from crisisrisk.serving.caseload_answers import CaseloadWork, Only, Sort, Tab
from crisisrisk.serving.pages.page import Local
from crisisrisk.serving.pages.sending import Said
from crisisrisk.serving.routes.caseload import ME, CaseloadQuery
from crisisrisk.serving.state import Service

PAGE = "/caseload"
Whose = Literal["mine", "team"]

TABS: Mapping[Tab, str] = {
    "new_or_changed": "New or changed", "all": "All", "review_due": "Review due", "snoozed": "Snoozed",
}  # fmt: skip
ORDERS: Mapping[Sort, str] = {
    "likely": "Most likely first", "last_contact": "Latest contact first",
    "last_review": "The longest without a review first",
}  # fmt: skip
ONLY: Mapping[Only, str] = {
    "new_since_seen": "New since you last looked", "no_crisis_plan": "Without a current crisis plan",
    "contact_in_7_days": "A contact in the last 7 days", "no_worker": "Without a care coordinator",
}  # fmt: skip
_DUE: Tab = "review_due"
SNOOZE_WEEKS = (1, 2, 4, 8)


class CaseloadView(BaseModel):
    """One way to look at a caseload. `people`: left out it is one's own, or the team's for who is no coordinator."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    people: Whose | None = None
    tab: Tab = "new_or_changed"
    sort: Sort | None = None
    only: Only | None = None
    limit: Annotated[int | None, Field(ge=1)] = None

    @model_validator(mode="before")
    @classmethod
    def _without_what_is_empty(cls, given: Any) -> Any:
        """A choice that was not made comes from a form as an empty text."""
        return {name: value for name, value in given.items() if value != ""} if isinstance(given, dict) else given

    def of(self, viewer: Viewer) -> Self:
        """With `people` said, as far as this viewer has people of their own, and the list's own order left unsaid."""
        own: Whose = "team" if viewer.worker is None else self.people or "mine"
        return self.model_copy(update={"people": own, "sort": None if self.sort == _own(self.tab) else self.sort})

    def to(self, **changes: Any) -> str:
        """The address with something else chosen. Another list begins at its usual length, and in its own order."""
        chosen = self.model_copy(update={"limit": None, **changes})
        if chosen.tab == _DUE and chosen.sort == "likely":
            chosen = chosen.model_copy(update={"sort": None})
        return f"{PAGE}?{chosen.query}" if chosen.query else PAGE

    @property
    def here(self) -> str:
        """Its own address."""
        return self.to(limit=self.limit)

    @property
    def query(self) -> str:
        """What stands in its address, and in a form that leads back to it."""
        return urlencode(self.model_dump(exclude_defaults=True))

    @property
    def asked(self) -> CaseloadQuery:
        """What the API is asked for."""
        kept = self.model_dump(include={"tab", "sort", "only", "limit"})
        return CaseloadQuery(**kept, worker=ME if self.people == "mine" else None)

    @property
    def order(self) -> Sort:
        """In which order the list is."""
        return self.sort or _own(self.tab)

    @property
    def is_whole(self) -> bool:
        """Whether it is the team's whole list, most likely first, so that a line at its capacity can be drawn in it."""
        return self.people == "team" and self.tab == "all" and self.only is None and self.order == "likely"


def _own(tab: Tab) -> Sort:
    """The order of a list for which nobody chose another."""
    return "last_review" if tab == _DUE else "likely"


class CaseloadAsked(CaseloadView):
    """The address of the page: a view, and what was sent from it just now."""

    said: Said | None = None


def sent_from(request: Request) -> CaseloadView | None:
    """The view that a form was sent from; None where it was none."""
    text = form_of(request).get("back")
    return None if text is None else view_of(text)


def view_of(text: str) -> CaseloadView:
    """The view that an address or a form kept; the usual one where it is none."""
    try:
        return CaseloadView.model_validate_strings(dict(parse_qsl(text)))
    except (ValidationError, ValueError):
        return CaseloadView()


@dataclass(frozen=True)
class CameFrom:
    """The list from which somebody's page was opened: kept by every page and form about them, to lead back to it."""

    view: CaseloadView

    @property
    def query(self) -> str:
        """As the forms keep it; empty where it is the usual list."""
        return self.view.query

    def on(self, path: str) -> str:
        """The address of a page about somebody, with the list kept in it."""
        apart = "&" if "?" in path else "?"
        return f"{path}{apart}{urlencode({'list': self.query})}" if self.query else path

    def back(self, person_id: str) -> str:
        """The list again, at the line of the person."""
        return f"{self.view.here}#{person_id}"


def kept_of(view: CaseloadView, viewer: Viewer) -> str:
    """What the address of somebody's page keeps of this list: nothing of the usual one."""
    return "" if view == CaseloadView().of(viewer) else CameFrom(view).on("")


def came_from(request: Request) -> CameFrom:
    """From which list: as a form keeps it, or else the address."""
    return CameFrom(view_of(form_of(request).get("list") or request.query_params.get("list", "")))


ListBefore = Annotated[CameFrom, Depends(came_from)]


def orders_of(tab: Tab) -> Mapping[Sort, str]:
    """In which orders a list can be had: what is due never by the number."""
    return {name: text for name, text in ORDERS.items() if not (tab == _DUE and name == "likely")}


def choices_of(view: CaseloadView, listed: CaseloadWork) -> Mapping[Only, str]:
    """What a list can be narrowed to: nothing that is not recorded, or cannot be so."""
    without = {"no_crisis_plan"} if "no_crisis_plan" in listed.not_recorded else set()
    if view.people == "mine" or not (listed.workers and listed.people_without_worker):
        without.add("no_worker")
    return {name: text for name, text in ONLY.items() if name not in without or name == view.only}


def snooze_days(service: Service) -> Mapping[str, str]:
    """How long somebody can be snoozed for from a row of the list, by the day that it ends."""
    local = Local(service.settings.site.time_zone)
    until = {weeks: service.now() + timedelta(weeks=weeks) for weeks in SNOOZE_WEEKS}
    return {
        local.iso(day): f"{weeks} week{'' if weeks == 1 else 's'}, until {local.date(day)}"
        for weeks, day in until.items()
    }


def age_said(since: datetime, now: datetime) -> str:
    """`3 weeks`: in days below two weeks, in weeks below three months, then in months."""
    age = now - since
    count, unit = (
        (age.days, "day") if age < timedelta(days=14)
        else (age.days // 7, "week") if age < timedelta(days=91)
        else (int(age.days / 30.44), "month")
    )  # fmt: skip
    return f"{count} {unit}{'' if count == 1 else 's'}"
