"""The site's rule for frequent attenders, from `training/baselines.toml`, as the clauses that a report counts by."""

import re
from collections.abc import Collection
from pathlib import Path

from crisisrisk.errors import RecipeError
from crisisrisk.evaluation.baselines import AttenderClause
from crisisrisk.models.formula import GREATEST
from crisisrisk.training.baseline_recipe import BaselineRecipe, read_baselines

RULE = "frequent_attender_rule"
_COLUMN = re.compile(r"(?P<source>\w+)_count_in_(?P<days>\d+)_days")


def attender_clauses(path: Path) -> tuple[AttenderClause, ...]:
    """The clauses of the rule in a file of simple rules; none where it declares no such rule.

    Raises RecipeError where a clause is not a weighted count of the contacts of one source.
    """
    rule = read_baselines(path).rules.get(RULE)
    return () if rule is None else tuple(_clause(rule, place, path) for place in range(len(rule.terms)))


def _clause(rule: BaselineRecipe, place: int, path: Path) -> AttenderClause:
    term = rule.terms[place]
    column = _COLUMN.fullmatch(term.column)
    if column is None or rule.combine != GREATEST or term.weight is None or term.weight <= 0:
        raise RecipeError(
            "CR-TRAIN-001", "a clause of the rule cannot be counted", where=f"{path}: {RULE}.terms[{place}]",
            wanted='`combine = "greatest"`, and terms such as { column = "s136_count_in_365_days", weight = 0.5 }',
            found=f"{rule.combine}, {term.column}, weight {term.weight}",
            hint="give a rule of another form another name: reports count by this one, beside the other baselines",
        )  # fmt: skip
    return AttenderClause(column["source"], int(column["days"]), 1 / term.weight)


def unheard_sources(clauses: Collection[AttenderClause], loaded: Collection[str]) -> str | None:
    """What to say where no rule is declared, or sources that it counts have sent nothing; None where all is there."""
    absent = sorted({clause.source for clause in clauses} - set(loaded))
    if not clauses:
        return f"training/baselines.toml declares no {RULE}: as a baseline it knows nothing and is easily beaten"
    if not absent:
        return None
    return (
        f"{RULE} counts {', '.join(absent)}, of which no data are loaded: as a baseline it is weaker than it looks; "
        "declare the rule by what is there in training/baselines.toml"
    )
