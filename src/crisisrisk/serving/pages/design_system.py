"""The style of the design system without what no page here has: half of its weight on every page."""

import re
from collections.abc import Iterator

LEFT_OUT = (
    "action-link", "breadcrumb", "character-count", "checkboxes", "contents-list", "date-input", "do-dont-list",
    "expander", "file-upload", "footer", "header", "hero", "image", "lede-text", "notification-banner", "pagination",
    "panel", "scroll", "search-input", "tabs", "tag", "task-list", "u-(?!margin-bottom|visually-hidden)[a-z]+",
)  # fmt: skip
"""Parts of the design system by their names in classes. One that a page needs is taken off this list."""
NOT_HERE = re.compile(rf"\.nhsuk-(?:{'|'.join(LEFT_OUT)})(?![a-z])")
"""A class of a part that is left out: `nhsuk-tabs__item` is one of `tabs`, and so is `nhsuk-u-nowrap` one of `u-`."""
_MARK = re.compile(r'"[^"]*"|[{};]')
_PART_OF_HEAD = re.compile(r"[(),]|[^(),]+")
_OF_OTHERS = re.compile(r"@(?:media|supports|container)\b")
"""Rules that hold rules."""


def without_parts(style: str) -> str:
    """A style sheet without the selectors, and the rules of nothing else, that ask for a part that is left out."""
    return "".join(_kept(head, body) for head, body in _rules(style))


def _rules(style: str) -> Iterator[tuple[str, str | None]]:
    """What stands before each outermost pair of braces, and in it; a line that ends without braces has no body."""
    begin = opened = depth = 0
    for mark in _MARK.finditer(style):
        depth += {"{": 1, "}": -1}.get(mark.group(), 0)
        if mark.group() == "{" and depth == 1:
            opened = mark.end()
        elif mark.group() == "}" and depth == 0:
            yield style[begin : opened - 1], style[opened : mark.start()]
            begin = mark.end()
        elif mark.group() == ";" and depth == 0:
            yield style[begin : mark.end()], None
            begin = mark.end()


def _kept(head: str, body: str | None) -> str:
    if body is None:
        return head
    if _OF_OTHERS.match(head):
        inner = without_parts(body)
        return f"{head}{{{inner}}}" if inner else ""
    kept = [selector for selector, asked in _selectors(head) if not NOT_HERE.search(asked)]
    return f"{','.join(kept)}{{{body}}}" if kept else ""


def _selectors(head: str) -> list[tuple[str, str]]:
    """Each selector, and what something must be or lie in for it. What stands in brackets, as after `:not`, is not."""
    found, depth = [("", "")], 0
    for part in _PART_OF_HEAD.findall(head):
        depth -= part == ")"
        if part == "," and depth == 0:
            found.append(("", ""))
        else:
            selector, asked = found[-1]
            found[-1] = (selector + part, asked if depth else asked + part)
        depth += part == "("
    return found
