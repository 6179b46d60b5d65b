"""Our models on an invented city beside what only that city knows: truth/ as `crisisrisk simulate` writes it."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from crisisrisk.errors import DataError
from crisisrisk.evaluation.oracle import (
    CONTACTS,
    MODEL,
    TRUTH,
    IntensityBesideTruth,
    RiskBesideTruth,
    as_counted,
    people_beside_truth,
    places_beside_truth,
)
from crisisrisk.evaluation.place_baselines import place_baselines
from crisisrisk.evaluation.slices import JudgedRows, plain_values
from crisisrisk.evaluation.splits import TRAIN
from crisisrisk.features.caseload import asks_for_caseload
from crisisrisk.features.place_declared import DECLARED
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.tables.pseudonyms import pseudonyms, read_pseudonym_key
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Store
from crisisrisk.timeline import Instants, microseconds
from crisisrisk.training import person, place
from crisisrisk.training.declarations import read_recipes
from crisisrisk.training.person_data import PersonData, person_data
from crisisrisk.training.place_data import PlaceData, place_data
from crisisrisk.training.place_signals import with_signals
from crisisrisk.training.recipe import TrainingRecipe

LATENT_CONDITION = "latent condition alone"
FIVE_FACTORS, ONE_YEAR_COUNT = "five_factor_regression", "crisis_contacts_in_365_days"
# Beyond this share of rows without a truth, truth and site are not of the same city.
_FEW = 0.01
# A cell that the city does not have: next to nothing, so that its logarithm exists.
_NEVER = 1e-9
Floats = NDArray[np.float64]
Tell = Callable[[str], None]
ToldByContacts = Callable[[Instants], pa.Table]
"""For some moments person, as_of and probability: what contacts can tell at most."""
PlacesToldByContacts = Callable[[Instants], pa.Table]
"""For shifts by their starts shift_id, place_id and expected: the same of places."""
_COLUMNS = ("shift_id", "place_id", "expected")


@dataclass(frozen=True, kw_only=True)
class PeopleReport:
    """Each row of `people` one way to forecast. `rows`, `weeks`, `outcomes`: what was judged."""

    rows: int
    weeks: int
    outcomes: int
    people: tuple[RiskBesideTruth, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values: dict[str, Any] = plain_values(asdict(self))
        return values

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> "PeopleReport":
        """What `as_json` made. Raises KeyError or TypeError where it is something else."""
        people = tuple(_risk_row(row) for row in content["people"])
        return PeopleReport(rows=content["rows"], weeks=content["weeks"], outcomes=content["outcomes"], people=people)


def _risk_row(row: Mapping[str, Any]) -> RiskBesideTruth:
    benefit = row["net_benefit"]
    told = row["auprc_of_contacts"]
    return RiskBesideTruth(
        **{
            **row,
            "net_benefit": None if benefit is None else tuple(benefit),
            "auprc_of_contacts": float("nan") if told is None else told,
        }
    )


@dataclass(frozen=True, kw_only=True)
class OracleReport(PeopleReport):
    """Both tasks. `shifts`, `cells`, `contacts`: what was judged of places."""

    shifts: int
    cells: int
    contacts: int
    places: tuple[IntensityBesideTruth, ...]
    places_made_with: str
    """What the model of places reads, in words."""

    def people_alone(self) -> PeopleReport:
        """The people's part."""
        return PeopleReport(rows=self.rows, weeks=self.weeks, outcomes=self.outcomes, people=self.people)


def oracle_report(
    site: Site, truth: Path, *, told: ToldByContacts, told_of_places: PlacesToldByContacts, tell: Tell
) -> OracleReport:
    """Train both models as always, and judge them, their baselines and the truth on the same held-out rows.

    Raises DataError where `truth` is missing or is not the truth of this site.
    """
    people = people_report(site, truth, told=told, tell=tell)
    return both_reports(people, places_report(site, truth, told=told_of_places, tell=tell))


def both_reports(people: PeopleReport, judged: "PlacesReport") -> OracleReport:
    """Both tasks as one report."""
    return OracleReport(
        rows=people.rows,
        weeks=people.weeks,
        outcomes=people.outcomes,
        people=people.people,
        shifts=judged.counts.shape[0],
        cells=judged.counts.shape[1],
        contacts=int(judged.counts.sum()),
        places=judged.forecasts,
        places_made_with=judged.made_with,
    )


def people_report(site: Site, truth: Path, *, told: ToldByContacts, tell: Tell) -> PeopleReport:
    """The same of people alone."""
    if not (truth / "person_weeks.parquet").exists():
        raise DataError(
            "CR-DATA-001", "the folder holds no truth", where=str(truth),
            wanted="person_weeks.parquet and place_shifts.parquet, as `crisisrisk simulate` writes them",
        )  # fmt: skip
    judged, people = _people(site, truth, told, tell)
    return PeopleReport(
        rows=len(judged.happened),
        weeks=len(np.unique(judged.as_of)),
        outcomes=int(judged.happened.sum()),
        people=people,
    )


