"""The records that count for a model of places: worked out once a load and kept, where every forecast begins.

What counts (`demand_of`) follows from what is stored, the model's rules, the site's map and clock and this software,
and from nothing else: not from who asks, nor when. It is kept under the digest of all of these in the folder of the
site's data; it names cells, and holds no person and no point. It goes with the next load.
"""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from crisisrisk.compiled import sources_digest
from crisisrisk.features.place_demand import columns_read, demand_of
from crisisrisk.features.place_visits import visits_in
from crisisrisk.models.bundle import Bundle
from crisisrisk.tables.cells import Cells, cells_named, cells_of
from crisisrisk.tables.manifest import COUNTED
from crisisrisk.tables.points import Points, points_of
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot
from crisisrisk.timeline import microseconds

_IDS = b"crisisrisk.cells"
_WHERE = ("latitude", "longitude", "place_id", "premises")


@dataclass(frozen=True, eq=False)
class Counted:
    """The model's map, and the events that count in it, as `demand_of` gives them."""

    cells: Cells
    events: pa.Table


def counted(model: Bundle, snapshot: Snapshot, site: Site) -> Counted:
    """What counts for a model as of a load, all versions: read where it was kept, else made and kept.

    `site`: with cells of the size that the model was trained on.
    """
    path = site.data / COUNTED / f"{snapshot.digest[:16]}-{_key(model, site)[:16]}.arrow"
    kept = _read(path)
    if kept is None:
        made = _made(model, snapshot, site)
        with suppress(OSError):  # a folder that cannot be written, or a full disk, keeps nothing and stops nothing
            _keep(path, made)
        return made
    ids = json.loads((kept.schema.metadata or {})[_IDS])
    return Counted(cells_named(site, snapshot.table("places"), ids), kept.replace_schema_metadata(None))


def _key(model: Bundle, site: Site) -> str:
    """A digest of everything but the stored rows."""
    task = model.task
    rests_on = (
        _software(), repr(site.cells), site.time_zone.key, site.country, repr(task.crisis), asdict(task.counting),
        task.cells_known_before, columns_read(model.features),
    )  # fmt: skip
    return hashlib.sha256(json.dumps(rests_on).encode()).hexdigest()


@cache
def _software() -> str:
    return sources_digest(__name__)


def _made(model: Bundle, snapshot: Snapshot, site: Site) -> Counted:
    events = snapshot.place_events(columns=columns_read(model.features))
    points = points_of(events, site.cells)
    cells, task = _known_cells(model, site, snapshot, events, points), model.task
    visits = visits_in(snapshot, cells, site)
    demand = demand_of(
        events, cells, site, outcome=task.crisis, counting=task.counting, visits=visits, points=points
    )  # fmt: skip
    return Counted(cells, demand.events)


def _known_cells(
    model: Bundle, site: Site, snapshot: Snapshot, events: pa.Table, points: Points | None
) -> Cells:  # fmt: skip
    """The cells that the model was trained on: those known before its own moment, not before today."""
    known_before, places = model.task.cells_known_before, snapshot.table("places")
    if known_before is None:
        return cells_of(site, places, events, points=points)
    known = np.asarray(events["known_at"].cast(pa.int64())) < microseconds(datetime.fromisoformat(known_before))
    where = events.select([name for name in _WHERE if name in events.column_names])
    among = None if points is None else points.of(known)
    return cells_of(site, places, where.filter(pa.array(known)), points=among)


def _read(path: Path) -> pa.Table | None:
    """What was kept, mapped into memory; None where nothing was, or it is damaged."""
    if not path.is_file():
        return None
    try:
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    except (OSError, pa.ArrowException):
        return None
    return table if _IDS in (table.schema.metadata or {}) else None


def _keep(path: Path, made: Counted) -> None:
    """Whole or not at all."""
    path.parent.mkdir(exist_ok=True)
    staged = path.with_suffix(f".{os.getpid()}.part")
    table = made.events.combine_chunks().replace_schema_metadata({_IDS: json.dumps(made.cells.ids)})
    with pa.OSFile(str(staged), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    staged.replace(path)
