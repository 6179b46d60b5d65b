"""What a care team gets: scores, lists, and typed reasons where there is no score."""

from datetime import timedelta
from typing import Any

import pytest
from tests.lib.database import AS_OF, score_row
from tests.lib.service_site import SERVICE, ServiceSite, load_rows

from crisisrisk.database.engine import writing
from crisisrisk.database.schema import ScoringRun

pytestmark = pytest.mark.both_databases

RISK_FIELDS = {
    "probability", "likely_in_100", "lower", "upper", "horizon_days", "as_of", "data_complete_to", "valid_until",
    "model", "reasons", "caveats",
}  # fmt: skip


def risk(site: ServiceSite, name: str = "ann", team: str = "north"):  # type: ignore[no-untyped-def]
    return site.client("care", team).get(f"/api/v1/people/{site.people[name]}/risk")


def test_a_score_says_everything_about_itself(shared_site: ServiceSite) -> None:
    answer = risk(shared_site)
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) >= RISK_FIELDS
    assert body["model"] == {
        "name": "person_crisis_28d", "version": 4, "run_id": "3f2c0a", "recipe_fingerprint": "b71d",
    }  # fmt: skip
    chosen = ("state", "probability", "likely_in_100", "lower", "upper", "horizon_days", "as_of", "valid_until")
    assert [body[name] for name in chosen] == [
        "scored", 0.182, 18, None, None, 28, "2026-11-22T06:00:00Z", "2026-11-23T06:00:00Z",
    ]  # fmt: skip
    assert body["data_complete_to"] == {"police_999": "2026-11-22T05:58:00Z"}
    assert body["reasons"][0]["text"] == "2 crisis-line calls in the last 7 days"
    assert "The range is not known: how far off a number may be was not worked out." in body["caveats"]
    assert any("not reassurance" in caveat for caveat in body["caveats"])


def test_a_range_and_a_thin_history_are_said(own_site: ServiceSite) -> None:
    own_site.score(
        score_row("ann", 0.182, lower=0.131, upper=0.243, thin_history=True),
        score_row("ben", 0.3, lower=0.28, upper=0.33, thin_history=False), made_at=AS_OF + timedelta(hours=1),
    )  # fmt: skip
    ann, ben = risk(own_site).json(), risk(own_site, "ben").json()
    assert (ann["lower"], ann["upper"], ann["thin_history"]) == (0.131, 0.243, True)
    assert (ben["lower"], ben["upper"], ben["thin_history"]) == (0.28, 0.33, False)
    assert [any("thin history" in caveat for caveat in one["caveats"]) for one in (ann, ben)] == [True, False]
    assert "The range is not known: how far off a number may be was not worked out." not in ann["caveats"]
    body = own_site.client("care", "north").get("/api/v1/caseloads/north?limit=1").json()
    assert [one["thin_history"] for one in body["people"]] == [False]
    assert not any("thin history" in caveat for caveat in body["caveats"])  # nobody on this list has one


def test_below_one_in_a_hundred_is_not_none(shared_site: ServiceSite) -> None:
    assert risk(shared_site, "dan").json()["likely_in_100"] == 0.4


@pytest.mark.parametrize(
    "state", ["no_data", "in_crisis_episode", "in_hospital", "opted_out", "under_18", "out_of_scope", "stale"]
)
def test_without_a_score_there_is_a_typed_reason_and_no_number(own_site: ServiceSite, state: str) -> None:
    own_site.score(score_row("ann", None, state), made_at=AS_OF + timedelta(hours=1))
    answer = risk(own_site)
    assert (answer.status_code, answer.json()["state"], answer.json()["code"]) == (422, state, "CR-PERSON-002")
    assert answer.headers["content-type"] == "application/problem+json"
    assert not {"probability", "likely_in_100", "lower", "upper"} & set(answer.json())
    pinned = own_site.client("care", "north").get("/api/v1/caseloads/north").json()["pinned"]
    assert {one["state"] for one in pinned if one["person_id"] == own_site.people["ann"]} == {state}


def test_someone_whom_the_run_does_not_know_has_no_data(shared_site: ServiceSite) -> None:
    answer = risk(shared_site, "eve")
    assert (answer.status_code, answer.json()["state"]) == (422, "no_data")


def test_before_the_first_scoring_nobody_has_data(own_site: ServiceSite) -> None:
    with writing(own_site.engine) as connection:
        connection.execute(ScoringRun.__table__.delete())
    assert (risk(own_site).status_code, risk(own_site).json()["state"]) == (422, "no_data")
    body = own_site.client("care", "north").get("/api/v1/caseloads/north").json()
    assert (body["people_on_caseload"], body["people_scored"], body["people"]) == (6, 0, [])
    assert {one["state"] for one in body["pinned"]} == {"no_data"}


