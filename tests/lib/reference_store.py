"""What a store should hold, worked out slowly from the set of rows: the obvious counterpart of merging and linking."""

from collections.abc import Sequence
from dataclasses import dataclass

FOREVER = 10**9


@dataclass(frozen=True, order=True)
class Row:
    """An event version. Times are days; `person` and `key` may be None."""

    id: str
    source: str
    known: int
    at: int
    code: str
    person: str | None
    key: str | None


@dataclass(frozen=True, order=True)
class Link:
    """A link version: from `known` on this key is this person."""

    source: str
    key: str
    known: int
    person: str


def versions(rows: Sequence[Row]) -> list[tuple[Row, int]]:
    """Every distinct row, with the day on which the event's next version became known. No two may tie."""
    distinct = set(rows)
    result = []
    for row in distinct:
        later = [
            other.known
            for other in distinct
            if (other.source, other.id) == (row.source, row.id) and other.known > row.known
        ]
        result.append((row, min(later, default=FOREVER)))
    return result


def person_rows(rows: Sequence[Row], links: Sequence[Link]) -> set[tuple[str, str, int, int, int, str]]:
    """(person, event id, occurred, known, superseded, code) of everything that belongs to somebody."""
    found = set()
    for row, superseded in versions(rows):
        if row.person is not None:
            found.add((row.person, row.id, row.at, row.known, superseded, row.code))
        elif row.key is not None:
            for person, known, until in _stretches(row, links):
                start, end = max(row.known, known), min(superseded, until)
                if start < end:
                    found.add((person, row.id, row.at, start, end, row.code))
    return found


def _stretches(row: Row, links: Sequence[Link]) -> list[tuple[str, int, int]]:
    """Whose the row's key was, from when until when; a link that repeats the one before it changes nothing."""
    own = sorted({(link.known, link.person) for link in links if (link.source, link.key) == (row.source, row.key)})
    changes = [one for place, one in enumerate(own) if place == 0 or own[place - 1][1] != one[1]]
    ends = [*(known for known, _ in changes[1:]), FOREVER][: len(changes)]
    return [(person, known, end) for (known, person), end in zip(changes, ends, strict=True)]
