"""Every role, every route, many objects: nothing leaks, and what is forbidden is as what is missing.

CRISISRISK_TRIPLES says how many of (role, route, object) at least; `make tampering` asks 50,000, the suite fewer.
"""

import os
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import ceil
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from tests.lib.asgi import Answered, Asked, ask_all
from tests.lib.operational import copied
from tests.lib.service_site import PATIENCE, SERVICE, ServiceSite, opened

from crisisrisk.purposes import Reach
from crisisrisk.scoring.sheet import SHEET_TEXT
from crisisrisk.serving.app import ROUTERS, create_app
from crisisrisk.serving.roles import MOST
from crisisrisk.serving.settings import read_settings
from crisisrisk.serving.trail import people_named

TRIPLES = int(os.environ.get("CRISISRISK_TRIPLES", "3000"))
API, FHIR = "/api/v1", "/fhir/R4"
OWN = {"north": ("ann", "ben", "cat", "dan", "eve", "back"), "south": ("sue",)}
ALL = frozenset(MOST)


@dataclass(frozen=True)
class Route:
    """What a role must reach for it (None: a key is enough), and what kind of object its address names."""

    reach: Reach | None
    about: str = ""
    query: str = ""


PERSON, TEAM = Route("own_people", "person"), Route("own_people", "team")
SHIFT, PLAN, MODEL = Route("places", "shift"), Route("plan", "shift"), Route("models", "model")
MATRIX: Mapping[tuple[str, str], Route] = {
    ("GET", f"{API}/version"): Route("version"),
    ("GET", f"{API}/data-status"): Route("data_status"),
    ("GET", f"{FHIR}/metadata"): Route("version"),
    ("GET", f"{API}/models"): Route("models"),
    ("GET", f"{API}/models/{{task}}/current"): MODEL,
    ("GET", f"{API}/models/{{task}}/card"): MODEL,
    ("POST", f"{API}/models/{{task}}/reload"): Route("reload_models", "model"),
    ("GET", f"{API}/people/{{pid}}/risk"): PERSON,
    ("GET", f"{API}/people/{{pid}}/risk/history"): PERSON,
    ("GET", f"{API}/people/{{pid}}/risk/reasons"): PERSON,
    ("GET", f"{API}/people/{{pid}}/risk/changes"): Route("own_people", "person", "?since=2026-11-15T00:00:00Z"),
    ("GET", f"{API}/people/{{pid}}/contacts"): PERSON,
    ("GET", f"{API}/people/{{pid}}/feedback"): PERSON,
    ("POST", f"{API}/people/{{pid}}/feedback"): PERSON,
    ("GET", f"{API}/people/{{pid}}/reviews"): PERSON,
    ("POST", f"{API}/people/{{pid}}/reviews"): PERSON,
    ("GET", f"{API}/people/{{pid}}/snoozes"): PERSON,
    ("POST", f"{API}/people/{{pid}}/snoozes"): PERSON,
    ("DELETE", f"{API}/people/{{pid}}/snoozes/{{number}}"): PERSON,
    ("GET", f"{API}/people/{{pid}}/data-queries"): PERSON,
    ("POST", f"{API}/people/{{pid}}/data-queries"): PERSON,
    ("GET", f"{FHIR}/RiskAssessment/{{id}}"): Route("own_people", "assessment"),
    ("GET", f"{FHIR}/RiskAssessment"): Route("own_people", "subject"),
    ("POST", f"{FHIR}/RiskAssessment/_search"): Route("own_people"),
    ("POST", f"{API}/people/score"): Route("own_people"),
    ("POST", f"{API}/people/lookup"): Route("look_up"),
    ("GET", f"{API}/people/{{pid}}/care"): Route("look_up", "person"),  # and nobody was looked up
    ("GET", f"{API}/caseloads/{{team}}"): TEAM,
    ("GET", f"{API}/caseloads/{{team}}/feedback"): TEAM,
    ("PUT", f"{API}/caseloads/{{team}}/capacity"): TEAM,
    ("POST", f"{API}/caseloads/{{team}}/seen"): TEAM,
    ("GET", f"{API}/unallocated"): Route("unallocated"),
    ("GET", f"{API}/usefulness"): Route("usefulness"),
    ("GET", f"{API}/people/{{pid}}/access-log"): Route("audit", "person"),
    ("GET", f"{API}/audit"): Route("audit"),
    ("POST", f"{API}/people/{{pid}}/emergency-access"): Route("emergency_access", "person"),
    ("GET", f"{API}/alerts"): Route("alerts"),
    ("POST", f"{API}/alerts/{{number}}/closing"): Route("alerts", "number"),
    ("GET", f"{API}/safety-concerns"): Route("safety_concerns"),
    ("POST", f"{API}/safety-concerns"): Route(None),
    ("POST", f"{API}/safety-concerns/{{number}}/closing"): Route("safety_concerns", "number"),
    ("GET", f"{API}/data-queries"): Route("data_queries"),
    ("POST", f"{API}/data-queries/{{number}}/answer"): Route("data_queries", "number"),
    ("GET", f"{API}/board"): Route("places", "", "?shift=night-2026-11-22"),
    ("GET", f"{API}/shifts"): Route("places"),
    ("GET", f"{API}/shifts/{{id}}"): SHIFT,
    ("GET", f"{API}/shifts/{{id}}/hotspots"): SHIFT,
    ("GET", f"{API}/shifts/{{id}}/hotspots/{{place}}"): SHIFT,
    ("POST", f"{API}/shifts/{{id}}/positions"): PLAN,
    ("PUT", f"{API}/shifts/{{id}}/plan"): PLAN,
    ("POST", f"{API}/shifts/{{id}}/adjustments"): PLAN,
    ("GET", f"{API}/shifts/{{id}}/review"): PLAN,
    ("GET", f"{API}/shifts/{{id}}/briefing"): PLAN,
    ("GET", f"{API}/shifts/{{id}}/feedback"): PLAN,
    ("POST", f"{API}/shifts/{{id}}/feedback"): PLAN,
    ("GET", f"{API}/sites"): Route("plan"),
    ("GET", f"{API}/sites/{{id}}/status"): Route("plan", "site"),
    ("PUT", f"{API}/sites/{{id}}/status"): Route("plan", "site"),
    ("GET", "/shifts/next"): Route("places"),
    ("GET", "/map/tiles/{z}/{x}/{y}"): Route("places", "level"),
    ("GET", "/shifts/{id}"): SHIFT,
    ("GET", "/shifts/{id}/places/{place}"): SHIFT,
    ("GET", "/shifts/{id}/print"): PLAN,
    ("GET", "/shifts/{id}/positions"): PLAN,
    ("POST", "/shifts/{id}/positions"): PLAN,
    ("POST", "/shifts/{id}/positions/use"): PLAN,
    ("POST", "/shifts/{id}/positions/change"): PLAN,
    ("POST", "/shifts/{id}/sites"): PLAN,
    ("GET", "/shifts/{id}/notes"): PLAN,
    ("POST", "/shifts/{id}/notes"): PLAN,
    ("GET", "/shifts/{id}/changes"): PLAN,
    ("GET", "/shifts/{id}/review"): PLAN,
    ("POST", "/shifts/{id}/review"): PLAN,
    ("GET", "/caseload"): Route("own_people"),
    ("POST", "/caseload/seen"): Route("own_people"),
    ("POST", "/caseload/capacity"): Route("own_people"),
    ("GET", "/people/{pid}"): PERSON,
    ("GET", "/people/{pid}/share"): Route("own_people", "person", "?number=true"),
    ("GET", "/people/{pid}/wrong"): Route("own_people", "person", "?event_id=e1"),
    ("POST", "/people/{pid}/wrong"): PERSON,
    ("POST", "/people/{pid}/feedback"): PERSON,
    ("POST", "/people/{pid}/reviews"): PERSON,
    ("POST", "/people/{pid}/snoozes"): PERSON,
    ("POST", "/people/{pid}/snoozes/{number}/end"): PERSON,
    ("GET", "/caller"): Route("look_up"),
    ("POST", "/caller"): Route("look_up"),
    ("GET", "/caller/{pid}"): Route("look_up", "person"),  # and nobody was looked up
    ("GET", "/unallocated"): Route("unallocated"),
    ("GET", "/data"): Route("data_status"),
    ("GET", "/data/queries"): Route("data_queries"),
    ("POST", "/data/queries/{number}/closing"): Route("data_queries", "number"),
    ("GET", "/models"): Route("models"),
    ("GET", "/models/{task}/sheet"): Route("models", "model"),
    ("GET", "/usefulness"): Route("usefulness"),
    ("GET", "/audit"): Route("audit"),
    ("GET", "/audit/{number}"): Route("audit", "number"),
    ("GET", "/audit/{number}/shown"): Route("audit", "number"),
    ("GET", "/alerts"): Route("alerts"),
    ("POST", "/alerts/{number}/closing"): Route("alerts", "number"),
    ("GET", "/concerns"): Route("safety_concerns"),
    ("POST", "/concerns/{number}/closing"): Route("safety_concerns", "number"),
    ("GET", "/safety-concern"): Route(None),
    ("POST", "/safety-concern"): Route(None),
    ("GET", "/"): Route(None),
}
# For everybody, and for who is signed in: tests/api/test_service.py, test_assets.py, test_sign_in.py
# and test_issuer_sign_in.py.
ELSEWHERE = {("HEAD", "/healthz"), *(("GET", path) for path in ("/healthz", "/readyz", "/metrics", "/sign-in")),
             ("GET", "/assets/{digest}/{name}"), ("POST", "/sign-in"), ("POST", "/sign-out"),
             ("GET", "/sign-in/callback")}  # fmt: skip


