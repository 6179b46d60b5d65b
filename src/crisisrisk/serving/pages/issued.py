"""The forecasts that were issued of one shift: those in which something changed, and those that said the same again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from crisisrisk.serving.answers import IssuedForecast
from crisisrisk.serving.pages.page import number, span

_One = TypeVar("_One")


@dataclass(frozen=True, kw_only=True)
class Issued(Generic[_One]):
    """Forecasts of a shift, the newest first."""

    changed: Sequence[_One]
    """The first of all, and each that differs from the last before it in which something changed."""
    unchanged: Sequence[_One]


def issued(every: Sequence[_One], differs: Callable[[_One, _One], bool]) -> Issued[_One]:
    """`every`: in order of issue. Each is held to the last that stands, so that small steps add up to a change."""
    changed, unchanged = list(every[:1]), list[_One]()
    for one in every[1:]:
        (changed if differs(changed[-1], one) else unchanged).append(one)
    return Issued(changed=changed[::-1], unchanged=unchanged[::-1])


def whole_differs(before: IssuedForecast, now: IssuedForecast) -> bool:
    """Whether another number of the whole shift would be read, or another range."""
    return whole_read(before.expected, before.lower, before.upper) != whole_read(now.expected, now.lower, now.upper)


def whole_read(expected: float | None, lower: float | None, upper: float | None) -> tuple[str, str]:
    """The whole shift as it is read."""
    return number(expected), span(lower, upper)


def earlier_of(every: Sequence[IssuedForecast]) -> Issued[IssuedForecast]:
    """The forecasts of a shift by what they say of the whole."""
    return issued(sorted(every, key=lambda one: one.as_of), whole_differs)