# People


def _people(
    site: Site, truth: Path, told: ToldByContacts, tell: Tell
) -> tuple[JudgedRows, tuple[RiskBesideTruth, ...]]:
    recipes = read_recipes(site, "person", None)
    data = person_data(recipes.training, recipes.features, Store(site).snapshot(), site)
    tell(f"{len(data):,} person-weeks; training …")
    parts = person.split_of(recipes.training, data)
    judged = person.train_and_judge(recipes.training, recipes.features, data, zone=site.time_zone, tell=tell)
    train, test = np.flatnonzero(parts == TRAIN), judged.test
    probability, condition = true_risk(site, truth, data)
    known = test[np.isfinite(probability[test])]
    if len(known) < (1 - _FEW) * len(test):
        raise _not_this_city(truth, missing=len(test) - len(known), of=len(test), what="person-weeks")
    from_contacts = _risk_in(told(np.unique(data.as_of[known])), _numbers_of(site, truth, data), data)[known]
    risks = {
        TRUTH: probability[known],
        CONTACTS: from_contacts,
        LATENT_CONDITION: _mean_by_condition(probability, condition, train)[condition[known]],
        MODEL: person.risk_of(judged.model, recipes.features, data, known),
        **person.baselines_for(data, train, known),
    }
    rows = JudgedRows(happened=data.happened[known], as_of=data.as_of[known], person=data.person[known])
    return rows, people_beside_truth(
        risks,
        rows,
        probabilities=(TRUTH, CONTACTS, LATENT_CONDITION, MODEL, FIVE_FACTORS),
        list_length=recipes.training.report.list_length,
    )


def true_risk(site: Site, truth: Path, data: PersonData) -> tuple[Floats, NDArray[np.int64]]:
    """For each row the true probability (NaN where unknown) and the number of its latent condition."""
    numbers, true = _numbers_of(site, truth, data), pq.read_table(truth / "person_weeks.parquet")
    return _risk_in(true, numbers, data), _condition_in(true, numbers, data)


def _risk_in(table: pa.Table, numbers: NDArray[np.int64], data: PersonData) -> Floats:
    """For each row of the data the table's probability, NaN where it has none."""
    at, found = _rows_in(table, numbers, data)
    probability = np.asarray(table.column("probability")).astype(np.float64)
    return np.where(found, probability[at], np.nan)


def _condition_in(table: pa.Table, numbers: NDArray[np.int64], data: PersonData) -> NDArray[np.int64]:
    """For each row of the data the number of the latent condition, 0 where there is none."""
    at, found = _rows_in(table, numbers, data)
    conditions = table.column("condition").cast(pa.string()).combine_chunks().dictionary_encode()
    return np.where(found, np.asarray(conditions.indices).astype(np.int64)[at], 0)


