"""The promotion gate: every check of a candidate, on the site's own data, before it may answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from crisisrisk.commands.declared_recipe import SHOWN, declared_recipe
from crisisrisk.commands.features_audit import audit_of, audit_record
from crisisrisk.commands.place_promotion import place_checks
from crisisrisk.errors import GateError, ModelError, NotPromotedError
from crisisrisk.evaluation.gate import (
    BASELINES,
    CALIBRATION,
    CHAMPION,
    DECLARED,
    FRESHNESS,
    LEAKAGE,
    RECIPE,
    REPRODUCTION,
    SUBGROUPS,
    SUSPICION,
    GateCheck,
    against_baselines,
    against_champion,
    calibrated,
    fresh,
    simple_rule,
    subgroups_calibrated,
    suspicious,
)
from crisisrisk.evaluation.judged import JudgedPredictions, read_judged
from crisisrisk.models import registry
from crisisrisk.models.bundle import Bundle, load_bundle
from crisisrisk.models.champions import champion_of, changes
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot, Store
from crisisrisk.timeline import instant
from crisisrisk.training.audit_records import AuditRecord, audited_fingerprint, keep_audit, kept_audit
from crisisrisk.training.keeping import Recipes
from crisisrisk.training.person_data import PersonData
from crisisrisk.training.recipe import Gate, TrainingRecipe
from crisisrisk.training.retelling import Retold, retold

CODES = {
    BASELINES: "CR-GATE-002", CALIBRATION: "CR-GATE-003", SUBGROUPS: "CR-GATE-003", CHAMPION: "CR-GATE-004",
    LEAKAGE: "CR-GATE-005", RECIPE: "CR-GATE-006", FRESHNESS: "CR-GATE-007", REPRODUCTION: "CR-GATE-008",
    DECLARED: "CR-GATE-010", SUSPICION: "CR-GATE-011",
}  # fmt: skip
MAY_BE_ACCEPTED = (CALIBRATION, SUBGROUPS, CHAMPION, FRESHNESS, SUSPICION, DECLARED)
"""Checks that somebody may answer for. A leak, other recipes or other figures make every other check worthless; where a
model does not beat the simple rules, the rule itself can be served."""
NO_EXCEPTION = {BASELINES: "a rule that is as good can be served itself: crisisrisk train … --baseline NAME"}
"""What to do in place of an exception, where not training again."""

SAME_RISK = 1e-9
SHARE_RETOLD = 0.99
"""Where data were loaded since: the share of judged rows that must be as they were."""
AUDIT_SEED = 1

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Candidate:
    """A run's bundle with the rows that it was judged on."""

    run_id: str
    bundle: Bundle
    training: TrainingRecipe
    judged: JudgedPredictions | None
    """None for a model of places."""


def read_candidate(site: Site, run_id: str) -> Candidate:
    """What a run left behind, verified. Raises ModelError, UsageError when it left something else."""
    with registry.run_artifacts(site.mlflow_tracking_uri, run_id, registry.BUNDLE) as folder:
        bundle = load_bundle(folder)
    judged = None
    if bundle.manifest.subject == "person":
        with registry.run_artifacts(site.mlflow_tracking_uri, run_id, "") as folder:
            judged = read_judged(folder)
    return Candidate(run_id, bundle, TrainingRecipe.from_json(bundle.training_recipe), judged)


def run_checks(site: Site, candidate: Candidate, *, recipe: Path | None, tell: Tell) -> list[GateCheck]:
    """Every check of a candidate; none stops another."""
    snapshot = Store(site).snapshot()
    declared = declared_recipe(site, candidate.bundle, recipe)
    if candidate.judged is None:
        tell("forecasting the candidate's judged shifts again …")
        found = place_checks(site, candidate.run_id, candidate.bundle, candidate.training, snapshot, declared.gate)
        return [*found, *declared.checks]
    return [*declared.checks, *_person_checks(site, candidate, candidate.judged, snapshot, declared.gate, tell)]


def _person_checks(
    site: Site, candidate: Candidate, judged: JudgedPredictions, snapshot: Snapshot, gate: Gate, tell: Tell
) -> list[GateCheck]:
    tell("computing what the candidate says of its judged rows again …")
    found = retold(candidate.training, candidate.bundle, judged, snapshot, site)
    tell("holding it against baselines, frequencies and the model that answers …")
    return [
        _freshness(candidate, judged, found.data, snapshot.as_of_now(), gate),
        *_of_rows(candidate, judged, gate),
        *_reproduction(candidate, found, snapshot, site),
        *_champion(site, candidate, found, snapshot, gate),
        _leakage(site, candidate, snapshot, gate, tell),
    ]


def refuse_unless(checks: Sequence[GateCheck], run_id: str, accepted: Sequence[str], standing: str) -> None:
    """Raise NotPromotedError with every failed check that nobody answers for. `standing`: who answers meanwhile."""
    failed = [check for check in checks if not check.passed and check.name not in accepted]
    if failed:
        names = tuple(dict.fromkeys(check.name for check in failed))
        raise NotPromotedError(tuple(_refusal(check, run_id, standing) for check in failed), names)


