"""What stands round every page: whose site it is, who is signed in, and which pages that role has."""

from collections.abc import Mapping
from typing import Any

from crisisrisk.purposes import Reach
from crisisrisk.serving.access import Viewer
from crisisrisk.serving.pages.page import Local
from crisisrisk.serving.state import Service

MENU: Mapping[str, tuple[str, str]] = {
    "caseload": ("/caseload", "Caseload"), "caller": ("/caller", "Person on the line"),
    "board": ("/shifts/next", "Shift board"), "unallocated": ("/unallocated", "People with no team"),
    "looks": ("/audit", "Looks"), "concerns": ("/concerns", "Concerns"), "useful": ("/usefulness", "Usefulness"),
    "data": ("/data", "Data"),
}  # fmt: skip
"""By page its address, and what it is called."""
_REACHED: Mapping[str, Reach] = {
    "caseload": "own_people", "caller": "look_up", "board": "places", "unallocated": "unallocated",
    "looks": "audit", "concerns": "safety_concerns", "useful": "usefulness", "data": "data_status",
}  # fmt: skip

_ROLES: Mapping[str, str] = {
    "steward": "records steward", "data": "data team", "audit": "privacy and safety",
}  # fmt: skip
"""Roles whose name alone says too little."""


def framed(service: Service, viewer: Viewer, *, here: str, about: str | None) -> dict[str, Any]:
    """The parts of `base.jinja`. `here`: the page's name in the menu. `about`: the reference that a concern is of."""
    menu = [
        {"href": address, "text": text, "here": name == here}
        for name, (address, text) in MENU.items()
        if viewer.reaches(_REACHED[name])
    ]
    return {
        "site": service.settings.site.name, "about": about, "menu": menu,
        "viewer": {
            "says": said(viewer, service), "form_token": viewer.form_token,
            "opened": Local(service.settings.site.time_zone).whole(service.now()),
        },
    }  # fmt: skip


def said(viewer: Viewer, service: Service) -> str:
    """Who is signed in, in words."""
    return who(service, viewer.role.name, viewer.team)


def who(service: Service, role: str, team: str | None) -> str:
    """A role in words, and what the site calls its team."""
    return role_words(role) if team is None else f"{role_words(role)}, {team_name(service, team)}"


def role_words(role: str) -> str:
    """What pages call a role."""
    return _ROLES.get(role, role.replace("_", " "))


def team_name(service: Service, team: str) -> str:
    """What the site calls a team."""
    named = service.settings.site.teams
    return named[team].name if team in named else team
