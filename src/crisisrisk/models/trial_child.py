"""The process in which LightGBM reads a model for the first time: `python -m crisisrisk.models.trial_child`.

Reads one JSON object on stdin: the text, how many trees, and rows to score. Writes their raw scores as its last line.
Whatever the text does to LightGBM, it does it here, with a limit on memory, no file to write and no one to answer.
"""

import base64
import json
import resource
import sys

import numpy as np

SAID = "said "
MEMORY_BYTES = 4 * 2**30


def limit() -> None:
    """Bound what this process may use: memory, no core file, nothing written to disk."""
    for kind, most in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0)):
        resource.setrlimit(kind, (most, most))


def main() -> None:
    """Score the rows and say the result."""
    from crisisrisk.models.lightgbm_import import lightgbm

    limit()
    asked = json.load(sys.stdin)
    rows = np.frombuffer(base64.b64decode(asked["rows"])).reshape(-1, asked["columns"])
    booster = lightgbm().Booster(model_str=asked["text"])
    said = booster.predict(rows, raw_score=True, num_iteration=asked["trees"], num_threads=1)
    sys.stdout.write(f"\n{SAID}{base64.b64encode(np.asarray(said, dtype=np.float64).tobytes()).decode()}\n")


if __name__ == "__main__":
    main()
