"""A caseload's tabs: who comes first whatever the score, what is new, who stays near the top, snoozes and reviews."""

from datetime import timedelta
from typing import Any

import pytest
from tests.lib.answering_models import let_answer_who_learned_until
from tests.lib.database import AS_OF, score_row
from tests.lib.service_site import CONFIGURATION, EVENTS_MAPPING, ServiceSite, load_rows, opened, with_workers

from crisisrisk.serving.afterwards import NUMBERS_AFTERWARDS

pytestmark = pytest.mark.both_databases

SOURCES = "".join(
    f'[source.{name}]\nagency = "mental_health_trust"\nsingular = "{name}"\nplural = "{name}s"\n'
    for name in ("mh_missed", "mh_contact", "mh_discharge", "mh_admission", "mh_plan", "s136")
)
CODED = EVENTS_MAPPING.replace('{ constant = "call" }', '"code"')
MAPPING = CODED + 'ended_at = { column = "ended", zone = "Europe/London" }\n'
HEADER = "id,at,known,source,person,code,ended\n"


def listed(site: ServiceSite, query: str = "") -> dict[str, Any]:
    return dict(site.client("care", "north").get(f"/api/v1/caseloads/north{query}").json())


def names(site: ServiceSite, query: str = "") -> list[str]:
    known = {pseudonym: name for name, pseudonym in site.people.items()}
    return [known[one["person_id"]] for one in listed(site, query)["people"]]


def row(site: ServiceSite, name: str, query: str = "?tab=all&limit=10") -> dict[str, Any]:
    return next(one for one in listed(site, query)["people"] if one["person_id"] == site.people[name])


def weeks_ago(site: ServiceSite, weeks: int, *, version: int = 4, **numbers: float) -> None:
    at = AS_OF - timedelta(weeks=weeks)
    rows = [score_row(name, number) for name, number in numbers.items()]
    site.score(*rows, as_of=at, made_at=at, model_version=version)


def test_new_and_changed_people_are_listed_and_the_rest_on_the_tab_of_all(own_site: ServiceSite) -> None:
    assert names(own_site, "?limit=10") == ["ben", "ann", "dan"]  # the first scoring: everybody is new
    weeks_ago(own_site, 1, ann=0.18, ben=0.2, dan=0.004)
    own_site.client("care", "north").put(
        "/api/v1/caseloads/north/capacity", json={"people_a_week": 1, "reason": "One of us is away."}
    )
    assert names(own_site, "?limit=10") == ["ben"]
    assert names(own_site, "?tab=all&limit=10") == ["ben", "ann", "dan"]
    change = row(own_site, "ben")["change"]
    assert change == {
        "as_of": "2026-11-15T06:00:00Z", "likely_in_100": 20, "changed": True,
        "new_contacts": {"crisis_line": 1}, "other_model": False,
    }  # fmt: skip
    assert row(own_site, "ann")["change"]["changed"] is False
    assert row(own_site, "ann")["weeks"][-3:] == [None, 18, 18]


def test_numbers_that_were_worked_out_afterwards_are_said_to_prove_nothing(own_site: ServiceSite) -> None:
    at, learned = AS_OF.isoformat(), (AS_OF - timedelta(weeks=2)).isoformat()
    let_answer_who_learned_until(own_site.site, "person", learned, version=5, at=at)
    for weeks in (0, 1, 2):
        weeks_ago(own_site, weeks, ann=0.18, ben=0.41, version=5)
    assert NUMBERS_AFTERWARDS not in listed(own_site)["caveats"]
    weeks_ago(own_site, 3, ann=0.18, ben=0.41, version=5)
    assert listed(own_site)["caveats"][-1] == NUMBERS_AFTERWARDS
    history = f"/api/v1/people/{own_site.people['ann']}/risk/history"
    told = own_site.client("care", "north").get(history).json()["scores"]
    assert [one["made_afterwards"] for one in told] == [True, False, False, False]
    assert NUMBERS_AFTERWARDS in own_site.client("care", "north").get(f"/people/{own_site.people['ann']}").text


def test_who_is_near_the_top_for_weeks_stays_listed_though_nothing_changed(own_site: ServiceSite) -> None:
    for weeks in (1, 2, 3):
        weeks_ago(own_site, weeks, ann=0.182, ben=0.41, dan=0.004)
    assert names(own_site, "?limit=10") == ["ben", "ann"]  # the team can look at two
    assert [row(own_site, name)["near_top_weeks"] for name in ("ben", "ann", "dan")] == [4, 4, 0]
    assert names(own_site, "?limit=1&sort=last_contact") == ["ann", "ben"], "no order cuts them off"
    weeks_ago(own_site, 4, ann=0.001, ben=0.41, dan=0.004)
    assert [row(own_site, name)["near_top_weeks"] for name in ("ben", "ann")] == [5, 4]


