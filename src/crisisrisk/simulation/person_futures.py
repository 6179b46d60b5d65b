"""The compiled expectation over futures of one person's chain: backwards, a day at a time, all latent states at once.

`ahead[state, strain, drift]` is the chance, or the expected number, from the end of a day on; a step turns it into
the same from the day's start on. Nothing is drawn. A step costs about 300 multiplications.
"""

from typing import NamedTuple

import numpy as np

from crisisrisk.compiled import njit
from crisisrisk.simulation.person_chain import (
    BETTER,
    CALM,
    CRISIS,
    EXCITED,
    LONG_STAY,
    SHORT_STAY,
    STATES_OF_CHAIN,
    WORSE,
    Chain,
)
from crisisrisk.simulation.person_dynamics import DRIFT_LEVELS, Numbers

# While a day is worked out, the place of a long stay holds a crisis that begins today.
BEGINS = LONG_STAY


class Passing(NamedTuple):
    """The chances with which a day passes for a future that is still followed, for each kind of the Reach.

    `stray` and `stray_worse`: (people, reach, drift), out of crisis. The others, of days in crisis: (people, reach, 3)
    for a crisis that was calm, was excited, or begins today: `calm` without any incident, `excited` with some and
    nobody admitted, `admitted` to hospital.
    """

    stray: Numbers
    stray_worse: Numbers
    calm: Numbers
    excited: Numbers
    admitted: Numbers


def uncounted(tables: Chain) -> Passing:
    """Futures are followed until a contact counts: Poisson numbers thinned by the share that does. A ward counts."""
    share = tables.counts
    calm, in_crisis = _calm(tables), 1 - (1 - share) * (1 - tables.admission)
    unfound = np.exp(-tables.detects)[None, :, None]
    return Passing(
        stray=np.exp(-tables.stray[:, None, :] * share[:, :, None]),
        stray_worse=np.exp(-tables.stray_worse[:, None, :] * share[:, :, None]),
        calm=calm,
        excited=_none(tables, in_crisis) * unfound - calm,
        admitted=np.zeros_like(calm),
    )


def all_futures(tables: Chain) -> Passing:
    """Every future is followed: the chain as it runs, but for teams that may come and protect somebody meanwhile."""
    calm, nowhere = _calm(tables), np.ones((len(tables.stray), len(tables.detects), tables.stray.shape[1]))
    found = -np.expm1(-tables.detects)[None, :, None]
    nobody = _none(tables, np.full(tables.counts.shape, tables.admission)) * (1 - found * tables.admission)
    return Passing(stray=nowhere, stray_worse=nowhere, calm=calm, excited=nobody - calm, admitted=1 - nobody)


def _calm(tables: Chain) -> Numbers:
    """No incident at all in a day of crisis. Shape (people, reach, 3)."""
    return np.ascontiguousarray(_none(tables, np.ones(tables.counts.shape)) * np.exp(-tables.detects)[None, :, None])


def _none(tables: Chain, share: Numbers) -> Numbers:
    """No reported incident of a day in crisis is of the `share` (people, reach). Shape (people, reach, 3)."""
    rate = tables.crisis_rate[:, None, (0, 1, 0)]
    at_once = tables.noticed_at_once * np.array([0.0, 0.0, 1.0])
    return np.asarray(np.exp(-rate * share[:, :, None]) * (1 - at_once * share[:, :, None]))


class Futures(NamedTuple):
    """What one person's steps read, without the axis of people; see Chain and Passing."""

    worsens: Numbers
    relapses: Numbers
    breaks: Numbers
    missed: Numbers
    stray: Numbers
    stray_worse: Numbers
    calm: Numbers
    excited: Numbers
    admitted: Numbers


class Odds(NamedTuple):
    """What is the same for everybody; see Chain."""

    life_event: float
    strain_fading: float
    kept_clears: float
    kept_settles: float
    settling: float
    crisis_ending: float
    recovered: float
    excitement_stays: float
    long_stays: float
    short_stay_ending: float
    long_stay_ending: float


@njit(nogil=True, cache=True)
def futures_of(person: int, tables: Chain, passing: Passing) -> Futures:
    """The tables of one person."""
    return Futures(
        tables.worsens[person],
        tables.relapses[person],
        tables.breaks,
        tables.missed[person],
        passing.stray[person],
        passing.stray_worse[person],
        passing.calm[person],
        passing.excited[person],
        passing.admitted[person],
    )


@njit(nogil=True, cache=True)
def odds_of(tables: Chain) -> Odds:
    """The chances that everybody shares."""
    return Odds(
        tables.life_event,
        tables.strain_fading,
        tables.kept_clears,
        tables.kept_settles,
        tables.settling,
        tables.crisis_ending,
        tables.recovered,
        tables.excitement_stays,
        tables.long_stays,
        tables.short_stay_ending,
        tables.long_stay_ending,
    )


@njit(inline="always")
def step_back(own: Futures, odds: Odds, kind: int, reach: int, due: bool, ahead: Numbers, after: Numbers) -> None:
    """Turn `ahead` from the end of a day into the start of it. `after` is room of the same shape."""
    after_condition(own, odds, reach, ahead, after)
    before_incidents(own, odds, kind, due, ahead, after)