def states(site: ServiceSite, body: dict[str, Any]) -> dict[str, str]:
    """The states of a caseload's pinned people, by first name."""
    names = {pseudonym: name for name, pseudonym in site.people.items()}
    return {names[one["person_id"]]: one["state"] for one in body["pinned"]}


def expire(site: ServiceSite) -> None:
    """Leave only a scoring run whose time is over."""
    with writing(site.engine) as connection:
        connection.execute(ScoringRun.__table__.delete())
    old = AS_OF - timedelta(days=2)
    known = {"police_999": old - timedelta(hours=3)}
    site.score(
        score_row("ann", 0.5), score_row("cat", None, "in_hospital"),
        as_of=old, valid_until=AS_OF, data_complete_to=known,
    )  # fmt: skip


def test_an_expired_score_is_gone_and_says_so(own_site: ServiceSite) -> None:
    expire(own_site)
    answer = risk(own_site)
    assert (answer.status_code, answer.json()["state"], answer.json()["as_of"]) == (
        410,
        "expired",
        "2026-11-20T06:00:00Z",
    )
    assert "0.5" not in answer.text
    body = own_site.client("care", "north").get("/api/v1/caseloads/north").json()
    assert body["people"] == []
    # What scoring said of somebody without a score stays so, and whom it did not know has no data.
    assert states(own_site, body) == {
        "ann": "expired", "cat": "in_hospital", "ben": "no_data", "dan": "no_data", "eve": "no_data", "back": "no_data",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "state"),
    [({"valid_until": AS_OF}, "expired"),
     ({"data_complete_to": {"police_999": AS_OF - timedelta(hours=171)}}, "stale")],
)  # fmt: skip
def test_an_old_run_takes_the_place_of_scores_and_of_no_reason(
    own_site: ServiceSite, changes: dict[str, Any], state: str
) -> None:
    reasons = {"ben": "opted_out", "cat": "in_hospital", "dan": "in_crisis_episode"}
    own_site.score(score_row("ann"), *(score_row(name, None, reason) for name, reason in reasons.items()), **changes)
    expected = {"ann": state, **reasons, "eve": "no_data"}
    answers = {name: risk(own_site, name) for name in expected}
    assert {name: answer.json()["state"] for name, answer in answers.items()} == expected
    assert {name for name, answer in answers.items() if answer.status_code == 410} == (
        {"ann"} if state == "expired" else set()
    )


# Objections, and another model


OPT_OUTS_MAPPING = """
table = "opt_outs"
[columns]
person_id = { column = "person", kind = "study_id" }
valid_from = { column = "from", zone = "Europe/London" }
known_at = { column = "known", zone = "Europe/London" }
valid_to = { column = "to", zone = "Europe/London" }
kind = "kind"
"""


def test_who_objects_after_the_last_scoring_is_neither_scored_nor_listed(own_site: ServiceSite) -> None:
    client, path = own_site.client("care", "north"), f"/api/v1/people/{own_site.people['ann']}/risk"
    assert client.get(path).status_code == 200
    rows = "person,from,known,to,kind\n"
    rows += "ann,2026-11-21,2026-11-21,,local\nben,2026-01-01,2026-01-01,2026-11-01,local\n"
    rows += "cat,2026-11-21,2026-11-21,,national\ndan,2026-12-01,2026-11-21,,scoring\n"
    load_rows(own_site.site, "opt_outs", rows, OPT_OUTS_MAPPING)
    answer = client.get(path)
    assert (answer.status_code, answer.json()["state"], answer.json()["code"]) == (422, "opted_out", "CR-PERSON-002")
    assert "0.182" not in answer.text
    body = client.get("/api/v1/caseloads/north?limit=10").json()
    # The national opt-out is about planning and research: cat stays what scoring said of her, in hospital.
    assert states(own_site, body)["cat"] == "in_hospital"
    assert {name for name, state in states(own_site, body).items() if state == "opted_out"} == {"ann"}
    names = {pseudonym: name for name, pseudonym in own_site.people.items()}
    assert [names[one["person_id"]] for one in body["people"]] == ["ben", "dan"]  # ended, and not begun yet