def test_a_snoozed_person_leaves_the_usual_tab_until_a_contact_wakes_them(own_site: ServiceSite) -> None:
    path = f"/api/v1/people/{own_site.people['ben']}/snoozes"
    own_site.client("care", "north").post(path, json={"until": "2026-12-06", "reason": "Visited."})
    assert names(own_site, "?limit=10") == ["ann", "dan"]
    assert names(own_site, "?tab=snoozed") == ["ben"]
    assert row(own_site, "ben")["snoozed_until"] == "2026-12-06T00:00:00Z"
    rows = "id,at,known,source,person\ne9,2026-11-21 22:00:00,2026-11-21 23:00:00,police_999,ben\n"
    load_rows(own_site.site, "late", rows, EVENTS_MAPPING)
    weeks_ago(own_site, 1, ann=0.182, ben=0.41, dan=0.004)
    assert "ben" in names(own_site, "?limit=10")
    assert (row(own_site, "ben")["woken_by"], row(own_site, "ben")["snoozed_until"]) == ("new_contact", None)


def test_a_review_is_due_by_when_the_last_one_was_and_never_by_the_number(own_site: ServiceSite) -> None:
    client = own_site.client("care", "north")
    assert names(own_site, "?tab=review_due&limit=10") == sorted(
        ("ann", "ben", "dan"), key=lambda name: own_site.people[name]
    )  # nobody was ever reviewed
    decided = {"decision": "no_change", "words": "Seen on Friday."}
    client.post(f"/api/v1/people/{own_site.people['ben']}/reviews", json=decided)
    assert "ben" not in names(own_site, "?tab=review_due&limit=10")
    assert row(own_site, "ben")["last_review"] == "2026-11-22T06:00:00Z"


def test_the_line_is_the_teams_capacity_and_says_that_it_is_none_of_safety(own_site: ServiceSite) -> None:
    client, address = own_site.client("care", "north"), "/api/v1/caseloads/north/capacity"
    declared = listed(own_site)["capacity"]
    assert (declared["people_a_week"], declared["said_at"]) == (2, None)
    client.put(address, json={"people_a_week": 1, "reason": "One of us is away."})
    said = listed(own_site)
    assert (said["capacity"]["people_a_week"], len(said["people"])) == (1, 1)
    assert said["capacity"]["meaning"] == "This is the team's capacity, not a safety line."
    assert client.put(address, json={"people_a_week": 0, "reason": "None."}).status_code == 422


def test_what_is_new_is_new_to_whoever_looks_and_asking_marks_nothing(own_site: ServiceSite) -> None:
    client = own_site.client("care", "north")
    for _ in range(2):
        assert row(own_site, "ann")["new_since_seen"] is True
    assert client.post("/api/v1/caseloads/north/seen").json()["reference"] == "R-1"
    assert row(own_site, "ann")["new_since_seen"] is False
    own_site.score(score_row("ann", 0.3), score_row("ben", 0.41), made_at=AS_OF + timedelta(hours=1))
    assert [row(own_site, name)["new_since_seen"] for name in ("ann", "ben")] == [True, False]
    client.post("/api/v1/caseloads/north/seen")
    rows = "id,at,known,source,person\ne9,2026-11-22 06:10:00,2026-11-22 06:20:00,police_999,ben\n"
    load_rows(own_site.site, "newest", rows, EVENTS_MAPPING)
    assert [row(own_site, name)["new_since_seen"] for name in ("ann", "ben")] == [False, True]


# Whatever the score


@pytest.fixture
def groups_site(own_site: ServiceSite) -> ServiceSite:
    own_site.configure(CONFIGURATION + SOURCES)
    return opened(own_site.site.path)


def test_what_came_since_last_week_is_counted_by_kind_and_names_no_detention(groups_site: ServiceSite) -> None:
    rows = (
        "a1,2026-11-20 18:00:00,2026-11-20 19:00:00,s136,dan,call,\n"
        "a2,2026-11-14 18:00:00,2026-11-15 05:59:00,s136,dan,call,\n"
        "a3,2026-11-14 18:00:00,2026-11-15 06:00:00,mh_contact,dan,call,\n"
    )
    load_rows(groups_site.site, "since", HEADER + rows, MAPPING)
    weeks_ago(groups_site, 1, dan=0.004)
    assert row(groups_site, "dan")["change"]["new_contacts"] == {"urgent_contact": 1, "mh_contact": 1}
    assert row(groups_site, "ben")["change"]["new_contacts"] == {}, "who is new has nothing to compare with"


