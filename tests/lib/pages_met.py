"""Every page of the service in every state that somebody may meet it in: one register for all that is held of pages.

A page that the application has and that is met here in no state fails `test_every_page_of_the_service_is_met`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from tests.lib.steps import (
    Step,
    ask_too_often,
    choose,
    follow,
    lose_session,
    press,
    see,
    sign_in_anew,
    tick,
    unfold,
    write,
)

NIGHT, OVER, LATE = "/shifts/night-2026-11-22", "/shifts/day-2026-11-20", "/shifts/day-2026-11-23"
ANN, BEN = "/people/{ann}", "/people/{ben}"
STAND, NOTES, REVIEW = f"{NIGHT}/positions", f"{NIGHT}/notes", f"{OVER}/review"
NOT_HERE, OPEN_WHY = "There is nothing here", "Why (nothing about a person)"


@dataclass(frozen=True)
class Met:
    """A page as somebody meets it.

    `page`: as the application declares it; `says`: words that stand there in this state; `role`: with a worker behind
    a colon, or nobody; `site`: which of the sites of `tests/browser/conftest.py`; `steps`: what is done before it is
    looked at; `kept`: it was made before, and is shown again with nothing round it.
    """

    page: str
    path: str
    says: str
    role: str = ""
    site: str = "lived in"
    steps: Sequence[Step] = ()
    kept: bool = False


crisis, care, audit = (partial(Met, role=role) for role in ("crisis_team", "care", "audit"))
data, triage, allocation = (partial(Met, role=role) for role in ("data", "triage_clinician", "allocation"))


def _board() -> Mapping[str, Met]:
    one, place = "GET /shifts/{id}", "GET /shifts/{id}/places/{place}"
    changes, briefing = "GET /shifts/{id}/changes", "GET /shifts/{id}/print"
    return {
        "the board": crisis("GET /shifts/next", "/shifts/next", "Hour by hour"),
        "every place": crisis("GET /shifts/next", "/shifts/next?all=1", "All 3 of 3 places"),
        "the board for planners": data(one, NIGHT, "Released numbers"),
        "an old forecast of agencies that are late": crisis(one, LATE, "Silent for too long"),
        "a shift that is over": crisis(one, OVER, "How it went"),
        "no such shift": crisis(one, "/shifts/nothing", NOT_HERE),
        "what is usual": crisis(one, NIGHT, "What is usual in this shift", site="failing"),
        "the last printed sheet": crisis(one, NIGHT, "The last printed sheet", site="printed"),
        "neither forecast nor sheet": crisis(one, NIGHT, "There is no answer now", site="empty"),
        "a place": crisis(place, f"{NIGHT}/places/place-01", "How often has this place been right?"),
        "a place that is set aside": crisis(place, f"{NIGHT}/places/place-03", "Set aside"),
        "a place for planners": data(place, f"{NIGHT}/places/place-01", "Why"),
        "a place that is none": crisis(place, f"{NIGHT}/places/nowhere", NOT_HERE),
        "the briefing": crisis(briefing, f"{NIGHT}/print", "The fair moved away."),
        "the briefing of late agencies": crisis(briefing, f"{LATE}/print", "Silent for too long"),
        "what changed": crisis(changes, f"{OVER}/changes", "both as they were made"),
        "nothing to compare with": crisis(changes, f"{LATE}/changes", "Only one forecast was made"),
    }


def _shift() -> Mapping[str, Met]:
    stand, use = "GET /shifts/{id}/positions", "POST /shifts/{id}/positions/use"
    ask, change, sites = "POST /shifts/{id}/positions", "POST /shifts/{id}/positions/change", "POST /shifts/{id}/sites"
    notes, note, review = "GET /shifts/{id}/notes", "POST /shifts/{id}/notes", "GET /shifts/{id}/review"
    soon, four = write("There within, in minutes", "soon"), write("There within, in minutes", "4")
    look, keep = press("Make plans and only look"), press("Keep this note")
    full, mine = (
        (choose("Site", "base-south"), write(OPEN_WHY, "ten people wait")),
        "Your note (nothing about a person)",
    )
    moved = (choose("Stands at", "point-far"), write("Why", "the fair"), press("Keep this change"))
    far = (*moved, see("change is kept"), choose("Site", "point-far"), write(OPEN_WHY, "the fair"), press("Say so"))
    useful = press(re.compile("^Useful.*the whole shift$"))
    return {
        "where teams stand": crisis(stand, STAND, "The plan of this shift"),
        "where teams stood": crisis(stand, f"{OVER}/positions", "no plan of it can be used any more"),
        "no plan yet": crisis(stand, f"{LATE}/positions", "Make plans"),
        "plans that cannot be made": crisis(
            ask, STAND, "Write within how many minutes", steps=(soon, press("Make plans and use the first"))
        ),
        "a plan to look at": crisis(ask, STAND, "A plan that is not used", steps=(four, look)),
        "a plan in use": crisis(
            use, STAND, "This is now the plan of the shift.", steps=(four, look, press("Use this plan"))
        ),
        "a change without a reason": crisis(
            change, STAND, "Say why in a few words", steps=(press("Keep this change"),)
        ),
        "a change": crisis(change, STAND, "Your change is kept", steps=moved),
        "a site that is no site": crisis(sites, STAND, "Choose a site from the list", steps=(press("Say so"),)),
        "a site is full": crisis(sites, STAND, "base-south is full", steps=(*full, press("Say so"))),
        "a team at a site that is full": crisis(sites, STAND, "Plan again: a team stands where nobody can", steps=far),
        "notes": crisis(notes, f"{NOTES}?place=place-02", "The station shelter opens late."),
        "notes of a shift that is over": crisis(notes, f"{OVER}/notes", "This shift is over"),
        "an empty note": crisis(note, NOTES, "Say it in a few words", steps=(keep,)),
        "a note": crisis(note, NOTES, "It is kept, and stands", steps=(write(mine, "the fair ends at two"), keep)),
        "how it went": crisis(review, REVIEW, "Place by place"),
        "how it went, too early": crisis(review, f"{NIGHT}/review", "Not now"),
        "it was useful": crisis("POST /shifts/{id}/review", REVIEW, "Your answer is kept", steps=(useful,)),
    }


def _caseload() -> Mapping[str, Met]:
    page, capacity = "GET /caseload", "POST /caseload/capacity"
    unfolded = unfold("Change what the team can manage")
    said = (unfolded, write("People a week", "2"), write("Why", "as before"), press("Change"))
    seen = press("I have looked through this list")
    return {
        "the caseload": care(page, "/caseload", "The people of North"),
        "all of it": care(page, "/caseload?tab=all&limit=50", "Up to here the team can review in a week"),
        "for review": care(page, "/caseload?tab=review_due", "Review due"),
        "snoozed": care(page, "/caseload?tab=snoozed", "Snoozed"),
        "nobody left": care(page, "/caseload?tab=snoozed&only=contact_in_7_days", "is left by that choice"),
        "one's own people": Met(page, "/caseload", "Your people in North", role="care:w_1"),
        "the lead's": Met(page, "/caseload", "The people of North", role="lead"),
        "an answer has come": Met(page, "/caseload", "1 question of your team was answered", role="lead"),
        "before any score": care(page, "/caseload", "No scores have been made yet.", site="empty"),
        "where scores are off": care(page, "/caseload", "Numbers about people are off here", site="failing"),
        "a list that is none": care(page, "/caseload?tab=nothing", "That cannot be used"),
        "the caseload is not for a crisis team": crisis(page, "/caseload", "Your role may not see this"),
        "signing in on the way": Met(page, "/caseload", "Sign in to Test site"),
        "the list is seen": care("POST /caseload/seen", "/caseload", "From now on, what comes after", steps=(seen,)),
        "a capacity that is none": care(
            capacity, "/caseload", "Write a whole number from 1 to 5,000", steps=(unfolded, press("Change"))
        ),
        "a capacity": care(capacity, "/caseload", "capacity is changed", steps=said),
    }


def _person() -> Mapping[str, Met]:
    page, answer, wrong = "GET /people/{pid}", "POST /people/{pid}/feedback", f"{ANN}/wrong?event_id=e3"
    review, snooze, share = "POST /people/{pid}/reviews", "POST /people/{pid}/snoozes", "GET /people/{pid}/share"
    visited = (follow("Snooze"), lambda there, _: there.locator("#snoozed-reason").fill("Visited."))
    called = (lambda there, _: there.locator("#decision-words").fill("She asked for a call."),)
    keep, send, ended = press("Keep the decision"), press("Send"), f"{snooze}/{{number}}/end"
    in_row = (
        lambda there, _: there.get_by_role("link", name=re.compile("^Snooze ")).first.click(),
        lambda there, _: there.get_by_role("button", name=re.compile("^Snooze ")).click(),
    )
    visited_in_row = (
        in_row[0], lambda there, _: there.get_by_label("Why", exact=True).first.fill("Visited."), in_row[1],
        lambda there, _: there.get_by_role("button", name=re.compile("^Undo")).click(),
    )  # fmt: skip
    return {
        "a person": care(page, BEN, "people with a history like this"),
        "a week later": care(page, ANN, "A week later: how do you see it now?"),
        "since a day without a number": care(page, f"{BEN}?since=2026-11-16", "There was no number on 16 Nov"),
        "since a day that is to come": care(page, f"{BEN}?since=2026-11-30", "What changed"),
        "without a number": care(page, "/people/{cat}", "No number now"),
        "somebody who is snoozed": care(page, "/people/{dan}", "Off the usual list until"),
        "nobody's record": care(page, "/people/k1_0000000000000000", NOT_HERE),
        "of another team": care(page, "/people/{moved}", NOT_HERE),
        "an answer that is none": care(answer, BEN, "Choose agree, disagree or acted", steps=(send,)),
        "an answer": care(answer, BEN, "Your answer is kept", steps=(tick("I agree"), send)),
        "a decision without words": care(review, BEN, "Say it in a few words", steps=(keep,)),
        "a decision": care(review, BEN, "The decision is kept.", steps=(*called, keep)),
        "a snooze without a reason": care(snooze, BEN, "Say why in a few words", steps=(press("Snooze"),)),
        "a snooze": care(snooze, BEN, "A new contact ends it at once.", steps=(*visited, press("Snooze"))),
        "a snooze is ended": care(ended, BEN, "The snooze is ended.", steps=(press("End it now"),)),
        "a snooze without a reason in a row": care(
            snooze, "/caseload?tab=all", "Say why in a few words", steps=in_row
        ),
        "a snooze that is undone in a row": care(
            ended, "/caseload?tab=all", "The snooze is ended.", steps=visited_in_row
        ),
        "a sheet to share": care(share, f"{ANN}/share", "How to question it"),
        "a sheet with the number": care(share, f"{BEN}/share?number=true", "What it says now"),
        "a contact that is wrong": care("GET /people/{pid}/wrong", wrong, "What is wrong about this contact?"),
        "a contact that is nobody's": care("GET /people/{pid}/wrong", f"{ANN}/wrong?event_id=e2", NOT_HERE),
        "a number in the words": care(
            "POST /people/{pid}/wrong", wrong, "without names and NHS numbers",
            steps=(write("In your own words, for the team (you may leave this)", "{caller}"), send),
        ),
        "it is wrong": care(
            "POST /people/{pid}/wrong", wrong, "in the queue of those who keep the records",
            steps=(choose("What is wrong", "twice"), send),
        ),
    }  # fmt: skip


def _of_people() -> Mapping[str, Met]:
    ask, again, found = "POST /caller", "GET /caller/{pid}", "Who cares for them"
    why = write("Why you look, in one line. It is kept with the look.", "rang at 22:40")
    known, unknown, calling = (
        write("NHS number, ten digits", number) for number in ("{caller}", "{stranger}", "{known}")
    )
    queue, up = "GET /unallocated", press("Look up")
    return {
        "who is on the line": triage("GET /caller", "/caller", "Who is on the line"),
        "no number": triage(ask, "/caller", "Write the ten digits of an NHS number", steps=(up,)),
        "nobody is found": triage(ask, "/caller", "Nobody with this number", steps=(unknown, why, up)),
        "somebody is found": triage(ask, "/caller", found, steps=(known, why, up)),
        "somebody who rang before": triage(ask, "/caller", "There are earlier ones too.", steps=(calling, why, up)),
        "the person on the line again": triage(
            again, "/caller", found, steps=(known, why, up, follow("open this page again"))
        ),
        "nobody was looked up": triage(again, "/caller/{ann}", NOT_HERE),
        "people with no team": allocation(queue, "/unallocated", "999 call"),
        "nobody is without a team": allocation(queue, "/unallocated", "Nobody, as far as is known.", site="empty"),
    }


def _behind() -> Mapping[str, Met]:
    sheet, look, nothing = "GET /models/{task}/sheet", "GET /audit/{number}", "Say in a few words what was found"
    alerts, concerns, concern = (
        "POST /alerts/{number}/closing",
        "POST /concerns/{number}/closing",
        "POST /safety-concern",
    )
    done, search = write("What was found and done about alert 1", "It was right."), write("Person, by pseudonym", "Ben")
    told = (tick("A place or a forecast"), write("What did you see?", "It has closed."), press("Send"))
    return {
        "data": data("GET /data", "/data", "silent for too long"),
        "what failed and was left out": data("GET /data", "/data", "Failed: no model has been promoted"),
        "rows that cannot be used": data("GET /data", "/data", "a source that this site names"),
        "contacts said to be wrong": data("GET /data/queries", "/data/queries", "it stands there twice"),
        "one is answered without a word": data(
            "POST /data/queries/{number}/closing",
            "/data/queries",
            "Choose what became of the record",
            steps=(press("Answer number 1"),),
        ),
        "no contact is said to be wrong": data(
            "GET /data/queries", "/data/queries", "No contact is said to be wrong", site="empty"
        ),
        "models": data("GET /models", "/models", "Which models answer"),
        "models where scores are off": data("GET /models", "/models", "Which models answer", site="failing"),
        "models that changed": data("GET /models", "/models", "the model changed on 20 Nov 2026", site="failing"),
        "a trust sheet": data(sheet, "/models/person_crisis_28d/sheet", "What it must not be used for", kept=True),
        "a trust sheet of places": data(
            sheet, "/models/place_crisis_shift/sheet", "Report a safety concern", kept=True
        ),
        "no trust sheet": data(sheet, "/models/nothing/sheet", NOT_HERE),
        "usefulness": Met("GET /usefulness", "/usefulness", "Nobody said anything", role="lead"),
        "usefulness of forecasts": Met("GET /usefulness", "/usefulness", " in 100", role="lead"),
        "looks": audit("GET /audit", "/audit", "The newest first"),
        "no look that fits": audit("GET /audit", "/audit?person={nobody}", "No look fits that."),
        "half a pseudonym": audit("GET /audit", "/audit", "Write a whole", steps=(search, press("Find looks"))),
        "a look": audit(look, "/audit/{look}", "See what was shown"),
        "a look that is none": audit(look, "/audit/999999", NOT_HERE),
        "what was shown": audit(f"{look}/shown", "/audit/{look}/shown", "people with a history like this", kept=True),
        "an alert": audit("GET /alerts", "/alerts", "1 alert waits"),
        "an alert closed without a word": audit(alerts, "/alerts", nothing, steps=(press("Close alert 1"),)),
        "no alert": audit(alerts, "/alerts", "No alert waits", steps=(done, press("Close alert 1"))),
        "concerns": audit("GET /concerns", "/concerns", "The shelter has closed."),
        "a concern closed without a word": audit(concerns, "/concerns", nothing, steps=(press("Close concern 1"),)),
        "no concern": audit("GET /concerns", "/concerns", "No safety concern waits", site="failing"),
        "a concern to report": crisis("GET /safety-concern", "/safety-concern?reference=S-2", "call 999"),
        "an empty concern": crisis(concern, "/safety-concern", "Choose what it is about", steps=(press("Send"),)),
        "a concern is kept": crisis(concern, "/safety-concern", "your concern is kept", steps=told),
    }


def _doors() -> Mapping[str, Met]:
    enter, back = "GET /sign-in", "/sign-in/callback?code=x&state=y"
    wrong = (write("Your key", "crisisrisk_1_2"), press("Sign in"))
    asked = (press("Sign in with the demo's identity page"),)
    saw = (tick("A place or a forecast"), write("What did you see?", "The shelter is full."))
    return {
        "signing in": Met(enter, "/sign-in", "Whoever runs this site makes one"),
        "a key that does not work": Met("POST /sign-in", "/sign-in", "This key does not work.", steps=wrong),
        "signing in with an account": Met(enter, "/sign-in", "Sign in with the demo", site="failing"),
        "who are you": Met(enter, "/sign-in", "everybody here is invented", site="failing", steps=asked),
        "sent back in error": Met("GET /sign-in/callback", back, "Begin again", site="failing"),
        "a role with no page": Met("GET /", "/", "There is no page for it yet", role="steward", site="failing"),
        "signed out over a form": crisis(
            "POST /safety-concern", "/safety-concern", "The shelter is full.", steps=(*saw, lose_session, press("Send"))
        ),
        "signed out over a form in place": crisis(
            "POST /shifts/{id}/notes",
            NOTES,
            "What you wrote still stands on this page",
            steps=(write("Your note (nothing about a person)", "the fair"), lose_session, press("Keep this note")),
        ),
        "signed in again in between": crisis(
            "POST /safety-concern", "/safety-concern", "The shelter is full.", steps=(*saw, sign_in_anew, press("Send"))
        ),
        "signed out": Met(
            "POST /sign-out", "/data", "Sign in to Test site", role="steward", steps=(press("Sign out"),)
        ),
        "too many requests": Met(enter, "/sign-in", "Too many requests", site="failing", steps=(ask_too_often,)),
    }


MET: Mapping[str, Met] = {
    **_board(), **_shift(), **_caseload(), **_person(), **_of_people(), **_behind(), **_doors()
}  # fmt: skip
"""By what somebody meets."""
