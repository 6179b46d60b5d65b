"""The registered aggregations: what a recipe may ask for. Each module of this package declares one family of them.

A module that defines `AGGREGATIONS` is found by being here; nothing else has to name it. `person.py` and `place.py`
of the package above compute what the declarations say.
"""

import pkgutil
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module

from crisisrisk.features.aggregations.declared import Aggregation, Lookback, PersonAggregation
from crisisrisk.features.aggregations.of_places import PLACE
from crisisrisk.features.specs import NOT_KNOWN, window_in_words

__all__ = ["AGGREGATIONS", "LOCAL", "NOT_KNOWN", "PERSON", "PLACE", "Aggregation", "Lookback", "window_in_words"]


def _declared() -> Iterator[PersonAggregation]:
    for found in sorted(pkgutil.iter_modules(__path__), key=lambda one: one.name):
        yield from getattr(import_module(f"{__name__}.{found.name}"), "AGGREGATIONS", ())


PERSON: dict[str, PersonAggregation] = {one.name: one for one in _declared()}
AGGREGATIONS: dict[str, Mapping[str, Aggregation]] = {"person": PERSON, "place": PLACE}
LOCAL: dict[str, Callable[[int, int], str | bool]] = {
    column: of_clock for one in PERSON.values() for column, of_clock in one.local.items()
}
"""The columns of `where` that are made of the local weekday and hour."""