def first(site: ServiceSite) -> dict[str, dict[str, str | None]]:
    known = {pseudonym: name for name, pseudonym in site.people.items()}
    return {
        group["group"]: {known[one["person_id"]]: one["source"] for one in group["people"]}
        for group in listed(site)["first"]
    }


def test_beside_weeks_near_the_top_it_is_told_who_saw_them_last_and_what_was_missed_since(
    groups_site: ServiceSite,
) -> None:
    groups_site.score(score_row("ann", 0.182), score_row("ben", 0.41), score_row("dan", 0.004))
    client, ben = groups_site.client("care", "north"), groups_site.people["ben"]
    assert row(groups_site, "ben")["reached"] is None, "nothing of the kind is recorded here, which is not never"
    for weeks in (1, 2):
        weeks_ago(groups_site, weeks, ann=0.182, ben=0.41, dan=0.004)
    rows = (
        "a1,2026-11-03 10:00:00,2026-11-03 12:00:00,mh_contact,ben,call,\n"
        "a2,2026-11-10 10:00:00,2026-11-10 12:00:00,mh_missed,ben,call,\n"
        "a3,2026-11-17 10:00:00,2026-11-17 12:00:00,mh_missed,ben,call,\n"
        "a4,2026-11-19 10:00:00,2026-11-19 12:00:00,mh_missed,ann,call,\n"
        "a5,2026-11-18 10:00:00,2026-11-18 12:00:00,mh_contact,dan,call,\n"
    )
    load_rows(groups_site.site, "visits", HEADER + rows, MAPPING)
    assert row(groups_site, "ben")["reached"] == {
        "seen_at": "2026-11-03T10:00:00Z", "seen_on": None, "missed_since": 2,
    }  # fmt: skip
    assert row(groups_site, "ann")["reached"] == {"seen_at": None, "seen_on": None, "missed_since": 1}
    assert client.get(f"/api/v1/people/{ben}/contacts").json()["reached"] == row(groups_site, "ben")["reached"]
    history = client.get(f"/api/v1/people/{ben}/risk/history").json()
    assert history["near_top_weeks"] == row(groups_site, "ben")["near_top_weeks"] == 3
    page = client.get("/caseload?tab=all&limit=10").text
    assert "Last seen by a mental health team 3 Nov; 2 mh_misseds since" in page
    assert "Not seen by a mental health team in the contacts this site holds; 1 mh_missed" in page
    assert page.count("by a mental health team") == 2, "of dan, who is not near the top, the list says nothing"
    told = client.get(f"/people/{ben}").text
    assert "Near the top of your team&#39;s list for 3 weeks.</strong> Last seen by a mental health team 3 Nov" in told
    assert told.count("by a mental health team") == 1
    other = client.get(f"/people/{groups_site.people['dan']}").text
    assert "Last seen by a mental health team 18 Nov; no missed appointment known since." in other
    assert "Near the top" not in other


def test_groups_come_first_whatever_the_score_and_though_they_are_snoozed(groups_site: ServiceSite) -> None:
    site = groups_site
    assert listed(site)["not_recorded"] == ["no_crisis_plan"]
    rows = (
        "a1,2026-11-21 18:00:00,2026-11-21 19:00:00,police_999,ben,call,\n"
        "a2,2026-11-21 17:59:00,2026-11-21 19:00:00,police_999,dan,call,\n"
        "a3,2026-11-21 23:00:00,2026-11-21 23:30:00,s136,eve,call,\n"
        "b1,2026-11-15 06:30:00,2026-11-15 09:00:00,mh_discharge,dan,ward,\n"
        "b2,2026-11-01 06:30:00,2026-11-20 12:00:00,mh_admission,back,ward,2026-11-20 10:00:00\n"
        "b3,2026-11-15 05:30:00,2026-11-15 09:00:00,mh_discharge,ann,ward,\n"
        "c1,2026-11-22 04:00:00,2026-11-22 04:30:00,mh_missed,ann,visit,\n"
        "c2,2026-11-22 04:00:00,2026-11-22 04:30:00,mh_missed,ben,visit,\n"
        "c3,2026-11-22 05:00:00,2026-11-22 05:30:00,mh_contact,ben,visit,\n"
        "c4,2026-11-21 15:00:00,2026-11-21 15:30:00,mh_missed,dan,visit,\n"
        "d1,2026-01-22 05:00:00,2026-01-22 05:30:00,mh_plan,ann,CRISIS,\n"
        "d2,2025-10-22 05:00:00,2025-10-22 05:30:00,mh_plan,ben,CRISIS,\n"
        "d3,2026-10-22 05:00:00,2026-10-22 05:30:00,mh_plan,dan,CARE,\n"
    )
    load_rows(site.site, "groups", HEADER + rows, MAPPING)
    asked = {"until": "2026-12-06", "reason": "Visited."}
    site.client("care", "north").post(f"/api/v1/people/{site.people['ann']}/snoozes", json=asked)
    assert first(site) == {
        "in_crisis_or_hospital": {"cat": None},
        # ann's own call of the site's data, at five this morning
        "contact_last_night": {"ann": "police_999", "ben": "mh_contact", "eve": "urgent_contact"},
        "discharged": {"dan": "mh_discharge", "back": "mh_admission"},
        "missed_today": {"ann": "mh_missed"},
        "no_crisis_plan": dict.fromkeys(("ben", "cat", "dan", "eve", "back")),
    }
    assert listed(site)["not_recorded"] == []
    assert "s136" not in str(listed(site))


