"""One person's score further: its history, the contacts behind its reasons, and what changed since a date."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from crisisrisk.database.history import scores_about
from crisisrisk.database.latest import Reasons, StoredScore
from crisisrisk.database.runs import StoredRun
from crisisrisk.database.schema import Score
from crisisrisk.database.scores import SCORED
from crisisrisk.models.bundle import Bundle
from crisisrisk.models.champions import signed_version
from crisisrisk.scoring.answering import answered_at
from crisisrisk.scoring.changes import AGEING, MODEL, NEW_CONTACTS, Changes, Part
from crisisrisk.scoring.explaining import Explanation, NotScored, explain_person
from crisisrisk.scoring.ordering import in_100
from crisisrisk.serving.access import CareViewer, OwnPerson, Viewer
from crisisrisk.serving.afterwards import made_afterwards
from crisisrisk.serving.contacts import DETENTIONS, Contact, contacts_of, reasons_for_role, shown
from crisisrisk.serving.examples import NO_SCORE, answered
from crisisrisk.serving.problems import too_much
from crisisrisk.serving.risk_answers import (
    ChangePart,
    ModelChange,
    PastScore,
    ReasonTold,
    RiskChanges,
    RiskHistory,
    RiskReasons,
)
from crisisrisk.serving.risk_examples import CHANGES, HISTORY, REASONS
from crisisrisk.serving.routes import API
from crisisrisk.serving.routes.caseload import team_capacity
from crisisrisk.serving.scores import LastScores, basis_of, last_scores, listed, no_score, one_of_few, run_reference
from crisisrisk.serving.state import Service, ServiceOf
from crisisrisk.serving.team_weeks import TeamWeeks
from crisisrisk.serving.wording import Freshness

risk = APIRouter(prefix=API, tags=["people"])

WEEKS = timedelta(weeks=24)
MOST_CONTACTS = 500
MEANINGS = {
    NEW_CONTACTS: "contacts that became known since", AGEING: "time passing, and older contacts fading",
    MODEL: "another model answers now",
}  # fmt: skip
KNOWN_SINCE = (
    "Records that came since the last scoring change what is known of its moment: the numbers here are worked out "
    "from them, and differ from the one shown."
)


class ChangesQuery(BaseModel):
    """Since when."""

    model_config = ConfigDict(extra="forbid")

    since: AwareDatetime = Field(description="A moment before the last scoring, with its zone.")


@risk.get(
    "/people/{pid}/risk/history", summary="A person's scores of 24 weeks", responses=answered(HISTORY, **NO_SCORE)
)
def history(pid: OwnPerson, viewer: CareViewer, service: ServiceOf) -> RiskHistory:
    """The last score of each day as it was given, by every version of the model that answers, over the contacts."""
    now = service.now()
    _, run, score = _current(service, pid, viewer, now)
    since = now - WEEKS
    past = _last_of_each_day(
        (one, said)
        for one, said in scores_about(service.engine, pid, since, now + timedelta(microseconds=1))
        if one.meta.model_name == run.meta.model_name
    )
    team = _team_of(service, viewer, now)
    told = [_past(service, one, said) for one, said in past]
    known = contacts_of(service.view().snapshot, [pid], now)[pid]
    return RiskHistory(
        **basis_of(service, run, [score]), **listed(run, score, viewer=viewer).model_dump(), since=since,
        team_in_100=in_100(_mean(team)), near_top_weeks=_weeks(service, viewer, team, run).near_top(pid), scores=told,
        model_changes=[
            ModelChange(as_of=after.as_of, before=before.model_version, after=after.model_version)
            for before, after in pairwise(told) if before.model_version != after.model_version
        ],
        contacts=[_shown(one, viewer) for one in known if one.occurred_at >= since][:MOST_CONTACTS],
    )  # fmt: skip


def _team_of(service: Service, viewer: Viewer, now: datetime) -> LastScores:
    """What is known of the people of the viewer's team; the person asked for is one of them."""
    return last_scores(service, service.view().caseloads.people(viewer.team or "", now), now)


def _mean(team: LastScores) -> float:
    """Of those with a current score."""
    said = [team.scores[person].probability or 0.0 for person in _scored(team)]
    return sum(said) / len(said)


def _weeks(service: Service, viewer: Viewer, team: LastScores, run: StoredRun) -> TeamWeeks:
    """The weeks of the viewer's team, as its list has them."""
    capacity = team_capacity(service, viewer.team or "").people_a_week
    return TeamWeeks(
        service=service, run=run, members=tuple(team.states), scored=_scored(team), capacity=capacity
    )  # fmt: skip


def _scored(team: LastScores) -> Sequence[str]:
    return [person for person, state in team.states.items() if state == SCORED]


def _last_of_each_day(found: Any) -> Sequence[tuple[StoredRun, Score]]:
    return list({run.meta.as_of.astimezone(UTC).date(): (run, score) for run, score in found}.values())


def _past(service: Service, run: StoredRun, score: Score) -> PastScore:
    meta = run.meta
    return PastScore(
        as_of=meta.as_of, made_afterwards=made_afterwards(service.person_model.manifest(), meta),
        state=score.state, probability=score.probability,
        likely_in_100=None if score.probability is None else in_100(score.probability), lower=score.lower,
        upper=score.upper, model_version=score.model_version or meta.model_version,
        late=list(Freshness(service.settings).late(meta.data_complete_to, meta.as_of)), reference=run_reference(run),
    )  # fmt: skip


