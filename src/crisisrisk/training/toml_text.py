"""Plain values as TOML text, for the recipes that the program itself writes."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any


def toml_text(content: Mapping[str, Any]) -> str:
    """A document that `tomllib` reads back as `content`: plain keys first, then one table for each mapping."""
    plain = [f"{_key(key)} = {_value(value)}" for key, value in content.items() if not isinstance(value, Mapping)]
    tables = [
        f"[{_key(key)}]\n" + "\n".join(f"{_key(name)} = {_value(value)}" for name, value in table.items())
        for key, table in content.items()
        if isinstance(table, Mapping)
    ]
    return "\n\n".join(["\n".join(plain), *tables]).strip() + "\n"


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if bare else _text(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    return repr(value)


def _text(text: str) -> str:
    """JSON's escapes are TOML's, but for the delete character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
