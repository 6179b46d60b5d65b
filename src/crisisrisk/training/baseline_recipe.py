"""`training/baselines.toml`: the simple rules as models, each a formula of a few columns."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from crisisrisk.errors import RecipeError, UsageError, did_you_mean
from crisisrisk.models.formula import GREATEST, SUM
from crisisrisk.training.settings import Problem, raise_problems

FILE = "baselines.toml"
_RULE, _TERM = ("meaning", "terms", "combine"), ("column", "logarithm", "weight")


@dataclass(frozen=True, kw_only=True)
class TermRecipe:
    """One column of a rule; without a weight it gets one by logistic regression."""

    column: str
    logarithm: bool = False
    weight: float | None = None


@dataclass(frozen=True, kw_only=True)
class BaselineRecipe:
    """One simple rule. It holds no data."""

    name: str
    meaning: str
    terms: tuple[TermRecipe, ...]
    combine: str = SUM

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the rule reads, in its order."""
        return tuple(term.column for term in self.terms)

    @property
    def is_fitted(self) -> bool:
        """Whether its weights come from the training rows."""
        return any(term.weight is None for term in self.terms)

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, kw_only=True)
class BaselineRecipes:
    """The whole file. `features`: the feature recipe whose columns the rules name."""

    features: str
    rules: Mapping[str, BaselineRecipe]

    def named(self, name: str) -> BaselineRecipe:
        """The rule of that name. Raises UsageError when there is none."""
        if name not in self.rules:
            raise UsageError(
                "CR-USE-001", "there is no such baseline", where=FILE, found=name, wanted=", ".join(self.rules),
                hint=did_you_mean(name, list(self.rules)),
            )  # fmt: skip
        return self.rules[name]


def read_baselines(path: Path) -> BaselineRecipes:
    """Parse the file. Raises RecipeError that names every problem at once."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError("CR-TRAIN-001", "there is no such file", where=str(path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise RecipeError("CR-TRAIN-001", f"the file is not valid TOML: {problem}", where=str(path)) from None
    problems: list[Problem] = []
    features = content.pop("features", None)
    if not isinstance(features, str):
        problems.append(Problem("features", "is missing", wanted="the name of a feature recipe", found=repr(features)))
    rules = {name: _rule(name, table, problems) for name, table in content.items()}
    raise_problems(problems, where=str(path))
    return BaselineRecipes(features=str(features), rules={name: rule for name, rule in rules.items() if rule})


def _rule(name: str, table: object, problems: list[Problem]) -> BaselineRecipe | None:
    if not isinstance(table, dict):
        problems.append(Problem(name, "unknown key", wanted="features, and a table for each rule"))
        return None
    before = len(problems)
    _refuse_unknown(table, _RULE, name, problems)
    _require(isinstance(table.get("meaning"), str), f"{name}.meaning", "is missing", "a plain sentence", problems)
    combine = table.get("combine", SUM)
    _require(combine in (SUM, GREATEST), f"{name}.combine", f"is {combine!r}", f'"{SUM}" or "{GREATEST}"', problems)
    given = table.get("terms")
    terms = [_term(f"{name}.terms[{place}]", term, problems) for place, term in enumerate(_listed(given))]
    _require(bool(terms), f"{name}.terms", "are missing", "a list of at least one term", problems)
    if len(problems) > before:
        return None
    rule = BaselineRecipe(
        name=name, meaning=table["meaning"], terms=tuple(term for term in terms if term), combine=combine
    )
    _check_weights(rule, problems)
    return rule


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []


def _term(where: str, table: object, problems: list[Problem]) -> TermRecipe | None:
    if not isinstance(table, dict):
        problems.append(Problem(where, f"is {table!r}", wanted='a table such as { column = "age" }'))
        return None
    before = len(problems)
    _refuse_unknown(table, _TERM, where, problems)
    column, logarithm, weight = table.get("column"), table.get("logarithm", False), table.get("weight")
    _require(isinstance(column, str), f"{where}.column", "is missing", "the name of a column", problems)
    _require(isinstance(logarithm, bool), f"{where}.logarithm", f"is {logarithm!r}", "true or false", problems)
    is_weight = weight is None or (isinstance(weight, int | float) and not isinstance(weight, bool))
    _require(is_weight, f"{where}.weight", f"is {weight!r}", "a number, or none to have it fitted", problems)
    if len(problems) > before:
        return None
    return TermRecipe(column=str(column), logarithm=bool(logarithm), weight=None if weight is None else float(weight))


def _check_weights(rule: BaselineRecipe, problems: list[Problem]) -> None:
    given = [term.weight is not None for term in rule.terms]
    where = f"{rule.name}.terms"
    _require(len(set(rule.columns)) == len(given), where, "name a column twice", "each column once", problems)
    _require(all(given) or not any(given), where, "have a weight here and none there", "all or none", problems)
    if rule.combine == GREATEST:
        fine = all(given) and not any(term.logarithm for term in rule.terms)
        _require(fine, where, f'of "{GREATEST}" are not plain', "a weight and no logarithm for each", problems)


def _refuse_unknown(table: Mapping[str, Any], known: tuple[str, ...], where: str, problems: list[Problem]) -> None:
    for key in table:
        if key not in known:
            problems.append(Problem(f"{where}.{key}", "unknown key", hint=did_you_mean(key, list(known))))


def _require(holds: bool, where: str, problem: str, wanted: str, problems: list[Problem]) -> None:
    if not holds:
        problems.append(Problem(where, problem, wanted=wanted))