@pytest.fixture(scope="module")
def site(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceSite]:
    """A site that lets anybody ask as often as they like."""
    made = opened(copied(pristine, tmp_path_factory.mktemp("matrix") / "site"))
    often = "[limits]\nrequests_a_second = 1e9\nburst = 1000000000\nat_once = 40\nwaiting = 1000\nwait_seconds = 60\n"
    made.declare("service.toml", SERVICE + often)
    (made.site.reports / SHEET_TEXT).write_text("night, Sunday 22:00: as printed")  # the board's last resort
    yield made
    made.engine.dispose()


@pytest.fixture(scope="module")
def app(site: ServiceSite) -> FastAPI:
    """Its service."""
    made = create_app(read_settings(site.site, {}))
    made.state.service.auditor.longest = PATIENCE
    return made


@dataclass(frozen=True)
class Asker:
    """A role and, for a team's roles, the team."""

    role: str
    team: str | None = None

    def owns(self, site: ServiceSite) -> frozenset[str]:
        """Whose pseudonyms may stand in what this asker is told."""
        return frozenset(site.people[name] for name in OWN.get(self.team or "", ()))


ASKERS = tuple(
    Asker(role, team) for role in sorted(MOST) for team in (sorted(OWN) if "own_people" in MOST[role] else (None,))
)


