"""What is known of some people at a moment: stored scores, or ones worked out for the answer, and why there is none."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isnan
from typing import Any

from crisisrisk.database.latest import StoredScore, caseload_scores
from crisisrisk.database.runs import StoredRun
from crisisrisk.database.scores import SCORED
from crisisrisk.purposes import DIRECT_CARE
from crisisrisk.scoring.answering import beside
from crisisrisk.scoring.former import FORMER
from crisisrisk.scoring.ordering import in_100
from crisisrisk.scoring.people import score_people
from crisisrisk.serving.access import Viewer
from crisisrisk.serving.answers import ListedPerson, PinnedPerson, reasons_given
from crisisrisk.serving.contacts import DETENTIONS, reasons_for_role
from crisisrisk.serving.problems import NoAnswerError
from crisisrisk.serving.state import Service
from crisisrisk.serving.wording import (
    EXPIRED,
    NO_DATA,
    OPTED_OUT,
    RESCORE,
    STALE,
    Freshness,
    state_in_words,
)

LIVE = 0
"""The number of a run that is not kept."""
RETRY_SECONDS = 1


@dataclass(frozen=True, kw_only=True)
class LastScores:
    """What is known of some people at a moment, and the run that says it."""

    run: StoredRun | None
    of_another_model: bool
    scores: Mapping[str, StoredScore]
    states: Mapping[str, str]


def last_scores(service: Service, people: Iterable[str], now: datetime) -> LastScores:
    """The newest scores of the verified model that answers now; else what another one's run says but its numbers."""
    members, answering = list(people), service.person_model.manifest()
    found = caseload_scores(
        service.engine, members, model_name=answering.name, model_version=answering.version, at=now
    )  # fmt: skip
    other = None if found else caseload_scores(service.engine, members, at=now)
    run, scores = found or other or (None, {})
    too_old = None if run is None else Freshness(service.settings).run_state(run, now)
    states = _states(members, scores, STALE if other else too_old)
    states |= dict.fromkeys(service.view().opted_out(members, now, DIRECT_CARE), OPTED_OUT)
    return LastScores(run=run, of_another_model=other is not None, scores=scores, states=states)


def live_scores(service: Service, people: Collection[str], now: datetime) -> LastScores:
    """What the model that answers says of some people now. Raises ModelError where none ever was good."""
    site, declared = service.settings.site, service.settings.service
    models = beside(site, service.person_model.bundle(), keep_higher_days=declared.updating.keep_higher_days)
    with one_of_few(service):
        made = score_people(models.now, service.view().snapshot, site, as_of=now, former=models.former, only=people)
    run = StoredRun(LIVE, made.meta)
    rows = (dict(zip(made.frame.columns, row, strict=True)) for row in made.frame.itertuples(index=False, name=None))
    scores = {row["person_id"]: _scored(row) for row in rows}
    return LastScores(
        run=run, of_another_model=False, scores=scores,
        states=_states(people, scores, Freshness(service.settings).run_state(run, now)),
    )  # fmt: skip


def _scored(row: Mapping[str, Any]) -> StoredScore:
    """A row of a scoring, as it is read back where it is kept."""
    numbers = {name: None if isnan(row[name]) else float(row[name]) for name in ("probability", "lower", "upper")}
    return StoredScore(
        person_id=row["person_id"], state=row["state"], **numbers, reasons_kept=tuple(row["reasons"]),
        thin_history=bool(row["thin_history"]), model_version=int(row["model_version"]),
    )  # fmt: skip


def run_reference(run: StoredRun) -> str:
    """What to quote when asking about a run; one that is not kept is found by its moment in the audit trail."""
    return f"live-{run.meta.as_of.astimezone(UTC):%Y%m%dT%H%M%SZ}" if run.number == LIVE else f"R-{run.number}"


def _states(members: Iterable[str], scores: Mapping[str, StoredScore], in_place: str | None) -> dict[str, str]:
    """What is said of each member: the stored state, but `in_place` of a score where the run is too old for it."""
    stored = {person: scores[person].state if person in scores else NO_DATA for person in members}
    return {person: (in_place or state) if state == SCORED else state for person, state in stored.items()}


def pinned(service: Service, last: LastScores) -> list[PinnedPerson]:
    """Everyone without a score, grouped by state: a reader sees who is in a crisis or in hospital together."""
    return [
        PinnedPerson(person_id=person, state=state, meaning=_meaning(service, last, state))
        for person, state in sorted(last.states.items(), key=lambda item: (item[1], item[0]))
        if state != SCORED
    ]


def _meaning(service: Service, last: LastScores, state: str) -> str:
    return RESCORE if state == STALE and last.of_another_model else state_in_words(service.settings, state)


def listed(run: StoredRun, score: StoredScore, *, viewer: Viewer) -> ListedPerson:
    """A score as it is shown to somebody."""
    assert score.probability is not None, "the database keeps no score without its probability"
    return ListedPerson(
        person_id=score.person_id,
        state="scored",
        probability=score.probability,
        likely_in_100=in_100(score.probability),
        lower=score.lower,
        upper=score.upper,
        thin_history=score.thin_history,
        model_version=_whose(run, score),
        reasons=reasons_given(reasons_for_role(score.reasons, detentions=viewer.reaches(DETENTIONS))),
    )


def basis_of(service: Service, run: StoredRun, scores: Collection[StoredScore]) -> dict[str, Any]:
    """What every answer about scores of a run says about itself."""
    freshness = Freshness(service.settings)
    compared = bool(run.meta.former_versions)
    ranged = compared or all(score.lower is not None for score in scores)  # FORMER says why there is none
    thin = any(score.thin_history for score in scores)
    basis = freshness.basis(run, ranged=ranged, thin=thin)
    if compared:
        basis["caveats"] = [*basis["caveats"], FORMER]
    return {
        **basis,
        "horizon_days": run.meta.horizon_days,
        "valid_until": freshness.valid_until(run),
        "reference": run_reference(run),
    }


def _whose(run: StoredRun, score: StoredScore) -> int:
    """The version whose number it is."""
    return run.meta.model_version if score.model_version is None else score.model_version


def no_score(service: Service, last: LastScores, state: str) -> NoAnswerError:
    """Why there is no number: 410 where the last one is too old, 422 else."""
    code = "CR-HTTP-410" if state == EXPIRED else "CR-PERSON-002"
    stands_at: dict[str, Any] = {} if last.run is None else {"as_of": _text(last.run.meta.as_of)}
    return NoAnswerError(code, _meaning(service, last, state), state=state, **stands_at)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


@contextmanager
def one_of_few(service: Service) -> Iterator[None]:
    """One of the few people's scores that are worked out at once. Raises NoAnswerError where there is no room.

    After a start it waits until that is ready (`warm_up`), and raises the same where that takes long.
    """
    if not service.scoring.acquire(blocking=False):
        raise NoAnswerError(
            "CR-HTTP-503", "as many scores are being worked out as can be", hint="ask without fresh, or again soon",
            headers={"Retry-After": str(RETRY_SECONDS)},
        )  # fmt: skip
    try:
        service.warm_up.wait()
        yield
    finally:
        service.scoring.release()