def _rows_in(
    table: pa.Table, numbers: NDArray[np.int64], data: PersonData
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The row of a table, by person and moment, that each row of the data has; and whether it has any."""
    weeks = np.unique(data.as_of)
    as_of = np.asarray(table.column("as_of").cast(pa.int64()))
    keys = np.asarray(table.column("person")).astype(np.int64) * len(weeks) + np.searchsorted(weeks, as_of)
    inside = np.flatnonzero(np.isin(as_of, weeks))
    order = inside[np.argsort(keys[inside])]
    asked = numbers[data.person] * len(weeks) + np.searchsorted(weeks, data.as_of)
    at = order[np.minimum(np.searchsorted(keys[order], asked), len(order) - 1)]
    return at, (keys[at] == asked) & (numbers[data.person] >= 0)


def _numbers_of(site: Site, truth: Path, data: PersonData) -> NDArray[np.int64]:
    """The truth's number of each person of the data, -1 where it has none. Shape (people,)."""
    known = pq.read_table(truth / "people.parquet", columns=["person", "nhs_number"])
    made = pa.array(
        pseudonyms(read_pseudonym_key(site), "nhs_number", known.column("nhs_number").to_pylist()), pa.string()
    )
    at = pc.index_in(pa.array(data.person_ids.tolist(), pa.string()), value_set=made).fill_null(-1)
    number = np.append(np.asarray(known.column("person")).astype(np.int64), -1)
    numbers: NDArray[np.int64] = number[np.asarray(at)]
    return numbers


def _mean_by_condition(probability: Floats, condition: NDArray[np.int64], train: NDArray[np.int64]) -> Floats:
    """What knowing the latent condition, and nothing else, would say. Shape (conditions,)."""
    rows = train[np.isfinite(probability[train])]
    size = int(condition.max(initial=0)) + 1
    sums = np.bincount(condition[rows], weights=probability[rows], minlength=size)
    return np.asarray(sums / np.maximum(np.bincount(condition[rows], minlength=size), 1))


# Places


@dataclass(frozen=True, kw_only=True)
class PlacesReport:
    """The counts judged, shape (shifts, cells), every forecast of them beside the truth, and what the model reads."""

    counts: NDArray[np.int64]
    forecasts: tuple[IntensityBesideTruth, ...]
    made_with: str


def places_report(site: Site, truth: Path, *, told: PlacesToldByContacts, tell: Tell) -> PlacesReport:
    """Train the model of places as always, and judge it, its baselines and the truth on the same held-out shifts.

    Counted is as the recipe counts. What the truth and contacts say is of contacts as recorded; how many of those count
    is learned from the validation shifts.
    """
    recipes = read_recipes(site, "place", None)
    recipe, snapshot = recipes.training, Store(site).snapshot()
    recipes = with_signals(recipes, snapshot, site, held_out_days=recipe.split.test_days)
    data = place_data(recipe, recipes.features, snapshot, site, held_out_days=recipe.split.test_days)
    split = place.last_split(recipe, data, site)
    judged = place.train_and_judge(recipe, recipes.features, data, site, tell=tell)
    panel = place_baselines(place.past_of(recipe, data, site), data.counts, [place.fold_of(split)])
    counts = data.counts.astype(np.int64)
    both = np.concatenate([split.validation, judged.test])
    starts = np.array([microseconds(data.shifts[one].start) for one in both.tolist()], dtype=np.int64)
    known = {TRUTH: true_intensity(truth, data, both), CONTACTS: _in_cells(told(starts), data, both, truth)}
    earlier = len(split.validation)
    forecasts = {
        **{name: as_counted(one[earlier:], one[:earlier], counts[split.validation]) for name, one in known.items()},
        MODEL: place.expected_for(judged.model, recipes.features, data, judged.test),
        **{name: one.expected for name, one in panel.forecasts.items()},
    }
    area = data.cells.area_km2
    judged_counts = counts[judged.test]
    return PlacesReport(
        counts=judged_counts,
        forecasts=places_beside_truth(forecasts, judged_counts, area=area if np.isfinite(area).all() else None),
        made_with=_made_with(recipe, recipes.features),
    )


def _made_with(recipe: TrainingRecipe, features: FeatureRecipe) -> str:
    declared = any(spec.aggregation in DECLARED for spec in features.specs)
    among = [
        "sums over the caseload" if asks_for_caseload(features) else "",
        "what the site declares of its days and places" if declared else "",
    ]
    said = " and ".join(one for one in among if one)
    below = (
        f"follows each cell's mix of {recipe.offset.profiles} kinds of week"
        if recipe.offset.profiles
        else f"looks back {recipe.offset.lookback_days} days"
    )
    below += ", with a regression of recent counts between them" if recipe.offset.recent else ""
    return (
        f"{len(features.names)} columns, {said + ' among them' if said else 'neither caseload nor declared days'}; "
        f"the simple forecast below the trees {below}"
    )


def true_intensity(truth: Path, data: PlaceData, shifts: NDArray[np.int64]) -> Floats:
    """Shape (shifts, cells). A cell that the city does not have expects nothing."""
    return _in_cells(pq.read_table(truth / "place_shifts.parquet", columns=[*_COLUMNS]), data, shifts, truth)


def _in_cells(table: pa.Table, data: PlaceData, shifts: NDArray[np.int64], truth: Path) -> Floats:
    """A table of `shift_id`, `place_id` and `expected` as (shifts, cells)."""
    ids = [data.shifts[one].id for one in shifts]
    row = pc.index_in(table.column("shift_id").cast(pa.string()), value_set=pa.array(ids, pa.string()))
    column = pc.index_in(table.column("place_id").cast(pa.string()), value_set=pa.array(data.cells.ids, pa.string()))
    both = np.asarray(pc.and_(row.is_valid(), column.is_valid()))
    at = tuple(np.asarray(one.fill_null(0))[both] for one in (row, column))
    expected = np.full((len(ids), len(data.cells)), np.nan)
    expected[at] = np.asarray(table.column("expected"))[both]
    missing = np.isnan(expected).all(axis=1)
    if missing.mean() > _FEW:
        raise _not_this_city(truth, missing=int(missing.sum()), of=len(ids), what="shifts")
    intensity: Floats = np.maximum(np.nan_to_num(expected), _NEVER)
    return intensity


def _not_this_city(truth: Path, *, missing: int, of: int, what: str) -> DataError:
    return DataError(
        "CR-DATA-003", "the truth is not of the city that the site has loaded", where=str(truth),
        found=f"{missing:,} of {of:,} {what} are not in it",
        hint="load the files that stand beside this truth/, with the key that the site was made with",
    )  # fmt: skip
