"""What pages say beyond what a browser shows of a usual night."""

import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from fastapi.testclient import TestClient
from tests.lib.database import AS_OF, place_run, score_row, totals
from tests.lib.many_places import CITY_CELLS, forecast_of_many
from tests.lib.operational import copied
from tests.lib.reading import grade, in_one, text_of
from tests.lib.service_site import (
    CASELOADS_MAPPING,
    CONFIGURATION,
    EVENTS_MAPPING,
    SERVICE,
    SITES,
    SITES_MAPPING,
    ServiceSite,
    load_rows,
    opened,
    with_workers,
)
from tests.lib.table_sites import NHS_NUMBERS
from tests.lib.weighing import loaded_by, loaded_once_moved

from crisisrisk.database.audit_read import shown
from crisisrisk.database.scores import save_place_forecast

SHIFT = "/shifts/night-2026-11-22"


@pytest.mark.parametrize("path", [SHIFT, f"{SHIFT}/places/place-01"])
def test_agencies_that_are_late_are_named_in_words_by_the_clock_on_the_wall(own_site: ServiceSite, path: str) -> None:
    silent = {"police_999": AS_OF - timedelta(hours=3), "crisis_line": AS_OF - timedelta(days=3)}
    own_site.issue("night-2026-11-22", run={"as_of": AS_OF, "data_complete_to": silent})
    text = own_site.client("crisis_team").get(path).text
    assert "Silent for too long, and what they have seen since is not in this forecast:" in text
    assert "crisis-line calls (since Thu 19 Nov 06:00)" in text
    assert "999 calls (since" not in text
    assert "late: " not in text, "it is said once"


def test_a_program_is_told_what_is_wrong_as_programs_read_it_and_a_browser_as_a_page(shared_site: ServiceSite) -> None:
    client = shared_site.client("crisis_team")
    for accept, kind in (("*/*", "application/problem+json"), ("text/html,*/*;q=0.8", "text/html; charset=utf-8")):
        answer = client.get("/shifts/nothing", headers={"Accept": accept})
        assert (answer.status_code, answer.headers["content-type"]) == (404, kind)
    told = client.get("/api/v1/shifts/nothing", headers={"Accept": "text/html"})
    assert told.headers["content-type"] == "application/problem+json", "the API has one form"


def test_a_role_sees_on_a_page_what_it_is_told_over_http(own_site: ServiceSite) -> None:
    own_site.issue("night-2026-11-22", run={"as_of": AS_OF})
    for role, released in (("crisis_team", False), ("data", True)):
        client = own_site.client(role)
        told = client.get(f"/api/v1{SHIFT}/hotspots").json()
        page = client.get(SHIFT).text
        assert told["released"] is released
        for place in told["places"]:
            assert place["place_name"] in page
            assert all(reason["text"] in page for reason in place["reasons"][:2])
        assert ("6 triage calls" in page) is not released


@pytest.mark.parametrize("role", ["crisis_team", "data"])
def test_the_board_leads_to_tonight_by_one_link_and_to_the_shifts_beside_it(own_site: ServiceSite, role: str) -> None:
    starts = {"night-2026-11-21": -8, "day-2026-11-22": 2, "night-2026-11-22": 16, "day-2026-11-23": 26}
    for shift, hours in starts.items():
        own_site.issue(shift, start=AS_OF + timedelta(hours=hours), run={"as_of": AS_OF})
    client = own_site.client(role)
    tonight, day = "Tonight: night, Sun 22 Nov 22:00", "day, Sun 22 Nov 08:00"
    wanted = {
        "next": [f"Later: {day}", tonight],
        "night-2026-11-21": [f"Later: {day}", tonight],
        "day-2026-11-22": ["Now: night, Sat 21 Nov 22:00", tonight],
        "night-2026-11-22": [f"Earlier: {day}", "Later: day, Mon 23 Nov 08:00"],
        "day-2026-11-23": [tonight],
    }
    for shift, links in wanted.items():
        head = client.get(f"/shifts/{shift}").text.partition('<nav class="cr-steps"')[2].partition("</nav>")[0]
        assert re.findall(r">([^<>]+)</a>", head) == links, shift


def test_what_a_print_of_the_live_board_says_is_of_what_may_leave_it(own_site: ServiceSite) -> None:
    # Whole numbers of the board that no release has, and those made for release.
    own_site.issue("night-2026-11-22", run={"as_of": AS_OF}, lower=7, upper=11, released_lower=5, released_upper=15)
    live = own_site.client("crisis_team").get(SHIFT).text
    paper, _, board = live.partition('<div class="cr-live">')
    paper = paper.partition('<div class="cr-on-paper">')[2]
    assert "7 to 11 crisis contacts" in board
    assert "Sunday 22 Nov 22:00 to Monday 08:00 is likely to be about as busy as usual: 5 to 15 " in paper
    assert "Sun 22 Nov 2026, 22:00 to Mon 23 Nov 2026, 08:00" in paper
    assert "For staff of this shift." in paper
    assert "Reference S-2." in in_one(paper)
    assert "/shifts/night-2026-11-22/print" in paper
    assert not re.search(r"Tonight|Place \d|7 to 11|triage", paper)
    released = own_site.client("data").get(SHIFT).text
    assert "cr-live" not in released, "what is released is itself for paper"
    assert "5 to 15 crisis contacts" in released


# Pages about people


