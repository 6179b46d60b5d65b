"""Sites as people leave them after some days: what was said, snoozed, closed and asked, and what has failed."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import update

from crisisrisk.commands.data import load_files
from crisisrisk.database.care_schema import ShiftFeedback
from crisisrisk.database.engine import writing
from crisisrisk.database.jobs import begin_job, end_job, fail_job, job_states, plan_jobs
from crisisrisk.database.schema import Feedback
from crisisrisk.evaluation.card.content import RunFacts, card_content
from crisisrisk.evaluation.card.place_content import place_content
from crisisrisk.evaluation.card.place_render import place_files
from crisisrisk.evaluation.card.render import card_files
from crisisrisk.models.bundle import Promotion
from crisisrisk.serving.roles import MOST
from crisisrisk.simulation.declarations import KEY_OF_NOBODY
from tests.api.test_ladder import lose_forecasts
from tests.lib.answering_models import let_answer_who_learned_until
from tests.lib.database import AS_OF, score_row
from tests.lib.judged_runs import SITE, predictions, run_facts
from tests.lib.night_sites import NIGHTS, NIGHTS_MAPPING, PLACES, PLACES_MAPPING, with_night_sources
from tests.lib.service_site import (
    CASELOADS_MAPPING,
    EVENTS_MAPPING,
    SERVICE,
    ServiceSite,
    load_rows,
    opened,
    with_workers,
)
from tests.lib.table_sites import NHS_NUMBERS
from tests.unit.test_place_page import COUNTS, FLAT, TRUTH, facts

CALLER, KNOWN = NHS_NUMBERS[0], NHS_NUMBERS[2]
CALLS = "".join(
    f"c{day},2026-11-{day:02} 10:00:00,2026-11-{day:02} 11:00:00,police_999,{KNOWN}\n" for day in range(1, 22)
)
UNALLOCATED = "id,at,known,source,person\nu1,2026-11-10 10:00:00,2026-11-10 10:00:00,police_999,gone\n"
SHEET = "WHERE CRISIS CONTACTS ARE LIKELY · printed sheet\nAlpha Road about 1.25\n"


def lived_in(made: ServiceSite) -> Mapping[str, str]:
    """Fill a site with what pages show once people use them. What a path may name: people, a look, a site's own ids."""
    for week in (3, 2, 1):
        moment = AS_OF - timedelta(weeks=week)
        made.score(score_row("ann", 0.1), score_row("ben", 0.2 + week / 20), as_of=moment, made_at=moment)
    made.score(score_row("ann", 0.182), score_row("ben", 0.41), score_row("cat", None, "in_hospital"),
               score_row("dan", 0.004))  # fmt: skip
    with_workers(made)
    load_rows(made.site, "with-no-team", UNALLOCATED, f"{EVENTS_MAPPING}is_crisis = {{ constant = true }}\n")
    callers = "person,team,from,known,to\n" + "".join(
        f"{one},south,2026-01-01,2026-01-01,\n" for one in (CALLER, KNOWN)
    )
    load_rows(made.site, "callers", callers, CASELOADS_MAPPING.replace("study_id", "nhs_number"))
    old = AS_OF - timedelta(days=2)
    silent = {"police_999": old - timedelta(days=3), "crisis_line": old - timedelta(days=4)}
    made.issue("day-2026-11-23", start=AS_OF + timedelta(hours=26),
               run={"as_of": old, "data_complete_to": silent, "valid_until": AS_OF - timedelta(hours=1)})  # fmt: skip
    by_number = EVENTS_MAPPING.replace("study_id", "nhs_number")
    load_rows(made.site, "calls", f"id,at,known,source,person\n{CALLS}", by_number)
    _care(made)
    _shifts(made)
    _answers(made)
    trust_sheet = card_files(card_content(_long_run(), SITE), made.site.time_zone)["card.html"]
    (made.site.reports / "person_crisis_28d-r1.html").write_text(trust_sheet)
    of_places = place_files(place_content(facts(TRUTH, COUNTS, FLAT)))["card.html"]
    (made.site.reports / "place_crisis_shift-r1.html").write_text(of_places)
    _behind(made)
    look = made.client("audit").get("/api/v1/audit?role=care&limit=1").json()["looks"][0]["number"]
    return {**made.people, "look": str(look), "caller": CALLER, "known": KNOWN, "stranger": NHS_NUMBERS[1]}


def _behind(made: ServiceSite) -> None:
    """A worker of which one job is done, one failed and one was not taken up; and a row that could not be used."""
    now = datetime.now(UTC)
    plan_jobs(made.engine, {"load": now + timedelta(hours=1), "score": now + timedelta(hours=2), "back_up": now})
    late = {"load": now, "score": now, "back_up": now - timedelta(hours=2)}
    states = job_states(made.engine)
    for name in ("load", "score"):
        begin_job(made.engine, states[name], due_at=now, now=now)
    end_job(made.engine, "load", result={"files": 2}, now=now)
    fail_job(made.engine, "score", code="CR-MODEL-004", now=now, try_again_at=None)
    plan_jobs(made.engine, {**late, "load": now + timedelta(hours=1), "score": now + timedelta(hours=2)})
    file, mapping = made.site.path / "odd.csv", made.site.path / "odd.toml"
    march = "2026-03-01 10:00:00"
    file.write_text(
        f"id,at,known,source,person\neven,{march},{march},police_999,zed\nodd,soon,{march},police_999,zed\n"
        f"other,{march},{march},nobody_knows,zed\n"
    )
    mapping.write_text(EVENTS_MAPPING)
    load_files(made.site, [file], mapping)


