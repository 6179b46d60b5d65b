"""What a page loads besides itself, as it says so."""

import re
from collections.abc import Callable

_LOADED = re.compile(r'(?:<link rel="(?:stylesheet|icon)"[^>]*href|<script[^>]*src|<img[^>]*src)="(/[^"]+)"')
_ONCE_MOVED = re.compile(r'data-(?:script|style)="(/[^"]+)"')
_IMPORTED = re.compile(r'from "\./([^"]+)"')
_IMPORTED_FOR_PARTS = re.compile(r'import\("\./([^"]+)"\)')
_PART = re.compile(r'data-module="(?!nhsuk-skip-link")')


def loaded_by(page: str, read: Callable[[str], str]) -> set[str]:
    """Addresses of all that a page loads when it is opened. `read`: what stands at an address."""
    direct = set(_LOADED.findall(page))
    for script in [one for one in direct if one.endswith(".js")]:
        text, beside = read(script), script.rpartition("/")[0]
        names = _IMPORTED.findall(text) + (_IMPORTED_FOR_PARTS.findall(text) if _PART.search(page) else [])
        direct |= {f"{beside}/{name}" for name in names}
    return direct


def loaded_once_moved(page: str) -> set[str]:
    """Addresses of what a page loads when its map is moved."""
    return set(_ONCE_MOVED.findall(page))
