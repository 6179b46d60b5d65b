"""Benchmarks run, at toy size and without their peers; the page of figures is what the kept JSON makes."""

from importlib import import_module
from inspect import signature
from pathlib import Path

import pytest
from benchmarks.__main__ import NAMES, PAGE, main
from benchmarks.report import RESULTS, Figure, Outcome, amount, kept, lines, page, read
from benchmarks.running import run

TOY = 0.0005
OF_COMMANDS = {
    "load_csv", "places", "replay", "score_people", "service_load", "service_pages", "simulate", "training_full",
    "training_people",
}  # fmt: skip
"""Minutes at their smallest; what they time, and the way of `training_full`, is run by other tests."""


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name not in OF_COMMANDS])
def test_a_benchmark_runs_at_toy_size(name: str) -> None:
    outcome = run(name, scale=TOY, peers=False)
    assert all(figure.value > 0 for figure in outcome.figures), outcome
    assert "OTHER" not in lines(outcome)


@pytest.mark.parametrize("name", NAMES)
def test_every_benchmark_can_be_run_smaller_and_without_peers(name: str) -> None:
    parameters = signature(import_module(f"benchmarks.{name}").run).parameters
    assert {key: parameters[key].default for key in parameters} == {"scale": 1.0, "peers": True}


def outcome(**figure: object) -> Outcome:
    return Outcome(of="10 rows", figures=(Figure(what="kernel", value=8e8, unit="cells/s", **figure),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bar", "less_is_better", "ratio"), [(4e8, False, 2.0), (4e8, True, 0.5), (16e8, True, 2.0), (None, False, None)]
)
def test_a_ratio_above_1_passes_the_bar(bar: float | None, less_is_better: bool, ratio: float | None) -> None:
    assert outcome(bar=bar, less_is_better=less_is_better).figures[0].ratio == ratio


def test_an_outcome_is_read_as_it_was_kept(tmp_path: Path) -> None:
    one = outcome(bar=4e8)
    assert read(kept("kernel", one, folder=tmp_path)) == one


def test_the_page_shows_figure_bar_and_ratio(tmp_path: Path) -> None:
    kept("kernel", outcome(bar=4e8), folder=tmp_path)
    assert "| kernel | 8.00·10⁸ cells/s | ≥ 4.00·10⁸ | 2 |" in page(["absent", "kernel"], folder=tmp_path)


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0"), (0.5, "0.5"), (12.34, "12.3"), (1234.5, "1,234"), (6.4e8, "6.40·10⁸"), (2e-5, "2.00·10⁻⁵")],
)
def test_amounts_have_three_figures(value: float, words: str) -> None:
    assert amount(value) == words


def test_the_committed_page_is_made_of_the_committed_results() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(NAMES), "write it again with: python -m benchmarks --page"
    for path in RESULTS.glob("*.json"):
        drawing = read(path).details.get("drawing")
        assert drawing is None or (PAGE.parent / f"{path.stem}.svg").read_text(encoding="utf-8") == drawing


def test_a_small_run_keeps_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    before = PAGE.read_text(encoding="utf-8")
    main(["startup", "--scale", "0.1"])
    assert "crisisrisk --help" in capsys.readouterr().out
    assert PAGE.read_text(encoding="utf-8") == before
