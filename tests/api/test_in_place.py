"""What a script asks of a page in place: the same answer in fewer words, refused alike, and never where to sign in."""

import re
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import Engine, text
from tests.lib.database import AS_OF
from tests.lib.service_site import ServiceSite

from crisisrisk.database.audit_read import AuditFilter, audited_looks, shown
from crisisrisk.serving.app import create_app
from crisisrisk.serving.pages.page import POLICY
from crisisrisk.serving.settings import read_settings

NOTES, REVIEW = "/shifts/night-2026-11-22/notes", "/shifts/day-2026-11-20/review"
SITES = "/shifts/night-2026-11-22/sites"
IN_PLACE = {"HX-Request": "true"}


def held_as_pages_are(answer: Response) -> bool:
    """Whether an answer is no whole page, is kept by nobody, and may load no more than a page."""
    headers = answer.headers
    return (
        "<html" not in answer.text
        and "HX-Request" in headers["vary"]
        and headers["cache-control"] == "no-store"
        and headers["content-security-policy"] == POLICY
    )


def test_an_answer_about_a_person_is_put_beside_its_buttons_and_kept_as_a_look(own_site: ServiceSite) -> None:
    client, person = own_site.client("care", "north"), own_site.people["ben"]
    answer = client.post(f"/people/{person}/feedback", data={"verdict": "disagree"}, headers=IN_PLACE)
    assert (answer.status_code, held_as_pages_are(answer)) == (200, True)
    assert "<p>Your team: disagrees</p>" in answer.text
    assert "<p>Your team: disagrees</p>" in client.get("/caseload?tab=all").text, "the page says the same"
    assert person not in answer.text
    look = audited_looks(own_site.engine, AuditFilter(person_id=person), limit=2)[-1]
    assert look.action == "POST /people/{pid}/feedback"
    (kept,) = shown(own_site.engine, [look.number])
    assert kept.body == answer.content


def test_a_list_in_place_is_the_page_without_what_stands_round_it_and_the_same_look(own_site: ServiceSite) -> None:
    client, address = own_site.client("care", "north"), "/caseload?people=team&tab=all&sort=last_contact&limit=50"
    whole = client.get(address)
    part = client.get(address, headers={**IN_PLACE, "HX-Current-URL": "http://127.0.0.1/caseload"})
    assert (part.status_code, held_as_pages_are(part)) == (200, True)
    assert part.headers["hx-push-url"] == f"{address}#list-heading"
    ours, theirs = (
        re.search(r'<div id="caseload".*</template>\s*</div>', text, re.DOTALL) for text in (part.text, whole.text)
    )
    assert ours is not None
    assert theirs is not None
    assert ours[0] == theirs[0], "one template makes both"
    look, before = audited_looks(own_site.engine, AuditFilter(person_id=own_site.people["ben"]), limit=2)
    assert (look.action, look.purpose, look.people) == (before.action, before.purpose, before.people)
    assert (look.action, look.people) == ("GET /caseload", 6)
    (kept,) = shown(own_site.engine, [look.number])
    assert kept.body == part.content
    again = client.get(address, headers={**IN_PLACE, "HX-Current-URL": f"http://127.0.0.1{address}#list-heading"})
    assert "hx-push-url" not in again.headers, "the window has that address already"


def test_a_list_that_cannot_be_kept_is_not_given_in_place(own_site: ServiceSite) -> None:
    client = own_site.client("care", "north")
    assert client.get("/caseload", headers=IN_PLACE).status_code == 200
    with own_site.engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit RENAME TO audit_away"))
    refused = client.get("/caseload", headers=IN_PLACE)
    assert (refused.status_code, refused.headers["hx-retarget"]) == (503, "#refused")
    assert "hx-push-url" not in refused.headers
    assert own_site.people["ben"] not in refused.text


