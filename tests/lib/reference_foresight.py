"""The best places for a known night, looked for slowly: every move of one team tried in a night played slowly."""

import numpy as np

from tests.lib.reference_replay import night


def best_places(minute, cell, service, starts, room, target, *ways):
    """As the kernel: the site of each team."""

    def worth(homes):
        answers = night(minute, cell, service, np.array([homes]), np.zeros(1), *ways)
        responses = [wait + travel for _, wait, travel in answers]
        in_time = sum(one <= target for one in responses)
        return in_time - 1e-6 * sum(min(one, 1e5) for one in responses) / max(len(responses), 1)

    best = max((list(map(int, one)) for one in starts), key=worth)
    while True:
        moves = [
            [*best[:team], site, *best[team + 1 :]]
            for team in range(len(best))
            for site in range(len(room))
            if site != best[team] and best.count(site) < room[site]
        ]
        better = max(moves, key=worth, default=best)
        if worth(better) <= worth(best) + 1e-12:
            return best, worth(best)
        best = better


def best_of_all(minute, cell, service, teams, room, target, *ways):
    """The most contacts in time under any places at all."""
    from itertools import combinations_with_replacement

    found = 0
    for homes in combinations_with_replacement(range(len(room)), teams):
        if all(homes.count(site) <= room[site] for site in homes):
            answers = night(minute, cell, service, np.array([homes]), np.zeros(1), *ways)
            found = max(found, sum(wait + travel <= target for _, wait, travel in answers))
    return found
