"""The reference page of training recipes, written from the settings themselves."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from inspect import cleandoc
from typing import Any, get_type_hints

from crisisrisk.training.recipe import SECTIONS
from crisisrisk.training.settings import tables_of, wanted_words

_HEAD = """# Training recipes

A training recipe (`training/*.toml`) says what is predicted, for whom or where, how the data are split, how the
model is fitted and how it is judged. It names things; it computes nothing. Unknown keys are refused.

The first lines of a recipe:

| key | takes | meaning |
| --- | --- | --- |
| `name` | letters, digits and `_` | the model's name, in the registry and on every answer |
| `subject` | `person` · `place` | who, or where and when |
| `features` | a file name | feature recipe, in the site's `features/` folder or among the shipped ones |

An event is an outcome event when its source stands in `sources`; or when its source has an entry in `codes` or
`outcomes` and its code and its outcome are among those listed there; or when `crisis_flag` is set and the event's
`is_crisis` is true. For places, `origins` then keeps only events of the origins named; `only_doors` only events by
the doors named. A door is a name with its members, a source or one code of a source: `police = ["s136",
"ed_attendance:brought_by_police"]`; a code goes before its source as a whole. With `only_doors` the other contacts
are no outcome, begin no episode and hold nobody in one.

Everything in `[cohort]` looks at what was known before the date of the list. The attrition table of a run names the
people and the rows that each of its conditions dropped, and the rows in whose horizon someone died or moved away.

A split of kind `time` trains on early rows, stops and calibrates on later ones and judges on the last: the last date
of a block plus `gap_days` plus the horizon is never after the first date of the next. A split of kind `person`, for
data without calendar dates, puts each person wholly into one block.
"""


def recipes_page() -> str:
    """The page docs/reference/recipes.md, as Markdown."""
    parts = [_HEAD]
    for name, (kind, only_for) in SECTIONS.items():
        title = f"## `[{name}]`" + (f", {only_for} only" if only_for else "")
        parts.append(f"{title}\n\n{cleandoc(kind.__doc__ or '')}\n\n{_table(kind, bool(only_for))}\n")
        for key, listed in _lists_of_tables(kind):
            parts.append(f"### `[[{name}.{key}]]`\n\n{cleandoc(listed.__doc__ or '')}\n\n{_table(listed, True)}\n")
    return "\n".join(parts)


def _lists_of_tables(kind: type) -> list[tuple[str, type]]:
    listed = ((key, tables_of(hint)) for key, hint in get_type_hints(kind).items())
    return [(key, inner) for key, inner in listed if inner]


def _table(kind: type, same_subject: bool) -> str:
    hints = get_type_hints(kind)
    head = ["| key | takes | if left out | meaning |", "| --- | --- | --- | --- |"]
    return "\n".join(head + [_line(one, hints[one.name], same_subject) for one in fields(kind)])


def _line(one: Field[Any], hint: Any, same_subject: bool) -> str:
    only_for = one.metadata["only_for"]
    who = f" ({only_for} only)" if only_for and not same_subject else ""
    return f"| `{one.name}` | {_takes(hint, one.metadata)} | {_default(one.default)} | {one.metadata['meaning']}{who} |"


def _takes(hint: Any, limits: Mapping[str, Any]) -> str:
    if limits["choices"]:
        return " · ".join(f"`{choice}`" for choice in limits["choices"])
    words = {"at_least": "at least", "above": "above", "at_most": "at most"}
    named = [f"{text} {limits[name]}" for name, text in words.items() if limits[name] is not None]
    return ", ".join([wanted_words(hint), *named])


def _default(default: Any) -> str:
    if default is MISSING:
        return "required"
    if default is None or default == ():
        return "nothing"
    if isinstance(default, tuple):
        return f"`{', '.join(map(str, default))}`"
    return f"`{str(default).lower()}`" if isinstance(default, bool) else f"`{default}`"
