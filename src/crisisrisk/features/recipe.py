"""Features recipes: TOML groups that name events and aggregations, read into frozen specs.

A recipe names things and computes nothing. Every problem of a file is collected, then raised once.
"""

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isnan
from pathlib import Path
from typing import Any

from crisisrisk.errors import RecipeError, did_you_mean
from crisisrisk.features.aggregations import AGGREGATIONS, NOT_KNOWN, Aggregation, window_in_words
from crisisrisk.features.aggregations.distinct import KNOWN_SOURCES
from crisisrisk.features.counting import NOT_DEMAND
from crisisrisk.features.specs import FeatureRecipe, FeatureSpec, Where

ALL_SOURCES = "all"
EVER = "ever"
LONGEST_LOOKBACK_DAYS = 36_500
DAYS_PER_WEEK = 7
WHERE_COLUMNS = ("code", "outcome", "origin", "mode", "premises", "is_crisis")
KIND = "kind"
"""The only column of `where` for what a site declares: happenings and points."""

_TOP = ("recipe", "group")
_HEAD = ("name", "subject")
_GROUP = (
    "name", "column", "sources", "except", "optional", "each", "where", "aggregations", "lookback_days", "short_days",
    "gap_days", "other_sources", "other", "if_none", "singular", "plural", "meaning", "reason",
)  # fmt: skip
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass
class _Problems:
    """What is wrong with one file, collected so that a person meets it all at once."""

    where: str
    found: list[tuple[str, str | None]] = field(default_factory=list)

    def add(self, problem: str, hint: str | None = None) -> None:
        if (problem, hint) not in self.found:
            self.found.append((problem, hint))

    def raise_if_any(self) -> None:
        if not self.found:
            return
        if len(self.found) == 1:
            problem, hint = self.found[0]
            raise RecipeError("CR-FEAT-002", problem, where=self.where, hint=hint)
        lines = [f"{problem}{f' — {hint}' if hint else ''}" for problem, hint in self.found]
        raise RecipeError(
            "CR-FEAT-002",
            f"{len(lines)} problems in a features recipe",
            where=self.where,
            found="\n          ".join(lines),
            hint="nothing was computed",
        )


def read_feature_recipe(
    text_or_path: str | Path, *, sources: Collection[str], declared: Collection[str] | None = ()
) -> FeatureRecipe:
    """A recipe from its TOML text, or from the file at a path. `sources` and `declared` are those of the site.

    `declared` None: of a site that declares all there is, for pages about the recipe.

    Raises RecipeError naming every unknown key, aggregation, source and impossible value at once.
    """
    where = str(text_or_path) if isinstance(text_or_path, Path) else "the recipe given"
    content = _toml(text_or_path, where)
    problems = _Problems(where)
    recipe = _recipe_from(content, tuple(sources), None if declared is None else tuple(declared), problems)
    problems.raise_if_any()
    return recipe


def select_features(recipe: FeatureRecipe, names: Sequence[str]) -> FeatureRecipe:
    """The recipe with only the columns named, in the order named: a model asks for its own.

    Raises RecipeError naming the columns that the recipe does not have.
    """
    specs = dict(zip(recipe.names, recipe.specs, strict=True))
    if missing := [name for name in names if name not in specs]:
        raise RecipeError(
            "CR-FEAT-003",
            f"the recipe {recipe.name} lacks {len(missing)} of the {len(names)} columns asked for",
            found=", ".join(missing[:10]),
            hint=did_you_mean(missing[0], recipe.names) if specs else None,
        )
    return replace(recipe, specs=tuple(specs[name] for name in names))


def groups_of(recipe: FeatureRecipe) -> tuple[str, ...]:
    """The groups whose features share a reason, as the dictionary heads them, in the order of the recipe."""
    return tuple(dict.fromkeys(spec.group for spec in recipe.specs))


