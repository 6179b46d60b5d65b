"""What changed between two forecasts of the same shift, both as they were issued."""

from collections.abc import Sequence
from dataclasses import dataclass

from crisisrisk.database.latest import StoredPlace

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
        return self.now.expected - (0.0 if self.before is None else self.before.expected)

    @property
    def came_on(self) -> bool:
        """Whether it is among the highest now and was not."""
        return self.now.rank <= LISTED and (self.before is None or self.before.rank > LISTED)

    @property
    def left(self) -> bool:
        """Whether it was among the highest and is not now."""
        return self.before is not None and self.before.rank <= LISTED < self.now.rank


def place_changes(before: Sequence[StoredPlace], now: Sequence[StoredPlace]) -> list[PlaceChange]:
    """The places that came on the list of the highest or left it, or whose number moved; the furthest first."""
    earlier = {cell.place_id: cell for cell in before}
    every = [PlaceChange(now=cell, before=earlier.get(cell.place_id)) for cell in now]
    told = [one for one in every if one.came_on or one.left or abs(one.by) >= LEAST]
    return sorted(told, key=lambda one: (-abs(one.by), one.now.rank))
