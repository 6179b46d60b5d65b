"""Whether a model earns its place: splits, baselines, metrics and their intervals."""