def groups_named(recipe: FeatureRecipe, names: Sequence[str]) -> tuple[str, ...]:
    """The groups that names mean; `signal_*` means every one that begins so, if there is any.

    Raises RecipeError for a whole name that the recipe does not have.
    """
    known = groups_of(recipe)
    for name in names:
        if name not in known and not name.endswith("*"):
            raise RecipeError(
                "CR-FEAT-003", f'the recipe {recipe.name} has no group "{name}"', found=name,
                wanted=", ".join(known), hint=did_you_mean(name, known),
            )  # fmt: skip
    begun = tuple(name.removesuffix("*") for name in names if name.endswith("*"))
    return tuple(group for group in known if group in names or (begun and group.startswith(begun)))


def without_groups(recipe: FeatureRecipe, names: Sequence[str]) -> FeatureRecipe:
    """The recipe without the groups named. Raises RecipeError for one it does not have, or when nothing is left."""
    left_out = groups_named(recipe, names)
    kept = tuple(spec for spec in recipe.specs if spec.group not in left_out)
    if not kept:
        raise RecipeError(
            "CR-FEAT-003", f"no feature of the recipe {recipe.name} is left", found=", ".join(left_out),
            wanted="at least one group that stays",
        )  # fmt: skip
    return replace(recipe, specs=kept)


def _toml(text_or_path: str | Path, where: str) -> dict[str, Any]:
    try:
        text = text_or_path.read_text(encoding="utf-8") if isinstance(text_or_path, Path) else text_or_path
        return tomllib.loads(text)
    except FileNotFoundError:
        raise RecipeError("CR-FEAT-001", "there is no such file", where=where) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise RecipeError("CR-FEAT-001", f"the file is not valid TOML: {problem}", where=where) from None


def _recipe_from(
    content: dict[str, Any], sources: tuple[str, ...], declared: tuple[str, ...] | None, problems: _Problems
) -> FeatureRecipe:
    _refuse_unknown(content, _TOP, "the file", problems)
    head = content.get("recipe")
    if not isinstance(head, dict) or not isinstance(head.get("name"), str):
        problems.add('a [recipe] with a "name" and a "subject" is missing')
        head = {}
    _refuse_unknown(head, _HEAD, "[recipe]", problems)
    subject = head.get("subject")
    if subject not in AGGREGATIONS:
        problems.add(f"[recipe]: subject {subject!r} is unknown", 'say "person" or "place"')
        problems.raise_if_any()
    groups = content.get("group", [])
    if not isinstance(groups, list) or not groups:
        problems.add("the recipe has no [[group]]")
        groups = []
    readers = [_Group(values, AGGREGATIONS[str(subject)], sources, declared, problems) for values in groups]
    specs = tuple(spec for reader in readers for spec in reader.specs())
    _refuse_repeated(specs, problems)
    return FeatureRecipe(name=str(head.get("name")), subject=str(subject), specs=specs)


def _refuse_unknown(values: Mapping[str, Any], known: tuple[str, ...], where: str, problems: _Problems) -> None:
    for key in values:
        if key not in known:
            problems.add(f'{where}: unknown key "{key}"', did_you_mean(key, known))


def _refuse_repeated(specs: tuple[FeatureSpec, ...], problems: _Problems) -> None:
    seen: dict[str, FeatureSpec] = {}
    for spec in specs:
        if spec.name in seen:
            problems.add(f'two columns are called "{spec.name}"', 'give one of the groups another "column"')
        seen[spec.name] = spec


