"""The labelled rows of people, streamed bucket by bucket: features, labels and what the baselines read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.cohorts import Attrition, CohortRule, PersonRows, Stay, person_cohort
from crisisrisk.episodes import EpisodeRule, people_of
from crisisrisk.errors import DataError
from crisisrisk.evaluation.baselines import AttenderClause, CrisisHistory, crisis_history, frequent_attender
from crisisrisk.features.counting import CountingRule
from crisisrisk.features.person import person_event_columns
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.labels import DoorCount, doors_added, onset_labels
from crisisrisk.scoring.history import ThinHistory
from crisisrisk.scoring.objections import PlanningObjections, planning_objections
from crisisrisk.scoring.registers import TeamRegister
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot
from crisisrisk.timeline import Instants, Window, grid, instant, microseconds, rhythm, utc_from_local
from crisisrisk.training.attender_rule import attender_clauses
from crisisrisk.training.baseline_recipe import FILE as BASELINES
from crisisrisk.training.coverage import Coverage, coverage_of
from crisisrisk.training.declared_files import declared
from crisisrisk.training.exposures import Exposed, exposed_rows
from crisisrisk.training.recipe import Grid, TrainingRecipe
from crisisrisk.training.row_stream import FeatureStream, rows_taken

EVENT_COLUMNS = ("person_id", "occurred_at", "known_at", "superseded_at", "source", "code", "outcome", "origin",
                 "is_crisis", "ended_at")  # fmt: skip


@dataclass(frozen=True)
class PersonData:
    """Labelled rows of everyone. Arrays have shape (rows,) unless said otherwise; people of a bucket stay together."""

    person_ids: NDArray[np.object_]
    """Shape (people,)."""
    person: NDArray[np.int64]
    """Index into `person_ids`."""
    as_of: Instants
    features: FeatureStream
    """Shape (rows, features); computed when they are asked for."""
    happened: NDArray[np.bool_]
    history: CrisisHistory
    attendance: NDArray[np.float64]
    thin: NDArray[np.bool_]
    """Whose history was thin."""
    team: NDArray[np.object_] | None
    attrition: Attrition
    cut_off_us: int
    exposed: Exposed | None = None
    """Which rows a score may have changed."""
    buckets: tuple[PersonRows, ...] = ()
    """The same rows, bucket by bucket of the store."""
    doors: tuple[DoorCount, ...] = ()
    """By which doors the outcomes came."""
    complete_to: Mapping[str, int] = field(default_factory=dict)
    """For each source up to when its records were all there, microseconds since 1970 UTC."""
    late_records: str = ""
    """What whoever trains should know of outcome sources whose records come late."""

    def __len__(self) -> int:
        return len(self.as_of)

    def outcome_as_json(self) -> dict[str, Any]:
        """By which doors outcomes came, and how many rows a death or a move touched, and what became of them."""
        notes = {note.name: note for note in self.attrition.notes}
        touched = [
            notes[name] for name in ("died_in_horizon", "died_after_outcome", "moved_in_horizon") if name in notes
        ]
        return {
            "doors": [count._asdict() for count in self.doors],
            "competing": [
                {"event": one.name, "meaning": one.meaning, "people": one.people, "rows": one.rows} for one in touched
            ],
        }

    def attrition_text(self) -> str:
        """The attrition table, and below it the doors by which outcomes came, as aligned lines."""
        head = f"{'outcomes by door':<44}{'people':>10}{'rows':>12}{'episodes':>14}"
        lines = [f"{one.door:<44}{one.people:>10,}{one.rows:>12,}{one.episodes:>14,}" for one in self.doors]
        return "\n".join([self.attrition.as_text(), "", head, *lines])


def crisis_rule(recipe: TrainingRecipe) -> EpisodeRule:
    """The outcome of a recipe as the rule that the engine reads."""
    outcome = recipe.outcome
    return EpisodeRule(
        sources=outcome.sources,
        codes=outcome.codes,
        outcomes=outcome.outcomes,
        crisis_flag=outcome.crisis_flag,
        origins=outcome.origins,
        modes=outcome.modes,
        doors=outcome.doors,
        only_doors=outcome.only_doors,
        stable_gap_days=outcome.stable_gap_days,
    )


def counting_rule(recipe: TrainingRecipe) -> CountingRule:
    """How the contacts of a recipe become counts of places."""
    outcome = recipe.outcome
    return CountingRule(
        most_per_person=outcome.most_per_person,
        per_days=outcome.per_days,
        duplicate_minutes=outcome.duplicate_minutes,
        duplicate_metres=outcome.duplicate_metres,
        duplicates=outcome.duplicates,
        most_times_usual=outcome.most_times_usual,
        team_initiated=outcome.team_initiated,
        most_weight=outcome.most_weight,
        visit_days=outcome.visit_days,
    )


def cohort_rule(recipe: TrainingRecipe) -> CohortRule:
    """The cohort of a recipe as the rule that the engine reads."""
    cohort = recipe.cohort
    return CohortRule(
        minimum_history_days=cohort.minimum_history_days,
        seen_within_days=cohort.seen_within_days,
        outcome_within_days=cohort.outcome_within_days,
        minimum_age=cohort.minimum_age,
        unknown_age=cohort.unknown_age,
        hospital_sources=cohort.hospital_sources,
        discharge_sources=cohort.discharge_sources,
        longest_open_stay_days=cohort.longest_open_stay_days,
        excluded_while=tuple(Stay(**vars(away)) for away in cohort.excluded_while),
    )


def thin_rule(recipe: TrainingRecipe) -> ThinHistory:
    """What a recipe calls a thin history."""
    return ThinHistory(days=recipe.report.thin_history_days, contacts=recipe.report.thin_history_contacts)


def person_data(recipe: TrainingRecipe, features: FeatureRecipe, snapshot: Snapshot, site: Site) -> PersonData:
    """Every labelled row that the recipe asks for. Memory is some numbers a row, plus one bucket."""
    rule = crisis_rule(recipe)
    coverage = coverage_of(rule, _events_of(snapshot, EVENT_COLUMNS)).with_all_rows(snapshot.sources())
    cut_off = snapshot.as_of_now()
    complete_to = coverage.complete_to(site.sources, now_us=microseconds(cut_off))
    moments = grid_moments(recipe, coverage, site, until=instant(min(complete_to.values())))
    context = _Context(recipe, moments, complete_to, coverage.late_records(site.sources), microseconds(cut_off),
                       planning_objections(snapshot, site, microseconds(cut_off)),
                       attender_clauses(declared(site, "training", BASELINES)))  # fmt: skip
    parts = [
        context.part(snapshot.person_events(bucket, EVENT_COLUMNS), snapshot.people_in(bucket))
        for bucket in range(snapshot.buckets)
    ]
    stream = feature_stream(features, [part.rows for part in parts], snapshot, site)
    return _joined(parts, context, snapshot, stream)


def feature_stream(
    features: FeatureRecipe, buckets: Sequence[PersonRows], snapshot: Snapshot, site: Site
) -> FeatureStream:
    """The features of the rows of each bucket, read from the store whenever they are asked for."""
    columns = person_event_columns(features)
    return FeatureStream(
        features,
        buckets,
        lambda bucket: (snapshot.person_events(bucket, columns), snapshot.people_in(bucket)),
        zone=site.time_zone,
        caseloads=snapshot.caseloads(),
    )


def _events_of(snapshot: Snapshot, columns: tuple[str, ...]) -> Iterator[pa.Table]:
    return (snapshot.person_events(bucket, columns) for bucket in range(snapshot.buckets))


def grid_moments(recipe: TrainingRecipe, coverage: Coverage, site: Site, *, until: datetime) -> tuple[datetime, ...]:
    """The as-of moments: after the warm-up, while a whole label window lies before `until`."""
    reach = timedelta(days=recipe.outcome.gap_days + recipe.outcome.horizon_days)
    first = grid_start(recipe.grid, coverage, site)
    # A grid includes the last moment with a whole label window; a window excludes its end.
    end = until - reach + timedelta(microseconds=1)
    if recipe.grid.last_day:
        end = min(end, _midnight(recipe.grid.last_day + timedelta(days=1), site))
    every = rhythm(recipe.grid.every, at=recipe.grid.at, weekday=recipe.grid.weekday)
    moments = grid(Window(first, max(first, end)), site.time_zone, every)
    if not moments:
        raise DataError(
            "CR-TRAIN-002", "the data are too short for one date of the grid",
            found=f"{first:%Y-%m-%d} after the warm-up, labels complete for dates to {until - reach:%Y-%m-%d}",
            wanted=f"a warm-up of {recipe.grid.warm_up_days} days and a horizon of {reach.days} days",
        )  # fmt: skip
    return moments


def grid_start(settings: Grid, coverage: Coverage, site: Site) -> datetime:
    """The first moment at which a prediction may stand."""
    warm = instant(coverage.first_known) + timedelta(days=settings.warm_up_days)
    return max(warm, _midnight(settings.first_day, site)) if settings.first_day else warm


def _midnight(day: date, site: Site) -> datetime:
    return utc_from_local(datetime.combine(day, time()), site.time_zone, ambiguous="first")


@dataclass(frozen=True)
class _Part:
    rows: PersonRows
    """Those with a label, as everything beside them."""
    happened: NDArray[np.bool_]
    first_onset: Instants
    history: CrisisHistory
    attendance: NDArray[np.float64]
    thin: NDArray[np.bool_]
    attrition: Attrition
    doors: tuple[DoorCount, ...]


@dataclass(frozen=True)
class _Context:
    recipe: TrainingRecipe
    moments: Sequence[datetime]
    complete_to: dict[str, int]
    late_records: str
    cut_off_us: int
    objections: PlanningObjections
    clauses: tuple[AttenderClause, ...]
    """Of the site's rule for frequent attenders."""

    def part(self, events: pa.Table, people: pa.Table) -> _Part:
        """The rows of one bucket, which may be none."""
        rule, outcome = crisis_rule(self.recipe), self.recipe.outcome
        opted_out = self.objections.among(people_of(events, people))
        cohort = person_cohort(cohort_rule(self.recipe), rule, events, people, self.moments, opted_out=opted_out)
        labels = onset_labels(
            rule, events, people, cohort.rows, horizon_days=outcome.horizon_days, gap_days=outcome.gap_days,
            complete_to_us=self.complete_to, cut_off_us=self.cut_off_us, death=outcome.death,
            moved=outcome.moved,
        )  # fmt: skip
        kept = labels.observed
        return _Part(
            rows=rows_taken(cohort.rows, np.flatnonzero(kept)),
            happened=labels.happened[kept] == 1,
            first_onset=labels.first_onset[kept],
            history=crisis_history(rule, events, people, cohort.rows).where(kept),
            attendance=frequent_attender(events, cohort.rows, self.clauses)[kept],
            thin=thin_rule(self.recipe).of(events, people, cohort.rows)[kept],
            attrition=cohort.attrition.then(labels.attrition),
            doors=labels.doors,
        )


