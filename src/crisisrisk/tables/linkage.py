"""How much of what is stored is known to be about somebody: by source, and by age and ethnicity of the people."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from crisisrisk.tables.manifest import SourceCounts
from crisisrisk.tables.store import Snapshot

SMALLEST_COUNT = 8
"""No count from 1 to 7 is shown, nor a share from which one could be worked out."""

AGE_BANDS = ((0, "under 18"), (18, "18 to 24"), (25, "25 to 34"), (35, "35 to 44"), (45, "45 to 54"), (55, "55 to 64"),
             (65, "65 to 74"), (75, "75 and over"))  # fmt: skip
NOT_KNOWN = "not known"


@dataclass(frozen=True, kw_only=True)
class LinkedShare:
    """Of one group, how much is linked to a person.

    `by` "source": of the source's contacts (latest versions) those with a known person, by their own number or through
    `person_links`. `by` "age" and "ethnicity": of the people on file those with at least one contact. Counts and
    shares are None where they would tell of 1 to 7.
    """

    by: str
    group: str
    total: int | None
    linked: int | None
    share: float | None


def shown_share(by: str, group: str, *, total: int, linked: int) -> LinkedShare:
    """A share as it may be shown."""
    rest = total - linked
    small = any(0 < count < SMALLEST_COUNT for count in (linked, rest)) or total < SMALLEST_COUNT
    return LinkedShare(
        by=by,
        group=group,
        total=None if 0 < total < SMALLEST_COUNT else total,
        linked=None if small and total else linked,
        share=None if small else linked / total,
    )


def linked_shares(snapshot: Snapshot) -> tuple[LinkedShare, ...]:
    """Shares by source, then by age band, then by ethnicity."""
    return (*_by_source(snapshot), *_by_group(snapshot))


def _by_source(snapshot: Snapshot) -> list[LinkedShare]:
    own: dict[str, int] = {}
    without: dict[str, int] = {}
    for folder, direct in (("people", True), ("unlinked", False)):
        for file in snapshot.manifest.under(folder).values():
            for name, counts in file.sources.items():
                own[name] = own.get(name, 0) + _linked(counts, direct=direct)
                without[name] = without.get(name, 0) + _without(counts, direct=direct)
    return [
        shown_share("source", name, total=own[name] + without[name], linked=own[name])
        for name in sorted(own)
        if own[name] + without[name]
    ]


def _linked(counts: SourceCounts, *, direct: bool) -> int:
    return counts.final + counts.final_through_link if direct else 0


def _without(counts: SourceCounts, *, direct: bool) -> int:
    # Rows made through links stand in for rows that came without a person.
    return -counts.final_through_link if direct else counts.final


def _by_group(snapshot: Snapshot) -> list[LinkedShare]:
    people = _latest_people(snapshot)
    if people.empty:
        return []
    year = snapshot.as_of_now().year
    groups = {
        "age": [_age_band(year - birth if pd.notna(birth) else None) for birth in people["birth_year"]],
        "ethnicity": people["ethnicity"].fillna(NOT_KNOWN).tolist(),
    }
    seen = people["person_id"].isin(_people_with_contacts(snapshot)).to_numpy()
    shares = []
    for by, names in groups.items():
        named = np.array(names, dtype=object)
        order = [band for _, band in AGE_BANDS] + [NOT_KNOWN] if by == "age" else sorted(set(names))
        shares += [
            shown_share(by, group, total=int((named == group).sum()), linked=int(seen[named == group].sum()))
            for group in order
            if (named == group).any()
        ]
    return shares


def _latest_people(snapshot: Snapshot) -> pd.DataFrame:
    rows = snapshot.table("people").select(["person_id", "known_at", "valid_from", "birth_year", "ethnicity"])
    frame = rows.to_pandas().astype({"person_id": object, "ethnicity": object})
    latest: pd.DataFrame = frame.sort_values(["known_at", "valid_from"], kind="stable").drop_duplicates(
        "person_id", keep="last"
    )
    return latest


def _people_with_contacts(snapshot: Snapshot) -> set[str]:
    seen: set[str] = set()
    for bucket in range(snapshot.buckets):
        seen.update(pc.unique(snapshot.person_events(bucket, ["person_id"]).column("person_id")).to_pylist())
    return seen


def _age_band(age: int | None) -> str:
    if age is None:
        return NOT_KNOWN
    return [band for first, band in AGE_BANDS if age >= first][-1] if age >= 0 else NOT_KNOWN
