"""Settings of an invented city from a TOML file: sizes, a preset, and any parameter by its name.

    preset = "birmingham"
    people = 20000
    [footprint]
    triage = false

Configuration names things and computes nothing. Unknown names are refused with the nearest known one.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from math import isfinite
from pathlib import Path
from typing import Any

from crisisrisk.errors import DataError, UsageError, did_you_mean
from crisisrisk.simulation.settings import GROUPS, CitySettings, check_sizes, settings_for

SIZES: Mapping[str, type | tuple[type, ...]] = {
    "preset": str, "people": int, "years": (int, float), "seed": int, "residents": int, "defects": list,
}  # fmt: skip


def read_settings(path: Path, *, given: Mapping[str, Any]) -> CitySettings:
    """Settings from a file; what is `given` on the command line goes before it. Raises UsageError (CR-USE-001)."""
    content = _toml(path)
    for name, value in content.items():
        _check_known(name, (*SIZES, *GROUPS), where=str(path))
        _check_type(name, value, SIZES.get(name, dict), where=str(path))
    sizes = {name: content[name] for name in SIZES if name in content} | dict(given)
    for name in sizes.get("defects", ()):
        _check_type("defects", name, str, where=str(path))
    if "defects" in sizes:
        sizes["defects"] = tuple(sizes["defects"])
    settings = settings_for(sizes.pop("preset", "birmingham"), **sizes)
    changed = {
        group: _changed(getattr(settings, group), content[group], where=f"{path}, [{group}]")
        for group in GROUPS
        if group in content
    }
    settings = replace(settings, **changed)
    check_sizes(settings)
    return settings


def settings_of_truth(folder: Path) -> CitySettings:
    """What the city of a truth/ was made from. Raises DataError where this version cannot make it again."""
    path = folder / "settings.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        sizes = {name: content[name] for name in ("preset", "people", "years", "seed", "residents")}
        settings = settings_for(sizes.pop("preset"), **sizes, defects=tuple(content["defects"]))
        changed = {
            group: _changed(getattr(settings, group), content["parameters"][group], where=f"{path}, {group}")
            for group in GROUPS
        }
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise DataError(
            "CR-DATA-001", "the settings of the city cannot be read", where=str(path), found=str(problem),
            wanted="truth/ as `crisisrisk simulate` writes it",
        ) from None  # fmt: skip
    settings = replace(settings, **changed)
    if settings.digest() != content["digest"]:
        raise DataError(
            "CR-DATA-003", "this version makes another city of the same settings", where=str(path),
            found=f"parameters {settings.digest()[:12]}", wanted=f"parameters {str(content['digest'])[:12]}",
            hint="simulate the city again",
        )  # fmt: skip
    return settings


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise UsageError(
            "CR-USE-001", "the configuration cannot be opened", where=str(path), found=problem.strerror
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise UsageError("CR-USE-001", f"the file is not valid TOML: {problem}", where=str(path)) from None


def _changed(parameters: Any, table: Mapping[str, Any], *, where: str) -> Any:
    """The same parameters with those of the table in their place."""
    known = tuple(field.name for field in fields(parameters))
    values = {}
    for name, value in table.items():
        _check_known(name, known, where=where)
        values[name] = _like(name, value, getattr(parameters, name), where=where)
    return replace(parameters, **values)


def _like(name: str, value: Any, present: Any, *, where: str) -> Any:
    """A value of the kind that the parameter has now: a number is no text, a list has as many members."""
    if isinstance(present, bool):
        _check_type(name, value, bool, where=where)
        return value
    if isinstance(present, int | float):
        return _number(name, value, present, where=where)
    if isinstance(present, tuple):
        _check_type(name, value, list, where=where)
        if present and len(value) != len(present):
            raise _unfit(name, f"{len(value)} values", f"{len(present)} values", where)
        return tuple(_like(name, one, present[0], where=where) for one in value) if present else tuple(value)
    _check_type(name, value, type(present), where=where)
    return value


def _number(name: str, value: Any, present: float, *, where: str) -> float:
    """A finite number, whole where it is now, and not below 0 unless it is a weight (`from_` in its name)."""
    whole = isinstance(present, int)
    _check_type(name, value, int if whole else (int, float), where=where)
    if not isfinite(value) or (value < 0 and "from_" not in name):
        raise _unfit(name, f"{value}", "a finite number, 0 or more", where)
    return int(value) if whole else float(value)


def _check_known(name: str, known: tuple[str, ...], *, where: str) -> None:
    if name not in known:
        raise UsageError(
            "CR-USE-001", "an unknown option of the invented city", where=where, found=name,
            hint=did_you_mean(name, list(known)),
        )  # fmt: skip


def _check_type(name: str, value: Any, wanted: type | tuple[type, ...], *, where: str) -> None:
    kinds = wanted if isinstance(wanted, tuple) else (wanted,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise _unfit(name, repr(value), " or ".join(_WORDS[kind] for kind in kinds), where)


def _unfit(name: str, found: str, wanted: str, where: str) -> UsageError:
    return UsageError("CR-USE-001", f"{name} cannot have that value", where=where, found=found, wanted=wanted)


_WORDS: Mapping[type, str] = {
    int: "a whole number", float: "a number", str: "a text", bool: "true or false", list: "a list", dict: "a table",
    type(None): "nothing",
}  # fmt: skip
