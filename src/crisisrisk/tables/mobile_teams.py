"""The mobile teams of a site and the rules of where they stand, as `[[mobile_team]]` and `[positions]` declare them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from math import isfinite
from pathlib import Path
from typing import Any

from crisisrisk.errors import UsageError, did_you_mean
from crisisrisk.timeline import time_of_day

CODE = "CR-PLAN-001"
TEAM_KEYS: dict[str, type | tuple[type, ...]] = {
    "name": str, "base": str, "may_stand": list, "areas": list, "skills": list, "staff": int, "shifts": list,
    "starts": str, "ends": str, "break_minutes": int, "break_between": list,
}  # fmt: skip
POSITION_KEYS: dict[str, type | tuple[type, ...]] = {
    "lone_working_until": str, "lone_working_from": str, "needs_skills": list, "barriers": str, "travel": str,
    "learn_detour": bool,
}  # fmt: skip
NEED_KEYS: dict[str, type | tuple[type, ...]] = {"skills": list, "share": (int, float), "mode": str}
MOST_STAFF, LONGEST_BREAK = 20, 240
MORNING = time(7)


@dataclass(frozen=True, kw_only=True)
class MobileTeam:
    """A team that goes out to people. Times are local times of day; a stretch may pass midnight.

    `base`: the site of care where it usually stands. `may_stand`: sites it may stand at; none: every one. `areas`:
    places, or larger places, that it cannot leave: it stands in them and serves them alone; none: everywhere.
    `shifts`: names of the shifts that it works; none: every one. `starts`, `ends`: where it works a part of a shift.
    Raises UsageError for a team that cannot be.
    """

    name: str
    base: str = ""
    may_stand: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    staff: int = 2
    shifts: tuple[str, ...] = ()
    starts: time | None = None
    ends: time | None = None
    break_minutes: int = 0
    break_between: tuple[time, time] | None = None

    def __post_init__(self) -> None:
        between = self.break_between
        problems = [
            *([] if self.name.strip() else ["it has no name"]),
            *([] if 1 <= self.staff <= MOST_STAFF else [f"{self.staff} staff: 1 to {MOST_STAFF}"]),
            *([] if (self.starts is None) == (self.ends is None) else ['"starts" and "ends" belong together']),
            *(["it starts and ends at once"] if self.starts is not None and self.starts == self.ends else []),
            *([] if 0 <= self.break_minutes <= LONGEST_BREAK else [f"a break of {self.break_minutes} minutes"]),
            *(["the break has a time and no length"] if between and not self.break_minutes else []),
            *(["the break begins and ends at once"] if between and between[0] == between[1] else []),
            *([f"{self.base} is its base, and it may not stand there"]
              if self.base and self.may_stand and self.base not in self.may_stand else []),
        ]  # fmt: skip
        if problems:
            raise UsageError(CODE, f'the mobile team "{self.name}" cannot be', found="; ".join(problems))


@dataclass(frozen=True, kw_only=True)
class SkillNeed:
    """Contacts that only a team with all of these skills can serve: a share of them, or those made in one way.

    `share`: 0 to 1 of the contacts of every cell; `mode`: as in the forecast, such as `s136`. One of the two is given.
    """

    skills: tuple[str, ...]
    share: float | None = None
    mode: str = ""

    def __post_init__(self) -> None:
        """Raises UsageError for a need that is none."""
        by_share = self.share is not None and isfinite(self.share) and 0 <= self.share <= 1
        if not self.skills or by_share == bool(self.mode) or (self.share is not None and not by_share):
            raise UsageError(
                CODE, "a need for skills that is none", found=f"skills {self.skills}, share {self.share}",
                wanted="skills, and a share from 0 to 1 or a mode",
            )  # fmt: skip

    @property
    def name(self) -> str:
        """`nurse and officer`."""
        return " and ".join(self.skills)


@dataclass(frozen=True, kw_only=True)
class PositionSettings:
    """What holds for every plan. From `lone_working_until` to `lone_working_from` nobody works alone."""

    lone_working_until: time | None = None
    lone_working_from: time = MORNING
    needs_skills: tuple[SkillNeed, ...] = ()
    barriers: Path | None = None
    """GeoJSON: lines are barriers, points are crossings."""
    travel: Path | None = None
    """Travel times, as `--travel` takes them."""
    learn_detour: bool = False
    """Whether the detour of roads is learned from past journeys."""

    def __post_init__(self) -> None:
        """Raises UsageError for rules that cannot be."""
        if self.lone_working_until == self.lone_working_from:
            raise UsageError(CODE, "nobody could ever work alone, or always", found=f"{self.lone_working_from:%H:%M}")
        if sum(need.share or 0.0 for need in self.needs_skills) > 1:
            raise UsageError(CODE, "more contacts need skills than there are", wanted="shares that add up to 1 at most")


def team_of(values: Mapping[str, Any]) -> MobileTeam:
    """A team from plain values, as a configuration or a request has them. Raises UsageError naming the key."""
    given = _known(values, TEAM_KEYS, "a mobile team")
    if "name" not in given:
        raise UsageError(CODE, "a mobile team has no name", wanted='a "name"')
    lists = [key for key in ("may_stand", "areas", "skills", "shifts") if key in given]
    texts: dict[str, Any] = {key: _texts(given[key], key) for key in lists}
    times: dict[str, Any] = {key: time_of_day(given[key]) for key in ("starts", "ends") if key in given}
    between = [time_of_day(text) for text in _texts(given.get("break_between", []), "break_between")]
    if "break_between" in given and len(between) != 2:
        raise UsageError(CODE, '"break_between" is not two times', found=str(given["break_between"]))
    made = {**given, **texts, **times}
    if between:
        made["break_between"] = (between[0], between[1])
    return MobileTeam(**made)


def teams_of(entries: list[Any]) -> tuple[MobileTeam, ...]:
    """Teams from plain values. Raises UsageError for one that cannot be, and for a name that two have."""
    teams = tuple(team_of(entry) for entry in entries)
    names = [team.name for team in teams]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(CODE, f'two mobile teams are called "{twice[0]}"', wanted="each its own name")
    return teams


def need_of(values: Mapping[str, Any]) -> SkillNeed:
    """A need for skills from plain values. Raises UsageError naming the key."""
    given = _known(values, NEED_KEYS, "a need for skills")
    return SkillNeed(
        skills=_texts(given.get("skills", []), "skills"), share=given.get("share"), mode=given.get("mode", "")
    )


def _known(values: Mapping[str, Any], keys: Mapping[str, type | tuple[type, ...]], what: str) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        raise UsageError(CODE, f"{what} is not a table", found=repr(values))
    for key, value in values.items():
        if key not in keys:
            raise UsageError(CODE, f'unknown key "{key}" of {what}', hint=did_you_mean(key, list(keys)))
        if not isinstance(value, keys[key]) or isinstance(value, bool):
            raise UsageError(CODE, f'"{key}" of {what} cannot be used', found=repr(value))
    return dict(values)


def _texts(values: list[Any], key: str) -> tuple[str, ...]:
    if not all(isinstance(value, str) and value.strip() for value in values):
        raise UsageError(CODE, f'"{key}" is not a list of texts', found=repr(values))
    return tuple(dict.fromkeys(values)) if key != "break_between" else tuple(values)
