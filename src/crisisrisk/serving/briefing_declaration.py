"""What service.toml says of the page of a shift that is printed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_CHARACTERS = 150


@dataclass(frozen=True, kw_only=True)
class BriefingDeclaration:
    """`handling`: what stands at the head of the page: who may have it, and what becomes of it."""

    handling: str = "For staff of this shift. Keep it out of public view. Shred it when the shift is over."


def briefing_problems(table: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A line that is none, each with a hint."""
    line = table.get("handling")
    if line is None or (line.strip() and line.isprintable() and len(line) <= MOST_CHARACTERS):
        return []
    return [(f"briefing.handling is {line[:MOST_CHARACTERS]!r}, wanted one line of 1 to {MOST_CHARACTERS} characters",
             "who may have the page, and what becomes of it")]  # fmt: skip
