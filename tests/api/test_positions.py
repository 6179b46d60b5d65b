"""Plans over HTTP: made from the stored forecast, kept, and changed with a reason."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.lib.database import AS_OF
from tests.lib.running_service import running_service
from tests.lib.service_site import ServiceSite

from crisisrisk.database.plans import plans_of

SHIFT = "night-2026-11-22"
POSITIONS = f"/api/v1/shifts/{SHIFT}/positions"
# Within four minutes the southern base reaches the first place, the northern one the third, and neither the second.
NEAR = {"teams": [{"name": "A", "base": "base-north"}], "target_minutes": 4}


@pytest.fixture
def site(own_site: ServiceSite) -> ServiceSite:
    """A site whose forecast of the night says how counts scatter."""
    own_site.issue(SHIFT, run={"as_of": AS_OF})
    return own_site


def ask(site: ServiceSite, body: Any = None, path: str = POSITIONS) -> Any:
    return site.client("crisis_team").post(path, json={"teams": 2} if body is None else body)


def test_a_plan_is_made_from_the_stored_forecast_and_says_everything_about_itself(site: ServiceSite) -> None:
    answer = ask(site, NEAR)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["plan"] == [
        {"team": "A", "site_id": "base-south", "site_name": "base-south", "from": "2026-11-22T22:00:00Z",
         "to": "2026-11-23T08:00:00Z"}
    ]  # fmt: skip
    best, usual = body["plans"]
    assert (best["name"], best["at"], usual["name"], usual["at"]) == (
        "covers most", ["base-south"], "as usual", ["base-north"],
    )  # fmt: skip
    # Most contacts come on nights on which the team is away more than in the mean.
    away = best["busy"][0]
    assert 1.3 * (1 - away["busiest_tenth"]) < best["covered"]["4"] < 1.3 * (1 - away["mean"])
    assert body["expected_coverage"] == pytest.approx(best["covered"]["4"] / (1.3 + 0.65 + 1.3 / 3))
    assert best["gain"] == pytest.approx(best["covered"]["4"] - usual["covered"]["4"])
    assert (best["optimal"], best["worst_area"]) == (True, "Place 2")
    assert best["loses"] == {"A": pytest.approx(best["gain"])}
    assert [one["away"] for one in best["if_called_away"]] == ["A"]
    assert {one["change"] for one in body["marginal"]} == {"one more team", "one more hour", "A back to its base"}
    assert [(one["site"], one["from"], one["to"]) for one in body["near"]["A"]] == [
        ("safety", "2026-11-22T22:00:00Z", "2026-11-23T08:00:00Z"),
        ("cafe", "2026-11-22T22:00:00Z", "2026-11-23T02:00:00Z"),  # it closes at two
    ]
    assert [one["site_name"] for one in body["near"]["A"]] == ["safety", "Holgate café"]
    cafe = next(one for one in body["taken"] if one["team"] is None and one["kind"] == "crisis_cafe")
    assert 0 < cafe["share"] < 1
    assert body["near"]["A"][0]["phone"] == "01632 960 010"
    assert body["travel"].startswith("straight line × 1.35")
    assert (body["as_of"], body["valid_until"]) == ("2026-11-22T06:00:00Z", "2026-11-23T06:00:00Z")
    assert body["data_complete_to"] == {"police_999": "2026-11-22T05:58:00Z"}
    assert (body["model"]["name"], body["model"]["version"]) == ("place_crisis_shift", 4)
    assert body["caveats"][-1] == "Live calls come first. A place not listed is not therefore safe."
    assert any("not reassurance" in caveat for caveat in body["caveats"])


def test_a_plan_is_kept_with_what_was_asked_and_by_whom(site: ServiceSite) -> None:
    body = ask(site, NEAR).json()
    [kept] = plans_of(site.engine, SHIFT)
    assert (body["reference"], body["forecast"]) == (f"P-{kept.number}", f"S-{kept.run}")
    assert (kept.role, kept.made_at, kept.made_by) == ("crisis_team", AS_OF, site.key("crisis_team").split("_")[1])
    assert kept.asked["teams"] == [{"name": "A", "base": "base-north"}]
    assert (kept.asked["target_minutes"], kept.asked["least_gain"]) == (4, 0.1)
    assert [(post.team, post.site_id, post.start) for post in kept.posts] == [
        ("A", "base-south", AS_OF + timedelta(hours=16))
    ]
    assert [plan["covered"] for plan in kept.answer["plans"]] == [plan["covered"] for plan in body["plans"]]
    ask(site)
    assert len(plans_of(site.engine, SHIFT)) == 2


def of_shift(site: ServiceSite, part: str) -> Any:
    return site.client("crisis_team").get(f"/api/v1/shifts/{SHIFT}/{part}").json()


def test_a_question_is_no_plan_of_the_shift_until_somebody_uses_it(site: ServiceSite) -> None:
    client = site.client("crisis_team")
    tried = ask(site, {"teams": 3}).json()
    assert (tried["in_use"], of_shift(site, "briefing")["plan"]) == (False, None)
    assert "No plan was chosen for this shift." in of_shift(site, "briefing")["caveats"]
    used = ask(site, {**NEAR, "use": True}).json()
    ask(site, {"teams": 2})
    assert (used["in_use"], of_shift(site, "briefing")["plan"]["reference"]) == (True, used["reference"])
    chosen = client.put(f"/api/v1/shifts/{SHIFT}/plan", json={"plan": tried["reference"]})
    assert (chosen.status_code, chosen.json()["in_use"], chosen.json()["plan"]) == (200, True, tried["plan"])
    assert of_shift(site, "briefing")["plan"]["reference"] == tried["reference"]
    assert [one.asked["use"] for one in plans_of(site.engine, SHIFT)] == [False, True, False]


def test_a_change_is_of_the_plan_in_use_or_makes_the_one_that_it_names_so(site: ServiceSite) -> None:
    client, path = site.client("crisis_team"), f"/api/v1/shifts/{SHIFT}/adjustments"
    tried = ask(site, NEAR).json()["reference"]
    change = {"kind": "positions", "posts": [{"team": "A", "site_id": "point-far"}], "reason": "the fair"}
    none = client.post(path, json=change)
    assert (none.status_code, none.json()["detail"]) == (404, "no plan was chosen for this shift")
    assert tried in none.json()["hint"]
    assert client.post(path, json={**change, "plan": tried}).status_code == 200
    told = of_shift(site, "briefing")["plan"]
    assert (told["reference"], told["posts"][0]["site_id"]) == (tried, "point-far")
    # Used again as it was made, the change counts no more; it stays kept.
    client.put(f"/api/v1/shifts/{SHIFT}/plan", json={"plan": tried})
    told = of_shift(site, "briefing")["plan"]
    assert (told["changed"], told["posts"][0]["site_id"]) == (None, "base-south")


def test_the_second_of_plans_that_were_made_at_once_can_be_used_by_itself(site: ServiceSite) -> None:
    client, path = site.client("crisis_team"), f"/api/v1/shifts/{SHIFT}/plan"
    made = ask(site, {**NEAR, "use": True}).json()
    first, second = made["plans"][:2]
    assert first["at"] != second["at"]
    assert client.put(path, json={"plan": made["reference"], "which": 2}).status_code == 200
    told = of_shift(site, "briefing")["plan"]
    assert [post["site_id"] for post in told["posts"]] == second["at"]
    assert told["changed"]["reason"] == f"the second plan was chosen: {second['name']}"
    page = client.get(f"/api/v1/shifts/{SHIFT}/briefing?f=text").text
    said = " ".join(page.split())
    covers, before = (f"about {100 * one['share']['4']:.0f} in 100" for one in (second, first))
    assert f"The second plan, chosen Sun 06:00 by the coordinator: {covers} of all contacts expected" in said
    assert f"(the first: {before})." in said
    client.put(path, json={"plan": made["reference"]})
    assert of_shift(site, "briefing")["plan"]["changed"] is None
    for which, status in ((len(made["plans"]) + 1, 422), (0, 422), (4, 422)):
        assert client.put(path, json={"plan": made["reference"], "which": which}).status_code == status


@pytest.mark.parametrize(("plan", "status"), [("P-9", 404), ("12", 422), (None, 422)])
def test_a_plan_that_is_none_of_the_shift_cannot_be_used(site: ServiceSite, plan: str | None, status: int) -> None:
    ask(site)
    assert site.client("crisis_team").put(f"/api/v1/shifts/{SHIFT}/plan", json={"plan": plan}).status_code == status
    assert of_shift(site, "briefing")["plan"] is None


def test_what_plans_like_it_reached_in_the_sites_own_replay_stands_beside_the_coverage(site: ServiceSite) -> None:
    assert ask(site).json()["realised"] is None
    said = {"from": "2026-09-01", "to": "2026-11-14", "shifts": 74, "teams": {"night": 2}, "target_minutes": 15.0,
            "plans": {"forecast": {"covered_15": 0.574, "covered_30": 0.851}}}  # fmt: skip
    site.site.reports.mkdir(exist_ok=True)
    (site.site.reports / "replay-0a1b2c3d.json").write_text(json.dumps(said))
    body = ask(site).json()
    assert body["realised"] == {
        "from": "2026-09-01", "to": "2026-11-14", "shifts": 74, "teams": 2, "share": {"15": 0.574, "30": 0.851},
    }  # fmt: skip
    assert body["coverage_said"].startswith("told with caution")
    page = site.client("crisis_team").get(f"/shifts/{SHIFT}/positions").text
    assert "from 1 Sep 2026 to 14 Nov 2026, with 2 teams all alike, plans like these reached about 57 in 100" in page


def test_nobody_stands_at_or_is_taken_to_a_site_that_is_full_that_night(site: ServiceSite) -> None:
    client = site.client("crisis_team")
    for name, span in (("base-south", {"from": "2026-11-23T07:00:00Z"}), ("safety", {"until": "2026-11-22T22:30:00Z"})):
        said = {"state": "closed", "reason": "a burst pipe", **span}
        assert client.put(f"/api/v1/sites/{name}/status", json=said).status_code == 200
    client.put("/api/v1/sites/base-north/status", json={"state": "full", "reason": "until the night begins",
                                                        "until": "2026-11-22T22:00:00Z"})  # fmt: skip
    body = ask(site, NEAR).json()
    assert [post["site_id"] for post in body["plan"]] == ["base-north"]
    assert all("base-south" not in plan["at"] for plan in body["plans"])
    # A place that is shut for half an hour takes people after it; nobody stands at a base that is shut for a part.
    near = {one["site"]: (one["from"], one["to"]) for one in body["near"]["A"]}
    assert near["safety"] == ("2026-11-22T22:30:00Z", "2026-11-23T08:00:00Z")
    assert "cafe" in near
    assert [(one["site_id"], one["state"], one["reason"]) for one in body["left_out"]] == [
        ("base-south", "closed", "a burst pipe"), ("safety", "closed", "a burst pipe"),
    ]  # fmt: skip
    client.put("/api/v1/sites/base-south/status", json={"state": "open"})
    assert [post["site_id"] for post in ask(site, NEAR).json()["plan"]] == ["base-south"]


def test_sites_that_are_named_in_the_question_are_left_out_too(site: ServiceSite) -> None:
    body = ask(site, {**NEAR, "full": ["base-south"]}).json()
    assert ([post["site_id"] for post in body["plan"]], body["left_out"]) == (["base-north"], [])


def test_a_shift_without_a_forecast_has_no_plan(site: ServiceSite) -> None:
    for shift in ("day-2026-11-22", "nothing", "%00"):
        answer = ask(site, path=f"/api/v1/shifts/{shift}/positions")
        assert (answer.status_code, answer.json()["detail"]) == (404, "no forecast was made for this shift")


def test_a_forecast_that_does_not_say_how_counts_scatter_has_no_plan(own_site: ServiceSite) -> None:
    answer = ask(own_site)
    assert (answer.status_code, answer.json()["code"]) == (503, "CR-DATA-003")
    assert answer.json()["detail"] == "the forecast does not say how counts scatter"
    assert plans_of(own_site.engine, SHIFT) == []


def test_a_plan_of_an_outdated_forecast_and_of_a_shift_that_is_over_says_so(site: ServiceSite) -> None:
    site.issue(SHIFT, run={"as_of": AS_OF, "valid_until": AS_OF})
    assert any("was to be replaced by" in caveat for caveat in ask(site).json()["caveats"])
    before = AS_OF - timedelta(days=2)
    site.issue("night-2026-11-20", run={"as_of": before}, start=before + timedelta(hours=16))
    said = ask(site, path="/api/v1/shifts/night-2026-11-20/positions").json()["caveats"]
    assert any("This shift is over" in caveat for caveat in said)


WRONG: dict[str, Any] = {
    "no team": {"teams": 0}, "too many": {"teams": 21}, "an empty list": {"teams": []}, "a text": {"teams": "two"},
    "half a team": {"teams": 1.5}, "not a target": {"target_minutes": 0}, "no number": {"target_minutes": "NaN"},
    "a gain below 0": {"least_gain": -1}, "a floor below 0": {"floors": {"country": -1}}, "too long": {"seconds": 60},
    "three periods": {"periods": 3}, "an unknown key": {"team": 2},
    "an unknown key of a team": {"teams": [{"nme": "A"}]},
    "a team without a name": {"teams": [{"base": "base-north"}]}, "an impossible time": {"teams": [{"name": "A",
    "starts": "25:00", "ends": "26:00"}]}, "a person": {"full": ["943 476 5919"]}, "a zero byte": {"full": ["a\u0000"]},
}  # fmt: skip


def test_another_aim_is_planned_and_kept_as_asked(site: ServiceSite) -> None:
    body = ask(site, {"teams": 1, "model": "p-median"}).json()
    assert body["plans"][0]["name"] == "is nearest on average"
    assert body["plans"][0]["reason"].endswith("minutes away on average, were it free")
    assert body["plans"][1]["name"] == "as usual"
    [kept] = plans_of(site.engine, "night-2026-11-22")
    assert kept.asked["model"] == "p-median"


def test_what_is_wrong_with_teams_is_said_of_the_form_that_came(site: ServiceSite) -> None:
    for teams, where in ((0, "teams.number"), ("two", "teams.number"), ([], "teams.each"), ([{}], "teams.each.0.name")):
        [problem] = ask(site, {"teams": teams}).json()["problems"]
        assert problem["where"] == where, teams


@pytest.mark.parametrize("name", list(WRONG))
def test_a_question_that_makes_no_sense_is_refused_and_nothing_is_kept(site: ServiceSite, name: str) -> None:
    answer = ask(site, {"teams": 2, **WRONG[name]})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["problems"]
    assert "943" not in answer.text
    assert plans_of(site.engine, SHIFT) == []


IMPOSSIBLE: dict[str, tuple[Any, str]] = {
    "an unknown base": ({"teams": [{"name": "A", "base": "nowhere"}]}, 'there is no site "nowhere" to stand at'),
    "an unknown full site": ({"teams": 1, "full": ["nowhere"]}, 'there is no site "nowhere" to be full'),
    "an unknown group": ({"teams": 1, "floors": {"poets": 1}}, 'no cells are known to be "poets"'),
    "two of a name": ({"teams": [{"name": "A"}, {"name": "A"}]}, 'two mobile teams are called "A"'),
    "nobody on duty": ({}, "nobody says which teams are on duty"),
    "nowhere to stand": ({"teams": 1, "full": ["base-north", "base-south", "point-far"]},
                         "no site where a team can stand is open all shift"),
    "nobody who works then": ({"teams": [{"name": "A", "starts": "12:00", "ends": "13:00"}]},
                              "there is no team to place"),
    "half a shift": ({"teams": [{"name": "A", "starts": "23:00"}]}, 'the mobile team "A" cannot be'),
}  # fmt: skip


@pytest.mark.parametrize("name", list(IMPOSSIBLE))
def test_what_cannot_be_planned_is_said_with_its_code(site: ServiceSite, name: str) -> None:
    body, problem = IMPOSSIBLE[name]
    answer = ask(site, body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    said = answer.json()
    assert (said["code"], said["detail"]) == ("CR-PLAN-001", problem)
    assert said.get("wanted") or said.get("hint") or said.get("found")
    assert plans_of(site.engine, SHIFT) == []


def test_only_a_few_plans_are_made_at_once(site: ServiceSite) -> None:
    client = site.client("crisis_team")
    service = client.app.state.service
    held = []
    while service.planning.acquire(blocking=False):
        held.append(1)
    answer = client.post(POSITIONS, json={"teams": 1})
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "CR-HTTP-503", "5")
    assert client.get(f"/api/v1/shifts/{SHIFT}/hotspots").status_code == 200
    for _ in held:
        service.planning.release()
    assert client.post(POSITIONS, json={"teams": 1}).status_code == 200
    assert client.post(POSITIONS, json={"teams": 1, "floors": {"poets": 1}}).status_code == 422
    assert client.post(POSITIONS, json={"teams": 1}).status_code == 200  # what failed gave its place back


def test_a_night_from_a_full_site_to_the_page_over_real_http(site: ServiceSite, tmp_path: Path) -> None:
    headers = {"Authorization": f"Bearer {site.key('crisis_team')}"}
    with running_service(site.site.path, tmp_path / "log") as running, httpx.Client(
        base_url=f"http://127.0.0.1:{running.port}", headers=headers, timeout=60
    ) as client:  # fmt: skip
        until = "2026-11-23T08:00:00Z"
        full = client.put(
            "/api/v1/sites/base-south/status", json={"state": "full", "reason": "a flood", "until": until}
        )
        plan = client.post(POSITIONS, json={**NEAR, "use": True})
        assert (full.status_code, plan.status_code) == (200, 200), plan.text
        assert [post["site_id"] for post in plan.json()["plan"]] == ["base-north"]
        changed = {"kind": "positions", "posts": [{"team": "A", "site_id": "point-far"}], "reason": "a closed road"}
        assert client.post(f"/api/v1/shifts/{SHIFT}/adjustments", json=changed).status_code == 200
        page = client.get(f"/api/v1/shifts/{SHIFT}/briefing?f=text").text
        assert "Far Lane car park" in page
        assert "base-south, full from" in page
        assert client.get(f"/api/v1/shifts/{SHIFT}/review").status_code == 409
        wrong = client.post(POSITIONS, content=b"{", headers={"Content-Type": "application/json"})
        assert (wrong.status_code, wrong.headers["content-type"]) == (422, "application/problem+json")
        assert running.stop() == 0
    log = (tmp_path / "log").read_text()
    assert "/api/v1/shifts/{id}/positions" in log
    assert "a closed road" not in log
