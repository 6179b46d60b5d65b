"""What a site says of the national data opt-out: `[national_opt_out]`."""

from dataclasses import dataclass
from typing import Any

from crisisrisk.tables.configuration_reader import Reader

OLDEST_DAYS = 21
"""How long a check holds at most, as NHS England has it for data that are used again and again."""


@dataclass(frozen=True, kw_only=True)
class NationalOptOut:
    """Whether the opt-out holds here, and how old the list of those without one may be, in whole days."""

    applies: bool = False
    maximum_age_days: int = OLDEST_DAYS


def national_opt_out(value: Any, read: Reader) -> NationalOptOut:
    """`[national_opt_out]`. Raises SiteError naming the key that is wrong."""
    values = read.table(value, "national_opt_out", {"applies": bool, "maximum_age_days": int})
    days = values.get("maximum_age_days", OLDEST_DAYS)
    if not 1 <= days <= OLDEST_DAYS:
        raise read.wrong("national_opt_out.maximum_age_days", f"1 to {OLDEST_DAYS}", days)
    return NationalOptOut(**values)
