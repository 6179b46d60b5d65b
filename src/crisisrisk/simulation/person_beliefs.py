"""One day of what is believed of a person's latent state: a step of the chain, then what was seen of the day.

`belief[state, strain, drift]` are chances that sum to one. The steps are those of `person_steps.py` in the same order,
with every chance in place of a draw. A day costs about 400 multiplications.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crisisrisk.compiled import njit
from crisisrisk.simulation.person_chain import (
    BETTER,
    CALM,
    CONDITION_OF,
    CRISIS,
    EXCITED,
    LONG_STAY,
    SHORT_STAY,
    STATES_OF_CHAIN,
    WORSE,
    Chain,
)
from crisisrisk.simulation.person_dynamics import DRIFT_LEVELS, Numbers
from crisisrisk.simulation.person_futures import Passing

KEPT, MISSED = 1, 2
_SMALL = 1e-3
Likelihood = NDArray[np.float32]
# While a day is worked out, the crises that begin on it.
_BEGINS = STATES_OF_CHAIN


class Sight(NamedTuple):
    """What is seen of one person on one day. `seen`: whether anything is.

    `incidents` were reported, and a team `found` the person in crisis. `visit`: KEPT, MISSED or 0. `lost` a benefit or
    a home; `ward`: in hospital at the end of the day.
    """

    seen: bool
    incidents: int
    found: bool
    visit: int
    lost: bool
    ward: bool


@njit(nogil=True, cache=True)
def begin_belief(belief: Numbers) -> None:
    """A stable person, whose drift is where Ehrenfest's urn settles."""
    belief[:] = 0.0
    chance = 0.5 ** (DRIFT_LEVELS - 1)
    for level in range(DRIFT_LEVELS):
        belief[CALM, 0, level] = chance
        chance *= (DRIFT_LEVELS - 1 - level) / (level + 1)


@njit(nogil=True, cache=True)
def drift_forward(chain: Chain, belief: Numbers) -> None:
    """The move of the slow drift on a Monday."""
    for state in range(STATES_OF_CHAIN):
        for strain in range(2):
            moved = 0.0
            for level in range(DRIFT_LEVELS):
                here = belief[state, strain, level]
                rises, falls = here * chain.up[level], here * chain.down[level]
                belief[state, strain, level] = here - rises - falls + moved
                if level > 0:
                    belief[state, strain, level - 1] += falls
                moved = rises


@njit(nogil=True, cache=True)
def pass_day(
    chain: Chain, passing: Passing, person: int, kind: int, reach: int, due: bool, sight: Sight, other: Likelihood,
    belief: Numbers, room: Numbers,
) -> None:  # fmt: skip
    """Turn `belief` from the start of a day into its end.

    `other` is what other contacts say of each condition; `passing` are all futures; `room` has a state more than
    `belief`.
    """
    _strain(chain, sight, belief)
    if due:
        _appointment(chain, person, sight.visit, belief)
    _condition(chain, person, kind, belief, room)
    _incidents(chain, passing, person, reach, sight, belief, room)
    total = 0.0
    for state in range(STATES_OF_CHAIN):
        fits = other[CONDITION_OF[state]] if sight.seen else 1.0
        if sight.seen and (state >= SHORT_STAY) != sight.ward:
            fits = 0.0
        belief[state] *= fits
        total += belief[state].sum()
    belief /= total


@njit(inline="always")
def _strain(chain: Chain, sight: Sight, belief: Numbers) -> None:
    lost, fades = chain.life_event, (1 - chain.life_event) * chain.strain_fading
    if sight.seen:
        lost = 1.0 if sight.lost else 0.0
        fades = 0.0 if sight.lost else chain.strain_fading
    for state in range(STATES_OF_CHAIN):
        for level in range(DRIFT_LEVELS):
            none, some = belief[state, 0, level], belief[state, 1, level]
            belief[state, 0, level] = none - none * lost + some * fades
            belief[state, 1, level] = some + none * lost - some * fades


@njit(inline="always")
def _appointment(chain: Chain, person: int, visit: int, belief: Numbers) -> None:
    for state in range(SHORT_STAY):
        column = 2 if state == EXCITED else 3 if state == BETTER else state
        missed = chain.missed[person, column]
        kept = 0.0 if visit == MISSED else 1 - missed
        missed = 0.0 if visit == KEPT else missed
        for level in range(DRIFT_LEVELS):
            none, some = belief[state, 0, level], belief[state, 1, level]
            calm, strained = kept * (none + chain.kept_clears * some), kept * (1 - chain.kept_clears) * some
            settles = chain.kept_settles if state == WORSE else 0.0
            belief[CALM, 0, level] += settles * calm
            belief[CALM, 1, level] += settles * strained
            unsettled = (1 - settles) * calm, (1 - settles) * strained
            belief[state, 0, level], belief[state, 1, level] = unsettled[0], unsettled[1] + missed * (none + some)


