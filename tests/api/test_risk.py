"""A score further: its history, the contacts behind its reasons, what changed as a sum, and worked out anew."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.lib.database import AS_OF, score_row
from tests.lib.explained_site import explained_site
from tests.lib.operational import copied
from tests.lib.service_site import CONFIGURATION, EVENTS_MAPPING, ServiceSite, load_rows, opened

from crisisrisk.commands.score import score
from crisisrisk.models.champions import champion
from crisisrisk.scoring.people import score_people
from crisisrisk.tables.store import Store

THEN = "2026-11-02T00:00:00Z"
NEW = "y1,2026-11-22 05:30:00,2026-11-22 06:00:00,crisis_line,cat\n"
HEADER = "id,at,known,source,person\n"
WAYS = ("risk", "risk?fresh=true", "risk/history", "risk/reasons", f"risk/changes?since={THEN}")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with two real models that answered one after the other, whose second has scored everybody."""
    site = explained_site(tmp_path_factory.mktemp("risk") / "site")
    score(site.site, as_of=None, out=None)
    site.engine.dispose()
    return site.site.path


@pytest.fixture(scope="module")
def scored(made: Path) -> ServiceSite:
    return opened(made)


@pytest.fixture
def own_scored(made: Path, tmp_path: Path) -> Iterator[ServiceSite]:
    site = opened(copied(made, tmp_path / "site"))
    yield site
    site.engine.dispose()


def told(site: ServiceSite, what: str, name: str = "cat"):  # type: ignore[no-untyped-def]
    return site.client("care", "north").get(f"/api/v1/people/{site.people[name]}/{what}")


# Changes


def test_what_changed_adds_up_to_the_movement(scored: ServiceSite) -> None:
    answer = told(scored, f"risk/changes?since={THEN}")
    body = answer.json()
    assert answer.status_code == 200, body
    assert {part["cause"] for part in body["parts"]} == {"new_contacts", "ageing", "model"}
    assert sum(part["points"] for part in body["parts"]) == body["points"]
    assert body["points"] == round(body["likely_in_100"]) - round(body["likely_in_100_then"])
    assert sum(part["log_odds"] for part in body["parts"]) == pytest.approx(body["log_odds"], abs=1e-12)
    assert body["probability"] == told(scored, "risk").json()["probability"]
    assert any(part["points"] for part in body["parts"])


def test_the_reasons_of_a_change_open_the_contacts_that_made_it(scored: ServiceSite) -> None:
    parts = {part["cause"]: part for part in told(scored, f"risk/changes?since={THEN}").json()["parts"]}
    opened_by = {one["event_id"] for reason in parts["new_contacts"]["reasons"] for one in reason["contacts"]}
    assert {"x4", "x5", "x6"} <= opened_by  # x6 occurred before, and became known after


@pytest.mark.parametrize("since", ["2026-11-22T06:00:00Z", "2027-01-01T00:00:00Z", "2025-01-01T00:00:00Z", "x", ""])
def test_a_date_that_nothing_can_be_compared_with_is_refused(scored: ServiceSite, since: str) -> None:
    assert told(scored, f"risk/changes?since={since}").status_code == 422


def test_before_there_was_a_score_nothing_is_compared(scored: ServiceSite) -> None:
    body = told(scored, "risk/changes?since=2026-10-01T00:00:00Z").json()
    assert (body["state_then"], body["parts"], body["points"], body["probability_then"]) == ("no_data", [], None, None)


def test_records_that_came_after_the_scoring_are_said_to_change_what_is_known_of_it(own_scored: ServiceSite) -> None:
    late = "".join(f"w{day},2026-11-{day} 10:00:00,2026-11-{day} 11:00:00,crisis_line,cat\n" for day in range(10, 20))
    load_rows(own_scored.site, "late", HEADER + late, EVENTS_MAPPING)
    body = told(own_scored, f"risk/changes?since={THEN}").json()
    assert any("came since the last scoring" in caveat for caveat in body["caveats"])
    assert sum(part["points"] for part in body["parts"]) == body["points"]


# Reasons


