"""What an invented city is made from: a preset, its size, and the parameters that its truth depends on.

The parameters are those of the published presets, or are drawn at random within stated ranges; a digest
names them, so that a result can say which city it was made in.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from hashlib import sha256
from typing import Any

from crisisrisk.errors import UsageError, did_you_mean
from crisisrisk.simulation import intensity, person_dynamics, response_rates
from crisisrisk.simulation.intensity import PlaceDynamics
from crisisrisk.simulation.period import MOST_YEARS, stream
from crisisrisk.simulation.person_dynamics import PersonDynamics
from crisisrisk.simulation.response_rates import Footprint, ResponseRates

SEED = 20261122
BLOCK_PEOPLE = 4096
FEWEST_PEOPLE, MOST_PEOPLE = 200, 5_000_000
FEWEST_RESIDENTS, MOST_RESIDENTS = 20_000, 100_000_000
LEAST_YEARS = 0.5
MOST_SEED = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class CitySettings:
    """Everything that decides an invented city. The same settings give the same bytes.

    `people` are known to services, `residents` live behind them; `defects` names what is planted in the files.
    """

    preset: str
    seed: int
    people: int
    years: float
    residents: int
    dynamics: PersonDynamics
    places: PlaceDynamics
    responses: ResponseRates
    footprint: Footprint
    defects: tuple[str, ...]

    def parameters(self) -> dict[str, Any]:
        """The generator's parameters: everything but the size, the seed and the defects."""
        return {group: asdict(getattr(self, group)) for group in GROUPS}

    def digest(self) -> str:
        """The SHA-256 of the parameters, written as canonical JSON."""
        return sha256(json.dumps(self.parameters(), sort_keys=True, default=str).encode("utf-8")).hexdigest()

    @property
    def blocks(self) -> int:
        """How many blocks of people there are; person i is row i % BLOCK_PEOPLE of block i // BLOCK_PEOPLE."""
        return -(-self.people // BLOCK_PEOPLE)


GROUPS = ("dynamics", "places", "responses", "footprint")


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large a preset is when nothing else is said, and what is planted in its files."""

    people: int
    years: float
    residents: int
    defects: tuple[str, ...] = ()


PRESETS = {
    "sample": Size(people=2_000, years=2.0, residents=190_000, defects=("bad_rows",)),
    "birmingham": Size(people=60_000, years=2.0, residents=1_300_000),
    "force": Size(people=120_000, years=2.0, residents=2_900_000),
}


def settings_for(
    preset: str,
    *,
    people: int | None = None,
    years: float | None = None,
    seed: int = SEED,
    residents: int | None = None,
    defects: tuple[str, ...] | None = None,
) -> CitySettings:
    """A preset, at its own size or another. Residents keep their proportion to people unless they are given.

    Raises UsageError (CR-USE-001) for a preset that is not known and for sizes out of range.
    """
    if preset not in PRESETS:
        raise UsageError(
            "CR-USE-001", "no such preset", found=preset, wanted=", ".join(PRESETS),
            hint=did_you_mean(preset, list(PRESETS)),
        )  # fmt: skip
    size = PRESETS[preset]
    count = size.people if people is None else people
    settings = CitySettings(
        preset=preset,
        seed=seed,
        people=count,
        years=size.years if years is None else float(years),
        residents=max(FEWEST_RESIDENTS, round(size.residents * count / size.people))
        if residents is None
        else residents,
        dynamics=person_dynamics.BY_PRESET[preset],
        places=intensity.PLACES_BY_PRESET[preset],
        responses=response_rates.RESPONSES_BY_PRESET[preset],
        footprint=response_rates.FOOTPRINT_BY_PRESET[preset],
        defects=size.defects if defects is None else tuple(sorted(set(defects))),
    )
    check_sizes(settings)
    return settings


def check_sizes(settings: CitySettings) -> None:
    """Raises UsageError (CR-USE-001) when a city of that size cannot be made."""
    _within("people", settings.people, FEWEST_PEOPLE, MOST_PEOPLE)
    _within("years", settings.years, LEAST_YEARS, MOST_YEARS)
    _within("residents", settings.residents, max(FEWEST_RESIDENTS, settings.people), MOST_RESIDENTS)
    _within("seed", settings.seed, 0, MOST_SEED)


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:  # also false for NaN
        raise UsageError(
            "CR-USE-001", f"an invented city cannot be made with that value of {name}", found=f"{value:,}",
            wanted=f"{least:,} to {most:,}",
        )  # fmt: skip


# Parameters drawn at random are the preset's times a factor, log-uniform within these bounds.
RANGES: Mapping[str, tuple[float, float]] = {
    **{f"dynamics.{name}": bounds for name, bounds in person_dynamics.RANGES.items()},
    **{f"places.{name}": bounds for name, bounds in intensity.RANGES.items()},
    **response_rates.RANGES,
}
DRAWN_SETS = (1, 2, 3)


def drawn_settings(number: int, **sizes: Any) -> CitySettings:
    """Parameter set 1, 2 or 3 of those drawn at random within RANGES, which nothing was ever tuned on.

    `sizes` are those of `settings_for`, and its preset. Raises UsageError for another number.
    """
    if number not in DRAWN_SETS:
        raise UsageError("CR-USE-001", "no such drawn parameter set", found=str(number), wanted="1, 2 or 3")
    settings = settings_for(sizes.pop("preset", "birmingham"), **sizes)
    random = stream(number, "drawn settings")
    drawn: dict[str, dict[str, float]] = {}
    for path, (least, most) in RANGES.items():
        group, name = path.split(".")
        factor = least * (most / least) ** random.random()
        drawn.setdefault(group, {})[name] = getattr(getattr(settings, group), name) * factor
    return replace(settings, **{group: replace(getattr(settings, group), **values) for group, values in drawn.items()})


def known_parameters() -> dict[str, tuple[str, ...]]:
    """The names of the parameters by group."""
    classes = {"dynamics": PersonDynamics, "places": PlaceDynamics, "responses": ResponseRates, "footprint": Footprint}
    return {group: tuple(field.name for field in fields(classes[group])) for group in GROUPS}
