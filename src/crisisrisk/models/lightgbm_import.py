"""The one way in which LightGBM is imported."""

import logging
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType


def lightgbm() -> "ModuleType":
    """LightGBM, its threads told to sleep while they wait for each other.

    They spin otherwise, and a fit on two cores that anything else uses takes sixteen times as long. OpenMP
    reads this setting once, when it is loaded; what the environment already says is left as it is.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import lightgbm as module

    # LightGBM writes to stdout, even what it is told to be silent about; there stands the answer of a command.
    module.register_logger(logging.getLogger("lightgbm"))
    return module
