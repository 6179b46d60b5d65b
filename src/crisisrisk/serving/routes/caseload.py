"""A team's caseload: who comes first whatever the score, who has none, and the list, by what is new or due."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from crisisrisk.database.data_queries import answered_since
from crisisrisk.database.latest import StoredScore
from crisisrisk.database.scores import SCORED
from crisisrisk.database.shown import SeenMark, capacity_of, last_seen, mark_seen, set_capacity
from crisisrisk.scoring.ordering import Placed, list_order
from crisisrisk.serving.access import CareViewer, OwnTeam, Viewer
from crisisrisk.serving.asked import Name
from crisisrisk.serving.asked_care import CapacityAsked
from crisisrisk.serving.care_answers import Capacity, Seen
from crisisrisk.serving.care_examples import CAPACITY, SEEN
from crisisrisk.serving.caseload_answers import Caseload, CaseloadUnscored, FirstGroup, Only, QueryAnswered, Sort, Tab
from crisisrisk.serving.caseload_lists import TeamList
from crisisrisk.serving.contacts import DETENTIONS, PLAN, VISIT
from crisisrisk.serving.examples import CASELOAD, answered
from crisisrisk.serving.first import TeamContacts
from crisisrisk.serving.problems import too_much
from crisisrisk.serving.routes import API
from crisisrisk.serving.routes.care import author_of
from crisisrisk.serving.scores import LastScores, last_scores, pinned, run_reference
from crisisrisk.serving.state import Service, ServiceOf
from crisisrisk.serving.team_weeks import TeamWeeks
from crisisrisk.serving.wording import OTHER_SCORES, UNSCORED

caseloads = APIRouter(prefix=API, tags=["people"])

USUAL_LIST_LENGTH = 25
ME = "me"
ANSWERS_TOLD = timedelta(days=28)
NO_SAFETY_LINE = "This is the team's capacity, not a safety line."


class CaseloadQuery(BaseModel):
    """Which part of a caseload is asked for, and how much of it."""

    model_config = ConfigDict(extra="forbid")

    tab: Tab = Field("new_or_changed", description="Which people are listed; who comes first always does.")
    worker: Name | None = Field(
        None, description="Only the people of one care coordinator; `me`: of the one whose key or token it is."
    )
    sort: Sort | None = Field(
        None, description="Left out: as the tab has it. `review_due` is never in the order of the numbers."
    )
    only: Only | None = Field(None, description="Only those of whom this is so.")
    limit: int | None = Field(
        None, ge=1, description="Most people listed. Left out: what the team can manage in a week."
    )


@caseloads.get("/caseloads/{team}", summary="A team's people, most likely first", responses=answered(CASELOAD))
def caseload(
    team: OwnTeam, viewer: CareViewer, query: Annotated[CaseloadQuery, Query()], service: ServiceOf
) -> Caseload | CaseloadUnscored:
    """Everyone on the caseload now. Who has no current score is pinned above the list with the reason."""
    if query.tab == "review_due" and query.sort == "likely":
        raise too_much("sort", "last_review or last_contact: what is due is never in the order of the numbers")
    service.person_model.manifest()
    capacity = team_capacity(service, team)
    limit, now, view = _limit(service, capacity, query.limit), service.now(), service.view()
    members = view.caseloads.people(team, now)
    workers = {person: view.caseloads.worker_of(team, person, now) for person in members}
    worker = _worker(viewer, query.worker)
    mine = frozenset(one for one in members if worker is None or workers[one] == worker)
    last = last_scores(service, members, now)
    contacts = TeamContacts(
        events=view.events_of(members), members=members, now=now, zone=service.settings.site.time_zone,
        plans_recorded=PLAN in (recorded := view.snapshot.sources()), visits_recorded=VISIT in recorded,
        days=view.snapshot.days_alone,
    )  # fmt: skip
    groups = contacts.groups(last.states, detentions=viewer.reaches(DETENTIONS))
    seen = last_seen(service.engine, made_by=viewer.key_id, team_id=team)
    about = {
        "team": team, "people_on_caseload": len(mine), "tab": query.tab, "worker": worker,
        "answered": _answered(service, team, seen, mine, now),
        "workers": sorted({name for name in workers.values() if name is not None}),
        "people_without_worker": sum(name is None for name in workers.values()),
        "pinned": [one for one in pinned(service, last) if one.person_id in mine], "first": _of(groups, mine),
        "not_recorded": [] if contacts.plans_recorded else ["no_crisis_plan"], "capacity": capacity,
    }  # fmt: skip
    if last.run is None or last.of_another_model:
        caveats = [OTHER_SCORES if last.of_another_model else UNSCORED, service.settings.phrases.caveats["outcome"]]
        return CaseloadUnscored.model_validate({**about, "people_scored": 0, "people": [], "caveats": caveats})
    ordered = _in_order(last, cuts={limit, _limit(service, capacity, None)})
    weeks = TeamWeeks(
        service=service, run=last.run, members=members, scored=[one.person_id for one in ordered],
        capacity=capacity.people_a_week,
    )  # fmt: skip
    found = TeamList(
        service=service, team=team, now=now, run=last.run, weeks=weeks, last=last, ordered=ordered, contacts=contacts,
        detentions=viewer.reaches(DETENTIONS), seen=seen, workers=workers,
    )  # fmt: skip
    listed = [one for one in found.shown(query.tab, sort=query.sort, only=query.only) if one.person_id in mine]
    shown = found.cut(query.tab, listed, limit)
    service.shown.keep(last.run, [score.person_id for score in shown], viewer=viewer, now=now)
    rows, basis = found.rows(shown, viewer), found.basis(shown)
    scored = sum(one.person_id in mine for one in ordered)
    counts = {"people_scored": scored, "people_on_list": len(listed)}
    seen_at = None if seen is None else seen.seen_at
    return Caseload.model_validate({**basis, **about, **counts, "seen_at": seen_at, "people": rows})


@caseloads.put("/caseloads/{team}/capacity", summary="Say what a team can manage", responses=answered(CAPACITY))
def say_capacity(team: OwnTeam, viewer: CareViewer, asked: CapacityAsked, service: ServiceOf) -> Capacity:
    """How many people it can review in a week from now on: where the line is drawn, and how long a list is."""
    set_capacity(
        service.engine, author_of(viewer, service), made_at=service.now(), people_a_week=asked.people_a_week,
        reason=asked.reason,
    )  # fmt: skip
    return team_capacity(service, team)


@caseloads.post(
    "/caseloads/{team}/seen", summary="Say that you have looked", status_code=201, responses=answered(SEEN, 201)
)
def say_seen(team: OwnTeam, viewer: CareViewer, service: ServiceOf) -> Seen:
    """What comes after it is new to this key. Asking for the list alone moves no mark."""
    author, now = author_of(viewer, service), service.now()
    run = last_scores(service, [], now).run
    number = None if run is None else run.number
    made = mark_seen(service.engine, made_by=author.made_by, team_id=team, seen_at=now, run_id=number)
    return Seen(team=team, seen_at=made.seen_at, reference=None if run is None else run_reference(run))


def _worker(viewer: Viewer, asked: str | None) -> str | None:
    """Whose people are asked for. Raises NoAnswerError for one's own where nobody said whose key it is."""
    if asked != ME:
        return asked
    if viewer.worker is None:
        raise too_much("worker", "a key or token that says which care coordinator it is of: keys create --worker W")
    return viewer.worker


