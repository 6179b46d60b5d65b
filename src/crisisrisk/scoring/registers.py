"""Registers as of a moment: who objects, and which team cares for whom."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.episodes import instants_of
from crisisrisk.tables.core import TABLES
from crisisrisk.timeline import FOREVER_US, Instants

Mask = NDArray[np.bool_]


def opted_out_at(opt_outs: pa.Table, as_of_us: int) -> frozenset[str]:
    """The people with an objection that was known before `as_of` and holds then."""
    holds = _in_force(opt_outs, as_of_us, TABLES["opt_outs"].key)
    people = opt_outs.column("person_id").to_pylist()
    return frozenset(person for person, objects in zip(people, holds.tolist(), strict=True) if objects)


def teams_at(caseloads: pa.Table, as_of_us: int) -> Mapping[str, str]:
    """For each person on a caseload at `as_of` the team; of several the one that began last."""
    holds = np.flatnonzero(_in_force(caseloads, as_of_us, TABLES["caseloads"].key))
    began = instants_of(caseloads, "valid_from", missing=0)
    people = caseloads.column("person_id").to_pylist()
    teams = caseloads.column("team_id").to_pylist()
    order = holds[np.argsort(began[holds], kind="stable")]
    return {people[row]: teams[row] for row in order.tolist()}


def _in_force(table: pa.Table, as_of_us: int, key: tuple[str, ...]) -> Mask:
    """Which rows hold at a moment: of each key's versions known before it, the latest, where it is valid then."""
    known = instants_of(table, "known_at", missing=FOREVER_US)
    begins = instants_of(table, "valid_from", missing=FOREVER_US)
    ends = instants_of(table, "valid_to", missing=FOREVER_US)
    valid = (begins <= as_of_us) & (as_of_us < ends)
    latest = np.zeros(table.num_rows, dtype=bool)
    latest[list(_latest_versions(table, known, as_of_us, key).values())] = True
    return latest & valid


def _latest_versions(
    table: pa.Table, known: Instants, as_of_us: int, key: tuple[str, ...]
) -> dict[tuple[object, ...], int]:
    """For each key the row that became known last before a moment."""
    rows = np.flatnonzero(known < as_of_us)
    rows = rows[np.argsort(known[rows], kind="stable")]
    columns = [table.column(name).to_pylist() for name in key]
    return {tuple(column[row] for column in columns): row for row in rows.tolist()}
