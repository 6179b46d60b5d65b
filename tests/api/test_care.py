"""What teams say and decide about their people: two steps of feedback, decisions, snoozes that wake, wrong contacts."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from tests.lib.answering_models import let_answer_who_learned_until
from tests.lib.database import AS_OF, score_row
from tests.lib.service_site import CASELOADS_MAPPING, CONFIGURATION, EVENTS_MAPPING, ServiceSite, load_rows, opened

from crisisrisk.database.engine import writing
from crisisrisk.database.schema import Exposure, Feedback

both = pytest.mark.both_databases

HEADER = "id,at,known,source,person\n"
NIGHT = "2026-11-22T06:00:00Z"


def path(site: ServiceSite, what: str, name: str = "ann") -> str:
    return f"/api/v1/people/{site.people[name]}/{what}"


def exposures(site: ServiceSite) -> list[tuple[str, str, str]]:
    """Whose score was shown, to which team, on which day."""
    with site.engine.connect() as connection:
        rows = connection.execute(select(Exposure.person_id, Exposure.team_id, Exposure.day)).all()
    names = {pseudonym: name for name, pseudonym in site.people.items()}
    return sorted((names[row[0]], row[1], row[2]) for row in rows)


# Feedback


@both
def test_feedback_is_asked_at_once_and_again_a_week_later(own_site: ServiceSite) -> None:
    client = own_site.client("care", "north")
    said = {"verdict": "disagree", "reason": "knows_more", "words": "Has moved in with her sister."}
    first = client.post(path(own_site, "feedback"), json=said)
    assert first.status_code == 201
    assert {name: first.json()[name] for name in said} == said
    assert (first.json()["reference"], first.json()["asked_again_at"]) == ("R-1", "2026-11-29T06:00:00Z")
    early = client.post(path(own_site, "feedback"), json={"verdict": "acted", "follows": 1})
    assert (early.status_code, early.json()["code"]) == (409, "CR-HTTP-409")
    assert client.get("/api/v1/caseloads/north/feedback").json()["feedback"] == []
    week_ago(own_site)
    due = client.get("/api/v1/caseloads/north/feedback").json()["feedback"]
    assert [one["number"] for one in due] == [1]
    second = client.post(path(own_site, "feedback"), json={"verdict": "acted", "follows": 1}).json()
    assert (second["follows"], second["asked_again_at"], second["reference"]) == (1, None, "R-1")
    assert client.get("/api/v1/caseloads/north/feedback").json()["feedback"] == []
    assert client.post(path(own_site, "feedback"), json={"verdict": "agree", "follows": 1}).status_code == 422
    told = client.get(path(own_site, "feedback")).json()["feedback"]
    assert [one["number"] for one in told] == [2, 1]
    everything = client.get("/api/v1/caseloads/north/feedback?due=false").json()["feedback"]
    assert [one["number"] for one in everything] == [2, 1]


@both
def test_who_says_something_of_a_score_again_is_asked_a_week_later_about_the_last_alone(own_site: ServiceSite) -> None:
    client, page = own_site.client("care", "north"), f"/people/{own_site.people['ann']}"
    colleague = own_site.client("care", "north", worker="w_1")
    for who, verdict in ((client, "agree"), (colleague, "agree"), (client, "disagree")):
        who.post(path(own_site, "feedback"), json={"verdict": verdict})
    week_ago(own_site)
    due = client.get("/api/v1/caseloads/north/feedback").json()["feedback"]
    assert [(one["number"], one["verdict"]) for one in due] == [(2, "agree"), (3, "disagree")]
    for number in (2, 3):
        assert f'name="follows" value="{number}"' in client.get(page).text
        client.post(path(own_site, "feedback"), json={"verdict": "acted", "follows": number})
    assert client.get("/api/v1/caseloads/north/feedback").json()["feedback"] == []
    assert "A week later" not in client.get(page).text


def week_ago(site: ServiceSite) -> None:
    """Let everything that was said have been said a week before."""
    with writing(site.engine) as connection:
        moved = {"made_at": AS_OF - timedelta(days=7), "asked_again_at": AS_OF}
        connection.execute(Feedback.__table__.update().values(**moved))


@both
def test_nobody_gives_feedback_on_a_score_that_is_not_there(own_site: ServiceSite) -> None:
    client = own_site.client("care", "north")
    answer = client.post(path(own_site, "feedback", "cat"), json={"verdict": "agree"})
    assert (answer.status_code, answer.json()["state"]) == (422, "in_hospital")
    own_site.score(score_row("ann"), valid_until=AS_OF)
    assert client.post(path(own_site, "feedback"), json={"verdict": "agree"}).status_code == 410


@pytest.mark.parametrize(
    "wrong",
    [{}, {"verdict": "maybe"}, {"verdict": "agree", "words": "943 476 5919"}, {"verdict": "agree", "more": 1},
     {"verdict": "agree", "words": "about k1_7Q4M2XK0D3RT5VWZ"}, {"verdict": "agree", "follows": 7}],
)  # fmt: skip
def test_feedback_that_cannot_be_is_refused_and_not_repeated(own_site: ServiceSite, wrong: dict[str, object]) -> None:
    answer = own_site.client("care", "north").post(path(own_site, "feedback"), json=wrong)
    assert answer.status_code == 422
    assert "943" not in answer.text
    assert "k1_7Q4M2XK0D3RT5VWZ" not in answer.text


@both
def test_feedback_of_people_who_left_is_not_listed_any_more(own_site: ServiceSite) -> None:
    client = own_site.client("care", "north")
    client.post(path(own_site, "feedback"), json={"verdict": "agree"})
    left = "person,team,from,known,to\nann,north,2026-01-01,2026-11-21,2026-11-21\n"
    load_rows(own_site.site, "transfer", left, CASELOADS_MAPPING)
    assert client.get("/api/v1/caseloads/north/feedback?due=false").json()["feedback"] == []


# Decisions, and what was shown


@both
def test_a_decision_is_kept_with_when_the_score_was_first_shown(own_site: ServiceSite) -> None:
    client = own_site.client("care", "north")
    decided = {"decision": "contact", "words": "Two night-time calls.\nVisit brought forward."}
    before = client.post(path(own_site, "reviews"), json=decided).json()
    assert (before["shown_at"], before["reference"]) == (None, "R-1")
    client.get(path(own_site, "risk"))
    after = client.post(path(own_site, "reviews"), json=decided).json()
    assert (after["shown_at"], after["words"]) == (NIGHT, decided["words"])
    assert [one["number"] for one in client.get(path(own_site, "reviews")).json()["reviews"]] == [2, 1]
    assert client.post(path(own_site, "reviews", "cat"), json=decided).json()["reference"] is None


@both
def test_scores_that_were_shown_are_kept_once_a_day(own_site: ServiceSite) -> None:
    client = own_site.client("care", "north")
    for _ in range(3):
        assert client.get(path(own_site, "risk")).status_code == 200
    assert exposures(own_site) == [("ann", "north", "2026-11-22")]
    client.get(path(own_site, "risk", "cat"))  # in hospital: nothing was shown
    client.get("/api/v1/caseloads/north?limit=2")
    assert [name for name, _, _ in exposures(own_site)] == ["ann", "ben"]
    own_site.client("care", "north").get("/api/v1/caseloads/north?limit=2")  # a service that was started anew
    assert len(exposures(own_site)) == 2


# Snoozes


def snooze(site: ServiceSite, **changes: object) -> dict[str, object]:
    asked = {"until": "2026-12-06", "reason": "Visited yesterday.", **changes}
    answer = site.client("care", "north").post(path(site, "snoozes"), json=asked)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def lasting(site: ServiceSite) -> list[tuple[bool, str | None]]:
    told = site.client("care", "north").get(path(site, "snoozes")).json()["snoozes"]
    return [(one["asleep"], one["woken_by"]) for one in told]


@both
def test_a_snooze_lasts_until_its_day_begins_on_the_wall(own_site: ServiceSite) -> None:
    assert (snooze(own_site)["until"], lasting(own_site)) == ("2026-12-06T00:00:00Z", [(True, None)])


@both
def test_a_new_contact_wakes_a_snooze_though_it_was_known_elsewhere_before(own_site: ServiceSite) -> None:
    snooze(own_site)
    late = "e9,2026-11-21 22:00:00,2026-11-21 23:00:00,police_999,ann\n"
    load_rows(own_site.site, "late", HEADER + late, EVENTS_MAPPING)
    assert lasting(own_site) == [(False, "new_contact")]


@both
def test_a_contact_of_somebody_else_wakes_nobody_and_time_does(own_site: ServiceSite) -> None:
    snooze(own_site, until="2026-11-24")
    other = "e9,2026-11-23 22:00:00,2026-11-23 23:00:00,police_999,ben\n"
    load_rows(own_site.site, "other", HEADER + other, EVENTS_MAPPING)
    assert lasting(own_site) == [(True, None)]
    later = "e10,2026-11-23 22:00:00,2026-11-24 00:00:00,police_999,ben\n"
    load_rows(own_site.site, "later", HEADER + later, EVENTS_MAPPING)
    assert lasting(own_site) == [(False, "over")]


@both
def test_a_rise_that_was_named_wakes_a_snooze(own_site: ServiceSite) -> None:
    snooze(own_site, rise=10)
    own_site.score(score_row("ann", 0.27), made_at=AS_OF + timedelta(hours=1))
    assert lasting(own_site) == [(True, None)]  # from 18 to 27
    own_site.score(score_row("ann", 0.28), made_at=AS_OF + timedelta(hours=2))
    assert lasting(own_site) == [(False, "rise")]


@both
def test_a_snooze_is_ended_by_hand_and_the_newest_counts(own_site: ServiceSite) -> None:
    client, number = own_site.client("care", "north"), snooze(own_site)["number"]
    ended = client.delete(path(own_site, f"snoozes/{number}"))
    assert (ended.status_code, ended.json()["woken_by"]) == (200, "ended")
    assert client.delete(path(own_site, f"snoozes/{number}")).json() == ended.json()
    assert client.delete(path(own_site, "snoozes/99")).status_code == 404
    assert client.delete(path(own_site, f"snoozes/{number}", "ben")).status_code == 404
    snooze(own_site)
    snooze(own_site)
    assert [asleep for asleep, _ in lasting(own_site)] == [True, False, False]


@pytest.mark.parametrize("until", ["2026-11-22", "2020-01-01", "2027-03-01", "tomorrow", 3])
def test_a_snooze_is_for_some_weeks_at_most(own_site: ServiceSite, until: object) -> None:
    asked = {"until": until, "reason": "Visited."}
    assert own_site.client("care", "north").post(path(own_site, "snoozes"), json=asked).status_code == 422


# Contacts, and those that are wrong


@both
def test_contacts_are_shown_latest_first_whether_there_is_a_score_or_not(shared_site: ServiceSite) -> None:
    client = shared_site.client("care", "north")
    body = client.get(path(shared_site, "contacts")).json()
    assert [(one["event_id"], one["source"]) for one in body["contacts"]] == [
        ("e3", "police_999"),
        ("e1", "police_999"),
    ]
    assert client.get(path(shared_site, "contacts") + "?limit=1").json()["more"] is True
    assert client.get(path(shared_site, "contacts", "cat")).json()["contacts"] == []


@both
def test_detention_is_named_to_a_role_that_holds_it_and_to_no_other(own_site: ServiceSite) -> None:
    rows = "e9,2026-11-21 22:00:00,2026-11-21 23:00:00,s136,ann\n"
    declared = '[source.s136]\nagency = "police"\nsingular = "detention"\nplural = "detentions"\n'
    own_site.configure(CONFIGURATION + declared)
    own_site = opened(own_site.site.path)
    load_rows(own_site.site, "detained", HEADER + rows, EVENTS_MAPPING)
    text = own_site.client("care", "north").get(path(own_site, "contacts")).text
    assert "s136" not in text
    assert '"urgent_contact"' in text
    holds = '[care]\nmeaning = "care"\nreaches = ["own_people", "detentions"]\n'
    own_site.declare("roles.toml", holds)
    told = own_site.client("care", "north").get(path(own_site, "contacts")).json()["contacts"]
    assert [one["source"] for one in told] == ["police_999", "s136", "police_999"]


@both
def test_a_wrong_contact_goes_to_who_keeps_the_data_without_whose_it_is(own_site: ServiceSite) -> None:
    care, data = own_site.client("care", "north"), own_site.client("data")
    asked = {"event_id": "e1", "problem": "another_person", "words": "CANARY it was her daughter"}
    made = care.post(path(own_site, "data-queries"), json=asked)
    assert (made.status_code, made.json()["number"]) == (201, 1)
    assert care.post(path(own_site, "data-queries"), json=asked).json()["number"] == 1  # open already
    queue = data.get("/api/v1/data-queries")
    assert [(one["event_id"], one["source"], one["problem"]) for one in queue.json()["queries"]] == [
        ("e1", "police_999", "another_person")
    ]
    assert not [one for one in (*own_site.people.values(), "CANARY") if one in queue.text]
    found = {"outcome": "corrected", "answer": "Linked to another record."}
    answered = data.post("/api/v1/data-queries/1/answer", json=found).json()
    assert data.post("/api/v1/data-queries/1/answer", json={**found, "outcome": "stands"}).json() == answered
    assert data.get("/api/v1/data-queries").json()["queries"] == []
    assert data.post("/api/v1/data-queries/2/answer", json=found).status_code == 404
    (told,) = care.get(path(own_site, "data-queries")).json()["queries"]
    assert (told["outcome"], told["answer"], told["words"]) == ("corrected", found["answer"], asked["words"])


@both
def test_what_came_of_a_wrong_contact_is_told_to_who_said_so_until_they_have_looked(own_site: ServiceSite) -> None:
    care, data = own_site.client("care", "north"), own_site.client("data")
    answered = "/api/v1/caseloads/north?tab=all"
    asked = {"event_id": "e1", "problem": "wrong_time", "words": "She was with us then"}
    made = care.post(path(own_site, "data-queries"), json=asked).json()
    assert (made["source"], made["record"], made["record_changed_at"]) == ("police_999", "as_it_was", None)
    assert care.get(answered).json()["answered"] == []
    assert "Answered: what your team said" not in care.get("/caseload").text
    marked = '<a href="#said-wrong">Said to be wrong</a>'
    assert care.get(f"/people/{own_site.people['ann']}").text.count(marked) == 1
    load_rows(own_site.site, "later", f"{HEADER}e9,2026-11-22 08:00:00,2026-11-22 09:00:00,police_999,dan\n",
              EVENTS_MAPPING)  # fmt: skip
    data.post("/api/v1/data-queries/1/answer", json={"outcome": "corrected", "answer": "It was an hour later"})
    (told,) = care.get(answered).json()["answered"]
    assert (told["person_id"], told["outcome"]) == (own_site.people["ann"], "corrected")
    assert own_site.client("care", "south").get("/api/v1/caseloads/south?tab=all").json()["answered"] == []
    assert f'href="/people/{own_site.people["ann"]}#said-wrong"' in care.get("/caseload").text
    page = care.get(f"/people/{own_site.people['ann']}").text
    assert "Said 22 Nov 2026: 999 call of 1 Nov 2026, the time is wrong." in page
    assert marked not in page, "who answered may be told again"
    assert "She was with us then. Answered 22 Nov 2026: the record was wrong and is put right." in page
    assert "It was an hour later. No change of the record is known here yet." in page
    corrected = f"{HEADER}e1,2026-11-01 11:00:00,2026-11-22 10:00:00,police_999,ann\n"
    load_rows(own_site.site, "corrected", corrected, EVENTS_MAPPING)
    (query,) = care.get(path(own_site, "data-queries")).json()["queries"]
    assert (query["record"], query["record_changed_at"]) == ("changed", "2026-11-22T10:00:00Z")
    changed = "The record changed here on 22 Nov 2026. "
    assert f"{changed}The next number will take that in." in care.get(f"/people/{own_site.people['ann']}").text
    later = AS_OF + timedelta(hours=4, microseconds=1)
    own_site.score(score_row("ann", 0.2), as_of=later, made_at=later)
    assert f"{changed}The number above was made after that." in care.get(f"/people/{own_site.people['ann']}").text
    care.post("/api/v1/caseloads/north/seen")
    assert care.get(answered).json()["answered"] == []


@both
def test_a_detention_that_is_said_to_be_wrong_is_named_to_nobody_whose_role_does_not_hold_it(
    own_site: ServiceSite,
) -> None:
    rows = "e9,2026-11-21 22:00:00,2026-11-21 23:00:00,s136,ann\n"
    own_site.configure(
        CONFIGURATION + '[source.s136]\nagency = "police"\nsingular = "detention"\nplural = "detentions"\n'
    )
    own_site = opened(own_site.site.path)
    load_rows(own_site.site, "detained", HEADER + rows, EVENTS_MAPPING)
    client = own_site.client("care", "north")
    made = client.post(path(own_site, "data-queries"), json={"event_id": "e9", "problem": "did_not_happen"})
    assert made.json()["source"] == "urgent_contact"
    page = client.get(f"/people/{own_site.people['ann']}").text
    assert "urgent contact of 21 Nov 2026, it did not happen. Not answered yet." in page
    assert "detention" not in page


def test_a_model_that_answers_since_a_team_said_something_is_named_beside_it(own_site: ServiceSite) -> None:
    client, page = own_site.client("care", "north"), f"/people/{own_site.people['ann']}"
    client.post(path(own_site, "feedback"), json={"verdict": "disagree"})
    assert "of the model answers" not in client.get(page).text
    rows = f"{HEADER}e9,2026-11-22 08:00:00,2026-11-22 09:00:00,police_999,dan\n"
    load_rows(own_site.site, "later", rows, EVENTS_MAPPING)
    later = AS_OF + timedelta(hours=2)
    let_answer_who_learned_until(own_site.site, "person", AS_OF.isoformat(), version=5, at=later.isoformat())
    before = AS_OF - timedelta(days=1)
    own_site.score(score_row("ann", 0.2), as_of=before, made_at=before)
    own_site.score(score_row("ann", 0.2), as_of=later, made_at=later, model_version=5)
    told = own_site.client("care", "north").get(page).text
    assert "care: I disagree. Since 22 Nov 2026 version 5 of the model answers." in told
    assert "What your team says of a number does not change it." in told


@pytest.mark.parametrize("event", ["e2", "e99", "e3 "])
def test_only_a_persons_own_contact_can_be_said_to_be_wrong(own_site: ServiceSite, event: str) -> None:
    asked = {"event_id": event, "problem": "twice"}
    answer = own_site.client("care", "north").post(path(own_site, "data-queries"), json=asked)
    assert (answer.status_code, answer.json()["code"]) == (404, "CR-HTTP-404")


@both
def test_nothing_is_said_that_could_not_be_audited(own_site: ServiceSite) -> None:
    client = own_site.client("care", "north")
    assert client.get(path(own_site, "risk")).status_code == 200
    (own_site.site.path / "keys" / "audit.key").unlink()
    with own_site.engine.connect() as connection:
        assert connection.execute(select(Feedback)).all() == []
    assert (
        own_site.client("care", "north").post(path(own_site, "feedback"), json={"verdict": "agree"}).status_code == 503
    )
    with own_site.engine.connect() as connection:
        assert connection.execute(select(Feedback)).all() == []


# Forecasts


@both
def test_a_crisis_team_says_whether_a_forecast_was_useful(own_site: ServiceSite) -> None:
    client, address = own_site.client("crisis_team"), "/api/v1/shifts/night-2026-11-22/feedback"
    whole = client.post(address, json={"verdict": "useful"})
    assert (whole.status_code, whole.json()["reference"]) == (201, "S-1")
    there = {"verdict": "not_useful", "place_id": "place-02", "words": "The match was moved."}
    assert client.post(address, json=there).status_code == 201
    told = client.get(address).json()["feedback"]
    assert [(one["place_id"], one["verdict"]) for one in told] == [("place-02", "not_useful"), (None, "useful")]
    assert client.post(address, json={**there, "place_id": "elsewhere"}).status_code == 422
    assert client.post("/api/v1/shifts/none/feedback", json={"verdict": "useful"}).status_code == 404
