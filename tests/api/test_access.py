"""Who may ask what: every role, every route, one's own, others' and nobody's."""

import itertools
from datetime import timedelta

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from httpx import Response
from tests.lib.database import AS_OF
from tests.lib.service_site import CASELOADS_MAPPING, ServiceSite, load_rows

from crisisrisk.commands.keys import create_key, revoke_key
from crisisrisk.database.keys import make_key
from crisisrisk.serving import access
from crisisrisk.serving.app import ROUTERS

PERSON, TEAM = "/api/v1/people/{pid}/risk", "/api/v1/caseloads/{team}"
BOARD = "/api/v1/board"
SHIFTS, SHIFT, HOTSPOTS = "/api/v1/shifts", "/api/v1/shifts/{id}", "/api/v1/shifts/{id}/hotspots"
HOTSPOT, PLACE = "/api/v1/shifts/{id}/hotspots/{place}", "place-01"
POSITIONS, ADJUSTMENTS = "/api/v1/shifts/{id}/positions", "/api/v1/shifts/{id}/adjustments"
USED = "/api/v1/shifts/{id}/plan"
REVIEW, BRIEFING = "/api/v1/shifts/{id}/review", "/api/v1/shifts/{id}/briefing"
SITES, SITE = "/api/v1/sites", "/api/v1/sites/{id}/status"
VERSION, DATA = "/api/v1/version", "/api/v1/data-status"
MODELS, CURRENT, CARD = "/api/v1/models", "/api/v1/models/{task}/current", "/api/v1/models/{task}/card"
RELOAD = "/api/v1/models/{task}/reload"
AUDIT, LOG = "/api/v1/audit", "/api/v1/people/{pid}/access-log"
CONCERNS, CLOSING = "/api/v1/safety-concerns", "/api/v1/safety-concerns/{number}/closing"
ALERTS, ALERT = "/api/v1/alerts", "/api/v1/alerts/{number}/closing"
EMERGENCY = "/api/v1/people/{pid}/emergency-access"
QUERIES, QUERY = "/api/v1/data-queries", "/api/v1/data-queries/{number}/answer"
CONTACTS, FEEDBACK, REVIEWS = (f"/api/v1/people/{{pid}}/{name}" for name in ("contacts", "feedback", "reviews"))
SNOOZES, WRONG = "/api/v1/people/{pid}/snoozes", "/api/v1/people/{pid}/data-queries"
SNOOZE, TEAM_FEEDBACK = "/api/v1/people/{pid}/snoozes/{number}", "/api/v1/caseloads/{team}/feedback"
SHIFT_FEEDBACK = "/api/v1/shifts/{id}/feedback"
CAPACITY, SEEN = "/api/v1/caseloads/{team}/capacity", "/api/v1/caseloads/{team}/seen"
MODEL = {MODELS, CURRENT, CARD}
HISTORY, REASONS, MOVED = (f"/api/v1/people/{{pid}}/risk/{name}" for name in ("history", "reasons", "changes"))
SCORE_NOW = "/api/v1/people/score"
UNALLOCATED, USEFUL = "/api/v1/unallocated", "/api/v1/usefulness"
LOOK_UP, CARE = "/api/v1/people/lookup", "/api/v1/people/{pid}/care"
STATEMENT, ASSESSMENTS, ASSESSMENT = (
    f"/fhir/R4/{name}" for name in ("metadata", "RiskAssessment", "RiskAssessment/{id}")
)
OWN_PEOPLE = {
    ASSESSMENTS,
    ASSESSMENT,
    HISTORY,
    REASONS,
    MOVED,
    PERSON,
    TEAM,
    CONTACTS,
    FEEDBACK,
    REVIEWS,
    SNOOZES,
    WRONG,
    TEAM_FEEDBACK,
}
SAID = {FEEDBACK, REVIEWS, SNOOZES, WRONG, SNOOZE}

PLANS = {POSITIONS, USED, ADJUSTMENTS, REVIEW, BRIEFING, SHIFT_FEEDBACK}