@njit(inline="always")
def _condition(chain: Chain, person: int, kind: int, belief: Numbers, room: Numbers) -> None:
    """`room`: the states once the condition has changed, and the crises that begin."""
    room[:] = 0.0
    stays = 1 - chain.crisis_ending
    for strain in range(2):
        breaks = chain.breaks[kind, strain]
        for level in range(DRIFT_LEVELS):
            well, worse = belief[CALM, strain, level], belief[WORSE, strain, level]
            better = belief[BETTER, strain, level]
            crisis, excited = belief[CRISIS, strain, level], belief[EXCITED, strain, level]
            short, long = belief[SHORT_STAY, strain, level], belief[LONG_STAY, strain, level]
            worsens = well * chain.worsens[person, kind, strain, level]
            relapses = better * chain.relapses[person, kind, strain, level]
            settles, recovers = worse * (1 - breaks) * chain.settling, (better - relapses) * chain.recovered
            room[CALM, strain, level] = well - worsens + settles + recovers
            room[WORSE, strain, level] = worsens + worse * (1 - breaks) - settles
            room[BETTER, strain, level] += better - relapses - recovers + chain.crisis_ending * (crisis + excited)
            room[BETTER, 1, level] += short * chain.short_stay_ending + long * chain.long_stay_ending
            room[CRISIS, strain, level], room[EXCITED, strain, level] = stays * crisis, stays * excited
            room[_BEGINS, strain, level] = worse * breaks + relapses
            room[SHORT_STAY, strain, level] = short * (1 - chain.short_stay_ending)
            room[LONG_STAY, strain, level] = long * (1 - chain.long_stay_ending)


@njit(inline="always")
def _incidents(
    chain: Chain, passing: Passing, person: int, reach: int, sight: Sight, belief: Numbers, room: Numbers
) -> None:
    """From `room` to `belief`. Rows of `odds`: a crisis that was calm, was excited, begins today; see Passing."""
    odds = np.empty((3, 3))
    for one in range(3):
        odds[one] = _crisis_odds(chain, passing, person, reach, one, sight)
    stays, long = chain.excitement_stays, chain.long_stays
    for level in range(DRIFT_LEVELS):
        stray, worse = (
            _out_of_crisis(chain.stray[person, level], sight),
            _out_of_crisis(chain.stray_worse[person, level], sight),
        )
        for strain in range(2):
            calm, excited = room[CRISIS, strain, level], room[EXCITED, strain, level]
            begins = room[_BEGINS, strain, level]
            quiet = excited * odds[1, 0]
            ward = calm * odds[0, 2] + excited * odds[1, 2] + begins * odds[2, 2]
            belief[CALM, strain, level] = stray * room[CALM, strain, level]
            belief[WORSE, strain, level] = worse * room[WORSE, strain, level]
            belief[BETTER, strain, level] = stray * room[BETTER, strain, level]
            belief[CRISIS, strain, level] = calm * odds[0, 0] + begins * odds[2, 0] + (1 - stays) * quiet
            belief[EXCITED, strain, level] = (
                calm * odds[0, 1] + excited * odds[1, 1] + begins * odds[2, 1] + stays * quiet
            )
            stay_on = 0.0 if sight.incidents > 0 or sight.found else 1.0
            belief[SHORT_STAY, strain, level] = stay_on * room[SHORT_STAY, strain, level] + (1 - long) * ward
            belief[LONG_STAY, strain, level] = stay_on * room[LONG_STAY, strain, level] + long * ward


@njit(inline="always")
def _crisis_odds(
    chain: Chain, passing: Passing, person: int, reach: int, kind: int, sight: Sight
) -> tuple[float, float, float]:
    """Of a day in crisis: what was seen, with no incident; with some and nobody admitted; with an admission."""
    if not sight.seen:
        return (
            passing.calm[person, reach, kind],
            passing.excited[person, reach, kind],
            passing.admitted[person, reach, kind],
        )
    rate, number = chain.crisis_rate[person, 1 if kind == 1 else 0], sight.incidents
    chance = poisson(rate, number)
    if kind == 2:
        first = poisson(rate, number - 1) if number > 0 else 0.0
        chance = (1 - chain.noticed_at_once) * chance + chain.noticed_at_once * first
    unfound = np.exp(-chain.detects[reach])
    chance *= 1 - unfound if sight.found else unfound
    if number == 0 and not sight.found:
        return chance, 0.0, 0.0
    nobody = (1 - chain.admission) ** (number + sight.found)
    return 0.0, chance * nobody, chance * (1 - nobody)


@njit(inline="always")
def _out_of_crisis(rate: float, sight: Sight) -> float:
    if not sight.seen:
        return 1.0
    return 0.0 if sight.found else poisson(rate, sight.incidents)


@njit(nogil=True, cache=True)
def poisson(rate: float, number: int) -> float:
    """The chance of a number."""
    chance = np.exp(-rate) if rate > _SMALL else 1 - rate + rate * rate / 2
    for one in range(number):
        chance *= rate / (one + 1)
    return float(chance)