def test_a_snooze_of_a_row_is_kept_told_there_and_ended_there(own_site: ServiceSite) -> None:
    client, person = own_site.client("care", "north"), own_site.people["ben"]
    path, sent = f"/people/{person}/snoozes", {"until": "2026-12-06", "back": "people=team&tab=all"}
    wrong = client.post(path, data=sent, headers=IN_PLACE)
    assert (wrong.status_code, held_as_pages_are(wrong)) == (422, True)
    assert "hx-retarget" not in wrong.headers, "it goes into the row"
    assert '<option value="2026-12-06" selected>' in wrong.text
    late = client.post(path, data={**sent, "until": "2027-12-06", "reason": "Visited."}, headers=IN_PLACE)
    assert (late.status_code, "Choose a day after today" in late.text) == (422, True)
    kept = client.post(path, data={**sent, "reason": "Visited."}, headers=IN_PLACE)
    assert (kept.status_code, held_as_pages_are(kept)) == (200, True)
    assert "Snoozed until 6 Dec 2026." in kept.text
    assert "snoozed until 6 Dec 2026" in client.get("/caseload?tab=snoozed").text, "the page says the same"
    undo = re.search(r'hx-post="([^"]+/end)"', kept.text)
    assert undo is not None
    assert undo[0] in client.get("/caseload?tab=snoozed").text, "it is ended from the list too"
    ended = client.post(undo[1], data={"back": sent["back"]}, headers=IN_PLACE)
    assert f'href="/people/{person}?list=people%3Dteam%26tab%3Dall#snooze"' in ended.text
    assert audited_looks(own_site.engine, AuditFilter(person_id=person), limit=1)[0].action == (
        "POST /people/{pid}/snoozes/{number}/end"
    )
    assert "Nobody is snoozed." in client.get("/caseload?tab=snoozed").text


def test_notes_and_verdicts_of_a_shift_are_answered_in_part_with_what_is_said_aloud(own_site: ServiceSite) -> None:
    own_site.issue("night-2026-11-22", run={"as_of": AS_OF})
    own_site.issue("day-2026-11-20", start=AS_OF - timedelta(hours=46), run={"as_of": AS_OF - timedelta(hours=50)})
    client = own_site.client("crisis_team")
    noted = client.post(NOTES, data={"kind": "note", "reason": "the fair moved"}, headers=IN_PLACE)
    assert held_as_pages_are(noted)
    whole, part = (re.search(r'<div class="cr-live" id="notes".*</div>', text, re.DOTALL)
                   for text in (client.get(f"{NOTES}?said=note").text, noted.text))  # fmt: skip
    assert whole is not None
    assert part is not None
    assert part[0] == whole[0].split("</main>")[0].rstrip().replace(' role="status"', ""), "one template makes both"
    assert '<div id="announced" hx-swap-oob="innerHTML">It is kept, and stands' in noted.text
    wrong = client.post(NOTES, data={"kind": "note", "reason": ""}, headers=IN_PLACE)
    assert (wrong.status_code, held_as_pages_are(wrong)) == (422, True)
    assert re.search(r'id="announced" hx-swap-oob="innerHTML">Say it in a few words', wrong.text)
    verdict = client.post(REVIEW, data={"verdict": "useful", "place_id": "place-02"}, headers=IN_PLACE)
    assert held_as_pages_are(verdict)
    (line,) = re.findall(r"<p>Said [^<]*: useful</p>", verdict.text)
    assert line in client.get(REVIEW).text