def test_reasons_are_those_of_the_score_with_their_dated_contacts(scored: ServiceSite) -> None:
    body, given = told(scored, "risk/reasons").json(), told(scored, "risk").json()
    reasons = [*body["up"], *body["down"], *body["not_known"]]
    assert sorted(one["text"] for one in reasons) == sorted(one["text"] for one in given["reasons"])
    assert {one["direction"] for one in body["up"]} == {"up"}
    assert [one["text"] for one in body["not_known"]] == ["age: not recorded"]
    for reason in reasons:
        assert [one["event_id"] for one in reason["contacts"]] == reason["events"]
    assert {one["event_id"] for one in body["up"][0]["contacts"]} <= {f"x{number}" for number in range(1, 7)}
    assert body["probability"] == given["probability"]


def test_detention_is_told_by_one_neutral_word_to_who_does_not_hold_it(own_scored: ServiceSite) -> None:
    declared = (
        '[source.s136]\nagency = "police"\nsingular = "section 136 detention"\nplural = "section 136 detentions"\n'
    )
    own_scored.configure(CONFIGURATION + declared)
    site = opened(own_scored.site.path)
    load_rows(site.site, "detained", HEADER + NEW.replace("crisis_line", "s136"), EVENTS_MAPPING)
    given = [
        {"direction": "up", "share": 0.4, "text": "1 section 136 detention in the last 28 days", "events": ["y1"]},
        {"direction": "up", "share": 0.2, "text": "days in detention", "events": ["y1"]},
        {"direction": "down", "share": 0.1, "text": "no s136 in the last 91 days", "events": []},
    ]
    now = {"as_of": AS_OF, "model_version": 6, "valid_until": AS_OF + timedelta(days=1)}
    site.score({**score_row(site.people["cat"]), "reasons": given}, **now)
    for what in WAYS:
        answer = told(site, what)
        if answer.status_code == 200:
            assert "136" not in answer.text, what
            assert "detention" not in answer.text, what
    body = told(site, "risk/reasons").json()
    assert [(one["text"], one["share"]) for one in body["up"]] == [("recent urgent contact", pytest.approx(0.6))]
    assert [one["source"] for one in body["up"][0]["contacts"]] == ["urgent_contact"]
    assert "136" not in site.client("care", "north").get("/api/v1/caseloads/north").text
    site.declare("roles.toml", '[care]\nmeaning = "care"\nreaches = ["own_people", "detentions"]\n')
    assert [one["text"] for one in told(site, "risk/reasons").json()["up"]] == [one["text"] for one in given[:2]]


# History


def test_on_the_page_the_parts_add_up_and_each_opens_its_contacts_with_the_way_to_say_that_one_is_wrong(
    scored: ServiceSite,
) -> None:
    body = told(scored, "risk/changes?since=2026-11-02T00:00:00Z").json()
    page = scored.client("care", "north").get(f"/people/{scored.people['cat']}?since=2026-11-02").text
    changed = page[page.index('id="changes-heading"') : page.index('id="contacts-heading"')]
    assert 'name="since" value="2026-11-02"' in changed
    points = [
        int(one.replace("\N{MINUS SIGN}", "-"))
        for one in re.findall(r"<li><strong>([+\N{MINUS SIGN}]\d+)</strong>", changed)
    ]
    assert sum(points) == body["points"] == body["likely_in_100"] - body["likely_in_100_then"]
    (part,) = [one for one in body["parts"] if one["cause"] == "new_contacts"]
    events = {one["event_id"] for reason in part["reasons"][:3] for one in reason["contacts"]}
    assert events
    assert events <= set(re.findall(rf"/people/{scored.people['cat']}/wrong\?event_id=(\w+)", changed))
    why = page[page.index('id="why-heading"') : page.index('id="changes-heading"')]
    assert "Pulling it down: why it is not higher" in why
    for reason in told(scored, "risk/reasons").json()["up"]:
        assert all(f"event_id={one['event_id']}" in why for one in reason["contacts"])
    soon = scored.client("care", "north").get(f"/people/{scored.people['cat']}?since=2026-11-30").text
    assert "Choose a day before 22 Nov 2026, at most 24 weeks before it." in soon


