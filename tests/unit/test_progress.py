"""Stages that are over: kept whole, read again to the bit, and made anew where they are damaged."""

import resource
import shutil
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tests.lib.places_in_memory import PLACE, PLACE_SITE, invented_places

from crisisrisk.errors import DataError
from crisisrisk.shipped import shipped
from crisisrisk.training import progress
from crisisrisk.training.backtesting import Origins
from crisisrisk.training.finished_files import PLAIN
from crisisrisk.training.keeping import Finished
from crisisrisk.training.place_backtest import forecast_origins, judge_origins
from crisisrisk.training.progress import NOTHING_KEPT, Progress, abandoned_tokens, kept_progress, progress_key

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)


def site_in(folder: Path, configuration: str = 'name = "x"') -> SimpleNamespace:
    folder.mkdir(exist_ok=True)
    (folder / "crisisrisk.toml").write_text(configuration)
    return SimpleNamespace(path=folder, named_files=(folder / "points.csv",))


def never() -> dict[str, np.ndarray]:
    raise AssertionError("this was made before")


def test_a_stage_is_made_once_and_read_to_the_bit(tmp_path: Path) -> None:
    made = {"b": np.array([0.1, np.nan, -0.0]), "a": np.arange(3, dtype=np.int32)}
    first = Progress(tmp_path).arrays("stage", lambda: made)
    again = Progress(tmp_path).arrays("stage", never)
    assert list(first) == list(again) == ["b", "a"]
    for name, values in made.items():
        assert again[name].tobytes() == values.tobytes()
        assert again[name].dtype == values.dtype
    assert Progress(tmp_path).has("stage")
    assert not NOTHING_KEPT.has("stage")


def test_text_and_the_moment_of_the_beginning_come_back(tmp_path: Path) -> None:
    assert Progress(tmp_path).text("trees", lambda: "tree é\n") == "tree é\n"
    assert Progress(tmp_path).text("trees", lambda: "another") == "tree é\n"
    assert Progress(tmp_path).moment(NOW) == NOW
    assert Progress(tmp_path).moment(NOW + timedelta(days=3)) == NOW
    assert Progress(tmp_path).token == Progress(tmp_path).token != NOTHING_KEPT.token


def test_a_damaged_stage_is_made_anew(tmp_path: Path) -> None:
    Progress(tmp_path).arrays("stage", lambda: {"a": np.arange(1000)})
    file = tmp_path / "stage.npz"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    for damaged in (bytes(content), bytes(content[:100]), b""):
        file.write_bytes(damaged)
        assert Progress(tmp_path).arrays("stage", lambda: {"a": np.arange(2)})["a"].tolist() == [0, 1]


