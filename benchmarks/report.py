"""What a benchmark found: figures beside their bars, as lines to read, as JSON to keep, and as a page made of it."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
HEAD = """<!-- made by `make bench` from benchmarks/results; do not edit -->

# Speed

Each section is one benchmark of [`benchmarks/`](../../benchmarks/README.md) in one run, peers included, on the machine
that it names. Read the ratios: the absolute figures belong to that machine. The last column says how many times the
bar is passed; below 1 it is missed.
"""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured number, and what was wanted of it."""

    what: str
    value: float
    unit: str = ""
    bar: float | None = None
    less_is_better: bool = False

    @property
    def ratio(self) -> float | None:
        """How many times the bar is passed; below 1 it is missed. None without a bar."""
        if self.bar is None:
            return None
        above, below = (self.bar, self.value) if self.less_is_better else (self.value, self.bar)
        return above / below if below else float("inf")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """All that one run of one benchmark says."""

    of: str
    """The size of the work, in words."""
    figures: tuple[Figure, ...]
    remarks: tuple[str, ...] = ()
    """Sentences for the page: what a peer computes, what is the same."""
    details: dict[str, Any] = field(default_factory=dict)
    """Whatever else was measured, as JSON."""
    machine: str = ""


def machine() -> str:
    """What the figures belong to."""
    return f"{platform.machine()} · {os.cpu_count()} cores · Python {platform.python_version()} · {platform.system()}"


def kept(name: str, outcome: Outcome, *, folder: Path = RESULTS) -> Path:
    """Write an outcome as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(asdict(outcome), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def read(path: Path) -> Outcome:
    """The outcome that `kept` wrote."""
    content = json.loads(path.read_text(encoding="utf-8"))
    figures = tuple(Figure(**figure) for figure in content.pop("figures"))
    return Outcome(figures=figures, remarks=tuple(content.pop("remarks")), **content)


def page(names: Sequence[str], *, folder: Path = RESULTS) -> str:
    """The page of every benchmark that has a result, in the order of the names."""
    sections = [_section(name, read(path)) for name in names if (path := folder / f"{name}.json").is_file()]
    return "\n\n".join([HEAD.strip(), *sections]) + "\n"


def _section(name: str, outcome: Outcome) -> str:
    rows = [
        f"| {one.what} | {amount(one.value)} {one.unit} | {_bar(one)} | {_ratio(one)} |".replace("  ", " ")
        for one in outcome.figures
    ]
    table = ["| | measured | bar | times the bar |", "| --- | ---: | ---: | ---: |", *rows]
    drawing = [f"![What `{name}` measured]({name}.svg)"] if "drawing" in outcome.details else []
    parts = [f"## {name}", f"{outcome.of}  \n{outcome.machine}", "\n".join(table), *drawing, *outcome.remarks]
    return "\n\n".join(parts)


def lines(outcome: Outcome) -> str:
    """The figures as lines of text."""
    rows = [
        f"{one.what:<58} {amount(one.value)} {one.unit}"
        + (f" (bar {_bar(one)}: {_ratio(one)} times)" if one.bar is not None else "")
        for one in outcome.figures
    ]
    return "\n".join([outcome.of, *rows, *outcome.remarks])


def _bar(figure: Figure) -> str:
    return "–" if figure.bar is None else f"{'≤' if figure.less_is_better else '≥'} {amount(figure.bar)}"


def _ratio(figure: Figure) -> str:
    return "–" if figure.ratio is None else amount(figure.ratio)


def amount(value: float) -> str:
    """A number with three figures that count."""
    if value == float("inf"):
        return "∞"
    if value and (abs(value) >= 1e6 or abs(value) < 1e-3):
        mantissa, power = f"{value:.2e}".split("e")
        return f"{mantissa}·10{str(int(power)).translate(_RAISED)}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