@njit(inline="always")
def before_incidents(own: Futures, odds: Odds, kind: int, due: bool, ahead: Numbers, after: Numbers) -> None:
    """The part of a step from once the condition has changed (`after`) to the start of the day (`ahead`)."""
    _condition(own, odds, kind, ahead, after)
    if due:
        _appointment(own, odds, ahead)
    _strain(odds, ahead)


@njit(inline="always")
def after_condition(own: Futures, odds: Odds, reach: int, ahead: Numbers, after: Numbers) -> None:
    """`after`: the same states once the condition has changed; BEGINS is a crisis that begins today."""
    calm, excited, admitted, stays, long = own.calm, own.excited, own.admitted, odds.excitement_stays, odds.long_stays
    for strain in range(2):
        for level in range(DRIFT_LEVELS):
            ward = long * ahead[LONG_STAY, strain, level] + (1 - long) * ahead[SHORT_STAY, strain, level]
            one, two = ahead[CRISIS, strain, level], ahead[EXCITED, strain, level]
            fades = stays * two + (1 - stays) * one
            stray = own.stray[reach, level]
            after[CALM, strain, level] = stray * ahead[CALM, strain, level]
            after[WORSE, strain, level] = own.stray_worse[reach, level] * ahead[WORSE, strain, level]
            after[BETTER, strain, level] = stray * ahead[BETTER, strain, level]
            after[CRISIS, strain, level] = calm[reach, 0] * one + excited[reach, 0] * two + admitted[reach, 0] * ward
            after[EXCITED, strain, level] = calm[reach, 1] * fades + excited[reach, 1] * two + admitted[reach, 1] * ward
            after[BEGINS, strain, level] = calm[reach, 2] * one + excited[reach, 2] * two + admitted[reach, 2] * ward


@njit(inline="always")
def _condition(own: Futures, odds: Odds, kind: int, ahead: Numbers, after: Numbers) -> None:
    ends, settles, recovers = odds.crisis_ending, odds.settling, odds.recovered
    short, long = odds.short_stay_ending, odds.long_stay_ending
    for strain in range(2):
        breaks = own.breaks[kind, strain]
        for level in range(DRIFT_LEVELS):
            well, worse = after[CALM, strain, level], after[WORSE, strain, level]
            better, begins = after[BETTER, strain, level], after[BEGINS, strain, level]
            left, relapse = after[BETTER, 1, level], own.relapses[kind, strain, level]
            ahead[CALM, strain, level] = well + own.worsens[kind, strain, level] * (worse - well)
            ahead[WORSE, strain, level] = breaks * begins + (1 - breaks) * (worse + settles * (well - worse))
            ahead[BETTER, strain, level] = relapse * begins + (1 - relapse) * (better + recovers * (well - better))
            ahead[CRISIS, strain, level] = ends * better + (1 - ends) * after[CRISIS, strain, level]
            ahead[EXCITED, strain, level] = ends * better + (1 - ends) * after[EXCITED, strain, level]
            ahead[SHORT_STAY, strain, level] += short * (left - ahead[SHORT_STAY, strain, level])
            ahead[LONG_STAY, strain, level] += long * (left - ahead[LONG_STAY, strain, level])


@njit(inline="always")
def _appointment(own: Futures, odds: Odds, ahead: Numbers) -> None:
    clears, settles = odds.kept_clears, odds.kept_settles
    for level in range(DRIFT_LEVELS):
        missed, well = own.missed[1], ahead[CALM, 0, level]
        none, some = ahead[WORSE, 0, level], ahead[WORSE, 1, level]
        strained = clears * well + (1 - clears) * ahead[CALM, 1, level]
        kept = settles * strained + (1 - settles) * (clears * none + (1 - clears) * some)
        ahead[WORSE, 0, level] = missed * some + (1 - missed) * (settles * well + (1 - settles) * none)
        ahead[WORSE, 1, level] = missed * some + (1 - missed) * kept
        for state in (CALM, CRISIS, EXCITED, BETTER):
            missed = own.missed[min(3, max(0, state - 1))]
            none, some = ahead[state, 0, level], ahead[state, 1, level]
            ahead[state, 0, level] = missed * some + (1 - missed) * none
            ahead[state, 1, level] = missed * some + (1 - missed) * (clears * none + (1 - clears) * some)


@njit(inline="always")
def _strain(odds: Odds, ahead: Numbers) -> None:
    lost = odds.life_event
    fades = (1 - lost) * odds.strain_fading
    for state in range(STATES_OF_CHAIN):
        for level in range(DRIFT_LEVELS):
            none, some = ahead[state, 0, level], ahead[state, 1, level]
            ahead[state, 0, level] = none + lost * (some - none)
            ahead[state, 1, level] = some + fades * (none - some)


@njit(nogil=True, cache=True)
def drift_back(up: Numbers, down: Numbers, ahead: Numbers) -> None:
    """The move of the slow drift at the start of a Monday."""
    for state in range(STATES_OF_CHAIN):
        for strain in range(2):
            below = ahead[state, strain, 0]
            for level in range(DRIFT_LEVELS):
                here = ahead[state, strain, level]
                above = ahead[state, strain, min(level + 1, DRIFT_LEVELS - 1)]
                ahead[state, strain, level] = here + up[level] * (above - here) + down[level] * (below - here)
                below = here
