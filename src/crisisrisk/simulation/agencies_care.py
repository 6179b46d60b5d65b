"""What the trusts, the council, custody liaison and the GPs send."""

import numpy as np

from crisisrisk.simulation.contacts import code_numbers
from crisisrisk.simulation.pages import Page
from crisisrisk.simulation.texts import (
    DAY,
    DAY_AND_MINUTE,
    ISO_MINUTE,
    Columns,
    Texts,
    chosen,
    drawn,
    local_hours,
    local_texts,
    utc_texts,
    whole,
    word_table,
)

CRISIS_SERVICES = {"crisis_line": "LINE", "crisis_house": "HOUSE", "s136": "SUITE"}
WINDOWS = "cp1252"
_REQUESTED_BY = {"partner": "PARTNER", "team_initiated": "TEAM", "follow_up": "FOLLOW-UP"}
_CANCELLED = 0.01
_ATTENDED = ("5", "6", "3", "7", "2", "4")
_OUTCOMES = ("SEEN", "SEEN", "DNA", "DNA", "CANCELLED", "CANCELLED", "ESCALATED")


def with_cancelled(page: Page) -> Page:
    """The same page with a few appointments that were booked again and cancelled, after those they repeat."""
    again = np.flatnonzero(page.random.random(len(page)) < _CANCELLED)
    rows = np.concatenate([page.rows, page.rows[again]])
    order = np.argsort(np.concatenate([np.arange(len(page)), again]), kind="stable")
    repeated = np.arange(len(rows))[order] >= len(page)
    rows = rows[order]
    rows["outcome"][repeated] = code_numbers(["DECLINED"])[0]
    return Page(rows, page.before, page.seed, page.random, page.new_codes_from)


def mental_health_contacts(page: Page, prefix: str = "M") -> Columns:
    """Appointments kept (5, 6), missed (3, 7) and cancelled (2, 4); the mapping leaves the last out."""
    second = page.random.random(len(page)) < 0.1
    cancelled = page.rows["outcome"] == code_numbers(["DECLINED"])[0]
    kind = np.where(cancelled, 4, np.where(page.is_from("mh_missed"), 2, 0)) + second
    outcome = np.where(page.rows["followed"] & ~cancelled, len(_OUTCOMES) - 1, kind)
    return {
        "ContactId": page.references(prefix),
        "NHSNo": page.nhs(),
        "Appointment": local_texts(page.at, ISO_MINUTE),
        "Entered": local_texts(page.known, ISO_MINUTE),
        "Kind": page.codes(),
        "Attended": word_table(_ATTENDED).taken(kind),
        "Outcome": word_table(_OUTCOMES).taken(outcome),
    }


def late_mental_health_contacts(page: Page) -> Columns:
    """The batch of one team that came a month late."""
    return mental_health_contacts(page, "ML")


def inpatients(page: Page) -> Columns:
    """Admissions to the trust's wards and discharges from them."""
    return {
        "Movement": page.references("W"),
        "Type": chosen(page.is_from("mh_admission"), "ADM", "DIS"),
        "NHSNo": page.nhs(),
        "When": local_texts(page.at, ISO_MINUTE),
        "Until": local_texts(page.ended, ISO_MINUTE),
        "Entered": local_texts(page.known, ISO_MINUTE),
        "Ward": page.codes(),
    }


def crisis_services(page: Page) -> Columns:
    """The trust's crisis line, crisis house and section 136 suite."""
    return {
        "Ref": page.references("R"),
        "Service": page.sources(CRISIS_SERVICES),
        "NHSNo": page.nhs(),
        "Start": local_texts(page.at, ISO_MINUTE),
        "End": local_texts(page.ended, ISO_MINUTE),
        "Entered": local_texts(page.known, ISO_MINUTE),
        "Reason": page.codes(),
        "Outcome": page.outcomes({"SETTLED": 6, "REFERRED": 3, "ENDED": 1}),
    }


def s135_warrants(page: Page) -> Columns:
    """Warrants under section 135, executed at somebody's home."""
    latitude, longitude = page.degrees()
    return {
        "Warrant": page.references("Q"),
        "NHSNo": page.nhs(),
        "Executed": local_texts(page.at, ISO_MINUTE),
        "Ended": local_texts(page.ended, ISO_MINUTE),
        "Entered": local_texts(page.known, ISO_MINUTE),
        "Lat": latitude,
        "Long": longitude,
        "Result": page.outcomes({"SETTLED": 2, "REFERRED": 5}),
    }


