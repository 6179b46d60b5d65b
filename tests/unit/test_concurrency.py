"""Several threads at once: results in the order asked for, and nothing begun after an error."""

import threading
from functools import partial

import pytest

from crisisrisk.concurrency import in_order


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_the_order_asked_for(workers: int) -> None:
    over: list[int] = []
    assert in_order([partial(pow, one, 2) for one in range(7)], workers=workers, ended=over.append) == [
        0, 1, 4, 9, 16, 25, 36,
    ]  # fmt: skip
    assert over == [1, 2, 3, 4, 5, 6, 7]


def test_two_are_at_work_at_once() -> None:
    """Each waits for the other: one after the other they would never end."""
    together = threading.Barrier(2, timeout=60)
    assert sorted(in_order([together.wait, together.wait], workers=2)) == [0, 1]


def test_one_worker_is_the_thread_that_asked() -> None:
    assert in_order([threading.current_thread] * 2, workers=1) == [threading.current_thread()] * 2


def test_the_first_error_is_raised_and_what_has_not_begun_never_does() -> None:
    begun: list[int] = []
    failed = threading.Event()

    def work(number: int) -> None:
        begun.append(number)
        if number == 0:
            failed.set()
            raise ZeroDivisionError
        failed.wait(60)

    with pytest.raises(ZeroDivisionError):
        in_order([partial(work, number) for number in range(200)], workers=2)
    assert len(begun) < 200


def test_nothing_asked_for_gives_nothing() -> None:
    assert in_order([], workers=4) == []