# For each kind of key the routes that answer it. What is not here is refused.
OPEN_TO = {
    ("crisis_team", None): {
        *MODEL,
        VERSION,
        DATA,
        STATEMENT,
        BOARD,
        SHIFTS,
        SHIFT,
        HOTSPOTS,
        HOTSPOT,
        SITES,
        SITE,
        *PLANS,
    },
    ("data", None): {
        *MODEL,
        RELOAD,
        VERSION,
        DATA,
        STATEMENT,
        BOARD,
        SHIFTS,
        SHIFT,
        HOTSPOTS,
        HOTSPOT,
        QUERIES,
        USEFUL,
    },
    ("care", "north"): {*MODEL, VERSION, DATA, STATEMENT, *OWN_PEOPLE},
    ("care", "south"): {*MODEL, VERSION, DATA, STATEMENT, *OWN_PEOPLE},
    ("lead", "north"): {*MODEL, VERSION, DATA, STATEMENT, USEFUL, *OWN_PEOPLE},
    ("lead", "south"): {*MODEL, VERSION, DATA, STATEMENT, USEFUL, *OWN_PEOPLE},
    ("triage_clinician", None): {VERSION, DATA, STATEMENT, CARE},
    ("allocation", None): {VERSION, DATA, STATEMENT, UNALLOCATED},
    ("steward", None): {VERSION, DATA, STATEMENT},
    ("audit", None): {VERSION, DATA, STATEMENT, AUDIT, LOG, CONCERNS, ALERTS},
}
ROUTES = (
    PERSON, TEAM, BOARD, SHIFTS, SHIFT, HOTSPOTS, HOTSPOT,
    REVIEW, BRIEFING, SITES, SITE, VERSION, DATA, AUDIT, LOG, CONCERNS,
    HISTORY, REASONS, MOVED, CONTACTS, FEEDBACK, REVIEWS, SNOOZES, WRONG, TEAM_FEEDBACK, QUERIES, SHIFT_FEEDBACK,
    STATEMENT, ASSESSMENTS, ASSESSMENT, CARE, UNALLOCATED, USEFUL, ALERTS, *sorted(MODEL),
)  # fmt: skip
# Of what is not there yet, too early to ask, or nobody before a look-up, whom it is open to learns that.
NOT_NOW = {REVIEW: 409, CARE: 404}
# Sue's score was put there without any record of her: worked out anew there is none.
NO_RECORD = {((role, "south"), MOVED): 422 for role in ("care", "lead")}

# What changes something: by method and path a body that does, and is refused to whom the route is not open.
CHANGES = {
    ("PUT", SITE): {"state": "full", "reason": "a queue at the door"},
    ("POST", POSITIONS): {"teams": 1, "use": True},
    ("PUT", USED): {"plan": "P-1"},
    ("POST", ADJUSTMENTS): {
        "kind": "positions",
        "posts": [{"team": "team 1", "site_id": "point-far"}],
        "reason": "the road is closed",
    },
    ("POST", RELOAD): {},
    ("POST", SHIFT_FEEDBACK): {"verdict": "useful"},
}
# What a care team says of its own people: by method and path the body and the status of the answer.
OF_PEOPLE = {
    ("POST", FEEDBACK): ({"verdict": "agree"}, 201),
    ("POST", REVIEWS): ({"decision": "contact", "words": "Two calls at night."}, 201),
    ("POST", SNOOZES): ({"until": "2026-12-01", "reason": "Visited today."}, 201),
    ("DELETE", SNOOZE): (None, 200),
    ("POST", WRONG): ({"event_id": "e1", "problem": "did_not_happen"}, 201),
}
CHANGING = {
    *CHANGES,
    ("POST", f"{ASSESSMENTS}/_search"),
    *OF_PEOPLE,
    ("POST", CONCERNS),
    ("POST", CLOSING),
    ("POST", QUERY),
    ("POST", ALERT),
    ("POST", EMERGENCY),
    ("POST", SCORE_NOW),
    ("POST", LOOK_UP),
    ("PUT", CAPACITY),
    ("POST", SEEN),
}
ANSWERED = {SHIFT_FEEDBACK: 201}
CONCERN = {"about": "place", "text": "The shelter at the station has closed."}
KEYS = tuple(OPEN_TO)
WELL = {"/healthz", "/readyz", "/metrics"}