def _answered(
    service: Service, team: str, seen: SeenMark | None, people: Collection[str], now: datetime
) -> list[QueryAnswered]:  # fmt: skip
    """What came of the team's questions about some people since somebody looked."""
    since = now - ANSWERS_TOLD if seen is None else max(seen.seen_at, now - ANSWERS_TOLD)
    return [
        QueryAnswered(
            number=one.number, person_id=one.person_id, answered_at=one.answered_at, outcome=one.outcome or ""
        )
        for one in answered_since(service.engine, team, since)
        if one.person_id in people and one.answered_at is not None
    ]  # fmt: skip


def _of(groups: Sequence[FirstGroup], people: Collection[str]) -> list[FirstGroup]:
    """The groups as far as they are of some people; none that is empty."""
    kept = [(one, [person for person in one.people if person.person_id in people]) for one in groups]
    return [one.model_copy(update={"people": left}) for one, left in kept if left]


def team_capacity(service: Service, team: str) -> Capacity:
    """What was said last, else the list length that the site declares."""
    said, declared = capacity_of(service.engine, team), service.settings.site.teams.get(team)
    usual = declared.list_length if declared else USUAL_LIST_LENGTH
    return Capacity(
        team=team, people_a_week=usual if said is None else said.people_a_week, meaning=NO_SAFETY_LINE,
        said_at=None if said is None else said.made_at, said_by=None if said is None else said.made_by,
    )  # fmt: skip


def _in_order(last: LastScores, *, cuts: Collection[int]) -> list[StoredScore]:
    """Those with a current score, as a list of that length shows them."""
    scored = (last.scores[person] for person, state in last.states.items() if state == SCORED)
    placed = (Placed(score.person_id, score.probability or 0.0, score.tie_key) for score in scored)
    return [last.scores[one.person_id] for one in list_order(placed, cuts=cuts)]


def _limit(service: Service, capacity: Capacity, asked: int | None) -> int:
    most = service.settings.service.limits.list_length
    if asked is not None and asked > most:
        raise too_much("limit", f"at most {most}")
    return asked or min(most, capacity.people_a_week)
