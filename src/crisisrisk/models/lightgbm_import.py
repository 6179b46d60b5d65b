"""The one way in which LightGBM is imported."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType


def lightgbm() -> "ModuleType":
    """LightGBM, its threads told to sleep while they wait for each other.

    They spin otherwise, and a fit on two cores that anything else uses takes sixteen times as long. OpenMP
    reads this setting once, when it is loaded; what the environment already says is left as it is.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    with _without("sklearn", "dask"):
        import lightgbm as module

    # LightGBM writes to stdout, even what it is told to be silent about; there stands the answer of a command.
    module.register_logger(logging.getLogger("lightgbm"))
    return module


@contextmanager
def _without(*names: str) -> Iterator[None]:
    """These packages cannot be imported for a moment. LightGBM takes them where they are: 1.2 seconds, and joblib."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