def _refusal(check: GateCheck, run_id: str, standing: str) -> GateError:
    hints = [check.hint, standing]
    if check.name in MAY_BE_ACCEPTED:
        hints.append(f"--accept {check.name} --because … promotes it and keeps that on record")
    return GateError(
        CODES[check.name], f"not promoted: {check.found}, wanted {check.wanted}",
        where=f"run {run_id[:8]}" + (f", {check.where}" if check.where else ""),
        hint=" · ".join(hint for hint in hints if hint),
    )  # fmt: skip


def require_acceptable(accepted: Sequence[str], because: str) -> None:
    """Raise GateError for an exception that nobody may make, or that has no reason of its own."""
    for name in accepted:
        if name not in MAY_BE_ACCEPTED:
            raise GateError(
                "CR-GATE-009", f'no exception can be made from "{name}"', found=name,
                wanted=", ".join(MAY_BE_ACCEPTED),
                hint=NO_EXCEPTION.get(name, "what would be promoted is not what was judged"),
            )  # fmt: skip
    if accepted and not because.strip():
        raise GateError("CR-GATE-009", "an exception needs a reason of its own", wanted="--because with a sentence")


# The checks


def _of_rows(candidate: Candidate, judged: JudgedPredictions, gate: Gate) -> list[GateCheck]:
    limits = gate.limits
    baseline = candidate.bundle.manifest.baseline
    beaten = against_baselines(judged, limits) if baseline is None else [simple_rule(baseline)]
    return [*beaten, *calibrated(judged, limits), *subgroups_calibrated(judged, limits), suspicious(judged)]


def _freshness(
    candidate: Candidate, judged: JudgedPredictions, data: PersonData, now: datetime, gate: Gate
) -> GateCheck:
    """How old the data are that it learned from and was judged by, not when it was trained.

    Days of data without calendar dates are no dates: of them only the training cut-off says something.
    """
    ends = {"trained": datetime.fromisoformat(candidate.bundle.manifest.training_cut_off)}
    if judged.judging.dated:
        outcome = candidate.training.outcome
        reach = timedelta(days=outcome.gap_days + outcome.horizon_days)
        ends["the last outcomes that it was judged by"] = instant(int(judged.as_of.max())) + reach
        ends |= {f"complete records of {name}": instant(end) for name, end in data.complete_to.items()}
    return fresh(ends, now, most_days=gate.data_age_days)


def _reproduction(candidate: Candidate, found: Retold, snapshot: Snapshot, site: Site) -> list[GateCheck]:
    """The bundle, on the site's data, must say what the run reports: its figures are about this very model."""
    wanted = "the probabilities and outcomes that the run was judged by"
    try:
        risk = found.risk_by(candidate.bundle, snapshot, site)
    except ModelError as problem:
        return [GateCheck(name=REPRODUCTION, passed=False, found=problem.problem, wanted=wanted)]
    differs = (np.abs(risk - found.judged.risk) > SAME_RISK) | (found.happened != found.judged.happened)
    rows, wrong = len(risk) + found.missing, int(differs.sum()) + found.missing
    unchanged = snapshot.digest == candidate.bundle.manifest.data_digest
    passed = rows > 0 and wrong <= (0 if unchanged else (1 - SHARE_RETOLD) * rows)
    return [
        GateCheck(
            name=REPRODUCTION, passed=passed, wanted=wanted,
            found=f"of {rows:,} judged rows {wrong:,} come out otherwise on the site's data",
            hint="" if passed else "train again: the bundle, the report or the data changed since",
        )
    ]  # fmt: skip


def _champion(site: Site, candidate: Candidate, found: Retold, snapshot: Snapshot, gate: Gate) -> list[GateCheck]:
    name = candidate.bundle.manifest.name
    if not changes(site.models, name):
        return [GateCheck(name=CHAMPION, passed=True, found="no model answers yet", wanted="nothing")]
    champion = champion_of(site.models, name)
    who = f"v{champion.manifest.version}"
    if champion.manifest.run_id == candidate.run_id:
        return [GateCheck(name=CHAMPION, passed=True, found=f"{who} is this very run", wanted="nothing")]
    rows = found.judged
    risk = found.risk_by(champion, snapshot, site)
    return against_champion(rows, risk, gate.limits, who=who)


def _leakage(site: Site, candidate: Candidate, snapshot: Snapshot, gate: Gate, tell: Tell) -> GateCheck:
    record = _audited(site, candidate, snapshot, gate.audit_trials, tell)
    found = "; ".join(record.findings[:SHOWN]) if record.findings else f"{record.trials} trials found nothing"
    return GateCheck(
        name=LEAKAGE, passed=record.passed, found=found, wanted="no column or value that knows the future",
        hint="" if record.passed else "crisisrisk features audit shows all of it",
    )  # fmt: skip


def _audited(site: Site, candidate: Candidate, snapshot: Snapshot, trials: int, tell: Tell) -> AuditRecord:
    """The kept result of exactly these columns and data with enough trials, else a new one, which is kept."""
    fingerprint = audited_fingerprint(candidate.training, candidate.bundle.features)
    kept = kept_audit(site, fingerprint, snapshot.digest)
    if kept is not None and kept.trials >= trials:
        return kept
    tell("auditing its features for leaks …")
    recipes = Recipes(training=candidate.training, features=candidate.bundle.features, phrases=candidate.bundle.phrases)
    result = audit_of(site, recipes, snapshot, as_of=None, trials=trials, seed=AUDIT_SEED, tell=lambda _: None)
    record = audit_record(recipes, snapshot, result)
    keep_audit(site, record)
    return record
