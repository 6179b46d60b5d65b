"""What a reason does to a number, and the strongest of them for one line."""

from collections.abc import Iterable

UP, DOWN, NOT_KNOWN = "up", "down", "not_known"


def in_brief(reasons: Iterable[tuple[str, str]], *, most: int = 2) -> list[str]:
    """The strongest reasons for one line, of (direction, text): those that push up, else what pulls it down, saying so.

    Why somebody is on a list is what pushes their number up; a reason for fewer, told alone, would be read as one.
    """
    every = list(reasons)
    if up := [text for direction, text in every if direction == UP]:
        return up[:most]
    down = [text for direction, text in every if direction == DOWN][:most]
    return [f"pulling it down: {down[0]}", *down[1:]] if down else []
