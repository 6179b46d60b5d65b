"""What a team says and decides about its own people: feedback, reviews, snoozes, and contacts that are wrong."""

from datetime import datetime, time, timedelta
from typing import Annotated

import pyarrow as pa
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from crisisrisk.database.data_queries import KeptQuery, queries_about, save_query
from crisisrisk.database.feedback import (
    KeptFeedback,
    KeptReview,
    feedback_about,
    feedback_of_team,
    reviews_about,
    save_feedback,
    save_review,
)
from crisisrisk.database.rows import Author
from crisisrisk.database.scores import SCORED
from crisisrisk.database.shown import first_shown
from crisisrisk.database.snoozes import KeptSnooze, end_snooze, save_snooze, snoozes_about
from crisisrisk.scoring.ordering import in_100
from crisisrisk.serving.access import CareViewer, OwnPerson, OwnTeam, Viewer
from crisisrisk.serving.asked_care import DataQueryAsked, FeedbackAsked, ReviewAsked, SnoozeAsked
from crisisrisk.serving.care_answers import (
    ContactShown,
    FeedbackGiven,
    PersonContacts,
    PersonFeedback,
    PersonQueries,
    PersonReviews,
    PersonSnoozes,
    QueryMade,
    ReviewMade,
    SnoozeMade,
    TeamFeedback,
)
from crisisrisk.serving.care_examples import (
    CONTACTS,
    FEEDBACK,
    PERSON_FEEDBACK,
    PERSON_QUERIES,
    PERSON_REVIEWS,
    PERSON_SNOOZES,
    QUERY,
    REVIEW_MADE,
    SNOOZE,
    TEAM_FEEDBACK,
)
from crisisrisk.serving.contacts import (
    DETENTIONS,
    VISIT,
    Contact,
    contacts_of,
    events_of,
    happened,
    kind_shown,
    latest_first,
    shown,
)
from crisisrisk.serving.examples import NO_SCORE, NOT_NOW, answered
from crisisrisk.serving.mended import record_now
from crisisrisk.serving.problems import NoAnswerError, nothing_here, too_much
from crisisrisk.serving.reached import reached_in
from crisisrisk.serving.routes import API
from crisisrisk.serving.scores import LastScores, last_scores, no_score
from crisisrisk.serving.state import Service, ServiceOf

care = APIRouter(prefix=API, tags=["care"])

LONGEST_SNOOZE = timedelta(days=84)
SnoozeNumber = Annotated[int, Path(ge=1, le=2**31 - 1, description="The snooze's number.")]