def test_a_history_has_the_last_score_of_each_day_and_marks_changes_of_model(own_scored: ServiceSite) -> None:
    site = own_scored
    for days, version, probability in ((200, 5, 0.9), (10, 5, 0.05), (3, 6, 0.1), (2, 6, 0.11)):
        as_of = AS_OF - timedelta(days=days)
        late = {"police_999": as_of, "crisis_line": as_of - timedelta(days=3)}
        site.score(score_row("cat", probability), as_of=as_of, model_version=version, data_complete_to=late)
    site.score(score_row("cat", None, "in_hospital"), as_of=AS_OF - timedelta(days=2, hours=1), model_version=6)
    body = told(site, "risk/history").json()
    numbers = [(one["likely_in_100"], one["model_version"], one["late"]) for one in body["scores"][:-1]]
    assert numbers == [(5, 5, ["crisis_line"]), (10, 6, ["crisis_line"]), (11, 6, ["crisis_line"])]
    assert body["scores"][-1]["probability"] == body["probability"]
    assert [(one["before"], one["after"]) for one in body["model_changes"]] == [(5, 6)]
    assert [one["event_id"] for one in body["contacts"]][:2] == ["x5", "x4"]
    assert "0.9" not in [str(one["probability"]) for one in body["scores"]]  # longer ago than 24 weeks


# The states, on every way


@pytest.mark.parametrize("what", WAYS[2:])
def test_without_a_current_score_nothing_of_before_is_told(own_site: ServiceSite, what: str) -> None:
    answer = told(own_site, what)
    assert (answer.status_code, answer.json()["state"]) == (422, "in_hospital")
    own_site.score(score_row("cat", 0.5), valid_until=AS_OF, made_at=AS_OF + timedelta(hours=1))
    answer = told(own_site, what)
    assert (answer.status_code, answer.json()["state"]) == (410, "expired")
    assert "0.5" not in answer.text


# Worked out anew


def test_a_fresh_score_is_that_of_a_scoring_of_everybody_to_the_bit(own_scored: ServiceSite) -> None:
    site, before = own_scored, told(own_scored, "risk").json()
    load_rows(site.site, "newest", HEADER + NEW, EVENTS_MAPPING)
    stored, fresh = told(site, "risk").json(), told(site, "risk?fresh=true").json()
    assert (stored["probability"], stored["fresh"], fresh["fresh"]) == (before["probability"], False, True)
    snapshot = Store(site.site).snapshot()
    everybody = score_people(champion(site.site.models, "person"), snapshot, site.site, as_of=snapshot.as_of_now())
    row = everybody.frame.set_index("person_id").loc[site.people["cat"]]
    assert [fresh[name] for name in ("probability", "lower", "upper")] == [row.probability, row.lower, row.upper]
    assert [one["text"] for one in fresh["reasons"]] == [one["text"] for one in row.reasons]
    assert fresh["probability"] != stored["probability"]
    assert (stored["as_of"], fresh["as_of"]) == ("2026-11-22T06:00:00Z", "2026-11-22T06:00:00.000001Z")
    assert fresh["reference"] == "live-20261122T060000Z"
    team = [person for person in everybody.frame["person_id"] if person in set(site.people.values())]
    asked = [one for one in team if one in {site.people[name] for name in ("ann", "ben", "cat", "dan", "eve", "back")}]
    body = site.client("care", "north").post("/api/v1/people/score", json={"people": asked}).json()
    numbers = {one["person_id"]: one["probability"] for one in body["people"]}
    assert numbers == {one: everybody.frame.set_index("person_id").probability[one] for one in numbers}
    assert len(numbers) + len(body["pinned"]) == len(asked) > 1


def test_without_a_model_that_is_good_nothing_is_worked_out(own_site: ServiceSite) -> None:
    for name in ("person_crisis_28d", "place_crisis_shift"):
        (own_site.site.models / name / "champion.json").unlink()
    answer = told(own_site, "risk?fresh=true", "ann")
    assert (answer.status_code, answer.json()["code"]) == (503, "CR-MODEL-004")


def test_no_more_are_worked_out_at_once_than_can_be(own_scored: ServiceSite) -> None:
    client = own_scored.client("care", "north")
    scoring = client.app.state.service.scoring  # type: ignore[attr-defined]
    while scoring.acquire(blocking=False):
        pass
    for what in ("risk?fresh=true", f"risk/changes?since={THEN}"):
        answer = client.get(f"/api/v1/people/{own_scored.people['cat']}/{what}")
        assert (answer.status_code, answer.json()["code"]) == (503, "CR-HTTP-503")
        assert "retry-after" in answer.headers