def page_of(client: TestClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_a_care_team_reads_on_the_list_what_it_is_told_over_http(own_site: ServiceSite) -> None:
    client, week = own_site.client("care", "north"), AS_OF - timedelta(weeks=1)
    begun = page_of(client, "/caseload?tab=all&limit=50")
    assert "Nobody on this list had a number a week ago, so no change is told." in begun
    assert "New: no number a week ago" not in begun, "it is said once"
    assert "The model changed" not in begun
    own_site.score(score_row("ann", 0.1), as_of=week, made_at=week, model_version=3)
    told = client.get("/api/v1/caseloads/north?tab=all&limit=50").json()
    page = page_of(client, "/caseload?tab=all&limit=50")
    for person in told["people"]:
        assert person["person_id"] in page
        assert f"<strong>{person['likely_in_100']} in 100</strong>" in page
    assert "Up from 10 on 15 Nov" in page
    assert "became known since: 1 × 999 call" in page
    assert "New: no number a week ago" in page
    assert "Nobody on this list had a number a week ago" not in page
    assert "The model changed since the numbers of a week ago." in page
    assert 'href="/models">What the change means</a>' in page
    assert page.index("In hospital as far as is known") < page.index("Most likely first."), (
        "whoever has none stands above"
    )


def test_more_of_a_list_is_offered_only_where_the_list_has_more(own_site: ServiceSite) -> None:
    with_workers(own_site)
    client = own_site.client("care", "north")
    names = [one["person_id"] for one in client.get("/api/v1/caseloads/north?tab=all&limit=50").json()["people"]]
    client.post(f"/api/v1/people/{names[0]}/reviews", json={"decision": "no_change"})
    lists = ["tab=all", "tab=review_due", "tab=snoozed", "tab=new_or_changed", "tab=all&only=no_worker"]
    for chosen in lists:
        told = client.get(f"/api/v1/caseloads/north?{chosen}&limit=50").json()
        assert told["people_on_list"] == len(told["people"]), chosen
        for limit in range(1, len(names) + 1):
            shown = client.get(f"/api/v1/caseloads/north?{chosen}&limit={limit}").json()
            more = f"The first {len(shown['people'])} of {told['people_on_list']} stand here."
            page = page_of(client, f"/caseload?{chosen}&limit={limit}")
            assert ("Show more" in page, more in page) == (len(shown["people"]) < len(told["people"]),) * 2, chosen
            assert shown["people_on_list"] == told["people_on_list"]
    lengths = {len(client.get(f"/api/v1/caseloads/north?{one}&limit=50").json()["people"]) for one in lists}
    assert len(lengths) > 2, "lists of several lengths were tried"


def test_no_more_is_offered_than_a_list_may_have(own_site: ServiceSite) -> None:
    own_site.declare("service.toml", f"{SERVICE}\n[limits]\nlist_length = 2\n")
    page = page_of(own_site.client("care", "north"), "/caseload?tab=all&limit=2")
    assert "The first 2 of 3 stand here." in page
    assert "Show more" not in page
    begun = page_of(own_site.client("care", "north"), "/caseload?tab=all&limit=1")
    assert 'href="/caseload?people=team&amp;tab=all&amp;limit=2#list-heading">Show more</a>' in begun


def test_the_line_at_the_capacity_is_drawn_in_the_whole_list_alone_and_named(
    shared_site: ServiceSite,
) -> None:
    client = shared_site.client("care", "north")
    whole = page_of(client, "/caseload?tab=all&limit=50")
    people = [
        whole.index(f'<th scope="row"><a href="/people/{shared_site.people[name]}') for name in ("ben", "ann", "dan")
    ]
    line = whole.index("Up to here the team can review in a week: 2 people.")
    assert people[1] < line < people[2]
    assert "This is the team&#39;s capacity, not a safety line." in whole
    assert "Up to here" not in page_of(client, "/caseload?tab=review_due&limit=50")


OWN_LIST = '<a id="whose-mine" href="/caseload?people=mine" aria-current="page">My people</a>'


def test_a_coordinator_opens_on_their_own_people_and_switches_to_the_team(own_site: ServiceSite) -> None:
    with_workers(own_site)
    client = own_site.client("care", "north", worker="w_1")
    mine = page_of(client, "/caseload")
    assert "Your people in North" in mine
    assert OWN_LIST in mine
    assert "3 people of the team have no care coordinator, and are on nobody's own list." in text_of(mine)
    rows = re.findall(r'<th scope="row"><a href="/people/(\w+)[?"]', mine)
    assert rows == [own_site.people["ann"]]
    assert "in hospital" in mine, "cat is theirs, and without a number"
    assert own_site.people["dan"] not in mine
    team = page_of(client, "/caseload?people=team&tab=all&limit=50")
    assert "The people of North" in team
    for told in ("Care coordinator w_1", "Care coordinator w_2", "No care coordinator"):
        assert f'<span class="cr-worker">{told}</span>' in team
    alone = page_of(client, "/caseload?people=team&tab=all&only=no_worker")
    assert re.findall(r'<th scope="row"><a href="/people/(\w+)[?"]', alone) == [own_site.people["dan"]]
    assert "w_1" not in "".join(re.findall(r'(?:href|value|action)="[^"]*"', team + mine)), "no address names anybody"


def test_who_is_no_coordinator_sees_the_team_at_once_and_who_has_nobody_is_told(own_site: ServiceSite) -> None:
    with_workers(own_site)
    for path in ("/caseload", "/caseload?people=mine"):
        page = page_of(own_site.client("care", "north"), path)
        assert "The people of North" in page
        assert "My people" not in page
    nobody = page_of(own_site.client("care", "north", worker="w_9"), "/caseload")
    assert "Nobody on the caseload of North is recorded as yours." in nobody
    assert '<a hx-boost="true" href="/caseload?people=team">See the whole team</a>' in nobody


def test_the_address_holds_what_is_shown_and_every_form_leads_back_to_it(own_site: ServiceSite) -> None:
    client = own_site.client("care", "north")
    path = "/caseload?people=team&tab=all&sort=last_contact&only=contact_in_7_days"
    page = page_of(client, path)
    assert '<option value="last_contact" selected>' in page
    assert '<option value="contact_in_7_days" selected>' in page
    assert "Only some of this list: a contact in the last 7 days." in page
    assert "Latest contact first, not by the number." in page
    assert "Up to here" not in page
    assert 'href="/caseload?people=team&amp;sort=last_contact&amp;only=contact_in_7_days#list-heading">New or' in page
    backs = set(re.findall(r'name="back" value="([^"]*)"', page))
    assert backs == {"people=team&amp;tab=all&amp;sort=last_contact&amp;only=contact_in_7_days"}
    back = backs.pop().replace("&amp;", "&")
    person = own_site.people["ben"]
    for form, data in {f"/people/{person}/feedback": {"verdict": "agree"}, "/caseload/seen": {},
                       "/caseload/capacity": {"people_a_week": "3", "reason": "One more of us."}}.items():  # fmt: skip
        sent = client.post(form, data={**data, "back": back}, follow_redirects=False)
        assert sent.headers["location"].startswith(f"{path}&said=")
    elsewhere = client.post("/caseload/seen", data={"back": "https://example.org/?tab=x"}, follow_redirects=False)
    assert elsewhere.headers["location"] == "/caseload?said=seen"
    empty = page_of(client, "/caseload?sort=&only=&tab=review_due")
    assert '<option value="likely"' not in empty, "what is due has no order by the number"
    assert "The longest without a review first, not by the number." in empty


def test_from_somebodys_page_one_comes_back_to_the_list_as_it_was(own_site: ServiceSite) -> None:
    with_workers(own_site)
    client, dan = own_site.client("care", "north", worker="w_1"), own_site.people["dan"]
    asked = "people=team&tab=all&sort=last_contact&limit=50"
    kept = f"?list={quote_plus(asked)}"
    page = page_of(client, f"/caseload?{asked}")
    assert page.count(f'href="/people/{dan}{kept}') == 2, "the name, and Snooze"
    assert f'href="/people/{own_site.people["cat"]}{kept}"' in page, "who comes first"
    assert f'<tr id="{dan}">' in page
    path, back = f"/people/{dan}", f'href="/caseload?{asked}#{dan}"'.replace("&", "&amp;")
    person = page_of(client, f"{path}{kept}")
    assert back in person
    forms = re.findall(r"<form (?!method=\"post\" action=\"/sign-out).*?</form>", person, re.S)
    assert all(f'name="list" value="{asked.replace("&", "&amp;")}"' in form for form in forms)
    assert f'href="{path}/share{kept}"' in person
    sent = client.post(f"{path}/reviews", data={"decision": "contact", "words": "He asked.", "list": asked})
    assert sent.url.query.decode() == f"{kept[1:]}&said=decision"
    assert back in sent.text
    refused = client.post(f"{path}/snoozes", data={"until": "2026-11-30", "reason": "", "list": asked})
    assert refused.status_code == 422
    assert back in refused.text
    for nothing in ("", "?list=", "?list=https://example.org/", "?list=tab%3Dx"):
        assert f'href="/caseload#{dan}"' in page_of(client, f"{path}{nothing}")
    usual = page_of(client, "/caseload")
    assert f'href="/people/{own_site.people["ann"]}">' in usual
    assert "list=" not in usual, "the usual list needs no keeping"


def test_what_is_new_to_whom_looks_and_the_age_of_a_plan_stand_on_the_list(own_site: ServiceSite) -> None:
    own_site.configure(
        CONFIGURATION + '[source.mh_plan]\nagency = "police"\nsingular = "crisis plan"\nplural = "crisis plans"\n'
    )
    site = opened(own_site.site.path)
    rows = "id,at,known,source,person,code\np1,2026-07-01 10:00:00,2026-07-02 10:00:00,mh_plan,ben,CRISIS\n"
    load_rows(site.site, "plan", rows, EVENTS_MAPPING.replace('{ constant = "call" }', '"code"'))
    client = site.client("care", "north")
    page = page_of(client, "/caseload?tab=all&limit=50")
    assert "Crisis plan 4 months old" in page
    assert "No crisis plan" in page
    assert "You have not said yet that you looked through a list" in page
    client.post("/caseload/seen")
    seen = page_of(client, "/caseload?tab=all&limit=50")
    assert "You last said that you had looked through a list on Sun 22 Nov 06:00." in seen
    assert "new since you last looked</span>" not in seen
    later = "id,at,known,source,person\ne9,2026-11-22 05:30:00,2026-11-22 06:00:01,police_999,dan\n"
    load_rows(site.site, "new", later, EVENTS_MAPPING)
    site.score(score_row("ann", 0.182), score_row("dan", 0.004), score_row("ben", 0.41),
                      as_of=AS_OF + timedelta(seconds=1), made_at=AS_OF + timedelta(seconds=1))  # fmt: skip
    assert page_of(client, "/caseload?tab=all&limit=50").count("new since you last looked</span>") == 1


def test_agencies_that_are_late_are_among_what_is_not_known_of_somebody(own_site: ServiceSite) -> None:
    silent = {"police_999": AS_OF - timedelta(minutes=2), "crisis_line": AS_OF - timedelta(days=3)}
    missing = [
        {"direction": "not_known", "share": 0.0, "text": text, "events": []}
        for text in ("crisis-line calls since 19 Nov: the feed is late", "age: not recorded")
    ]
    own_site.score(score_row("ann", 0.2, reasons=missing), as_of=AS_OF, data_complete_to=silent)
    whole = page_of(own_site.client("care", "north"), f"/people/{own_site.people['ann']}")
    page = text_of(whole)
    not_known = page.partition("Not known")[2].partition("What changed")[0]
    assert "Crisis-line calls since Thu 19 Nov 06:00: late" in not_known
    assert "Age: not recorded" in not_known
    assert "the feed is late" not in whole, "it is said once, in the text for the notes too"
    assert "Not known: age: not recorded." in whole
    assert "Nothing that the number asks for is missing" not in page


def test_without_a_number_a_page_says_why_and_shows_the_last_contacts(own_site: ServiceSite) -> None:
    rows = "id,at,known,source,person\ne9,2026-11-20 22:00:00,2026-11-20 23:00:00,police_999,cat\n"
    load_rows(own_site.site, "late", rows, EVENTS_MAPPING)
    page = page_of(own_site.client("care", "north"), f"/people/{own_site.people['cat']}")
    assert "In hospital as far as is known" in page
    assert "This says nothing about how the person is." in page
    assert "Fri 20 Nov 2026, 22:00: 999 call" in page
    assert "in 100 people" not in page


def test_where_no_model_answers_what_is_known_of_a_person_is_shown_all_the_same(own_site: ServiceSite) -> None:
    shutil.rmtree(own_site.site.models / "person_crisis_28d")
    client = own_site.client("care", "north")
    page = page_of(client, f"/people/{own_site.people['ann']}")
    assert "The model that gives numbers does not answer now" in page
    assert "Sun 22 Nov 2026, 05:00: 999 call" in page
    told = client.get("/caseload", headers={"Accept": "text/html"})
    assert told.headers["content-type"].startswith("text/html")


def test_switched_off_and_others_people_are_told_as_the_api_tells_them(own_site: ServiceSite) -> None:
    client = own_site.client("care", "north")
    missing = client.get("/people/k1_0000000000000000")
    assert client.get(f"/people/{own_site.people['sue']}").content == missing.content
    assert missing.status_code == 404
    own_site.declare("service.toml", "docs_page = true\n")
    client = own_site.client("care", "north")
    off = client.get("/caseload", headers={"Accept": "text/html"})
    assert off.status_code == client.get("/api/v1/caseloads/north").status_code
    assert "CR-PERSON-001" in off.text


def test_an_answer_is_asked_for_again_after_a_week_and_names_what_was_said(own_site: ServiceSite) -> None:
    path = f"/people/{own_site.people['ben']}"
    client = own_site.client("care", "north")
    sent = client.post(f"{path}/feedback", data={"verdict": "disagree", "back": "tab=all"}, follow_redirects=False)
    assert (sent.status_code, sent.headers["location"]) == (303, "/caseload?tab=all&said=answer")
    assert "A week later" not in page_of(client, path)
    rows = "id,at,known,source,person\ne9,2026-11-28 22:00:00,2026-11-29 07:00:00,police_999,ann\n"
    load_rows(own_site.site, "later", rows, EVENTS_MAPPING)
    asked = page_of(client, path)
    assert "A week later: how do you see it now?" in asked
    assert "On 22 Nov 2026 your team said: I disagree." in asked
    number = re.search(r'name="follows" value="(\d+)"', asked)
    assert number is not None
    client.post(f"{path}/feedback", data={"verdict": "agree", "follows": number[1]})
    assert "A week later: how" not in page_of(client, path)


@pytest.mark.parametrize("form", ["feedback", "reviews", "snoozes"])
def test_words_with_an_nhs_number_are_refused_beside_the_field_and_kept_nowhere(
    own_site: ServiceSite, form: str
) -> None:
    words = f"Rang about {NHS_NUMBERS[0]}."
    given = {"verdict": "agree", "decision": "contact", "until": "2026-11-30", "words": words, "reason": words}
    fields = {"feedback": ("verdict", "words"), "reviews": ("decision", "words"), "snoozes": ("until", "reason")}[form]
    path = f"/people/{own_site.people['ann']}/{form}"
    client = own_site.client("care", "north")
    answer = client.post(path, data={name: given[name] for name in fields})
    assert answer.status_code == 422
    assert "This names somebody. Say it without names and NHS numbers" in answer.text
    told = client.get(f"/api/v1{path}").json()
    assert next(value for name, value in told.items() if name != "person_id") == []


@pytest.mark.parametrize(
    ("role", "path", "told"),
    [
        (
            "crisis_team",
            "/caseload",
            "This page is not for your role. Whoever runs this site says what each role may see.",
        ),
        ("crisis_team", "/shifts/nothing/positions", "No forecast was made for this shift.</p>"),
        ("crisis_team", "/nothing", "There is no such address."),
        ("care", "/caseload?tab=x", "Part of this address cannot be used (tab). Open the page from the menu above."),
        (
            "care",
            "/people/{nobody}",
            "There is nothing at this address, or it is not for you to see. Somebody who is not with your team now is "
            "not shown here.",
        ),
    ],
)
def test_a_page_that_is_refused_says_what_to_do_and_nothing_of_keys_and_files(
    shared_site: ServiceSite, role: str, path: str, told: str
) -> None:
    client = shared_site.client(role, "north" if role == "care" else None)
    text = client.get(path.format(**shared_site.people), headers={"Accept": "text/html"}).text
    assert told in text
    assert "this key" not in text.lower()
    assert not any(named in text for named in (".toml", "docs/", "/api/"))


def test_the_team_sees_who_looked_by_role_and_never_by_which_key(own_site: ServiceSite) -> None:
    path = f"/people/{own_site.people['ann']}"
    own_site.client("lead", "north").get(path)
    client = own_site.client("care", "north")
    client.get("/caseload")
    own_site.client("care", "south").get(path)  # refused: it saw nothing
    page = page_of(client, path)
    assert "lead, North, for the care of a person by their own team: 1 look" in page
    assert "care, North, for the care of a person by their own team: 1 look, in a list" in page
    assert "south" not in page
    assert all(key.split("_")[1] not in page for key in own_site.keys.values())


def test_a_detention_is_named_on_pages_to_nobody_who_does_not_hold_them(own_site: ServiceSite) -> None:
    own_site.configure(
        CONFIGURATION + '[source.s136]\nagency = "police"\nsingular = "section 136 detention"\nplural = "s136"\n'
    )
    site = opened(own_site.site.path)
    rows = "id,at,known,source,person\ne9,2026-11-22 02:00:00,2026-11-22 03:00:00,s136,dan\n"
    load_rows(site.site, "night", rows, EVENTS_MAPPING)
    client = site.client("care", "north")
    for path in ("/caseload", f"/people/{site.people['dan']}", f"/people/{site.people['dan']}/share?number=true"):
        page = page_of(client, path)
        assert "urgent contact" in page, path
        assert re.search(r"s136|section 136|detention", page) is None, path


def test_the_sheet_to_share_names_nobody_and_has_a_number_only_where_asked_for(
    shared_site: ServiceSite,
) -> None:
    path = f"/people/{shared_site.people['ann']}/share"
    client = shared_site.client("care", "north")
    without, whole = page_of(client, path), page_of(client, f"{path}?number=true")
    assert "in 100" not in without
    prose = "".join(re.findall(r"(?s)<p>.*?</p>", without[without.index("<article") :]))
    assert grade(text_of(prose)) < 6, "read at eleven"
    with pytest.raises(ValueError, match="nothing to read"):
        grade("36")
    assert grade("The multidisciplinary formulation necessitates longitudinal reconsideration.") > 20
    assert "About 18 in 100 people with a history like yours" in whole
    article = whole[whole.index("<article") : whole.index("</article>")]
    assert shared_site.people["ann"] not in article
    assert "999 calls" in article


def test_the_caller_is_found_on_a_page_that_never_repeats_the_number(own_site: ServiceSite) -> None:
    caller, stranger = NHS_NUMBERS[:2]
    rows = f"person,team,from,known,to\n{caller},north,2026-01-01,2026-01-01,\n"
    load_rows(own_site.site, "callers", rows, CASELOADS_MAPPING.replace("study_id", "nhs_number"))
    client = own_site.client("triage_clinician")
    for number, status in ((stranger, 404), ("123", 422), (caller, 200)):
        answer = client.post("/caller", data={"nhs_number": number, "reason": "rang at 22:40"})
        assert answer.status_code == status
        assert number not in answer.text
    person = re.search(r"/caller/(k1_\w+)", answer.text)
    assert person is not None
    assert "<strong>North</strong>" in answer.text
    assert client.get(f"/caller/{person[1]}").status_code == 200
    own_site.keys.clear()
    assert own_site.client("triage_clinician").get(f"/caller/{person[1]}").status_code == 404


def test_a_page_is_compressed_for_who_takes_that_and_kept_as_it_is_read(own_site: ServiceSite) -> None:
    client, path = own_site.client("care", "north"), f"/people/{own_site.people['ann']}"
    plain = client.get(path, headers={"Accept-Encoding": "gzip;q=0, br"})
    assert "content-encoding" not in plain.headers
    answer = client.get(path, headers={"Accept-Encoding": "br, gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["vary"]
    assert int(answer.headers["content-length"]) < len(answer.content) / 3
    assert "content-encoding" not in client.get(f"/api/v1{path}/risk").headers
    (kept,) = shown(own_site.engine, [2])
    assert kept.body == answer.content


MOST_BYTES = 120_000


def sent(client: TestClient, path: str) -> int:
    """Bytes of an answer as they go over the wire, with the most that is added to hide how well it was compressed."""
    with client.stream("GET", path, headers={"Accept": "text/html", "Accept-Encoding": "gzip"}) as answer:
        assert answer.status_code == 200, path
        return sum(len(part) for part in answer.iter_raw()) + 64


def test_a_board_of_a_whole_city_is_light_even_with_every_place_listed_and_the_map_moved(own_site: ServiceSite) -> None:
    before, start = "night-2026-11-21", AS_OF - timedelta(hours=8)
    for shift, begins in ((before, start), ("night-2026-11-22", None)):
        saved = forecast_of_many(shift, start=begins)
        save_place_forecast(own_site.engine, saved, place_run(as_of=AS_OF), totals=totals(shift, start=begins))
    client = own_site.client("crisis_team")
    for path in (SHIFT, f"{SHIFT}?all=true"):
        page = client.get(path, headers={"Accept": "text/html"}).text
        assert page.count("<title>") == CITY_CELLS + 1, "each place is drawn, and the page has a title"
        loaded = loaded_by(page, lambda path: client.get(path).text)
        once_moved = loaded_once_moved(page)
        assert len(loaded) >= 4
        assert {one.rpartition("/")[2] for one in once_moved} == {"leaflet.js", "leaflet.css"}
        assert not once_moved & loaded
        assert sum(sent(client, one) for one in {path, *loaded, *once_moved}) < MOST_BYTES, path


STAND = f"{SHIFT}/positions"
FULL_CAFE = {"site_id": "cafe", "site-state": "full", "site-reason": "a party"}
ONE_TEAM = {"name-1": "A", "base-1": "base-north", "target_minutes": "4", "staff-1": "2"}


def test_plans_are_made_by_a_form_and_told_whole(own_site: ServiceSite) -> None:
    own_site.issue("night-2026-11-22", run={"as_of": AS_OF})
    client = own_site.client("crisis_team")
    assert "Make plans" in client.get(STAND).text
    made = client.post(STAND, data={**ONE_TEAM, "fixed-1": "yes", "use": "yes"}, follow_redirects=False)
    assert (made.status_code, made.headers["location"]) == (303, f"{STAND}?said=plan")
    told = client.get(STAND).text
    assert "As usual: about" in told
    assert "If A is called away: nobody else need move." in told
    assert "within 4 minutes" in told
    assert "<p>Told with caution: every team counts as away equally often" in told
    # The café is named for the hours of the shift in which it is open.
    near = r"<li>A at base-north: place of safety safety \d min 01632 960 010; Holgate café \d min only 22:00–02:00 "
    assert re.search(f"{near}01632 960 009</li>", told)
    assert 'name="name-1" autocomplete="off" value="A"' in told, "the next plan begins with the same teams"


def test_plans_that_are_only_looked_at_are_used_by_a_button(own_site: ServiceSite) -> None:
    own_site.issue("night-2026-11-22", run={"as_of": AS_OF})
    client = own_site.client("crisis_team")
    tried = client.post(STAND, data={**ONE_TEAM, "use": ""}, follow_redirects=False)
    assert (tried.status_code, tried.headers["location"]) == (303, f"{STAND}?plan=P-1&said=tried")
    told = client.get(f"{STAND}?plan=P-1&said=tried").text
    assert "A plan that is not used" in told
    assert "No plan has been chosen for this shift." in told
    assert "No plan was chosen for this shift." in client.get(SHIFT).text
    assert client.post(f"{STAND}/use", data={"plan": "P-1"}, follow_redirects=False).status_code == 303
    assert "The plan of this shift" in client.get(STAND).text
    client.post(STAND, data={**ONE_TEAM, "base-1": "point-far", "fixed-1": "yes"})
    told = client.get(f"{STAND}?plan=P-2").text
    assert "It was only asked for. The board and the briefing have plan <a href" in told
    assert "P-1, Sun 22 Nov 06:00</a> (used)" in in_one(told)
    assert "base-south" in client.get(SHIFT).text
    # Of plans that were made at once another than the first can be used too.
    assert "Use the second plan" in client.get(f"{STAND}?plan=P-1").text
    client.post(f"{STAND}/use", data={"plan": "P-1", "which": "2"})
    assert "The first covers most; you chose the second." in client.get(STAND).text
    assert "Second plan, chosen by the coordinator: as usual" in client.get(SHIFT).text
    assert client.post(f"{STAND}/use", data={"plan": "P-1", "which": "9"}).status_code == 404
    # A change is a decision; following the plan again takes it back.
    post = {"team-1": "A", "site-1": "base-north", "plan": "P-2", "change-reason": "the fair"}
    assert "Follow the plan again" in client.post(f"{STAND}/change", data=post).text
    client.post(f"{STAND}/use", data={"plan": "P-2"})
    assert "Follow the plan again" not in client.get(STAND).text
    assert [client.post(f"{STAND}/use", data={"plan": plan}).status_code for plan in ("P-3", "", "x")] == [404] * 3
    assert client.get(f"{STAND}?plan=P-3").status_code == 404


def test_a_change_of_a_plan_is_kept_with_its_reason_and_what_it_covers(own_site: ServiceSite) -> None:
    own_site.issue("night-2026-11-22", run={"as_of": AS_OF})
    client = own_site.client("crisis_team")
    client.post(STAND, data={**ONE_TEAM, "use": "yes"})
    post = {"team-1": "A", "site-1": "point-far", "from-1": "23:00", "to-1": "02:30"}
    assert "Say why in a few words" in client.post(f"{STAND}/change", data=post).text
    late = client.post(f"{STAND}/change", data={**post, "to-1": "12:00", "change-reason": "the fair"})
    assert (late.status_code, "Write a time within the shift" in late.text) == (422, True)
    kept = client.post(f"{STAND}/change", data={**post, "change-reason": "the fair"}).text
    assert "Your change is kept, reference A-1" in in_one(kept)
    assert "A is on duty from Sun 22 Nov 22:00 to Sun 22 Nov 23:00 and stands nowhere then." in kept
    brief = client.get(f"/api/v1{SHIFT}/briefing").json()["plan"]
    assert brief["changed"]["reason"] == "the fair"
    assert brief["posts"] == [
        {
            "team": "A",
            "site_id": "point-far",
            "site_name": "Far Lane car park",
            "from": "2026-11-22T23:00:00Z",
            "to": "2026-11-23T02:30:00Z",
        }
    ]


def asks(page: str) -> bool:
    """Whether a page asks for a new plan."""
    return re.search("Plan again|: plan again", page) is not None


def test_a_plan_of_before_a_site_closed_says_so_beside_the_team_and_above_and_leads_to_a_new_one(
    own_site: ServiceSite,
) -> None:
    own_site.issue("night-2026-11-22", run={"as_of": AS_OF})
    client = own_site.client("crisis_team")
    client.post(STAND, data={**ONE_TEAM, "use": "yes"})
    row = '<td>base-south<strong class="cr-tag">Closed from 23:00 until 02:00: plan again</strong></td>'
    until = "from Sun 22 Nov 23:00 until Mon 23 Nov 02:00: no power"
    above = f"A stands at <strong>base-south, which is closed</strong> {until}"
    on_paper = (
        "A team stands at a site that is full or closed, as marked here. Plan again on the board: "
        "/shifts/night-2026-11-22/positions."
    )

    def told() -> list[str]:
        return [client.get(path).text for path in (STAND, SHIFT, f"{SHIFT}/print")]

    assert not any(map(asks, told()))
    shut = {"site_id": "base-south", "site-state": "closed", "site-reason": "no power", "site-from": "23:00"}
    client.post(f"{SHIFT}/sites", data={**shut, "site-until": "02:00"})
    plans, board, paper = told()
    for text, way in ((plans, ""), (board, STAND)):
        assert (text.count(row), text.count(above)) == (1, 1)
        assert f'<a href="{way}#ask-heading">Make new plans</a>' in text
    assert plans.index(above) < plans.index('<h3 class="nhsuk-heading-s">1. ') < plans.index(row)
    assert 'id="ask-heading"' in plans
    assert f"<p><strong>{on_paper}</strong></p>" in paper
    assert ">base-south – closed 23:00–02:00</td>" in paper
    assert paper.count("plan again") == 0, "it is said once, where teams are"
    # A new plan stands nobody there, and one who does so all the same is told of it.
    client.post(STAND, data={**ONE_TEAM, "use": "yes"})
    assert not any(map(asks, told()))
    moved = {"team-1": "A", "site-1": "base-south", "from-1": "22:00", "to-1": "08:00", "change-reason": "the fair"}
    client.post(f"{STAND}/change", data=moved)
    assert [above in text for text in told()[:2]] == [True, True]
    # It is no more to be said once the site is open again, or the team has left it.
    client.post(f"{STAND}/change", data={**moved, "to-1": "22:30"})
    assert not any(map(asks, told()))


def test_of_a_shift_that_is_over_nothing_is_offered_that_is_refused(own_site: ServiceSite) -> None:
    own_site.issue("day-2026-11-20", start=AS_OF - timedelta(hours=46), run={"as_of": AS_OF - timedelta(hours=50)})
    client, over = own_site.client("crisis_team"), "/shifts/day-2026-11-20/positions"
    refused = ("Make plans and use the first", "Use this plan", "Use the second plan", "Keep this change", "Say so")
    assert client.post(over, data={**ONE_TEAM, "use": "yes"}).status_code == 409
    assert not any(words in client.get(over).text for words in refused)
    tried = client.post(over, data={**ONE_TEAM, "use": ""}).text  # what plans would have covered can be asked
    assert "A plan that is not used" in tried
    assert ("2. As usual" in tried, "Make plans and only look" in tried) == (True, True)
    assert not any(words in tried for words in refused)
    assert "Nobody has said that a site is full or closed." in tried


def test_what_a_site_was_while_the_night_went_by_asks_for_no_new_plan(own_site: ServiceSite) -> None:
    own_site.issue("night-2026-11-22", run={"as_of": AS_OF})
    client = own_site.client("crisis_team")
    client.post(STAND, data={**ONE_TEAM, "use": "yes"})
    shut = {"site_id": "base-south", "site-state": "closed", "site-reason": "no power", "site-until": "02:00"}
    client.post(f"{SHIFT}/sites", data=shut)
    assert asks(client.get(STAND).text)
    at_three = "id,at,known,source,person\nz1,2026-11-23 03:00:00,2026-11-23 03:00:00,police_999,\n"
    load_rows(own_site.site, "at-three", at_three, EVENTS_MAPPING)  # the site's clock stands at its newest record
    later = own_site.client("crisis_team")
    assert "base-south is closed" in later.get(STAND).text
    assert not any(asks(later.get(path).text) for path in (STAND, SHIFT, f"{SHIFT}/print"))


def test_a_site_is_full_for_the_shift_and_open_again(own_site: ServiceSite) -> None:
    own_site.issue("night-2026-11-22", run={"as_of": AS_OF})
    client = own_site.client("crisis_team")
    said = {"site_id": "base-south", "site-state": "closed", "site-reason": "no power"}
    assert client.post(f"{SHIFT}/sites", data=said, follow_redirects=False).status_code == 303
    assert (
        "base-south is closed</strong> from Sun 22 Nov 22:00 until Mon 23 Nov 08:00: no power" in client.get(STAND).text
    )
    status = client.get("/api/v1/sites/base-south/status").json()["status"]
    assert (status["from"], status["until"]) == ("2026-11-22T22:00:00Z", "2026-11-23T08:00:00Z")
    client.post(f"{SHIFT}/sites", data={"site_id": "base-south", "site-state": "open"})
    assert "Nobody has said that a site is full or closed." in client.get(STAND).text


def test_a_site_is_told_by_its_name_and_chosen_by_it(own_site: ServiceSite) -> None:
    own_site.issue("night-2026-11-22", run={"as_of": AS_OF})
    client, far = own_site.client("crisis_team"), "Far Lane car park"
    twin = f"{SITES}far-2,far lane car park,standby_point,52.71,-1.89,,,1,\n"
    assert client.post(STAND, data={**ONE_TEAM, "use": "yes"}, follow_redirects=False).status_code == 303
    post = {"team-1": "A", "site-1": "point-far", "from-1": "22:00", "to-1": "08:00", "change-reason": "the fair"}
    page = client.post(f"{STAND}/change", data=post).text
    assert f'<option value="point-far" selected>{far} (standby point)</option>' in page
    assert '<option value="cafe">Holgate café</option>' in page, "its name tells its kind"
    assert '<option value="base-south">base-south (base)</option>' in page, "nobody gave it a name"
    client.post(f"{SHIFT}/sites", data={"site_id": "point-far", "site-state": "full", "site-reason": "the fair"})
    told = [client.get(STAND).text, client.get(SHIFT).text, client.get(f"/api/v1{SHIFT}/briefing?f=html").text]
    assert all(far in text and "point-far" not in re.sub(r"<option[^>]*>|selected", "", text) for text in told)
    load_rows(own_site.site, "sites", twin, SITES_MAPPING)
    assert f"<strong>{far} (point-far) is full</strong>" in client.get(STAND).text, "another is called the same now"


def test_a_site_is_full_from_a_time_within_the_shift(own_site: ServiceSite) -> None:
    own_site.issue("night-2026-11-22", run={"as_of": AS_OF})
    client = own_site.client("crisis_team")
    said = {
        "site_id": "cafe",
        "site-state": "full",
        "site-reason": "a party",
        "site-from": "23:30",
        "site-until": "1:00",
    }
    assert client.post(f"{SHIFT}/sites", data=said, follow_redirects=False).status_code == 303
    told = "Holgate café is full</strong> from Sun 22 Nov 23:30 until Mon 23 Nov 01:00: a party"
    assert told in client.get(STAND).text
    assert told in client.get(SHIFT).text
    status = client.get("/api/v1/sites/cafe/status").json()["status"]
    assert (status["from"], status["until"]) == ("2026-11-22T23:30:00Z", "2026-11-23T01:00:00Z")


@pytest.mark.parametrize(
    ("path", "form", "wanted"),
    [
        (STAND, {**ONE_TEAM, "target_minutes": "soon"}, "Write within how many minutes"),
        (STAND, {**ONE_TEAM, "starts-1": "ten"}, "Write both times as 22:00"),
        (STAND, {**ONE_TEAM, "floor": "x"}, "Leave this empty, or write a number from 1 to 100"),
        (STAND, {**ONE_TEAM, "name-2": "A"}, "two mobile teams are called"),
        (STAND, {**ONE_TEAM, "base-1": "nowhere"}, "nowhere"),
        (STAND, {"target_minutes": "15"}, "nobody says which teams are on duty"),
        (
            f"{STAND}/change",
            {"team-1": "A", "site-1": "base-north", "change-reason": "the fair"},
            "o plan was made for this shift",
        ),
        (f"{SHIFT}/sites", {"site_id": "nowhere"}, "Choose a site from the list"),
        (f"{SHIFT}/sites", {"site_id": "cafe", "site-state": "full"}, "Say why in a few words"),
        (f"{SHIFT}/sites", {"site_id": "cafe", "site-state": "lost"}, "Choose full, closed or open again"),
        (f"{SHIFT}/sites", {**FULL_CAFE, "site-from": "21:59"}, "Write a time within the shift, such as 23:30"),
        (f"{SHIFT}/sites", {**FULL_CAFE, "site-from": "later"}, "Write a time within the shift, such as 23:30"),
        (
            f"{SHIFT}/sites",
            {**FULL_CAFE, "site-from": "02:00", "site-until": "01:30"},
            "Write a time before the one until which it holds",
        ),
        (f"{SHIFT}/sites", {**FULL_CAFE, "site-from": "02:00", "site-until": "02:00"}, "Write a time before the one"),
        (f"{SHIFT}/sites", {**FULL_CAFE, "site-until": "22:00"}, "Write a time within the shift"),
        (
            f"{SHIFT}/sites",
            {**FULL_CAFE, "site-state": "open", "site-from": "23:00"},
            "Leave this empty: a site is open again from now",
        ),
    ],
)
def test_what_is_wrong_about_a_form_is_said_on_it(
    shift_without_plan: ServiceSite, path: str, form: dict[str, str], wanted: str
) -> None:
    answer = shift_without_plan.client("crisis_team").post(path, data=form, headers={"Accept": "text/html"})
    assert answer.status_code in (404, 422)
    assert wanted in answer.text


@pytest.fixture(scope="module")
def shift_without_plan(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceSite]:
    """A site with a forecast that nobody planned on; nothing of these tests changes it."""
    made = opened(copied(pristine, tmp_path_factory.mktemp("forms") / "site"))
    made.issue("night-2026-11-22", run={"as_of": AS_OF})
    yield made
    made.engine.dispose()


def test_tiles_are_for_who_may_see_places_and_what_is_wrong_with_them_is_said(own_site: ServiceSite) -> None:
    said = (own_site.site.path / "serving" / "service.toml").read_text()
    own_site.declare("service.toml", f'{said}[map]\ntiles = "tiles"\n')
    missing = own_site.client("crisis_team")
    assert missing.get("/map/tiles/0/0/0").status_code == 404
    assert missing.get("/readyz").json()["parts"]["map"].startswith("degraded: the tiles of the map cannot be used")
    (own_site.site.path / "tiles" / "0" / "0").mkdir(parents=True)
    (own_site.site.path / "tiles" / "0" / "0" / "0.png").write_bytes(b"a picture")
    client = own_site.client("crisis_team")
    tile = client.get("/map/tiles/0/0/0")
    assert (tile.content, tile.headers["content-type"]) == (b"a picture", "image/png")
    assert tile.headers["cache-control"] == "private, max-age=86400"
    assert [client.get(f"/map/tiles/{at}").status_code for at in ("0/1/0", "0/0/1", "1/0/0", "23/0/0", "0/0/x")] == [
        404, 404, 404, 422, 422
    ]  # fmt: skip
    assert "map" not in client.get("/readyz").json()["parts"]
    assert own_site.client("steward").get("/map/tiles/0/0/0").status_code == 403
    assert own_site.client().get("/map/tiles/0/0/0", follow_redirects=False).status_code in (303, 401)
