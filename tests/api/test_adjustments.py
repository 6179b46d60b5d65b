"""A coordinator's changes of a plan, and the review of both once the contacts came."""

from typing import Any

import pytest
from tests.lib.answering_models import let_answer_who_learned_until
from tests.lib.database import AS_OF
from tests.lib.service_site import SITES, SITES_MAPPING, ServiceSite, load_rows

from crisisrisk.database.plans import overrides_of, plans_of
from crisisrisk.serving.afterwards import FORECAST_AFTERWARDS

both = pytest.mark.both_databases

SHIFT = "/api/v1/shifts/night-2026-11-22"
POST = {"team": "A", "site_id": "point-far"}
FAR = {**POST, "site_name": "Far Lane car park"}
ELSEWHERE = {"kind": "positions", "posts": [POST], "reason": "the ring road is closed tonight"}

CAME_MAPPING = """
table = "events"
[columns]
event_id = "id"
occurred_at = { column = "at", zone = "Europe/London" }
known_at = { column = "known", zone = "Europe/London" }
source = { constant = "police_999" }
code = { constant = "call" }
is_crisis = { column = "crisis", true_values = ["yes"] }
place_id = "place"
"""
# Four count: not the one before the shift, the one at its end, the one elsewhere, nor the one that is no crisis.
CAME = """id,at,known,crisis,place
n0,2026-11-22 21:59:00,2026-11-23 09:00:00,yes,place-01
n1,2026-11-22 23:00:00,2026-11-23 09:00:00,yes,place-01
n2,2026-11-23 01:30:00,2026-11-23 09:00:00,yes,place-01
n3,2026-11-23 02:00:00,2026-11-23 09:00:00,no,place-01
n4,2026-11-23 04:00:00,2026-11-23 09:00:00,yes,place-03
n5,2026-11-23 05:00:00,2026-11-23 09:00:00,yes,place-99
n6,2026-11-23 07:59:59,2026-11-23 09:00:00,yes,place-02
n7,2026-11-23 08:00:00,2026-11-23 09:00:00,yes,place-02
"""


@pytest.fixture
def site(own_site: ServiceSite) -> ServiceSite:
    """A site with a plan of the night: one team at the southern base, four minutes from the busiest place."""
    own_site.issue("night-2026-11-22", run={"as_of": AS_OF})
    asked = {"teams": [{"name": "A", "base": "base-north"}], "target_minutes": 4, "use": True}
    made = own_site.client("crisis_team").post(f"{SHIFT}/positions", json=asked)
    assert made.json()["plan"][0]["site_id"] == "base-south"
    return own_site


def adjust(site: ServiceSite, shift: str = SHIFT, **changes: Any) -> Any:
    return site.client("crisis_team").post(f"{shift}/adjustments", json={**ELSEWHERE, **changes})


def review(site: ServiceSite, shift: str = SHIFT) -> Any:
    return site.client("crisis_team").get(f"{shift}/review")


@both
def test_a_change_is_kept_with_its_reason_and_the_plan_stays_as_it_is(site: ServiceSite) -> None:
    [plan] = plans_of(site.engine, "night-2026-11-22")
    answer = adjust(site)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    span = {"from": "2026-11-22T22:00:00Z", "to": "2026-11-23T08:00:00Z"}
    assert body["posts"] == body["changed"] == [{**FAR, **span}]
    assert (body["plan"], body["reason"], body["role"]) == (f"P-{plan.number}", ELSEWHERE["reason"], "crisis_team")
    [kept] = overrides_of(site.engine, plan.number)
    assert (f"A-{kept.number}", kept.reason, kept.made_at) == (body["reference"], ELSEWHERE["reason"], AS_OF)
    assert [(post.team, post.site_id) for post in kept.posts] == [("A", "point-far")]
    assert plans_of(site.engine, "night-2026-11-22") == [plan]


@both
def test_a_change_may_be_of_a_part_of_the_shift_and_of_an_earlier_plan(site: ServiceSite) -> None:
    client = site.client("crisis_team")
    client.post(f"{SHIFT}/positions", json={"teams": 2, "use": True})
    parts = [{"team": "A", "site_id": "base-south", "to": "2026-11-23T02:00:00Z"},
             {"team": "A", "site_id": "base-north", "from": "2026-11-23T02:00:00Z"}]  # fmt: skip
    assert adjust(site, posts=parts).status_code == 422  # the plan of the shift is of other teams
    body = adjust(site, posts=parts, plan="P-1").json()
    assert [post["site_id"] for post in body["changed"]] == ["base-south", "base-north"]
    assert body["posts"][1]["from"] == "2026-11-23T02:00:00Z"