def _joined(parts: Sequence[_Part], context: _Context, snapshot: Snapshot, features: FeatureStream) -> PersonData:
    if not len(features):
        raise DataError(
            "CR-TRAIN-002", "nobody is eligible with a label on any date", where="[cohort] of the training recipe",
            hint="see the attrition table; widen the cohort or load more data",
        )  # fmt: skip
    ids = np.concatenate([part.rows.person_id for part in parts])
    starts = np.cumsum([0, *(len(part.rows.person_id) for part in parts[:-1])])
    person = np.concatenate([part.rows.row_person() + start for part, start in zip(parts, starts, strict=True)])
    as_of = np.concatenate([part.rows.as_of for part in parts])
    attrition = parts[0].attrition
    for part in parts[1:]:
        attrition = attrition + part.attrition
    return PersonData(
        person_ids=ids,
        person=person,
        as_of=as_of,
        features=features,
        happened=np.concatenate([part.happened for part in parts]),
        history=CrisisHistory.joined([part.history for part in parts]),
        attendance=np.concatenate([part.attendance for part in parts]),
        thin=np.concatenate([part.thin for part in parts]),
        team=_teams(snapshot.table("caseloads"), ids, person, as_of),
        attrition=attrition,
        cut_off_us=context.cut_off_us,
        exposed=_exposed(
            context.recipe, snapshot, ids, person, as_of, np.concatenate([part.first_onset for part in parts])
        ),
        buckets=tuple(part.rows for part in parts),
        doors=doors_added(part.doors for part in parts),
        complete_to=context.complete_to,
        late_records=context.late_records,
    )


def _exposed(
    recipe: TrainingRecipe, snapshot: Snapshot, ids: NDArray[np.object_], person: NDArray[np.int64], as_of: Instants,
    first_onset: Instants,
) -> Exposed:  # fmt: skip
    return exposed_rows(
        snapshot.table("exposures"), ids, person, as_of, lasts_days=recipe.updating.lasts_days,
        reach_days=recipe.outcome.gap_days + recipe.outcome.horizon_days, actions=recipe.updating.helping_actions,
        first_onset=first_onset,
    )  # fmt: skip


def _teams(
    caseloads: pa.Table, ids: NDArray[np.object_], person: NDArray[np.int64], as_of: Instants
) -> NDArray[np.object_] | None:
    """For each row the team of the person at that moment, "" on no caseload; None where there are no caseloads."""
    if caseloads.num_rows == 0:
        return None
    register, teams = TeamRegister(caseloads), np.full(len(as_of), "", dtype=object)
    for moment in np.unique(as_of):
        of_person = register.at(int(moment))
        rows = np.flatnonzero(as_of == moment)
        teams[rows] = [of_person.get(name, "") for name in ids[person[rows]]]
    return teams
