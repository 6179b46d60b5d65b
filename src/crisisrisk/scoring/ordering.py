"""In which order people stand on a list: by probability; where a site wants it, at random among near-equal ones."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

NEAR = 1.1
"""1.5 and 2.4 in 100 are both said as 2, and no tie: one risk is more than half as high again as the other."""


def in_100(probability: float) -> int | float:
    """“About 18 in 100”. Below 1 it keeps a decimal and never becomes 0: a small number is not none."""
    return int(probability * 100 + 0.5) if probability >= 0.01 else max(round(probability * 100, 1), 0.1)


def tie_key(seed: int, as_of: datetime, person_id: str) -> float:
    """A number in [0, 1), the same for the same seed, moment and person, that depends on nothing else.

    Drawn anew for every moment, so that nobody comes first for ever.
    """
    text = f"{seed} {as_of.astimezone(UTC).isoformat()} {person_id}"
    return (int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 11) / 2**53


@dataclass(frozen=True)
class Placed:
    """What somebody's place on a list goes by. `key`: as `tie_key` draws it; None where ties are not drawn."""

    person_id: str
    probability: float
    key: float | None = None


def by_probability(one: Placed) -> tuple[float, str]:
    """Sorts by probability, highest first; of equals by pseudonym."""
    return (-one.probability, one.person_id)


def list_order(people: Iterable[Placed], *, cuts: Collection[int]) -> list[Placed]:
    """The order of a list: by probability, and by key inside ties through which no cut goes.

    `cuts`: after how many names the list may end. Who stands above a cut is the same as without keys.
    """
    found: list[Placed] = []
    for tie in _ties(sorted(people, key=by_probability)):
        begins, ends = len(found), len(found) + len(tie)
        drawn = all(one.key is not None for one in tie) and not any(begins < cut < ends for cut in cuts)
        found += sorted(tie, key=lambda one: (one.key or 0.0, one.person_id)) if drawn else tie
    return found


def _ties(ordered: Sequence[Placed]) -> Iterator[list[Placed]]:
    """From the top: people of whom the same "n in 100" is said, and at most `NEAR` times one another's risk."""
    tie: list[Placed] = []
    for one in ordered:
        if tie and not _tied(tie[0].probability, one.probability):
            yield tie
            tie = []
        tie.append(one)
    if tie:
        yield tie


def _tied(higher: float, lower: float) -> bool:
    return in_100(higher) == in_100(lower) and higher <= NEAR * lower
