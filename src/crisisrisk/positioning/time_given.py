"""How long an answer may take: what does not fit into that is left out, and said to be."""

import time
from dataclasses import dataclass

AT_LEAST = 1.0
"""Seconds for telling a plan, where less was given: one that is found at once is still worth a word."""


@dataclass(frozen=True)
class TimeGiven:
    """Time until a moment of the monotonic clock."""

    until: float

    @classmethod
    def of(cls, seconds: float) -> "TimeGiven":
        """So many seconds from now, and `AT_LEAST`."""
        return cls(time.monotonic() + max(seconds, AT_LEAST))

    @property
    def left(self) -> float:
        """Seconds; 0 where none are left."""
        return max(self.until - time.monotonic(), 0.0)

    @property
    def over(self) -> bool:
        """Whether nothing is left."""
        return self.left <= 0

    def part(self, share: float) -> "TimeGiven":
        """A share of what is left."""
        return TimeGiven(time.monotonic() + share * self.left)