class ContactsQuery(BaseModel):
    """How many contacts are asked for."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=500, description="Most contacts, the latest first.")


class TeamFeedbackQuery(BaseModel):
    """Which feedback of a team is asked for."""

    model_config = ConfigDict(extra="forbid")

    due: bool = Field(True, description="Only first steps whose second is due now, the one that waits longest first.")
    limit: int = Field(100, ge=1, le=1_000)


def author_of(viewer: Viewer, service: Service) -> Author:
    """Who says something. Raises where it could not be audited: nothing is changed that nobody can answer for."""
    service.auditor.check()
    return Author(team_id=viewer.team or "", made_by=viewer.key_id, role=viewer.role_name)


@care.get("/people/{pid}/contacts", summary="A person's dated contacts", responses=answered(CONTACTS))
def contacts(
    pid: OwnPerson, viewer: CareViewer, query: Annotated[ContactsQuery, Query()], service: ServiceOf
) -> PersonContacts:
    """What is known of the person now, whether there is a score or not."""
    now = service.now()
    snapshot = service.view().snapshot
    events = events_of(snapshot, [pid])
    found = latest_first(events, [pid], now, days=snapshot.days_alone)[pid]
    told = [shown(one, detentions=viewer.reaches(DETENTIONS)) for one in found[: query.limit]]
    seen = happened(events, now) if VISIT in snapshot.sources() else None
    reached = None if seen is None else reached_in(seen, [pid], days=snapshot.days_alone)[pid]
    return PersonContacts(person_id=pid, now=now, reached=reached, contacts=told, more=len(found) > query.limit)


# Feedback


@care.post(
    "/people/{pid}/feedback", summary="Say what you think of a score", status_code=201,
    responses={**answered(FEEDBACK, 201, **NO_SCORE), **NOT_NOW},
)  # fmt: skip
def give_feedback(pid: OwnPerson, viewer: CareViewer, asked: FeedbackAsked, service: ServiceOf) -> FeedbackGiven:
    """In two steps: at once about the score of now, and a week later with `follows` about the same one."""
    now, author = service.now(), author_of(viewer, service)
    if asked.follows is None:
        run_id: int | None = _with_score(service, pid, now)
    else:
        run_id = _first_step(service, pid, author, asked.follows, now).run_id
    made = save_feedback(
        service.engine, author, pid, made_at=now, run_id=run_id, verdict=asked.verdict, reason=asked.reason,
        words=asked.words, follows=asked.follows,
    )  # fmt: skip
    return _feedback(made)


@care.get("/people/{pid}/feedback", summary="What was said of a person's scores", responses=answered(PERSON_FEEDBACK))
def person_feedback(pid: OwnPerson, viewer: CareViewer, service: ServiceOf) -> PersonFeedback:
    """By the own team, the newest first."""
    found = feedback_about(service.engine, pid, viewer.team or "")
    return PersonFeedback(person_id=pid, feedback=[_feedback(one) for one in found])


@care.get("/caseloads/{team}/feedback", summary="What a team said of scores", responses=answered(TEAM_FEEDBACK))
def team_feedback(team: OwnTeam, query: Annotated[TeamFeedbackQuery, Query()], service: ServiceOf) -> TeamFeedback:
    """Usually what is due: said a week ago or longer, and not asked again since. Of people on the caseload now."""
    now = service.now()
    found = feedback_of_team(service.engine, team, due_at=now if query.due else None, limit=query.limit)
    caseloads = service.view().caseloads
    own = [one for one in found if caseloads.has(team, one.person_id, now)]
    return TeamFeedback(team=team, feedback=[_feedback(one) for one in own])


def _with_score(service: Service, pid: str, now: datetime) -> int:
    last = last_scores(service, [pid], now)
    if last.run is None or last.states[pid] != SCORED:
        raise no_score(service, last, last.states[pid])
    return last.run.number


def _first_step(service: Service, pid: str, author: Author, number: int, now: datetime) -> KeptFeedback:
    said = feedback_about(service.engine, pid, author.team_id)
    first = next((one for one in said if one.number == number and one.asked_again_at is not None), None)
    if first is None or first.asked_again_at is None or any(one.follows == number for one in said):
        raise too_much("follows", "the number of your team's own feedback about this person, not followed yet")
    if now < first.asked_again_at:
        raise NoAnswerError("CR-HTTP-409", "it is too early for the second step", hint="a week after the first")
    return first


def _feedback(one: KeptFeedback) -> FeedbackGiven:
    return FeedbackGiven(
        number=one.number, made_at=one.made_at, made_by=one.made_by, role=one.role, person_id=one.person_id,
        reference=_reference(one.run_id), verdict=one.verdict, reason=one.reason,  # type: ignore[arg-type]
        words=one.words, follows=one.follows, asked_again_at=one.asked_again_at,
    )  # fmt: skip


# Reviews


@care.post(
    "/people/{pid}/reviews", summary="Record a decision about a person", status_code=201,
    responses=answered(REVIEW_MADE, 201),
)  # fmt: skip
def record_review(pid: OwnPerson, viewer: CareViewer, asked: ReviewAsked, service: ServiceOf) -> ReviewMade:
    """By a human being, with the reason, whether there is a score or not."""
    now, author = service.now(), author_of(viewer, service)
    last = last_scores(service, [pid], now)
    run_id = last.run.number if last.run is not None and last.states[pid] == SCORED else None
    seen = None if run_id is None else first_shown(service.engine, pid, run_id=run_id, team_id=author.team_id)
    made = save_review(
        service.engine, author, pid, made_at=now, run_id=run_id, decision=asked.decision, words=asked.words,
        shown_at=seen,
    )  # fmt: skip
    return _review(made)


@care.get("/people/{pid}/reviews", summary="Decisions about a person", responses=answered(PERSON_REVIEWS))
def person_reviews(pid: OwnPerson, viewer: CareViewer, service: ServiceOf) -> PersonReviews:
    """Of the own team, the newest first."""
    found = reviews_about(service.engine, pid, viewer.team or "")
    return PersonReviews(person_id=pid, reviews=[_review(one) for one in found])


def _review(one: KeptReview) -> ReviewMade:
    return ReviewMade(
        number=one.number, made_at=one.made_at, made_by=one.made_by, role=one.role, person_id=one.person_id,
        reference=_reference(one.run_id), decision=one.decision, words=one.words, shown_at=one.shown_at,
    )  # fmt: skip


# Snoozes


@care.post(
    "/people/{pid}/snoozes", summary="Leave a person off the usual list for a while", status_code=201,
    responses=answered(SNOOZE, 201),
)  # fmt: skip
def snooze(pid: OwnPerson, viewer: CareViewer, asked: SnoozeAsked, service: ServiceOf) -> SnoozeMade:
    """Until a day. It wakes itself before: by a new contact, or by a rise of the number where one is named."""
    now, author = service.now(), author_of(viewer, service)
    until = datetime.combine(asked.until, time(), tzinfo=service.settings.site.time_zone)
    if not now < until <= now + LONGEST_SNOOZE:
        raise too_much("until", f"a day after today, at most {LONGEST_SNOOZE.days} days ahead")
    known, said = _contacts_and_number(service, pid, now)
    made = save_snooze(
        service.engine, author, pid, made_at=now, until=until, reason=asked.reason, contacts=known, in_100=said,
        rise=asked.rise,
    )  # fmt: skip
    return _snooze(made, now, contacts=known, in_100=said)


@care.delete("/people/{pid}/snoozes/{number}", summary="End a snooze", responses=answered(SNOOZE))
def end(pid: OwnPerson, number: SnoozeNumber, viewer: CareViewer, service: ServiceOf) -> SnoozeMade:
    """At once. One that was ended already stays as it is, and is answered."""
    now, author = service.now(), author_of(viewer, service)
    ended = end_snooze(
        service.engine, number, person_id=pid, team_id=author.team_id, ended_at=now, ended_by=author.made_by
    )  # fmt: skip
    if ended is None:
        raise nothing_here()
    known, said = _contacts_and_number(service, pid, now)
    return _snooze(ended, now, contacts=known, in_100=said)


@care.get("/people/{pid}/snoozes", summary="Snoozes of a person", responses=answered(PERSON_SNOOZES))
def person_snoozes(pid: OwnPerson, viewer: CareViewer, service: ServiceOf) -> PersonSnoozes:
    """Of the own team, the newest first; only the newest can still last."""
    now = service.now()
    found = snoozes_about(service.engine, pid, viewer.team or "")
    known, said = _contacts_and_number(service, pid, now)
    told = [_snooze(one, now, contacts=known, in_100=said, newest=one is found[0]) for one in found]
    return PersonSnoozes(person_id=pid, snoozes=told)


def _contacts_and_number(service: Service, pid: str, now: datetime) -> tuple[int, float | None]:
    known = len(contacts_of(service.view().snapshot, [pid], now)[pid])
    return known, number_said(last_scores(service, [pid], now), pid)


def number_said(last: LastScores, pid: str) -> float | None:
    """The n of "n in 100" that is said of somebody now; None where nothing is."""
    score = last.scores.get(pid)
    if last.states[pid] != SCORED or score is None or score.probability is None:
        return None
    return float(in_100(score.probability))


def _snooze(
    one: KeptSnooze, now: datetime, *, contacts: int, in_100: float | None, newest: bool = True
) -> SnoozeMade:  # fmt: skip
    woken = one.woken_by(now, contacts=contacts, in_100=in_100)
    return SnoozeMade(
        number=one.number, made_at=one.made_at, made_by=one.made_by, role=one.role, person_id=one.person_id,
        until=one.until, reason=one.reason, rise=one.rise, asleep=woken is None and newest, woken_by=woken,
    )  # fmt: skip


# Contacts that are wrong


@care.post(
    "/people/{pid}/data-queries", summary="Say that a contact is wrong", status_code=201,
    responses=answered(QUERY, 201),
)  # fmt: skip
def query_contact(pid: OwnPerson, viewer: CareViewer, asked: DataQueryAsked, service: ServiceOf) -> QueryMade:
    """It goes to those who keep the data, who see which row and not whose. One that is open already is answered."""
    now, author = service.now(), author_of(viewer, service)
    contact = _own_contact(service, pid, asked.event_id, now)
    made = save_query(
        service.engine, author, pid, made_at=now, event_id=contact.event_id, source=contact.source,
        occurred_at=contact.occurred_at, problem=asked.problem, words=asked.words,
    )  # fmt: skip
    return _query(service, made, viewer, _versions(service, pid), now)


@care.get("/people/{pid}/data-queries", summary="Contacts said to be wrong", responses=answered(PERSON_QUERIES))
def person_queries(pid: OwnPerson, viewer: CareViewer, service: ServiceOf) -> PersonQueries:
    """What the own team said, the newest first, and what came of it."""
    found, now = queries_about(service.engine, pid, viewer.team or ""), service.now()
    versions = _versions(service, pid if found else None)
    return PersonQueries(person_id=pid, queries=[_query(service, one, viewer, versions, now) for one in found])


def contact_of(service: Service, viewer: Viewer, pid: str, event_id: str) -> ContactShown:
    """One contact of a person as it may be shown. Raises NoAnswerError for one that is not theirs."""
    return shown(_own_contact(service, pid, event_id, service.now()), detentions=viewer.reaches(DETENTIONS))


def _own_contact(service: Service, pid: str, event_id: str, now: datetime) -> Contact:
    known = contacts_of(service.view().snapshot, [pid], now)[pid]
    found = next((one for one in known if one.event_id == event_id), None)
    if found is None:
        raise nothing_here()
    return found


def _versions(service: Service, pid: str | None) -> pa.Table:
    return events_of(service.view().snapshot, [] if pid is None else [pid])


def _query(service: Service, one: KeptQuery, viewer: Viewer, versions: pa.Table, now: datetime) -> QueryMade:
    record = record_now(versions, one, now)
    return QueryMade(
        number=one.number, made_at=one.made_at, made_by=one.made_by, role=one.role, person_id=one.person_id,
        event_id=one.event_id, source=kind_shown(one.source, detentions=viewer.reaches(DETENTIONS)),
        occurred_at=one.occurred_at,
        occurred_on=service.view().snapshot.days_alone.of(one.source, one.occurred_at), problem=one.problem,
        words=one.words, answered_at=one.answered_at, outcome=one.outcome, answer=one.answer, record=record.state,
        record_changed_at=record.changed_at,
    )  # fmt: skip


def _reference(run_id: int | None) -> str | None:
    return None if run_id is None else f"R-{run_id}"