# Whose people a care team sees now: not those who left, who have not come yet, or of whom nobody has heard.
OWN = {"north": ("ann", "ben", "cat", "dan", "eve", "back"), "south": ("sue",)}
NAMES = ("ann", "ben", "cat", "dan", "eve", "back", "sue", "gone", "moved", "later", "unheard", "nobody")


def path_of(route: str, site: ServiceSite, *, person: str = "ann", team: str = "north") -> str:
    """A path of a route, about someone."""
    if route == BOARD:
        return f"{route}?shift=night-2026-11-22"
    if route == ASSESSMENTS:
        return f"{route}?subject={site.people[person]}"
    if route == ASSESSMENT:
        return route.format(id=f"R-1.{site.people[person].replace('_', '-')}")
    if route == MOVED:
        return f"{route.format(pid=site.people[person])}?since=2026-11-15T00:00:00Z"
    shift_or_site = "cafe" if "/sites/" in route else "night-2026-11-22"
    return route.format(
        pid=site.people[person], team=team, id=shift_or_site, number=1, task="person_crisis_28d", place=PLACE
    )


def test_the_matrix_has_every_route(shared_site: ServiceSite) -> None:
    app = shared_site.client().app
    paths = app.openapi()["paths"]
    assert set(paths) == {*ROUTES, *WELL, *(path for _, path in CHANGING)}
    changing = {(method.upper(), path) for path, methods in paths.items() for method in methods} - {
        ("GET", path) for path in paths
    }
    assert changing == CHANGING


def test_every_route_of_the_api_says_by_type_who_may_call_it() -> None:
    def calls(dependant: Dependant) -> set[object]:
        return {dependant.call}.union(*(calls(below) for below in dependant.dependencies))

    assert {route.path for route in api_routes()} == {*ROUTES, *(path for _, path in CHANGING)}
    for route in api_routes():
        assert access._viewer in calls(route.dependant), route.path


def api_routes() -> list[APIRoute]:
    """Every route that programs ask with a key."""
    found = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    return [route for route in found if route.path not in WELL and route.path.startswith(("/api", "/fhir"))]


@pytest.mark.parametrize("route", ROUTES)
def test_without_a_key_that_works_there_is_no_answer(shared_site: ServiceSite, route: str) -> None:
    good = shared_site.key("crisis_team")
    wrong = [
        {}, {"Authorization": "Bearer "}, {"Authorization": "Bearer nothing"}, {"Authorization": f"Basic {good}"},
        {"Authorization": f"Bearer {good[:-1]}x"}, {"X-API-Key": good[:-2]}, {"X-API-Key": ""},
        {"Authorization": f"Bearer {good}x", "X-API-Key": good},
    ]  # fmt: skip
    client = shared_site.client()
    answers = [client.get(path_of(route, shared_site), headers=headers) for headers in wrong]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].headers["www-authenticate"] == "Bearer"
    assert client.get(f"{path_of(route, shared_site)}?key={good}").status_code == 401


@pytest.mark.parametrize(("key", "route"), list(itertools.product(KEYS, ROUTES)))
def test_a_role_reaches_its_routes_and_no_other(
    shared_site: ServiceSite, key: tuple[str, str | None], route: str
) -> None:
    own = {"person": OWN[key[1]][0], "team": key[1]} if key[1] else {}
    answer = shared_site.client(*key).get(path_of(route, shared_site, **own))
    open_to = NO_RECORD.get((key, route), NOT_NOW.get(route, 200))
    assert answer.status_code == (open_to if route in OPEN_TO[key] else 403)


