"""Being told to stop: at once while a job runs, which is taken up again by the next worker, and at once in between."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from crisisrisk.operations.worker import StopWork


class Stopping:
    """Whether the worker was told to stop."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._at_work = False

    @property
    def asked(self) -> bool:
        """Whether it was."""
        return self._asked.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until it is told to stop, which is what is returned."""
        return self._asked.wait(seconds)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Inside this, being told to stop raises StopWork."""
        self._at_work = True
        try:
            if self.asked:
                raise StopWork
            yield
        finally:
            self._at_work = False

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Listen to SIGTERM and SIGINT. In the main thread alone."""
        before = {number: signal.signal(number, self._told) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _told(self, _number: int, _frame: FrameType | None) -> None:
        first = not self.asked
        self._asked.set()
        if self._at_work and first:
            raise StopWork
