"""One night played event by event: who goes, when they arrive, who waits. Complexity: events × teams."""

import numpy as np

from crisisrisk.compiled import njit
from crisisrisk.positioning.question import Counts, Numbers


@njit(cache=True)
def play_night(
    minute: Numbers,
    cell: Counts,
    service: Numbers,
    homes: Counts,
    part_begins: Numbers,
    site_to_cell: Numbers,
    cell_to_cell: Numbers,
    site_to_site: Numbers,
) -> tuple[Counts, Numbers, Numbers]:
    """For each event the team that went, the minutes until one set off, and the minutes it travelled.

    `minute` (ascending), `cell`, `service` (minutes at the scene): shape (events,). `homes`: shape (parts, teams), the
    site of each team from `part_begins` on, -1 where it is not on duty. The nearest free team goes; with none free,
    whichever can arrive first once it is. A team that is done heads home, and can be sent elsewhere on the way. -1 and
    infinite where no team can reach the cell.
    """
    events, teams = len(minute), homes.shape[1]
    went = np.full(events, -1, dtype=np.int64)
    waited, travelled = np.full(events, np.inf), np.full(events, np.inf)
    # Each team: free from `free`, when it left a cell (or else a site) for its home, where it arrives at `back`.
    free, back = np.zeros(teams), np.zeros(teams)
    left_cell, left_site = np.full(teams, -1), homes[0].copy()
    home = homes[0].copy()
    part = 0
    for event in range(events):
        now = minute[event]
        while part + 1 < len(part_begins) and part_begins[part + 1] <= now:
            part += 1
            _move_homes(homes[part], home, free, back, left_cell, left_site, part_begins[part], site_to_cell,
                        site_to_site)  # fmt: skip
        best, best_wait, best_arrival = -1, 0.0, np.inf
        none_free = True
        for team in range(teams):
            if home[team] < 0:
                continue
            is_free = free[team] <= now
            if is_free and none_free:
                none_free, best, best_arrival = False, -1, np.inf
            if not is_free and not none_free:
                continue
            start = max(now, free[team])
            arrival = start + _travel(team, start, cell[event], home, free, back, left_cell, left_site, site_to_cell,
                                      cell_to_cell)  # fmt: skip
            if arrival < best_arrival:
                best, best_wait, best_arrival = team, start - now, arrival
        if best < 0:
            continue
        went[event], waited[event] = best, best_wait
        travelled[event] = best_arrival - now - best_wait
        free[best] = best_arrival + service[event]
        left_cell[best] = cell[event]
        back[best] = free[best] + site_to_cell[home[best], cell[event]]
    return went, waited, travelled


@njit(cache=True)
def _travel(  # type: ignore[no-untyped-def]  # compiled into its caller
    team, now, cell, home, free, back, left_cell, left_site, site_to_cell, cell_to_cell
):
    """From where a free team is: at home, or so far along the way there."""
    there = site_to_cell[home[team], cell]
    if now >= back[team]:
        return there
    origin = cell_to_cell[left_cell[team], cell] if left_cell[team] >= 0 else site_to_cell[left_site[team], cell]
    if there == np.inf or origin == np.inf:
        return origin
    along = (now - free[team]) / (back[team] - free[team])
    return (1.0 - along) * origin + along * there


@njit(cache=True)
def _move_homes(  # type: ignore[no-untyped-def]  # compiled into its caller
    wanted, home, free, back, left_cell, left_site, now, site_to_cell, site_to_site
):
    """Teams get another home. One at a contact heads there when it is done, every other one now.

    One that comes on duty begins at its home; one that goes off duty ends what it does, and is gone. Where on its way
    a team is, is not looked at: it counts as leaving from the cell, or the site that it came from.
    """
    for team in range(len(wanted)):
        if wanted[team] == home[team]:
            continue
        if wanted[team] < 0:
            home[team] = -1
            continue
        if home[team] < 0:
            home[team], left_cell[team], left_site[team] = wanted[team], -1, wanted[team]
            free[team] = max(free[team], now)
            back[team] = free[team]
            continue
        at_home = free[team] <= now and back[team] <= now
        if at_home:
            left_cell[team], left_site[team] = -1, home[team]
        free[team] = max(free[team], now)
        if left_cell[team] >= 0:
            back[team] = free[team] + site_to_cell[wanted[team], left_cell[team]]
        else:
            back[team] = free[team] + site_to_site[left_site[team], wanted[team]]
        home[team] = wanted[team]
