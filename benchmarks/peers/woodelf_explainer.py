"""Contributions by woodelf-explainer, of a model and rows in a folder; prints seconds as JSON, nothing else."""

import contextlib
import io
import json
import sys
import time
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
from woodelf import WoodelfExplainer

folder = Path(sys.argv[1])
booster = lightgbm.Booster(model_file=str(folder / "model.txt"))
rows = pd.DataFrame(np.load(folder / "features.npy"), columns=booster.feature_name())
started, cores = time.perf_counter(), time.process_time()
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    found = WoodelfExplainer(booster).shap_values(rows, verbose=False)
seconds, core_seconds = time.perf_counter() - started, time.process_time() - cores
theirs = booster.predict(rows.to_numpy()[:200], pred_contrib=True)[:, :-1]
apart = float(np.abs(np.asarray(found)[:200] - theirs).max())
print(json.dumps({"seconds": seconds, "core_seconds": core_seconds, "largest_difference": apart}))