@both
def test_a_change_without_times_holds_while_the_plan_has_the_team_out(site: ServiceSite) -> None:
    team = {"name": "A", "base": "base-north", "starts": "23:00", "ends": "03:00"}
    made = (
        site.client("crisis_team")
        .post(f"{SHIFT}/positions", json={"teams": [team], "target_minutes": 4, "use": True})
        .json()
    )
    span = {"from": "2026-11-22T23:00:00Z", "to": "2026-11-23T03:00:00Z"}
    assert made["plan"] == [{"team": "A", "site_id": "base-south", "site_name": "base-south", **span}]
    body = adjust(site).json()
    assert body["posts"] == [{**FAR, **span}]
    assert not any("does not have it out" in caveat for caveat in body["caveats"])
    longer = adjust(site, posts=[{**POST, "to": "2026-11-23T05:00:00Z"}]).json()
    assert longer["posts"] == [{**FAR, "from": span["from"], "to": "2026-11-23T05:00:00Z"}]
    said = "A stands at Far Lane car park from 2026-11-22T23:00Z to 2026-11-23T05:00Z, and the"
    assert longer["caveats"][0].startswith(said)
    elsewhere = adjust(site, posts=[{**POST, "to": "2026-11-23T07:00:00+02:00"}]).json()
    assert elsewhere["caveats"][0].startswith(said), "the same moment, by another clock"


@both
def test_a_change_to_a_site_that_is_full_is_kept_and_says_so(site: ServiceSite) -> None:
    client = site.client("crisis_team")
    full = {"state": "full", "reason": "no parking", "until": "2026-11-23T08:00:00Z"}
    client.put("/api/v1/sites/point-far/status", json=full)
    assert adjust(site).json()["caveats"][0] == "Far Lane car park is full until 2026-11-23T08:00Z: no parking"


@both
def test_a_change_says_at_once_what_it_covers_beside_the_plan(site: ServiceSite) -> None:
    body = adjust(site).json()
    [plan] = plans_of(site.engine, "night-2026-11-22")
    assert body["plan_covers"] == pytest.approx(plan.answer["expected_coverage"])
    assert body["covers"] == 0.0, "nothing is expected near the site that is far off"
    half = adjust(site, posts=[{"team": "A", "site_id": "base-south", "to": "2026-11-23T03:00:00Z"}]).json()
    assert 0 < half["covers"] < half["plan_covers"]
    assert "A is on duty from 2026-11-23T03:00Z to 2026-11-23T08:00Z and stands nowhere then." in half["caveats"]


@both
def test_a_change_may_leave_a_rule_and_says_which(site: ServiceSite) -> None:
    teams = [{"name": "A", "may_stand": ["base-south"]}, {"name": "B"}, {"name": "C"}]
    made = site.client("crisis_team").post(f"{SHIFT}/positions", json={"teams": teams, "use": True})
    assert made.status_code == 200, made.text
    said = adjust(site, posts=[{"team": team, "site_id": "point-far"} for team in "ABC"]).json()["caveats"]
    assert "A is to stand at base-south only, and Far Lane car park is none of these." in said
    crowd = "Far Lane car park has room for 1, and 3 teams stand there from 2026-11-22T22:00Z to 2026-11-23T08:00Z."
    assert crowd in said
    assert overrides_of(site.engine, 2), "and it is kept"


@both
def test_a_change_is_kept_where_nowhere_is_open_to_weigh_it(site: ServiceSite) -> None:
    shut = {"state": "closed", "reason": "a power cut", "until": "2026-11-23T08:00:00Z"}
    for name in ("base-south", "base-north", "point-far"):
        assert site.client("crisis_team").put(f"/api/v1/sites/{name}/status", json=shut).status_code == 200
    answer = adjust(site)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["covers"], answer.json()["plan_covers"]) == (None, None)
    assert any("no site where a team can stand is open all shift" in one for one in answer.json()["caveats"])
    assert len(overrides_of(site.engine, 1)) == 1


