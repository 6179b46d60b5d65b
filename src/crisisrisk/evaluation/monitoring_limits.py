"""What scores that were given are held to, once it is known what came."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class MonitoringLimits:
    """What the last matured weeks must keep to."""

    weeks: int = 12
    """How many of the last matured weeks are held to the limits, together."""
    fewest_outcomes: int = 50
    """With fewer outcomes in them there is too little to say, and no limit is crossed."""
    auroc_at_least: float = 0.65
    calibration_slope: tuple[float, float] = (0.7, 1.3)
    expected_over_observed: tuple[float, float] = (0.7, 1.4)
    score_shift_at_most: float = 0.25
    resamples: int = 100
    seed: int = 0
