"""One night of teams, written out slowly: each team an object that knows where it is."""

from dataclasses import dataclass

import numpy as np


@dataclass
class Team:
    home: int
    free: float = 0.0
    back: float = 0.0
    cell: int | None = None
    site: int = 0


def night(minute, cell, service, homes, part_begins, site_to_cell, cell_to_cell, site_to_site):
    """As the kernel: lists of (team, waited, travelled)."""
    teams = [Team(home=int(home), site=int(home)) for home in homes[0]]
    boundaries = [(begin, number) for number, begin in enumerate(part_begins) if number]
    answers = []
    for now, where, lasts in zip(minute, cell, service, strict=True):
        while boundaries and boundaries[0][0] <= now:
            begin, part = boundaries.pop(0)
            for team, wanted in zip(teams, homes[part], strict=True):
                move(team, int(wanted), begin, site_to_cell, site_to_site)
        on_duty = [team for team in teams if team.home >= 0]
        free = [team for team in on_duty if team.free <= now]
        choices = []
        for team in free or on_duty:
            sets_off = max(now, team.free)
            choices.append((sets_off + travel(team, sets_off, where, site_to_cell, cell_to_cell), sets_off, team))
        arrival, sets_off, team = min(choices, key=lambda choice: choice[0], default=(np.inf, np.inf, None))
        if team is None or not np.isfinite(arrival):
            answers.append((-1, np.inf, np.inf))
            continue
        answers.append(
            (next(number for number, one in enumerate(teams) if one is team), sets_off - now, arrival - sets_off)
        )
        team.free, team.cell = arrival + lasts, int(where)
        team.back = team.free + site_to_cell[team.home][where]
    return answers


def travel(team, now, where, site_to_cell, cell_to_cell):
    from_home = site_to_cell[team.home][where]
    if now >= team.back:
        return from_home
    origin = site_to_cell[team.site][where] if team.cell is None else cell_to_cell[team.cell][where]
    if np.inf in (origin, from_home):
        return origin
    done = (now - team.free) / (team.back - team.free)
    return (1.0 - done) * origin + done * from_home


def move(team, wanted, now, site_to_cell, site_to_site):
    if wanted == team.home:
        return
    if wanted < 0:
        team.home = -1
        return
    if team.home < 0:
        team.home, team.site, team.cell = wanted, wanted, None
        team.free = team.back = max(team.free, now)
        return
    if team.free <= now and team.back <= now:
        team.cell, team.site = None, team.home
    team.free = max(team.free, now)
    leg = site_to_site[team.site][wanted] if team.cell is None else site_to_cell[wanted][team.cell]
    team.back = team.free + leg
    team.home = wanted