@risk.get("/people/{pid}/risk/reasons", summary="Why a score is what it is", responses=answered(REASONS, **NO_SCORE))
def reasons(pid: OwnPerson, viewer: CareViewer, service: ServiceOf) -> RiskReasons:
    """Up, down and not known, as they were given with the score; each with the dated contacts behind it."""
    now = service.now()
    _, run, score = _current(service, pid, viewer, now)
    told = _told(score.reasons, viewer, _by_id(service, pid, now))
    return RiskReasons(
        **basis_of(service, run, [score]), **_without_reasons(run, score, viewer),
        up=[one for one in told if one.direction == "up"], down=[one for one in told if one.direction == "down"],
        not_known=[one for one in told if one.direction == "not_known"],
    )  # fmt: skip


@risk.get("/people/{pid}/risk/changes", summary="What changed since a date", responses=answered(CHANGES, **NO_SCORE))
def changes(
    pid: OwnPerson, viewer: CareViewer, query: Annotated[ChangesQuery, Query()], service: ServiceOf
) -> RiskChanges:
    """New contacts, time passing and a change of model: their parts add up to the movement, in points and log-odds."""
    now = service.now()
    last, run, score = _current(service, pid, viewer, now)
    as_of = run.meta.as_of
    if not as_of - WEEKS <= query.since < as_of:
        raise too_much("since", "a moment before the last scoring, at most 24 weeks")
    models = _models_of(service, run)
    days = service.settings.service.updating.keep_higher_days
    with one_of_few(service):
        then = answered_at(service.settings.site, models[0], query.since, keep_higher_days=days)
        found = explain_person(
            models, then.models, service.view().snapshot, service.settings.site, pid, as_of=as_of, since=query.since
        )
    if isinstance(found, NotScored):  # what came since says that there is nobody to score, as a scoring now would
        raise no_score(service, last, found.state or "no_data")
    basis = basis_of(service, run, [score])
    if in_100(found.probability) != in_100(score.probability or 0.0):
        basis["caveats"] = [*basis["caveats"], KNOWN_SINCE]
    return _changes(found, basis, run, viewer, _by_id(service, pid, now), query.since)


def _changes(
    found: Explanation, basis: Mapping[str, Any], run: StoredRun, viewer: Viewer, known: Mapping[str, Contact],
    since: datetime,
) -> RiskChanges:  # fmt: skip
    moved: Changes | None = found.changes
    return RiskChanges(
        **basis, person_id=found.person_id, state="scored", thin_history=found.thin_history,
        model_version=found.model.manifest.version, probability=found.probability,
        likely_in_100=in_100(found.probability), since=since, state_then=found.state_then,
        probability_then=None if moved is None else moved.before,
        likely_in_100_then=None if moved is None else in_100(moved.before),
        points=None if moved is None else moved.points, log_odds=None if moved is None else moved.log_odds,
        parts=[_part(part, viewer, known) for part in moved.parts] if moved else [],
    )  # fmt: skip


def _part(part: Part, viewer: Viewer, known: Mapping[str, Contact]) -> ChangePart:
    return ChangePart(
        cause=part.cause, meaning=MEANINGS[part.cause], points=part.points,  # type: ignore[arg-type]
        log_odds=part.log_odds, reasons=_told(part.reasons, viewer, known),
    )  # fmt: skip


def _models_of(service: Service, run: StoredRun) -> tuple[Bundle, ...]:
    """The models that a run took the higher numbers of, the one that answers first."""
    now, site = service.person_model.bundle(), service.settings.site
    former = [signed_version(site.models, now.manifest.name, version) for version in run.meta.former_versions]
    return (now, *former)


def _current(
    service: Service, pid: str, viewer: Viewer, now: datetime
) -> tuple[LastScores, StoredRun, StoredScore]:  # fmt: skip
    """A person's current score, noted as shown. Raises where there is none, with the state."""
    last = last_scores(service, [pid], now)
    if last.run is None or last.states[pid] != SCORED:
        raise no_score(service, last, last.states[pid])
    service.shown.keep(last.run, [pid], viewer=viewer, now=now)
    return last, last.run, last.scores[pid]


def _without_reasons(run: StoredRun, score: StoredScore, viewer: Viewer) -> dict[str, Any]:
    return listed(run, replace(score, reasons_kept=()), viewer=viewer).model_dump(exclude={"reasons"})


def _by_id(service: Service, pid: str, now: datetime) -> Mapping[str, Contact]:
    return {one.event_id: one for one in contacts_of(service.view().snapshot, [pid], now)[pid]}


def _told(
    given: Reasons | Sequence[Mapping[str, Any]], viewer: Viewer, known: Mapping[str, Contact]
) -> list[ReasonTold]:
    """Reasons with their contacts; one that was corrected away since is known by its id alone."""
    may = reasons_for_role(tuple(dict(one) for one in given), detentions=viewer.reaches(DETENTIONS))
    return [
        ReasonTold(
            direction=one["direction"], share=one.get("share"), text=one["text"], events=one.get("events", []),
            contacts=[_shown(known[event], viewer) for event in one.get("events", []) if event in known],
        )
        for one in may
    ]  # fmt: skip


def _shown(contact: Contact, viewer: Viewer) -> Any:
    return shown(contact, detentions=viewer.reaches(DETENTIONS))
