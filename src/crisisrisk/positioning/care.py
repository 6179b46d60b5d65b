"""The sites of care of a site: where a team can stand, and where somebody can be taken, at a given hour."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from crisisrisk.errors import DataError
from crisisrisk.positioning.crews import Span, daily, without
from crisisrisk.positioning.question import Mask
from crisisrisk.positioning.travel import Points
from crisisrisk.tables.areas import numbers_of

HOURS, LAST_MINUTE = 24, time(23, 59)
STANDING = ("base", "standby_point")
CLOSES = "closes"
OLDEST = 130
EVERYBODY = 0, OLDEST
TAKING = ("place_of_safety", "crisis_cafe", "emergency_department")


@dataclass(frozen=True, kw_only=True, eq=False)
class SitesOfCare:
    """Sites of some kinds, ascending by id. `opens`, `closes`: local times of day, None where a site never closes."""

    points: Points
    kinds: tuple[str, ...]
    opens: tuple[time | None, ...]
    closes: tuple[time | None, ...]
    phones: tuple[str, ...]
    capacity: tuple[int | None, ...] = ()
    """Places of each; None where nobody says, () where nobody does of any."""
    ages: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    """Whom each takes by age, and whom it does not take, as the site says it."""
    full: tuple[str, ...] = ()
    """Ids that take nobody tonight."""
    shut: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    """By id when a site takes nobody although its hours say that it is open, in order of time."""

    def __len__(self) -> int:
        return len(self.points)

    def places(self, number: int) -> int | None:
        """How many it holds; None where nobody says."""
        return self.capacity[number] if self.capacity else None

    def takes(self, number: int, youngest: int, oldest: int) -> bool:
        """Whether it takes everybody between two ages. Not where its ages are in words that are not understood."""
        ages = ages_of(self.ages[number]) if self.ages else EVERYBODY
        return ages is not None and ages[0] <= youngest and oldest <= ages[1] and self.places(number) != 0

    def takes_anyone(self, number: int) -> bool:
        """Whether it takes people of every age, and nobody is left out."""
        unlimited = not self.conditions or not self.conditions[number].strip()
        return unlimited and self.takes(number, *EVERYBODY)

    def open_spans(self, number: int, start: datetime, end: datetime, zone: ZoneInfo) -> tuple[Span, ...]:
        """When it takes people in a stretch of time, in order: by its hours, without those in which it is full."""
        name, opens, closes = self.points.ids[number], self.opens[number], self.closes[number]
        if name in self.full:
            return ()
        if opens is None or closes is None or opens == closes:
            spans: tuple[Span, ...] = ((start, end),)
        else:
            spans = tuple(daily(name, opens, closes, (start, end), zone))
        return tuple(left for span in spans for left in without(span, self.shut.get(name, ())))

    def open_all(self, number: int, start: datetime, end: datetime, zone: ZoneInfo) -> bool:
        """Whether it is open for the whole of a shift."""
        return self.open_spans(number, start, end, zone) == ((start, end),)


def kind_said(kind: str) -> str:
    """A kind of site in words: `crisis café`."""
    return kind.replace("_", " ").replace("cafe", "café")


def ages_of(text: str) -> tuple[int, int] | None:
    """The youngest and oldest by words such as `18 and over`, `under 18`, `16 to 64` or `all ages`; else None."""
    words = " ".join(text.lower().split())
    if words in ("", "all", "any", "all ages", "any age", "everyone"):
        return EVERYBODY
    if found := re.fullmatch(r"(\d+)(?: years)? ?(?:\+|and (?:over|older|above)|or (?:over|older))", words):
        return int(found[1]), OLDEST
    if found := re.fullmatch(r"(?:under|below|younger than) (\d+)", words):
        return 0, int(found[1]) - 1
    if found := re.fullmatch(r"(\d+) ?(?:to|-|–) ?(\d+)", words):
        return int(found[1]), int(found[2])
    return None


def sites_of_kinds(care: pa.Table, kinds: tuple[str, ...], *, urban: Mask | None = None) -> SitesOfCare:
    """The sites of some kinds that have coordinates. `care`: the table `sites_of_care`. `urban`: by row of it."""
    kind = care["kind"].cast(pa.string()).to_pylist()
    latitude, longitude = (np.asarray(numbers_of(care, name), dtype=np.float64) for name in ("latitude", "longitude"))
    ids = care["site_id"].cast(pa.string()).to_pylist()
    rows = [row for row in range(len(ids)) if kind[row] in kinds and np.isfinite(latitude[row] + longitude[row])]
    rows.sort(key=lambda row: str(ids[row]))
    towns = np.ones(len(ids), dtype=bool) if urban is None else urban
    return SitesOfCare(
        points=Points(
            ids=tuple(str(ids[row]) for row in rows), latitude=latitude[rows], longitude=longitude[rows],
            urban=towns[rows],
        ),
        kinds=tuple(str(kind[row]) for row in rows),
        opens=_times(care, "opens", rows),
        closes=_times(care, CLOSES, rows),
        phones=tuple(text or "" for text in _texts(care, "phone", rows)),
        capacity=tuple(None if text is None else int(text) for text in _texts(care, "capacity", rows)),
        ages=tuple(text or "" for text in _texts(care, "ages", rows)),
        conditions=tuple(text or "" for text in _texts(care, "conditions", rows)),
    )  # fmt: skip


def _times(care: pa.Table, name: str, rows: list[int]) -> tuple[time | None, ...]:
    return tuple(_time(text, name) if text else None for text in _texts(care, name, rows))


def _time(text: str, name: str) -> time:
    """A local time of day; 24:00 is the end of the day, and so is 23:59 where a site closes then."""
    hour, _, rest = text.strip().partition(":")
    try:
        found = time.fromisoformat(f"{int(hour) % HOURS:02d}:{rest}") if 0 <= int(hour) <= HOURS else time(int(hour))
    except ValueError:
        raise DataError(
            "CR-PLAN-002", f'sites_of_care has a time in "{name}" that is none', found=text, wanted="HH:MM",
            hint="mend the file and load it again",
        ) from None  # fmt: skip
    return time(0) if name == CLOSES and found >= LAST_MINUTE else found


def _texts(care: pa.Table, name: str, rows: list[int]) -> list[str | None]:
    if name not in care.column_names:
        return [None] * len(rows)
    values = care[name].cast(pa.string()).to_pylist()
    return [values[row] for row in rows]
