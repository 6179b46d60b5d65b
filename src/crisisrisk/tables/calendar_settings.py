"""What a site's configuration says of its calendar and of its points: files beside the site, and rules of paydays."""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from crisisrisk.errors import SiteError

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PAYDAY_RULES = '"last_working_day", "last_fri" (any weekday), or a day of the month from "1" to "28"'

_PAYDAY = re.compile(rf"last_working_day|last_({'|'.join(WEEKDAYS)})|([1-9]|1\d|2[0-8])")
_KIND = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class BenefitDay:
    """Days on which benefits are paid: `first`, and every so many days before and after it."""

    first: date
    every_days: int


@dataclass(frozen=True, kw_only=True)
class CalendarSettings:
    """What is known of a site's days beyond bank holidays. What is left out is not known."""

    school_holidays: Path | None = None
    happenings: Path | None = None
    paydays: tuple[str, ...] = ()
    benefit_days: tuple[BenefitDay, ...] = ()

    @property
    def declared(self) -> frozenset[str]:
        """Which of them the site declares."""
        names = ("school_holidays", "happenings", "paydays", "benefit_days")
        return frozenset(name for name in names if getattr(self, name))


@dataclass(frozen=True, kw_only=True)
class PointSettings:
    """Places that matter to where crises are, such as stations: a file of points, and the kinds that are in it."""

    file: Path | None = None
    kinds: tuple[str, ...] = ()

    @property
    def declared(self) -> frozenset[str]:
        """`points:` and each kind, where there is a file."""
        return frozenset(f"points:{kind}" for kind in self.kinds) if self.file else frozenset()


CALENDAR_KEYS: dict[str, type | tuple[type, ...]] = {
    "school_holidays": str, "happenings": str, "paydays": list, "benefit_days": list,
}  # fmt: skip
POINT_KEYS: dict[str, type | tuple[type, ...]] = {"file": str, "kinds": list}
BENEFIT_KEYS: dict[str, type | tuple[type, ...]] = {"first": date, "every_days": int}


def payday_rules(named: list[Any]) -> tuple[str, ...]:
    """The rules of paydays. Raises SiteError for one that is none."""
    for rule in named:
        if not isinstance(rule, str) or not _PAYDAY.fullmatch(rule):
            raise SiteError("CR-SITE-002", "not a rule of paydays", wanted=PAYDAY_RULES, found=repr(rule))
    return tuple(dict.fromkeys(named))


def point_kinds(named: list[Any]) -> tuple[str, ...]:
    """The kinds of points. Raises SiteError for a name that is none."""
    for kind in named:
        if not isinstance(kind, str) or not _KIND.fullmatch(kind):
            raise SiteError(
                "CR-SITE-002", "not a kind of points", wanted="small letters, digits and _", found=repr(kind)
            )
    return tuple(dict.fromkeys(named))
