"""Everyone's probability as of a moment, with reasons tied to counts and dates; or why there is none."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from crisisrisk.cohorts import PersonRows, person_cohort
from crisisrisk.database.scores import RunMeta
from crisisrisk.features.person import person_event_columns, person_features
from crisisrisk.models.bundle import Bundle
from crisisrisk.models.reasons import reasons_for
from crisisrisk.scoring.evidence import evidence_of_bucket
from crisisrisk.scoring.history import ThinHistory
from crisisrisk.scoring.registers import opted_out_at
from crisisrisk.scoring.telling import Teller
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot
from crisisrisk.timeline import microseconds

if TYPE_CHECKING:
    import pandas as pd

SCORED = "scored"
COLUMNS = ("person_id", "state", "probability", "lower", "upper", "thin_history", "reasons", "as_of")

EVENT_COLUMNS = ("event_id", "person_id", "occurred_at", "known_at", "superseded_at", "source", "code", "outcome",
                  "origin", "is_crisis", "ended_at")  # fmt: skip


@dataclass(frozen=True)
class PersonScores:
    """Everyone known at `meta.as_of`, the highest probability first, those without one last.

    `frame` columns: `person_id, state, probability` (0 to 1, NaN unless scored), `lower`, `upper` (of its range, NaN
    unless scored by a model that has one), `thin_history` (true or false), `reasons` (lists of `direction` up, down
    or not_known, `share, text, events`), `as_of`.
    """

    frame: "pd.DataFrame"
    meta: RunMeta

    @property
    def scored(self) -> int:
        """How many people have a probability."""
        return int((self.frame["state"] == SCORED).sum())

    def top(self, length: int) -> "list[dict[str, Any]]":
        """The first rows of the list: those with a probability, the highest first."""
        listed = self.frame[self.frame["state"] == SCORED].head(length)
        return [dict(zip(COLUMNS, row, strict=True)) for row in zip(*(listed[name] for name in COLUMNS), strict=True)]


def score_people(model: Bundle, snapshot: Snapshot, site: Site, *, as_of: datetime) -> PersonScores:
    """Score everyone known at `as_of` with the recipe inside the bundle. Raises ModelError for a bundle of places."""
    import pandas as pd

    # Who objects now is not scored for a moment in the past either.
    objections, now = snapshot.table("opt_outs"), microseconds(snapshot.as_of_now())
    opted_out = opted_out_at(objections, microseconds(as_of)) | opted_out_at(objections, now)
    teller = Teller(model, as_of, site.time_zone, late_sources(model, snapshot, as_of))
    scorer = _Scorer(model, site, as_of, opted_out, snapshot.caseloads(), teller)
    columns = tuple(dict.fromkeys((*EVENT_COLUMNS, *person_event_columns(model.features))))
    rows: list[_Scored] = []
    for bucket in range(snapshot.buckets):
        rows.extend(scorer.bucket(snapshot.person_events(bucket, columns), snapshot.people_in(bucket)))
    # Lists are ordered before calibration, which may give neighbours the same probability; ids break what is left.
    rows.sort(key=lambda row: (row.state != SCORED, -row.log_odds, row.person_id))
    frame = pd.DataFrame(
        {
            "person_id": [row.person_id for row in rows],
            "state": [row.state for row in rows],
            "probability": np.array([row.probability for row in rows], dtype=np.float64),
            "lower": np.array([row.lower for row in rows], dtype=np.float64),
            "upper": np.array([row.upper for row in rows], dtype=np.float64),
            "thin_history": np.array([row.thin_history for row in rows], dtype=bool),
            "reasons": pd.Series([row.reasons for row in rows], dtype=object),
            "as_of": [as_of] * len(rows),
        }
    )
    return PersonScores(frame, run_meta(model, snapshot, as_of=as_of))


def late_sources(model: Bundle, snapshot: Snapshot, as_of: datetime) -> dict[str, datetime]:
    """The sources that the model reads and that were late at a moment; for each, up to when it is complete."""
    complete = snapshot.complete_to(as_of)
    late = snapshot.late(as_of)
    return {name: complete[name] for name in model.features.sources if late.get(name) and name in complete}


def run_meta(model: Bundle, snapshot: Snapshot, *, as_of: datetime) -> RunMeta:
    """What a run of scoring or forecasting says about itself."""
    manifest, task = model.manifest, model.task
    return RunMeta(
        task=task.name,
        model_name=manifest.name,
        model_version=manifest.version,
        run_id=manifest.run_id,
        recipe_fingerprint=manifest.recipe_fingerprint,
        horizon_days=task.horizon_days,
        as_of=as_of,
        data_complete_to=snapshot.complete_to(as_of),
        valid_until=as_of + timedelta(hours=task.valid_hours),
        made_at=datetime.now(UTC),
        outcome=task.outcome,
    )


@dataclass(frozen=True)
class _Scored:
    person_id: str
    state: str
    probability: float = float("nan")
    lower: float = float("nan")
    upper: float = float("nan")
    thin_history: bool = False
    log_odds: float = 0.0
    reasons: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class _Scorer:
    model: Bundle
    site: Site
    as_of: datetime
    opted_out: frozenset[str]
    caseloads: pa.Table | None
    teller: Teller

    def bucket(self, events: pa.Table, people: pa.Table) -> list[_Scored]:
        """Everyone of one bucket who is known at the moment."""
        task = self.model.task
        cohort = person_cohort(task.cohort, task.crisis, events, people, [self.as_of], opted_out=self.opted_out)
        pairs = zip(cohort.states.person_id.tolist(), cohort.states.state.tolist(), strict=True)
        silent = [_Scored(person, state) for person, state in pairs if state != SCORED]
        return silent + (self._scored(events, people, cohort.rows) if len(cohort.rows) else [])

    def _scored(self, events: pa.Table, people: pa.Table, rows: PersonRows) -> list[_Scored]:
        model, names = self.model.risk_model, self.model.features.names
        features = person_features(
            self.model.features, events, people, rows, zone=self.site.time_zone, caseloads=self.caseloads
        )
        log_odds = model.log_odds(features, names)
        probability = model.calibration.apply(log_odds)
        thin = self._thin_rule().of(events, people, rows)
        lower, upper = model.calibration.ends(log_odds, thin)
        found = reasons_for(self.model.features, model.contributions(features, names), features)
        evidence = evidence_of_bucket(events, rows.person_id, microseconds(self.as_of), self.site.time_zone)
        said = self.teller.told(evidence, found, features)
        return [
            _Scored(
                person_id=person,
                state=SCORED,
                probability=float(probability[row]),
                lower=float(lower[row]),
                upper=float(upper[row]),
                thin_history=bool(thin[row]),
                log_odds=float(log_odds[row]),
                reasons=said[row],
            )
            for row, person in enumerate(rows.person_id.tolist())
        ]

    def _thin_rule(self) -> ThinHistory:
        task = self.model.task
        return ThinHistory(days=task.thin_history_days, contacts=task.thin_history_contacts)


# The file


def scores_table(scores: PersonScores) -> "pd.DataFrame":
    """The scores as a file has them: reasons as columns `reason_1`, `reason_2`, … instead of lists."""
    frame = scores.frame
    table = frame[["person_id", "probability", "lower", "upper", "state", "thin_history"]].copy()
    most = max((len(reasons) for reasons in frame["reasons"]), default=0)
    for number in range(most):
        table[f"reason_{number + 1}"] = [
            f"{reasons[number]['direction'].replace('_', ' ')}: {reasons[number]['text']}"
            if number < len(reasons)
            else None
            for reasons in frame["reasons"]
        ]
    table["as_of"] = frame["as_of"]
    return table