@both
def test_a_change_to_a_site_that_closes_during_the_night_says_so(site: ServiceSite) -> None:
    load_rows(site.site, "sites", f"{SITES}hall,,standby_point,52.51,-1.89,18:00,02:00,1,\n", SITES_MAPPING)
    said = adjust(site, posts=[{**POST, "site_id": "hall"}]).json()["caveats"]
    assert "hall is not open all the time from 2026-11-22T22:00Z to 2026-11-23T08:00Z." in said
    early = [{**POST, "site_id": "hall", "to": "2026-11-23T02:00:00Z"},
             {**POST, "site_id": "base-south", "from": "2026-11-23T02:00:00Z"}]  # fmt: skip
    assert not any("hall is not open" in one for one in adjust(site, posts=early).json()["caveats"])


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown site": ({"posts": [{**POST, "site_id": "nowhere"}]}, 'there is no site "nowhere" to stand at'),
    "a café": ({"posts": [{**POST, "site_id": "cafe"}]}, 'there is no site "cafe" to stand at'),
    "another team": ({"posts": [{**POST, "team": "B"}]}, "a plan cannot be overridden so"),
    "nothing changed": ({"posts": [{**POST, "site_id": "base-south"}]}, "a plan cannot be overridden so"),
    "before the shift": ({"posts": [{**POST, "from": "2026-11-22T21:00:00Z"}]}, "a post is outside of the shift"),
    "after the shift": ({"posts": [{**POST, "to": "2026-11-23T09:00:00Z"}]}, "a post is outside of the shift"),
    "backwards": ({"posts": [{**POST, "from": "2026-11-23T05:00:00Z", "to": "2026-11-23T04:00:00Z"}]},
                  "a plan cannot be overridden so"),
    "at two at once": ({"posts": [POST, {**POST, "site_id": "base-south", "from": "2026-11-23T01:00:00Z"}]},
                       "a team cannot stand at two sites at once"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(WRONG))
def test_a_change_that_cannot_be_is_refused_with_its_code(site: ServiceSite, name: str) -> None:
    change, problem = WRONG[name]
    answer = adjust(site, **change)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert (answer.json()["code"], answer.json()["detail"]) == ("CR-PLAN-001", problem)
    assert answer.json()["found"]
    assert overrides_of(site.engine, 1) == []


@pytest.mark.parametrize(
    "change",
    [{"reason": ""}, {"reason": None}, {"reason": "for 943 476 5919"}, {"reason": "for k1_7Q4M2XK0D3RT5VWZ"},
     {"kind": "weather"}, {"posts": []}, {"plan": "12"},
     {"posts": [{**POST, "team": "A\u0000"}]}, {"posts": [{**POST, "from": "tonight"}]}],
)  # fmt: skip
def test_a_body_that_makes_no_sense_is_refused(site: ServiceSite, change: dict[str, Any]) -> None:
    answer = adjust(site, **change)
    assert (answer.status_code, answer.json()["code"]) == (422, "CR-HTTP-422")
    assert "943" not in answer.text


@both
def test_without_a_plan_there_is_nothing_to_change(own_site: ServiceSite) -> None:
    for shift in (SHIFT, "/api/v1/shifts/%00"):
        answer = adjust(own_site, shift)
        assert (answer.status_code, answer.json()["detail"]) == (404, "no plan was made for this shift")


@both
def test_a_plan_of_another_shift_is_not_there(site: ServiceSite) -> None:
    assert adjust(site, plan="P-2").status_code == 404


@both
def test_a_shift_that_is_not_over_has_no_review_and_one_that_is_takes_no_change(site: ServiceSite) -> None:
    early = review(site)
    assert (early.status_code, early.json()["code"], early.json()["hint"]) == (
        409, "CR-HTTP-409", "ask after 2026-11-23T08:00Z",
    )  # fmt: skip
    load_rows(site.site, "came", CAME, CAME_MAPPING)
    late = adjust(site)
    assert (late.status_code, late.json()["code"]) == (409, "CR-HTTP-409")
    assert overrides_of(site.engine, 1) == []


def test_the_review_plays_the_plan_and_its_last_change_with_the_contacts_that_came(site: ServiceSite) -> None:
    adjust(site, posts=[{**POST, "site_id": "base-north"}])
    changed = adjust(site).json()["reference"]
    load_rows(site.site, "came", CAME, CAME_MAPPING)
    answer = review(site)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["contacts"], body["plan"]) == (4, "P-1")
    plan, override, usual = body["stood"]
    assert [(one["name"], one["reference"]) for one in body["stood"]] == [
        ("plan", "P-1"), ("override", changed), ("as usual", "P-1"),
    ]  # fmt: skip
    # The contacts are hours apart, and both bases within a quarter of an hour of every place.
    assert plan["in_time"] == usual["in_time"] == {"15": 4, "30": 4}
    assert (plan["share"], plan["gained"]) == ({"15": 1.0, "30": 1.0}, {"15": 0, "30": 0})
    # From the far point it takes over half an hour, unless the team is still on its way home from the one before.
    assert override["in_time"]["15"] < 4
    assert override["gained"]["15"] == override["in_time"]["15"] - 4
    assert override["reason"] == ELSEWHERE["reason"]
    assert body["at_scene_minutes"] == 75
    assert body["shift"]["forecast"]["expected"] == pytest.approx(1.3 + 0.65 + 1.3 / 3)
    assert any("complete to" in caveat and "crisis_line" in caveat for caveat in body["caveats"])
    assert "n1" not in answer.text


