"""Reading a site's configuration strictly: known keys are taken out of TOML tables, the rest is refused by name."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from crisisrisk.errors import SiteError, did_you_mean


class Reader:
    """Takes known keys out of TOML tables and refuses the rest."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def table(self, value: Any, where: str, known: Mapping[str, type | tuple[type, ...]]) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.wrong(where, "a table", value)
        for key, content in value.items():
            if key not in known:
                raise SiteError(
                    "CR-SITE-002",
                    f'unknown key "{key}"',
                    where=f"{self.file}, [{where}]",
                    hint=did_you_mean(key, list(known)),
                )
            if not isinstance(content, known[key]) or (isinstance(content, bool) and known[key] is not bool):
                raise self.wrong(f"{where}.{key}", type_name(known[key]), content)
        return value

    def wrong(self, where: str, wanted: str, found: object) -> SiteError:
        return SiteError(
            "CR-SITE-002", f"{where} cannot be used", where=str(self.file), wanted=wanted, found=repr(found)
        )


def type_name(kind: type | tuple[type, ...]) -> str:
    names = {
        str: "text",
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        dict: "a table",
        list: "a list",
        date: "a date",
    }
    return " or ".join(names[one] for one in (kind if isinstance(kind, tuple) else (kind,)))
