"""Past journeys of teams: from where a deployment says that one stood, to where the contact was, as known by then."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from crisisrisk.positioning.journeys import Journeys
from crisisrisk.positioning.question import Mask, Numbers
from crisisrisk.positioning.travel import kilometres_between
from crisisrisk.tables.store import Snapshot

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("team_id", "dispatched_at", "arrived_at", "known_at", "superseded_at", "latitude", "longitude")
MINUTE = 60.0


def journeys_of(
    snapshot: Snapshot, *, issued_at: datetime, zone: ZoneInfo, towns_at: Callable[[Numbers, Numbers], Mask]
) -> Journeys:
    """Journeys whose site, coordinates and both times were known before `issued_at`.

    `towns_at`: whether a latitude and a longitude lie in a town. A team is where its deployment says when it is sent;
    one that is sent from elsewhere makes the journey look shorter or longer, which the median stands against.
    """
    sent = _sent(snapshot, issued_at)
    stood = _stood(snapshot, issued_at)
    if not len(sent) or not len(stood):
        return Journeys(kilometres=np.zeros(0), minutes=np.zeros(0), hour=np.zeros(0, dtype=np.int64),
                        urban=np.zeros(0, dtype=bool))  # fmt: skip
    made = _joined(sent, stood)
    there, stand = ((made[f"latitude{end}"].to_numpy(), made[f"longitude{end}"].to_numpy()) for end in ("", "_site"))
    return Journeys(
        kilometres=kilometres_between(*stand, *there),
        minutes=np.asarray((made["arrived_at"] - made["dispatched_at"]).dt.total_seconds() / MINUTE, dtype=np.float64),
        hour=made["dispatched_at"].dt.tz_convert(zone).dt.hour.to_numpy().astype(np.int64),
        urban=towns_at(*there),
    )


def _sent(snapshot: Snapshot, issued_at: datetime) -> "pd.DataFrame":
    events = snapshot.place_events(columns=COLUMNS).to_pandas()
    known = (events["known_at"] < issued_at) & ~(events["superseded_at"] < issued_at) & events["team_id"].notna()
    gone = events["arrived_at"] > events["dispatched_at"]
    found: pd.DataFrame = events[known & gone & events["latitude"].notna() & events["longitude"].notna()]
    return found


def _stood(snapshot: Snapshot, issued_at: datetime) -> "pd.DataFrame":
    """Deployments at sites with coordinates; known when they began where nobody says."""
    deployments = snapshot.table("deployments").to_pandas()
    care = snapshot.table("sites_of_care").to_pandas()[["site_id", "latitude", "longitude"]].dropna()
    deployments = deployments[deployments["known_at"].fillna(deployments["from"]) < issued_at]
    deployments, care = (frame.astype({"site_id": str}) for frame in (deployments, care))
    found: pd.DataFrame = deployments.merge(care, on="site_id")
    return found[["team_id", "from", "to", "latitude", "longitude"]]


def _joined(sent: "pd.DataFrame", stood: "pd.DataFrame") -> "pd.DataFrame":
    """Each journey with the deployment of its team that it fell in."""
    import pandas as pd

    left = sent.astype({"team_id": str}).sort_values("dispatched_at", kind="stable")
    right = stood.astype({"team_id": str}).sort_values("from", kind="stable")
    made: pd.DataFrame = pd.merge_asof(
        left, right, left_on="dispatched_at", right_on="from", by="team_id", suffixes=("", "_site")
    )  # fmt: skip
    return made[made["to"] > made["dispatched_at"]]
