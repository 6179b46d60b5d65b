"""What changed between two forecasts of the same shift, both as they were issued."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crisisrisk.database.latest import StoredPlace
from crisisrisk.database.stored_forecasts import Standing

LISTED = 10
LEAST = 0.1
"""Contacts: a place whose number moved by less, and that neither came on the list nor left it, is not told."""


@dataclass(frozen=True, kw_only=True)
class PlaceChange:
    """One place before and after. `before` is None for a place that the earlier forecast did not have."""

    now: StoredPlace
    before: StoredPlace | None

    @property
    def by(self) -> float:
        """How many contacts more are expected now."""
        return moved_by(self.before, self.now)

    @property
    def came_on(self) -> bool:
        """Whether it is among the highest now and was not."""
        return came_on(self.before, self.now)

    @property
    def left(self) -> bool:
        """Whether it was among the highest and is not now."""
        return left(self.before, self.now)


def place_changes(before: Sequence[StoredPlace], now: Sequence[StoredPlace]) -> list[PlaceChange]:
    """The places that came on the list of the highest or left it, or whose number moved; the furthest first."""
    earlier = {cell.place_id: cell for cell in before}
    every = [PlaceChange(now=cell, before=earlier.get(cell.place_id)) for cell in now]
    told = [one for one in every if place_moved(one.before, one.now)]
    return sorted(told, key=lambda one: (-abs(one.by), one.now.rank))


def any_place_moved(before: Mapping[str, Standing], now: Mapping[str, Standing]) -> bool:
    """Whether any place between two forecasts, by id, is one that is told."""
    return any(place_moved(before.get(place), one) for place, one in now.items())


def place_moved(before: Standing | None, now: Standing) -> bool:
    """Whether a place came on the list of the highest or left it, or its number moved by what is told."""
    return came_on(before, now) or left(before, now) or abs(moved_by(before, now)) >= LEAST


def moved_by(before: Standing | None, now: Standing) -> float:
    """How many contacts more are expected now."""
    return now.expected - (0.0 if before is None else before.expected)


def came_on(before: Standing | None, now: Standing) -> bool:
    """Whether a place is among the highest now and was not."""
    return now.rank <= LISTED and (before is None or before.rank > LISTED)


def left(before: Standing | None, now: Standing) -> bool:
    """Whether a place was among the highest and is not now."""
    return before is not None and before.rank <= LISTED < now.rank
