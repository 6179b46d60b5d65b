"""Contacts of which the record says a day and no time of day: told by the day, over HTTP and on every page."""

import re
from typing import Any

import pytest
from tests.lib.database import score_row
from tests.lib.reading import text_of
from tests.lib.service_site import CONFIGURATION, EVENTS_MAPPING, ServiceSite, load_rows, opened
from tests.lib.table_sites import NHS_NUMBERS

API = "/api/v1"
KINDS = ("gp", "mh_contact", "mh_discharge", "mh_missed", "mh_plan")
SOURCES = "".join(
    f'[source.{name}]\nagency = "primary_care"\nsingular = "{name} contact"\nplural = "{name} contacts"\n'
    for name in KINDS
)
MAPPING = EVENTS_MAPPING.replace('{ constant = "call" }', '"code"')
HEADER = "id,at,known,source,person,code\n"
# The site's clock stands at 22 November 2026, 06:00. In July the clocks of the wall are an hour ahead of UTC.
DAYS = (
    "g1,2026-07-03,2026-07-20,gp,ann,seen\n"
    "g2,2026-11-21,2026-11-22,gp,ann,seen\n"
    "g3,2026-11-22,2026-11-22,gp,ben,seen\n"
    "g4,2026-11-21,2026-11-22,gp,eve,seen\n"
    "d1,2026-11-15,2026-11-16,mh_discharge,dan,ward\n"
    "d2,2026-11-14,2026-11-16,mh_discharge,eve,ward\n"
    "m1,2026-11-22,2026-11-22,mh_missed,cat,visit\n"
    "p1,2026-11-02,2026-11-03,mh_plan,ann,CRISIS\n"
)
TIMES = (
    "t1,2026-11-21 00:00:00,2026-11-21 01:00:00,crisis_line,ann,call\n"
    "t2,2026-11-22 04:00:00,2026-11-22 04:30:00,mh_contact,cat,visit\n"
)


@pytest.fixture
def site(own_site: ServiceSite) -> ServiceSite:
    own_site.configure(CONFIGURATION + SOURCES)
    load_rows(opened(own_site.site.path).site, "days", HEADER + DAYS, MAPPING)
    load_rows(opened(own_site.site.path).site, "times", HEADER + TIMES, MAPPING)
    return opened(own_site.site.path)


def answer(site: ServiceSite, path: str, role: str = "care", team: str | None = "north") -> dict[str, Any]:
    found = site.client(role, team).get(f"{API}/{path}")
    assert found.status_code == 200, found.text
    return dict(found.json())


def page(site: ServiceSite, path: str, role: str = "care", team: str | None = "north") -> str:
    found = site.client(role, team).get(path)
    assert found.status_code == 200, found.text
    return text_of(found.text)


def told(contacts: list[dict[str, Any]]) -> dict[str, tuple[str, str | None]]:
    return {one["event_id"]: (one["occurred_at"], one["occurred_on"]) for one in contacts}


def test_an_answer_keeps_the_moment_and_says_that_it_is_a_day(site: ServiceSite) -> None:
    ann = site.people["ann"]
    assert told(answer(site, f"people/{ann}/contacts")["contacts"]) == {
        "e3": ("2026-11-22T05:00:00Z", None),
        "t1": ("2026-11-21T00:00:00Z", None),
        "g2": ("2026-11-21T00:00:00Z", "2026-11-21"),
        "p1": ("2026-11-02T00:00:00Z", "2026-11-02"),
        "e1": ("2026-11-01T10:00:00Z", None),
        "g1": ("2026-07-02T23:00:00Z", "2026-07-03"),
    }
    assert told(answer(site, f"people/{ann}/risk/history")["contacts"])["g2"][1] == "2026-11-21"


def test_a_persons_page_tells_days_and_a_contact_at_midnight_at_midnight(site: ServiceSite) -> None:
    reasons = [{"direction": "up", "share": 0.4, "text": "two contacts", "events": ["g2", "t1"]}]
    site.score({**score_row("ann"), "reasons": reasons})
    text = page(site, f"/people/{site.people['ann']}")
    for told_twice in ("Sat 21 Nov 2026: gp contact", "Sat 21 Nov 2026, 00:00: crisis-line call"):
        assert text.count(told_twice) == 2, "among the last contacts, and behind the reason"
    assert "Fri 3 Jul 2026: gp contact" in text
    assert [found.group() for found in re.finditer(r".{17}\b00:00", text) if "21 Nov 2026, 00:00" not in found[0]] == []
    wrong = page(site, f"/people/{site.people['ann']}/wrong?event_id=g1")
    assert "Fri 3 Jul 2026: gp contact" in wrong
    assert "Jul 2026, 00:00" not in wrong