def objects(site: ServiceSite, about: str, many: int) -> list[str]:
    """Addresses' parts that name what is there, what is not, and what is no name at all. Alike in every run."""
    drawn = random.Random(8)

    def code(length: int) -> str:
        return "".join(drawn.choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=length))

    odd = ["x", "k1_", "k1_0", "%20", "%00", "..%5C", "1;drop", "9998627435", "999%20862%207435", "%E2%80%A8", "null",
           "%22", "*", "k1_%25", "-1", "0", "1e9", "%7B%7D", "a" * 90]  # fmt: skip
    first = ("ann", "sue", "nobody")  # so that however few are asked about, some of them are others' to everybody
    named = sorted(site.people, key=lambda name: (name not in first, name))
    people = [*(site.people[name] for name in named), *odd, *(one.lower() for one in site.people.values()),
              *(f"{one}%20" for one in site.people.values())]  # fmt: skip
    made = {
        "person": lambda: people, "subject": lambda: people,
        "assessment": lambda: [f"R-{run}.{one.replace('_', '-')}" for run in (1, 2) for one in people],
        "team": lambda: ["north", "south", "nowhere", "NORTH", "north%20", *odd],
        "shift": lambda: ["night-2026-11-22", "day-2026-11-22", "night-1999-01-01", "night-2026-13-45", *odd],
        "site": lambda: ["cafe", "safety", "base-south", "nowhere", *odd],
        "model": lambda: ["person_crisis_28d", "place_crisis_shift", "nothing", *odd],
        "number": lambda: ["1", "2", "999", "2147483647", *odd], "": lambda: [""],
        "level": lambda: ["0", "12", "22", "23", *odd],
    }[about]()  # fmt: skip
    return [*made, *(f"k1_{code(16)}" for _ in range(many - len(made)))][:many] if about else [""]