@both
def test_a_shift_without_a_plan_is_reviewed_by_what_came_alone(own_site: ServiceSite) -> None:
    own_site.issue("night-2026-11-22", run={"as_of": AS_OF})
    load_rows(own_site.site, "came", CAME, CAME_MAPPING)
    # A plan that is made once it is known what came is no plan.
    client = own_site.client("crisis_team")
    late = client.post(f"{SHIFT}/positions", json={"teams": 1, "use": True})
    assert (late.status_code, late.json()["detail"]) == (409, "this shift is over: no plan of it can be used any more")
    assert client.post(f"{SHIFT}/positions", json={"teams": 1}).json()["in_use"] is False
    assert client.put(f"{SHIFT}/plan", json={"plan": "P-1"}).status_code == 409
    body = review(own_site).json()
    assert (body["contacts"], body["plan"], body["stood"], body["travel"]) == (4, None, [], None)


@both
def test_a_quiet_night_is_reviewed_too(site: ServiceSite) -> None:
    load_rows(site.site, "came", CAME.split("n1,")[0] + CAME[CAME.index("n7,") :], CAME_MAPPING)
    body = review(site).json()
    assert body["contacts"] == 0
    assert body["stood"][0]["share"] == {"15": None, "30": None}
    page = site.client("crisis_team").get("/shifts/night-2026-11-22/review").text
    assert "no crisis contact is known so far. The range that was forecast is 1 to 4 (usual 2.4)." in page


def test_the_review_tells_by_place_where_the_list_was_right_and_takes_one_tap_of_feedback(site: ServiceSite) -> None:
    client = site.client("crisis_team")
    aside = {"kind": "suppress", "place_id": "place-03", "reason": "the match was moved"}
    assert client.post(f"{SHIFT}/adjustments", json=aside).status_code == 200
    load_rows(site.site, "came", CAME, CAME_MAPPING)
    told = [(one["place_id"], one["came"], one["listed"], one["outcome"]) for one in review(site).json()["places"]]
    assert told == [("place-01", 2, True, "hit"), ("place-02", 1, True, "hit"), ("place-03", 1, False, "miss")]
    client = site.client("crisis_team")
    page = client.get("/shifts/night-2026-11-22/review").text
    assert "4 crisis contacts are known, within the range that was forecast: 1 to 4 (usual 2.4)." in page
    assert (
        "Of the 2 places that were listed 2 had a contact. Of 4 contacts 3 came at these places and 1 elsewhere."
        in page
    )
    assert "Came, not listed" in page
    assert "Not all records of this shift are in yet.</strong> More contacts may become known." in page
    assert "<li>crisis-line calls, complete to" in page
    assert "n1" not in page.split("<main")[1]
    assert "How it went</a>" in client.get("/shifts/night-2026-11-22").text


def test_a_review_says_of_a_forecast_that_was_made_afterwards_that_it_proves_nothing(own_site: ServiceSite) -> None:
    let_answer_who_learned_until(
        own_site.site, "place", "2026-11-23T09:00:00+00:00", version=5, at="2026-11-23T09:00:00+00:00"
    )
    own_site.issue("night-2026-11-22", run={"as_of": AS_OF, "model_version": 5})
    load_rows(own_site.site, "came", CAME, CAME_MAPPING)
    assert FORECAST_AFTERWARDS in review(own_site).json()["caveats"]
    page = own_site.client("crisis_team").get("/shifts/night-2026-11-22/review").text
    assert page.count(FORECAST_AFTERWARDS) == 1


@both
def test_a_review_page_of_a_shift_that_is_not_over_says_when_to_come_back(site: ServiceSite) -> None:
    answer = site.client("crisis_team").get("/shifts/night-2026-11-22/review", headers={"Accept": "text/html"})
    assert (answer.status_code, "This shift is not over" in answer.text) == (409, True)
