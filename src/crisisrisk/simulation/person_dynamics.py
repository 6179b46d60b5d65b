"""How people fare: the rates of the finite chain that every person's stability follows, and what acts on them.

The chain has few states on purpose. Given a person's lasting traits and the calendar, what happens next depends on
nothing but the state of the day, so that the probability of any outcome can be worked out instead of guessed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Ways in which a crisis reaches a service first.
CHANNELS = ("police_999", "ambulance_999", "ed_attendance", "crisis_line", "nhs_111_mh")
# A further way: a triage team finds somebody whom nobody has reported.
TEAM_FOUND = len(CHANNELS)

# Where incidents of known people are, and how often; whatever the channel, the hour and the person's state.
AT_HOME, NEAR_HOME, ANYWHERE = range(3)
WHERE_SHARES = (0.65, 0.19, 0.16)

STABLE, WORSENING, IN_CRISIS, RECOVERING, IN_HOSPITAL = range(5)
CONDITIONS = ("stable", "worsening", "in_crisis", "recovering", "in_hospital")

# How people differ in what their incidents lead to: most, and those who are detained often.
PERSON_CLASSES = 2

DRIFT_LEVELS = 5
BURN_IN_DAYS = 399  # whole weeks, so that the burn-in begins on a Monday
HORIZON_DAYS = 28

Whole = NDArray[np.int64]
Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class PersonDynamics:
    """Daily rates and, in the names that start with `from_`, how strongly things act on their logarithms.

    `worsening`, `crisis` and `relapse` are what strain, drink and anniversaries act on, the first and the last also
    frailty and drift; `settling`, `recovered`, `crisis_ending` and the ends of stays are alike for everybody. Of a
    standard normal frailty, people above about `frail_from` are frail. `incident` is per day in crisis, on top of it
    `excited_incident` after an incident; `stray_` incidents come out of crisis. `drift_move`: the chance that the slow
    drift moves a level on a Monday. `miss_factor`: stable, worsening, in crisis, recovering. `routine` multiplies
    everything that is not a crisis.
    """

    worsening: float = 0.000285
    crisis: float = 0.003
    relapse: float = 0.00003
    settling: float = 0.02
    crisis_ending: float = 0.1
    recovered: float = 0.035
    from_frailty: float = 3.1
    frail_from: float = 1.1
    frail_steepness: float = 8.0
    from_drift: float = 0.75
    from_strain: float = 0.7
    from_drink: float = 0.55
    from_anniversary: float = 0.9
    from_push: float = 1.0
    drift_move: float = 0.075
    life_event: float = 0.0006
    strain_fading: float = 0.055
    most_missed: float = 0.85
    miss_factor: tuple[float, float, float, float] = (1.0, 3.4, 3.6, 1.4)
    kept_clears: float = 0.6
    kept_settles: float = 0.12
    incident: float = 0.3
    excited_incident: float = 0.9
    excitement_stays: float = 0.55
    noticed_at_once: float = 0.8
    from_talkative: float = 0.9
    stray_incident: float = 0.0000618
    stray_incident_worsening: float = 0.0001
    stray_from_frailty: float = 4.05
    stray_from_drift: float = 0.4
    admission: float = 0.07
    long_stays: float = 0.4
    short_stay_ending: float = 0.11
    long_stay_ending: float = 0.024
    routine: float = 1.0


# The sample is small enough to be read: its people are in crisis more often, so that a model can learn from so few.
# Only the other two are calibrated to published figures.
SAMPLE = PersonDynamics(
    worsening=0.0012,
    crisis=0.0065,
    relapse=0.001,
    settling=0.012,
    crisis_ending=0.14,
    from_frailty=2.0,
    from_strain=1.1,
    from_push=1.6,
    incident=0.22,
    excited_incident=0.35,
    from_talkative=0.5,
)

# The parameters of each preset.
BY_PRESET = {"sample": SAMPLE, "birmingham": PersonDynamics(), "force": PersonDynamics()}

# By how much each may differ from a preset's in the parameter sets that are drawn at random: lowest, highest factor.
RANGES: dict[str, tuple[float, float]] = {
    "worsening": (0.75, 1.35),
    "crisis": (0.8, 1.25),
    "relapse": (0.6, 1.6),
    "crisis_ending": (0.8, 1.25),
    "recovered": (0.75, 1.35),
    "from_frailty": (0.85, 1.1),
    "stray_from_frailty": (0.85, 1.05),
    "from_drift": (0.7, 1.3),
    "from_strain": (0.7, 1.3),
    "from_drink": (0.5, 1.5),
    "drift_move": (0.6, 1.6),
    "strain_fading": (0.7, 1.4),
    "incident": (0.8, 1.25),
    "excited_incident": (0.7, 1.4),
    "stray_incident": (0.6, 1.6),
    "admission": (0.75, 1.3),
}


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What agencies' habits and the service's own footprint mean for people: made by the footprint, read by the chain.

    Days are of few kinds (at most 32), such as before and after triage starts. `kind_of_day` has shape (days,), the
    others begin with kinds. `on_duty` (kinds, 24): the local hours in which a team can go out. `attends` (kinds, areas,
    channels): the chance that a team reaches the person whose incident it is while on duty. `qualifying` (kinds,
    areas, classes of people, channels): the chance that an incident leaves at least one named contact that counts as
    a crisis, averaged over the hours and whether or not a team came, admission to hospital left out. `detects`
    (kinds,): people found unreported, a day in crisis; each is reached and named. Whoever was reached has, for
    `protected_days` from the next day on, the rates of worsening, crisis and relapse multiplied by `lowers_risk`.
    """

    kind_of_day: Whole
    on_duty: Mask
    attends: Numbers
    qualifying: Numbers
    detects: Numbers
    protected_days: int
    lowers_risk: float

    @staticmethod
    def without(days: int, *, areas: int = 1, qualifying: float = 0.75) -> "Reach":
        """No team at all, and the same share of incidents that count for every channel."""
        return Reach(
            kind_of_day=np.zeros(days, dtype=np.int64),
            on_duty=np.zeros((1, 24), dtype=bool),
            attends=np.zeros((1, areas, len(CHANNELS))),
            qualifying=np.full((1, areas, PERSON_CLASSES, len(CHANNELS)), qualifying),
            detects=np.zeros(1),
            protected_days=0,
            lowers_risk=1.0,
        )
