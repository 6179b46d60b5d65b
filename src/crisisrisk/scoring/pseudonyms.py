"""Pseudonyms as they are shown and typed: cut short for the eye, and found again by their beginning."""

from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc

from crisisrisk.errors import UsageError
from crisisrisk.tables.store import Snapshot

SHOWN_ID = 12
"""A key's number and nine characters of 32: of a million people, any two look alike about 1 time in 70."""
LEAST_TYPED = 4


def shown(person_id: str) -> str:
    """The beginning of a pseudonym, which `explain` takes."""
    return person_id[:SHOWN_ID]


def pseudonym_of(snapshot: Snapshot, typed: str) -> str:
    """The one pseudonym of all that are loaded that is, or begins with, what was typed; else what was typed.

    Raises UsageError where it fits several people.
    """
    beginning = typed.removesuffix("…")
    if len(beginning) < LEAST_TYPED:
        return typed
    fitting: set[str] = set()
    for bucket in range(snapshot.buckets):
        # Somebody may be known by contacts alone, without a row of their own.
        for table in (snapshot.people_in(bucket), snapshot.person_events(bucket, ("person_id",))):
            people = pc.unique(table.column("person_id")).cast(pa.string())
            fitting |= set(people.filter(pc.starts_with(people, pattern=beginning)).to_pylist())
    return the_one(beginning, fitting)


def the_one(beginning: str, fitting: Collection[str]) -> str:
    """Of the pseudonyms that begin like this the only one, or the whole one; without any the beginning itself.

    Raises UsageError for several; neither they nor what was typed are named.
    """
    if not fitting or beginning in fitting:
        return beginning
    if len(fitting) > 1:
        raise UsageError(
            "CR-USE-001", "several pseudonyms begin like that", found=f"{len(fitting)} of them", wanted="one",
            hint="type more of it; `crisisrisk score` prints it whole",
        )  # fmt: skip
    return next(iter(fitting))
