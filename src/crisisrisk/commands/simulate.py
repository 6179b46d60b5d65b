"""An invented city as a folder of files, ready to be loaded as a site."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from crisisrisk.errors import UsageError, did_you_mean
from crisisrisk.simulation.configuration import read_settings
from crisisrisk.simulation.defects import DEFECTS
from crisisrisk.simulation.describe import describe
from crisisrisk.simulation.settings import CitySettings, drawn_settings, settings_for
from crisisrisk.simulation.simulate import Simulated, disk_needed
from crisisrisk.simulation.simulate import simulate as run_simulation
from crisisrisk.simulation.staging import gigabytes

Tell = Callable[[str], None]
DEFAULT_PRESET = "birmingham"


def city_settings(configuration: Path | None, given: Mapping[str, Any]) -> CitySettings:
    """Settings from a configuration file and the command line, which goes first. Raises UsageError."""
    sizes = dict(given)
    drawn = sizes.pop("drawn", None)
    if drawn is not None and configuration is not None:
        raise UsageError("CR-USE-001", "a drawn parameter set cannot be changed", wanted="--drawn or --config")
    if drawn is not None:
        settings = drawn_settings(drawn, **sizes)
    elif configuration is not None:
        settings = read_settings(configuration, given=sizes)
    else:
        settings = settings_for(sizes.pop("preset", DEFAULT_PRESET), **sizes)
    for name in settings.defects:
        if name not in DEFECTS:
            raise UsageError(
                "CR-USE-001", "no such defect", found=name, wanted=", ".join(DEFECTS),
                hint=did_you_mean(name, list(DEFECTS)),
            )  # fmt: skip
    return settings


def causes(settings: CitySettings) -> str:
    """Why things happen in a city of these settings, in plain words."""
    return describe(settings)


def simulate(settings: CitySettings, out: Path, *, truth: bool, processes: int | None, tell: Tell) -> Simulated:
    """Write the city; say first what it will cost."""
    tell(f"about {gigabytes(disk_needed(settings))} of disk while it runs")
    return run_simulation(settings, out, truth=truth, processes=processes, tell=tell)