def _long_run() -> RunFacts:
    """A run with as many steps and features as a real one has."""
    steps = [{"step": f"step {one}", "meaning": f"taken off for the reason number {one}", "people": 10, "rows": 20,
              "people_left": 900 - 10 * one, "rows_left": 9000 - 20 * one} for one in range(10)]  # fmt: skip
    moves = [{"name": f"calls_count_in_{days}_days", "meaning": f"How many calls to the crisis line in {days} days, "
              "with those that nobody answered.", "movement": 0.1, "when_small": -0.1, "when_large": 0.2}
             for days in range(7, 105, 7)]  # fmt: skip
    return run_facts(predictions(), attrition=steps, moves=moves)


def _care(made: ServiceSite) -> None:
    care, people = made.client("care", "north"), "/api/v1/people"
    ann, dan = (f"{people}/{made.people[name]}" for name in ("ann", "dan"))
    answers = (
        care.post(f"{ann}/feedback", json={"verdict": "agree", "words": "As she says herself."}),
        care.post(f"{dan}/snoozes", json={"until": "2026-12-06", "reason": "Visited yesterday.", "rise": 5}),
        care.post(f"{ann}/reviews", json={"decision": "contact", "words": "Visit brought forward."}),
        care.post(f"{ann}/data-queries", json={"event_id": "e1", "problem": "twice"}),
        care.post(f"{ann}/data-queries", json={"event_id": "e3", "problem": "wrong_time", "words": "It was later."}),
        made.client("data").post("/api/v1/data-queries/2/answer", json={"outcome": "corrected", "answer": "Yes."}),
        care.post(f"{people}/{made.people['sue']}/emergency-access", json={"reason": "brought to the hospital"}),
        made.client("care", "north").get(f"/people/{made.people['ben']}"),
    )
    assert all(answer.is_success for answer in answers), [answer.text for answer in answers]
    with writing(made.engine) as connection:
        week = {"made_at": AS_OF - timedelta(days=7), "asked_again_at": AS_OF}
        connection.execute(update(Feedback).values(**week))


def _shifts(made: ServiceSite) -> None:
    crisis, night = made.client("crisis_team"), "/api/v1/shifts/night-2026-11-22"
    until = {"from": "2026-11-22T22:00:00Z", "until": "2026-11-23T08:00:00Z"}
    aside = {"kind": "suppress", "place_id": "place-03", "reason": "The fair moved away."}
    answers = (
        crisis.post(f"{night}/adjustments", json={"kind": "note", "reason": "The station shelter opens late."}),
        crisis.post(f"{night}/adjustments", json=aside),
        crisis.put("/api/v1/sites/cafe/status", json={"state": "full", "reason": "eight people wait", **until}),
        crisis.post("/api/v1/safety-concerns", json={"about": "place", "text": "The shelter has closed."}),
    )
    assert all(answer.is_success for answer in answers), [answer.text for answer in answers]


def _answers(made: ServiceSite) -> None:
    """A month in which crisis teams said how useful forecasts were."""
    crisis = made.client("crisis_team")
    for verdict in ("useful",) * 16 + ("not_useful",) * 8:
        answer = crisis.post("/api/v1/shifts/day-2026-11-20/feedback", json={"verdict": verdict})
        assert answer.is_success, answer.text
    with writing(made.engine) as connection:
        connection.execute(update(ShiftFeedback).values(made_at=AS_OF - timedelta(days=40)))


def failing(folder: Path) -> ServiceSite:
    """A site without forecasts, where scores of people are off, one role has no page and few requests are answered."""
    reaches = {**MOST, "steward": frozenset({"version"})}
    roles = "".join(
        f'[{name}]\nmeaning = "{name.replace("_", " ")}"\nreaches = {sorted(reach)}\n'
        for name, reach in reaches.items()
    ).replace("'", '"')  # fmt: skip
    (folder / "serving" / "roles.toml").write_text(roles)
    (folder / "keys" / "pseudonym.key").write_text(f"k1 {KEY_OF_NOBODY}\n")
    limits = "[sign_in]\ndemo_page = true\n[limits]\nrequests_a_second = 0.05\nburst = 120\n"
    (folder / "serving" / "service.toml").write_text(SERVICE.replace("on = true", "on = false") + limits)
    site = with_night_sources(folder)
    load_rows(site, "places", PLACES, PLACES_MAPPING)
    load_rows(site, "nights", NIGHTS, NIGHTS_MAPPING)
    promotion = Promotion(
        by="A. Nowak (invented)", at="2026-11-20T10:00:00+00:00", reason="it orders better",
        checks=("AUPRC 0.31, above 0.28", "calibration slope 1.42, wanted 0.8 to 1.2"),
        accepted=("calibration_slope",), because="the next is fitted on more",
    )  # fmt: skip
    for subject in ("place", "person"):
        let_answer_who_learned_until(
            site, subject, "2026-01-01T00:00:00+00:00", version=5, at=promotion.at, promotion=promotion
        )
    found = opened(folder)
    lose_forecasts(found)
    return found
