"""Whether the future reaches what is computed for the past: tried out on the site's own data."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crisisrisk.cohorts import PersonRows, person_cohort
from crisisrisk.episodes import people_of
from crisisrisk.errors import DataError, UsageError
from crisisrisk.evaluation.baselines import FACTORS, crisis_history
from crisisrisk.evaluation.giveaways import ColumnAlone, ValueFollowed, columns_alone, values_followed
from crisisrisk.evaluation.slices import plain_values
from crisisrisk.features.audit import (
    Difference,
    difference,
    events_rewritten_after,
    events_rewritten_before,
    history_rewritten_after,
    history_rewritten_before,
    instants,
)
from crisisrisk.features.person import person_event_columns, person_features
from crisisrisk.purposes import PLANNING
from crisisrisk.scoring.registers import opted_out_at, teams_at
from crisisrisk.tables.clocks import SourceClock, source_clocks
from crisisrisk.tables.coding import Texts
from crisisrisk.tables.linking import linked, links_from
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot, Store
from crisisrisk.timeline import MICROSECONDS_PER_DAY, instant, microseconds
from crisisrisk.training.audit_records import AuditRecord, audited_fingerprint, keep_audit
from crisisrisk.training.declarations import read_recipes
from crisisrisk.training.keeping import Recipes
from crisisrisk.training.person_data import EVENT_COLUMNS, cohort_rule, crisis_rule, person_data

SUSPICIOUS_AUROC = 0.9
"""The truth of the invented city, which knows how each person fares, ranks at about 0.88: one column never does."""
SUSPICIOUS_SHARE = 0.75
"""The most telling honest values reach 0.3 in the invented city, and 0.54 in trials where every third row has the
outcome, by the lower ends of their intervals; the planted one reaches 0.9."""
JUDGED_ROWS = 50_000
SHOWN = 5
KEYED_ROWS = 20_000
_DAYS_BEFORE = (0, 7, 35, 210)
_VALUE_COLUMNS = ("mode", "premises", "team_id", "value")

Tell = Callable[[str], None]
Random = np.random.Generator


@dataclass(frozen=True, kw_only=True)
class Control:
    """In how many trials the past of a table was rewritten, and in how many of them that was noticed."""

    table: str
    trials: int
    noticed: int

    @property
    def failed(self) -> bool:
        """Rewriting the past was never noticed: then neither would a leak be."""
        return self.trials > 0 and self.noticed == 0


@dataclass(frozen=True, kw_only=True)
class Leak:
    """A trial in which the future changed something: what, and for columns which of them."""

    as_of: datetime
    what: str
    cells: int
    columns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class FeatureAudit:
    """What the audit found. `columns` and `values`: the most telling first; `not_judged`: why there are none."""

    trials: int
    rows: int
    features: int
    leaks: tuple[Leak, ...]
    controls: tuple[Control, ...]
    unmoved: tuple[str, ...]
    """Columns that no rewriting of past contacts and people moved: of them the trials say nothing."""
    columns: tuple[ColumnAlone, ...]
    values: tuple[ValueFollowed, ...]
    not_judged: str | None
    clocks: tuple[SourceClock, ...]

    @property
    def suspicious_columns(self) -> tuple[ColumnAlone, ...]:
        """Columns that alone rank the outcome better than anything honest does."""
        return tuple(one for one in self.columns if one.auroc >= SUSPICIOUS_AUROC)

    @property
    def suspicious_values(self) -> tuple[ValueFollowed, ...]:
        """Values that the outcome follows more often than it follows anything honest."""
        return tuple(one for one in self.values if one.lower >= SUSPICIOUS_SHARE)

    @property
    def passed(self) -> bool:
        """Nothing changed, every control was noticed, and nothing is suspicious. Findings on clocks do not fail it."""
        controls = any(control.failed for control in self.controls)
        return not (self.leaks or controls or self.suspicious_columns or self.suspicious_values)

    def as_json(self) -> dict[str, Any]:
        values: dict[str, Any] = plain_values(asdict(self))
        return {
            "passed": self.passed,
            **values,
            "leaks": [{**asdict(leak), "as_of": leak.as_of.isoformat()} for leak in self.leaks],
            "values": [{**plain_values(asdict(one)), "share": one.share} for one in self.values[:SHOWN]],
            "columns": [asdict(one) for one in self.columns[:SHOWN]],
            "unmoved": list(self.unmoved),
            "suspicious_columns": [one.name for one in self.suspicious_columns],
            "suspicious_values": [f"{one.source} {one.column} = {one.value}" for one in self.suspicious_values],
        }


def audit_features(
    site: Site, *, as_of: datetime | None, trials: int, seed: int, recipe: Path | None, tell: Tell
) -> FeatureAudit:
    """Audit the person features of a site, its cohort and its registers. `as_of`: that moment in every trial.

    Each trial takes one bucket and one moment. Raises UsageError for fewer than one trial, DataError without data.
    """
    if trials < 1:
        raise UsageError("CR-USE-001", "an audit without a trial", found=str(trials), wanted="--trials 1 or more")
    recipes, snapshot = read_recipes(site, "person", recipe), Store(site).snapshot()
    found = audit_of(site, recipes, snapshot, as_of=as_of, trials=trials, seed=seed, tell=tell)
    if as_of is None:
        keep_audit(site, audit_record(recipes, snapshot, found))
    return found


def audit_of(
    site: Site, recipes: Recipes, snapshot: Snapshot, *, as_of: datetime | None, trials: int, seed: int, tell: Tell
) -> FeatureAudit:
    """The audit of any recipes on what the site has loaded."""
    tell(f"rewriting the future {trials:,} times …")
    tried = _Trials(site, recipes, snapshot, np.random.default_rng(seed), as_of)
    for number in range(trials):
        tried.run(number)
    tell("looking for columns and values that know too much …")
    columns, values, problem = _giveaways(site, recipes, snapshot, seed)
    return FeatureAudit(
        trials=trials,
        rows=tried.rows,
        features=len(recipes.features.names),
        leaks=tuple(tried.leaks),
        controls=tuple(
            Control(table=name, trials=count, noticed=tried.noticed[name]) for name, count in tried.controlled.items()
        ),
        unmoved=tuple(name for name in recipes.features.names if name not in tried.moved),
        columns=columns,
        values=values,
        not_judged=problem,
        clocks=source_clocks(snapshot.place_events(None, ("source", "occurred_at", "known_at")), site.time_zone),
    )


def audit_record(recipes: Recipes, snapshot: Snapshot, found: FeatureAudit) -> AuditRecord:
    """What the gate needs to know of an audit: of which columns and which data, and what did not pass."""
    leaks = [f"the future reaches {leak.what}" for leak in found.leaks]
    blind = [f"rewriting {control.table} was never noticed" for control in found.controls if control.failed]
    columns = [f"{one.name} alone ranks at AUROC {one.auroc:.2f}" for one in found.suspicious_columns]
    values = [f"the outcome follows {one.source} {one.column} = {one.value}" for one in found.suspicious_values]
    return AuditRecord(
        fingerprint=audited_fingerprint(recipes.training, recipes.features),
        data_digest=snapshot.digest,
        trials=found.trials,
        passed=found.passed,
        findings=tuple(dict.fromkeys((*leaks, *blind, *columns, *values))),
        at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


# Trials


@dataclass(frozen=True)
class _Seen:
    """Everything computed of people at some moments: the same bytes, or something got through."""

    matrix: NDArray[np.float32]
    history: NDArray[np.float32]
    cohort: bytes

    def differences(self, other: "_Seen", names: tuple[str, ...]) -> list[tuple[str, Difference]]:
        """By what was computed, where two of them differ."""
        of_cohort = Difference(int(self.cohort != other.cohort), 0, ())
        found = [
            ("features", difference(self.matrix, other.matrix, names)),
            ("crisis history of the baselines", difference(self.history, other.history, FACTORS)),
            ("who is in the cohort", of_cohort),
        ]
        return [(what, one) for what, one in found if one]


@dataclass
class _Trials:
    site: Site
    recipes: Recipes
    snapshot: Snapshot
    random: Random
    as_of: datetime | None
    rows: int = 0
    leaks: list[Leak] = field(default_factory=list)
    controlled: Counter[str] = field(default_factory=Counter)
    noticed: Counter[str] = field(default_factory=Counter)
    moved: set[str] = field(default_factory=set)
    """Columns that moved with the past."""

    def __post_init__(self) -> None:
        columns = dict.fromkeys((*EVENT_COLUMNS, "event_id", *person_event_columns(self.recipes.features)))
        self._columns = tuple(columns)
        self._filled = [number for number in range(self.snapshot.buckets) if self._events(number).num_rows]
        if not self._filled:
            raise DataError("CR-DATA-005", "no event of a known person has been loaded yet", where=str(self.site.path))
        self._registers = {name: self.snapshot.table(name) for name in ("caseloads", "opt_outs")}
        self._links = self.snapshot.table("person_links")
        keyed = self.snapshot.keyed_events() if self._links.num_rows else None
        self._keyed = None if keyed is None or not keyed.num_rows else self._sampled(keyed)

    def run(self, number: int) -> None:
        """One bucket, one moment."""
        bucket = self._filled[number % len(self._filled)]
        events, people = self._events(bucket), self.snapshot.people_in(bucket)
        as_of = self._moment(events)
        self._people(events, people, as_of)
        ids = people_of(events, people)
        self._register("caseloads", ids, as_of, lambda table: sorted(teams_at(table, as_of).items()))
        self._register("opt_outs", ids, as_of, lambda table: sorted(opted_out_at(table, as_of, purpose=PLANNING)))
        if self._keyed is not None:
            self._linking(self._keyed, as_of)

    def _events(self, bucket: int) -> pa.Table:
        return self.snapshot.person_events(bucket, self._columns)

    def _sampled(self, keyed: pa.Table) -> pa.Table:
        some = keyed.take(pa.array(self.random.permutation(keyed.num_rows)[:KEYED_ROWS]))
        return some.append_column("row", pa.array(np.arange(some.num_rows)))

    def _moment(self, events: pa.Table) -> int:
        """Asked for, or any moment of the data, or exactly one at which something occurred or became known."""
        if self.as_of is not None:
            return microseconds(self.as_of)
        clocks = instants(events, ("known_at", "occurred_at")[int(self.random.integers(2))])
        if self.random.random() < 0.5:
            return int(clocks[self.random.integers(len(clocks))])
        low, high = np.quantile(clocks, [0.1, 0.95]).astype(np.int64)
        return int(self.random.integers(low, high + 1))

    def _people(self, events: pa.Table, people: pa.Table, as_of: int) -> None:
        # A single moment is computed another way than several, and what is live asks for one: both are tried.
        rows = _rows(people_of(events, people), as_of, (0,) if self.random.random() < 0.5 else _DAYS_BEFORE)
        caseloads = self._of_people("caseloads", rows.person_id)
        before = self._seen(events, people, caseloads, rows)
        self.rows += len(rows)
        later = events_rewritten_after(events, as_of, self.random)
        other_people, other_caseloads = (
            history_rewritten_after(one, as_of, self.random, rows.person_id) for one in (people, caseloads)
        )
        after = self._seen(later, other_people, other_caseloads, rows)
        for what, one in before.differences(after, self.recipes.features.names):
            self.leaks.append(Leak(as_of=instant(as_of), what=what, cells=one.cells, columns=one.columns[:SHOWN]))
        past = events_rewritten_before(events, as_of, self.random)
        # Features themselves must notice contacts: the cohort and the baselines would hide an engine that does not.
        self._control(
            "events", past, events, lambda: "features" in self._differs(before, past, people, caseloads, rows)
        )
        dated = history_rewritten_before(people, as_of, self.random)
        self._control("people", dated, people, lambda: bool(self._differs(before, events, dated, caseloads, rows)))

    def _differs(
        self, before: _Seen, events: pa.Table, people: pa.Table, caseloads: pa.Table, rows: PersonRows
    ) -> list[str]:
        after = self._seen(events, people, caseloads, rows)
        found = before.differences(after, self.recipes.features.names)
        self.moved.update(name for what, one in found if what == "features" for name in one.columns)
        return [what for what, _ in found]

    def _seen(self, events: pa.Table, people: pa.Table, caseloads: pa.Table, rows: PersonRows) -> _Seen:
        training = self.recipes.training
        rule, moments = crisis_rule(training), [instant(int(one)) for one in np.unique(rows.as_of)]
        cohort = person_cohort(cohort_rule(training), rule, events, people, moments)
        history = crisis_history(rule, events, people, rows)
        told = (cohort.rows.person_id, cohort.states.person_id, cohort.states.state)
        return _Seen(
            matrix=person_features(
                self.recipes.features,
                events,
                people,
                rows,
                zone=self.site.time_zone,
                caseloads=caseloads if self._registers["caseloads"].num_rows else None,
            ),
            history=np.stack([getattr(history, name) for name in FACTORS], axis=1).astype(np.float32),
            cohort=repr([one.tolist() for one in told]).encode()
            + cohort.rows.offsets.tobytes()
            + cohort.rows.as_of.tobytes(),
        )

    def _control(self, name: str, changed: pa.Table, table: pa.Table, differs: Callable[[], bool]) -> None:
        if changed.num_rows < table.num_rows:
            self.controlled[name] += 1
            self.noticed[name] += differs()

    def _of_people(self, name: str, ids: NDArray[np.object_]) -> pa.Table:
        table = self._registers[name]
        people = pa.array(ids.tolist(), pa.string())
        return table.filter(pc.is_in(table["person_id"].cast(pa.string()), value_set=people))

    def _register(
        self, name: str, ids: NDArray[np.object_], as_of: int, read: Callable[[pa.Table], Sequence[object]]
    ) -> None:
        table = self._of_people(name, ids)
        before = read(table)
        if read(history_rewritten_after(table, as_of, self.random, ids)) != before:
            self.leaks.append(Leak(as_of=instant(as_of), what=name, cells=1, columns=()))
        if before:
            # Of few entries in force, taking half away at random may take those that are not.
            past = table.filter(pa.array(instants(table, "known_at") >= as_of))
            self._control(name, past, table, lambda: read(past) != before)

    def _linking(self, keyed: pa.Table, as_of: int) -> None:
        """Links are joined again: who is known by then to be the person of which event."""
        texts = Texts()
        coded = texts.coded(keyed)

        def joined(links: pa.Table) -> bytes:
            return _known_links(linked(coded, links_from(links, texts)), as_of)

        before = joined(self._links)
        if joined(history_rewritten_after(self._links, as_of, self.random)) != before:
            self.leaks.append(Leak(as_of=instant(as_of), what="person_links", cells=1, columns=()))
        past = history_rewritten_before(self._links, as_of, self.random)
        self._control("person_links", past, self._links, lambda: joined(past) != before)


def _known_links(rows: pa.Table, as_of: int) -> bytes:
    """Event, person and clocks of what was known by then; a version ends by then, or after it for all one can know."""
    known, gone = instants(rows, "known_at"), np.minimum(instants(rows, "superseded_at"), as_of)
    person = np.asarray(rows["person_id"].fill_null(-1)).astype(np.int64)
    event = np.asarray(rows["row"])
    there = known < as_of
    columns = np.stack([event, person, known, gone])[:, there]
    return columns[:, np.lexsort(columns)].tobytes()


def _rows(ids: NDArray[np.object_], as_of: int, days_before: tuple[int, ...]) -> PersonRows:
    """Everybody, so many days before the moment."""
    moments = np.sort(as_of - np.array(days_before) * MICROSECONDS_PER_DAY)
    return PersonRows(ids, np.arange(len(ids) + 1) * len(moments), np.tile(moments, len(ids)))


# What knows too much


def _giveaways(
    site: Site, recipes: Recipes, snapshot: Snapshot, seed: int
) -> tuple[tuple[ColumnAlone, ...], tuple[ValueFollowed, ...], str | None]:
    training = recipes.training
    columns = tuple(dict.fromkeys((*EVENT_COLUMNS, *_VALUE_COLUMNS)))
    values = values_followed(
        crisis_rule(training),
        (snapshot.person_events(bucket, columns) for bucket in range(snapshot.buckets)),
        horizon_days=training.outcome.horizon_days,
        complete_to_us=microseconds(snapshot.as_of_now()),
    )
    try:
        data = person_data(training, recipes.features, snapshot, site)
    except DataError as problem:
        return (), values, problem.problem
    rows = np.sort(np.random.default_rng(seed).permutation(len(data))[:JUDGED_ROWS])
    return columns_alone(data.features[rows], data.happened[rows], recipes.features.names), values, None
