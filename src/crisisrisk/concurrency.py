"""Work that several threads do at once, its results in the order in which they were asked for.

Threads and not processes: what takes long (LightGBM, NumPy, compiled kernels, Parquet) runs outside the interpreter's
lock, so that data of gigabytes are held once, and nobody outlives a process that is killed. No result may depend on
how many there are: whoever is called here says how many threads its own libraries use.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

Result = TypeVar("Result")


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(
    made: Sequence[Callable[[], Result]], *, workers: int, ended: Callable[[int], None] = lambda _: None
) -> list[Result]:
    """What each of these gives, `workers` at a time; one worker is the caller's own thread.

    `ended` hears how many are over, one call at a time. The first error, in order, is raised: what has not begun by
    then never does, and what runs is waited for.
    """
    over, lock = 0, Lock()

    def one(make: Callable[[], Result]) -> Result:
        nonlocal over
        result = make()
        with lock:
            over += 1
            ended(over)
        return result

    if workers <= 1 or len(made) <= 1:
        return [one(make) for make in made]
    pool = ThreadPoolExecutor(max_workers=min(workers, len(made)))
    try:
        return [future.result() for future in [pool.submit(one, make) for make in made]]
    finally:
        pool.shutdown(cancel_futures=True)
