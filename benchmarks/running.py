"""One benchmark by its name, here or in a process of its own."""

import importlib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

from benchmarks.report import Outcome, machine


def run(name: str, *, scale: float = 1.0, peers: bool = True) -> Outcome:
    """One benchmark at a part of its full size. Each is a module with such a `run` of its own."""
    outcome: Outcome = importlib.import_module(f"benchmarks.{name}").run(scale=scale, peers=peers)
    return replace(outcome, machine=machine())


def run_alone(name: str, *, scale: float, peers: bool) -> Outcome:
    """One benchmark in a process of its own: the peak memory of one is not that of another before it."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as process:
        return process.submit(run, name, scale=scale, peers=peers).result()
