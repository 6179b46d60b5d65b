"""Pictures of a run, drawn without a display."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.models.scorer import Scorer
from crisisrisk.models.trees import Numbers

MOST_ROWS = 2_000
SHOWN_FEATURES = 20


def shap_summary(scorer: Scorer, features: NDArray[Any], path: Path, *, seed: int, title: str) -> bool:
    """Draw which features move the model, and which way, from its exact contributions. False where nothing moves it.

    `features`: shape (rows, features), the model's own columns; at most `MOST_ROWS` of them are drawn.
    """
    rows = np.random.default_rng(seed).permutation(len(features))[:MOST_ROWS]
    contributions: Numbers = scorer.contributions(features[rows], scorer.feature_names)[:, :-1]
    if not contributions.any():
        return False
    import matplotlib as mpl

    mpl.use("Agg")
    import shap
    from matplotlib import pyplot

    figure = pyplot.figure()
    try:
        shap.summary_plot(
            contributions, features[rows], feature_names=list(scorer.feature_names), max_display=SHOWN_FEATURES,
            show=False, rng=np.random.default_rng(seed),
        )  # fmt: skip
        figure = pyplot.gcf()
        figure.suptitle(title, fontsize=10)
        figure.savefig(path, dpi=110, bbox_inches="tight")
    finally:
        pyplot.close(figure)
    return True
