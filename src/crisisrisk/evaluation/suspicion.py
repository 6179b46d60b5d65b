"""What is too good to be true: figures that a leak of the future explains better than a good model does."""

SUSPICIOUS_AUROC = 0.93
"""A higher AUROC on anything but planted data is leakage until shown otherwise."""


def suspicions(auroc: float | None) -> list[str]:
    """What to doubt of a model of people, in words; NaN and None say nothing."""
    if auroc is None or not auroc > SUSPICIOUS_AUROC:
        return []
    return [f"AUROC {auroc:.3f}, above {SUSPICIOUS_AUROC}: take it for leakage of the future until shown otherwise"]