class _Group:
    """Reads one [[group]]; problems are added, and what is still usable is returned."""

    def __init__(
        self, values: object, known: Mapping[str, Aggregation], sources: tuple[str, ...],
        declared: tuple[str, ...] | None, problems: _Problems,
    ) -> None:  # fmt: skip
        self.values: dict[str, Any] = values if isinstance(values, dict) else {}
        self.known, self.site_sources, self.site_declares, self.problems = known, sources, declared, problems
        self.name = self.text("name") or "?"
        if not _NAME.fullmatch(self.name):
            self.problem('needs a "name" of small letters, digits and _')
        _refuse_unknown(self.values, _GROUP, f'group "{self.name}"', problems)

    def problem(self, text: str, hint: str | None = None) -> None:
        self.problems.add(f'group "{self.name}": {text}', hint)

    def specs(self) -> Iterator[FeatureSpec]:
        aggregations = self.aggregations()
        sources = self.sources(needed=any(one.takes_events for one in aggregations))
        where, lookbacks = self.where(aggregations), self.lookbacks(aggregations)
        if self.optional():
            aggregations = [one for one in aggregations if self.has_what_it_needs(one, sources, where)]
        for column, members in self.columns(sources):
            for aggregation in aggregations:
                for days in self.days_of(aggregation, lookbacks):
                    yield self.spec(aggregation, column, members, where, days)

    def has_what_it_needs(self, aggregation: Aggregation, sources: tuple[str, ...], where: Where) -> bool:
        """Whether the site sends one of the sources, or declares what the column is about."""
        if not aggregation.needs:
            return bool(sources)
        kinds = dict(where).get(KIND, ()) if aggregation.needs == "points" else ()
        names = [f"{aggregation.needs}:{kind}" for kind in kinds] or [aggregation.needs]
        return self.site_declares is None or any(name in self.site_declares for name in names)

    def spec(
        self, aggregation: Aggregation, column: str, sources: tuple[str, ...], where: Where, days: int | None
    ) -> FeatureSpec:
        short = self.days_for("short_days", aggregation) if aggregation.takes_short_days else None
        gap = self.days_for("gap_days", aggregation) if aggregation.takes_gap_days else None
        fixed = {"short_days": short, "gap_days": gap, "days": days, "window": window_in_words(days),
                 "other": self.text("other") or "anything else"}  # fmt: skip
        if aggregation.lookback == "weeks":
            fixed |= {"weeks": int(days or 0) // DAYS_PER_WEEK, "days_before": int(days or 0) - DAYS_PER_WEEK}
        return FeatureSpec(
            name=self.column_name(aggregation, column, days, fixed),
            group=column if aggregation.takes_events or aggregation.takes_kinds else aggregation.name,
            aggregation=aggregation.name,
            sources=sources if aggregation.takes_events else (),
            where=where if aggregation.takes_events or aggregation.takes_kinds else (),
            lookback_days=days,
            short_days=short,
            gap_days=gap,
            other_sources=self.other_sources(aggregation),
            if_none=self.if_none(aggregation),
            meaning=self.wording("meaning", aggregation, fixed),
            reason=self.wording("reason", aggregation, fixed),
            singular=self.text("singular"),
            plural=self.text("plural"),
        )

    def column_name(self, aggregation: Aggregation, column: str, days: int | None, fixed: Mapping[str, Any]) -> str:
        name = aggregation.column.format(column=column, **fixed)
        if aggregation.lookback == "none" or not aggregation.names_window:
            return name
        return name + (f"_{days}_days" if aggregation.takes_short_days else f"_in_{days}_days" if days else "_ever")

    # The keys, one by one

    def text(self, key: str) -> str:
        value = self.values.get(key, "")
        if not isinstance(value, str):
            self.problem(f'"{key}" must be text, found {value!r}')
            return ""
        return value

    def aggregations(self) -> list[Aggregation]:
        names = self.values.get("aggregations")
        if not isinstance(names, list) or not names:
            self.problem('needs a list of "aggregations"', f"known: {', '.join(self.known)}")
            return []
        for name in names:
            if name not in self.known:
                self.problem(f'unknown aggregation "{name}"', did_you_mean(str(name), list(self.known)))
        return [self.known[name] for name in dict.fromkeys(map(str, names)) if name in self.known]

    def other_sources(self, aggregation: Aggregation) -> tuple[str, ...]:
        usable = aggregation.takes_other or (aggregation.takes_gap_days and "other_sources" in self.values)
        return tuple(sorted(self.sources("other_sources", needed=True))) if usable else ()

    def sources(self, key: str = "sources", *, needed: bool) -> tuple[str, ...]:
        named = self.values.get(key, [])
        if named == ALL_SOURCES:
            excepted = self.excepted() if key == "sources" else ()
            return tuple(sorted(set(self.site_sources) - set(excepted)))
        if "except" in self.values and self.values.get("sources") != ALL_SOURCES:
            self.problem('"except" only goes with sources = "all"')
        if not isinstance(named, list) or (needed and not named):
            self.problem(f'needs a list of "{key}", or {key} = "all"')
            return ()
        optional = key == "sources" and self.optional()
        self.refuse_unknown_sources(named, beyond_site=optional)
        return tuple(dict.fromkeys(str(one) for one in named if not optional or one in self.site_sources))

    def excepted(self) -> list[str]:
        """What "all" leaves out. A site need not have it: what nobody sends is left out already."""
        named = self.values.get("except", [])
        if not isinstance(named, list):
            self.problem(f'"except" must be a list of sources, found {named!r}')
            return []
        self.refuse_unknown_sources(named, beyond_site=True)
        return [str(source) for source in named]

    def optional(self) -> bool:
        """Whether the group is only there where the site has its sources."""
        optional = self.values.get("optional", False)
        if not isinstance(optional, bool):
            self.problem(f'"optional" must be true or false, found {optional!r}')
        return optional is True

    def refuse_unknown_sources(self, named: Sequence[object], *, beyond_site: bool) -> None:
        """`beyond_site`: a source of another site will do, so that a slip of the pen is still one."""
        known = [*self.site_sources, *(KNOWN_SOURCES if beyond_site else ())]
        for source in named:
            if source not in known:
                self.problem(f'unknown source "{source}"', did_you_mean(str(source), known))

    def columns(self, sources: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
        each = self.values.get("each", False)
        if not isinstance(each, bool):
            self.problem(f'"each" must be true or false, found {each!r}')
        if not each:
            yield self.text("column") or self.name, sources
            return
        template = self.text("column") or "{source}"
        if "{source}" not in template:
            self.problem('"column" of a group with each = true must contain {source}')
            return
        for source in sources:
            yield template.replace("{source}", source), (source,)

    def where(self, aggregations: list[Aggregation]) -> Where:
        named = self.values.get("where", {})
        by_kind = any(one.takes_kinds for one in aggregations)
        columns = (KIND,) if by_kind else WHERE_COLUMNS
        if by_kind and not (self.text("singular") and self.text("plural")):
            self.problem('needs a "singular" and a "plural"', "what the happenings or points are called in reasons")
        if any(one.needs == "points" for one in aggregations) and not (isinstance(named, dict) and named.get(KIND)):
            self.problem('needs where = { kind = ["…"] }', "the kinds under [points] in crisisrisk.toml")
        if not isinstance(named, dict):
            self.problem('"where" must be a table, such as {outcome = ["missed"]}')
            return ()
        pairs = []
        for column, accepted in sorted(named.items()):
            listed = accepted if isinstance(accepted, list) else [accepted]
            kind = bool if column == "is_crisis" else str
            if column not in columns:
                self.problem(f'"where" names an unknown column "{column}"', did_you_mean(column, columns))
            elif not listed or not all(isinstance(value, kind) for value in listed):
                self.problem(f'"where" for "{column}" must list {"true or false" if kind is bool else "text"}')
            else:
                self._refuse_presence(column, listed)
                pairs.append((column, tuple(sorted(set(listed)))))
        return tuple(pairs)

    def _refuse_presence(self, column: str, listed: list[Any]) -> None:
        """Of places nobody may ask what a team set out to make: no such contact reaches their features."""
        asked = [value for value in listed if value in NOT_DEMAND]
        if column == "origin" and asked and self.known is AGGREGATIONS["place"]:
            self.problem(f'"{asked[0]}" is recorded, but is no demand of a place', "public, partner")

    def lookbacks(self, aggregations: list[Aggregation]) -> list[int | None]:
        named = self.values.get("lookback_days", [])
        wanted = any(one.lookback != "none" for one in aggregations)
        if not isinstance(named, list) or (wanted and not named):
            self.problem('needs a list of "lookback_days"')
            return []
        for days in named:
            if days != EVER and not _is_days(days):
                self.problem(
                    f"a lookback of {days!r} days", f'say whole days from 1 to {LONGEST_LOOKBACK_DAYS}, or "ever"'
                )
        return [None if days == EVER else days for days in dict.fromkeys(named) if days == EVER or _is_days(days)]

    def days_of(self, aggregation: Aggregation, lookbacks: list[int | None]) -> list[int | None]:
        if aggregation.lookback == "none":
            return [None]
        if aggregation.lookback == "or_ever":
            return lookbacks
        if aggregation.lookback == "weeks":
            return self.whole_weeks(aggregation, lookbacks)
        shortest = self.days_for("short_days", aggregation) if aggregation.takes_short_days else 0
        usable = [days for days in lookbacks if days is not None and days > shortest]
        if not usable:
            self.problem(f'"{aggregation.name}" needs a lookback in days{" above short_days" if shortest else ""}')
        return list(usable)

    def whole_weeks(self, aggregation: Aggregation, lookbacks: list[int | None]) -> list[int | None]:
        least = 2 * DAYS_PER_WEEK if aggregation.names_window else DAYS_PER_WEEK
        for days in lookbacks:
            if days is None or days % DAYS_PER_WEEK or days < least:
                asked = "ever" if days is None else f"{days} days"
                self.problem(f'"{aggregation.name}" needs whole weeks, from {least} days, found {asked}')
        return [days for days in lookbacks if days is not None and days % DAYS_PER_WEEK == 0 and days >= least]

    def days_for(self, key: str, aggregation: Aggregation) -> int:
        days = self.values.get(key)
        if not _is_days(days):
            self.problem(f'"{aggregation.name}" needs "{key}" in whole days, found {days!r}')
            return 1
        return int(str(days))

    def if_none(self, aggregation: Aggregation) -> float:
        value = self.for_aggregation("if_none", aggregation, aggregation.if_none)
        if value == "not known":
            return NOT_KNOWN
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.problem(f'"if_none" must be a number or "not known", found {value!r}')
            return NOT_KNOWN
        return NOT_KNOWN if isnan(value) else float(value)

    def wording(self, key: str, aggregation: Aggregation, fixed: Mapping[str, Any]) -> str:
        """The template with its fixed blanks filled; those of the phrases and of the value stay."""
        template = self.for_aggregation(key, aggregation, getattr(aggregation, key))
        kept = {"singular": "{singular}", "plural": "{plural}"}
        kept |= {"count": "{count}"} if key == "reason" else {}
        try:
            return str(template).format(**kept, **fixed)
        except (KeyError, IndexError, ValueError, AttributeError) as problem:
            self.problem(
                f'"{key}" has a blank that cannot be filled: {problem}', f"blanks: {', '.join((*kept, *fixed))}"
            )
            return ""

    def for_aggregation(self, key: str, aggregation: Aggregation, default: Any) -> Any:
        """A key that is one value for the whole group, or a table with one for each aggregation."""
        value = self.values.get(key, default)
        if not isinstance(value, dict):
            return value
        for name in value:
            if name not in self.known:
                self.problem(f'"{key}" names an unknown aggregation "{name}"', did_you_mean(name, list(self.known)))
        return value.get(aggregation.name, default)


def _is_days(days: object) -> bool:
    return isinstance(days, int) and not isinstance(days, bool) and 1 <= days <= LONGEST_LOOKBACK_DAYS
