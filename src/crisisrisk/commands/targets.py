"""The invented city beside the published figures that it is calibrated to, as a page."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from math import isfinite
from multiprocessing import get_context
from os import cpu_count
from pathlib import Path
from typing import Any

from crisisrisk.errors import UsageError
from crisisrisk.shipped import repository
from crisisrisk.simulation.describe import describe
from crisisrisk.simulation.measuring import measured
from crisisrisk.simulation.settings import PRESETS, settings_for
from crisisrisk.simulation.simulate import MOST_PROCESSES
from crisisrisk.simulation.targets import TargetRow, limits, markdown, rows_of_preset

Tell = Callable[[str], None]
PAGE = Path("docs") / "explanation" / "invented-city.md"
CALIBRATED = ("birmingham", "force")


def compare(seeds: int, *, presets: Sequence[str] = CALIBRATED, tell: Tell) -> list[TargetRow]:
    """Every target beside the mean over the seeds 1 to `seeds`, at the presets' own size; one process a core."""
    rows = []
    with ProcessPoolExecutor(min(cpu_count() or 1, MOST_PROCESSES), mp_context=get_context("spawn")) as pool:
        for preset in presets:
            tell(f"{preset}: {seeds} cities of {PRESETS[preset].people:,} people …")
            cities = [settings_for(preset, seed=seed) for seed in range(1, seeds + 1)]
            rows += rows_of_preset(preset, list(pool.map(measured, cities)))
    return rows


def row_as_json(row: TargetRow) -> dict[str, Any]:
    """One line of the comparison. `least` and `most` are None where a figure is not bounded on that side."""
    least, most = (bound if isfinite(bound) else None for bound in limits(row.target))
    return {
        "preset": row.preset,
        "name": row.target.name,
        "figure": row.target.meaning,
        "published": row.target.value,
        "least": least,
        "most": most,
        "invented": row.simulated,
        "spread": row.spread,
        "within": row.within,
        "source": row.target.source,
    }


def page(rows: Sequence[TargetRow], *, seeds: int) -> str:
    """The page of documentation."""
    digests = "\n".join(f"- {preset}: `{settings_for(preset).digest()}`" for preset in PRESETS)
    causes = describe(settings_for("birmingham")).split("\n", 1)[1].replace("\n## ", "\n### ")
    within = sum(row.within for row in rows)
    return f"""<!-- made by `crisisrisk simulate targets --write`; do not edit -->

# The invented city

A city whose true risks are known, for everything that real data cannot be used for.
How to make one: [Invent a city](../how-to/invent-a-city.md).

## Calibrated to published figures

Means over {seeds} seeds of each preset at its own size. A figure is within its limits when it is no more than 15 % off,
or within Poisson error for counts under 60. {within} of {len(rows)} are.

{markdown(rows).strip()}

The parameters that this was measured with, by digest:

{digests}

## Why things happen in it

This is what `crisisrisk simulate --scale birmingham --describe` prints.
{causes}"""


def write_page(rows: Sequence[TargetRow], *, seeds: int) -> Path:
    """Write the page into the repository. Raises UsageError outside of one."""
    root = repository()
    if root is None:
        raise UsageError("CR-USE-001", "the page is written in the repository only", hint="leave --write out")
    path = root / PAGE
    path.write_text(page(rows, seeds=seeds), encoding="utf-8")
    return path
