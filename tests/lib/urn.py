"""The urn of Ensign and others (2018) with this project's own pipeline inside.

Places of equal true rates. Each day: what counts as demand → the counts of each place → the forecast of a simple rule →
the team stands where most is expected, on a share of days wherever chance puts it → it finds what happens where it is,
and that comes back as records of the site, beside what the public reports everywhere, and the deployment itself.
"""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.episodes import EpisodeRule, crisis_mask
from crisisrisk.features.counting import CountingRule
from crisisrisk.features.place import PlaceRows, place_history
from crisisrisk.features.place_demand import demand_of
from crisisrisk.features.place_past import place_past
from crisisrisk.features.place_visits import visits_of
from crisisrisk.models.place_rules.rules import PlaceRule
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_DAY, microseconds, shift_on, shift_pattern
from tests.lib.reference_place_features import FAR, MIDDLE, hexagons, site_of

PATTERN = shift_pattern("day", "08:00", "20:00")
SITE = replace(site_of(), shifts=(PATTERN,))
CELLS = hexagons(MIDDLE, FAR)
SOURCE = "crisis_line"
OUTCOME = EpisodeRule(sources=(SOURCE,), origins=("public", "partner"))
RULE = PlaceRule("trailing_365_days_times_shift_factor")
FIRST = date(2023, 1, 2)
WARM_UP = 365
_HOUR = 3_600_000_000
_TIME = pa.timestamp("us", tz="UTC")
_NO_SITES = pa.table({name: pa.array([], kind) for name, kind in (
    ("site_id", pa.string()), ("latitude", pa.float64()), ("longitude", pa.float64()),
)})  # fmt: skip


@dataclass(kw_only=True)
class Urn:
    """`reported` and `found`: mean contacts a day in each place, and where the team is. `found_are`: their origin."""

    counting: CountingRule
    found_are: str = "team_initiated"
    reported: float = 4.0
    found: float = 5.0
    explored: float = 0.2
    """The share of days on which the team stands anywhere, each place alike."""
    seed: int = 1
    occurred: list[int] = field(default_factory=list)
    origin: list[str] = field(default_factory=list)
    place: list[int] = field(default_factory=list)
    stood: list[tuple[int, int]] = field(default_factory=list)

    def shares(self, rounds: int) -> NDArray[np.float64]:
        """The first place's share of the forecast of each day. Shape (rounds,)."""
        random = np.random.default_rng(self.seed)
        found = []
        for day in range(WARM_UP + rounds):
            start = microseconds(datetime.combine(FIRST + timedelta(days=day), time(8), SITE.time_zone))
            if day < WARM_UP:
                team = int(random.integers(len(CELLS)))
            else:
                expected = self.expected(start, FIRST + timedelta(days=day))
                found.append(expected[0] / expected.sum())
                best = int(random.choice(np.flatnonzero(expected == expected.max())))
                team = best if random.random() >= self.explored else int(random.integers(len(CELLS)))
            self._happens(random, start, team)
        return np.array(found)

    def expected(self, issued: int, day: date) -> NDArray[np.float64]:
        """Today's forecast of each place, from what the site has recorded. Shape (places,)."""
        demand = demand_of(
            self._events(issued), CELLS, SITE, outcome=OUTCOME, counting=self.counting, visits=self._visits()
        )
        history = place_history(demand.events, CELLS, SITE.cells, counted=crisis_mask(OUTCOME, demand.events))
        rows = PlaceRows(CELLS, (shift_on(PATTERN, day, SITE.time_zone),), np.array([issued], dtype=np.int64))
        return RULE.expected(place_past(history, rows, SITE))[0]

    def _happens(self, random: np.random.Generator, start: int, team: int) -> None:
        self.stood.append((team, start))
        for place in range(len(CELLS)):
            self._record(random, start, place, int(random.poisson(self.reported)), "public")
        self._record(random, start, team, int(random.poisson(self.found)), self.found_are)

    def _record(self, random: np.random.Generator, start: int, place: int, number: int, origin: str) -> None:
        self.occurred.extend((start + random.integers(12 * _HOUR, size=number)).tolist())
        self.origin.extend([origin] * number)
        self.place.extend([place] * number)

    def _events(self, issued: int) -> pa.Table:
        """The records of the last year and a month: no more is read."""
        occurred = np.array(self.occurred, dtype=np.int64)
        first = int(np.searchsorted(occurred // MICROSECONDS_PER_DAY, (issued // MICROSECONDS_PER_DAY) - 400))
        known = pa.array(occurred[first:]).cast(_TIME)
        number = len(known)
        return pa.table(
            {
                "event_id": pa.array([f"e{one}" for one in range(first, first + number)]),
                "occurred_at": known,
                "known_at": known,
                "superseded_at": pa.array(np.full(number, FOREVER_US)).cast(_TIME),
                "source": pa.array([SOURCE] * number).dictionary_encode(),
                "origin": pa.array(self.origin[first:]).dictionary_encode(),
                "place_id": pa.DictionaryArray.from_arrays(
                    pa.array(self.place[first:], pa.int32()), pa.array(CELLS.ids)
                ),
            }
        )

    def _visits(self) -> object:
        place, start = (np.array(one, dtype=np.int64) for one in zip(*self.stood, strict=True))
        deployments = pa.table(
            {
                "from": pa.array(start).cast(_TIME),
                "to": pa.array(start + 12 * _HOUR).cast(_TIME),
                "known_at": pa.array(start).cast(_TIME),
                "site_id": pa.array([None] * len(place), pa.string()),
                "place_id": pa.array([CELLS.ids[one] for one in place]),
            }
        )
        return visits_of(deployments, _NO_SITES, CELLS, SITE.cells)