def street_triage(page: Page) -> Columns:
    """Jobs of the street-triage teams, with the times of each."""
    seen = page.is_from("street_triage")
    sent, arrived, cleared = _times_of_jobs(page)
    latitude, longitude = page.degrees()
    return {
        "Job": page.references("T"),
        "Kind": chosen(seen, "F2F", "TEL"),
        "Requested": utc_texts(page.at),
        "Sent": sent,
        "Arrived": arrived,
        "Cleared": cleared,
        "Logged": utc_texts(page.known),
        "NHSNo": page.nhs(spaced=True),
        "By": page.origins(_REQUESTED_BY),
        "Lat": latitude,
        "Long": longitude,
        "Place": page.premises("PUBLIC", "PRIVATE"),
        "Result": page.codes(),
        "Outcome": page.outcomes(),
        "Crew": chosen(page.random.random(len(page)) < 0.5, "triage-1", "triage-2"),
    }


def _times_of_jobs(page: Page) -> tuple[Texts, ...]:
    """Sent, arrived and cleared of the jobs face to face. A job is logged when the team is free again, or later."""
    minutes = np.cumsum(page.random.gamma(2.0, (4.0, 9.0, 28.0), (len(page), 3)), axis=1)
    times = np.minimum(page.at[:, None] + (minutes * 60).astype(np.int64), page.known[:, None])
    return tuple(utc_texts(np.where(page.is_from("street_triage"), moment, -1)) for moment in times.T)


def custody_liaison(page: Page) -> Columns:
    """Referrals to liaison and diversion in custody, by date and hour; not everybody was assessed."""
    assessed = page.rows["code"] != code_numbers(["SCREENED"])[0]
    return {
        "Custody No": page.references("K"),
        "Date": local_texts(page.at, DAY),
        "Hour": whole(local_hours(page.at)),
        "Recorded": local_texts(page.known, DAY_AND_MINUTE),
        "NHS Number": page.nhs(spaced=True),
        "Assessed": chosen(assessed, "YES", "NO"),
        "Need": page.codes(),
        "Onward": page.outcomes({"YES": 4, "NO": 5, "DECLINED": 1}),
    }


def amhp_assessments(page: Page) -> Columns:
    """Assessments under the Mental Health Act by approved mental health professionals."""
    return {
        "Assessment": page.references("H"),
        "NHS Number": page.nhs(spaced=True),
        "Assessed": local_texts(page.at, DAY_AND_MINUTE),
        "Entered": local_texts(page.known, DAY_AND_MINUTE),
        "Result": page.codes(),
        "Where": page.premises("PUBLIC", "HOME", "NOT STATED"),
    }


def social_care(page: Page) -> Columns:
    """Social-care events, added to the system weeks later."""
    return {
        "Case Event": page.references("S"),
        "NHS": page.nhs(),
        "Event Date": local_texts(page.at, DAY),
        "Added": local_texts(page.known, DAY),
        "Event Type": page.codes(),
        "Result": drawn(
            page.random, {"Care Act – assessment": 2, "Advice given": 4, "Closed": 3}, len(page), encoding=WINDOWS
        ),
    }


def housing(page: Page) -> Columns:
    """Housing contacts, matched to NHS numbers by the council."""
    return {
        "case": page.references("G"),
        "nhs number": page.nhs(),
        "on": local_texts(page.at, DAY),
        "added": local_texts(page.known, DAY),
        "about": page.codes(),
        "result": drawn(page.random, {"Advice given": 5, "Plan agreed": 2, "Closed": 3}, len(page)),
    }


def first_of_a_day(page: Page) -> Page:
    """GPs give no reference, so their rows are named by person, day and kind: one a day of each."""
    day = page.at // 86_400
    local_day = day + (local_hours(page.at) < (page.at % 86_400) // 3_600)
    # Person, day and code in one number each: 2**20 days and 2**10 codes are room enough.
    alike = (((page.rows["named"].astype(np.int64) << 20) + local_day) << 10) + page.rows["code"]
    _, first = np.unique(alike, return_index=True)
    return Page(page.rows[np.sort(first)], page.before, page.seed, page.random, page.new_codes_from)


def gp_contacts(page: Page) -> Columns:
    """GP contacts: dates only, and no reference of their own."""
    return {
        "nhs_number": page.nhs(),
        "date": local_texts(page.at, "%Y%m%d"),
        "extracted": local_texts(page.known, "%Y%m%d"),
        "code": page.codes(),
    }