def test_a_stage_that_does_not_fit_on_the_disk_is_not_kept_and_stops_nothing(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
    try:
        made = Progress(tmp_path).arrays("stage", lambda: {"a": np.arange(10_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(made["a"]) == 10_000
    assert not Progress(tmp_path).has("stage")


def test_an_error_in_a_stage_keeps_nothing_of_it(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        Progress(tmp_path).arrays("stage", lambda: {"a": np.array([1 // 0])})
    assert list(tmp_path.iterdir()) == []


def test_other_recipes_data_or_configuration_are_other_work(tmp_path: Path) -> None:
    site = site_in(tmp_path / "one")
    other = site_in(tmp_path / "other", 'name = "y"')
    keys = {progress_key(site, "r", "d"), progress_key(site, "s", "d"), progress_key(site, "r", "e"),
            progress_key(other, "r", "d")}  # fmt: skip
    assert len(keys) == 4
    assert progress_key(site, "r", "d") in keys
    (tmp_path / "one" / "training").mkdir()
    rules = tmp_path / "one" / "training" / "baselines.toml"
    rules.write_bytes((shipped("training") / "baselines.toml").read_bytes())
    assert progress_key(site, "r", "d") in keys  # a copy says the same
    rules.write_text(rules.read_text(encoding="utf-8") + "# other\n", encoding="utf-8")
    assert (other_rules := progress_key(site, "r", "d")) not in keys
    (site.path / "points.csv").write_text("kind,latitude,longitude,known_at\n", encoding="utf-8")
    assert progress_key(site, "r", "d") not in {*keys, other_rules}


def test_other_software_is_other_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site, package = site_in(tmp_path / "site"), tmp_path / "package"
    shutil.copytree(progress.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    before = progress_key(site, "r", "d")
    monkeypatch.setattr(progress, "PACKAGE", package)
    assert progress_key(site, "r", "d") == before
    (package / "labels.py").write_text("# other\n", encoding="utf-8")
    assert progress_key(site, "r", "d") != before


def stopped(site: SimpleNamespace, command: str, key: str) -> None:
    """Work that was begun and is stopped by hand."""
    with kept_progress(site, command, key) as progress:
        assert progress.token
        raise KeyboardInterrupt


def test_work_goes_when_it_is_over_and_stays_when_it_is_not(tmp_path: Path) -> None:
    site = site_in(tmp_path / "site")
    for command, key in (("train a trees", "old"), ("train b trees", "other"), ("train a trees", "new")):
        with pytest.raises(KeyboardInterrupt):
            stopped(site, command, key)
    assert len(abandoned_tokens(site)) == 3
    with kept_progress(site, "train a trees", "new"):
        assert len(abandoned_tokens(site)) == 2  # this one is at work
        with pytest.raises(DataError) as caught, kept_progress(site, "train a trees", "new"):
            pass
        assert caught.value.code == "CR-TRAIN-004"
    assert [path.name for path in (site.path / "unfinished").iterdir()] == ["train-b-trees-other"]


def test_every_field_of_a_finished_model_is_kept() -> None:
    by_themselves = {"model", "report", "shown", "cells_known_before", "judged", "sheet"}
    by_themselves |= {"caseload", "echo", "profiles", "recent", "late_feeds"}  # in the bundle's task
    assert {field.name for field in fields(Finished)} == {*PLAIN, *by_themselves}


def test_a_backtest_of_places_goes_on_and_ends_as_one_that_never_stopped(tmp_path: Path) -> None:
    data, features = invented_places(days=300), SimpleNamespace(names=("x",))

    def backtested(progress: Progress, tell) -> dict:
        said = forecast_origins(PLACE, features, data, PLACE_SITE, Origins(), tell=tell, progress=progress)
        return judge_origins(PLACE, data, PLACE_SITE, said).as_json()

    told: list[str] = []

    def stop_at_the_third(line: str) -> None:
        told.append(line)
        if len(told) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backtested(Progress(tmp_path), stop_at_the_third)
    assert len(list(tmp_path.glob("fold-*.npz"))) == 2
    again: list[str] = []
    resumed = backtested(Progress(tmp_path), again.append)
    assert [line.endswith("fitted before") for line in again] == [True, True, False]
    assert resumed == backtested(NOTHING_KEPT, lambda _: None)


@pytest.mark.parametrize("workers", [2, 3, 8])
def test_a_backtest_of_places_is_the_same_with_any_number_of_workers(tmp_path: Path, workers: int) -> None:
    data, features = invented_places(days=300), SimpleNamespace(names=("x",))

    def backtested(progress: Progress, workers: int, tell, ended=lambda *_: None) -> dict:
        said = forecast_origins(
            PLACE, features, data, PLACE_SITE, Origins(), tell=tell, ended=ended, progress=progress, workers=workers
        )
        return judge_origins(PLACE, data.without_features(), PLACE_SITE, said, workers=workers).as_json()

    over: list[tuple[int, int]] = []
    alone = backtested(NOTHING_KEPT, 1, lambda _: None)
    assert backtested(NOTHING_KEPT, workers, lambda _: None, lambda *one: over.append(one)) == alone
    assert over == [(1, 3), (2, 3), (3, 3)]
    told: list[str] = []

    def stop_at_the_last(line: str) -> None:
        told.append(line)
        if len(told) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backtested(Progress(tmp_path), workers, stop_at_the_last)
    assert len(list(tmp_path.glob("fold-*.npz"))) == 2  # those that ran were waited for, and are kept
    again: list[str] = []
    assert backtested(Progress(tmp_path), 1, again.append) == alone
    assert sum(line.endswith("fitted before") for line in again) == 2


def test_a_backtest_takes_no_memory_for_features_while_it_judges() -> None:
    data, features = invented_places(days=300), SimpleNamespace(names=("x",))
    said = forecast_origins(PLACE, features, data, PLACE_SITE, Origins(), tell=lambda _: None)
    assert [other.data.features.nbytes for other in said.others] == [0] * len(said.others)
    assert data.without_features().features.nbytes == 0
    assert data.without_features().offset is data.offset