def test_who_asks_about_a_contact_and_who_keeps_the_data_are_told_its_day(site: ServiceSite) -> None:
    ann, care = site.people["ann"], site.client("care", "north")
    for event in ("g1", "t1"):
        made = care.post(f"{API}/people/{ann}/data-queries", json={"event_id": event, "problem": "wrong_time"})
        assert made.json()["occurred_on"] == {"g1": "2026-07-03", "t1": None}[event]
    assert set(told(answer(site, f"people/{ann}/data-queries")["queries"])) == {"g1", "t1"}
    queue = answer(site, "data-queries", "data", None)["queries"]
    assert told(queue)["g1"] == ("2026-07-02T23:00:00Z", "2026-07-03")
    text = page(site, "/data/queries", "data", None)
    assert "Gp contact, Fri 3 Jul 2026, record g1" in text
    assert "Crisis-line call, Sat 21 Nov 2026, 00:00, record t1" in text
    found = {"outcome": "stands", "answer": "The surgery keeps days alone."}
    closed = site.client("data").post(f"{API}/data-queries/1/answer", json=found).json()
    assert closed["occurred_on"] == "2026-07-03"


def test_the_caseload_tells_days_and_takes_none_for_an_hour_of_last_night(site: ServiceSite) -> None:
    listed = answer(site, "caseloads/north?tab=all&limit=10")
    names = {pseudonym: name for name, pseudonym in site.people.items()}
    groups = {
        group["group"]: {names[one["person_id"]]: (one["source"], one["on"]) for one in group["people"]}
        for group in listed["first"]
    }
    # A day of yesterday may be before 18:00; one of today is not. Ann rang at five.
    assert groups["contact_last_night"] == {
        "ann": ("police_999", None), "ben": ("gp", "2026-11-22"), "cat": ("mh_contact", None),
    }  # fmt: skip
    # Seven days ago at six: the fifteenth was not over then, the fourteenth was.
    assert groups["discharged"] == {"dan": ("mh_discharge", "2026-11-15")}
    # Nobody knows whether the contact of four o'clock was before or after.
    assert groups["missed_today"] == {"cat": ("mh_missed", "2026-11-22")}
    rows = {names[one["person_id"]]: one for one in listed["people"]}
    assert {name: (row["last_contact"], row["last_contact_on"]) for name, row in rows.items()} == {
        "ann": ("2026-11-22T05:00:00Z", None), "ben": ("2026-11-22T00:00:00Z", "2026-11-22"),
        "dan": ("2026-11-15T00:00:00Z", "2026-11-15"),
    }  # fmt: skip
    assert (rows["ann"]["crisis_plan_on"], rows["ben"]["crisis_plan_on"]) == ("2026-11-02", None)
    text = page(site, "/caseload?tab=all")
    assert "gp contact, Sun 22 Nov" in text
    assert "mh_discharge contact, Sun 15 Nov" in text
    assert not re.search(r"contact, \w+ \d+ Nov 00:00", text)
    assert "Contact 22 Nov No crisis plan" in text


def test_the_person_on_the_line_is_told_of_by_days(site: ServiceSite) -> None:
    seen, plan = (f"{kind},{NHS_NUMBERS[0]}" for kind in ("gp", "mh_plan"))
    rows = f"{HEADER}c1,2026-07-03,2026-07-20,{seen},seen\nc2,2026-07-09,2026-07-20,{plan},CRISIS\n"
    load_rows(site.site, "caller", rows, MAPPING.replace("study_id", "nhs_number"))
    found = site.client("triage_clinician").post("/caller", data={"nhs_number": NHS_NUMBERS[0], "reason": "rang"})
    text = text_of(found.text)
    assert "Fri 3 Jul 2026: gp contact" in text
    assert "Crisis plan of 9 Jul 2026" in text
    assert not re.search(r"Jul 2026, \d\d:", text)


def test_the_queue_of_those_with_no_team_tells_days(site: ServiceSite) -> None:
    rows = HEADER + "u1,2026-11-10,2026-11-12,gp,gone,seen\n"
    load_rows(site.site, "no-team", rows, f"{MAPPING}is_crisis = {{ constant = true }}\n")
    (line,) = answer(site, "unallocated", "allocation", None)["people"]
    assert line["last_contact"]["occurred_on"] == "2026-11-10"
    assert "Tue 10 Nov 2026: gp contact" in page(site, "/unallocated", "allocation", None)


def test_days_are_told_at_once_where_a_ledger_only_learns_of_them(own_site: ServiceSite) -> None:
    own_site.configure(CONFIGURATION + SOURCES)
    made = opened(own_site.site.path)
    row = HEADER + "g1,{at},2026-07-20,gp,ann,seen\n"
    load_rows(made.site, "as-a-time", row.format(at="2026-07-03 00:00:00"), MAPPING)
    client, path = made.client("care", "north"), f"{API}/people/{made.people['ann']}/contacts"
    assert client.get(path).json()["contacts"][-1]["occurred_on"] is None
    load_rows(made.site, "as-a-day", row.format(at="2026-07-03"), MAPPING)  # the same row: nothing else changes
    assert client.get(path).json()["contacts"][-1]["occurred_on"] == "2026-07-03"