@pytest.mark.parametrize(
    ("path", "data", "role", "status"),
    [
        (NOTES, {"kind": "note", "reason": "the fair moved"}, "care", 403),
        ("/shifts/nothing/notes", {"kind": "note", "reason": "the fair moved"}, "crisis_team", 404),
        ("/shifts/day-2026-11-20/notes", {"kind": "note", "reason": "the fair moved"}, "crisis_team", 409),
        (REVIEW, {"verdict": "splendid"}, "crisis_team", 422),
        ("/people/{sue}/feedback", {"verdict": "agree"}, "care", 404),
        ("/people/{cat}/feedback", {"verdict": "agree"}, "care", 422),
        ("/people/{ben}/feedback", {"verdict": "perhaps"}, "care", 422),
        ("/people/{ben}/feedback", {"verdict": "x" * 70_000}, "care", 413),
    ],
)  # fmt: skip
def test_what_is_refused_goes_above_the_page_with_the_same_words(
    own_site: ServiceSite, path: str, data: dict[str, str], role: str, status: int
) -> None:
    own_site.issue("night-2026-11-22", run={"as_of": AS_OF})
    own_site.issue("day-2026-11-20", start=AS_OF - timedelta(hours=46), run={"as_of": AS_OF - timedelta(hours=50)})
    client = own_site.client(role, "north" if role == "care" else None)
    refused = client.post(path.format(**own_site.people), data=data, headers=IN_PLACE)
    assert (refused.status_code, held_as_pages_are(refused)) == (status, True), refused.text
    assert refused.headers["hx-retarget"] == "#refused"
    assert 'role="alert"' in refused.text
    assert re.search(r"<p>Code CR-[A-Z]+-\d+", refused.text)
    for name in ("ben", "sue", "cat"):
        assert own_site.people[name] not in refused.text


def test_a_database_that_fails_is_told_in_place_and_nothing_is_kept(own_site: ServiceSite) -> None:
    client = own_site.client("care", "north")
    _make_unwritable(own_site.engine)
    sent = {"verdict": "agree"}
    refused = client.post(f"/people/{own_site.people['ben']}/feedback", data=sent, headers=IN_PLACE)
    assert (refused.status_code, refused.headers["hx-retarget"]) == (503, "#refused")
    assert held_as_pages_are(refused)
    assert "<h2" in refused.text
    assert "There is no answer now" in refused.text


def _make_unwritable(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE feedback RENAME TO feedback_away"))


@pytest.mark.parametrize(
    ("at", "back"),
    [
        ("http://127.0.0.1/caseload?people=team&tab=all", "?next=/caseload%3Fpeople%3Dteam%26tab%3Dall"),
        ("http://127.0.0.1/people/{ben}", ""), ("http://127.0.0.1//evil.example/x", ""), ("", ""),
    ],
)  # fmt: skip
def test_who_is_not_signed_in_any_more_is_led_whole_to_where_to_sign_in(
    own_site: ServiceSite, at: str, back: str
) -> None:
    browser = TestClient(create_app(read_settings(own_site.site, {})), base_url="http://127.0.0.1",
                         client=("127.0.0.1", 50_000), follow_redirects=False)  # fmt: skip
    headers = {**IN_PLACE, "HX-Current-URL": at.format(**own_site.people)}
    path = f"/people/{own_site.people['ben']}/feedback"
    asked = browser.get(NOTES, headers=headers)
    assert (asked.status_code, asked.headers["hx-redirect"], asked.content) == (401, f"/sign-in{back}", b"")
    assert "HX-Request" in asked.headers["vary"]
    sent = browser.post(path, data={"verdict": "agree"}, headers=headers)
    assert (sent.status_code, sent.headers["hx-retarget"]) == (401, "#refused"), "what was written stays on the page"
    assert "hx-redirect" not in sent.headers
    assert f'<a href="/sign-in{back}">sign in again</a>' in sent.text
    assert browser.get(NOTES).status_code == 303, "a page asked for whole is led there as before"


def test_a_form_without_its_token_is_refused_in_place_too(own_site: ServiceSite) -> None:
    browser = TestClient(create_app(read_settings(own_site.site, {})), base_url="http://127.0.0.1",
                         client=("127.0.0.1", 50_000), follow_redirects=False)  # fmt: skip
    browser.post("/sign-in", data={"key": own_site.key("care", "north")})
    path = f"/people/{own_site.people['ben']}/feedback"
    refused = browser.post(path, data={"verdict": "agree"}, headers=IN_PLACE)
    assert (refused.status_code, refused.headers["hx-retarget"]) == (403, "#refused")
    token = re.search(r'name="form_token" value="(\w+)"', browser.get("/caseload?tab=all").text)
    assert token is not None
    kept = browser.post(path, data={"verdict": "agree", "form_token": token[1]}, headers=IN_PLACE)
    assert kept.status_code == 200
    assert len(browser.get(f"/api/v1{path}").json()["feedback"]) == 1
