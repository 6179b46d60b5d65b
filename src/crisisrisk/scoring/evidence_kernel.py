"""The compiled walk from a reason back to its contacts: one person's events, the latest first, as far as is shown.

Cost for each question: the events of the person up to the last one shown. Memory: what is shown.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crisisrisk.compiled import njit


class Questions(NamedTuple):
    """Each array has shape (questions,): whose events, of which choice, how old at most, and whether only the last."""

    person: NDArray[np.int64]
    choice: NDArray[np.int64]
    longest_ago: NDArray[np.int64]
    last_alone: NDArray[np.bool_]


@njit(nogil=True, cache=True)
def latest_events(
    asked: Questions,
    starts: NDArray[np.int64],
    age: NDArray[np.int64],
    day: NDArray[np.int32],
    counts: NDArray[np.bool_],
    places: NDArray[np.int64],
    days: NDArray[np.int32],
) -> None:
    """Fill `places`, shape (questions, most events), and `days`, shape (questions, most different days); -1 is none.

    Those of person p are `starts[p]:starts[p + 1]`, the latest first. `counts`: shape (choices, events).
    """
    for number in range(len(asked.person)):
        person, events, different = asked.person[number], 0, 0
        for place in range(starts[person], starts[person + 1]):
            if age[place] > asked.longest_ago[number]:
                break
            if not counts[asked.choice[number], place]:
                continue
            if events < places.shape[1]:
                places[number, events] = place
                events += 1
            seen = different > 0 and days[number, different - 1] == day[place]
            if not seen and different < days.shape[1]:
                days[number, different] = day[place]
                different += 1
            if asked.last_alone[number] or (events == places.shape[1] and different == days.shape[1]):
                break
