"""The whole path on one real data set, as a data scientist would type it: from files to an answer over HTTP.

Each step is one command with `--json`; what they print is kept as it is, for the tests and for the page.
"""

import hashlib
import importlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.acceptance.asking import ask_of_people, ask_of_places
from tests.acceptance.commands import command
from tests.lib.operational import with_new_database

HERE = Path(__file__).resolve().parent
Answer = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Load:
    """One file, real or prepared, and the mapping that reads it."""

    file: str
    mapping: str
    prepared: bool = False


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """One real data set as a site: what is loaded, what is trained, when it is asked."""

    name: str
    title: str
    folder: str
    subject: str
    recipe: str
    loads: tuple[Load, ...]
    over: str | None = None
    """A folder whose files are laid over those of `folder`."""
    rule: str = ""
    """The simple rule that is served, where trees earn nothing over it."""
    as_of: str | None = None
    """When people are scored; places are forecast at the clock of the site."""
    share_of: str = "cells"
    """What a share of the places is a share of: hexagons have an area, named areas here have none."""


MONTGOMERY_CALLS = Load(file="montgomery_pa_911_calls.csv.gz", mapping="calls.toml")

DATA_SETS = (
    DataSet(
        name="ctn0094",
        title="CTN-0094: return to opioid use in three treatment trials",
        folder="ctn0094",
        subject="person",
        recipe="opioid_use_28d.toml",
        loads=(
            Load(file="people.csv", mapping="people.toml", prepared=True),
            Load(file="caseloads.csv", mapping="caseloads.toml", prepared=True),
            Load(file="events.csv", mapping="events.toml", prepared=True),
        ),
        as_of="2001-03-26",  # twelve weeks after consent
    ),
    DataSet(
        name="toronto",
        title="Toronto: Mental Health Act apprehensions by neighbourhood",
        folder="toronto",
        subject="place",
        recipe="apprehension_shift.toml",
        loads=(
            Load(file="places.csv", mapping="places.toml", prepared=True),
            Load(file="toronto_mha_apprehensions_2014_2017.parquet", mapping="apprehensions.toml"),
        ),
    ),
    DataSet(
        name="montgomery_cells",
        title="Montgomery County: overdose and altered mental status by hexagon",
        folder="montgomery",
        subject="place",
        recipe="overdose_shift.toml",
        loads=(MONTGOMERY_CALLS,),
        share_of="area",
    ),
    DataSet(
        name="montgomery_townships",
        title="Montgomery County: overdose and altered mental status by township",
        folder="montgomery",
        over="montgomery/townships",
        rule="shrunken_rate_times_shift_factor",
        subject="place",
        recipe="overdose_shift.toml",
        loads=(Load(file="townships.csv", mapping="townships.toml", prepared=True), MONTGOMERY_CALLS),
    ),
)


def walk(data_set: DataSet, real_data: Path, work: Path) -> Answer:
    """Every step on one data set, in order. The keys of the answer are the steps."""
    site, incoming = work / data_set.name / "site", work / data_set.name / "incoming"
    prepare(data_set, real_data, incoming)
    make_site(data_set, site)
    walked: Answer = {}
    files = [
        ((incoming if load.prepared else real_data) / load.file, site / "mappings" / load.mapping)
        for load in data_set.loads
    ]
    at = ("--site", str(site))
    walked["check"] = [
        command("data", "check", str(file), "--mapping", str(mapping), *at, may_fail=True) for file, mapping in files
    ]
    walked["load"] = [command("data", "load", str(file), "--mapping", str(mapping), *at) for file, mapping in files]
    walked["again"] = [command("data", "load", str(file), "--mapping", str(mapping), *at) for file, mapping in files]
    walked["status"] = command("data", "status", *at)
    recipe = ("--recipe", str(site / "training" / data_set.recipe))
    walked["train"] = command("train", data_set.subject, *recipe, *at)
    walked["evaluate"] = command("evaluate", walked["train"]["run_id"], *at)
    walked["backtest"] = command("backtest", data_set.subject, *recipe, *at) if data_set.subject == "place" else None
    audit = ("features", "audit", "--trials", "20", *recipe, *at)
    walked["audit"] = command(*audit) if data_set.subject == "person" else None
    named = ("--reason", "acceptance", "--by", "the acceptance tests")
    walked["served"] = _served(data_set, walked["train"], recipe, at)
    walked["promote"] = command("model", "promote", walked["served"]["run_id"], *named, *recipe, *EXCEPTIONS, *at)
    answer = answer_people if data_set.subject == "person" else answer_places
    walked["answer"], walked["asked"] = answer(data_set, site)
    walked["log"] = (site / "service.log").read_text()
    return walked


def _served(data_set: DataSet, trained: Answer, recipe: tuple[str, ...], at: tuple[str, ...]) -> Answer:
    """The trained model, or the simple rule that is served where trees earn nothing over it."""
    if not data_set.rule:
        return trained
    return command("train", data_set.subject, "--baseline", data_set.rule, *recipe, *at)


# What the published data may be too few, or too unlike a service, to show; what fails stays with the model.
ACCEPTED = ("calibration", "subgroups")
EXCEPTIONS = (*(part for name in ACCEPTED for part in ("--accept", name)), "--because", "nobody is served")


def prepare(data_set: DataSet, real_data: Path, incoming: Path) -> None:
    """Run the data set's own preparation script."""
    incoming.mkdir(parents=True)
    importlib.import_module(f"tests.acceptance.{data_set.folder}.prepare").prepare(real_data, incoming)


def make_site(data_set: DataSet, site: Path) -> None:
    """A new site with the data set's configuration, mappings and recipes in place of the shipped ones.

    Its key is always the same one, because people are split by their pseudonyms: the data are public, and a page that
    anyone can write again needs the same people in the same block.
    """
    command("init", str(site))
    (site / "keys" / "pseudonym.key").write_text(f"k1 {hashlib.sha256(b'public study data').hexdigest()}\n")
    for folder in filter(None, (data_set.folder, data_set.over)):
        shutil.copytree(HERE / folder, site, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    with_new_database(site)


def answer_people(data_set: DataSet, site: Path) -> tuple[Answer, Answer]:
    """The scores as of the data set's moment, and what the service says of them."""
    assert data_set.as_of is not None
    scored = command("score", "--as-of", data_set.as_of, "--site", str(site))
    return scored, ask_of_people(site, "trial_51", "trial_27")


def answer_places(data_set: DataSet, site: Path) -> tuple[Answer, Answer]:
    """The forecast of the next shifts, and what the service says of the first of them."""
    forecast = command("forecast", "--hours", "24", "--site", str(site))
    return forecast, ask_of_places(site, forecast["features"][0]["properties"]["shift_id"])