@pytest.mark.parametrize("change", list(CHANGES))
def test_what_changes_something_is_open_to_the_same_roles_and_needs_a_key(
    own_site: ServiceSite, change: tuple[str, str]
) -> None:
    method, route = change
    path = path_of(route, own_site)
    own_site.issue(run={"as_of": AS_OF})  # a forecast that can be planned from
    plan = {"teams": 1, "use": True}
    assert own_site.client("crisis_team").post(path_of(POSITIONS, own_site), json=plan).status_code == 200
    for key in KEYS:
        answer = own_site.client(*key).request(method, path, json=CHANGES[change])
        assert answer.status_code == (ANSWERED.get(route, 200) if route in OPEN_TO[key] else 403), (key, answer.text)
    client = own_site.client()
    answers = [client.request(method, path, json=body) for body in (CHANGES[change], {}, ["x"])]
    answers.append(client.request(method, path, content=b"{"))
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1


def said(client: TestClient, method: str, path: str, body: object) -> Response:
    """What is answered to a change."""
    return client.request(method, path, json=body)


@pytest.mark.parametrize("change", list(OF_PEOPLE))
def test_only_the_own_team_says_something_about_a_person_and_nobody_else_learns_whether_there_is_one(
    own_site: ServiceSite, change: tuple[str, str]
) -> None:
    method, route = change
    body, status = OF_PEOPLE[change]
    asked = OF_PEOPLE["POST", SNOOZES][0]
    assert said(own_site.client("care", "north"), "POST", path_of(SNOOZES, own_site), asked).status_code == 201
    for key in KEYS:
        client = own_site.client(*key)
        own = said(client, method, path_of(route, own_site), body)
        others = [
            said(client, method, path_of(route, own_site, person=name), sent)
            for name in NAMES if name not in OWN["north"] and name not in OWN.get(key[1] or "", ())
            for sent in (body, {}, ["x"])
        ]  # fmt: skip
        refused = (own.status_code,) if key[1] is None else (404,)
        assert own.status_code == (status if key[1] == "north" else 404 if key[1] else 403), own.text
        assert {answer.status_code for answer in others} == set(refused)
        assert len({answer.content for answer in others}) == 1
    stranger = own_site.client()
    nobody = [said(stranger, method, path_of(route, own_site), sent) for sent in (body, {}, ["x"])]
    assert {answer.status_code for answer in nobody} == {401}


def test_people_are_scored_now_for_their_own_team_alone(own_site: ServiceSite) -> None:
    own, other = ([own_site.people[name] for name in OWN[team]] for team in OWN)
    for key in KEYS:
        client = own_site.client(*key)
        asked = (own, [*own, *other], other, [own_site.people["nobody"]])
        answers = [client.post(SCORE_NOW, json={"people": people}) for people in asked]
        told = [answer.status_code for answer in answers]
        expected = {"north": [200, 404, 404, 404], "south": [404, 404, 200, 404]}
        assert told == (expected[key[1]] if key[1] else [403] * 4)
        assert len({answer.content for answer in answers if answer.status_code == 404}) <= 1
    assert own_site.client().post(SCORE_NOW, json={"people": own}).status_code == 401


@pytest.mark.parametrize("key", KEYS)
def test_a_team_speaks_for_its_own_caseload_alone(own_site: ServiceSite, key: tuple[str, str | None]) -> None:
    client, body = own_site.client(*key), {"people_a_week": 20, "reason": "One of us is away."}
    for team in ("north", "south", "nowhere"):
        expected = 403 if key[1] is None else 200 if key[1] == team else 404
        assert client.put(path_of(CAPACITY, own_site, team=team), json=body).status_code == expected
        seen = client.post(path_of(SEEN, own_site, team=team)).status_code
        assert seen == (201 if expected == 200 else expected)
    nobody = own_site.client()
    assert nobody.put(path_of(CAPACITY, own_site), json=body).status_code == 401
    assert nobody.post(path_of(SEEN, own_site)).status_code == 401


