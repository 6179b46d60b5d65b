"""Registers as of a moment: who objects, and which team cares for whom."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.episodes import instants_of
from crisisrisk.purposes import Purpose
from crisisrisk.tables.core import TABLES
from crisisrisk.timeline import FOREVER_US

Mask = NDArray[np.bool_]


def opted_out_at(opt_outs: pa.Table, as_of_us: int, *, purpose: Purpose) -> frozenset[str]:
    """The people with an objection that binds a purpose, was known before `as_of`, and holds then."""
    holds = _Register(opt_outs, TABLES["opt_outs"].key).in_force(as_of_us)
    people, kinds = opt_outs.column("person_id").to_pylist(), opt_outs.column("kind").to_pylist()
    rows = zip(people, kinds, holds.tolist(), strict=True)
    return frozenset(person for person, kind, objects in rows if objects and purpose.bound_by(kind))


def objecting(opt_outs: pa.Table, *, as_of_us: int, now_us: int, purpose: Purpose) -> frozenset[str]:
    """Whom no answer about `as_of` may name: who objected then, or objects now, which holds for the past too."""
    return opted_out_at(opt_outs, as_of_us, purpose=purpose) | opted_out_at(opt_outs, now_us, purpose=purpose)


def teams_at(caseloads: pa.Table, as_of_us: int) -> Mapping[str, str]:
    """For each person on a caseload at `as_of` the team; of several the one that began last."""
    return TeamRegister(caseloads).at(as_of_us)


class TeamRegister:
    """The caseloads, read once, for many moments."""

    def __init__(self, caseloads: pa.Table) -> None:
        """`caseloads`: all versions."""
        self._register = _Register(caseloads, TABLES["caseloads"].key)
        self._began = instants_of(caseloads, "valid_from", missing=0)
        self._people = caseloads.column("person_id").to_pylist()
        self._teams = caseloads.column("team_id").to_pylist()

    def at(self, as_of_us: int) -> dict[str, str]:
        """For each person on a caseload at `as_of` the team; of several the one that began last."""
        holds = np.flatnonzero(self._register.in_force(as_of_us))
        order = holds[np.argsort(self._began[holds], kind="stable")]
        return {self._people[row]: self._teams[row] for row in order.tolist()}


class _Register:
    """The versions of a table, their keys as numbers, in order of becoming known."""

    def __init__(self, table: pa.Table, key: tuple[str, ...]) -> None:
        self._known = instants_of(table, "known_at", missing=FOREVER_US)
        self._begins = instants_of(table, "valid_from", missing=FOREVER_US)
        self._ends = instants_of(table, "valid_to", missing=FOREVER_US)
        numbers: dict[tuple[object, ...], int] = {}
        columns = (table.column(name).to_pylist() for name in key)
        own = [numbers.setdefault(values, len(numbers)) for values in zip(*columns, strict=True)]
        self._key, self._keys = np.array(own, dtype=np.int64), len(numbers)
        self._order = np.argsort(self._known, kind="stable")

    def in_force(self, as_of_us: int) -> Mask:
        """Which rows hold at a moment: of each key's versions known before it, the latest, where it is valid then."""
        known = self._order[: np.searchsorted(self._known[self._order], as_of_us)]
        last = np.full(self._keys, -1)
        last[self._key[known]] = known  # of several versions the one that became known last stays
        latest = np.zeros(len(self._key), dtype=bool)
        latest[last[last >= 0]] = True
        return latest & (self._begins <= as_of_us) & (as_of_us < self._ends)