@pytest.mark.parametrize("changes", [{"model_version": 5}, {"model_name": "person_crisis_56d"}])
def test_scores_of_a_model_that_does_not_answer_now_are_not_shown(
    own_site: ServiceSite, changes: dict[str, Any]
) -> None:
    with writing(own_site.engine) as connection:
        connection.execute(ScoringRun.__table__.delete())
    own_site.score(score_row("ann", 0.987), score_row("cat", None, "in_hospital"), **changes)
    answer = risk(own_site)
    assert (answer.status_code, answer.json()["state"]) == (422, "stale")
    assert answer.json()["detail"].endswith("they have to be scored again")
    assert "0.987" not in answer.text
    body = own_site.client("care", "north").get("/api/v1/caseloads/north").json()
    assert (body["people"], body["people_scored"], "model" in body) == ([], 0, False)
    found = states(own_site, body)
    assert (found["ann"], found["cat"], found["eve"]) == ("stale", "in_hospital", "no_data")
    assert "0.987" not in str(body)


def test_after_a_rollback_the_scores_of_the_model_that_answers_again_are_shown(own_site: ServiceSite) -> None:
    own_site.score(score_row("ann", 0.987), model_version=5, made_at=AS_OF + timedelta(hours=1))
    assert risk(own_site).json()["probability"] == 0.182
    body = own_site.client("care", "north").get("/api/v1/caseloads/north").json()
    assert (body["model"]["version"], body["people_scored"]) == (4, 3)


def test_a_score_is_valid_until_its_last_moment_and_not_at_it(own_site: ServiceSite) -> None:
    own_site.score(score_row("ann"), valid_until=AS_OF + timedelta(microseconds=1))
    assert risk(own_site).status_code == 200
    own_site.score(score_row("ann"), valid_until=AS_OF)
    assert risk(own_site).status_code == 410


def test_the_site_may_shorten_how_long_a_score_is_valid(own_site: ServiceSite) -> None:
    own_site.declare("service.toml", SERVICE + "[freshness]\nscore_valid_days = 0.5\n")
    assert risk(own_site).json()["valid_until"] == "2026-11-22T18:00:00Z"


def test_scores_made_from_old_records_are_stale(own_site: ServiceSite) -> None:
    own_site.score(score_row("ann"), data_complete_to={"police_999": AS_OF - timedelta(hours=171)})
    answer = risk(own_site)
    assert (answer.status_code, answer.json()["state"]) == (422, "stale")


def test_a_late_source_is_named_in_the_caveats(own_site: ServiceSite) -> None:
    complete = {"police_999": AS_OF - timedelta(hours=2), "crisis_line": AS_OF - timedelta(hours=25)}
    own_site.score(score_row("ann"), data_complete_to=complete)
    late = [caveat for caveat in risk(own_site).json()["caveats"] if caveat.startswith("late")]
    assert late == ["late: crisis_line since 2026-11-21T05:00Z"]


def test_a_scoring_from_the_future_does_not_answer_yet(own_site: ServiceSite) -> None:
    own_site.score(score_row("ann", 0.9), as_of=AS_OF + timedelta(days=1), valid_until=AS_OF + timedelta(days=2))
    assert risk(own_site).json()["probability"] == 0.182


# Caseloads


def test_a_caseload_is_ordered_and_pins_who_has_no_score_above_it(shared_site: ServiceSite) -> None:
    body = shared_site.client("care", "north").get("/api/v1/caseloads/north?limit=10").json()
    names = {pseudonym: name for name, pseudonym in shared_site.people.items()}
    assert [names[one["person_id"]] for one in body["people"]] == ["ben", "ann", "dan"]
    assert {(names[one["person_id"]], one["state"]) for one in body["pinned"]} == {
        ("cat", "in_hospital"), ("eve", "no_data"), ("back", "no_data"),
    }  # fmt: skip
    assert (body["people_on_caseload"], body["people_scored"]) == (6, 3)
    assert all(one["meaning"] for one in body["pinned"])
    assert set(body) >= {"horizon_days", "as_of", "data_complete_to", "valid_until", "model", "caveats"}


def test_a_limit_cuts_the_list_and_never_the_pinned(shared_site: ServiceSite) -> None:
    client = shared_site.client("care", "north")
    lengths = {
        query: len(client.get(f"/api/v1/caseloads/north{query}").json()["people"])
        for query in ("", "?limit=1", "?limit=3")
    }
    assert lengths == {"": 2, "?limit=1": 1, "?limit=3": 3}  # the team's own list length is 2
    assert len(client.get("/api/v1/caseloads/north?limit=1").json()["pinned"]) == 3


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=many", "limit=1e9", "limit=5001", "limmit=3"])
def test_a_limit_that_makes_no_sense_is_refused(shared_site: ServiceSite, query: str) -> None:
    answer = shared_site.client("care", "north").get(f"/api/v1/caseloads/north?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "CR-HTTP-422")
    assert answer.json()["problems"][0]["where"] in ("limit", "limmit")
    assert "many" not in answer.text
