"""Running sums over a long history, kept at every so many events, so that one moment need not look at all of them.

A person of ten thousand contacts is asked about at request time. How many events of a channel fell between two
instants is a difference of two sums that were made when the history was read; only the events around the two ends, and
those that were not yet known or were superseded by then, are looked at one by one.

Cost at reading: memberships of events. Memory: 4 bytes x channels for every `EVERY` events of a long history.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.compiled import njit
from crisisrisk.timeline import Instants

EVERY = 64
WORTH_SUMS = 512
"""Events of a person: a shorter history is counted as quickly from its start to its end."""
NEVER = np.iinfo(np.int64).min

Integers = NDArray[np.int32]


@njit(nogil=True, cache=True)
def tallies(
    starts: NDArray[np.int64], ends: NDArray[np.int64], known: Instants, channel_from: Any, channel: Any, channels: int
) -> tuple[NDArray[np.int64], Integers, Instants]:
    """Where each person's sums begin, shape (people + 1,); the sums, shape (sums, channels); and what was known last.

    Sum k of a person holds the memberships of its first k * EVERY events, of every version, and the latest `known` of
    those (NEVER before the first). Events of a person stand by occurrence.
    """
    people = len(starts)
    begins = np.zeros(people + 1, dtype=np.int64)
    for person in range(people):
        events = ends[person] - starts[person]
        begins[person + 1] = begins[person] + (events // EVERY + 1 if events >= WORTH_SUMS else 0)
    sums = np.zeros((begins[people], channels), dtype=np.int32)
    heard = np.full(begins[people], NEVER, dtype=np.int64)
    for person in range(people):
        for row in range(begins[person] + 1, begins[person + 1]):
            sums[row] = sums[row - 1]
            heard[row] = heard[row - 1]
            first = starts[person] + (row - begins[person] - 1) * EVERY
            for event in range(first, first + EVERY):
                heard[row] = max(heard[row], known[event])
                for place in range(channel_from[event], channel_from[event + 1]):
                    sums[row, channel[place]] += 1
    return begins, sums, heard


@njit(nogil=True, cache=True)
def no_tallies(people: int, channels: int) -> tuple[NDArray[np.int64], Integers, Instants]:
    """Nobody's history is summed."""
    none = np.zeros((0, channels), dtype=np.int32)
    return np.zeros(people + 1, dtype=np.int64), none, np.empty(0, dtype=np.int64)
