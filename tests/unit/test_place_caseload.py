"""Sums over the caseload, the whole way: only where an assessment is named, learned from the past, nobody named."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import h3
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.lib.place_sites import CONFIGURATION, EAST, NORTH, SHIFTS, forecast_of_run
from tests.lib.table_sites import write_csv, write_mapping
from tests.unit.test_place_path import recipe_in

from crisisrisk.cli import run
from crisisrisk.cohorts import CohortRule
from crisisrisk.commands.data import load_files
from crisisrisk.commands.forecast import shifts_from
from crisisrisk.commands.model import read_candidate
from crisisrisk.commands.train import train
from crisisrisk.episodes import EpisodeRule
from crisisrisk.errors import ModelError, RecipeError
from crisisrisk.features.caseload import AROUND, FACTORS, HERE, HORIZON_DAYS, Caseload, CaseloadNumbers, CaseloadRisk
from crisisrisk.features.caseload_kernels import rows_to_fit
from crisisrisk.models.bundle import Bundle, load_bundle, write_bundle
from crisisrisk.scoring.caseload import caseload_in
from crisisrisk.scoring.places import PlaceForecast, forecast_shifts
from crisisrisk.scoring.release import forecast_geojson
from crisisrisk.tables.cells import Neighbours, cells_of
from crisisrisk.tables.site import Site, read_site
from crisisrisk.tables.store import Store
from crisisrisk.timeline import MICROSECONDS_PER_DAY, Instants, Window, grid, instant, microseconds
from crisisrisk.training.caseload import fit_caseload
from crisisrisk.training.declarations import read_recipes
from crisisrisk.training.place_data import place_data
from crisisrisk.training.results import TrainedRun

BEGINS, DAYS, PEOPLE = datetime(2024, 1, 1), 460, 60
ASSESSMENT = '[people]\ncaseload_sums_assessment = "DPIA 7"\n'
EVENTS = """table = "events"
[columns]
event_id = "id"
occurred_at = { column = "at", zone = "Europe/London", ambiguous = "first" }
known_at = { delay_hours = 0 }
source = { constant = "crisis_line" }
code = { constant = "call" }
origin = { constant = "public" }
person_id = { column = "person", kind = "study_id" }
[coordinates]
system = "degrees"
latitude = "north"
longitude = "east"
invalid = "empty"
"""
OF_PEOPLE = """table = "people"
[columns]
person_id = { column = "person", kind = "study_id" }
birth_year = "born"
home_place_id = "home"
valid_from = { column = "from", zone = "UTC" }
known_at = { column = "from", zone = "UTC" }
"""
OPT_OUTS = """table = "opt_outs"
[columns]
person_id = { column = "person", kind = "study_id" }
valid_from = { column = "from", zone = "UTC" }
known_at = { column = "from", zone = "UTC" }
"""


def lives() -> list[dict[str, object]]:
    """Calls that come in runs: after one, two in three days bring another; half of the people never call."""
    random, rows = np.random.default_rng(5), []
    for person in range(PEOPLE // 2):
        unwell = False
        for day in range(DAYS):
            unwell = random.random() < (0.65 if unwell else 0.02)
            if unwell:
                at = BEGINS + timedelta(days=day, hours=int(random.integers(8, 22)), minutes=person)
                rows.append({"id": f"{person} {day}", "at": at.isoformat(), "person": f"p{person}", "north": NORTH,
                             "east": EAST})  # fmt: skip
    return rows


def site_of(parent: Path, *, assessment: str = ASSESSMENT, objecting: int = 0) -> Site:
    folder = parent / "site"
    folder.mkdir(parents=True)
    text = CONFIGURATION.format(shifts=SHIFTS).replace("[cells]", f'pseudonym_key_file = "key"\n{assessment}[cells]', 1)
    (folder / "crisisrisk.toml").write_text(text, encoding="utf-8")
    site = read_site(folder)
    load_files(site, [write_csv(parent / "calls.csv", lives())], write_mapping(site, EVENTS), create_key=True)
    home = h3.latlng_to_cell(NORTH, EAST, site.cells.h3_resolution)
    known = [{"person": f"p{one}", "born": 1980, "home": home, "from": "2023-12-01"} for one in range(PEOPLE)]
    load_files(site, [write_csv(parent / "people.csv", known)], write_mapping(site, OF_PEOPLE))
    if objecting:
        rows = [{"person": f"p{one}", "from": "2024-02-01"} for one in range(objecting)]
        load_files(site, [write_csv(parent / "opt_outs.csv", rows)], write_mapping(site, OPT_OUTS))
    return read_site(folder)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, TrainedRun]:
    folder = tmp_path_factory.mktemp("caseload")
    site = site_of(folder)
    return site, train(site, "place", recipe_in(folder), tell=lambda _: None)


@pytest.fixture(scope="module")
def made(trained: tuple[Site, TrainedRun]) -> tuple[Bundle, PlaceForecast]:
    return forecast_of_run(*trained)


def weights_of(numbers: CaseloadNumbers | None) -> CaseloadNumbers:
    assert numbers is not None
    assert numbers.weights
    return numbers


def test_the_weights_travel_in_the_bundle(made: tuple[Bundle, PlaceForecast], tmp_path: Path) -> None:
    bundle, _ = made
    assert {HERE, AROUND} <= set(bundle.features.names)
    again = load_bundle(write_bundle(tmp_path / "bundle", bundle))
    assert again.task.caseload == weights_of(bundle.task.caseload)


def test_damaged_weights_are_refused() -> None:
    with pytest.raises(ModelError):
        CaseloadNumbers(applies_from=(1,), weights=((0.0,) * (FACTORS - 1),))
    with pytest.raises(ModelError):
        CaseloadNumbers(applies_from=(2, 1), weights=((0.0,) * FACTORS,) * 2)
    with pytest.raises(ModelError):
        CaseloadNumbers(applies_from=(1,), weights=((float("nan"),) * FACTORS,))


def test_tonight_is_as_it_was_in_training(trained: tuple[Site, TrainedRun]) -> None:
    """What the matrix of training has for a shift is what a forecast issued then has, to the bit."""
    site, found = trained
    bundle = read_candidate(site, found.run_id).bundle
    recipes = read_recipes(site, "place", recipe_in(site.path.parent))
    data = place_data(recipes.training, recipes.features, Store(site).snapshot(), site, held_out_days=14)
    assert data.caseload is not None
    assert data.caseload.numbers == bundle.task.caseload
    caseload = caseload_in(Store(site).snapshot(), site, data.cells, rule=bundle.task.crisis, cohort=bundle.task.cohort)
    risk = CaseloadRisk(caseload, weights_of(bundle.task.caseload))
    column = recipes.features.names.index(HERE)
    for row in (0, len(data.usable) // 2, len(data.usable) - 1):
        shift = data.shifts[data.usable[row]]
        issued = np.array([microseconds(shift.start - timedelta(hours=1))], dtype=np.int64)
        alone = risk.columns((issued, np.array([0])), data.cells.neighbours_1)[HERE][0]
        assert np.array_equal(data.features[row, :, column], alone.astype(np.float32), equal_nan=True)
    assert np.isfinite(data.features[-1, :, column]).any()


def test_no_person_is_in_a_forecast_or_its_file(
    trained: tuple[Site, TrainedRun], made: tuple[Bundle, PlaceForecast]
) -> None:
    site, (bundle, forecast) = trained[0], made
    ids = set(Store(site).snapshot().table("people")["person_id"].to_pylist())
    said = json.dumps(forecast_geojson(forecast, caveats=bundle.phrases.caveats), default=str)
    said += str(forecast.frame.to_dict("records")) + bundle.task.to_json()
    assert len(ids) == PEOPLE
    assert not any(name in said for name in ids)


def test_without_a_named_assessment_the_shipped_recipe_has_no_such_column_and_another_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site, recipe = site_of(tmp_path, assessment=""), recipe_in(tmp_path)
    assert HERE not in read_recipes(site, "place", recipe).features.names
    (tmp_path / "place.toml").write_text(
        '[recipe]\nname = "place"\nsubject = "place"\n[[group]]\nname = "sums"\naggregations = ["caseload_expected"]\n',
        encoding="utf-8",
    )
    assert run(["train", "place", "--site", str(site.path), "--recipe", str(recipe)]) != 0
    said = capsys.readouterr().err
    assert "sums of people's risk by home need an impact assessment that the site names" in said
    assert "caseload_sums_assessment" in said


def test_a_bundle_with_sums_is_refused_once_the_assessment_is_gone(trained: tuple[Site, TrainedRun]) -> None:
    site, found = trained
    bundle, snapshot = read_candidate(site, found.run_id).bundle, Store(site).snapshot()
    without = replace(site, people=replace(site.people, caseload_sums_assessment=" "))
    now = snapshot.as_of_now()
    with pytest.raises(RecipeError) as caught:
        forecast_shifts(bundle, snapshot, without, shifts=shifts_from(site, now, 24), issued_at=now)
    assert caught.value.code == "CR-FEAT-002"


# Who counts, and what is learned


RULE = EpisodeRule(sources=("crisis_line",), origins=("public",))


def people_of(site: Site) -> Caseload:
    snapshot = Store(site).snapshot()
    cells = cells_of(site, snapshot.table("places"), snapshot.place_events())
    return caseload_in(snapshot, site, cells, rule=RULE, cohort=CohortRule())


def sums_of(caseload: Caseload, numbers: CaseloadNumbers, times: Instants) -> NDArray[np.float64]:
    """Shape (cells, times)."""
    alone = Neighbours(np.zeros(caseload.cells + 1, dtype=np.int32), np.zeros(0, dtype=np.int32))
    return caseload.tables(numbers, times, alone)[HERE]


def moment(day: int) -> int:
    return microseconds((BEGINS + timedelta(days=day)).replace(tzinfo=UTC))


def test_who_objects_adds_nothing_and_counts_for_no_twenty(trained: tuple[Site, TrainedRun], tmp_path: Path) -> None:
    some, few = (site_of(tmp_path / str(number), objecting=number) for number in (30, 45))
    numbers = weights_of(fit_caseload(people_of(trained[0]), trained[0], until=moment(DAYS)))
    times = np.array([moment(450)], dtype=np.int64)
    nobody = people_of(trained[0])
    sums = []
    for one in (nobody, people_of(some), people_of(few)):
        sums.append(float(np.nan_to_num(sums_of(one, numbers, times), nan=-1.0).max()))
    assert len(people_of(some)) == PEOPLE - 30
    assert sums[0] > sums[1] > 0  # those who object are half of all, and they are the ones who call
    assert sums[2] == -1.0  # 15 are left: not known


def test_a_fit_sees_nothing_from_its_own_moment_on(trained: tuple[Site, TrainedRun]) -> None:
    site, whole = trained[0], people_of(trained[0])
    every = weights_of(fit_caseload(whole, site, until=moment(DAYS)))
    first = every.applies_from[0]
    kept = np.flatnonzero(whole.enters < first)
    person = np.repeat(np.arange(len(whole)), np.diff(whole.starts))[kept]
    starts = np.concatenate([[0], np.cumsum(np.bincount(person, minlength=len(whole)))]).astype(np.int64)
    past = replace(
        whole, starts=starts, sort=whole.sort[kept], occurred_at=whole.occurred_at[kept], enters=whole.enters[kept],
        superseded_at=whole.superseded_at[kept],
    )  # fmt: skip
    assert fit_caseload(past, site, until=first + 1).weights[0] == every.weights[0]
    monday = datetime.fromtimestamp(first / 1_000_000, UTC).astimezone(site.time_zone)
    assert (monday.weekday(), monday.hour) == (0, 0)
    assert first - int(whole.enters.min()) >= 51 * 7 * MICROSECONDS_PER_DAY


def test_on_what_it_was_fitted_as_many_are_expected_as_came_before_the_limit_of_a_person(
    trained: tuple[Site, TrainedRun],
) -> None:
    site, caseload = trained[0], people_of(trained[0])
    found = weights_of(fit_caseload(caseload, site, until=moment(DAYS)))
    days, until = HORIZON_DAYS * MICROSECONDS_PER_DAY, found.applies_from[0]
    mondays = grid(Window(instant(int(caseload.enters.min())), instant(until)), site.time_zone)
    times = np.array([microseconds(one) for one in mondays], dtype=np.int64)
    times = times[times + days <= until]
    everybody = rows_to_fit(caseload.events, caseload.states, times, days, 1, days)
    unlimited = np.exp(found.weights[0][0] + np.log1p(everybody[2]) @ np.array(found.weights[0][1:]))
    came = [np.count_nonzero((caseload.occurred_at >= one) & (caseload.occurred_at < one + days)) for one in times]
    assert unlimited.sum() == pytest.approx(sum(came), rel=0.02)
    expected = np.nansum(sums_of(caseload, replace(found, applies_from=(0,)), times), axis=0)
    assert sum(expected) == pytest.approx(-np.expm1(-unlimited).sum(), rel=1e-6)  # nobody beyond one contact
    assert np.corrcoef(expected, came)[0, 1] > 0.2


def test_without_contacts_enough_nothing_is_fitted(trained: tuple[Site, TrainedRun]) -> None:
    site, caseload = trained[0], people_of(trained[0])
    none = np.zeros(0, dtype=np.int64)
    silent = replace(
        caseload, starts=np.zeros_like(caseload.starts), sort=none.astype(np.int8), occurred_at=none, enters=none,
        superseded_at=none,
    )  # fmt: skip
    assert fit_caseload(silent, site, until=moment(DAYS)) == CaseloadNumbers()