# Whose people, in which order, and which of them


def test_ones_own_people_are_those_of_the_worker_whose_key_it_is(own_site: ServiceSite) -> None:
    with_workers(own_site)
    client = own_site.client("care", "north", worker="w_1")
    mine = client.get("/api/v1/caseloads/north?tab=all&worker=me").json()
    assert (mine["worker"], mine["workers"], mine["people_on_caseload"]) == ("w_1", ["w_1", "w_2"], 2)
    assert mine["people_without_worker"] == 3, "dan, eve and back are on nobody's own list"
    assert names(own_site, "?tab=all&limit=10&only=no_worker") == ["dan"]
    assert [one["person_id"] for one in mine["people"]] == [own_site.people["ann"]]
    assert [one["person_id"] for one in mine["pinned"]] == [own_site.people["cat"]]
    assert all(one["worker"] == "w_1" for one in mine["people"])
    everyone = client.get("/api/v1/caseloads/north?tab=all&limit=10").json()
    assert everyone["worker"] is None
    assert len(everyone["people"]) == 3
    assert everyone["people_without_worker"] == 3
    first = {one["person_id"] for group in mine["first"] for one in group["people"]}
    assert first <= {own_site.people["ann"], own_site.people["cat"]}


def test_a_key_of_no_worker_has_no_people_of_its_own_and_anothers_list_is_empty_for_nobody(
    own_site: ServiceSite,
) -> None:
    with_workers(own_site)
    client = own_site.client("care", "north")
    refused = client.get("/api/v1/caseloads/north?worker=me")
    assert refused.status_code == 422
    assert refused.json()["problems"][0]["where"] == "worker"
    nobody = client.get("/api/v1/caseloads/north?worker=w_9").json()
    assert (nobody["people"], nobody["pinned"], nobody["people_on_caseload"]) == ([], [], 0)


def test_a_list_is_sorted_as_asked_and_what_is_due_never_by_the_numbers(own_site: ServiceSite) -> None:
    assert names(own_site, "?tab=all&limit=10&sort=likely") == ["ben", "ann", "dan"]
    assert names(own_site, "?tab=all&limit=10&sort=last_contact") == ["ann", "ben", "dan"]
    client = own_site.client("care", "north")
    said = {"decision": "contact", "words": "Rang her."}
    client.post(f"/api/v1/people/{own_site.people['dan']}/reviews", json=said)
    assert names(own_site, "?tab=all&limit=10&sort=last_review")[-1] == "dan"
    assert client.get("/api/v1/caseloads/north?tab=review_due&sort=likely").status_code == 422


def test_a_list_can_be_narrowed_to_what_is_new_to_those_without_a_plan_and_to_contacts_of_the_week(
    groups_site: ServiceSite,
) -> None:
    own_site = groups_site
    rows = f"{HEADER}p1,2026-10-01 10:00:00,2026-10-02 10:00:00,mh_plan,ben,CRISIS,\n"
    load_rows(own_site.site, "plans", rows, MAPPING)
    made = row(own_site, "ben")["crisis_plan"]
    assert made == "2026-10-01T09:00:00Z"
    assert names(own_site, "?tab=all&limit=10&only=no_crisis_plan") == ["ann", "dan"]
    assert names(own_site, "?tab=all&limit=10&only=contact_in_7_days") == ["ben", "ann"]
    client = own_site.client("care", "north")
    assert client.get("/api/v1/caseloads/north").json()["seen_at"] is None
    client.post("/api/v1/caseloads/north/seen")
    assert client.get("/api/v1/caseloads/north").json()["seen_at"] == "2026-11-22T06:00:00Z"
    assert client.get("/api/v1/caseloads/north?tab=all&only=new_since_seen").json()["people"] == []