@pytest.mark.parametrize("key", KEYS)
def test_who_keeps_the_data_alone_works_the_queue_of_wrong_contacts(
    own_site: ServiceSite, key: tuple[str, str | None]
) -> None:
    wrong = said(own_site.client("care", "north"), "POST", path_of(WRONG, own_site), OF_PEOPLE["POST", WRONG][0])
    assert wrong.status_code == 201
    answer = own_site.client(*key).post(path_of(QUERY, own_site), json={"outcome": "stands", "answer": "As sent."})
    assert answer.status_code == (200 if key[0] == "data" else 403)


@pytest.mark.parametrize("key", KEYS)
def test_every_role_may_report_a_concern_and_the_audit_role_alone_closes_it(
    own_site: ServiceSite, key: tuple[str, str | None]
) -> None:
    client = own_site.client(*key)
    said = client.post(CONCERNS, json=CONCERN)
    assert (said.status_code, said.json()["number"]) == (201, 1)
    for path in (CONCERNS, path_of(CLOSING, own_site)):
        without = [own_site.client().post(path, json=body) for body in (CONCERN, {}, ["x"])]
        without.append(own_site.client().post(path, content=b"{"))
        assert {answer.status_code for answer in without} == {401}
    closed = client.post(path_of(CLOSING, own_site), json={"done": "Told the coordinator."})
    assert closed.status_code == (200 if key[0] == "audit" else 403)


@pytest.mark.parametrize("key", KEYS)
def test_a_team_alone_opens_others_in_an_emergency_and_the_audit_role_alone_closes_the_alert(
    own_site: ServiceSite, key: tuple[str, str | None]
) -> None:
    client, reason = own_site.client(*key), {"reason": "brought to the ward at night"}
    other = "ann" if key[1] == "south" else "sue"
    answer = client.post(path_of(EMERGENCY, own_site, person=other), json=reason)
    assert answer.status_code == (201 if key[1] else 403)
    nobody = own_site.client()
    for path in (EMERGENCY, ALERT):
        without = [nobody.post(path_of(path, own_site), json=body) for body in (reason, {}, ["x"])]
        assert {one.status_code for one in without} == {401}
    assert own_site.client("care", "north").post(path_of(EMERGENCY, own_site, person="gone"), json=reason).is_success
    closed = client.post(path_of(ALERT, own_site), json={"done": "Rang the ward."})
    assert closed.status_code == (200 if key[0] == "audit" else 403)


@pytest.mark.parametrize("key", [key for key in KEYS if key[1] is None])
def test_a_role_without_people_gets_the_same_refusal_about_everybody(
    shared_site: ServiceSite, key: tuple[str, str | None]
) -> None:
    client = shared_site.client(*key)
    people = [client.get(path_of(PERSON, shared_site, person=name)) for name in NAMES]
    teams = [client.get(path_of(TEAM, shared_site, team=team)) for team in ("north", "south", "nowhere")]
    answers = [*people, *teams, client.get("/api/v1/people/%00/risk")]
    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.content for answer in answers}) == 1


@pytest.mark.parametrize(("role", "team"), [key for key in KEYS if key[1]])
def test_a_teams_key_gets_its_own_people_now_and_nobody_else(shared_site: ServiceSite, role: str, team: str) -> None:
    client = shared_site.client(role, team)
    for name in NAMES:
        answer = client.get(path_of(PERSON, shared_site, person=name))
        assert (answer.status_code != 404) == (name in OWN[team]), name


@pytest.mark.parametrize("team", list(OWN))
def test_missing_and_forbidden_do_not_differ_in_one_byte(shared_site: ServiceSite, team: str) -> None:
    client = shared_site.client("care", team)
    others = [path_of(PERSON, shared_site, person=name) for name in NAMES if name not in OWN[team]]
    odd = [f"/api/v1/people/{text}/risk" for text in ("x", "k1_0", "%20", "%00", "..%5C", "1;drop", "9998627435")]
    teams = [path_of(TEAM, shared_site, team=other) for other in ("nowhere", *(name for name in OWN if name != team))]
    answers = [client.get(path) for path in (*others, *odd, *teams)]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    headers = [{name: text for name, text in answer.headers.items() if name != "x-request-id"} for answer in answers]
    assert all(one == headers[0] for one in headers)


