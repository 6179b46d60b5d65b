"""A whole city scored and kept with reasons in words, by the command that a night's schedule runs.

`python -m benchmarks score_people`. 100,000 invented people over three years, loaded as any site's files are; the model
is the one that `make demo` trains and promotes. Timed is the process of `crisisrisk score`, from its start to its end.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from tests.lib.answering_models import let_answer

from benchmarks.report import Figure, Outcome
from crisisrisk.commands.data import load_folder
from crisisrisk.commands.demo import answering_run, demo_site
from crisisrisk.models.bundle import Bundle
from crisisrisk.scoring.answering import answering
from crisisrisk.shipped import shipped
from crisisrisk.simulation.settings import FEWEST_PEOPLE, settings_for
from crisisrisk.simulation.simulate import simulate
from crisisrisk.tables.site import Site, read_site

PEOPLE, YEARS = 100_000, 3.0
FEW_YEARS = 1.0
BAR_SECONDS = 180.0


class Scored(NamedTuple):
    """One run of the command."""

    seconds: float
    peak_gb: float
    people: int
    scored: int


def run(*, scale: float = 1.0, peers: bool = True) -> Outcome:
    """The first scoring of a city, and the next one. There are no peers: nobody else keeps reasons with a score."""
    people, years = max(round(PEOPLE * scale), FEWEST_PEOPLE), YEARS if scale == 1 else FEW_YEARS
    with tempfile.TemporaryDirectory() as name:
        model = demo_model(Path(name) / "demo")
        site = invented_site(Path(name) / "city", people, years)
        let_answer(site, model, at=datetime.now(UTC).isoformat())
        first, again = _scored(site), _scored(site)
    return Outcome(
        of=f"{first.people:,} people of {years:g} years, {first.scored:,} of them with a score; "
        f"{model.manifest.trees} trees of {len(model.features.names):,} columns, SQLite",
        figures=(
            Figure(what="everybody scored and kept with reasons, the first time", value=first.seconds, unit="s",
                   bar=BAR_SECONDS, less_is_better=True),
            Figure(what="and the next time", value=again.seconds, unit="s", bar=BAR_SECONDS, less_is_better=True),
            Figure(what="peak memory", value=max(first.peak_gb, again.peak_gb), unit="GB"),
        ),
        remarks=("The command's whole process: reading, features, the model, contributions, words, the database.",),
    )  # fmt: skip


def demo_model(folder: Path) -> Bundle:
    """The model of people that `make demo` trains and promotes."""
    site = demo_site(folder)
    load_folder(site, shipped("data_samples"))
    answering_run(site, "person", tell=print_aside)
    return answering(site, keep_higher_days=0).now


def invented_site(folder: Path, people: int, years: float, *, residents: int | None = None) -> Site:
    """An invented city of a size, loaded, whose service offers scores of people."""
    settings = settings_for("birmingham", people=people, years=years, residents=residents)
    simulate(settings, folder, truth=False, processes=2, tell=print_aside)
    (folder / "serving").mkdir(exist_ok=True)
    shutil.copy(shipped("data_samples") / "service.toml", folder / "serving" / "service.toml")
    site = read_site(folder)
    load_folder(site, folder)
    return site


def _scored(site: Site) -> Scored:
    began = time.monotonic()
    command = [sys.executable, "-m", "crisisrisk", "score", "--site", str(site.path), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"the command ended with {process.returncode}")
    answer = json.loads(told)
    return Scored(time.monotonic() - began, used.ru_maxrss / 1024**2, answer["people"], answer["scored"])


def print_aside(line: str) -> None:
    """To standard error, as a person watching wants it."""
    print(line, file=sys.stderr, flush=True)
