"""The queue of people who are with no team: only for who finds one, by contacts, never by a score."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from tests.lib.reading import grade, text_of
from tests.lib.service_site import CASELOADS_MAPPING, EVENTS_MAPPING, ServiceSite, load_rows

QUEUE = "/api/v1/unallocated"
PEOPLE_MAPPING = """
table = "people"
[columns]
person_id = { column = "person", kind = "study_id" }
valid_from = { column = "from", zone = "Europe/London" }
known_at = { column = "from", zone = "Europe/London" }
died_at = { column = "died", zone = "Europe/London" }
"""
OPT_OUTS = """
table = "opt_outs"
[columns]
person_id = { column = "person", kind = "study_id" }
kind = "kind"
valid_from = { column = "from", zone = "Europe/London" }
known_at = { column = "from", zone = "Europe/London" }
"""


@pytest.fixture
def site(own_site: ServiceSite) -> ServiceSite:
    """Calls of people who have left, of some who never were with a team, and of some who are with one."""
    rows = "id,at,known,source,person\n" + "".join(
        f"u{number},{at},{at},police_999,{person}\n"
        for number, (person, at) in enumerate(
            [("gone", "2026-11-10 10:00:00"), ("gone", "2026-11-12 10:00:00"), ("nobody", "2026-11-20 10:00:00"),
             ("moved", "2026-09-10 10:00:00"), ("later", "2026-05-01 10:00:00"), ("sue", "2026-11-20 10:00:00")]
        )
    )  # fmt: skip
    load_rows(own_site.site, "calls", rows, EVENTS_MAPPING + "is_crisis = { constant = true }\n")
    return own_site


def names(site: ServiceSite) -> list[str]:
    known = {pseudonym: name for name, pseudonym in site.people.items()}
    return [known[one["person_id"]] for one in site.client("allocation").get(QUEUE).json()["people"]]


def test_those_with_no_team_now_stand_in_the_queue_by_their_crises(site: ServiceSite) -> None:
    told = site.client("allocation").get(QUEUE).json()
    assert names(site) == ["gone", "nobody", "moved"]  # two calls, a later one, one of ten weeks ago
    assert (told["people_in_all"], told["not_shown"]) == (3, 0)
    first, second, third = told["people"]
    assert (first["contacts_in_28_days"], first["last_team"], first["last_team_until"]) == (
        2, "north", "2026-05-31T23:00:00Z"
    )  # fmt: skip
    assert (second["last_team"], third["contacts_in_28_days"], third["last_team"]) == (None, 0, "north")


def test_the_page_tells_what_the_api_tells_by_pseudonym_and_has_no_number_of_anybody(site: ServiceSite) -> None:
    site.score({"state": "scored", "lower": None, "upper": None, "reasons": [],
                "person_id": site.people["gone"], "probability": 0.4321})  # fmt: skip
    client = site.client("allocation")
    told, page = client.get(QUEUE).json(), client.get("/", headers={"Accept": "text/html"}).text
    shown = text_of(page)
    rows = re.findall(r'<th scope="row">.*?(k1_\w+)<!--/name-->', page)
    assert rows == [one["person_id"] for one in told["people"]]
    assert "3 people. Who stands here by a pseudonym" in shown
    assert "North, until 1 Jun 2026" in shown
    assert "none that is known" in shown
    assert "43" not in shown
    assert "in 100" not in shown
    assert "/people/" not in page, "who allocates opens nobody's page"
    assert 'aria-current="page">People with no team</a>' in page
    assert grade(text_of("".join(re.findall(r"(?s)<p[ >].*?</p>", page)))) < 8
    short = client.get("/unallocated?limit=1").text
    assert "2 people are not listed here." in text_of(short)
    assert 'href="/unallocated?limit=101"' in short


def test_no_score_stands_in_the_queue_nor_orders_it(site: ServiceSite) -> None:
    scored = {"state": "scored", "lower": None, "upper": None, "reasons": []}
    site.score(
        {**scored, "person_id": site.people["nobody"], "probability": 0.4321},
        {**scored, "person_id": site.people["gone"], "probability": 0.0012},
    )
    answer = site.client("allocation").get(QUEUE)
    assert names(site)[:2] == ["gone", "nobody"]
    assert not any(word in answer.text for word in ("probab", "0.43", "likely", "reasons"))


def test_whoever_is_taken_on_leaves_the_queue_and_a_limit_cuts_it(site: ServiceSite) -> None:
    rows = "person,team,from,known,to\nnobody,south,2026-11-21,2026-11-21,\n"
    load_rows(site.site, "taken", rows, CASELOADS_MAPPING)
    assert names(site) == ["gone", "moved"]
    cut = site.client("allocation").get(f"{QUEUE}?limit=1").json()
    assert (len(cut["people"]), cut["people_in_all"]) == (1, 2)


def test_a_call_that_becomes_known_later_in_the_day_is_there_then_without_a_load(site: ServiceSite) -> None:
    rows = "id,at,known,source,person\nl1,2026-11-22 04:00:00,2026-11-22 07:00:00,police_999,later\n"
    load_rows(site.site, "late", rows, EVENTS_MAPPING + "is_crisis = { constant = true }\n")
    service = site.client("allocation").app.state.service
    rule, view, known = service.person_model.bundle().task.crisis, service.view(), datetime(2026, 11, 22, 7, tzinfo=UTC)
    person = site.people["later"]
    assert person not in view.crises_lately(rule, known)
    assert person in view.crises_lately(rule, known + timedelta(seconds=1))


def test_the_dead_and_those_who_object_are_not_shown(site: ServiceSite) -> None:
    load_rows(site.site, "dead", "person,from,died\ngone,2026-11-15,2026-11-14\n", PEOPLE_MAPPING)
    load_rows(site.site, "objections", "person,from,kind\nmoved,2026-10-01,local\n", OPT_OUTS)
    told = site.client("allocation").get(QUEUE).json()
    assert names(site) == ["nobody"]
    assert (told["people_in_all"], told["not_shown"]) == (1, 1)


def test_who_is_in_hospital_is_said_to_be(site: ServiceSite) -> None:
    site.score({"person_id": site.people["gone"], "state": "in_hospital", "probability": None, "lower": None,
                "upper": None, "reasons": []})  # fmt: skip
    assert site.client("allocation").get(QUEUE).json()["people"][0]["state"] == "in_hospital"


def test_nobody_else_sees_the_queue_and_each_look_is_kept(site: ServiceSite) -> None:
    for role, team in (("care", "north"), ("lead", "north"), ("crisis_team", None), ("triage_clinician", None),
                       ("data", None), ("audit", None), ("steward", None)):  # fmt: skip
        assert site.client(role, team).get(QUEUE).status_code == 403
    site.client("allocation").get(QUEUE)
    log = site.client("audit").get(f"/api/v1/people/{site.people['gone']}/access-log").json()
    assert [look["purpose"] for look in log["looks"]] == ["allocation"]
