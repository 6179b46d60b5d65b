"""Everyone's probability as of a moment, with reasons tied to counts and dates; or why there is none."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crisisrisk.cohorts import PersonRows, person_cohort
from crisisrisk.database.scores import RunMeta
from crisisrisk.features.person import person_event_columns, person_features
from crisisrisk.models.bundle import Bundle
from crisisrisk.models.reasons import reasons_for
from crisisrisk.models.trees import Numbers
from crisisrisk.purposes import DIRECT_CARE
from crisisrisk.scoring.evidence import evidence_of_bucket
from crisisrisk.scoring.history import Mask, thin_rule
from crisisrisk.scoring.ordering import tie_key
from crisisrisk.scoring.registers import objecting
from crisisrisk.scoring.telling import Teller
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot, bucket_of
from crisisrisk.timeline import microseconds

if TYPE_CHECKING:
    import pandas as pd

SCORED = "scored"
PINNED = ("in_crisis_episode", "in_hospital")
"""States that stand above every list: who is with a service already is never missing from a screen."""
COLUMNS = ("person_id", "state", "probability", "lower", "upper", "thin_history", "model_version", "tie_key",
           "reasons", "as_of")  # fmt: skip

EVENT_COLUMNS = ("event_id", "person_id", "occurred_at", "known_at", "superseded_at", "source", "code", "outcome",
                  "origin", "is_crisis", "ended_at")  # fmt: skip


@dataclass(frozen=True)
class PersonScores:
    """Everyone known at `meta.as_of`, the highest probability first, those without one last.

    `frame` columns: `person_id, state, probability` (0 to 1, NaN unless scored), `lower`, `upper` (of its range, NaN
    unless scored by one model alone that has one), `thin_history` (true or false), `model_version` (whose number
    it is), `tie_key` (NaN where ties are not drawn), `reasons` (lists of `direction` up, down or not_known,
    `share, text, events`), `as_of`.
    """

    frame: "pd.DataFrame"
    meta: RunMeta

    @property
    def scored(self) -> int:
        """How many people have a probability."""
        return int((self.frame["state"] == SCORED).sum())

    def pinned(self) -> dict[str, list[str]]:
        """The people of each state that stands above the list, in order of their pseudonyms."""
        frame = self.frame
        return {state: sorted(frame.loc[frame["state"] == state, "person_id"]) for state in PINNED}

    def top(self, length: int) -> "list[dict[str, Any]]":
        """The first rows of the list: those with a probability, the highest first."""
        listed = self.frame[self.frame["state"] == SCORED].head(length)
        return [dict(zip(COLUMNS, row, strict=True)) for row in zip(*(listed[name] for name in COLUMNS), strict=True)]


def score_people(
    model: Bundle,
    snapshot: Snapshot,
    site: Site,
    *,
    as_of: datetime,
    former: Sequence[Bundle] = (),
    tie_seed: int | None = None,
    only: Collection[str] | None = None,
) -> PersonScores:
    """Score everyone known at `as_of` with the recipe inside the bundle. Raises ModelError for a bundle of places.

    `only`: some people alone, each as in a scoring of everybody, to the bit; nobody else's contacts are looked at.

    `former`: models of before that ask the same question. Each person has the highest of all their numbers, with
    the reasons of the model whose number it is, and nobody has a range: that of one model holds among its own
    numbers, not among those picked for being the highest. `tie_seed`: a key is drawn
    for everyone scored, by which teams' lists order ties; the order here stays that of probability.
    """
    # Who objects now is not scored for a moment in the past either.
    objections, now = snapshot.table("opt_outs"), microseconds(snapshot.as_of_now())
    opted_out = objecting(objections, as_of_us=microseconds(as_of), now_us=now, purpose=DIRECT_CARE)
    models = (model, *former)
    tellers = tuple(Teller(one, as_of, site.time_zone, late_sources(one, snapshot, as_of)) for one in models)
    scorer = _Scorer(tellers, site, as_of, opted_out, snapshot.caseloads())
    columns = dict.fromkeys(EVENT_COLUMNS)
    for one in models:
        columns |= dict.fromkeys(person_event_columns(one.features))
    rows: list[_Scored] = []
    for bucket in range(snapshot.buckets) if only is None else _buckets_of(only, snapshot):
        tables = (snapshot.person_events(bucket, tuple(columns)), snapshot.people_in(bucket))
        events, people = tables if only is None else (_of(only, table) for table in tables)
        rows.extend(scorer.bucket(events, people))
    ordered = _in_order(rows, alone=not former)
    if tie_seed is not None:
        ordered = [_with_key(row, as_of, tie_seed) for row in ordered]
    meta = run_meta(model, snapshot, as_of=as_of)
    versions = tuple(one.manifest.version for one in former)
    return PersonScores(_frame(ordered, as_of), replace(meta, former_versions=versions, tie_seed=tie_seed))


def _buckets_of(people: Collection[str], snapshot: Snapshot) -> list[int]:
    return sorted(set(bucket_of(pa.array(list(people), pa.string()), snapshot.buckets).tolist()))


def _of(people: Collection[str], table: pa.Table) -> pa.Table:
    wanted = pa.array(list(people), pa.string())
    return table.filter(pc.is_in(table.column("person_id").cast(pa.string()), value_set=wanted)).combine_chunks()


def _in_order(rows: "list[_Scored]", *, alone: bool) -> "list[_Scored]":
    """Before calibration, which may give neighbours the same probability; log-odds of two models do not compare."""
    return sorted(
        rows,
        key=lambda row: (row.state != SCORED, 0.0 if alone else -row.probability, -row.log_odds, row.person_id),
    )


def _with_key(row: "_Scored", as_of: datetime, seed: int) -> "_Scored":
    return replace(row, tie_key=tie_key(seed, as_of, row.person_id)) if row.state == SCORED else row


def _frame(rows: "list[_Scored]", as_of: datetime) -> "pd.DataFrame":
    import pandas as pd

    numbers = ("probability", "lower", "upper", "tie_key")
    return pd.DataFrame(
        {
            "person_id": [row.person_id for row in rows],
            "state": [row.state for row in rows],
            **{name: np.array([getattr(row, name) for row in rows], dtype=np.float64) for name in numbers},
            "thin_history": np.array([row.thin_history for row in rows], dtype=bool),
            "model_version": np.array([row.model_version for row in rows], dtype=np.int64),
            "reasons": pd.Series([row.reasons for row in rows], dtype=object),
            "as_of": [as_of] * len(rows),
        }
    )[list(COLUMNS)]


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
    model_version: int
    probability: float = float("nan")
    lower: float = float("nan")
    upper: float = float("nan")
    thin_history: bool = False
    log_odds: float = 0.0
    tie_key: float = float("nan")
    reasons: tuple[dict[str, Any], ...] = ()


class _Answer(NamedTuple):
    """What one model makes of some rows. Shapes (rows, columns), (rows,) and (rows,)."""

    features: NDArray[np.float32]
    log_odds: Numbers
    probability: Numbers

    def of(self, rows: NDArray[np.int64]) -> "_Answer":
        """Only some of the rows."""
        return _Answer(self.features[rows], self.log_odds[rows], self.probability[rows])


@dataclass(frozen=True)
class _Scorer:
    tellers: tuple[Teller, ...]
    """One for each model, that of the model that answers first."""
    site: Site
    as_of: datetime
    opted_out: frozenset[str]
    caseloads: pa.Table | None

    def bucket(self, events: pa.Table, people: pa.Table) -> list[_Scored]:
        """Everyone of one bucket who is known at the moment."""
        model = self.tellers[0].model
        task, version = model.task, model.manifest.version
        cohort = person_cohort(task.cohort, task.crisis, events, people, [self.as_of], opted_out=self.opted_out)
        pairs = zip(cohort.states.person_id.tolist(), cohort.states.state.tolist(), strict=True)
        silent = [_Scored(person, state, version) for person, state in pairs if state != SCORED]
        return silent + (self._scored(events, people, cohort.rows) if len(cohort.rows) else [])

    def _scored(self, events: pa.Table, people: pa.Table, rows: PersonRows) -> list[_Scored]:
        answers = [self._answer(teller.model, events, people, rows) for teller in self.tellers]
        highest = np.argmax([one.probability for one in answers], axis=0)  # of equals the model that answers
        found: list[_Scored] = []
        for number, (teller, answer) in enumerate(zip(self.tellers, answers, strict=True)):
            theirs = np.flatnonzero(highest == number)
            if len(theirs):
                thin = thin_rule(teller.model.task).of(events, people, rows)[theirs]
                found += self._worded(teller, answer.of(theirs), events, rows.person_id[theirs], thin)
        return found

    def _answer(self, model: Bundle, events: pa.Table, people: pa.Table, rows: PersonRows) -> _Answer:
        zone, risk = self.site.time_zone, model.risk_model
        features = person_features(model.features, events, people, rows, zone=zone, caseloads=self.caseloads)
        log_odds = risk.log_odds(features, model.features.names)
        return _Answer(features, log_odds, risk.calibration.apply(log_odds))

    def _worded(
        self, teller: Teller, answer: _Answer, events: pa.Table, person_id: NDArray[np.object_], thin: Mask
    ) -> list[_Scored]:
        model, recipe = teller.model.risk_model, teller.model.features
        lower, upper = model.calibration.ends(answer.log_odds, thin) if len(self.tellers) == 1 else _no_ends(thin)
        found = reasons_for(recipe, model.contributions(answer.features, recipe.names), answer.features)
        evidence = evidence_of_bucket(events, person_id, microseconds(self.as_of), self.site.time_zone)
        said = teller.told(evidence, found, answer.features)
        return [
            _Scored(
                person_id=person,
                state=SCORED,
                model_version=teller.model.manifest.version,
                probability=float(answer.probability[row]),
                lower=float(lower[row]),
                upper=float(upper[row]),
                thin_history=bool(thin[row]),
                log_odds=float(answer.log_odds[row]),
                reasons=said[row],
            )
            for row, person in enumerate(person_id.tolist())
        ]


def _no_ends(thin: Mask) -> tuple[Numbers, Numbers]:
    return np.full(len(thin), np.nan), np.full(len(thin), np.nan)


# The file


def scores_table(scores: PersonScores) -> "pd.DataFrame":
    """The scores as a file has them: reasons as columns `reason_1`, `reason_2`, … instead of lists.

    Whoever is in a crisis or in hospital comes first, then the list, then everyone else.
    """
    places = scores.frame["state"].map({state: place for place, state in enumerate((*PINNED, SCORED))})
    order = np.argsort(places.fillna(len(PINNED) + 1).to_numpy(), kind="stable")
    frame = scores.frame.iloc[order].reset_index(drop=True)
    table = frame[["person_id", "probability", "lower", "upper", "state", "thin_history", "model_version"]].copy()
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
