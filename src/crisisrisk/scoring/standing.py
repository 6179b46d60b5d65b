"""How one person stands at a moment, by what was known before another one: the score and all that gives it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crisisrisk.cohorts import PersonRows, person_cohort
from crisisrisk.features.person import person_event_columns, person_features
from crisisrisk.models.bundle import Bundle
from crisisrisk.models.reasons import FeatureGroups, feature_groups, group_contributions
from crisisrisk.models.trees import Numbers
from crisisrisk.purposes import DIRECT_CARE
from crisisrisk.scoring.evidence import EvidenceOfBucket, evidence_of_bucket
from crisisrisk.scoring.history import thin_rule
from crisisrisk.scoring.people import EVENT_COLUMNS
from crisisrisk.scoring.registers import objecting
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot, bucket_of
from crisisrisk.timeline import FOREVER, microseconds


@dataclass(frozen=True)
class Record:
    """Everything loaded of one person: all versions."""

    person_id: str
    site: Site
    events: pa.Table
    people: pa.Table
    caseloads: pa.Table | None
    opted_out: frozenset[str]

    def known_before(self, moment: datetime) -> "Record":
        """The record as it was: later versions are gone, and with them what they corrected."""
        events = self.events.filter(_before(self.events, moment))
        until = events.column("superseded_at")
        stands = pc.greater_equal(until, _scalar(moment, until.type))
        place = events.schema.get_field_index("superseded_at")
        events = events.set_column(
            place, events.schema.field(place), pc.if_else(stands, _scalar(FOREVER, until.type), until)
        )
        caseloads = self.caseloads
        if caseloads is not None:
            caseloads = caseloads.filter(_before(caseloads, moment))
        return replace(
            self, events=events, people=self.people.filter(_before(self.people, moment)), caseloads=caseloads
        )

    def state(self, model: Bundle, as_of: datetime) -> str | None:
        """`scored`, or why there is no score; None for someone of whom nothing was known."""
        task = model.task
        cohort = person_cohort(
            task.cohort, task.crisis, self.events, self.people, [as_of], opted_out=self.opted_out
        )  # fmt: skip
        states = dict(zip(cohort.states.person_id.tolist(), cohort.states.state.tolist(), strict=True))
        return states.get(self.person_id)


def _before(table: pa.Table, moment: datetime) -> pa.Array:
    column = table.column("known_at")
    return pc.less(column, _scalar(moment, column.type))


def _scalar(moment: datetime, kind: pa.DataType) -> pa.Scalar:
    return pa.scalar(microseconds(moment), pa.int64()).cast(kind)


def record_of(snapshot: Snapshot, site: Site, person_id: str, *, models: list[Bundle], as_of: datetime) -> Record:
    """What is loaded of one person, as much as the models read. An objection that holds now holds for the past too."""
    bucket = int(bucket_of(pa.array([person_id]), snapshot.buckets)[0])
    wanted = [name for model in models for name in person_event_columns(model.features)]
    columns = tuple(dict.fromkeys((*EVENT_COLUMNS, *wanted)))
    objections, now = snapshot.table("opt_outs"), microseconds(snapshot.as_of_now())
    caseloads = snapshot.caseloads()
    return Record(
        person_id=person_id,
        site=site,
        events=_of_person(snapshot.person_events(bucket, columns), person_id),
        people=_of_person(snapshot.people_in(bucket), person_id),
        caseloads=None if caseloads is None else _of_person(caseloads, person_id),
        opted_out=objecting(objections, as_of_us=microseconds(as_of), now_us=now, purpose=DIRECT_CARE),
    )


def _of_person(table: pa.Table, person_id: str) -> pa.Table:
    return table.filter(pc.equal(table.column("person_id").cast(pa.string()), person_id)).combine_chunks()


@dataclass(frozen=True)
class Standing:
    """A score and what gives it. `contributions`: shape (1, features + 1), log-odds; they add up to `log_odds`."""

    model: Bundle
    as_of: datetime
    log_odds: float
    probability: float
    lower: float
    upper: float
    """The ends of the range; NaN without one."""
    thin_history: bool
    features: NDArray[np.float32]
    contributions: Numbers
    evidence: EvidenceOfBucket

    @property
    def expected_value(self) -> float:
        """The log-odds before anything is said of the person."""
        return float(self.contributions[0, -1])

    @property
    def groups(self) -> FeatureGroups:
        """The groups whose contributions are one reason each."""
        return feature_groups(self.model.features)

    @property
    def by_group(self) -> Numbers:
        """What each group gives, in log-odds. Shape (groups,)."""
        sums: Numbers = group_contributions(self.contributions, self.groups)[0]
        return sums


def highest_standing(models: Sequence[Bundle], record: Record, as_of: datetime) -> Standing:
    """By the model that says the most of somebody; of equals by the first, which is the one that answers."""
    return max((standing(model, record, as_of) for model in models), key=lambda one: one.probability)


def standing(model: Bundle, record: Record, as_of: datetime) -> Standing:
    """Score one record as of a moment, whatever the person's state."""
    rows = PersonRows(
        np.array([record.person_id], dtype=object), np.array([0, 1]), np.array([microseconds(as_of)], dtype=np.int64)
    )
    zone, risk, names = record.site.time_zone, model.risk_model, model.features.names
    features = person_features(
        model.features, record.events, record.people, rows, zone=zone, caseloads=record.caseloads
    )  # fmt: skip
    log_odds = risk.log_odds(features, names)
    thin = thin_rule(model.task).of(record.events, record.people, rows)
    lower, upper = risk.calibration.ends(log_odds, thin)
    return Standing(
        model=model,
        as_of=as_of,
        log_odds=float(log_odds[0]),
        probability=float(risk.calibration.apply(log_odds)[0]),
        lower=float(lower[0]),
        upper=float(upper[0]),
        thin_history=bool(thin[0]),
        features=features,
        contributions=risk.contributions(features, names),
        evidence=evidence_of_bucket(record.events, rows.person_id, microseconds(as_of), zone),
    )
