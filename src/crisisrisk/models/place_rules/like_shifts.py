"""What happened in the same shift of other weeks, and the area's volume × the cell's share."""

from collections.abc import Callable, Sequence

import numpy as np

from crisisrisk.features.place_kernels import Counts, Integers, Numbers
from crisisrisk.features.place_past import PlacePast
from crisisrisk.models.place_rules.maps import (
    YEAR,
    all_history_mean,
    cell_rates,
    history_part,
    on_such_shifts,
    one_more,
)
from crisisrisk.models.place_rules.parts import (
    NOTHING_FITTED,
    Fitted,
    Part,
    beside_in_words,
    contacts_in_words,
    count_in_words,
    divided,
    log_ratio,
    of_targets,
    raised,
)

MEDIC_WEEKS, MEDIC_YEARS = 4, 5
VOLUME_WEEKS = 8


def same_shift_mean(past: PlacePast, *, weeks: int) -> Numbers:
    """Mean of the last `weeks` known shifts of the same weekday and name; all history where none is known yet."""
    counts, seen = past.like_counts(weeks)
    expected = divided(counts, seen[:, None])
    return raised(np.where(np.isnan(expected), all_history_mean(past), expected))


def medic_shifts(past: PlacePast) -> Integers:
    """The shifts that MEDIC recalls for each target, -1 for none. Shape (targets, 20)."""
    days = [364 * year + 7 * week for year in range(MEDIC_YEARS) for week in range(1, MEDIC_WEEKS + 1)]
    return np.stack([past.like_shift_earlier(one) for one in days], axis=1)


def medic(past: PlacePast, _: Fitted = NOTHING_FITTED) -> Numbers:
    """Mean of the same shift in the four weeks before, this year and in up to four earlier years (MEDIC, 20 values).

    Years are 52 weeks, which keeps weekdays. Shifts that are not known at the issue time are left out; all history
    where none is known (Setzler, Saydam and Park 2009).
    """
    shifts = medic_shifts(past)
    expected = divided(past.counts_in(shifts), (shifts >= 0).sum(axis=1)[:, None])
    return raised(np.where(np.isnan(expected), all_history_mean(past), expected))


def volume(past: PlacePast) -> Numbers:
    """Events of the whole area expected from the same shift of the last eight weeks. Shape (targets,)."""
    counts, seen = past.like_counts(VOLUME_WEEKS)
    mean = divided(counts.sum(axis=1, dtype=np.int64).astype(np.float64), seen)
    events, hours = past.counts(None).sum(axis=0, dtype=np.int64).astype(np.float64), past.total_hours(None)
    ever = divided(events, hours)[past.moment] * past.hours
    return raised(np.where(np.isnan(mean), ever, mean))


def volume_times_share(past: PlacePast, _: Fitted = NOTHING_FITTED) -> Numbers:
    """`volume` × the cell's share of the last 365 days; of no events all cells have alike."""
    events = past.counts(YEAR)
    share = of_targets(past, divided(events, events.sum(axis=0, dtype=np.int64)[None, :]))
    return raised(volume(past)[:, None] * np.where(np.isnan(share), 1.0 / len(past.cells), share))


# What one contact more adds


def same_shift_unit(weeks: int) -> Callable[[PlacePast, Fitted], Numbers]:
    """To the mean of so many like shifts; where none is known yet, to that of all history."""
    return lambda past, _: _of_shifts(past, past.like_counts(weeks)[1])


def medic_unit(past: PlacePast, _: Fitted = NOTHING_FITTED) -> Numbers:
    """To the mean of the shifts that MEDIC recalls."""
    return _of_shifts(past, (medic_shifts(past) >= 0).sum(axis=1))


def _of_shifts(past: PlacePast, seen: Integers) -> Numbers:
    return np.where(seen > 0, 1.0 / np.maximum(seen, 1), one_more(past, None) * past.hours)


def volume_and_share_unit(past: PlacePast, _: Fitted = NOTHING_FITTED) -> Numbers:
    """To the volume × share: one contact of the last year's."""
    events = past.counts(YEAR).sum(axis=0, dtype=np.int64)[past.moment]
    return np.asarray(volume(past) / np.maximum(events, 1), dtype=np.float64)


# Why


def same_shift_parts(weeks: int) -> Callable[[PlacePast, Fitted], Sequence[Part]]:
    """Of the mean of the last so many like shifts."""

    def parts(past: PlacePast, _: Fitted) -> Sequence[Part]:
        counts, seen = past.like_counts(weeks)
        return [_like_part(past, counts, seen)]

    return parts


def medic_parts(past: PlacePast, _: Fitted) -> Sequence[Part]:
    """Of MEDIC."""
    shifts = medic_shifts(past)
    return [_like_part(past, past.counts_in(shifts), (shifts >= 0).sum(axis=1), recalled=True)]


def _like_part(past: PlacePast, counts: Counts, seen: Integers, *, recalled: bool = False) -> Part:
    """`recalled`: of shifts of several years, which are not the last ones. What leaves the site says no number."""
    average = counts.mean(axis=1)

    def live(target: int) -> str:
        such, number = on_such_shifts(past, target).removeprefix("on "), int(seen[target])
        if recalled:
            return f"here in {number} earlier {'shift' if number == 1 else 'shifts'} of {such}"
        return f"here {_in_the_last(number, such)}"

    def released(target: int) -> str:
        such = on_such_shifts(past, target).removeprefix("on ")
        return f"here in {'earlier' if recalled else 'the last'} shifts of {such}"

    return Part(
        effect=log_ratio(divided(counts, seen[:, None]), divided(average, seen)[:, None]),
        live=lambda target, cell: count_in_words(int(counts[target, cell]), float(average[target]), live(target)),
        released=lambda target, cell: beside_in_words(counts[target, cell], float(average[target]), released(target)),
    )


def _in_the_last(number: int, such: str) -> str:
    return f"in the last shift of {such}" if number == 1 else f"in the last {number} shifts of {such}"


def volume_and_share_parts(past: PlacePast, _: Fitted) -> Sequence[Part]:
    """Of the area's volume × the cell's share."""
    total = volume(past)
    usual = np.nansum(cell_rates(past, YEAR), axis=1) * past.hours
    ratio = log_ratio(total, usual)
    counts, seen = past.like_counts(VOLUME_WEEKS)
    events = counts.sum(axis=1, dtype=np.int64)

    def live(target: int, _: int) -> str:
        such = on_such_shifts(past, target).removeprefix("on ")
        return f"{contacts_in_words(int(events[target]))} in the whole area {_in_the_last(int(seen[target]), such)}"

    return [
        history_part(past, YEAR),
        Part(
            effect=np.broadcast_to(ratio[:, None], counts.shape),
            live=live,
            released=lambda target, _: f"crisis contacts in the whole area {on_such_shifts(past, target)}",
        ),
    ]
