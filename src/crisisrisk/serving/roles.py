"""`serving/roles.toml`: the roles of a site and what each may reach."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crisisrisk.errors import did_you_mean
from crisisrisk.purposes import REACHES, Reach
from crisisrisk.serving.declarations import raise_problems, read_toml

# The most that each role can ever be given. A guard rail, not a default: a site narrows it, and only a change of this
# program, with its tests, widens it. Scores of people are reached by `own_people` alone, and only a care team and its
# lead have that, and for a moment by `emergency_access`. `look_up` shows a caller's care and never a score;
# `unallocated`, `doubtful_links`, `audit`, `alerts` and `safety_concerns` tell people by pseudonym to those who answer
# for who cares for them, for which records are theirs, and for how records are used.
_ALL: frozenset[Reach] = frozenset({"version", "data_status"})
MOST: Mapping[str, frozenset[Reach]] = {
    "crisis_team": _ALL | {"models", "places", "true_counts", "plan"},
    "triage_clinician": _ALL | {"models", "places", "look_up", "names"},
    "care": _ALL | {"models", "places", "own_people", "names", "detentions", "emergency_access"},
    "lead": _ALL | {"models", "places", "own_people", "names", "detentions", "usefulness", "emergency_access"},
    "allocation": _ALL | {"unallocated"},
    "steward": _ALL | {"doubtful_links"},
    "data": _ALL | {"models", "reload_models", "places", "data_queries", "usefulness"},
    "audit": _ALL | {"audit", "alerts", "safety_concerns"},
}


@dataclass(frozen=True, kw_only=True)
class Role:
    """One role: what it is for, and what it reaches."""

    name: str
    meaning: str
    reaches: frozenset[Reach]

    @property
    def needs_team(self) -> bool:
        """Whether a key of this role belongs to one team."""
        return "own_people" in MOST[self.name]


def read_roles(path: Path) -> Mapping[str, Role]:
    """Parse a roles.toml. Every problem is collected, then RecipeError is raised once.

    A role that the file leaves out does not exist at the site: its keys open nothing.
    """
    content = read_toml(path, "CR-SERVE-002")
    raise_problems(
        [problem for name, table in content.items() for problem in _problems(name, table)], path, "CR-SERVE-002"
    )
    return {
        name: Role(name=name, meaning=table["meaning"], reaches=frozenset(table["reaches"]))
        for name, table in content.items()
    }


def _problems(name: str, table: Any) -> list[tuple[str, str]]:
    if name not in MOST:
        return [(f'unknown role "{name}"', did_you_mean(name, list(MOST)))]
    known = {"meaning": str, "reaches": list}
    if not isinstance(table, dict):
        return [(f"[{name}] is {table!r}, wanted a table", "")]
    found = [(f'unknown key "{name}.{key}"', did_you_mean(key, list(known))) for key in table if key not in known]
    found += [
        (f"{name}.{key} is missing or not {'text' if kind is str else 'a list'}", "")
        for key, kind in known.items()
        if not isinstance(table.get(key), kind)
    ]
    return found or [problem for reach in table["reaches"] for problem in _reach_problems(name, reach)]


def _reach_problems(role: str, reach: Any) -> list[tuple[str, str]]:
    if reach not in REACHES:
        return [(f'{role} reaches the unknown "{reach}"', did_you_mean(str(reach), REACHES))]
    if reach not in MOST[role]:
        return [(f'{role} may never reach "{reach}"', f"at most: {', '.join(sorted(MOST[role]))}")]
    return []
