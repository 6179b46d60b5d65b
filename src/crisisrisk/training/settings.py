"""Frozen settings read from TOML tables: unknown keys refused, every problem collected before raising."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from crisisrisk.errors import RecipeError, did_you_mean

NameLists = tuple[tuple[str, tuple[str, ...]], ...]
"""Names, each with its values: `codes = { ed_attendance = ["overdose"] }`."""

Settings = TypeVar("Settings")


@dataclass(frozen=True)
class Problem:
    """One thing in a recipe that cannot be used."""

    where: str
    problem: str
    wanted: str | None = None
    found: str | None = None
    hint: str | None = None

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}" + (f" ({self.hint})" if self.hint else "")


def setting(
    default: Any = dataclasses.MISSING,
    *,
    meaning: str,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    choices: tuple[str, ...] = (),
    only_for: str | None = None,
) -> Any:
    """A field of a settings class: what it means, which values it takes, and for which subject it exists."""
    limits = {"at_least": at_least, "above": above, "at_most": at_most, "choices": choices, "only_for": only_for}
    return field(default=default, metadata={"meaning": meaning, **limits})


def known_keys(kind: type, subject: str) -> tuple[str, ...]:
    """The keys of a settings class that exist for a subject (`person` or `place`)."""
    return tuple(one.name for one in fields(kind) if one.metadata.get("only_for") in (None, subject))


def read_settings(
    kind: type[Settings], table: object, *, where: str, subject: str, problems: list[Problem]
) -> Settings | None:
    """A settings value from a TOML table, or None after adding to `problems` what is wrong with it."""
    if not isinstance(table, Mapping):
        problems.append(Problem(where, "is not a table", wanted="a table", found=repr(table)))
        return None
    before = len(problems)
    known = known_keys(kind, subject)
    for key in table:
        if key not in known:
            problems.append(Problem(f"{where}.{key}", "unknown key", hint=did_you_mean(key, list(known))))
    values = _values(kind, table, where, known, problems)
    return kind(**values) if len(problems) == before else None


def _values(
    kind: type, table: Mapping[str, Any], where: str, known: tuple[str, ...], problems: list[Problem]
) -> dict[str, Any]:
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for one in fields(kind):
        place = f"{where}.{one.name}"
        if one.name in table and one.name in known:
            values[one.name] = _value(table[one.name], hints[one.name], one.metadata, place, problems)
        elif one.default is dataclasses.MISSING and one.name in known:
            problems.append(Problem(place, "is missing", wanted=str(one.metadata["meaning"])))
    return values


def _value(value: Any, hint: Any, limits: Mapping[str, Any], where: str, problems: list[Problem]) -> Any:
    if tables_of(hint):
        return _tables(value, tables_of(hint), where, problems)
    wanted, fits, convert = _reading(hint)
    if not fits(value):
        problems.append(Problem(where, f"is {value!r}", wanted=wanted, found=repr(value)))
        return None
    for words, broken in _limits(limits, value):
        if broken:
            problems.append(Problem(where, f"is {value!r}", wanted=words, found=repr(value)))
    return convert(value)


def tables_of(hint: Any) -> Any:
    """The settings class of a field that holds a list of tables; None for any other field."""
    inner = get_args(hint)[0] if get_origin(hint) is tuple else None
    return inner if dataclasses.is_dataclass(inner) else None


def _tables(value: Any, kind: type[Settings], where: str, problems: list[Problem]) -> tuple[Settings | None, ...]:
    if not isinstance(value, list):
        problems.append(Problem(where, f"is {value!r}", wanted="a list of tables", found=repr(value)))
        return ()
    return tuple(
        read_settings(kind, one, where=f"{where}[{number}]", subject="", problems=problems)
        for number, one in enumerate(value, 1)
    )


def _limits(limits: Mapping[str, Any], value: Any) -> list[tuple[str, bool]]:
    if isinstance(value, list):
        return [one for number in value for one in _limits(limits, number)] if all(map(_is_whole, value)) else []
    at_least, above, at_most, choices = (limits[name] for name in ("at_least", "above", "at_most", "choices"))
    return [
        (f"at least {at_least}", at_least is not None and value < at_least),
        (f"above {above}", above is not None and value <= above),
        (f"at most {at_most}", at_most is not None and value > at_most),
        (" or ".join(f'"{one}"' for one in choices), bool(choices) and value not in choices),
    ]


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_whole_numbers(value: Any) -> bool:
    return _is_whole(value) or (isinstance(value, list) and bool(value) and all(map(_is_whole, value)))


def _whole_numbers(value: Any) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, list) else (value,)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_name_lists(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_names(names) for names in value.values())


def _name_lists(value: Mapping[str, list[str]]) -> NameLists:
    return tuple((name, tuple(names)) for name, names in sorted(value.items()))


def _reading(hint: Any) -> tuple[str, Any, Any]:
    """For a field's type: the words for it, the check, and the conversion."""
    if hint in (int, int | None):
        return "a whole number", _is_whole, int
    if hint in (float, float | None):
        return "a number", _is_number, float
    if hint is bool:
        return "true or false", lambda value: isinstance(value, bool), bool
    if hint == tuple[int, ...]:
        return "a whole number, or a list of them", _is_whole_numbers, _whole_numbers
    if hint == tuple[str, ...]:
        return "a list of names", _is_names, tuple
    if hint == NameLists:
        return "a table of lists of names", _is_name_lists, _name_lists
    if hint == date | None:
        return "a date, such as 2026-11-22 without quotes", lambda value: type(value) is date, lambda value: value
    return "text", lambda value: isinstance(value, str), str


def wanted_words(hint: Any) -> str:
    """The words for the values that a field of this type takes."""
    if kind := tables_of(hint):
        return f"a list of tables with {', '.join(f'`{one.name}`' for one in fields(kind))}"
    return str(_reading(hint)[0])


def raise_problems(problems: list[Problem], *, where: str) -> None:
    """Raise one RecipeError that names every problem, or nothing when there is none."""
    if not problems:
        return
    first = problems[0]
    if len(problems) == 1:
        raise RecipeError(
            "CR-TRAIN-001", f"{first.where}: {first.problem}", where=where,
            wanted=first.wanted, found=first.found, hint=first.hint,
        )  # fmt: skip
    listed = " · ".join(f"{number}. {problem}" for number, problem in enumerate(problems, 1))
    raise RecipeError(
        "CR-TRAIN-001", f"{len(problems)} things in this recipe cannot be used", where=where, found=listed
    )


def as_plain(value: object) -> Any:
    """Settings as JSON can hold them: tables, lists, text, numbers. Dates become ISO text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: as_plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [as_plain(one) for one in cast("tuple[object, ...]", value)]
    return value
