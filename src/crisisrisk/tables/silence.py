"""When a source is late: silent for longer than its own rhythm explains."""

import numpy as np

from crisisrisk.timeline import MICROSECONDS_PER_HOUR, Instants

USUAL_SILENCE = 5.0
"""Under this many of its mean gaps a silence is chance: with independent events e^-5, under 1 in 100, are longer."""

USUAL_SHARE = 0.999
"""Of a source's own gaps this share is usual: nights, weekends and holidays are in its history."""


def is_silent(*, events: int, first: int, last_known: int, now: int) -> bool:
    """Whether a source that sent `events` since `first` has been silent too long, by its mean gap alone.

    Instants in microseconds. A source that sends twice a month is not silent after three quiet days; no gap counts
    for less than an hour.
    """
    mean_gap = (last_known - first) / max(events - 1, 1)
    return now - last_known > USUAL_SILENCE * max(mean_gap, MICROSECONDS_PER_HOUR)


def is_late(known_at: Instants, now: int) -> bool:
    """Whether a source has been silent for longer than 999 in 1,000 of its own gaps, and for more than an hour.

    `known_at`: when its events became known, in any order; at least one. Unlike the mean gap this knows of weekends.
    """
    moments = np.sort(known_at)
    gaps = np.diff(moments, prepend=moments[0] - MICROSECONDS_PER_HOUR)
    usual = np.quantile(gaps, USUAL_SHARE, method="higher")
    return bool(now - moments[-1] > max(usual, MICROSECONDS_PER_HOUR))
