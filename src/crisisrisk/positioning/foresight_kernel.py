"""The best places for one night that is already known, looked for from plans at hand: one team moved at a time.

Complexity: rounds × teams × sites × (events × teams).
"""

import numpy as np

from crisisrisk.compiled import njit
from crisisrisk.positioning.question import Counts, Numbers
from crisisrisk.positioning.replay_kernel import play_night

LONGEST = 1e5
"""Minutes at which a contact that nobody reaches counts in the mean that settles ties."""


@njit(cache=True)
def best_known_places(
    minute: Numbers, cell: Counts, service: Numbers, starts: Counts, room: Counts, target: float, site_to_cell: Numbers,
    cell_to_cell: Numbers, site_to_site: Numbers,
) -> Counts:  # fmt: skip
    """The site of each team. Shape (teams,). `starts`: plans to begin from, shape (plans, teams).

    Begins with the plan under which most contacts are reached within the target (minutes), and as long as one team
    elsewhere (`room`: teams that each site holds) does better, moves the one that helps most. Among plans that reach
    as many the one whose mean response is shorter is better. No start does better than what is found.
    """
    best: Counts = starts[0].copy()
    worth = -np.inf
    for plan in range(len(starts)):
        value = _worth(minute, cell, service, starts[plan], target, site_to_cell, cell_to_cell, site_to_site)
        if value > worth:
            best, worth = starts[plan].copy(), value
    while True:
        held = np.zeros(len(room), dtype=np.int64)
        for team in range(len(best)):
            held[best[team]] += 1
        moved, to, found = -1, -1, worth
        for team in range(len(best)):
            stood = best[team]
            for site in range(len(room)):
                if site == stood or held[site] >= room[site]:
                    continue
                best[team] = site
                value = _worth(minute, cell, service, best, target, site_to_cell, cell_to_cell, site_to_site)
                if value > found + 1e-12:
                    moved, to, found = team, site, value
            best[team] = stood
        if moved < 0:
            return best
        best[moved], worth = to, found


@njit(cache=True)
def _worth(  # type: ignore[no-untyped-def]  # compiled into its caller
    minute, cell, service, homes, target, site_to_cell, cell_to_cell, site_to_site
):
    """Contacts in time, less a millionth of the mean response in minutes."""
    _, waited, travelled = play_night(
        minute, cell, service, homes.reshape(1, len(homes)), np.zeros(1), site_to_cell, cell_to_cell, site_to_site
    )
    in_time, total = 0, 0.0
    for event in range(len(minute)):
        response = waited[event] + travelled[event]
        in_time += response <= target
        total += min(response, LONGEST)
    return in_time - 1e-6 * total / max(len(minute), 1)