def test_a_caseload_lists_exactly_the_teams_people(shared_site: ServiceSite) -> None:
    for team, names in OWN.items():
        answer = shared_site.client("care", team).get(f"/api/v1/caseloads/{team}?limit=100").json()
        listed = [one["person_id"] for one in (*answer["pinned"], *answer["people"])]
        assert sorted(listed) == sorted(shared_site.people[name] for name in names)


def test_access_ends_with_a_transfer_as_soon_as_it_is_loaded(own_site: ServiceSite) -> None:
    client = own_site.client("care", "north")
    path = path_of(PERSON, own_site)
    assert client.get(path).status_code == 200
    left = "person,team,from,known,to\nann,north,2026-01-01,2026-11-21,2026-11-21\n"
    load_rows(own_site.site, "transfer", left, CASELOADS_MAPPING)
    assert client.get(path).status_code == 404


def test_the_other_header_carries_a_key_too(shared_site: ServiceSite) -> None:
    headers = {"X-API-Key": shared_site.key("data")}
    assert shared_site.client().get(VERSION, headers=headers).status_code == 200


def test_a_revoked_and_an_expired_key_open_nothing(own_site: ServiceSite) -> None:
    made = create_key(own_site.site, role="data", team=None, valid_for=timedelta(days=1))
    client = own_site.client()
    headers = {"Authorization": f"Bearer {made.secret}"}
    assert client.get(VERSION, headers=headers).status_code == 200
    revoke_key(own_site.site, made.key_id)
    revoked = client.get(VERSION, headers=headers)
    old = make_key(own_site.engine, role="data", team=None, valid_for=timedelta(seconds=-1))
    expired = client.get(VERSION, headers={"Authorization": f"Bearer {old.secret}"})
    assert (revoked.status_code, expired.status_code) == (401, 401)
    assert revoked.content == expired.content == client.get(VERSION).content


def test_a_key_of_a_role_that_the_site_took_away_opens_nothing(own_site: ServiceSite) -> None:
    key = own_site.key("data")
    own_site.declare("roles.toml", '[care]\nmeaning = "care"\nreaches = ["version", "own_people"]\n')
    answer = own_site.client().get(VERSION, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 401
    assert own_site.client("care", "north").get(DATA).status_code == 403


# Switched off


OFF = {
    "on = true": {"on = true": "on = false"},
    "clinical_safety_officer": {'"Dr A. Nobody (invented)"': '" "'},
    "impact_assessment": {'"DPIA-0 (invented)"': '""'},
}


@pytest.mark.parametrize("missing", list(OFF))
def test_people_are_off_until_all_three_are_said_and_places_work_without(own_site: ServiceSite, missing: str) -> None:
    text = (own_site.site.path / "serving" / "service.toml").read_text()
    for before, after in OFF[missing].items():
        text = text.replace(before, after)
    own_site.declare("service.toml", text)
    client = own_site.client("care", "north")
    answers = [
        client.get(path_of(route, own_site, person=name))
        for route in (PERSON, TEAM)
        for name in ("ann", "sue", "nobody")
    ]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(403, "CR-PERSON-001")}
    assert answers[0].json()["missing"] == [missing]
    assert len({answer.content for answer in answers}) == 1
    assert client.get(VERSION).json()["person_scores"] is False
    assert own_site.client("crisis_team").get(path_of(HOTSPOTS, own_site)).status_code == 200


def test_a_site_as_it_comes_offers_no_scores_of_people(own_site: ServiceSite) -> None:
    (own_site.site.path / "serving" / "service.toml").unlink()
    assert own_site.client("care", "north").get(path_of(PERSON, own_site)).json()["code"] == "CR-PERSON-001"
