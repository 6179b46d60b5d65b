"""How long teams were away for each contact, as their records said at a moment of the past."""

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from crisisrisk.episodes import instants_of
from crisisrisk.positioning.question import Mask, Numbers
from crisisrisk.tables.store import Snapshot
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_HOUR, Instants

COLUMNS = ("dispatched_at", "arrived_at", "cleared_at", "known_at", "superseded_at", "team_id")
NOT_SAID = -1
FEWEST_VISITS, A_DAY = 30, 24
HOURS_EACH = 1.5
"""From being sent to being free again, where the site's records do not say."""
TRAVEL_HOURS = 0.25
"""Of the hours that are taken where no record says: on the way. The rest is at the scene."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ServiceRecords:
    """Contacts of teams. `hours`: from being sent to being free, `scene`: minutes there; shape (records,)."""

    known_at: Instants
    superseded_at: Instants
    hours: Numbers
    scene: Numbers

    def known(self, moment: int) -> Mask:
        """Which records counted at a moment (microseconds)."""
        return np.asarray((self.known_at < moment) & (moment <= self.superseded_at))

    def hours_each(self, moment: int) -> float:
        """The mean hours for each contact, as plans take them: of too few records what is assumed."""
        hours = self.hours[self.known(moment)]
        return float(hours.mean()) if len(hours) >= FEWEST_VISITS else HOURS_EACH

    def says(self, moment: int) -> bool:
        """Whether there were enough records of arrivals to draw from."""
        return int(np.isfinite(self.scene[self.known(moment)]).sum()) >= FEWEST_VISITS

    def minutes(self, moment: int, chances: Numbers) -> Numbers:
        """Minutes at the scene at these chances (0 to 1): the quantiles of the records known by then.

        Of too few records those of an exponential distribution, the one behind queues that are worked out by hand.
        """
        if not self.says(moment):
            return np.asarray(-np.log1p(-chances) * (HOURS_EACH - TRAVEL_HOURS) * 60.0)
        scene = self.scene[self.known(moment)]
        return np.asarray(np.quantile(scene[np.isfinite(scene)], chances))


def service_records(snapshot: Snapshot) -> ServiceRecords:
    """What the store has of teams that were sent and free again."""
    events = snapshot.place_events(columns=COLUMNS)
    events = events.filter(pc.and_(pc.is_valid(events["team_id"]), pc.is_valid(events["cleared_at"])))
    events = events.filter(pc.is_valid(events["dispatched_at"]))
    sent, there, free = (instants_of(events, name, missing=NOT_SAID) for name in COLUMNS[:3])
    known, superseded = (instants_of(events, name, missing=FOREVER_US) for name in ("known_at", "superseded_at"))
    hours = (free - sent) / MICROSECONDS_PER_HOUR
    scene = np.where(there == NOT_SAID, np.nan, (free - there) / MICROSECONDS_PER_HOUR * 60.0)
    kept = (hours > 0) & (hours < A_DAY)
    return ServiceRecords(
        known_at=known[kept], superseded_at=superseded[kept], hours=hours[kept], scene=np.maximum(scene[kept], 0.0)
    )
