"""How contacts of a shift are made: the share of each mode, from earlier shifts of the same name. Never by cell."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.disclosure import SMALLEST
from crisisrisk.features.person_events import codes_of
from crisisrisk.features.place import PlaceHistory, PlaceRows, in_shifts
from crisisrisk.features.place_offset import drawn_to_one, in_one_cell, past_of_rows, shifts_of_name
from crisisrisk.tables.core import MODES
from crisisrisk.tables.site import Site

NOT_RECORDED = "not_recorded"
"""Contacts whose agency does not say how they were made are a share of their own."""
REST = "rest"
NAMES = (*MODES, NOT_RECORDED)

Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class ModeShares:
    """The share of each mode in one shift, 1 in all; empty where no contact was known. `seen`: contacts behind them."""

    shares: Mapping[str, float]
    seen: Mapping[str, int]

    def expected(self, total: float) -> dict[str, float]:
        """The expected contacts of each mode: they add up to the whole."""
        return {name: total * share for name, share in self.shares.items()}

    def released(self, total: float) -> dict[str, float]:
        """As they may leave the site: to one decimal, adding up to the whole to one decimal.

        Modes with fewer than 8 contacts behind them are put together as the rest, with the next one where the rest
        has fewer itself.
        """
        rest: list[str] = []
        for name in sorted(self.shares, key=lambda name: (self.seen[name], name)):
            if self.seen[name] >= SMALLEST and not 0 < sum(map(self.seen.__getitem__, rest)) < SMALLEST:
                break
            rest.append(name)
        kept = {name: share for name, share in self.shares.items() if name not in rest}
        together = {**kept, **({REST: sum(self.shares[name] for name in rest)} if rest else {})}
        return _to_tenths({name: total * share for name, share in together.items()}, total)


def _to_tenths(parts: Mapping[str, float], total: float) -> dict[str, float]:
    """The parts in whole tenths that add up to the total in whole tenths: the largest remainders are rounded up."""
    tenths = {name: int(10 * part) for name, part in parts.items()}
    left = round(10 * round(total, 1)) - sum(tenths.values())
    by_remainder = sorted(parts, key=lambda name: tenths[name] - 10 * parts[name])
    for name in by_remainder[: max(left, 0)]:
        tenths[name] += 1
    return {name: count / 10 for name, count in tenths.items()}


def mode_shares(
    history: PlaceHistory, events: pa.Table, rows: PlaceRows, site: Site, *, lookback_days: int = 365,
    latency_hours: float = 0.0,
) -> tuple[ModeShares, ...]:  # fmt: skip
    """For each shift the share of each mode. `events`: the table that `history` came from.

    From the whole area's contacts in shifts of the name that had ended by the issue time (less `latency_hours`) and
    began in the lookback, drawn to the shares in all shifts as far as they do not differ beyond chance.
    """
    past, known = past_of_rows(history, rows, lookback_days, latency_hours)
    everywhere, rota = in_one_cell(known), past.rota(site)
    mode = _modes(events)
    _, moment_of_row = rows.moments()
    found = []
    for row, shift in enumerate(rows.shifts):
        now, since = past.times[moment_of_row[row]], past.since[moment_of_row[row]]
        counted = (everywhere.enters < now) & (now <= everywhere.superseded_at) & (everywhere.occurred_at >= since)
        overall = _counts(mode[everywhere.row[counted]])
        seen = np.zeros(len(NAMES), dtype=np.int64)
        if kinds := [shifts for (name, _), shifts in rota.items() if name == shift.name]:
            inside = in_shifts(everywhere, shifts_of_name(kinds))
            of_name = (inside.enters < now) & (now <= inside.history.superseded_at) & (inside.start >= since)
            seen = _counts(mode[inside.history.row[of_name]])
        found.append(_shares(seen, overall))
    return tuple(found)


def _modes(events: pa.Table) -> Integers:
    """The number of each event's mode among `NAMES`. Shape (events,)."""
    if "mode" not in events.column_names:
        return np.full(len(events), len(MODES), dtype=np.int64)
    codes = codes_of(events["mode"], MODES)[0].astype(np.int64)
    return np.where(codes < 0, len(MODES), codes)


def _counts(modes: Integers) -> Integers:
    return np.bincount(modes, minlength=len(NAMES)).astype(np.int64)


def _shares(seen: Integers, overall: Integers) -> ModeShares:
    there = np.flatnonzero(overall)
    if not len(there):
        return ModeShares({}, {})
    usual = overall[there] / overall.sum()
    due = usual * seen.sum()
    ratios = drawn_to_one(
        [np.array([float(seen[one])]) for one in there], [due[[place]] for place in range(len(there))]
    )
    shares = np.concatenate(ratios) * usual
    shares = shares / shares.sum()
    names = [NAMES[one] for one in there.tolist()]
    return ModeShares(
        dict(zip(names, shares.tolist(), strict=True)), dict(zip(names, seen[there].tolist(), strict=True))
    )
