"""In which order people stand on a list: by probability; where a site wants it, at random among equal numbers."""

import hashlib
from datetime import UTC, datetime


def in_100(probability: float) -> int | float:
    """“About 18 in 100”. Below 1 it keeps a decimal and never becomes 0: a small number is not none."""
    return int(probability * 100 + 0.5) if probability >= 0.01 else max(round(probability * 100, 1), 0.1)


def tie_key(seed: int, as_of: datetime, person_id: str) -> float:
    """A number in [0, 1), the same for the same seed, moment and person, that depends on nothing else.

    Drawn anew for every moment, so that nobody comes first for ever.
    """
    text = f"{seed} {as_of.astimezone(UTC).isoformat()} {person_id}"
    return (int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 11) / 2**53


def list_place(probability: float, person_id: str, key: float | None = None) -> tuple[float, float, str]:
    """What lists are sorted by, ascending: probability, highest first; with a key, the number shown and then the key.

    A key moves people among those of whom the same "n in 100" is said, and nobody past anybody else.
    """
    return (-probability, 0.0, person_id) if key is None else (-in_100(probability), key, person_id)
