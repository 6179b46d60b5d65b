"""A model of people fitted at full size from a stream: 18 million rows whose matrix never exists.

60,000 people × 300 weeks × 480 columns of the shipped set, through `lightgbm.Sequence`, in a process of its own. Few
trees: what is measured is that it fits at all, in how much memory, and how long the passes over the features take.
"""

from benchmarks.report import Outcome
from benchmarks.training_memory import (
    BUCKETS,
    FEW_ROUNDS,
    FEW_WEEKS,
    FULL_PEOPLE,
    FULL_ROUNDS,
    WEEKS,
    measured,
    outcome,
)


def run(*, scale: float = 1.0, peers: bool = True) -> Outcome:
    """From the stream alone: the matrix would not fit."""
    people, weeks = max(round(FULL_PEOPLE * scale), BUCKETS), WEEKS if scale == 1 else FEW_WEEKS
    return outcome(measured(people, weeks, FULL_ROUNDS if scale == 1 else FEW_ROUNDS, ("stream",)))