def request_of(method: str, path: str, route: Route, name: str, key: str) -> Asked:
    if route.about == "subject":
        path = f"{path}?subject={name}"
    elif route.about:
        kind = {"person": "pid", "team": "team", "model": "task", "number": "number", "level": "z"}.get(
            route.about, "id"
        )
        path = path.replace(f"{{{kind}}}", name).replace("{number}", "1").replace("{place}", "place-01")
        path = path.replace("{x}", "0").replace("{y}", "0")
    # What could change something is no object: it is refused after it was said who may ask, before anything is done.
    return Asked(method, path + route.query, key, b'["x"]' if method in ("POST", "PUT") else b"")


def test_a_route_that_is_not_in_the_matrix_fails_here() -> None:
    found = [route for router in ROUTERS for route in router.routes]
    assert all(isinstance(route, APIRoute) for route in found)
    routes = {(method, route.path) for route in found if isinstance(route, APIRoute) for method in route.methods}
    assert routes == {*MATRIX, *ELSEWHERE}


def test_nobody_learns_of_whom_they_may_not_see_nor_whether_there_is_anybody(site: ServiceSite, app: FastAPI) -> None:
    # Everybody at least: the first few are all of one team, which would then never ask about somebody else's.
    many = max(len(site.people), ceil(TRIPLES / len(ASKERS) / sum(bool(route.about) for route in MATRIX.values())))
    triples = [
        (asker, method, path, route, name)
        for asker, ((method, path), route) in product(ASKERS, MATRIX.items())
        for name in objects(site, route.about, many)
    ]
    assert len(set(triples)) >= TRIPLES
    requests = [
        request_of(method, path, route, name, site.key(asker.role, asker.team))
        for asker, method, path, route, name in triples
    ]
    answers = list(ask_all(app, requests))
    busy = [number for number, answer in enumerate(answers) if answer.status == 503]  # more at once than it works out
    for number in busy:
        (answers[number],) = ask_all(app, [requests[number]])
    reached = {name: role.reaches for name, role in app.state.service.settings.roles.items()}
    refused: dict[tuple[Asker, str], set[Answered]] = defaultdict(set)
    hidden: dict[tuple[Asker, str], set[Answered]] = defaultdict(set)
    for (asker, _method, path, route, name), request, answer in zip(triples, requests, answers, strict=True):
        where, form = (asker, request.method, request.path, answer.status), _form_of(path)
        assert answer.status < 500, where
        if asker.role != "audit":
            assert people_named(answer.body) <= asker.owns(site), where
        if route.reach is not None and route.reach not in reached[asker.role]:
            assert answer.status == 403, where
            refused[asker, form].add(answer)
        elif route.reach in ("own_people", "look_up") and route.about:
            if _is_own(site, asker, route, name):
                assert answer.status not in (401, 403), where
            else:
                assert answer.status == 404, where
                hidden[asker, form].add(answer)
        else:
            assert answer.status not in (401, 403), where
    assert {len(answers) for answers in (*refused.values(), *hidden.values())} == {1}
    assert len(hidden) == 3 * len([asker for asker in ASKERS if asker.team]) + 2


def _form_of(path: str) -> str:
    """In what form an address is answered: the same refusal looks alike in each."""
    return next((form for form in (API, FHIR) if path.startswith(form)), "page")


def _is_own(site: ServiceSite, asker: Asker, route: Route, name: str) -> bool:
    if route.about == "team":
        return name == asker.team
    person = name.partition(".")[2].replace("-", "_", 1) if route.about == "assessment" else name
    return person in asker.owns(site)
