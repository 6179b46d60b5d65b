"""What our style sheet says of a part of a page: the last rule that names a selector by itself or in a list."""

import re
from pathlib import Path

import crisisrisk.serving.pages

STATIC = Path(crisisrisk.serving.pages.__file__).parent / "static"
PAGES_CSS = STATIC / "pages.css"
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")


def as_published(name: str) -> str:
    """A style sheet of others as it lies here."""
    return (STATIC / name).read_text(encoding="utf-8")


def declared(css: str, selector: str, what: str, *, media: str = "") -> str:
    """`media`: within which `@media`, as it is written; else outside of any. KeyError where no rule says it."""
    found = None
    for selectors, said in _RULE.findall(_part(css, media)):
        if selector in [one.strip() for one in selectors.split(",")]:
            for name, _, value in (one.partition(":") for one in said.split(";")):
                found = value.strip() if name.strip() == what else found
    if found is None:
        raise KeyError(f"no rule says {what} of {selector} {media}".strip())
    return found


def _part(css: str, media: str) -> str:
    plain = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    within = re.compile(r"@media ([^{]+?) ?\{((?:[^{}]*\{[^{}]*\})*[^{}]*)\}")
    if not media:
        return within.sub("", plain)
    return "".join(rules for name, rules in within.findall(plain) if name == media)
