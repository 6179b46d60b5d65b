"""`crisisrisk simulate`: what it writes, what it refuses, and that it leaves nothing half-written."""

import hashlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from string import Formatter

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from crisisrisk.cli import run
from crisisrisk.shipped import repository
from crisisrisk.simulation import describe as description
from crisisrisk.simulation import person_chain
from crisisrisk.simulation.declarations import configuration_of
from crisisrisk.simulation.defects import DEFECTS
from crisisrisk.simulation.describe import numbers, template
from crisisrisk.simulation.settings import DRAWN_SETS, PRESETS, drawn_settings, settings_for
from crisisrisk.simulation.simulate import simulate
from crisisrisk.simulation.teams import team_ids
from crisisrisk.tables.site import read_configuration, read_site

SMALL = ("--scale", "sample", "--people", "200", "--years", "0.5", "--seed", "3")


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small city, made by the command in this process."""
    out = tmp_path_factory.mktemp("city") / "out"
    assert run(["simulate", *SMALL, "--out", str(out), "--processes", "1"]) == 0
    return out


def test_the_folder_is_a_site_with_every_file_that_it_is_loaded_from(city: Path) -> None:
    steps = tomllib.loads((city / "load_order.toml").read_text(encoding="utf-8"))["load"]
    assert {name for step in steps for name in step["files"]} == {path.name for path in city.glob("*.csv")}
    assert [step["mapping"] for step in steps if not (city / step["mapping"]).is_file()] == []
    site = read_site(city)
    assert site.pseudonym_key_file.stat().st_mode & 0o077 == 0
    assert not any(path.name.startswith(".") for path in city.iterdir())


def test_the_same_settings_give_the_same_bytes_in_any_number_of_processes(city: Path, tmp_path: Path) -> None:
    settings = settings_for("sample", people=200, years=0.5, seed=3)
    done = simulate(settings, tmp_path / "again", processes=2)
    assert digests(tmp_path / "again") == digests(city)
    assert done.files == len(digests(city))
    assert done.bytes == sum(path.stat().st_size for path in city.rglob("*") if path.is_file())


def test_another_seed_gives_other_bytes_and_no_truth_none(city: Path, tmp_path: Path) -> None:
    out = tmp_path / "other"
    assert run(["simulate", *SMALL[:-1], "4", "--out", str(out), "--processes", "1", "--no-truth"]) == 0
    ours, other = digests(city), digests(out)
    assert [name for name in other if name.endswith(".csv") and ours.get(name) == other[name]] == []
    assert any(name.startswith("truth/") for name in ours)
    assert not any(name.startswith("truth/") for name in other)


def test_truth_is_of_every_person_and_week_and_every_place_and_shift(city: Path) -> None:
    people = pq.read_table(city / "truth" / "people.parquet")
    assert people["person"].to_pylist() == list(range(200))
    assert people["nhs_number"].to_pylist() == [
        number for number in people["nhs_number"].to_pylist() if len(number) == 10
    ]
    weeks = pq.read_table(city / "truth" / "person_weeks.parquet")
    assert set(pc.unique(weeks["person"]).to_pylist()) <= set(range(200))
    assert 0 <= pc.min(weeks["probability"]).as_py() < pc.max(weeks["probability"]).as_py() <= 1
    assert weeks.group_by(["person", "as_of"]).aggregate([]).num_rows == weeks.num_rows
    shifts = pq.read_table(city / "truth" / "place_shifts.parquet")
    cells = len(pc.unique(shifts["place_id"]))
    assert shifts.num_rows == cells * len(pc.unique(shifts["shift_id"]))
    assert pc.min(shifts["expected"]).as_py() > 0
    assert pc.all(pc.equal(pc.hours_between(shifts["issued_at"], shifts["start"]), 24)).as_py()


def test_truth_says_what_the_city_was_made_from(city: Path) -> None:
    made_from = json.loads((city / "truth" / "settings.json").read_text(encoding="utf-8"))
    settings = settings_for("sample", people=200, years=0.5, seed=3)
    assert made_from["digest"] == settings.digest()
    assert (made_from["people"], made_from["seed"]) == (200, 3)
    assert made_from["parameters"]["dynamics"]["admission"] == settings.dynamics.admission
    assert json.loads((city / "truth" / "effects.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("number", DRAWN_SETS)
def test_a_city_of_drawn_parameters_can_be_made(number: int, tmp_path: Path) -> None:
    settings = drawn_settings(number, preset="sample", people=200, years=0.5)
    done = simulate(settings, tmp_path / "city", processes=1)
    assert done.tally.by_source.sum() > 200
    risk = pq.read_table(tmp_path / "city" / "truth" / "person_weeks.parquet")["probability"]
    assert 0 <= pc.min(risk).as_py() < pc.mean(risk).as_py() < pc.max(risk).as_py() <= 1


def test_a_drawn_set_is_asked_for_by_its_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate", "--drawn", "2", "--describe", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["digest"] == drawn_settings(2).digest()
    (tmp_path / "city.toml").write_text("people = 300\n", encoding="utf-8")
    assert run(["simulate", "--drawn", "2", "--config", str(tmp_path / "city.toml"), "--describe"]) == 2
    assert "cannot be changed" in capsys.readouterr().err


def test_the_answer_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert run(["simulate", *SMALL, "--no-truth", "--processes", "1", "--out", str(out), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["people"], answer["seed"], answer["out"]) == (200, 3, str(out))
    assert answer["contacts"] > 200
    assert answer["files"] == len(digests(out))


def test_describe_says_why_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["simulate", "--scale", "force", "--describe"]) == 0
    page = capsys.readouterr().out
    assert "120,000 people known to services among 2,900,000 residents" in page
    assert settings_for("force").digest() in page
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("preset", PRESETS)
def test_the_description_uses_every_number_and_has_every_number_it_uses(preset: str) -> None:
    used = {name for _, name, _, _ in Formatter().parse(template()) if name}
    assert used == set(numbers(settings_for(preset)))


def test_the_description_knows_how_much_the_days_of_drinking_push() -> None:
    assert person_chain._DRINK.max() == description._MOST_DRINK


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--people", "-5"], "cannot be made with that value of people"),
        (["--people", "0"], "cannot be made with that value of people"),
        (["--people", "9" * 15], "200 to 5,000,000"),
        (["--years", "-1"], "cannot be made with that value of years"),
        (["--residents", "3"], "cannot be made with that value of residents"),
        (["--defect", "leaking_colum"], 'did you mean "leaking_column"?'),
        (["--config", "none.toml"], "the configuration cannot be opened"),
        (["--scale", "brum"], "'brum' is not one of"),
    ],
)
def test_what_cannot_be_made_is_refused_and_nothing_is_written(
    arguments: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["simulate", *arguments, "--out", str(tmp_path / "out")]) == 2
    assert told in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_where_to_write_must_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate", *SMALL]) == 2
    assert "wanted  --out DIR" in capsys.readouterr().err


def test_a_folder_that_is_not_empty_is_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").write_text("mine")
    assert run(["simulate", *SMALL, "--out", str(tmp_path)]) == 2
    assert "only written into a new or empty folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


# No file may grow beyond so many bytes: the system then refuses to write, as it does on a disk that is full.
FILLING = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
from crisisrisk.cli import run
sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.parametrize("limit", [2_000, 60_000])
@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_disk_that_fills_leaves_nothing(limit: int, processes: str, city: Path, tmp_path: Path) -> None:
    arguments = ["simulate", *SMALL, "--processes", processes, "--out", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-c", FILLING.format(limit=limit), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 3, done.stderr
    assert "error[CR-DATA-007]: the disk is full; nothing was kept" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_larger_city_has_more_teams_and_the_rest_of_the_configuration() -> None:
    root = repository()
    assert root is not None
    sample = (root / "data_samples" / "crisisrisk.toml").read_text(encoding="utf-8")
    large = read_configuration(configuration_of(settings_for("force"), sample))
    assert tuple(large.teams) == team_ids(120_000)
    assert len(large.teams) == 24
    assert large.name == "Invented city (force)"
    small = read_configuration(sample)
    assert large.sources == small.sources
    assert [team.name for team in small.mobile_teams] == ["triage-1", "triage-2"]
    assert [team.name for team in large.mobile_teams] == [f"triage-{number}" for number in range(1, 7)]
    assert large.positions == small.positions
    assert configuration_of(settings_for("sample"), sample) == sample


@pytest.mark.parametrize("name", [*DEFECTS, *PRESETS])
def test_the_guide_names_every_defect_and_preset(name: str) -> None:
    root = repository()
    assert root is not None
    assert f"`{name}`" in (root / "docs" / "how-to" / "invent-a-city.md").read_text(encoding="utf-8")
