"""Which report belongs to which incident, at every moment: a compiled loop over reports in the order they were known.

At a moment T, of the reports that are known then, in that order: a report joins an incident that a report near it
opened and that is not of somebody else, if it names the incident's person or is the first of its source to join it; of
several the one of its own person, then the nearest in time, then the one known first. Else it opens one. Only reports
that open an incident count. What counts at T depends on nothing that was not known by T.
"""

import numpy as np

from crisisrisk.compiled import njit
from crisisrisk.features.place_spans import Integers
from crisisrisk.timeline import Instants


@njit(nogil=True, cache=True)
def opening_stretches(
    starts: Integers, partners: Integers, begins: Instants, ends: Instants,
    source: Integers, person: Integers, occurred: Instants,
) -> tuple[Integers, Instants, Instants]:  # fmt: skip
    """The stretches in which each report opens an incident: number, begin, end, by number and then begin.

    The reports near report `i` are `partners[starts[i]:starts[i + 1]]`, all below `i`. `source`, `person`: codes,
    shape (reports,), person -1 where nobody is named. Near linear in the pairs where few reports are corrected.
    """
    reports = len(begins)
    first = np.zeros(reports + 1, dtype=np.int64)
    row = np.empty(reports + 16, dtype=np.int64)
    begin, end = np.empty_like(row), np.empty_like(row)
    newest = np.full(reports, -1, dtype=np.int64)  # of the stretches joined to each report, as a chain by `older`
    who = np.empty(reports + 16, dtype=np.int64)
    joined_at, left_at, older = np.empty_like(who), np.empty_like(who), np.empty_like(who)
    size, joins = 0, 0
    for report in range(reports):
        first[report] = size
        near = partners[starts[report] : starts[report + 1]]
        moments = _moments(near, begins[report], ends[report], first, begin, end, newest, joined_at, left_at, older)
        for step in range(len(moments) - 1):
            at, until = moments[step], moments[step + 1]
            host = _incident(
                report, near, at, first, begin, end, newest, who, joined_at, left_at, older, source, person, occurred
            )
            if host >= 0:
                if joins == len(who):
                    who, joined_at, left_at, older = _longer(who), _longer(joined_at), _longer(left_at), _longer(older)
                who[joins], joined_at[joins], left_at[joins], older[joins] = report, at, until, newest[host]
                newest[host] = joins
                joins += 1
            elif size > first[report] and end[size - 1] == at:
                end[size - 1] = until
            else:
                if size == len(row):
                    row, begin, end = _longer(row), _longer(begin), _longer(end)
                row[size], begin[size], end[size] = report, at, until
                size += 1
        first[report + 1] = size
    return row[:size], begin[:size], end[:size]


@njit(nogil=True, cache=True)
def _longer(values: Integers) -> Integers:
    grown = np.empty(2 * len(values), dtype=np.int64)
    grown[: len(values)] = values
    return grown


@njit(nogil=True, cache=True)
def _moments(
    near: Integers, since: int, until: int, first: Integers, begin: Instants, end: Instants,
    newest: Integers, joined_at: Instants, left_at: Instants, older: Integers,
) -> Instants:  # fmt: skip
    """From `since` to `until`, and every moment between at which an incident near opens, ends, or is joined or left."""
    found = [since, until]
    for other in near:
        for one in range(first[other], first[other + 1]):
            if since < begin[one] < until:
                found.append(begin[one])
            if since < end[one] < until:
                found.append(end[one])
        one = newest[other]
        while one >= 0:
            if since < joined_at[one] < until:
                found.append(joined_at[one])
            if since < left_at[one] < until:
                found.append(left_at[one])
            one = older[one]
    if len(found) == 2:  # nearly always: reports come after those that were known before them
        return np.array(found)
    return np.unique(np.array(found))


@njit(nogil=True, cache=True)
def _incident(
    report: int, near: Integers, at: int, first: Integers, begin: Instants, end: Instants,
    newest: Integers, who: Integers, joined_at: Instants, left_at: Instants, older: Integers,
    source: Integers, person: Integers, occurred: Instants,
) -> int:  # fmt: skip
    """The incident that a report joins from a moment on, as the report that opened it; -1: it opens one itself."""
    best, best_named, best_apart = -1, False, np.int64(0)
    for other in near:
        is_open = False
        for one in range(first[other], first[other + 1]):
            is_open = is_open or begin[one] <= at < end[one]
        if not is_open:
            continue
        named, taken = person[other], False
        one = newest[other]
        while one >= 0:
            if joined_at[one] <= at < left_at[one]:
                named = max(named, person[who[one]])
                taken = taken or source[who[one]] == source[report]
            one = older[one]
        same = named >= 0 and named == person[report]
        if not same and (taken or (named >= 0 and person[report] >= 0)):
            continue
        apart = abs(occurred[other] - occurred[report])
        if best < 0 or (same and not best_named) or (same == best_named and apart < best_apart):
            best, best_named, best_apart = other, same, apart
    return best
